"""The dispatcher over real sockets: what is asked, how often, within which budget, and what is recorded."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import orjson
import pytest

from curation.errors import ConfigError, RunStopped, SampleError, StoreError
from curation.records import Call, Image, digest
from curation.teachers import open_teachers
from curation.teachers.budget import Budget
from curation.teachers.protocol import Message, Reply, Sampling
from curation.teachers.spec import assign, parse_teacher
from tests.fakes.asking import KEY, QUICK, ask_all, failure, no_image
from tests.fakes.memory_ledger import MemoryLedger
from tests.fakes.model_server import Fault, ModelServer, error, first

IMAGE = Image("ab" * 32, "PNG", 4, 2, 10, "cd" * 16, 7)


def test_an_answered_call_is_never_asked_again() -> None:
    ledger = MemoryLedger()
    with ModelServer() as server:
        [first_time] = ask_all(f"{server.url}#fake", ["q"], ledger=ledger)
        [second_time] = ask_all(f"{server.url}?concurrency=3&timeout=9#fake", ["q"], ledger=ledger)
    assert isinstance(first_time, Reply)
    assert isinstance(second_time, Reply)
    assert (first_time.cached, second_time.cached) == (False, True)
    assert (second_time.text, second_time.key) == (first_time.text, first_time.key)
    assert len(server.requests) == 1


def test_a_failed_call_is_asked_again_by_the_next_run() -> None:
    ledger = MemoryLedger()
    with ModelServer(first(6, error(500))) as server:
        [failed] = ask_all(f"{server.url}#fake", ["q"], ledger=ledger)
        [mended] = ask_all(f"{server.url}#fake", ["q"], ledger=ledger)
    assert failure(failed).reason == "call_failed"
    assert isinstance(mended, Reply)
    assert [call.status for call in ledger.calls] == ["call_failed", "ok"]


def test_identical_calls_in_flight_are_asked_once() -> None:
    with ModelServer(latency=0.1) as server:
        replies = ask_all(f"{server.url}#fake", ["same"] * 40 + ["other"])
    assert len(server.requests) == 2
    assert {reply.text for reply in replies[:40] if isinstance(reply, Reply)} == {replies[0].text}  # type: ignore[union-attr]


def test_followers_share_their_leaders_failure() -> None:
    with ModelServer(lambda request: error(400, "no"), latency=0.05) as server:
        results = ask_all(f"{server.url}#fake", ["same"] * 5)
    assert [failure(result).reason for result in results] == ["call_bad_request"] * 5
    assert len(server.requests) == 1


def test_a_follower_takes_over_when_the_leader_is_cancelled() -> None:
    async def run(url: str) -> Reply:
        specs = assign([parse_teacher(url)], ["judge"])
        async with open_teachers(specs, ledger=MemoryLedger(), read_image=no_image, policy=QUICK) as teachers:
            leader = asyncio.create_task(teachers["judge"].ask([Message("user", "q")]))
            await asyncio.sleep(0.05)
            follower = asyncio.create_task(teachers["judge"].ask([Message("user", "q")]))
            await asyncio.sleep(0.05)
            leader.cancel()
            return await follower

    with ModelServer(latency=0.2) as server:
        assert asyncio.run(run(f"{server.url}#fake")).text.startswith("reply")


def test_cancelling_leaves_slots_and_ledger_as_if_nothing_had_been_asked() -> None:
    ledger = MemoryLedger()

    async def run(url: str) -> tuple[int, Reply]:
        specs = assign([parse_teacher(url)], ["judge"])
        async with open_teachers(specs, ledger=ledger, read_image=no_image, policy=QUICK) as teachers:
            asks = [asyncio.create_task(teachers["judge"].ask([Message("user", str(i))])) for i in range(60)]
            await asyncio.sleep(0.1)
            for ask in asks:
                ask.cancel()
            await asyncio.gather(*asks, return_exceptions=True)
            return len(ledger.calls), await teachers["judge"].ask([Message("user", "after")])

    with ModelServer(latency=0.3) as server:
        recorded, after = asyncio.run(run(f"{server.url}?concurrency=8#fake"))
    assert recorded == 0
    assert after.text.startswith("reply")


KEYED: dict[str, Callable[[], Mapping[str, Any]]] = {
    "teacher": lambda: {"teacher": "other@{url}#fake"},
    "model": lambda: {"teacher": "me@{url}#fake-2"},
    "text": lambda: {"messages": [Message("user", "q!")]},
    "role": lambda: {"messages": [Message("system", "q")]},
    "image": lambda: {"messages": [Message("user", "q", (IMAGE,))]},
    "temperature": lambda: {"sampling": Sampling(temperature=0.5)},
    "limit": lambda: {"sampling": Sampling(max_tokens=9)},
    "draw": lambda: {"draw": 1},
    "schema": lambda: {"schema": {"type": "object"}},
}
UNKEYED: dict[str, Callable[[], Mapping[str, Any]]] = {
    "nothing": lambda: {},
    "concurrency": lambda: {"teacher": "me@{url}?concurrency=2#fake"},
    "timeout and pace": lambda: {"teacher": "me@{url}?timeout=5&rpm=100000#fake"},
    "pixels without images": lambda: {"teacher": "me@{url}?max_pixels=2048#fake"},
    "role served": lambda: {"teacher": "judge=me@{url}#fake"},
}


@pytest.mark.parametrize("change", KEYED.values(), ids=KEYED.keys())
def test_what_decides_a_reply_is_asked_anew(change: Callable[[], Mapping[str, Any]], monkeypatch: Any) -> None:
    monkeypatch.setattr("curation.pictures.data_url", lambda data, *, max_pixels: "data:image/png;base64,AA==")
    assert calls_after(change()) == 2


@pytest.mark.parametrize("change", UNKEYED.values(), ids=UNKEYED.keys())
def test_what_does_not_decide_a_reply_is_not_asked_again(change: Callable[[], Mapping[str, Any]]) -> None:
    assert calls_after(change()) == 1


def calls_after(change: Mapping[str, Any]) -> int:
    """Calls made by asking once plainly and once with a change, on one ledger and two servers."""
    ledger, made = MemoryLedger(), 0
    for settings in ({}, change):
        with ModelServer(models=None) as server:
            how = {"teacher": "me@{url}#fake", "messages": [Message("user", "q")], **settings}
            asyncio.run(ask_once(how, server.url, ledger))
            made += len(server.requests)
    return made


async def ask_once(how: dict[str, Any], url: str, ledger: MemoryLedger) -> Reply:
    specs = assign([parse_teacher(how.pop("teacher").format(url=url))], ["judge"])
    async with open_teachers(specs, ledger=ledger, read_image=lambda image: b"png") as teachers:
        return await teachers["judge"].ask(how.pop("messages"), **how)


def test_a_picture_counts_as_another_only_where_the_pixel_budget_shrinks_it(monkeypatch: Any) -> None:
    monkeypatch.setattr("curation.pictures.data_url", lambda data, *, max_pixels: "data:image/png;base64,AA==")
    ledger = MemoryLedger()
    large = Image("ef" * 32, "PNG", 100, 100, 10, "cd" * 16, 7)
    with ModelServer() as server:
        for budget in (20_000, 50_000, 2_000, 4_000):
            how = {"teacher": f"me@{server.url}?max_pixels={budget}#fake", "messages": [Message("user", "q", (large,))]}
            asyncio.run(ask_once(how, server.url, ledger))
    assert len(server.requests) == 3


def test_the_recorded_request_is_what_the_key_digests() -> None:
    ledger = MemoryLedger()
    with ModelServer() as server:
        ask_all(
            f"{server.url}#fake", ["q \ud800"], ledger=ledger, sampling=Sampling(temperature=0.6, stop=("x",)), draw=3
        )
    [call] = ledger.calls
    assert digest(orjson.loads(call.request)) == call.key
    assert (call.draw, call.prompt_tokens is not None, call.created > 0) == (3, True, True)


def test_an_image_is_read_and_encoded_once_and_recorded_by_its_hash(monkeypatch: Any) -> None:
    encoded: list[int] = []

    def data_url(data: bytes, *, max_pixels: int) -> str:
        encoded.append(max_pixels)
        return "data:image/png;base64,QUJD"

    monkeypatch.setattr("curation.pictures.data_url", data_url)
    ledger = MemoryLedger()

    async def run(url: str) -> None:
        specs = assign([parse_teacher(f"{url}?max_pixels=5000#fake")], ["captioner"])
        async with open_teachers(specs, ledger=ledger, read_image=lambda image: b"bytes") as teachers:
            asks = [teachers["captioner"].ask([Message("user", f"q{i}", (IMAGE,))]) for i in range(20)]
            await asyncio.gather(*asks)

    with ModelServer() as server:
        asyncio.run(run(server.url))
    assert encoded == [5000]
    shown = {orjson.dumps(request["messages"][0]["content"][0]) for request in server.requests}
    assert shown == {b'{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}'}
    assert all(IMAGE.sha256 in call.request and "base64" not in call.request for call in ledger.calls)


def test_an_unreadable_image_fails_its_sample_without_a_request() -> None:
    def gone(image: Image) -> bytes:
        raise SampleError("image_missing", "not there")

    async def run(url: str) -> None:
        specs = assign([parse_teacher(f"{url}#fake")], ["captioner"])
        async with open_teachers(specs, ledger=MemoryLedger(), read_image=gone) as teachers:
            await teachers["captioner"].ask([Message("user", "q", (IMAGE,))])

    with ModelServer() as server:
        with pytest.raises(SampleError, match="image_missing"):
            asyncio.run(run(server.url))
        assert server.requests == []


def test_requests_a_minute_are_kept() -> None:
    with ModelServer() as server:
        began = time.monotonic()
        ask_all(f"{server.url}?rpm=600#fake", [str(i) for i in range(16)])
        took = time.monotonic() - began
    assert 0.4 < took < 4  # 600 a minute are ten a second, ten of which may be saved up


def test_keys_reach_the_endpoint_and_nothing_else(monkeypatch: Any) -> None:
    monkeypatch.setenv("VISTILL_KEY_LAB", KEY)
    ledger = MemoryLedger()

    def reply(request: dict[str, Any]) -> Any:
        echo = {"ok": f"your key is {KEY}", "bad": error(400, f"key {KEY} may not"), "sick": error(500, f"for {KEY}")}
        return echo[request["messages"][0]["content"]]

    with ModelServer(reply, api_key=KEY) as server:
        results = ask_all(f"lab@{server.url}#fake", ["ok", "bad", "sick"], ledger=ledger)
    assert len(ledger.calls) == 3
    shown = str([asdict(call) for call in ledger.calls]) + str(results) + str([vars(r) for r in results[1:]])
    assert KEY not in shown
    assert "[key]" in shown
    assert {headers["authorization"] for headers in server.headers} == {f"Bearer {KEY}"}


@pytest.mark.parametrize("latency", [0.0, 0.05])
def test_a_call_budget_is_spent_to_the_last_call_and_not_beyond(latency: float) -> None:
    ledger = MemoryLedger()
    with ModelServer(latency=latency) as server:
        results = ask_all(f"{server.url}#fake", [str(i) for i in range(60)], ledger=ledger, budget=Budget(max_calls=25))
    stops = [result for result in results if isinstance(result, RunStopped)]
    assert len(server.requests) == len(ledger.calls) == 25
    assert len(stops) == 35
    assert "--max-calls 25: 25 made" in str(stops[0])


@pytest.mark.parametrize(
    ("budget", "calls", "words"),
    [
        (lambda: Budget(max_tokens=1000), 33, "--max-tokens 1000: 990 used, the next call takes about 30"),
        (lambda: Budget(max_cost=1.01), 20, "--max-cost 1.01: $1.0000 spent, the next call costs about $0.0500"),
    ],
    ids=["tokens", "cost"],
)
def test_a_budget_is_used_up_but_not_passed(
    budget: Callable[[], Budget], calls: int, words: str, monkeypatch: Any, tmp_path: Any
) -> None:
    (tmp_path / "prices.csv").write_text("model,input,output\nfake,1000,2000\n")
    monkeypatch.setenv("VISTILL_PRICES", str(tmp_path / "prices.csv"))
    answer = {"content": "well", "usage": {"prompt_tokens": 10, "completion_tokens": 20}}
    ledger = MemoryLedger()
    with ModelServer(lambda request: answer, latency=0.01) as server:
        texts = [str(i) for i in range(80)]
        results = ask_all(f"{server.url}#fake", texts, ledger=ledger, budget=budget())
    assert len(ledger.calls) == len(server.requests) == calls
    [stop] = {str(result) for result in results if isinstance(result, RunStopped)}
    assert words in stop


def test_a_cost_limit_needs_a_price() -> None:
    with ModelServer() as server, pytest.raises(ConfigError, match="the price of fake is unknown"):
        ask_all(f"{server.url}#fake", ["q"], budget=Budget(max_cost=1.0))


def test_a_reply_that_cannot_be_recorded_stops_the_run() -> None:
    class Full(MemoryLedger):
        def record(self, call: Call) -> None:
            raise StoreError("no space left on device")

    with ModelServer() as server:
        results = ask_all(f"{server.url}?concurrency=2#fake", [str(i) for i in range(50)], ledger=Full())
    assert all(isinstance(result, RunStopped) for result in results)
    assert "no space left" in str(results[0])
    assert len(server.requests) <= 4


def test_a_reply_is_in_the_ledger_before_the_step_sees_it() -> None:
    order: list[str] = []

    class Watching(MemoryLedger):
        def record(self, call: Call) -> None:
            order.append("recorded")

    async def run(url: str) -> None:
        specs = assign([parse_teacher(url)], ["judge"])
        async with open_teachers(
            specs, ledger=Watching(), read_image=no_image, observer=lambda call: order.append("observed")
        ) as teachers:
            await teachers["judge"].ask([Message("user", "q")])
            order.append("seen")

    with ModelServer() as server:
        asyncio.run(run(f"{server.url}#fake"))
    assert order == ["recorded", "observed", "seen"]


def test_two_roles_with_one_spec_share_one_teacher() -> None:
    async def run(url: str) -> bool:
        specs = assign([parse_teacher(url)], ["reasoner", "judge"])
        async with open_teachers(specs, ledger=MemoryLedger(), read_image=no_image) as teachers:
            return teachers["reasoner"] is teachers["judge"]

    with ModelServer() as server:
        assert asyncio.run(run(f"{server.url}#fake"))


def test_a_late_call_is_sent_again_only_when_hedging_is_asked_for() -> None:
    stuck = first(1, Fault(hang=True), "well")
    with ModelServer(stuck) as server:
        [reply] = ask_all(f"{server.url}?timeout=30&hedge=0.2#fake", ["q"])
    assert isinstance(reply, Reply)
    assert len(server.requests) == 2
    with ModelServer(latency=0.4) as server:
        ask_all(f"{server.url}#fake", ["q"])
    assert len(server.requests) == 1


def test_a_hedge_takes_the_good_answer_whichever_attempt_it_comes_from() -> None:
    late_and_bad = first(1, Fault(status=500, body=b"{}", drip=0.05), "well")
    with ModelServer(late_and_bad, latency=0.2) as server:
        ledger = MemoryLedger()
        [reply] = ask_all(f"{server.url}?hedge=0.1#fake", ["q"], ledger=ledger)
    assert isinstance(reply, Reply)
    assert [call.status for call in ledger.calls] == ["ok"]


def test_an_answer_that_stops_coming_is_not_waited_for_until_the_end() -> None:
    with ModelServer(first(1, Fault(hang=True), "well")) as server:
        started = time.monotonic()
        [reply] = ask_all(f"{server.url}?timeout=60&first_byte=0.3#fake", ["q"])
    assert isinstance(reply, Reply)
    assert time.monotonic() - started < 30
    assert len(server.requests) == 2
