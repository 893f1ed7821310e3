"""The ledger of model calls: an answered call is written down before anyone sees it, and never asked again.

Promised: once `record` returns, the call survives kill -9 of this process; about a second later (`SYNC_SECONDS`) it
also survives a power cut. `find` knows every answered call that was stored when the ledger was opened, those recorded
here, and, a second late, those that other processes have rolled. `claim` knows every call that any process on this
machine has recorded, and gives a key to one of them at a time. A child made by fork shares the locks of its parent:
until it ends too, nobody recovers the parent's file or asks the keys it had claimed.
"""

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType

from curation.errors import StoreError
from curation.records import Call
from storage.claims import Claims
from storage.known_keys import StoredKeys
from storage.redact import fit, secrets_in
from storage.snapshot import Snapshot
from storage.store import Store
from storage.tails import Tails
from storage.wal import Wal, framed, recover

SYNC_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5  # seconds between looks at a key that another process is asking
IDLE_SECONDS = 3.0  # an open snapshot keeps garbage from being collected

FOUND = """
SELECT * EXCLUDE (run_id) FROM raw_calls WHERE status = 'ok' AND key IN (SELECT unnest($1::VARCHAR[]))
QUALIFY row_number() OVER (PARTITION BY key ORDER BY created DESC) = 1
"""


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
        self._snapshot = self._snapshot or self._store.snapshot(lean=True)
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
        self._stored = StoredKeys(store)
        self._lookup = Lookup(store)
        self._claims = Claims(store)
        self._ours: set[str] = set()
        self._tails = Tails(store, self._ours.__contains__, self._stored.add)
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

    async def claim(self, key: str) -> Call | None:
        """Wait until nobody else on this machine asks the key: the answer they recorded, or None when it is ours to
        ask until `release`.
        """
        pause = FIRST_PAUSE
        while not self._claims.take(key):
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 1.5)
        call = None
        try:
            call = await self._anywhere(key)
            return call
        except BaseException:
            self.release(key)
            raise
        finally:
            if call is not None:
                self.release(key)

    def release(self, key: str) -> None:
        """End a claim, after `record` where there was an answer."""
        self._claims.give_back(key)

    async def _anywhere(self, key: str) -> Call | None:
        """`find`, but up to this moment. Calls move from files to segments to generations: look in that order."""
        if (call := self._tails.find(key)) is not None:
            return call
        self._stored.catch_up()
        return await self.find(key)

    def record(self, call: Call) -> None:
        """Write the call down; on return it survives kill -9. StoreError when that is impossible (disk full)."""
        if self._trouble:
            raise self._trouble
        call = fit(call if call.created else replace(call, created=time.time()), self._secrets)
        frame = framed(self._run_id, call)
        with self._writing:
            if self._wal is None:
                self._wal = Wal.create(self._store)
                self._ours.add(self._wal.path.name)
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
        self._tails.close()
        self._claims.close()
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
            self._stored.add(list(calls), segment=wal.path.stem)
            wal.roll(self._store)
            self._leaving = self._leaving[1:]

    def _keep(self) -> None:
        """Once a second: flush, roll what is due, notice what others stored."""
        while not self._stop.wait(SYNC_SECONDS):
            try:
                with self._keeping:
                    self._flush_or_roll()
                self._stored.catch_up()
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
