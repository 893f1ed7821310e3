"""How many calls one teacher gets at a time, and how fast. Knows nothing of HTTP or of what a call is.

`AdaptiveLimit` starts low and grows by one an answer (so it doubles each round trip) until the endpoint refuses or more
calls in flight bring no more answers. A refusal halves it, once for each burst. How many of a burst were let in tells
where the endpoint's own limit lies; the limit climbs back to there quickly and beyond only by rare small probes, which
is why a server capped at 32 sees tens of refusals, not hundreds.
"""

import asyncio
from collections import deque

PROBE_AFTER, LATEST_PROBE = 8, 64  # answers a slot at the ceiling before trying more; doubles when a probe fails
GAIN = 1.1  # throughput that doubling the calls in flight must bring
LONGEST_PAUSE = 5.0  # seconds, when the endpoint does not say how long to wait


class AdaptiveLimit:
    """Slots for calls in flight, on one event loop. `acquire` hands out a ticket to give back with what happened."""

    def __init__(self, most: int, *, start: int = 32) -> None:
        self.most = self.ceiling = most
        self.limit = min(start, most)
        self.in_flight = 0
        self.refusals = 0
        self._ahead, self._waiting = _Lanes(), _Lanes()
        self._closed: Exception | None = None
        self._resume_at = 0.0
        self._down = False
        self._burst = _Burst()
        self._window = _Window(self.limit)
        self._credit, self._stride, self._rounds = 0, 1, PROBE_AFTER

    async def acquire(self, lane: str = "", *, again: bool = False) -> int:
        """A slot, and its ticket. Calls tried again go before new ones, and lanes (the steps of a recipe) take turns,
        so that a step with many calls does not hold up the one that ends a sample. Raises what `close` was given.
        """
        if self._closed is not None:
            raise self._closed
        if self.in_flight < self._room() and not self._waiting and not self._ahead:
            self.in_flight += 1
            return self._burst.number
        slot: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        (self._ahead if again else self._waiting).append(lane, slot)
        try:
            return await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled() and slot.exception() is None:
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back, after `answered` or `refused` where either happened."""
        self.in_flight -= 1
        self._admit()

    def answered(self, seconds: float, units: float = 1.0) -> None:
        """A call came back well. `units` says how much it brought (tokens, or 1), for judging throughput."""
        self._burst.pauses = 0
        if self._down:
            self._down = False
            self._window.restart(self.limit)
        busy = self.in_flight >= self.limit
        if flat := self._window.add(units, seconds, self.limit, busy):
            self.limit = self.ceiling = flat
            self._credit, self._stride = 0, 1
        elif busy:
            self._grow()

    def refused(self, ticket: int, retry_after: float | None = None, *, overload: bool = False) -> None:
        """The endpoint asked for less: halve once a burst, and wait as long as it says.

        `overload` (503) says nothing about where the endpoint's limit lies, so the ceiling stays.
        """
        self.refusals += 1
        if ticket == self._burst.number:
            self._burst.begin(self.in_flight)
            self.limit = max(1, self.limit // 2)
            self._credit, self._stride, self._rounds = 0, 1, min(LATEST_PROBE, self._rounds * 2)
            self.pause(retry_after if retry_after is not None else self._burst.delay())
        elif retry_after:
            self.pause(retry_after)
        if not overload:
            self.ceiling = max(1, min(self.most, self._burst.let_in()))
            self.limit = min(self.limit, self.ceiling)
        self._window.restart(self.limit)

    def lost(self, delay: float) -> None:
        """The endpoint is gone: one call at a time from `delay` seconds on, until one is answered."""
        self._down = True
        self.pause(delay)

    def pause(self, seconds: float) -> None:
        """Hand out no slot for so long."""
        loop = asyncio.get_running_loop()
        if (until := loop.time() + seconds) > self._resume_at:
            self._resume_at = until
            loop.call_at(until + 0.001, self._admit)

    def close(self, error: Exception) -> None:
        """Raise `error` in everyone waiting and everyone to come."""
        self._closed = self._closed or error
        for queue in (self._ahead, self._waiting):
            while queue:
                if not (slot := queue.popleft()).done():
                    slot.set_exception(self._closed)

    def _room(self) -> int:
        if self._resume_at and asyncio.get_running_loop().time() < self._resume_at:
            return 0
        self._resume_at = 0.0
        return 1 if self._down else self.limit

    def _admit(self) -> None:
        room = self._room()
        while self.in_flight < room and (queue := self._ahead or self._waiting):
            if not (slot := queue.popleft()).done():
                self.in_flight += 1
                slot.set_result(self._burst.number)

    def _grow(self) -> None:
        if self.limit < self.ceiling:
            self.limit += 1
        elif self.limit < self.most:
            self._credit += 1
            if self._credit >= self._rounds * self.limit:
                self._credit, self._rounds = 0, PROBE_AFTER if self._stride > 1 else self._rounds
                self.limit = self.ceiling = min(self.most, self.limit + self._stride)
                self._stride *= 2


class _Lanes:
    """Who waits for a slot: first come, first served within a lane, and one of each lane in turn."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[asyncio.Future[int]]] = {}

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def append(self, lane: str, slot: "asyncio.Future[int]") -> None:
        self._lanes.setdefault(lane, deque()).append(slot)

    def popleft(self) -> "asyncio.Future[int]":
        """The next to serve; its lane goes to the end of the row."""
        lane = next(iter(self._lanes))
        queue = self._lanes.pop(lane)
        slot = queue.popleft()
        if queue:
            self._lanes[lane] = queue
        return slot


class Pace:
    """A limit a minute, as a queue in time: `reserve` says how long to wait for one's turn."""

    def __init__(self, per_minute: float | None) -> None:
        self._seconds_each = 60 / per_minute if per_minute else 0.0
        self._next = 0.0

    def reserve(self, amount: float, now: float) -> float:
        """Seconds until `amount` may be spent; at most a second's worth is saved up."""
        if not self._seconds_each:
            return 0.0
        turn = max(self._next, now - 1.0)
        self._next = turn + amount * self._seconds_each
        return max(0.0, turn - now)

    def settle(self, surplus: float) -> None:
        """Correct a reservation by what was really spent beyond it (negative: less)."""
        self._next += surplus * self._seconds_each


class _Burst:
    """Refusals of calls sent before the last cut: one event, however many arrive."""

    def __init__(self) -> None:
        self.number, self.pauses = 0, 0
        self._sent, self._refused = 0, 0

    def begin(self, in_flight: int) -> None:
        self.number += 1
        self.pauses += 1
        self._sent, self._refused = in_flight, 0

    def let_in(self) -> int:
        """Calls of the burst that were not refused, counting one more refusal."""
        self._refused += 1
        return self._sent - self._refused

    def delay(self) -> float:
        """Seconds to hold back: doubling while nothing is answered."""
        return min(LONGEST_PAUSE, 0.05 * 2.0**self.pauses)


class _Window:
    """Throughput over as many answers as there are slots, compared with the last window that had fewer."""

    def __init__(self, limit: int) -> None:
        self._before: tuple[int, float] | None = None
        self._reset(limit)

    def restart(self, limit: int) -> None:
        self._before = None
        self._reset(limit)

    def _reset(self, limit: int) -> None:
        self._limit, self._count, self._units, self._seconds, self._busy = limit, 0, 0.0, 0.0, True

    def add(self, units: float, seconds: float, limit: int, busy: bool) -> int:
        """The smaller limit that did as well, or 0."""
        self._count += 1
        self._units += units
        self._seconds += seconds
        self._busy = self._busy and busy
        return self._judge(limit) if self._count >= self._limit else 0

    def _judge(self, limit: int) -> int:
        # By Little's law: calls in flight (when these were sent) over the time each took.
        rate = self._limit * self._units / max(self._seconds, 1e-9)
        before, busy, started = self._before, self._busy, self._limit
        self._reset(limit)
        if not busy:
            return 0
        self._before = (started, rate)
        if before is not None and started >= 1.5 * before[0] and rate < before[1] * GAIN:
            return before[0]
        return 0
