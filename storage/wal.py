"""Write-ahead files of model calls: one a process, appended to before a step sees the reply.

`wal/<utc>-<pid>-<random>.wal`, held under flock by its owner. A record is length and CRC-32 of an orjson line, then the
line, appended by one write: once `append` returns it survives kill -9 (the kernel has it); a power cut may cost what
was not yet flushed, about a second (see `CallLedger`). A file becomes one segment of `calls` with the file's name, so
rolling it again after a crash adds nothing. Files of dead processes are those whose flock is free.
"""

import fcntl
import logging
import os
import secrets
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from curation.errors import StoreError
from curation.records import Call
from storage.files import discard, fsync_path, make_directories, os_errors, temporary
from storage.store import Store

FRAME = struct.Struct("<II")
SUFFIX = ".wal"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Wal:
    """An open write-ahead file of this process; `size` in bytes, `rows` appended, `opened` on the monotonic clock."""

    path: Path
    handle: int
    opened: float
    size: int = 0
    rows: int = 0
    synced: int = 0

    @classmethod
    def create(cls, store: Store) -> "Wal":
        """A new file, locked before it gets the name under which others look for files to recover."""
        folder = store.root / "wal"
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        path = folder / f"{stamp}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        hidden = temporary(path)
        with os_errors("write", path):
            make_directories([folder])
            handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.rename(hidden, path)
            fsync_path(folder)
        return cls(path, handle, time.monotonic())

    def append(self, frame: bytes) -> None:
        """Append one record whole, or leave the file as it was and raise StoreError."""
        with os_errors("append to", self.path):
            written = os.write(self.handle, frame)
            if written < len(frame):
                os.ftruncate(self.handle, self.size)
        if written < len(frame):
            raise StoreError(f"cannot append to {self.path}: the disk is full, finished work is kept")
        self.size += written
        self.rows += 1

    def sync(self) -> None:
        """Flush what was appended since the last time."""
        if self.synced < self.size:
            size = self.size
            with os_errors("flush", self.path):
                os.fdatasync(self.handle)
            self.synced = size

    def roll(self, store: Store) -> None:
        """Publish the records as a segment, then remove the file; nobody may append any more."""
        roll_file(store, self.path)
        os.close(self.handle)


def framed(run_id: str, call: Call) -> bytes:
    """One record. Raises TypeError when a text is not UTF-8."""
    line = orjson.dumps((run_id, call), option=orjson.OPT_APPEND_NEWLINE)
    return FRAME.pack(len(line), crc32(line)) + line


def records(content: bytes) -> Iterator[dict[str, Any]]:
    """The whole records as rows of `calls`, up to a torn or damaged one."""
    start = 0
    while start + FRAME.size <= len(content):
        length, checksum = FRAME.unpack_from(content, start)
        line = content[start + FRAME.size : start + FRAME.size + length]
        if not length or len(line) < length or crc32(line) != checksum:
            break
        run_id, call = orjson.loads(line)
        yield call | {"run_id": run_id}
        start += FRAME.size + length
    if start < len(content):
        log.warning("dropped %d bytes of a record that was never acknowledged", len(content) - start)


def roll_file(store: Store, path: Path) -> int:
    """Publish a file's records as the segment of its name, remove the file; how many. Repeating adds nothing."""
    with os_errors("read", path):
        rows = list(records(path.read_bytes()))
    store.append("calls", rows, name=path.stem)
    with os_errors("remove", path):
        discard(path)
    return len(rows)


def recover(store: Store) -> int:
    """Roll the files that dead processes left; returns the calls recovered. Files in use are left alone."""
    return sum(_recover_file(store, path) for path in sorted((store.root / "wal").glob(f"*{SUFFIX}")))


def _recover_file(store: Store, path: Path) -> int:
    with os_errors("recover", path):
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return 0
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            rolled_by_another = os.fstat(handle).st_nlink == 0
            return 0 if rolled_by_another else roll_file(store, path)
        except BlockingIOError:
            return 0
        finally:
            os.close(handle)
