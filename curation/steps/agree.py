"""Do the two answers of WeThink's step 5 say the same? Rules where they can tell, a judge for descriptions."""

from dataclasses import asdict
from typing import Literal

from curation.answers import check_async, extract, infer_kind, parse
from curation.prompts import PromptSet, prompts
from curation.records import Json, Kind, Option
from curation.step import Drop, step
from curation.steps.replies import judgement, text_of
from curation.teachers.protocol import Teacher


@step
async def agree(
    answer_text: str,
    answer_image: str,
    question: str,
    options: tuple[Option, ...],
    kind: Kind,
    *,
    judge: Teacher | None,
    prompt: PromptSet = prompts("wethink/judge", role="judge", extra=("first", "second")),
    by: Literal["rule_first", "judge"] = "rule_first",
) -> dict[str, Json] | Drop:
    """{correct: whether they agree, text, image, kind, reason, source}; letters, numbers and words by
    `curation.answers`, what those cannot tell by a judge (step 5; the test of agreement is not published).

    Nobody is right yet: without a judge for what rules cannot tell, the question is dropped as `judge_missing`. With
    `by` judge, one compares every pair.
    """
    first, second = stated(answer_text, kind, options), stated(answer_image, kind, options)
    compared = comparing(first, kind)
    verdict = await check_async(answer_image, first, kind=compared, options=options, question=question)
    if verdict.correct is None or by == "judge":
        if judge is None:
            why = "a judge is to compare" if by == "judge" else f"rules cannot compare ({verdict.reason})"
            return Drop("judge_missing", f"{why}; give one with --teacher judge=…")
        columns = {"question": question, "first": first, "second": second}
        verdict = judgement(verdict, text_of(await judge.ask(prompt.fill(columns), sampling=prompt.sampling)))
    value = {**asdict(verdict), "text": first, "image": second}
    return value if verdict.correct is not None else Drop(verdict.reason, verdict.extracted[:500], value)


def comparing(answer: str, kind: Kind) -> Kind:
    """How a made question's answers are compared: a blank as what was filled in (a number, a formula, words)."""
    return infer_kind(answer) if kind == "text" else kind


def stated(response: str, kind: Kind, options: tuple[Option, ...]) -> str:
    """The answer a response states: a letter where options have letters, else what the answer block holds."""
    found = extract(response, kind=kind, options=options) if kind == "mcq" else None
    return found.text.strip() if found else parse(response).answer.strip()
