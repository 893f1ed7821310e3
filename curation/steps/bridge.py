"""Step 2 of Vision-R1: the bridged description, which holds every visual detail that the answer needs.

It takes the place of a caption, so its column is `caption`. Unlike VLAA-Thinking's, its writer knows the question.
"""

import re
from typing import Literal

from curation.answers.extract import FOREIGN
from curation.prompts import PromptSet, prompts
from curation.records import Image, Json, Option
from curation.step import Drop, step
from curation.steps.distill import lettered
from curation.steps.replies import description, text_of
from curation.teachers.protocol import Teacher

ANSWERS = re.compile(
    r"\b(?:final|correct|right)\s+(?:answer|option|choice)\b|\bthe answer (?:is|must be)\b", re.IGNORECASE
)


@step
async def caption(
    image: Image | None,
    question: str,
    options: tuple[Option, ...],
    pseudo_cot: dict[str, Json],
    *,
    captioner: Teacher,
    prompt: PromptSet = prompts(
        "vision_r1_cold/bridge", role="captioner", extra=("options", "first_caption", "first_reasoning")
    ),
    stated_answer: Literal["drop", "keep"] = "drop",
    max_foreign: float = 0.5,
    markup: str = "drop",
) -> str | Drop:
    """One detailed description, from picture, question and pseudo-CoT (arXiv 2503.06749 §3.3.1).

    A pseudo-CoT without reasoning has nothing to bridge, and its caption is the description. `stated_answer` is about a
    description that says what the answer is, in any language that answers are read in, which matters when the reasoner
    is not to know it (reconstructed).
    """
    if not pseudo_cot["reasoning"]:
        return str(pseudo_cot["caption"])
    if image is None:
        return Drop("caption_unavailable")
    columns = {
        "question": question, "options": lettered(options),
        "first_caption": str(pseudo_cot["caption"]), "first_reasoning": str(pseudo_cot["reasoning"]),
    }  # fmt: skip
    text = text_of(await captioner.ask(prompt.fill(columns, images=(image,)), sampling=prompt.sampling))
    if stated_answer == "drop" and (stated := ANSWERS.search(text) or FOREIGN.search(text)):
        return Drop("description_answers", text[stated.start() : stated.start() + 200], text)
    return description(text, question + columns["options"], max_foreign=max_foreign, markup=markup)
