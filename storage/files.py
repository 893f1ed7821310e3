"""Durable files: written whole or not at all, still there after a power cut, and every OSError told as a StoreError.

Leaves out what the bytes mean: segments, generations and images build on these few functions.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from curation.errors import StoreError

TMP_SUFFIX = ".tmp"

ADVICE = {
    errno.ENOSPC: "the disk is full: free some space and run again; what is in the store is kept",
    errno.EDQUOT: "the disk quota is used up: free some space and run again; what is in the store is kept",
    errno.EFBIG: "the file would pass a size limit: raise it (ulimit -f) or choose another file system",
    errno.EROFS: "the file system is mounted read-only: choose another place or remount it",
    errno.EACCES: "permission denied: choose another place or change its owner",
    errno.EPERM: "not permitted: choose another place or change its owner",
    errno.EMFILE: "too many open files: raise the limit (ulimit -n) and run again",
    errno.ENOTDIR: "a part of this path is a file, not a directory: choose another place",
    errno.ENOENT: "it is gone: was the store moved or deleted while in use?",
}

_serial = count()


@contextmanager
def os_errors(doing: str, path: Path | str) -> Iterator[None]:
    """Turn an OSError into one clear line: what was being done, to which path, and what to do about it."""
    try:
        yield
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, error.strerror or str(error))
        raise StoreError(f"cannot {doing} {path}: {advice}") from error


def fsync_path(path: Path) -> None:
    """Flush a file or directory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary(path: Path) -> Path:
    """A name beside `path` that no reader lists and no other writer uses."""
    return path.with_name(f".{path.name}.{os.getpid()}.{next(_serial)}{TMP_SUFFIX}")


def write_durably(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole: temporary file, fsync, rename, fsync of the directory. Raises OSError, leaving nothing."""
    tmp = temporary(path)
    try:
        write_synced(tmp, content)
        os.replace(tmp, path)
    except BaseException:
        with suppress(OSError):
            tmp.unlink()
        raise
    fsync_path(path.parent)


def write_synced(path: Path, content: bytes | memoryview) -> None:
    """Write a new file and flush it; the caller renames it into place."""
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def discard(path: Path) -> None:
    """Delete a file that may be gone already."""
    with suppress(FileNotFoundError):
        path.unlink()


def make_directories(paths: Iterable[Path]) -> None:
    """Create directories that are missing and flush their parents."""
    missing = [path for path in paths if not path.is_dir()]
    for path in missing:
        path.mkdir(parents=True, exist_ok=True)
    for parent in sorted({path.parent for path in missing}):
        fsync_path(parent)


@contextmanager
def lock(path: Path, *, exclusive: bool, seconds: float = 0.0) -> Iterator[bool]:
    """Hold an flock on `path`, trying for `seconds`; yields whether it was got. It dies with the process."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _locked(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, seconds)
    finally:
        os.close(handle)


def _locked(handle: int, kind: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        else:
            return True
