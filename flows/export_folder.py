"""The folder of an export: it appears whole or not at all, also when the process is killed at any moment.

Rows are written into a hidden folder beside the target, which takes its place by two renames. A killed process leaves
that folder, or the earlier export under a hidden name; the next export to the same target removes the one and puts the
other back. Folders of exports that are still being written are known by the lock that their process holds.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curation.errors import ConfigError
from flows import manifest as manifests


def check_target(target: Path, format: str) -> None:
    """A new folder, an empty one, or an earlier export of this format with nothing else in it."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target / manifests.NAME).is_file():
        raise ConfigError("DIR", str(target), "holds something else: name a new folder, or an earlier export")
    earlier = manifests.load(target)
    strange = others(target, earlier)
    if earlier["format"] != format:
        raise ConfigError("DIR", str(target), f"holds an export of the format {earlier['format']}: name another folder")
    if strange:
        raise ConfigError("DIR", str(target), f"also holds {strange[0]}, which no export wrote: name another folder")


def others(folder: Path, manifest: manifests.Manifest) -> list[str]:
    """Files in the folder of an export that it did not write."""
    ours = {manifests.NAME, "dataset_info.json", *(file["path"] for file in manifest["files"])}
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return sorted(set(found) - ours)


def clear_leftovers(target: Path) -> None:
    """Remove what killed exports to `target` left beside it; an earlier export that was moved aside is put back.

    Raises OSError. An export that another process is writing is left alone.
    """
    if target.parent.is_dir():
        with _alone(target.parent):
            _clear(target)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A folder beside the target that takes its place once the block has ended well. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target.parent):
        _clear(target)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        held = _locked(staging)
    try:
        staging.chmod(0o755)
        yield staging
        with _alone(target.parent):
            _swap(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if held is not None:
            os.close(held)


def _swap(staging: Path, target: Path) -> None:
    old = staging.with_suffix(".old")
    if target.exists():
        target.rename(old)
    staging.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _clear(target: Path) -> None:
    name = re.compile(rf"\.{re.escape(target.name)}\.[a-z0-9_]{{8}}\.(part|old)")
    for path in sorted(target.parent.iterdir()):
        if not name.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
            continue
        if path.suffix == ".old" and not target.exists():
            path.rename(target)
        elif (held := _locked(path)) is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(held)


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """Nobody else makes, swaps or clears folders of exports here meanwhile; each takes milliseconds."""
    handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _locked(folder: Path) -> int | None:
    """A handle that locks the folder until it is closed or the process ends; None when another process has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
