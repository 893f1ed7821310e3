"""Answered calls in the write-ahead files of other processes, found before those are rolled into segments.

Each file is followed from where it was last read; only the places of its records are kept. A file that its owner has
rolled and removed stays readable through our handle, and its keys are handed on (`gone`) to whoever knows the segments.
Leaves out files of our own, and torn records at an end, which are read again when they are whole.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import orjson

from curation.records import Call
from storage.files import os_errors
from storage.store import Store
from storage.wal import FRAME, SUFFIX

SETTLED = 50_000_000
"""Nanoseconds: kernels stamp directories in ticks, so a younger stamp may hide a second change in the same tick."""


@dataclass(slots=True)
class Tail:
    """One file of another process, read up to `end`; `places` gives (offset, length) of each answered call's record."""

    path: Path
    handle: int
    end: int = 0
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def read_on(self) -> None:
        """Index what was appended since."""
        size = os.fstat(self.handle).st_size
        if size <= self.end:
            return
        content = os.pread(self.handle, size - self.end, self.end)
        start = 0
        while start + FRAME.size <= len(content):
            length, checksum = FRAME.unpack_from(content, start)
            line = content[start + FRAME.size : start + FRAME.size + length]
            if not length or len(line) < length or crc32(line) != checksum:
                break
            call = orjson.loads(line)[1]
            if call["status"] == "ok":
                self.places[call["key"]] = (self.end + start + FRAME.size, length)
            start += FRAME.size + length
        self.end += start

    def call(self, key: str) -> Call | None:
        """The answered call of this key."""
        if (place := self.places.get(key)) is None:
            return None
        return Call(**orjson.loads(os.pread(self.handle, place[1], place[0]))[1])

    @property
    def removed(self) -> bool:
        return os.fstat(self.handle).st_nlink == 0


class Tails:
    """All write-ahead files of a store but our own. Safe for many threads."""

    def __init__(self, store: Store, ours: Callable[[str], bool], gone: Callable[[list[str]], None]) -> None:
        self._folder = store.root / "wal"
        self._place = str(self._folder)
        self._ours, self._gone = ours, gone
        self._lock = threading.Lock()
        self._tails: dict[str, Tail] = {}
        self._listed = -1

    def find(self, key: str) -> Call | None:
        """The answered call, if another process has recorded it and not yet rolled it."""
        with self._lock, os_errors("read", self._folder):
            self._list()
            finished = [name for name, tail in self._tails.items() if tail.removed]  # nothing is appended after that
            for tail in self._tails.values():
                tail.read_on()
            found = next((call for tail in self._tails.values() if (call := tail.call(key))), None)
            for name in finished:
                self._drop(name)
        return found

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            for name in list(self._tails):
                self._drop(name)

    def _list(self) -> None:
        """Open the files that have come since the last listing."""
        stamp = changed(self._place)
        if stamp == self._listed:
            return
        for name in os.listdir(self._folder) if stamp is not None else ():
            if name.endswith(SUFFIX) and not name.startswith(".") and name not in self._tails and not self._ours(name):
                with suppress(FileNotFoundError):  # rolled meanwhile: its keys are in a segment
                    self._tails[name] = Tail(self._folder / name, os.open(self._folder / name, os.O_RDONLY))
        self._listed = -1 if stamp is None else stamp

    def _drop(self, name: str) -> None:
        tail = self._tails.pop(name)
        self._gone(list(tail.places))
        os.close(tail.handle)


def changed(folder: Path | str) -> int | None:
    """A stamp of the directory's last change that equals an earlier one only if nothing changed; None if missing."""
    try:
        stamp = os.stat(folder).st_mtime_ns
    except FileNotFoundError:
        return None
    return stamp if 0 <= stamp < time.time_ns() - SETTLED else -time.time_ns()
