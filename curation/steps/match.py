"""Step 4 of Vision-R1: the answer filter. As in VLAA-Thinking, but before the wording is repaired."""

from typing import Literal

from curation.prompts import PromptSet, prompts
from curation.records import Json, Kind, Option
from curation.step import Drop, step
from curation.steps.verify import judged
from curation.teachers.protocol import Teacher


@step
async def verify(
    distill: str,
    reference: str | None,
    kind: Kind,
    options: tuple[Option, ...],
    question: str,
    *,
    judge: Teacher | None,
    prompt: PromptSet = prompts("vlaa_thinking/verify", role="judge", extra=("answer",)),
    by: Literal["rule_first", "judge"] = "rule_first",
) -> dict[str, Json] | Drop:
    """The `Verdict` on the reasoner's answer as a dict (arXiv 2503.06749 §3.3.1: the final answer must agree).

    How answers are compared is not published: ours are the rules of `curation.answers` (letter, number, text), and a
    judge for what they cannot decide, if the run has one.
    """
    return await judged(distill, reference, kind, options, question, judge=judge, prompt=prompt, by=by)
