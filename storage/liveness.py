"""Whether a run that never said how it ended is still going: its process holds a lock as long as it lives.

Locks are the kernel's, so a killed process lets go at once. They tell nothing about a run on another machine.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.files import make_directories, os_errors
from storage.store import Store


@contextmanager
def alive(store: Store, run_id: str) -> Iterator[None]:
    """Hold the run's lock for the block."""
    path = _path(store, run_id)
    with os_errors("write", path):
        make_directories([path.parent])
        handle = path.open("w")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_alive(store: Store, run_id: str) -> bool:
    """Whether some process on this machine holds the run's lock."""
    try:
        with _path(store, run_id).open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _path(store: Store, run_id: str) -> Path:
    return store.root / "running" / f"{run_id}.lock"
