"""Step 5 of WeThink: two answers to every made question, the reasoner's from the words, the VLM's from the picture."""

from curation.prompts import PromptSet, prompts
from curation.records import Image, Json, Option
from curation.step import Drop, step
from curation.steps.distill import lettered, well_formed
from curation.steps.replies import joined, text_of
from curation.teachers.protocol import Teacher

FORMS = {
    "MC": "only the letter of the right option",
    "FIB": "only the missing number, word or short phrase",
    "DES": "two or three plain sentences",
}
"""What the answer block should hold, by type of question."""


@step
async def answer_text(
    question: str,
    options: tuple[Option, ...],
    given_caption: str | None,
    synthesize: dict[str, Json],
    *,
    reasoner: Teacher,
    prompt: PromptSet = prompts("wethink/answer_text", role="reasoner", extra=("form",)),
    max_foreign: float = 0.1,
    markup: str = "drop",
) -> str | Drop:
    """`<think>` chain `</think>` and an answer, by a reasoner that has only the fine description (step 5)."""
    columns = {
        "question": question, "options": lettered(options), "given_caption": given_caption or "",
        "form": FORMS[str(synthesize["category"])],
    }  # fmt: skip
    reply = await reasoner.ask(prompt.fill(columns), sampling=prompt.sampling)
    text_of(reply)
    return well_formed(joined(reply), question, max_foreign=max_foreign, markup=markup)


@step
async def answer_image(
    question: str,
    options: tuple[Option, ...],
    image: Image,
    synthesize: dict[str, Json],
    *,
    viewer: Teacher,
    prompt: PromptSet = prompts("wethink/answer_image", role="viewer", extra=("form",)),
    max_foreign: float = 0.1,
    markup: str = "drop",
) -> str | Drop:
    """The same by a VLM that sees the picture and not the description (step 5)."""
    columns = {
        "question": question, "options": lettered(options), "form": FORMS[str(synthesize["category"])],
    }  # fmt: skip
    reply = await viewer.ask(prompt.fill(columns, images=(image,)), sampling=prompt.sampling)
    text_of(reply)
    return well_formed(joined(reply), question, max_foreign=max_foreign, markup=markup)
