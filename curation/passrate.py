"""How often a model is right about a sample: draws of one prompt, checked by the rules, until enough is known.

The prompt is that of the `grpo` export, so that what is measured is what will be trained. Drawing stops early once the
Beta interval of the rate (`curation.statistics`) lies outside the band that is wanted. Draws that failed, or that the
rules cannot decide, are counted apart: they are neither right nor wrong.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from curation.answers import check_async
from curation.errors import ConfigError, SampleError
from curation.exports.item import Item
from curation.exports.trl import SYSTEM
from curation.records import Image
from curation.statistics import pass_rate_interval
from curation.teachers.protocol import Message, Sampling, Teacher

Place = Literal["too_hard", "within", "too_easy", "unknown"]


@dataclass(frozen=True, slots=True)
class Band:
    """Rates strictly between `low` and `high` are wanted: 0 and 1 drop what is always wrong and always right."""

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 1:
            raise ConfigError("--band", f"{self.low},{self.high}", "write LOW,HIGH with 0 <= LOW < HIGH <= 1")

    def left_by(self, correct: int, k: int) -> bool:
        """Whether the rate is hardly still in the band after `correct` of `k`."""
        low, high = pass_rate_interval(correct, k)
        return high < self.low or low > self.high

    def place(self, correct: int, k: int) -> Place:
        """Where the share of right draws lies."""
        if k == 0:
            return "unknown"
        rate = correct / k
        return "too_hard" if rate <= self.low else "too_easy" if rate >= self.high else "within"


@dataclass(frozen=True, slots=True)
class Rated:
    """What the draws of one sample came to; `k` are those that could be judged, `lost` the others by reason."""

    item: Item
    correct: int
    k: int
    stopped: Literal["drawn", "band"]
    lost: Counter[str] = field(default_factory=Counter)


async def rate(
    item: Item, image: Image | None, model: Teacher, *, draws: int, band: Band, sampling: Sampling, system: str = SYSTEM
) -> Rated:
    """Draw up to `draws` times. Raises `RunStopped` where every call would fail."""
    before = [Message("system", system)] if system else []
    messages = [*before, Message("user", item.prompt, (image,) if image else ())]
    correct = k = 0
    lost: Counter[str] = Counter()
    for draw in range(draws):
        try:
            right, why = await _one(item, messages, model, sampling, draw)
        except SampleError as error:
            right, why = None, error.reason
        if right is None:
            lost[why] += 1
            continue
        correct, k = correct + right, k + 1
        if band.left_by(correct, k):
            return Rated(item, correct, k, "band", lost)
    return Rated(item, correct, k, "drawn", lost)


async def _one(
    item: Item, messages: Sequence[Message], model: Teacher, sampling: Sampling, draw: int
) -> tuple[bool | None, str]:
    reply = await model.ask(messages, sampling=sampling, draw=draw)
    verdict = await check_async(
        reply.text, item.reference, kind=item.kind, options=item.options, question=item.question
    )  # fmt: skip
    return verdict.correct, verdict.reason
