"""`vistill train`: runs the trainer, draws its curves, and records in the store what was trained on which exports.

The trainer (`curation.trainer`) knows no store; here its configuration, data, scores and end become events of the table
`trainings`. Data whose files are not those that `vistill export` wrote is refused before anything is trained.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from curation.errors import ConfigError, RunStopped, StoreError, VistillError
from curation.records import Json, digest
from curation.trainer.config import Training, read, with_seed
from curation.trainer.folder import check_out, held
from flows import manifest as manifests
from flows.export_files import changed
from flows.export_folder import others
from flows.interrupts import is_interrupt
from storage.ledger import CallLedger
from storage.store import Store

if TYPE_CHECKING:
    from curation.trainer.run import Record

Say = Callable[[str], None]
PLOT = "curves.png"
ROWS = (".parquet", ".json", ".jsonl")
"""Files that rows are read from: beside those of a manifest they would be trained on unseen."""
JUDGED = "judged"
FULL = (errno.ENOSPC, errno.EDQUOT)
LEAST_FREE = 1 << 16
"""Bytes free on a disk that is full: what could not be written whole may leave some."""


@dataclass(frozen=True, slots=True)
class Published:
    """The run that exports must be of, those in `folder` or all of them."""

    run: str
    folder: str | None = None


def train(config: str, seed: int | None, store: str | None, say: Say, published: Published | None = None) -> "Record":
    """Train as the file says; the record. Raises `ConfigError` and `RunStopped` as the trainer does, and `RunStopped`
    for exports that are not of the run that was `published`.
    """
    wanted = read(Path(config))
    wanted = wanted if seed is None else with_seed(wanted, seed)
    check_out(wanted)
    opened = None if store is None else Store.open(store, create=False)
    data = data_of(wanted)
    for part, one in data.items():
        if "manifest" not in one and Path(one["path"]).is_dir():
            say(f"data.{part} = {one['path']} has no {manifests.NAME}: whether its files were changed since they were "
                "exported cannot be told")  # fmt: skip
    if published is not None:
        _check_run(data, published)
    with held(Path(wanted.out)):
        return _trained(wanted, opened, data, say)


def _trained(wanted: Training, opened: Store | None, data: Mapping[str, Json], say: Say) -> "Record":
    """Train in the folder that is held, recorded in the store from its start to its end."""
    try:
        from curation.trainer.run import train as run
    except ImportError as error:
        raise ConfigError("train", error.name, "is not installed: pip install 'vistill[train]'") from None
    note = _Note(opened, wanted, data)
    note.event("started")
    try:
        with _ledger(wanted, opened, str(note.row["training_id"])) as ledger:
            record = run(wanted, say=say, ledger=ledger)
    except BaseException as error:
        full = _full(error, Path(wanted.out))
        _ended(note, error, full, say)
        if full:
            raise RunStopped(full) from error
        raise
    finally:
        _draw(Path(wanted.out), say)
    note.event("finished")
    return record


def _full(error: BaseException, out: Path) -> str:
    """What to say of an error that a full disk made, "" for another: safetensors has the system's words in an error of
    its own, and torch calls one "unexpected pos".
    """
    if isinstance(error, VistillError) or is_interrupt(error):
        return ""
    named = (isinstance(error, OSError) and error.errno in FULL) or any(os.strerror(e) in str(error) for e in FULL)
    if not named and not (out.is_dir() and shutil.disk_usage(out).free < LEAST_FREE):
        return ""
    return f"the disk of {out} is full: free some space and start it again; it goes on from its last whole checkpoint"


def _ended(note: "_Note", error: BaseException, full: str, say: Say) -> None:
    """Note why a training ended before its end; a store that cannot be written must not hide why."""
    try:
        if is_interrupt(error):
            note.event("interrupted")
        elif isinstance(error, VistillError):
            note.event("stopped", str(error))
        else:
            note.event("failed", full or " ".join(f"{type(error).__name__}: {error}".split()))
    except StoreError as lost:
        say(f"how the training ended is not in the store: {lost}")


def _check_run(data: Mapping[str, Json], published: Published) -> None:
    """Refuse what another run has published over, in the time since this training was asked for."""
    inside = Path(published.folder or "/").resolve()
    for part, one in data.items():
        of = one.get("run_id", published.run)
        if of != published.run and Path(one["path"]).resolve().is_relative_to(inside):
            raise RunStopped(
                f"data.{part} = {one['path']} is an export of run {of}, not of {published.run}, which is to be trained "
                f"on: another run was published there since; publish {published.run} again, then train"
            )


@contextmanager
def _ledger(training: Training, store: Store | None, training_id: str) -> Iterator[CallLedger | None]:
    """Where a judge's verdicts are kept: the store that is named, that of the run, or one in its folder."""
    if training.judge is None:
        yield None
        return
    if training.judge.cache:
        kept = Store.open(training.judge.cache)
    else:
        kept = store or Store.open(Path(training.out) / JUDGED)
    with CallLedger(kept, run_id=training_id) as ledger:
        yield ledger


def data_of(training: Training) -> dict[str, Json]:
    """{part: path, and of an export its format, run, rows and manifest's SHA-256}. Raises `RunStopped` for an export
    whose files were changed or that has others beside them, and `StoreError` for a manifest that is none.
    """
    found: dict[str, Json] = {}
    for part in ("sft", "grpo", "held_out", "seed"):
        path = getattr(training.data, part)
        if not path:
            continue
        found[part] = {"path": path}
        if not (Path(path) / manifests.NAME).is_file():
            continue
        manifest = manifests.load(Path(path))
        if other := changed(Path(path), manifest["files"]):
            raise RunStopped(
                f"data.{part} = {path}: {len(other)} files are not what `vistill export` wrote (the first is "
                f"{other[0]}): export it again"
            )
        if extra := [name for name in others(Path(path), manifest) if _holds_rows(name)]:
            raise RunStopped(
                f"data.{part} = {path}: {extra[0]} is no file of this export, and would be read with it: move it away"
            )
        content = (Path(path) / manifests.NAME).read_bytes()
        found[part] |= {name: manifest.get(name) for name in ("format", "run_id", "counts")}
        found[part] |= {"manifest": sha256(content).hexdigest()}
    return found


def _holds_rows(name: str) -> bool:
    """Whether a file below an export could be read as rows; nothing looks into hidden folders."""
    return Path(name).suffix in ROWS and not any(part.startswith(".") for part in Path(name).parts)


class _Note:
    """Writes events of one training; without a store it writes nothing."""

    def __init__(self, store: Store | None, training: Training, data: Mapping[str, Json]) -> None:
        out = str(Path(training.out).resolve())
        self.store, self.out = store, Path(training.out)
        settings = asdict(training)
        self.row = {
            "training_id": digest([out, settings]), "out": out, "seed": training.seed, "settings": settings,
            "data": dict(data),
        }  # fmt: skip

    def event(self, event: str, detail: str = "") -> None:
        """Scores and versions are those that the trainer has written by now."""
        if self.store is None:
            return
        told = _record_of(self.out) if event != "started" else {}
        scores, versions = told.get("scores", []), told.get("versions", {})
        row = {**self.row, "event": event, "detail": detail, "scores": scores, "versions": versions}
        self.store.append("trainings", [row])


def _record_of(out: Path) -> dict[str, Json]:
    """What the trainer has written to `run.json`; nothing of one that it refuses, which is then why it ended."""
    try:
        told = json.loads((out / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _draw(out: Path, say: Say) -> None:
    """`curves.png` beside the curve, if there is one to draw and something to draw it with; else why not."""
    curve = out / "curve.jsonl"
    if not curve.is_file():
        return
    try:
        from flows.training_plot import curves
    except ImportError:
        say(f"no {PLOT}: matplotlib is not installed (pip install 'vistill[report]')")
        return
    try:
        points = [json.loads(line) for line in curve.read_text(encoding="utf-8").splitlines() if line]
        (out / PLOT).write_bytes(curves(points, _record_of(out).get("scores", [])))
    except (OSError, ValueError, TypeError, KeyError) as error:  # a line that no training wrote
        say(f"no {PLOT}: {curve} cannot be drawn ({type(error).__name__}: {error})")
        return
    say(f"curves: {out / PLOT}")
