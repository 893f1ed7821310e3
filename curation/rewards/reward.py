"""What a reward is: a total, its components, and why. Also the types of settings, with their ranges.

A reward is None when nobody could tell (a judge failed, the reference cannot be read, a column is missing, the
rules cannot decide), never 0: TRL leaves None out of the group's baseline, while a 0 would teach that the
completion was bad. No reward raises on any response or reference, whatever it holds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

Source = Literal["rule", "judge", "scorer"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class Reward:
    """What one completion earned.

    `total` is what the trainer uses; `components` holds every term before weighting, and counts worth logging,
    None for a term that does not apply or could not be told. `reason` is a short code: a fault of the layout, how the
    answer was matched (`curation.answers.verdicts`), what could not be read, or `scored`. `extracted` is what was
    scored, `detail` what people need to see why; `source` tells whether a rule, a judge or a reward model
    decided.
    """

    total: float | None
    components: Mapping[str, float | None] = field(default_factory=dict)
    reason: str = "scored"
    extracted: str = ""
    source: Source = "rule"
    detail: str = ""


def unscored(reason: str, detail: str = "", **components: float | None) -> Reward:
    """A completion nobody could score."""
    return Reward(None, components, reason, detail=detail[:500])


def as_float(correct: bool | None) -> float | None:
    """1, 0, or None for what could not be told."""
    return None if correct is None else float(correct)


def weighted(parts: Mapping[str, float | None], weights: Mapping[str, float]) -> float | None:
    """Σ weight · part; None as soon as a part with a weight above 0 is None."""
    terms = [(weight, parts[name]) for name, weight in weights.items() if weight]
    if any(part is None for _, part in terms):
        return None
    return math.fsum(weight * part for weight, part in terms if part is not None)
