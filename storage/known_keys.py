"""Which call keys the store has answers for, in 8 bytes a key: exact but for collisions of 64 bits.

The keys of the generation and its tail are loaded once; after that only segments not yet seen are read. Leaves out what
lies in write-ahead files (`storage.tails`) and the answers themselves (`storage.ledger`).
"""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from hashlib import md5

import numpy as np
import pyarrow.parquet as pq

from storage.files import os_errors
from storage.generations import absorbed_from, current, generation_path
from storage.segments import list_segments, segment_path
from storage.store import Store
from storage.tails import changed

MERGE = 50_000  # keys in the set before they join the array, which is 10 times smaller

LOAD = "SELECT DISTINCT md5_number_lower(key) AS hash FROM raw_calls WHERE status = 'ok' ORDER BY hash"


class StoredKeys:
    """Keys with an answer in a segment or generation, as of the last `catch_up`. Safe for many threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._added: set[int] = set()
        self._hashes = np.empty(0, np.uint64)
        self._segments: set[str] = set()
        self._generation = ""
        self._pointer = str(store.root / "CURRENT")
        self._folder = str(store.root / "segments" / "calls")
        self._pointed = (0, 0)
        self._listed: int | None = None
        self.catch_up()

    def __contains__(self, key: str) -> bool:
        wanted = hash_of(key)
        if wanted in self._added:
            return True
        hashes = self._hashes
        place = int(hashes.searchsorted(np.uint64(wanted)))
        return place < len(hashes) and int(hashes[place]) == wanted

    def add(self, keys: Iterable[str], *, segment: str | None = None) -> None:
        """Keys that are stored now, or will be in the segment of that name before anyone else can know it."""
        with self._lock:
            self._added |= {hash_of(key) for key in keys}
            if segment is not None:
                self._segments.add(segment)

    def catch_up(self) -> None:
        """Learn what others have stored by now. Segments first, then the generation: that is the way rows go."""
        with self._lock:
            stamp = changed(self._folder)
            if stamp != self._listed:
                self._read_new(list_segments(self._store.root, "calls"))
                self._listed = stamp
            with os_errors("read", self._pointer):
                found = os.stat(self._pointer)
            pointed = (found.st_ino, found.st_mtime_ns)  # each is a new file: `write_durably` renames
            if pointed != self._pointed:
                live = current(self._store.root)
                if live != self._generation:
                    self._follow(live)
                self._pointed = pointed
            if len(self._added) > MERGE:
                self._merge()

    def _read_new(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._segments and self._generation:
                path = segment_path(self._store.root, "calls", name)
                with os_errors("read", path), suppress(FileNotFoundError):  # absorbed meanwhile: `_follow` sees it
                    table = pq.read_table(path, columns=["key", "status"])
                    rows = zip(table["key"].to_pylist(), table["status"].to_pylist(), strict=True)
                    self._added |= {hash_of(key) for key, status in rows if status == "ok"}
                    self._segments.add(name)

    def _follow(self, live: str) -> None:
        """A new generation: load everything again only if it absorbed a segment we never saw."""
        absorbed = absorbed_from(generation_path(self._store.root, live), "calls")
        if not self._generation or not absorbed <= self._segments:
            with self._store.snapshot() as snapshot:
                self._hashes = snapshot.query(LOAD).column(0).to_numpy()
                self._segments |= set(snapshot.segments.get("calls", ()))
                live = snapshot.generation
                absorbed |= absorbed_from(generation_path(self._store.root, live), "calls")
            self._segments |= absorbed
        self._generation = live

    def _merge(self) -> None:
        added = np.fromiter(self._added, np.uint64, len(self._added))
        self._hashes = np.union1d(self._hashes, added)
        self._added = set()


def hash_of(key: str) -> int:
    """DuckDB's `md5_number_lower`."""
    return int.from_bytes(md5(key.encode(), usedforsecurity=False).digest()[8:], "little")
