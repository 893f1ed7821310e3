"""Step 4 of WeThink: invalid questions go before anybody is paid to answer them. First on paper, then at the picture.

That the filter has two stages is published, what they are is not: (a) the reasoner reads the question alone with the
description, (b) the VLM looks at the picture.
"""

from typing import Literal

from pydantic import BaseModel

from curation.prompts import PromptSet, prompts
from curation.records import Image, Json, Option
from curation.step import Drop, step
from curation.steps.distill import lettered
from curation.teachers.protocol import Teacher
from curation.teachers.structured import ask_as

Problem = Literal["none", "unverifiable", "ambiguous", "unanswerable", "image_free", "leaked_answer"]


class Validity(BaseModel):
    """A verdict on a question; `why` comes first, so that the model says its reasons before it decides."""

    why: str
    valid: bool
    problem: Problem


@step
async def check_text(
    question: str,
    options: tuple[Option, ...],
    given_caption: str | None,
    synthesize: dict[str, Json],
    *,
    reasoner: Teacher,
    prompt: PromptSet = prompts("wethink/check_text", role="reasoner", extra=("category",)),
) -> dict[str, Json] | Drop:
    """{why, valid, problem} from the text alone: unverifiable, ambiguous, answerable without looking, answer given."""
    columns = {
        "question": question, "options": lettered(options), "given_caption": given_caption or "",
        "category": str(synthesize["category"]),
    }  # fmt: skip
    found, _ = await ask_as(reasoner, Validity, prompt.fill(columns), sampling=prompt.sampling)
    return verdict(found)


@step
async def check_image(
    question: str,
    options: tuple[Option, ...],
    image: Image,
    *,
    viewer: Teacher,
    prompt: PromptSet = prompts("wethink/check_image", role="viewer"),
) -> dict[str, Json] | Drop:
    """{why, valid, problem} from the picture: does it show what the question speaks of, and one answer to it?"""
    messages = prompt.fill({"question": question, "options": lettered(options)}, images=(image,))
    found, _ = await ask_as(viewer, Validity, messages, sampling=prompt.sampling)
    return verdict(found)


def verdict(found: Validity) -> dict[str, Json] | Drop:
    """The verdict as a value; one that contradicts itself counts as invalid, since a doubtful question is no loss."""
    value = found.model_dump()
    if found.valid and found.problem == "none":
        return value
    code = "question_invalid" if found.problem == "none" else f"question_{found.problem}"
    return Drop(code, found.why[:500], value)
