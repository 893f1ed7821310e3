"""What a run has done so far, on disk in `out`: `run.json` and `curve.jsonl`, and how an interrupted run is taken up.

A run is known by its settings and its data. Started again, an unfinished one goes on and a finished one is left alone;
what another run left in `out` is moved to `out/earlier-N`, so nothing is lost and nothing is mixed.
"""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import file_digest
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import ConfigError
from curation.trainer.folder import CURVE, RUN, check_done, moved, told

if TYPE_CHECKING:
    from curation.trainer.evaluate import Score

WHOLE = "whole"
"""A file in a checkpoint that is written last, {file: [bytes, SHA-256]}: a kill before that leaves it without."""


@dataclass
class Record:
    """What happened so far; written to `run.json` after every part."""

    out: Path
    settings: Mapping[str, Any]
    data: Mapping[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.time)
    scores: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    chosen: dict[str, Any] = field(default_factory=dict)
    finished: float | None = None
    stopped: str = ""
    say: Callable[[str], None] = print

    def score(self, at: str, step: int, scores: Mapping[str, "Score"], **more: Any) -> dict[str, Any]:
        """Keep an evaluation, named by what was trained before it; one of the same place and step is replaced."""
        entry = {"at": at, "step": step, **{name: asdict(score) for name, score in scores.items()}, **more}
        self.scores = [each for each in self.scores if (each["at"], each["step"]) != (at, step)] + [entry]
        self.write()
        return entry

    def ended(self, part: str) -> None:
        """A part whose model is saved."""
        self.done.append(part)
        self.write()

    def write(self) -> None:
        """`run.json`, whole or not at all."""
        values = {
            "settings": self.settings, "data": self.data, "started": self.started, "finished": self.finished,
            "stopped": self.stopped, "done": self.done, "left_out": self.left_out, "held_out_seen": self.seen,
            "chosen": self.chosen, "scores": self.scores,
            "versions": {name: version(name) for name in ("trl", "transformers", "torch")},
        }  # fmt: skip
        part = self.out / f"{RUN}.part"
        part.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        part.replace(self.out / RUN)

    def log(self, part: str, step: int, values: Mapping[str, Any]) -> None:
        """A line of the curve; what is no number is left out."""
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        with (self.out / CURVE).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"part": part, "step": step, **numbers}) + "\n")

    def rewind(self, part: str, step: int) -> None:
        """Forget what was logged of a part after `step`, and a line that a kill cut short: it is trained again."""
        curve = self.out / CURVE
        self.scores = [each for each in self.scores if each["at"] != part or each["step"] <= step]
        if not curve.is_file():
            return
        kept = [line for line in curve.read_text(encoding="utf-8").splitlines() if _kept(line, part, step)]
        fresh = curve.with_name(f"{CURVE}.part")
        fresh.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        fresh.replace(curve)

    def last(self, part: str, name: str) -> float:
        """The latest value of a figure of a part in the curve, 0 where it has none."""
        curve = self.out / CURVE
        lines = curve.read_text(encoding="utf-8").splitlines() if curve.is_file() else []
        points = [json.loads(line) for line in lines]
        found = [point[name] for point in points if point["part"] == part and name in point]
        return found[-1] if found else 0


def _kept(line: str, part: str, step: int) -> bool:
    try:
        point = json.loads(line)
    except ValueError:
        return False
    if not isinstance(point, dict) or not {"part", "step"} <= point.keys():
        return False
    return bool(point["part"] != part or point["step"] <= step)


def opened(out: Path, settings: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Record, str]:
    """The record of a run in `out` and a line for people, "" for a new run. Raises `ConfigError` for a bad folder."""
    wanted = json.loads(json.dumps({"settings": {**settings, "out": ""}, "data": data}))
    try:
        out.mkdir(parents=True, exist_ok=True)
        said = told(out)
    except OSError as error:
        raise ConfigError("out", str(out), f"cannot be made or read ({error.strerror})") from None
    fresh = Record(out, settings, data)
    if said is None:
        return fresh, ""
    told_data = {"model": wanted["data"].get("model"), **said["data"]}  # earlier versions did not note the model
    if (_known_by(said["settings"]), told_data) != (_known_by(wanted["settings"]), {"model": None, **wanted["data"]}):
        return fresh, f"{out} held another run (settings, data or model differ): moved to {moved(out)}"
    for name in ("started", "scores", "done", "left_out", "chosen", "finished"):
        setattr(fresh, name, said[name])
    check_done(out, fresh.done)
    if fresh.finished:
        return fresh, f"{out} holds this run, finished: nothing to do (delete it, or name another folder, to train)"
    return fresh, f"going on with the run in {out}: done are {', '.join(fresh.done) or 'no parts'}"


def _known_by(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that make a run another one: neither where it lies, nor the limit whose lowering lets it go on."""
    grpo = settings.get("grpo")
    return {**settings, "out": "", "grpo": {**grpo, "least_format": None} if isinstance(grpo, Mapping) else grpo}


def mark_whole(folder: Path) -> None:
    """Say that all of a checkpoint is there, how long each file is, and its SHA-256 (1 to 2 GB a second)."""
    files = {str(path.relative_to(folder)): _of(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    (folder / WHOLE).write_text(json.dumps(files), encoding="utf-8")


def _of(path: Path) -> list[int | str]:
    with path.open("rb") as file:
        return [path.stat().st_size, file_digest(file, "sha256").hexdigest()]


def damage(folder: Path) -> str:
    """What a checkpoint lacks of what it had when it was marked, "" for nothing."""
    try:
        said = (folder / WHOLE).read_text(encoding="utf-8")
        files = json.loads(said) if said else {}  # earlier versions named no files
    except (OSError, ValueError):
        return "it was not written to its end"
    if not isinstance(files, dict):
        return f"its {WHOLE} names no files"
    for name, wanted in files.items():
        size, sha256 = wanted if isinstance(wanted, list) else (wanted, None)  # or their sizes alone
        path = folder / name
        there = path.stat().st_size if path.is_file() else 0
        if there != size:
            return f"{name} has {there:,} of {size:,} bytes"
        if sha256 is not None and _of(path)[1] != sha256:
            return f"{name} is not what was written"
    return ""


def last_checkpoint(folder: Path, say: Callable[[str], None]) -> Path | None:
    """The latest checkpoint that is whole; what is left of later ones is removed, and said."""
    paths = [path for path in folder.glob("checkpoint-*") if path.name[11:].isdigit()]
    for path in sorted(paths, key=lambda path: int(path.name[11:]), reverse=True):
        why = damage(path)
        if not why:
            return path
        say(f"{path} is left aside and removed: {why}")
        shutil.rmtree(path)
    return None
