"""Patho-R1's rewards for pathology multiple choice (arXiv 2505.11404, AAAI 2026), from a summary of the paper.

Neither code nor limits are released. Reconstructed: how the letter is found (ours: `curation.answers`), the length
limits, and the gate, which the summary states and the plain mixture contradicts.
"""

from typing import Literal

from curation.answers import check
from curation.rewards.answer import Options, format_verdict
from curation.rewards.format import Layout
from curation.rewards.length import BUFFER, EXPECTED, overlong
from curation.rewards.reward import Count, Reward, Weight, as_float, weighted

ACCURACY, FORMAT = 0.9, 0.1


def patho_grpo(
    response: str,
    reference: str,
    options: Options = (),
    question: str | None = None,
    *,
    gate: Literal["none", "both"] = "none",
    layout: Layout = "think",
    accuracy_weight: Weight = ACCURACY,
    format_weight: Weight = FORMAT,
) -> Reward:
    """R = 0.9·letter + 0.1·format; with gate `both`, 0 unless both are 1.

    Edges: an undecided letter is None, but 0 under gate `both` when the format is broken.
    """
    formed, verdict = format_verdict(response, reference, "mcq", options, question, layout=layout)
    parts = {"accuracy": as_float(verdict.correct), "format": formed}
    total = weighted(parts, {"accuracy": accuracy_weight, "format": format_weight})
    if gate == "both" and (not formed or verdict.correct is False):
        total = 0.0
    return Reward(total, parts, verdict.reason, verdict.extracted)


def patho_dapo(
    response: str,
    reference: str,
    completion_tokens: int,
    options: Options = (),
    question: str | None = None,
    *,
    expected: Count = EXPECTED,
    buffer: Count = BUFFER,
) -> Reward:
    """R = +1 if the letter is right and the completion has at most `expected` tokens, else -1.

    `expected` is L_max - buffer; the component `length` is DAPO's soft punishment, for the log. Edges: too long is -1
    whatever the letter, undecided ones included; an undecided letter in time is None.
    """
    verdict = check(response, reference, kind="mcq", options=options, question=question)
    in_time = completion_tokens <= expected
    parts = {"accuracy": as_float(verdict.correct), "length": overlong(completion_tokens, expected, buffer)}
    total = -1.0 if not in_time or verdict.correct is False else None if verdict.correct is None else 1.0
    return Reward(total, parts, verdict.reason if in_time else "too_long", verdict.extracted)
