"""The ledger of model calls: an answered call is written down before anyone sees it, and never asked again.

Promised: once `record` returns, the call survives kill -9 of this process; about a second later (`SYNC_SECONDS`) it
also survives a power cut. `find` knows every answered call that was stored when the ledger was opened, those recorded
here, and, some seconds late, those that other processes have rolled; what lies in another process's write-ahead file is
not seen yet. A child made by fork shares the lock on its parent's file: until it ends too, nobody recovers that file.
"""

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import md5
from types import TracebackType

import numpy as np

from curation.errors import StoreError
from curation.records import Call
from storage.files import os_errors
from storage.redact import fit, secrets_in
from storage.snapshot import Snapshot
from storage.store import Store
from storage.wal import Wal, framed, recover

SYNC_SECONDS = 1.0
REFRESH_SECONDS = 5.0
REFRESH_SHARE = 0.05  # of the time, at most, goes into loading keys again
IDLE_SECONDS = 3.0  # an open snapshot keeps garbage from being collected

FOUND = """
SELECT * EXCLUDE (run_id) FROM raw_calls WHERE status = 'ok' AND key IN (SELECT unnest($1::VARCHAR[]))
QUALIFY row_number() OVER (PARTITION BY key ORDER BY created DESC) = 1
"""


class KeyFilter:
    """Which answered keys a store may hold: exact but for collisions of 64 bits; 8 bytes a key."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._added: set[int] = set()
        self._seen = 0
        self._due = 0.0
        self._hashes = np.empty(0, np.uint64)
        self.refresh()

    def __contains__(self, key: str) -> bool:
        wanted = _hash(key)
        hashes = self._hashes
        place = int(hashes.searchsorted(np.uint64(wanted)))
        return (place < len(hashes) and int(hashes[place]) == wanted) or wanted in self._added

    def add(self, keys: list[str]) -> None:
        """Keys that this process has just stored."""
        with self._lock:
            self._added = self._added | {_hash(key) for key in keys}

    def refresh(self) -> None:
        """Load the keys again if a segment has come since; a costly load puts the next one off."""
        started = time.monotonic()
        folder = self._store.root / "segments" / "calls"
        with os_errors("list", folder):
            changed = folder.stat().st_mtime_ns
        if started < self._due or changed == self._seen:
            return
        sql = "SELECT DISTINCT md5_number_lower(key) AS hash FROM raw_calls WHERE status = 'ok' ORDER BY hash"
        before = self._added
        self._hashes = self._store.query(sql).column(0).to_numpy()
        with self._lock:
            self._added = self._added - before
        self._seen = changed
        self._due = time.monotonic() + max(REFRESH_SECONDS, (time.monotonic() - started) / REFRESH_SHARE)


@dataclass(slots=True)
class Batch:
    """Keys looked up together; `found` resolves to the answered calls by key."""

    keys: set[str] = field(default_factory=set)
    found: "Future[dict[str, Call]]" = field(default_factory=Future)


class Lookup:
    """Answered calls by key from the store, concurrent questions as one query, in a thread of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._next: Batch | None = None
        self._thread = ThreadPoolExecutor(1, "ledger-lookup")
        self._snapshot: Snapshot | None = None
        self._used = 0.0

    async def find(self, key: str) -> Call | None:
        """The answered call, if the store has it."""
        with self._lock:
            if self._next is None:
                self._next = Batch()
                self._next.found = self._thread.submit(self._answer, self._next)
            batch = self._next
            batch.keys.add(key)
        return (await _result(batch.found)).get(key)

    def close_idle(self) -> None:
        """Let go of a snapshot nobody has asked lately."""
        if self._snapshot and time.monotonic() - self._used > IDLE_SECONDS:
            self._thread.submit(self._close_snapshot)

    def close(self) -> None:
        """Finish what was asked and end the thread."""
        self._thread.submit(self._close_snapshot)
        self._thread.shutdown()

    def _answer(self, batch: Batch) -> dict[str, Call]:
        with self._lock:
            self._next = None
        self._used = time.monotonic()
        fresh = self._snapshot is None
        self._snapshot = self._snapshot or self._store.snapshot()
        found = _ask(self._snapshot, batch.keys)
        if not fresh and (missing := batch.keys - found.keys()):
            self._snapshot.refresh()
            found |= _ask(self._snapshot, missing)
        return found

    def _close_snapshot(self) -> None:
        if self._snapshot:
            self._snapshot.close()
            self._snapshot = None


class CallLedger:
    """`curation.teachers.protocol.Ledger` over a store; one a process, for any number of threads and event loops.

    Calls go to a write-ahead file and, every `roll_rows` calls, `roll_bytes` or `roll_seconds`, to a segment.
    """

    def __init__(
        self,
        store: Store,
        run_id: str = "",
        *,
        roll_rows: int = 5_000,
        roll_bytes: int = 16 << 20,
        roll_seconds: float = 20.0,
    ) -> None:
        self._store, self._run_id = store, run_id
        self._limits = (roll_rows, roll_bytes, roll_seconds)
        self._secrets = secrets_in()
        self._writing = threading.Lock()  # _wal, _recent
        self._keeping = threading.Lock()  # at most one thread flushes or rolls
        self._wal: Wal | None = None
        self._recent: dict[str, Call] = {}
        self._leaving: list[tuple[Wal, dict[str, Call]]] = []
        self._trouble: StoreError | None = None
        self.recovered = recover(store)
        self._stored = KeyFilter(store)
        self._lookup = Lookup(store)
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="ledger-keeper", daemon=True)
        self._keeper.start()

    async def find(self, key: str) -> Call | None:
        """The answered call of this key, or None; failed calls are never found."""
        if (call := self._recent.get(key)) is not None:
            return call
        for _, calls in self._leaving:
            if (call := calls.get(key)) is not None:
                return call
        return await self._lookup.find(key) if key in self._stored else None

    def record(self, call: Call) -> None:
        """Write the call down; on return it survives kill -9. StoreError when that is impossible (disk full)."""
        if self._trouble:
            raise self._trouble
        call = fit(call if call.created else replace(call, created=time.time()), self._secrets)
        frame = framed(self._run_id, call)
        with self._writing:
            if self._wal is None:
                self._wal = Wal.create(self._store)
            self._wal.append(frame)
            if call.status == "ok":
                self._recent[call.key] = call

    def roll(self) -> None:
        """Turn what was recorded into a segment, visible to SQL and to other processes."""
        with self._keeping:
            self._roll()

    def close(self) -> None:
        """Roll and end the threads; StoreError when what was recorded could not be rolled (it stays recoverable)."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._keeper.join()
        self._lookup.close()
        self.roll()

    def __enter__(self) -> "CallLedger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _roll(self) -> None:
        with self._writing:
            if self._wal is not None:
                self._leaving = [*self._leaving, (self._wal, self._recent)]
                self._wal, self._recent = None, {}
        for wal, calls in self._leaving:
            wal.roll(self._store)
            self._stored.add(list(calls))
            self._leaving = self._leaving[1:]

    def _keep(self) -> None:
        """Once a second: flush, roll what is due, notice what others stored."""
        while not self._stop.wait(SYNC_SECONDS):
            try:
                with self._keeping:
                    self._flush_or_roll()
                self._stored.refresh()
            except StoreError as error:
                self._trouble = error
            self._lookup.close_idle()

    def _flush_or_roll(self) -> None:
        wal = self._wal
        if wal is None:
            return
        rows, size, seconds = self._limits
        if wal.rows >= rows or wal.size >= size or time.monotonic() - wal.opened >= seconds:
            self._roll()
        else:
            wal.sync()


def _hash(key: str) -> int:
    """DuckDB's `md5_number_lower`."""
    return int.from_bytes(md5(key.encode(), usedforsecurity=False).digest()[8:], "little")


def _ask(snapshot: Snapshot, keys: set[str]) -> dict[str, Call]:
    return {row["key"]: Call(**row) for row in snapshot.query(FOUND, [sorted(keys)]).to_pylist()}


async def _result(future: "Future[dict[str, Call]]") -> dict[str, Call]:
    """Wait for a future that others wait for too: a cancelled waiter leaves it alone, and a closed loop is no error."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def wake(_: "Future[dict[str, Call]]") -> None:
        with suppress(RuntimeError):  # the loop was closed while we looked
            loop.call_soon_threadsafe(done.set)

    future.add_done_callback(wake)
    await done.wait()
    return future.result()
