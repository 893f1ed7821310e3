"""How many calls a teacher gets: the limit against servers that are only a formula, in a loop whose clock jumps."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable

import pytest

from curation.teachers.limits import AdaptiveLimit, Pace

Serve = Callable[[AdaptiveLimit], Awaitable[float | None]]


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop that does not wait for a timer but jumps to it, so minutes pass in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._now = max(self._now, heapq.nsmallest(1, self._scheduled)[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def drive(limit: AdaptiveLimit, calls: int, serve: Serve) -> float:
    """Seconds until all calls are answered. `serve` waits and gives None, or the Retry-After of a refusal."""

    async def one() -> None:
        again = False
        while True:
            ticket = await limit.acquire(again=again)
            began = asyncio.get_running_loop().time()
            try:
                refusal = await serve(limit)
                if refusal is None:
                    return limit.answered(asyncio.get_running_loop().time() - began)
                limit.refused(ticket, refusal or None)
            finally:
                limit.release()
            again = True

    async def run() -> float:
        await asyncio.gather(*[one() for _ in range(calls)])
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(run())


def test_it_grows_to_the_most_while_answers_come_as_quickly() -> None:
    async def serve(limit: AdaptiveLimit) -> None:
        await asyncio.sleep(0.05)

    limit = AdaptiveLimit(256)
    assert drive(limit, 10_000, serve) < 1.2 * 10_000 * 0.05 / 256
    assert (limit.limit, limit.refusals) == (256, 0)


def test_it_grows_while_more_in_flight_bring_more_even_if_each_takes_longer() -> None:
    async def batching(limit: AdaptiveLimit) -> None:
        await asyncio.sleep(0.1 + 0.001 * limit.in_flight)

    limit = AdaptiveLimit(256)
    drive(limit, 6000, batching)
    assert limit.limit == 256


def test_it_stops_growing_where_more_in_flight_only_wait_longer() -> None:
    free = 0.0

    async def one_at_a_time(limit: AdaptiveLimit) -> None:
        nonlocal free
        now = asyncio.get_running_loop().time()
        free = max(free, now) + 0.01
        await asyncio.sleep(free - now)

    limit = AdaptiveLimit(1024)
    assert drive(limit, 3000, one_at_a_time) == pytest.approx(30, rel=0.05)
    assert limit.limit < 128


@pytest.mark.parametrize("start", [32, 128, 256])
def test_a_cap_of_32_in_flight_is_found_and_kept(start: int) -> None:
    inside = 0

    async def capped(limit: AdaptiveLimit) -> float | None:
        nonlocal inside
        if inside >= 32:
            return 0.0
        inside += 1
        await asyncio.sleep(0.5)
        inside -= 1
        return None

    limit = AdaptiveLimit(256, start=start)
    assert drive(limit, 1000, capped) < 1.3 * 1000 * 0.5 / 32
    assert limit.refusals < max(100, start)


@pytest.mark.parametrize("wait", [0.0, 0.5], ids=["without Retry-After", "with Retry-After"])
def test_a_rate_of_100_a_second_is_used_up_with_few_refusals(wait: float) -> None:
    tokens, last = 100.0, 0.0

    async def rated(limit: AdaptiveLimit) -> float | None:
        nonlocal tokens, last
        now = asyncio.get_running_loop().time()
        tokens, last = min(100.0, tokens + (now - last) * 100), now
        if tokens < 1:
            return wait
        tokens -= 1
        await asyncio.sleep(0.2)
        return None

    limit = AdaptiveLimit(128)
    assert drive(limit, 1100, rated) < 1.3 * 10
    assert limit.refusals < 200


def test_while_the_endpoint_is_gone_one_call_at_a_time_looks_for_it() -> None:
    gone_until, tries, at_once = 60.0, 0, 0

    async def gone(limit: AdaptiveLimit) -> float | None:
        nonlocal tries, at_once
        tries += 1
        at_once = max(at_once, limit.in_flight)
        if asyncio.get_running_loop().time() >= gone_until:
            return None
        limit.lost(1.0)
        return 1.0

    limit = AdaptiveLimit(64, start=1)
    assert drive(limit, 500, gone) < gone_until + 20
    assert tries < 500 + 64


def test_cancelling_a_waiter_gives_its_slot_to_the_next() -> None:
    async def run() -> int:
        limit = AdaptiveLimit(1)
        await limit.acquire()
        waiting = [asyncio.create_task(limit.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        limit.release()
        waiting[0].cancel()
        await asyncio.wait(waiting, timeout=1, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0)
        assert waiting[0].cancelled()
        assert waiting[1].done()
        waiting[2].cancel()
        return limit.in_flight

    assert asyncio.run(run()) == 1


def test_pace_saves_up_one_second_and_no_more() -> None:
    pace = Pace(600)
    waits = [pace.reserve(1, now=100.0) for _ in range(13)]
    assert waits[:11] == [0.0] * 11
    assert waits[11:] == pytest.approx([0.1, 0.2])
    pace.settle(-2)
    assert pace.reserve(1, now=100.0) == pytest.approx(0.1)
    assert Pace(None).reserve(10**9, now=0.0) == 0.0


def test_steps_that_wait_for_one_teacher_take_turns() -> None:
    served: list[str] = []

    async def one(limit: AdaptiveLimit, lane: str) -> None:
        await limit.acquire(lane)
        served.append(lane)
        await asyncio.sleep(1)
        limit.release()

    async def both() -> None:
        limit = AdaptiveLimit(1)
        first = [asyncio.ensure_future(one(limit, "caption")) for _ in range(20)]
        await asyncio.sleep(0.5)
        await asyncio.gather(*first, *(one(limit, "verify") for _ in range(3)))

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(both())
    assert served[:7] == ["caption", "caption", "verify", "caption", "verify", "caption", "verify"]
    assert served.count("caption") == 20
