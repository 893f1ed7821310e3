"""Rewards for the length of a completion: DAPO's soft punishment and the cosine of "Demystifying long CoT".

Lengths are in tokens of the policy's tokenizer; the trainer gives them as `completion_tokens`.
"""

import math
from typing import Annotated

from pydantic import Field

from curation.answers import check
from curation.records import Kind
from curation.rewards.answer import Options
from curation.rewards.reward import Count, Reward, Share, as_float, unscored

EXPECTED, BUFFER = 16_384, 4_096
"""DAPO's expected length L_max - L_cache and its buffer L_cache (arXiv 2503.14476), in tokens."""
LONGEST = 1_024
"""VLM-R1's L_max of the cosine reward, in tokens."""
CORRECT_FROM = 0.7
"""VLM-R1 calls an accuracy from here on correct; the IoU threshold for rows with boxes."""
Level = Annotated[float, Field(ge=-10, le=10)]


def soft_overlong(
    response: str, completion_tokens: int, *, expected: Count = EXPECTED, buffer: Count = BUFFER
) -> Reward:
    """R = 0 up to `expected` tokens, then falling linearly to -1 at `expected + buffer`, -1 beyond (DAPO, arXiv
    2503.14476; its L_max is `expected + buffer`).
    """
    value = overlong(completion_tokens, expected, buffer)
    return Reward(value, {"length": value, "tokens": completion_tokens}, "too_long" if value < 0 else "scored")


def overlong(tokens: int, expected: int, buffer: int) -> float:
    """The soft punishment itself, -1 to 0, never rising with the length."""
    return max(-1.0, min(0.0, (expected - tokens) / buffer))


def cosine_length(
    response: str,
    reference: str,
    completion_tokens: int,
    kind: Kind | None = None,
    options: Options = (),
    question: str | None = None,
    *,
    longest: Count = LONGEST,
    right: tuple[Level, Level] = (1.0, 0.5),
    wrong: tuple[Level, Level] = (-0.5, 0.0),
    correct_from: Share = CORRECT_FROM,
) -> Reward:
    """R = end + (start - end)·(1 + cos(π·L/L_max)) / 2, from `right` or `wrong` = (at length 0, at L_max).

    Source: arXiv 2502.03373, in VLM-R1's numbers. As intended, not as shipped: there every answer gets the right
    curve, and 2·L_max tokens earn 1.0 again; here a wrong answer gets the wrong one, and L is at most L_max. Rows with
    boxes are right from IoU `correct_from` on. An undecided answer is None.
    """
    verdict = check(response, reference, kind=kind, options=options, question=question, iou=correct_from, frame="abs")
    if verdict.correct is None:
        return unscored(verdict.reason, verdict.extracted, length=None, accuracy=None)
    value = cosine(completion_tokens, *(right if verdict.correct else wrong), longest=longest)
    parts = {"length": value, "accuracy": as_float(verdict.correct), "tokens": completion_tokens}
    return Reward(value, parts, verdict.reason, verdict.extracted)


def cosine(tokens: int, start: float, end: float, *, longest: int) -> float:
    """Half a cosine from `start` at 0 tokens to `end` at `longest`, and `end` beyond."""
    at = min(1.0, max(0.0, tokens / longest))
    return end + (start - end) * (1 + math.cos(math.pi * at)) / 2
