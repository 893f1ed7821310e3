"""Forced rethinking (VL-Rethinker, arXiv 2504.08837, §3.3): which spliced responses are kept.

A share of first responses has its end taken off and a trigger put there, and goes on. A splice takes the place of the
first response when the continuation ends in a right answer of its own, at most a few a query; prefix, trigger and
continuation are all the policy's tokens. A trigger with nothing after it is no second look, however right the first
answer was. Splices are keyed by their place, since the released code loses track of which verdict is whose.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.trainer.rewards import right


@dataclass(frozen=True, slots=True)
class Splice:
    """A response made to look again: its place in the batch, its tokens, and where in them the continuation begins."""

    at: int
    ids: list[int]
    start: int


def spliced(
    attempts: Sequence[Splice],
    asked: Sequence[Mapping[str, Any]],
    say: Callable[[list[int]], str],
    group: int,
    most: int,
) -> dict[int, Splice]:
    """The attempts to keep, by place: those whose continuation answers rightly, the first `most` of each `group`."""
    kept: dict[int, Splice] = {}
    of_query: Counter[int] = Counter()
    for attempt in attempts:
        query = attempt.at // group
        if of_query[query] < most and right(say(attempt.ids[attempt.start :]), asked[attempt.at]):
            kept[attempt.at] = attempt
            of_query[query] += 1
    return kept
