"""Which of the models evaluated during GRPO is kept, by the entropy of critical tokens (Skywork-R1V3, 2507.06167).

Never by entropy alone: only models with enough critical tokens and an accuracy near the best are eligible. Of those
seen, only the ones that may still win are kept on disk, `out/candidates/PART-STEP`.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation.trainer import models
from curation.trainer.config import Critical
from curation.trainer.record import Record


@dataclass(frozen=True, slots=True)
class Candidate:
    """An evaluated model: `merit` is larger for a better entropy."""

    at: str
    step: int
    accuracy: float
    entropy: float
    merit: float


class Choice:
    """The candidates of a run; it does nothing unless `critical.choose` is set."""

    def __init__(self, settings: Critical | None, record: Record, prefix: str = "") -> None:
        self.settings, self.record, self.prefix = settings, record, prefix
        self.folder = record.out / "candidates"

    @property
    def on(self) -> bool:
        """Whether anything is chosen at all."""
        return self.settings is not None and bool(self.settings.choose)

    def offer(self, model: Any, processor: Any, entry: dict[str, Any]) -> None:
        """Keep a model that may win, and drop those that no longer can."""
        found = self._of(entry)
        if found is None:
            return
        kept = self.eligible()
        if found in kept:
            models.save(models.plain(model), processor, self._path(found))
        wanted = {self._path(each).name for each in kept}
        for path in self.folder.glob(f"{self.prefix}grpo-*"):
            if path.name not in wanted:
                shutil.rmtree(path)

    def eligible(self) -> list[Candidate]:
        """Those near the best accuracy, without any that another beats in both accuracy and entropy."""
        assert self.settings is not None, "only called when it is on"
        scores = [entry for entry in self.record.scores if entry["at"].startswith(f"{self.prefix}grpo-")]
        found = [each for entry in scores if (each := self._of(entry)) is not None]
        best = max((each.accuracy for each in found), default=0.0)
        near = [each for each in found if each.accuracy >= best - self.settings.margin]
        return [
            one for one in near
            if not any(o.merit >= one.merit and o.accuracy >= one.accuracy and o != one
                       and (o.merit, o.accuracy) != (one.merit, one.accuracy) for o in near)
        ]  # fmt: skip

    def take(self, folder: Path, say: Callable[[str], None]) -> bool:
        """Put the best candidate into `folder`, and say which it was; False where there was nothing to choose."""
        if not self.on or folder.name in self.record.chosen:
            return False
        there = [each for each in self.eligible() if self._path(each).is_dir()]
        if not there:
            say("critical.choose: no evaluated model had enough critical tokens; the last one is kept")
            return False
        best = max(there, key=lambda each: (each.merit, each.accuracy))
        aside = folder.with_name(f"{folder.name}.last")
        if folder.is_dir():  # not after a kill between these two
            folder.rename(aside)
        self._path(best).rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.record.chosen[folder.name] = asdict(best)
        self.record.write()
        say(f"{folder}: the model of {best.at}, step {best.step}: critical entropy {best.entropy:.3f}, "
            f"sampled accuracy {best.accuracy:.3f}")  # fmt: skip
        return True

    def _of(self, entry: dict[str, Any]) -> Candidate | None:
        sampled = entry.get("sampled")
        if not self.on or self.settings is None or not sampled or sampled["entropy"] is None:
            return None
        if sampled["critical"] < self.settings.least:
            return None
        sign = 1.0 if self.settings.choose == "max" else -1.0
        return Candidate(entry["at"], entry["step"], sampled["accuracy"], sampled["entropy"], sign * sampled["entropy"])

    def _path(self, one: Candidate) -> Path:
        return self.folder / f"{one.at}-{one.step}"
