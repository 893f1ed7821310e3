"""Rewards of published R1-style systems, as plain functions over a response and a row; see docs/rewards.md.

Rules run at once, judges and reward models asynchronously. Each returns a `Reward` with every component; None is "not
scored", never a silent 0.
"""

from curation.rewards.chosen import Chosen, combined, from_tables, not_applicable
from curation.rewards.judge import Judge, Scorer, teacher_judge, tier_of
from curation.rewards.registry import REWARDS, Bound, bind, score, score_async
from curation.rewards.reward import Reward

__all__ = [
    "REWARDS",
    "Bound",
    "Chosen",
    "Judge",
    "Reward",
    "Scorer",
    "bind",
    "combined",
    "from_tables",
    "not_applicable",
    "score",
    "score_async",
    "teacher_judge",
    "tier_of",
]
