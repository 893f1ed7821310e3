"""One machine at a time writes to a store: file locks, which calls and compaction rely on, end at the machine.

Each writing machine keeps `hosts/<boot id>.beat` fresh. Who finds another machine's fresh beat is refused, unless the
variable `VISTILL_SHARED_STORE=allow` says that the file system's locks reach all machines, or that paying a call twice
is accepted. Ages are taken on the file system's clock, so machines need not agree on the time. Containers of one kernel
are one machine.
"""

import fcntl
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from curation.errors import StoreError
from storage.files import make_directories, os_errors
from storage.store import Store

BEAT_SECONDS = 10.0
FRESH_SECONDS = 45.0
ALLOW = "VISTILL_SHARED_STORE"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def machine() -> str:
    """A name for this machine since it was started, safe as a file name."""
    with suppress(OSError):
        return BOOT_ID.read_text().strip()
    return "".join(c if c.isalnum() or c in "-." else "_" for c in socket.gethostname())


@contextmanager
def writing_here(store: Store) -> Iterator[None]:
    """Keep this machine's beat for the block. Raises StoreError when another machine is writing."""
    beat = store.root / "hosts" / f"{machine()}.beat"
    with os_errors("write", beat):
        make_directories([beat.parent])
        beat.write_text(f"{socket.gethostname()}\n")
        handle = os.open(beat, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        _refuse_others(beat)
        with _kept(beat):
            yield
    finally:
        _leave(beat, handle)


@contextmanager
def _kept(beat: Path) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=_keep, args=(beat, stop), name="host-beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _leave(beat: Path, handle: int) -> None:
    """The last to leave takes the beat away, so that another machine need not wait for it to grow old."""
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        beat.unlink()
    os.close(handle)


def _keep(beat: Path, stop: threading.Event) -> None:
    while not stop.wait(BEAT_SECONDS):
        with suppress(OSError):  # a full disk is told by whoever writes rows; a late beat only admits another machine
            beat.write_text(f"{socket.gethostname()}\n")


def _refuse_others(beat: Path) -> None:
    with os_errors("read", beat):
        _compare(beat)


def _compare(beat: Path) -> None:
    now = beat.stat().st_mtime
    for other in beat.parent.glob("*.beat"):
        with suppress(FileNotFoundError):
            age = now - other.stat().st_mtime
            if other != beat and age < FRESH_SECONDS and os.environ.get(ALLOW) != "allow":
                name = "".join(filter(str.isprintable, other.read_text(errors="replace")))[:80]
                raise StoreError(
                    f"{beat.parents[1]} is being written by {name} ({max(0, age):.0f} s ago): locks do not reach other "
                    f"machines, so calls could be paid twice; wait until it is done, or export {ALLOW}=allow"
                )
