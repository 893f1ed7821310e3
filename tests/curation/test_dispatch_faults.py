"""The dispatcher against a scripted server that misbehaves: the table of faults, and who pays for each."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from curation.errors import RunStopped
from curation.teachers import open_teachers
from curation.teachers.dispatch import Policy
from curation.teachers.protocol import Message, Reply
from curation.teachers.spec import assign, parse_teacher
from tests.fakes.asking import KEY, QUICK, ask_all, failure, no_image
from tests.fakes.memory_ledger import MemoryLedger
from tests.fakes.model_server import Fault, ModelServer, error, first

# (what goes wrong twice, attempts the call then needs)
PASSING = {
    "429 with Retry-After": error(429, retry_after=0.05),
    "429 without Retry-After": error(429),
    "429 that links to billing pages": error(429, "Rate limit reached. See https://h/account/billing"),
    "429 with its wait in the body": Fault(status=429, body=b'[{"error": {"x": {"retryDelay": "0.1s"}}}]'),
    "429 with Retry-After in the past": error(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    "500": error(500),
    "502": error(502),
    "503": error(503),
    "503 with Retry-After": error(503, retry_after=0.05),
    "504": error(504),
    "408": error(408),
    "409": error(409),
    "closed before a byte": Fault(cut=0),
    "reset within the head": Fault(cut=30),
    "reset within the body": Fault(cut=150),
    "empty body": Fault(body=b""),
    "invalid JSON": Fault(body=b'{"choices": [{"message"'),
    "wrong content type": Fault(body=b"<html>gateway</html>", content_type="text/html"),
    "no choices": Fault(body=b'{"choices": []}'),
    "a message that is none": Fault(body=b'{"choices": [{"message": 7}]}'),
    "an error inside a 200": Fault(body=b'{"error": {"code": 503, "message": "provider overloaded"}}'),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING.keys())
def test_a_fault_that_passes_costs_attempts_and_nothing_else(fault: Fault) -> None:
    ledger = MemoryLedger()
    with ModelServer(first(2, fault)) as server:
        [reply] = ask_all(f"{server.url}#fake", ["q"], ledger=ledger)
    assert isinstance(reply, Reply), reply
    assert reply.text == "well"
    assert [(call.status, call.attempts) for call in ledger.calls] == [("ok", 3)]
    assert list(server.answers_by_key.values()) == [1]


# (what never stops going wrong, reason, attempts made)
LASTING = {
    "500": (error(500, "broken"), "call_failed", 6),
    "502 while the server lives": (error(502), "call_failed", 6),
    "503 while the server lives": (error(503), "call_failed", 6),
    "reset within the body": (Fault(cut=150), "call_failed", 6),
    "invalid JSON": (Fault(body=b"{"), "call_malformed", 3),
    "wrong content type": (Fault(body=b"<html>", content_type="text/html"), "call_malformed", 3),
    "400": (error(400, "image too small"), "call_bad_request", 1),
    "400 about something not found": (error(400, "the model got no image: URL not found"), "call_bad_request", 1),
    "413": (error(413), "call_bad_request", 1),
    "422": (error(422), "call_bad_request", 1),
    "a 429 for this request's size": (error(429, "Request too large for fake"), "call_bad_request", 1),
    "400 of a content filter": (error(400, "blocked", code="content_filter"), "call_refused", 1),
    "403 of a moderation": (error(403, "input was flagged by moderation"), "call_refused", 1),
}


@pytest.mark.parametrize(("fault", "reason", "attempts"), LASTING.values(), ids=LASTING.keys())
def test_a_lasting_fault_fails_this_call_with_its_body_kept(fault: Fault, reason: str, attempts: int) -> None:
    ledger = MemoryLedger()
    with ModelServer(lambda request: fault) as server:
        [result] = ask_all(f"{server.url}#fake", ["q"], ledger=ledger)
    assert failure(result).reason == reason
    assert [(call.status, call.attempts, call.reply) for call in ledger.calls] == [(reason, attempts, "")]
    assert len(server.requests) == attempts
    if fault.status != 200 and fault.body:
        assert failure(result).raw == fault.body.decode()
        assert orjson.loads(fault.body)["error"]["message"] in ledger.calls[0].error


@pytest.mark.parametrize("fault", [Fault(hang=True), Fault(drip=0.05)], ids=["half-open", "slow drip"])
def test_a_reply_that_does_not_end_in_time_is_tried_thrice(fault: Fault) -> None:
    with ModelServer(lambda request: fault) as server:
        [result] = ask_all(f"{server.url}?timeout=0.2#fake", ["q"])
    assert failure(result).reason == "call_timeout"
    assert len(server.requests) == 3


def test_a_hanging_call_does_not_hold_up_the_others() -> None:
    def reply(request: dict[str, Any]) -> Any:
        return Fault(hang=True) if "bad" in request["messages"][0]["content"] else "well"

    with ModelServer(reply) as server:
        results = ask_all(f"{server.url}?timeout=0.3#fake", ["bad", *map(str, range(50))])
    assert failure(results[0]).reason == "call_timeout"
    assert all(isinstance(result, Reply) for result in results[1:])


ANSWERED = {
    "empty": ({"content": ""}, "reply_empty"),
    "blank": ({"content": " \n"}, "reply_empty"),
    "null": ({"content": None}, "reply_empty"),
    "cut before a word": ({"content": "", "finish_reason": "length"}, "reply_truncated"),
    "too long": ({"content": "x" * 200_000}, "reply_too_long"),
    "filtered": ({"content": "half an ans", "finish_reason": "content_filter"}, "call_refused"),
    "a refusal": ({"content": None, "refusal": "I cannot help with that."}, "call_refused"),
}


@pytest.mark.parametrize(("message", "reason"), ANSWERED.values(), ids=ANSWERED.keys())
def test_a_worthless_answer_is_paid_once_and_fails_the_same_way_again(message: dict[str, Any], reason: str) -> None:
    ledger = MemoryLedger()
    with ModelServer(lambda request: message) as server:
        for _ in range(2):
            [result] = ask_all(f"{server.url}#fake", ["q"], ledger=ledger)
            assert failure(result).reason == reason
    assert len(server.requests) == 1
    assert [call.status for call in ledger.calls] == ["ok"]


def test_a_reply_cut_at_the_token_limit_is_returned_and_says_so() -> None:
    with ModelServer(lambda request: {"content": "half", "finish_reason": "length"}) as server:
        [reply] = ask_all(f"{server.url}#fake", ["q"])
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish) == ("half", "length")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_returned_apart_stays_apart(field: str) -> None:
    with ModelServer(lambda request: {"content": "7", field: "3 and 4"}) as server:
        [reply] = ask_all(f"{server.url}#fake", ["q"])
    assert isinstance(reply, Reply)
    assert (reply.text, reply.reasoning) == ("7", "3 and 4")


@pytest.mark.parametrize("content", [rb"a\ud800b", b"a\xffb", rb"a\u0000b"], ids=["surrogate", "bytes", "NUL"])
def test_text_that_utf8_or_the_store_cannot_hold_is_mended(content: bytes) -> None:
    body = b'{"choices": [{"message": {"content": "' + content + b'"}, "finish_reason": "stop"}]}'
    with ModelServer(lambda request: Fault(body=body)) as server:
        [reply] = ask_all(f"{server.url}#fake", ["q"])
    assert isinstance(reply, Reply)
    assert reply.text == "a�b"


@pytest.mark.parametrize("status", [401, 403])
def test_a_rejected_key_stops_the_run_with_its_first_calls_naming_the_variable(status: int, monkeypatch: Any) -> None:
    monkeypatch.setenv("VISTILL_KEY_LAB", KEY)
    ledger = MemoryLedger()
    with ModelServer(lambda request: error(status, f"Incorrect API key provided: {KEY}"), latency=0.1) as server:
        results = ask_all(f"lab@{server.url}#fake", [str(i) for i in range(200)], ledger=ledger)
    assert {str(result) for result in results} == {str(results[0])}
    assert "check $VISTILL_KEY_LAB" in str(results[0])
    assert KEY not in str(results[0])
    assert "\n" not in str(results[0])
    assert all(isinstance(result, RunStopped) for result in results)
    assert len(server.requests) <= QUICK.start_concurrency


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (error(404, "The model `fake` does not exist", code="model_not_found"), "#fake not found"),
        (error(400, "model fake not found"), "#fake not found"),
        (error(400, "Model Not Exist"), "#fake not found"),
        (error(429, "You exceeded your current quota", code="insufficient_quota"), "no credit left"),
        (error(402, "Insufficient Balance"), "no credit left"),
        (error(400, "API key not valid. Please pass a valid API key."), "rejected the key"),
        (Fault(status=307, body=b"", headers={"Location": "https://elsewhere/v1"}), "points to https://elsewhere/v1"),
        (error(405), "no chat completions at this URL"),
    ],
)
def test_a_dead_end_stops_the_run_at_the_first_call(fault: Fault, words: str) -> None:
    with ModelServer(lambda request: fault) as server:
        [result] = ask_all(f"{server.url}#fake", ["q"])
    assert isinstance(result, RunStopped)
    assert words in str(result)
    assert len(server.requests) == 1


def test_nobody_at_the_address_stops_the_run_quickly() -> None:
    with ModelServer() as server:
        url = server.url
    began = time.monotonic()
    results = ask_all(f"{url}#fake", [str(i) for i in range(100)])
    assert time.monotonic() - began < 20
    assert {str(result) for result in results} == {str(results[0])}
    assert isinstance(results[0], RunStopped)
    assert f"nothing answers at {url}" in str(results[0])


def test_a_server_that_goes_away_for_a_while_is_waited_for() -> None:
    policy = Policy(first_delay=0.01, longest_delay=0.1, patience=20)
    ledger, texts = MemoryLedger(), [str(i) for i in range(120)]

    async def run(url: str, stop: Callable[[], None], start: Callable[[], None]) -> list[Any]:
        specs = assign([parse_teacher(url)], ["judge"])
        async with open_teachers(specs, ledger=ledger, read_image=no_image, policy=policy) as teachers:
            asks = asyncio.gather(*[teachers["judge"].ask([Message("user", t)]) for t in texts], return_exceptions=True)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(stop)
            await asyncio.sleep(1.0)
            await asyncio.to_thread(start)
            return await asks

    before = ModelServer(latency=0.1).__enter__()
    after = ModelServer(latency=0.1, port=before.port)
    results = asyncio.run(
        run(f"{before.url}?concurrency=20#fake", lambda: before.__exit__(), lambda: after.__enter__() and None)
    )
    after.__exit__()
    assert all(isinstance(result, Reply) for result in results), results
    assert sorted(call.status for call in ledger.calls) == ["ok"] * 120
    assert before.answers_by_key.total() > 0


def test_a_server_that_stays_away_stops_the_run_after_our_patience() -> None:
    policy = Policy(first_delay=0.01, patience=0.6)
    ledger = MemoryLedger()

    async def run(url: str, stop: Callable[[], None]) -> None:
        specs = assign([parse_teacher(url)], ["judge"])
        async with open_teachers(specs, ledger=ledger, read_image=no_image, policy=policy) as teachers:
            await teachers["judge"].ask([Message("user", "first")])
            await asyncio.to_thread(stop)
            await teachers["judge"].ask([Message("user", "second")])

    server = ModelServer().__enter__()
    with pytest.raises(RunStopped, match=r"answered nothing for \d s: connection refused"):
        asyncio.run(run(f"{server.url}#fake", lambda: server.__exit__()))
    assert len(ledger.calls) == 1


def test_one_poisoned_request_in_a_hundred_costs_one_call_each_and_holds_up_nobody() -> None:
    def reply(request: dict[str, Any]) -> Any:
        return error(400, "invalid image") if int(request["messages"][0]["content"]) % 100 == 7 else "well"

    with ModelServer(reply) as server:
        results = ask_all(f"{server.url}#fake", [str(i) for i in range(500)])
    failed = [failure(result) for result in results if not isinstance(result, Reply)]
    assert [error.reason for error in failed] == ["call_bad_request"] * 5
    assert all("invalid image" in error.raw for error in failed)
    assert len(server.requests) == 500


def test_when_every_request_is_refused_the_run_stops() -> None:
    with ModelServer(lambda request: error(400, "no image support")) as server:
        results = ask_all(f"{server.url}?concurrency=4#fake", [str(i) for i in range(300)])
    assert isinstance(results[-1], RunStopped)
    assert "no image support" in str(results[-1])
    assert len(server.requests) <= 104


@pytest.mark.parametrize("start", [32, 128])
def test_a_server_capped_at_32_is_found_out_with_few_refusals(start: int) -> None:
    policy = Policy(start_concurrency=start)
    with ModelServer(latency=0.1, most_in_flight=32) as server:
        results = ask_all(f"{server.url}#fake", [str(i) for i in range(500)], policy=policy)
    assert all(isinstance(result, Reply) for result in results)
    assert server.statuses[429] < 128
    assert set(server.answers_by_key.values()) == {1}


def test_retry_after_holds_back_the_whole_teacher() -> None:
    with ModelServer(first(1, error(429, retry_after=0.5))) as server:
        began = time.monotonic()
        ask_all(f"{server.url}#fake", ["a"])
        assert time.monotonic() - began >= 0.5


def test_slow_replies_under_way_are_not_taken_for_a_dead_server() -> None:
    """With one slot at the server, everyone else is refused for longer than our patience, and nobody is to blame."""
    policy = Policy(first_delay=0.01, longest_delay=0.05, patience=0.3)
    with ModelServer(latency=0.8, most_in_flight=1) as server:
        results = ask_all(f"{server.url}?concurrency=4#fake", ["a", "b", "c"], policy=policy)
    assert all(isinstance(result, Reply) for result in results), results


def test_the_seconds_of_a_call_are_those_of_its_last_attempt() -> None:
    ledger = MemoryLedger()
    with ModelServer(latency=0.3) as server:
        ask_all(f"{server.url}?concurrency=1#fake", ["a", "b", "c", "d"], ledger=ledger)
    assert all(0.3 <= call.seconds < 0.9 for call in ledger.calls)
