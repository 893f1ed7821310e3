"""What a running job holds open: the store, the ledger, the teachers, and one event loop for all model calls.

Batches come from any thread and run on that loop, so every batch shares one dispatcher and its limits. On Dask or Ray
each worker process opens a session of its own on the same store.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing, contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

from curation.engine import Engine, OutcomeKey, Result
from curation.errors import RunStopped, SampleError, StoreError
from curation.recipe import Bound, BoundDraws, Plan, Stage
from curation.records import Image, Outcome, Sample
from curation.teachers import open_teachers
from curation.teachers.budget import Budget
from curation.teachers.protocol import Teacher
from flows.job import Prepared
from flows.pass_rates import pass_rate
from flows.progress import Progress
from flows.writer import SECONDS, Writer
from storage.batch_book import StoredBatches
from storage.corpus import known_fingerprints, known_outcomes
from storage.ledger import CallLedger
from storage.snapshot import Snapshot
from storage.store import Store

T = TypeVar("T")
RETRY = frozenset({"call_failed", "call_timeout", "call_malformed", "step_error"})
"""Failures that asking again may mend: a later run tries these samples again, and no others."""


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="vistill-calls", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)


class Session:
    """An open job; see `open_session`."""

    def __init__(
        self,
        prepared: Prepared,
        run_id: str,
        store: Store,
        loop: Loop,
        teachers: Mapping[str, Teacher],
        progress: Progress,
    ) -> None:
        self.prepared, self.run_id, self.store, self.progress = prepared, run_id, store, progress
        self.writer = Writer(store, run_id)
        self._loop, self._teachers = loop, teachers
        self.resumes = self._any_known()
        self._trouble: StoreError | None = None
        self._terminal = _terminal_steps(prepared.plan)
        self._flusher = loop.submit(self._flush_often())
        self._learned: dict[str, dict[OutcomeKey, Outcome]] = {}
        self._running: set[Future[list[Result]]] = set()

    def submit(self, stage: Stage, samples: Sequence[Sample]) -> "Future[list[Result]]":
        """Run one batch through a row-wise stage; the future fails only with `RunStopped` or a broken store."""
        future = self._loop.submit(self._run(stage, samples))
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    def cancel(self) -> None:
        """Stop every batch under way; answers that arrived are in the ledger, outcomes so far are written."""
        under_way = list(self._running)
        for future in under_way:
            future.cancel()
        wait(under_way, timeout=10)

    async def _run(self, stage: Stage, samples: Sequence[Sample]) -> list[Result]:
        known: dict[OutcomeKey, Outcome] = {}
        unknown = [sample for sample in samples if sample.id not in self._learned]
        if unknown:
            await asyncio.to_thread(self.learn, stage, unknown)
        for sample in samples:
            known |= self._learned.pop(sample.id)
        return await Engine(stage.parts, self._teachers, stage.carried).run(samples, known, self._emit)

    def learn(self, stage: Stage, samples: Sequence[Sample], snapshot: Snapshot | None = None) -> None:
        """Look up what earlier runs found out about these samples; many at a time, since a look-up costs the same."""
        learned: dict[str, dict[OutcomeKey, Outcome]] = {sample.id: {} for sample in samples}
        if self.resumes or stage.carried:
            prints = [print for part in stage.parts for print in fingerprints(part)] + list(stage.carried.values())
            with nullcontext(snapshot) if snapshot else self.store.snapshot(lean=True) as view:
                for outcome in known_outcomes(view, list(learned), prints):
                    if outcome.reason not in RETRY:
                        learned[outcome.sample_id][outcome.key] = outcome
        self._learned.update(learned)

    async def _flush_often(self) -> None:
        """Write outcomes as they come, however long a batch takes."""
        while self._trouble is None:
            await asyncio.sleep(SECONDS)
            if self.writer.due:
                try:
                    await asyncio.to_thread(self.writer.flush)
                except StoreError as error:
                    self._trouble = error

    def close(self) -> None:
        """Stop the background writing and write what is left."""
        self._flusher.cancel()
        wait([self._flusher], timeout=10)
        self.writer.flush()

    def _any_known(self) -> bool:
        prints = [row[2] for row in self.prepared.plan.table()]
        with self.store.snapshot(lean=True) as snapshot:
            return bool(known_fingerprints(snapshot, prints))

    def _emit(self, outcome: Outcome, fresh: bool) -> None:
        if self._trouble is not None:
            raise RunStopped(f"outcomes cannot be written: {self._trouble}")
        self.progress.outcome(outcome, fresh)
        if outcome.step in self._terminal and (outcome.status != "ok" or self._terminal[outcome.step]):
            self.progress.finished(1)
        if fresh:
            self.writer.add(outcome, pass_rate(self.prepared, outcome) if outcome.step == "draws" else None)

    def picture(self, image: Image) -> bytes:
        return read_picture(self.store, image)


def _terminal_steps(plan: Plan) -> dict[str, bool]:
    """Row-wise steps at which a sample can leave its stage; True where passing it ends the stage."""
    rows = [stage for stage in plan.stages if stage.scope == "row"]
    return {part.name: part is stage.parts[-1] for stage in rows for part in stage.parts}


def read_picture(store: Store, image: Image) -> bytes:
    """The stored bytes of an image. Raises `SampleError` when the file is gone or damaged: other samples can go on."""
    try:
        return store.read_image(image.sha256, image.format)
    except StoreError as error:
        raise SampleError("image_missing", str(error)) from error


def fingerprints(part: Bound | BoundDraws) -> Iterator[str]:
    """A part's own, then those of the steps inside it."""
    yield part.fingerprint
    if isinstance(part, BoundDraws):
        yield from (step.fingerprint for step in part.steps)


@contextmanager
def open_session(prepared: Prepared, run_id: str, progress: Progress) -> Iterator[Session]:
    """Store, ledger and teachers of a job, closed in the right order whatever happens."""
    job = prepared.job
    store = Store.open(job.store)
    with ExitStack() as stack:
        ledger = stack.enter_context(closing(CallLedger(store, run_id=run_id)))
        loop = stack.enter_context(closing(Loop()))
        manager = open_teachers(
            prepared.teachers,
            ledger=ledger,
            read_image=partial(read_picture, store),
            observer=progress.call,
            notice=progress.notice,
            book=stack.enter_context(closing(StoredBatches(store))),
            budget=Budget(max_cost=job.max_cost, max_calls=job.max_calls, max_tokens=job.max_tokens),
        )
        teachers = loop.submit(manager.__aenter__()).result()
        stack.callback(lambda: loop.submit(manager.__aexit__(None, None, None)).result())
        session = Session(prepared, run_id, store, loop, teachers, progress)
        stack.callback(session.close)
        yield session
