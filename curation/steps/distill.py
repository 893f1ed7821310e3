"""Step 3 of VLAA-Thinking: a text-only reasoner thinks as if it saw the picture, and is never told the answer."""

from collections.abc import Mapping
from typing import Literal

from curation.answers import parse
from curation.prompts import PromptSet, prompts
from curation.records import Option
from curation.step import Drop, step
from curation.steps.replies import joined, text_of, unexpected
from curation.teachers.protocol import Teacher


def lettered(options: tuple[Option, ...]) -> str:
    """Options as lines `A. text`, or nothing."""
    return "\n".join(f"{option.letter}. {option.text}" for option in options)


@step
async def distill(
    question: str,
    options: tuple[Option, ...],
    caption: str,
    context: str,
    text_question: str,
    source: str,
    solution: str,
    *,
    reasoner: Teacher,
    prompt: PromptSet = prompts("vlaa_thinking/distill", role="reasoner", extra=("options",)),
    max_foreign: float = 0.1,
    markup: str = "drop",
    adopt_sources: tuple[str, ...] = (),
    text_problems: Literal["alone", "caption"] = "alone",
) -> str | Drop:
    """`<think>` steps `</think>` and a free-form answer (arXiv 2504.11468, §3.1, step 3).

    Where the problem is stated in words, the reasoner gets those words alone, unless `text_problems` is `caption`.
    `adopt_sources` come with traces of their own (COCO and Visual Genome from LLaVA-CoT), which are taken as they are.
    Where the source context goes is not published: it has a slot of its own after the caption.
    """
    if source in adopt_sources:
        return well_formed(solution, question, max_foreign=max_foreign, markup=markup)
    columns = {"question": question, "options": lettered(options), "caption": caption, "context": context}
    if text_question and text_problems == "alone":
        columns |= {"question": text_question, "caption": "", "context": ""}
    return await reasoned(reasoner, prompt, columns, question + text_question, max_foreign=max_foreign, markup=markup)


async def reasoned(
    reasoner: Teacher,
    prompt: PromptSet,
    columns: Mapping[str, str],
    question: str,
    *,
    max_foreign: float,
    markup: str,
) -> str | Drop:
    """Ask the reasoner and check the form of its reply. Raises `SampleError` for an empty or truncated one."""
    reply = await reasoner.ask(prompt.fill(columns), sampling=prompt.sampling)
    text_of(reply)
    return well_formed(joined(reply), question, max_foreign=max_foreign, markup=markup)


def well_formed(response: str, question: str, *, max_foreign: float, markup: str) -> str | Drop:
    """The response, or why it is not one think block with an answer after it."""
    parsed = parse(response)
    if parsed.faults:
        return Drop(parsed.faults[0], ", ".join(parsed.faults), response)
    return unexpected(response, question, max_foreign=max_foreign, markup=markup) or response
