"""Rewards that give no value: said once each, and a run in which none gives any is stopped, for it would learn nothing.

One silent batch in the middle of a run is no fault: rows of a kind that nobody scores come together by chance.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from curation.errors import RunStopped
from curation.rewards import REWARDS, declared

SILENT = 3
"""So many batches in a row of which nobody could tell anything stop a run that has been told something before."""
EVERY = "every reward"


class Hearing:
    """What the rewards of a stage said, batch by batch; those with weight 0 teach nothing and cannot keep a run up."""

    def __init__(self, names: Sequence[str], weights: Sequence[float], say: Callable[[str], None]) -> None:
        self.names, self.say = names, say
        self.counted = [bool(weight) for weight in weights] if any(weights) else [True] * len(names)
        self.batches = 0
        self.silent: Counter[str] = Counter()

    def batch(self, silent_R: Sequence[bool], kinds: Sequence[object], *, trained: bool) -> None:
        """Take in which rewards gave no value in a whole batch. `trained` is whether there were steps before this
        stage or process. Raises `RunStopped`.
        """
        nothing = all(silent for silent, counts in zip(silent_R, self.counted, strict=True) if counts)
        if not self.batches and not trained:
            self._first(silent_R, kinds, nothing)
        self.batches += 1
        judged = {name: silent for name, silent in zip(self.names, silent_R, strict=True) if asks(name)}
        for name, silent in {**judged, EVERY: nothing}.items():
            self.silent[name] = self.silent[name] + 1 if silent else 0
            if self.silent[name] >= SILENT:
                raise RunStopped(
                    f"{name} scored nothing in {SILENT} batches in a row, {_of(kinds)}: look at the judge, at the "
                    "column `solution` and at the kinds of the split"
                )

    def _first(self, silent_R: Sequence[bool], kinds: Sequence[object], nothing: bool) -> None:
        if nothing:
            names = ", ".join(name for name, counts in zip(self.names, self.counted, strict=True) if counts)
            fix = "look at the judge, or n" if any(map(asks, self.names)) else "n"
            raise RunStopped(
                f"{names} gave no value in the whole first batch, {_of(kinds)}: nothing would be learnt; {fix}ame "
                "rewards for such rows in rewards.names (docs/rewards.md), or look at the column `solution`"
            )
        for name, silent in zip(self.names, silent_R, strict=True):
            if silent:
                why = "look at the judge" if asks(name) else "docs/rewards.md says what it reads"
                self.say(
                    f"{name} gave no value in the whole first batch, {_of(kinds)}: it counts for nothing there ({why})"
                )


def asks(name: str) -> bool:
    """Whether a reward waits for a model."""
    return name in REWARDS and declared(name).waits


def _of(kinds: Sequence[object]) -> str:
    """The kinds of a batch's rows, in words."""
    known = sorted({str(kind) for kind in kinds if kind})
    return f"rows of kind {', '.join(known)}" if known else "rows that name no kind"
