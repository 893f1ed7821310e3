"""A `Transport` over offline batches: requests are gathered into a file and sent, their answers waited for.

One JSON line a request with the call key as `custom_id`, as OpenAI's Batch API and `vllm run-batch` take it
(https://platform.openai.com/docs/guides/batch). `batch_protocol` has the parts, `batch_results` reads what comes back;
what works a batch off is a `BatchService`: `batch_http`, `batch_vllm`.

A batch is in the `BatchBook` before anything is sent, so a run that was killed finds it again, sends it only if the
service does not have it, and waits for its answers instead of paying for others. Answers nobody asks for any more
enter the ledger all the same.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import orjson

from curation.errors import RunStopped, SampleError, StoreError
from curation.records import Json
from curation.teachers.batch_protocol import Batch, BatchBook, BatchService, Gather, Progress
from curation.teachers.batch_results import read_result
from curation.teachers.calls import answered_call
from curation.teachers.completions import continued
from curation.teachers.prices import Price
from curation.teachers.protocol import Ledger, Sampling
from curation.teachers.spec import TeacherSpec, key_variable
from curation.teachers.transport import RawReply, Request, TryAgain

T = TypeVar("T")
TAKE_IN_SECONDS = 5.0  # to wait for another process that is asking the same call


@dataclass(slots=True)
class _Filling:
    """The next file: lines and ledger requests by call key."""

    lines: dict[str, bytes] = field(default_factory=dict)
    wires: dict[str, bytes] = field(default_factory=dict)
    size: int = 0

    def add(self, request: Request, line: bytes) -> None:
        self.lines[request.key], self.wires[request.key] = line, request.wire
        self.size += len(line)


class BatchTransport:
    """See the module and `open_batches`. Everything happens on one event loop."""

    def __init__(
        self,
        spec: TeacherSpec,
        body: Callable[[Request], Awaitable[Json]],
        service: BatchService,
        book: BatchBook,
        ledger: Ledger,
        *,
        price: Price | None,
        notice: Callable[[str], None],
        gather: Gather,
    ) -> None:
        self._spec, self._body, self._service, self._book, self._ledger = spec, body, service, book, ledger
        self._price, self._notice, self._gather = price, notice, gather
        self._place = spec.base_url or spec.kind
        self._waiting: dict[str, asyncio.Future[RawReply]] = {}
        self._pending: dict[str, str] = {}  # call key -> token of the batch that has it
        self._arrived: dict[str, RawReply] = {}  # answers on their way into the ledger
        self._filling, self._lock = _Filling(), asyncio.Lock()
        self._known: set[str] = set()  # tokens of batches that are being followed
        self._ours: set[str] = set()  # tokens of those that are ours to send
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._taking_in = 0

    async def complete(self, request: Request) -> RawReply:
        """See `Transport`: the answer from a batch, hours later perhaps."""
        if (arrived := self._arrived.get(request.key)) is not None:
            return arrived
        answer: asyncio.Future[RawReply] = asyncio.get_running_loop().create_future()
        self._waiting[request.key] = answer
        try:
            if request.key not in self._pending:
                await self._add(request)
            return await answer
        finally:
            if self._waiting.get(request.key) is answer:
                del self._waiting[request.key]

    async def alive(self) -> bool:
        """Batches wait for the service themselves."""
        return True

    def follow_open(self) -> None:
        """Wait for every batch of this endpoint and model that is under way, whoever sent it."""
        for batch in self._book.list_open(self._place, self._spec.model):
            if batch.token not in self._known:
                self._follow(batch, self._book.wires(batch))

    async def close(self) -> None:
        """Stop waiting. What is under way stays so, and the next run takes it in."""
        if self._timer:
            self._timer.cancel()
        deadline = time.monotonic() + TAKE_IN_SECONDS
        while self._taking_in and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Gathering

    async def _add(self, request: Request) -> None:
        async with self._lock:  # one picture at a time is encoded, and at most one file held
            line = orjson.dumps({"custom_id": request.key, "method": "POST", "url": "/v1/chat/completions",
                                 "body": await self._body(request)}) + b"\n"  # fmt: skip
            if self._filling.size + len(line) > self._gather.size:
                await self._send()
            self._filling.add(request, line)
            if len(self._filling.lines) >= self._gather.requests:
                await self._send()
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._gather.quiet, self._all_quiet)

    def _all_quiet(self) -> None:
        self._start(self._send_gathered())

    async def _send_gathered(self) -> None:
        async with self._lock:
            await self._send()

    async def _send(self) -> None:
        """Put what was gathered on its way; requests nobody waits for any more, or another process has sent, are not.

        Called under the lock.
        """
        filling, self._filling = self._filling, _Filling()
        try:
            self.follow_open()
            wanted = [key for key in filling.lines if key in self._waiting and key not in self._pending]
            if not wanted:
                return
            batch = Batch(token=secrets.token_hex(8), place=self._place, model=self._spec.model, requests=len(wanted),
                          created=time.time())  # fmt: skip
            wires = {key: filling.wires[key] for key in wanted}
            await asyncio.to_thread(self._book.keep, batch, {key: filling.lines[key] for key in wanted}, wires)
            self._ours.add(batch.token)
            self._follow(batch, wires)
        except StoreError as error:
            self._fail(filling.lines, RunStopped(f"a batch could not be kept: {error}"))

    # Waiting

    def _follow(self, batch: Batch, wires: Mapping[str, bytes]) -> None:
        self._known.add(batch.token)
        self._pending |= dict.fromkeys(wires, batch.token)
        self._start(self._see_through(batch, wires))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_through(self, batch: Batch, wires: Mapping[str, bytes]) -> None:
        """From wherever a batch stands to its answers in the ledger."""
        try:
            state = await self._received(batch)
            if state is not None:
                await self._take_in(state, wires)
        except (RunStopped, StoreError) as error:
            self._fail(wires, error if isinstance(error, RunStopped) else RunStopped(str(error)))
        except Exception as error:
            self._fail(wires, error)
            raise

    async def _received(self, batch: Batch) -> tuple[Batch, Progress] | None:
        """The batch, its results in the book, and how it ended; None when another process has dealt with it."""
        while True:
            if self._book.has_results(batch):
                return batch, Progress("done")
            if not batch.id:
                sent = await self._sent(batch)
                if sent is None:
                    return None
                batch = sent
            progress = await self._finished(batch)
            match progress.state:
                case "done" | "expired" | "cancelled":
                    await self._fetch(batch)
                    return batch, progress
                case "failed":
                    self._book.drop(batch)
                    raise RunStopped(f"{self._place} refused batch {batch.id}: {progress.detail}")
                case "full":
                    self._notice(f"{self._spec.name} takes no more batches for now ({progress.detail}); trying later")
                    await asyncio.sleep(self._gather.latest_look)
            if self._is_ours(batch):
                batch = replace(batch, id="")
                self._book.note_id(batch)
            elif (now := await self._later(batch)) is None:
                return None
            else:
                batch = now

    async def _sent(self, batch: Batch) -> Batch | None:
        """The batch with its id; None when another process sent it and has taken in what came of it."""
        while not self._is_ours(batch):
            now = await self._later(batch)
            if now is None or now.id:
                return now

        async def once() -> str:  # after any fault, the service may have it
            return await self._service.find(batch) or await self._service.send(batch, self._book.requests(batch))

        batch = replace(batch, id=await self._patiently(once))
        self._book.note_id(batch)
        self._notice(f"{self._spec.name}: sent batch {batch.id} of {batch.requests:,} requests")
        return batch

    def _is_ours(self, batch: Batch) -> bool:
        if batch.token not in self._ours and self._book.hold(batch):
            self._ours.add(batch.token)
        return batch.token in self._ours

    async def _later(self, batch: Batch) -> Batch | None:
        """What the process that holds it has written of it a moment later."""
        await asyncio.sleep(self._gather.first_look)
        return self._book.read(batch.token)

    async def _fetch(self, batch: Batch) -> None:
        with self._book.receiving(batch) as file:

            async def once() -> None:
                file.seek(0)
                file.truncate()
                await self._service.fetch(batch, file)

            await self._patiently(once)

    async def _finished(self, batch: Batch) -> Progress:
        """Look until the service is done with it, more and more rarely."""
        pause, said = self._gather.first_look, 0
        while (progress := await self._patiently(lambda: self._service.look(batch))).state == "running":
            if progress.done > said:
                said = progress.done
                self._notice(f"{self._spec.name}: batch {batch.id}, {said:,} of {batch.requests:,} done")
            await asyncio.sleep(pause)
            pause = min(self._gather.latest_look, pause * 1.5)
        return progress

    async def _patiently(self, action: Callable[[], Awaitable[T]]) -> T:
        """Do it until it works. Raises `RunStopped` when the service was silent for too long, or refuses."""
        pause, since = 0.5, time.monotonic()
        while True:
            try:
                return await action()
            except TryAgain as fault:
                if time.monotonic() - since > self._gather.patience:
                    gone = f"{self._place} cannot be reached: {fault.detail}"
                    raise RunStopped(f"{gone}; batches under way stay so, run again to take them in") from None
                await asyncio.sleep(max(pause, fault.retry_after or 0.0))
                pause = min(self._gather.latest_look, pause * 2)
            except SampleError as error:
                raise RunStopped(f"{self._place} refused a batch: {error.detail}") from None

    # Answers

    async def _take_in(self, ended: tuple[Batch, Progress], wires: Mapping[str, bytes]) -> None:
        """Hand the answers to those who wait, the others to the ledger; forget the batch when all are there."""
        batch, progress = ended
        self._taking_in += 1
        try:
            left = await asyncio.to_thread(lambda: dict(self._outcomes(batch, wires)))
            for key in wires:
                self._pending.pop(key, None)
                self._hand_out(key, left.get(key) or _missing(progress, batch))
            answers = {key: raw for key, raw in left.items() if isinstance(raw, RawReply)}
            entered = await asyncio.gather(*[self._enter(key, wires[key], raw) for key, raw in answers.items()])
            if all(entered):
                await asyncio.to_thread(self._book.drop, batch)
        finally:
            self._taking_in -= 1

    def _hand_out(self, key: str, outcome: RawReply | Exception) -> None:
        waiting = self._waiting.get(key)
        if isinstance(outcome, RawReply):
            self._arrived[key] = outcome
        if waiting is None or waiting.done():
            return
        if isinstance(outcome, RawReply):
            waiting.set_result(outcome)
        else:
            waiting.set_exception(outcome)

    async def _enter(self, key: str, wire: bytes, raw: RawReply) -> bool:
        """See that the ledger has the answer; whoever asked has put it there, by the time they release the key."""
        try:
            async with asyncio.timeout(TAKE_IN_SECONDS):
                known = await self._ledger.claim(key)
        except TimeoutError:
            return False
        if known is None:
            try:
                request = _request_of(key, wire)
                self._ledger.record(answered_call(self._spec, request, raw, self._price, 0.0, 1))
            finally:
                self._ledger.release(key)
        self._arrived.pop(key, None)
        return True

    def _outcomes(self, batch: Batch, wires: Mapping[str, bytes]) -> Iterator[tuple[str, RawReply | Exception]]:
        """What each result line says, of requests that are in the batch; the first line of a key counts."""
        seen: set[str] = set()
        for line in self._book.results(batch):
            key, outcome = read_result(line, where=f"{self._place}#{self._spec.model}", key=key_variable(self._spec))
            if key in wires and key not in seen:
                seen.add(key)
                if isinstance(outcome, RawReply) and self._spec.kind == "vllm":
                    outcome = continued(wires[key], outcome)
                yield key, outcome

    def _fail(self, keys: Mapping[str, object], error: Exception) -> None:
        for key in keys:
            self._pending.pop(key, None)
            if (waiting := self._waiting.get(key)) is not None and not waiting.done():
                waiting.set_exception(error)


@asynccontextmanager
async def open_batches(transport: BatchTransport) -> AsyncIterator[BatchTransport]:
    """The transport, with what earlier runs have under way, until the block ends."""
    try:
        transport.follow_open()
        yield transport
    finally:
        await transport.close()


def _missing(progress: Progress, batch: Batch) -> Exception:
    """Why a request of a finished batch has no result."""
    if progress.state == "cancelled":
        return RunStopped(f"batch {batch.id} was cancelled at the service; run again to send what it left undone")
    if progress.state == "expired":
        return TryAgain("flaky", "call_failed", f"batch {batch.id} expired before this request was answered")
    return TryAgain("malformed", "call_malformed", f"batch {batch.id} came back without this request")


def _request_of(key: str, wire: bytes) -> Request:
    """As much of a request as its ledger row needs."""
    doc = orjson.loads(wire)
    return Request(
        key=key, wire=wire, model=doc["model"], messages=(), sampling=Sampling(), read_image=_no_image, draw=doc["draw"]
    )


def _no_image(image: object) -> bytes:
    raise LookupError(image)
