"""Step 5 of VLAA-Thinking: is the answer right? Rules first; a judge where the kind needs one."""

from dataclasses import asdict
from typing import Literal

from curation.answers import check, check_async, parse
from curation.prompts import PromptSet, prompts
from curation.records import Json, Kind, Option, Verdict
from curation.step import Drop, step
from curation.steps.replies import judgement, text_of
from curation.teachers.protocol import Teacher


@step
async def verify(
    rewrite: dict[str, Json],
    reference: str | None,
    kind: Kind,
    options: tuple[Option, ...],
    question: str,
    *,
    judge: Teacher | None,
    prompt: PromptSet = prompts("vlaa_thinking/verify", role="judge", extra=("answer",)),
    by: Literal["rule_first", "judge"] = "rule_first",
) -> dict[str, Json] | Drop:
    """The `Verdict` as a dict (arXiv 2504.11468, §3.1, step 5; the published verifier asks a judge about every row).

    The judge sees the reference and the answer, not the question. A judge that says neither yes nor no drops the sample
    with `judge_unclear` and its words kept; nobody is counted wrong by it.
    """
    return await judged(str(rewrite["text"]), reference, kind, options, question, judge=judge, prompt=prompt, by=by)


async def judged(
    text: str,
    reference: str | None,
    kind: Kind,
    options: tuple[Option, ...],
    question: str,
    *,
    judge: Teacher | None,
    prompt: PromptSet,
    by: str,
) -> dict[str, Json] | Drop:
    """The verdict on one response as a dict, or the `Drop` that says why it is not verified."""
    if reference is None:
        return Drop("undecided", "the source gives no answer")
    verdict = Verdict(None, parse(text).answer, kind, "undecided")
    if by == "rule_first":
        verdict = await _checked(text, reference, kind, options, question)
    if verdict.correct is None:
        if judge is None:
            return Drop(
                "judge_missing",
                f"the rules cannot decide ({verdict.reason}); give one with --teacher judge=…",
                asdict(verdict),
            )
        verdict = await _asked(judge, prompt, reference, verdict, parse(text).answer)
    if verdict.correct:
        return asdict(verdict)
    return Drop(
        verdict.reason if verdict.correct is None else _wrong(verdict),
        f"answered {verdict.extracted[:200]!r}, expected {reference[:200]!r}",
        asdict(verdict),
    )


async def _checked(text: str, reference: str, kind: Kind, options: tuple[Option, ...], question: str) -> Verdict:
    """The rules' verdict; only formulas may take long enough to leave the event loop for."""
    if kind == "math":
        return await check_async(text, reference, kind=kind, options=options, question=question)
    return check(text, reference, kind=kind, options=options, question=question)


def _wrong(verdict: Verdict) -> str:
    return "answer_not_found" if verdict.reason == "answer_not_found" else "wrong_answer"


async def _asked(judge: Teacher, prompt: PromptSet, reference: str, verdict: Verdict, answer: str) -> Verdict:
    reply = text_of(await judge.ask(prompt.fill({"reference": reference, "answer": answer}), sampling=prompt.sampling))
    return judgement(verdict, reply)
