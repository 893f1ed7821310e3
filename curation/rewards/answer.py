"""Accuracy by `curation.answers.check`, as the other rewards of this package use it, and HFRRF-like sums of it."""

from collections.abc import Sequence

from curation.answers import by_box, check, check_async
from curation.records import Kind, Option, Verdict
from curation.rewards.format import Layout, answer_last, laid_out
from curation.rewards.reward import Reward, Share, Weight, as_float, weighted

Options = Sequence[Option | str]


def accuracy(
    response: str,
    reference: str,
    kind: Kind | None = None,
    options: Options = (),
    question: str | None = None,
    *,
    tolerance: Weight | None = None,
    iou: Share = 0.5,
    frame: by_box.Frame = "norm01",
) -> Reward:
    """R = 1 if the response answers as the reference does, 0 if not, None if the rules cannot tell.

    Extraction and comparison are those of `curation.answers.check`: no second rule lives here. Open answers the
    rules cannot decide are None; use a reward with a judge for them.
    """
    return of_verdict(
        check(
            response,
            reference,
            kind=kind,
            options=options,
            question=question,
            tolerance=tolerance,
            iou=iou,
            frame=frame,
        )
    )


def format_and_accuracy(
    response: str,
    reference: str,
    kind: Kind | None = None,
    options: Options = (),
    question: str | None = None,
    *,
    layout: Layout = "think",
    format_weight: Weight = 0.5,
    accuracy_weight: Weight = 0.5,
) -> Reward:
    """R = 0.5·format + 0.5·accuracy: the Zero baseline of Vision-R1 (arXiv 2503.06749) and EasyR1's `r1v`.

    The two terms are independent: a right answer in a broken layout earns its half. `r1v` searches the whole output
    when it finds no answer on one line; that is not copied.
    """
    formed, verdict = format_verdict(response, reference, kind, options, question, layout=layout)
    parts = {"format": formed, "accuracy": as_float(verdict.correct)}
    return Reward(
        weighted(parts, {"format": format_weight, "accuracy": accuracy_weight}),
        parts,
        verdict.reason,
        verdict.extracted,
    )


def format_verdict(
    response: str,
    reference: str,
    kind: Kind | None,
    options: Options = (),
    question: str | None = None,
    *,
    layout: Layout,
) -> tuple[float, Verdict]:
    """The format term, 0 or 1, and the rules' verdict on the answer."""
    _, faults = laid_out(response, layout)
    return float(not faults), check(_read(response, layout), reference, kind=kind, options=options, question=question)


async def ruled(
    response: str,
    reference: str,
    kind: Kind | None,
    options: Options = (),
    question: str | None = None,
    *,
    layout: Layout,
) -> Verdict:
    """The rules' verdict without blocking the event loop: only formulas may take long enough to leave it for."""
    text = _read(response, layout)
    if kind in ("math", None):
        return await check_async(text, reference, kind=kind, options=options, question=question)
    return check(text, reference, kind=kind, options=options, question=question)


def of_verdict(verdict: Verdict) -> Reward:
    """An accuracy reward from a verdict."""
    value = as_float(verdict.correct)
    return Reward(value, {"accuracy": value}, verdict.reason, verdict.extracted, verdict.source)


def _read(response: str, layout: Layout) -> str:
    return answer_last(response) if layout == "think_after" else response
