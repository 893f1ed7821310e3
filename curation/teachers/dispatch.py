"""Asks a teacher, at most once per call key: ledger, calls in flight, pace, retries, budget and record, in that order.

Every reply is in the ledger before the caller sees it, and nothing is awaited between a reply's last byte and its
record, so cancelling loses no answer that had arrived. What one attempt means is the transport's business; what a
reply is worth to a step is the step's.

A fault is held against a call only when it can be the call's: a server that is gone or asks for patience is waited for,
as long as nobody else is answered meanwhile (`Policy.patience`). One that never answered at all stops the run at once.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from curation.errors import RunStopped, SampleError, StoreError
from curation.records import Call, Image, Json
from curation.teachers.budget import Budget
from curation.teachers.calls import answered_call, described, expected_tokens, failed_call, key_of, reply_of
from curation.teachers.limits import AdaptiveLimit, Pace
from curation.teachers.prices import Price
from curation.teachers.protocol import STEP, Ledger, Message, Reply, Sampling
from curation.teachers.spec import TeacherSpec
from curation.teachers.transport import RawReply, Request, Transport, TryAgain

HOPELESS = 100  # refused requests in a row, with none answered ever, before the run stops


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How often and how long to try. Delays and patience are in seconds.

    `attempts` holds for connections and 5xx, `slow_attempts` for time-outs and malformed replies (each may be paid
    for), `busy_attempts` for 429 while others are answered. `patience` is how long a server that has answered before
    may be silent, `first_patience` how long one that never has.
    """

    attempts: int = 6
    slow_attempts: int = 3
    busy_attempts: int = 24
    first_delay: float = 0.5
    longest_delay: float = 30.0
    patience: float = 300.0
    first_patience: float = 1.5
    start_concurrency: int = 32

    def allowed(self, fault: TryAgain) -> int:
        """Attempts that may end in this fault."""
        if fault.fault in ("timeout", "malformed"):
            return self.slow_attempts
        return self.busy_attempts if fault.fault == "busy" else self.attempts

    def delay(self, tried: int) -> float:
        """Seconds before trying again: doubling, up to half of it left to chance."""
        return min(self.longest_delay, self.first_delay * 2.0 ** (tried - 1)) * random.uniform(0.5, 1.0)


@dataclass(slots=True)
class Trial:
    """How one call fared so far: `held` counts faults that were its own, `seen` the answers others had by the last.

    `seconds` is what the last attempt took, without any waiting before it.
    """

    attempts: int = 0
    seconds: float = 0.0
    held: int = 0
    busy: int = 0
    seen: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all teachers of a run share. `flights` holds calls being asked now, by call key."""

    ledger: Ledger
    read_image: Callable[[Image], bytes]
    budget: Budget
    policy: Policy
    flights: dict[str, asyncio.Future[Call]]
    observer: Callable[[Call], None] | None = None
    notice: Callable[[str], None] | None = None


class Dispatcher:
    """A `Teacher` over one transport. Use it from one event loop."""

    def __init__(self, spec: TeacherSpec, transport: Transport, shared: Shared, price: Price | None = None) -> None:
        self.spec, self._transport, self._shared, self._price = spec, transport, shared, price
        start = spec.max_concurrency if spec.batch else shared.policy.start_concurrency
        self.limit = AdaptiveLimit(spec.max_concurrency, start=start)
        self._requests, self._tokens = Pace(spec.rpm), Pace(spec.tpm)
        self._paced = bool(spec.rpm or spec.tpm)
        self._stopped: str = ""
        self._answers = self._downs = self._refused = 0
        self._trouble_since: float | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def model(self) -> str:
        return self.spec.model

    @property
    def prompts(self) -> str:
        return self.spec.prompts

    @property
    def sees(self) -> bool:
        return self.spec.sees

    async def ask(
        self,
        messages: Sequence[Message],
        *,
        sampling: Sampling = Sampling(),
        draw: int = 0,
        schema: Json = None,
    ) -> Reply:
        """See `Teacher.ask`. Identical calls in flight are asked once; a follower takes over a cancelled leader's."""
        request = self._request(tuple(messages), sampling, draw, schema)
        flights = self._shared.flights
        while (flight := flights.get(request.key)) is not None:
            await asyncio.wait((flight,))
            if not flight.cancelled():
                return reply_of(flight.result(), cached=True)
        flight = flights[request.key] = asyncio.get_running_loop().create_future()
        try:
            call, cached = await self._answer(request)
            flight.set_result(call)
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # nobody may be following
            raise
        finally:
            flight.cancel()  # no effect once it has a result
            del flights[request.key]
        return reply_of(call, cached=cached)

    def _request(self, messages: tuple[Message, ...], sampling: Sampling, draw: int, schema: Json) -> Request:
        try:
            wire = described(self.spec, messages, sampling, draw, schema)
        except TypeError:  # lone surrogates in a text
            messages = tuple(Message(m.role, m.text.encode("utf-8", "replace").decode(), m.images) for m in messages)
            wire = described(self.spec, messages, sampling, draw, schema)
        key = key_of(wire)
        return Request(
            key=key,
            wire=wire,
            model=self.spec.model,
            messages=messages,
            sampling=sampling,
            read_image=self._shared.read_image,
            schema=schema,
            draw=draw,
            seed=int(key[:8], 16) >> 1 if self.spec.send_seed else None,
        )

    async def _answer(self, request: Request) -> tuple[Call, bool]:
        """The call from the ledger (True) or asked now (False)."""
        known = await self._ledger(self._shared.ledger.find(request.key))
        if known is not None:
            return known, True
        if self._stopped:
            raise RunStopped(self._stopped)
        known = await self._ledger(self._shared.ledger.claim(request.key))
        if known is not None:
            return known, True
        try:
            return await self._paid(request), False
        finally:
            self._shared.ledger.release(request.key)

    async def _ledger(self, question: Awaitable[Call | None]) -> Call | None:
        try:
            return await question
        except StoreError as error:
            raise self._stop(f"the ledger cannot be read: {error}") from error

    async def _paid(self, request: Request) -> Call:
        """One call within the budget."""
        guess = expected_tokens(request)
        await self._shared.budget.begin(guess, self._price.of(guess, guess) if self._price else 0.0)
        call = None
        try:
            call = await self._asked(request, guess)
        finally:
            self._shared.budget.end(call)
        return call

    async def _asked(self, request: Request, guess: int) -> Call:
        trial = Trial()
        try:
            raw = await self._tried(request, trial, guess)
        except SampleError as error:
            self._record(failed_call(self.spec, request, error, trial.seconds, trial.attempts))
            self._note_refusal(error)
            raise
        call = answered_call(self.spec, request, raw, self._price, trial.seconds, trial.attempts)
        self._record(call)
        return call

    async def _tried(self, request: Request, trial: Trial, guess: int) -> RawReply:
        """One reply, however many attempts it takes. Raises `SampleError` when it is given up."""
        clock = asyncio.get_running_loop().time
        while True:
            if self._paced:
                await self._turn(guess)
            ticket = await self.limit.acquire(STEP.get(), again=trial.attempts > 0)
            began = clock()
            trial.attempts += 1
            try:
                raw = await self._complete(request)
                self._answered(raw, clock() - began, guess)
                return raw
            except TryAgain as fault:
                delay = await self._after(fault, trial, ticket)
            except RunStopped as error:
                raise self._stop(str(error)) from error
            finally:
                trial.seconds = clock() - began
                self.limit.release()
            if delay:
                await asyncio.sleep(delay)

    async def _complete(self, request: Request) -> RawReply:
        """One attempt; with `hedge`, a second one beside it when the first is late, and the first good answer."""
        if self.spec.hedge is None:
            return await self._transport.complete(request)
        tasks = [asyncio.ensure_future(self._transport.complete(request))]
        try:
            await asyncio.wait(tasks, timeout=self.spec.hedge)
            if tasks[0].done():
                return tasks[0].result()
            tasks.append(asyncio.ensure_future(self._transport.complete(request)))
            done, late = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if late and all(task.exception() for task in done):
                await asyncio.wait(late)
            return next((t for t in tasks if t.done() and not t.exception()), tasks[0]).result()
        finally:
            for task in tasks:
                task.cancel()

    async def _turn(self, guess: int) -> None:
        now = asyncio.get_running_loop().time()
        if wait := max(self._requests.reserve(1, now), self._tokens.reserve(guess, now)):
            await asyncio.sleep(wait)

    def _answered(self, raw: RawReply, seconds: float, guess: int) -> None:
        self._answers += 1
        self._downs = self._refused = 0
        if self._trouble_since is not None:
            self._trouble_since = None
        if not self.spec.batch:
            self.limit.answered(seconds, (raw.completion_tokens or 0) + 1)
        if self._paced:
            self._tokens.settle((raw.prompt_tokens or 0) + (raw.completion_tokens or 0) - guess)

    async def _after(self, fault: TryAgain, trial: Trial, ticket: int) -> float:
        """Seconds to wait before the next attempt. Raises `SampleError` or `RunStopped` when there is none."""
        if fault.fault == "busy" or fault.status == 503:
            self.limit.refused(ticket, fault.retry_after, overload=fault.fault == "down")
        own = await self._is_its_own(fault, trial)
        trial.seen = self._answers
        if own:
            self._hold_against(fault, trial)
        else:
            self._wait_for_server(fault)
        if fault.fault == "busy":
            trial.busy += 1
            return self._shared.policy.delay(trial.busy - 1) if trial.busy > 1 else 0.0
        return self._shared.policy.delay(trial.held) if own else 0.0

    def _hold_against(self, fault: TryAgain, trial: Trial) -> None:
        trial.held += 1
        if trial.held >= self._shared.policy.allowed(fault):
            tried = f"{fault.detail} (after {trial.attempts} attempts)" if trial.attempts > 1 else fault.detail
            raise SampleError(fault.reason, tried, fault.raw)

    def _wait_for_server(self, fault: TryAgain) -> None:
        """Hold everyone back while nobody is answered. Raises `RunStopped` when that has lasted too long."""
        now = asyncio.get_running_loop().time()
        if self._trouble_since is None:
            self._trouble_since = now
        waited = now - self._trouble_since
        self._check_patience(fault, waited)
        if fault.fault == "down":
            self._downs += 1
            if self._downs == 3:
                self._say(f"{self.spec.name} is not answering ({fault.detail}); waiting for it")
            if self._downs >= 3 or self.limit.in_flight == 1:
                self.limit.lost(min(5.0, max(0.25, waited / 2)))

    async def _is_its_own(self, fault: TryAgain, trial: Trial) -> bool:
        """Whether the fault counts against the call rather than the server."""
        if fault.fault not in ("busy", "down"):
            return True
        if 0 <= trial.seen < self._answers:
            return True
        return fault.fault == "down" and await self._transport.alive()

    def _check_patience(self, fault: TryAgain, waited: float) -> None:
        if self.limit.in_flight > 1:  # others may be minutes into their replies
            return
        policy = self._shared.policy
        quick = fault.fault == "down" and not self._answers
        if waited >= (policy.first_patience if quick else policy.patience):
            where = self.spec.base_url or self.spec.name
            silent = f"{where} answered nothing for {waited:.0f} s" if self._answers else f"nothing answers at {where}"
            raise self._stop(f"{silent}: {fault.detail}; start the server or mend --teacher, then run again")

    def _note_refusal(self, error: SampleError) -> None:
        """Stop when it is not the samples: every request ever sent was refused."""
        if error.reason in ("call_bad_request", "call_refused") and not self._answers:
            self._refused += 1
            if self._refused >= HOPELESS:
                raise self._stop(f"{self.spec.name} refused all of the first {HOPELESS} requests: {error.detail}")

    def _stop(self, line: str) -> RunStopped:
        self._stopped = self._stopped or line
        error = RunStopped(self._stopped)
        self.limit.close(error)
        return error

    def _record(self, call: Call) -> None:
        try:
            self._shared.ledger.record(call)
        except StoreError as error:
            raise self._stop(f"a reply could not be recorded: {error}") from error
        if self._shared.observer is not None:
            self._shared.observer(call)

    def _say(self, line: str) -> None:
        if self._shared.notice is not None:
            self._shared.notice(line)
