"""The folder that a training fills: which one it may be, what in it is a training's own, and that one training has it.

Looked at before anything is loaded: no torch.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import ConfigError

if TYPE_CHECKING:
    from curation.trainer.config import Training

RUN, CURVE, MANIFEST = "run.json", "curve.jsonl", "manifest.json"
WRITTEN = (
    RUN, CURVE, "curves.png", "rounds.json", "*.json.part", "*.jsonl.part", "candidates", "checkpoints-*", "round-*-*",
    *(f"{name}{end}" for name in ("sft", "model") for end in ("", ".part", ".old", ".last")),
)  # fmt: skip
"""What one run writes; another run in the same folder moves it aside, and nothing else."""
BESIDE = ("earlier-*", "seed-*", "judged", f"{RUN}.part")
"""What may be there before a run has written its record: earlier runs, other seeds, a judge's verdicts."""
SHAPE: Mapping[str, tuple[type, ...]] = {
    "settings": (dict,), "data": (dict,), "started": (int, float), "finished": (int, float, type(None)),
    "scores": (list,), "done": (list,), "left_out": (dict,), "chosen": (dict,),
}  # fmt: skip
"""What `run.json` must hold to be taken up, or moved aside as another run's."""


def check_out(training: "Training") -> None:
    """Refuse an `out` that is, holds or lies in what is read, or that something else filled. Raises `ConfigError`."""
    out = training.out
    place = Path(out).resolve()
    if Path.cwd().resolve().is_relative_to(place):
        raise ConfigError("out", out, 'is or holds the working folder: name one of its own, as in out = "runs/first"')
    for field, path in _read_from(training).items():
        other = Path(path).resolve()
        if place.is_relative_to(other) or other.is_relative_to(place):
            how = "is" if place == other else "holds" if other.is_relative_to(place) else "lies in"
            raise ConfigError("out", out, f"{how} {field} ({path}), which a run in it could move or overwrite: name "
                              "another folder")  # fmt: skip
    try:
        _check_content(out, place)
    except OSError as error:
        raise ConfigError("out", out, f"cannot be made or read ({error.strerror})") from None


def _read_from(training: "Training") -> dict[str, str]:
    """Folders that the run reads, by field; a model of the Hub is none."""
    found = {f"data.{name}": getattr(training.data, name) for name in ("sft", "grpo", "held_out", "seed")}
    if Path(training.model.path).is_dir():
        found["model.path"] = training.model.path
    return {field: path for field, path in found.items() if path}


def _check_content(out: str, place: Path) -> None:
    for folder in (place, *place.parents):
        if _is_export(folder / MANIFEST):
            how = "is an export" if folder == place else f"lies in the export {folder}"
            raise ConfigError("out", out, f"{how}: name another folder")
    if not place.is_dir() or told(Path(out)) is not None:
        return
    for name in sorted(path.name for path in place.iterdir()):
        if not _fits(name, BESIDE):
            raise ConfigError("out", out, f"holds {name} and no {RUN}, so no training filled it: name a new folder, or "
                              "an empty one")  # fmt: skip


def _is_export(manifest: Path) -> bool:
    try:
        said = json.loads(manifest.read_bytes()) if manifest.is_file() else None
    except ValueError:
        return False
    return isinstance(said, dict) and {"vistill", "format", "files"} <= said.keys()


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def told(out: Path) -> dict[str, Any] | None:
    """What `run.json` in a folder says, None without one. Raises OSError, `ConfigError` for one that is not ours."""
    if not (out / RUN).is_file():
        return None
    try:
        said = json.loads((out / RUN).read_text(encoding="utf-8"))
    except ValueError:
        said = None
    if why := _strange(said):
        raise ConfigError("out", str(out), f"holds a {RUN} that no training wrote ({why}): name another folder, or "
                          "remove it")  # fmt: skip
    return dict(said)


def _strange(said: Any) -> str:
    """Why it is no record of a training, "" for one that is."""
    if not isinstance(said, dict):
        return "it is no JSON object"
    for name, kinds in SHAPE.items():
        if name not in said or not isinstance(said[name], kinds):
            return f"no `{name}`, or one of another type"
    if not all(isinstance(part, str) for part in said["done"]):
        return "`done` is no list of names"
    if not all(isinstance(each, dict) and {"at", "step"} <= each.keys() for each in said["scores"]):
        return "`scores` is no list of evaluations"
    return ""


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Make the folder and keep other trainings out of it until the block or the process ends. Raises `ConfigError`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError("out", str(out), f"cannot be made or read ({error.strerror})") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ConfigError("out", str(out), "another training is writing into it: wait for its end, or name another "
                          "folder") from None  # fmt: skip
    except OSError as error:  # a file system without locks
        os.close(handle)
        raise ConfigError(
            "out", str(out), f"cannot be locked ({error.strerror}): name a folder on another disk"
        ) from None
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)  # closing is not enough where a child process has a copy
        os.close(handle)


def moved(out: Path) -> Path:
    """Put what a run wrote aside, into `earlier-N`; other files stay."""
    number = 1
    while (aside := out / f"earlier-{number}").exists():
        number += 1
    aside.mkdir()
    for path in sorted(out.iterdir()):
        if _fits(path.name, WRITTEN):
            path.rename(aside / path.name)
    return aside


def check_done(out: Path, done: Sequence[str]) -> None:
    """Refuse a run whose finished parts have no model left: the next would begin with the base model. `ConfigError`.

    The cold start's is no longer needed once a stage of GRPO is done; that of a kill while one is replaced is put back.
    """
    for part in done:
        prefix, kind = re.fullmatch(r"(round-\d+-)?(.*)", part, re.DOTALL).groups("")  # type: ignore[union-attr]
        if kind == "start" or (kind == "sft" and any(each.startswith(f"{prefix}grpo-") for each in done)):
            continue
        folder = out / (f"{prefix}sft" if kind == "sft" else f"{prefix}model")
        last, old = (folder.with_name(f"{folder.name}{end}") for end in (".last", ".old"))
        if not folder.is_dir() and old.is_dir():
            old.rename(folder)
        if not folder.is_dir() and not last.is_dir():  # `last` is being replaced by a chosen one
            raise ConfigError("out", str(out), f"{RUN} says that {part} is done, and its model is not there: put "
                              f"{folder} back, or remove {out} to train from the beginning")  # fmt: skip
