"""Offline batches: real files, real sockets, a server that keeps them; kills and faults at every stage."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ConfigError, RunStopped, SampleError
from curation.teachers import open_teachers
from curation.teachers.batch_protocol import Batch, Gather
from curation.teachers.batch_results import read_result
from curation.teachers.protocol import Message, Reply
from curation.teachers.spec import assign, parse_teacher
from curation.teachers.transport import RawReply
from storage.batch_book import StoredBatches
from storage.ledger import CallLedger
from storage.store import Store
from tests.fakes.asking import KEY, QUICK, ask_all, failure, no_image
from tests.fakes.batch_server import BatchServer
from tests.fakes.model_server import Fault, error

SOON = Gather(quiet=0.05, first_look=0.05, latest_look=0.1, patience=2.0)
TEXTS = [f"question {number}" for number in range(7)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def said(request: dict[str, Any]) -> str:
    return "answer to " + request["messages"][-1]["content"]


def ask(store: Store, server: BatchServer, texts: list[str] = TEXTS, **more: Any) -> list[Reply | BaseException]:
    book = StoredBatches(store)
    with CallLedger(store) as ledger:
        url = f"{server.url}?batch=true#fake"
        results = ask_all(url, texts, ledger=ledger, book=book, **{"gather": SOON, **more})  # type: ignore[arg-type]
    book.close()
    return results


def recorded(store: Store) -> list[tuple[str, str]]:
    rows = store.query("select key, reply from raw_calls where status = 'ok' order by reply").to_pylist()
    return [(row["key"], row["reply"]) for row in rows]


def assert_all_answered_once(store: Store, server: BatchServer, texts: list[str] = TEXTS) -> None:
    assert [reply for _, reply in recorded(store)] == sorted(f"answer to {text}" for text in texts)
    assert set(server.answers_by_key.values()) == {1}
    assert {key for key, _ in recorded(store)} == set(server.answers_by_key)
    assert StoredBatches(store).list_all() == []


def test_calls_asked_together_are_one_batch_and_enter_the_ledger(store: Store) -> None:
    with BatchServer(said) as server:
        replies = ask(store, server)
    assert [reply.text for reply in replies if isinstance(reply, Reply)] == [f"answer to {text}" for text in TEXTS]
    assert len(server.batches) == 1
    assert_all_answered_once(store, server)


def test_a_batch_has_the_keys_that_calls_by_themselves_have(store: Store) -> None:
    """The same ledger: who changes between online and offline asks nothing again."""
    with BatchServer(said) as server, CallLedger(store) as ledger:
        ask_all(f"{server.url}#fake", TEXTS[:3], ledger=ledger)  # type: ignore[arg-type]
        made = len(server.requests)
        ask_all(f"{server.url}?batch=true#fake", TEXTS, ledger=ledger, book=StoredBatches(store), gather=SOON)  # type: ignore[arg-type]
        assert len(server.asked) == 4
        ask_all(f"{server.url}#fake", TEXTS, ledger=ledger)  # type: ignore[arg-type]
    assert (made, len(server.requests)) == (3, 7)


def test_a_full_file_is_sent_before_the_last_request_has_come(store: Store) -> None:
    with BatchServer(said) as server:
        ask(store, server, gather=Gather(requests=3, quiet=0.05, first_look=0.05, latest_look=0.1))
        assert sorted(len(batch["lines"]) for batch in server.batches.values()) == [1, 3, 3]
        assert_all_answered_once(store, server)


def test_a_file_stays_below_its_size(store: Store) -> None:
    texts = [f"{number} " + "x" * 2000 for number in range(6)]
    with BatchServer(said) as server:
        ask(store, server, texts, gather=Gather(size=5000, quiet=0.05, first_look=0.05, latest_look=0.1))
        sent = [name for name in server.files if b"custom_id" in server.files[name] and b"body" in server.files[name]]
    assert len(server.batches) == 3
    assert all(len(server.files[name]) <= 5000 for name in sent[:1])
    assert_all_answered_once(store, server, texts)


def stopped_waiting(store: Store, server: BatchServer, until: str) -> None:
    """Ask, and cancel everything once the server has seen a request that starts so; the batch goes on there."""
    book = StoredBatches(store)

    async def run() -> None:
        specs = assign([parse_teacher(f"{server.url}?batch=true#fake")], ["reasoner"])
        with CallLedger(store) as ledger:
            async with open_teachers(
                specs, ledger=ledger, read_image=no_image, policy=QUICK, book=book, gather=SOON
            ) as teachers:
                asks = [asyncio.ensure_future(teachers["reasoner"].ask([Message("user", text)])) for text in TEXTS]
                while not any(line.startswith(until) for line in server.seen):
                    await asyncio.sleep(0.01)
                for task in asks:
                    task.cancel()
                await asyncio.gather(*asks, return_exceptions=True)

    asyncio.run(run())
    book.close()


def test_a_batch_under_way_is_waited_for_by_the_next_run(store: Store) -> None:
    with BatchServer(said, seconds=0.4) as server:
        stopped_waiting(store, server, "GET /batches/")
        assert recorded(store) == []
        replies = ask(store, server)
        assert all(isinstance(reply, Reply) for reply in replies)
        assert len(server.batches) == 1
        assert_all_answered_once(store, server)


def test_answers_nobody_asks_for_any_more_enter_the_ledger(store: Store) -> None:
    with BatchServer(said, seconds=0.4) as server:
        stopped_waiting(store, server, "GET /batches/")
        ask(store, server, ["something else"])
        while StoredBatches(store).list_all():  # a run may end before an older batch does
            ask(store, server, ["something else"])
        assert_all_answered_once(store, server, [*TEXTS, "something else"])


def test_requests_cancelled_before_their_file_was_sent_are_not(store: Store) -> None:
    with BatchServer(said) as server:

        async def run() -> None:
            specs = assign([parse_teacher(f"{server.url}?batch=true#fake")], ["reasoner"])
            slow = Gather(quiet=0.3, first_look=0.05, latest_look=0.1)
            with CallLedger(store) as ledger:
                async with open_teachers(
                    specs, ledger=ledger, read_image=no_image, book=StoredBatches(store), gather=slow
                ) as teachers:
                    asks = [asyncio.ensure_future(teachers["reasoner"].ask([Message("user", text)])) for text in TEXTS]
                    await asyncio.sleep(0.1)
                    for task in asks[2:]:
                        task.cancel()
                    await asyncio.gather(*asks, return_exceptions=True)

        asyncio.run(run())
    assert len(server.asked) == 2


@pytest.mark.parametrize("cut", [0, 40])
def test_a_batch_whose_making_was_not_heard_of_is_found_and_not_made_again(store: Store, cut: int) -> None:
    """The connection dies after the service has made the batch: it is paid for, and only its token tells."""
    with BatchServer(said, create=lambda number: Fault(cut=cut) if number == 0 else None) as server:
        for number in range(5):  # others of the account, so that it is not on the first page
            server.batches[f"other_{number}"] = {"id": f"other_{number}", "status": "completed", "metadata": None}
        server.create = lambda number: Fault(cut=cut) if number == 5 else None
        replies = ask(store, server)
        assert all(isinstance(reply, Reply) for reply in replies)
        assert server.seen.count("POST /batches") == 1
        assert_all_answered_once(store, server)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_in_trouble_is_waited_for(store: Store, status: int) -> None:
    tries = iter(range(100))
    with BatchServer(said, create=lambda number: error(status, "not now") if next(tries) < 1 else None) as server:
        assert all(isinstance(reply, Reply) for reply in ask(store, server))
        assert_all_answered_once(store, server)


def test_a_full_queue_is_waited_for(store: Store) -> None:
    with BatchServer(said, ends=lambda number: "full" if number == 0 else "completed") as server:
        assert all(isinstance(reply, Reply) for reply in ask(store, server))
    assert len(server.batches) == 2
    assert_all_answered_once(store, server)


def test_a_refused_batch_stops_the_run_with_its_reason(store: Store) -> None:
    with BatchServer(said, ends=lambda number: "failed") as server:
        [first, *_] = ask(store, server)
    assert isinstance(first, RunStopped)
    assert "refused batch batch_0: as told" in str(first)
    assert StoredBatches(store).list_all() == []


def test_what_expired_is_sent_again_and_what_was_answered_is_not(store: Store) -> None:
    half = iter(range(100))
    with BatchServer(
        said,
        ends=lambda number: "expired" if number == 0 else "completed",
        leave=lambda number, key: number == 0 and next(half) % 2 == 0,
    ) as server:
        assert all(isinstance(reply, Reply) for reply in ask(store, server))
        assert sorted(len(batch["lines"]) for batch in server.batches.values()) == [4, 7]
        assert_all_answered_once(store, server)


def test_a_batch_cancelled_at_the_service_is_not_sent_again_unasked(store: Store) -> None:
    half = iter(range(100))
    with BatchServer(
        said,
        ends=lambda number: "cancelled" if number == 0 else "completed",
        leave=lambda number, key: number == 0 and next(half) % 2 == 0,
    ) as server:
        results = ask(store, server)
        assert sum(isinstance(result, Reply) for result in results) == 3
        [stop] = {str(result) for result in results if isinstance(result, RunStopped)}
        assert "batch_0 was cancelled at the service" in stop
        assert len(server.batches) == 1
        ask(store, server)
        assert_all_answered_once(store, server)


def test_a_request_the_service_forgot_is_sent_again(store: Store) -> None:
    with BatchServer(said, leave=lambda number, key: number == 0) as server:
        assert all(isinstance(reply, Reply) for reply in ask(store, server, TEXTS[:2]))
    assert len(server.batches) == 2


def test_each_line_has_its_own_fate(store: Store) -> None:
    """A poisoned request, a refused one, a truncated one, a broken one: their samples fail, and no other."""
    fates: dict[str, Any] = {
        "question 0": error(400, "this request is poisoned"),
        "question 1": error(400, "flagged by the content filter"),
        "question 2": {"content": "half of", "finish_reason": "length"},
        "question 3": {"content": ""},
    }
    with BatchServer(lambda request: fates.get(request["messages"][-1]["content"], "well")) as server:
        results = ask(store, server)
    assert failure(results[0]).reason == "call_bad_request"
    assert "poisoned" in failure(results[0]).raw
    assert failure(results[1]).reason == "call_refused"
    assert isinstance(results[2], Reply)
    assert results[2].finish == "length"
    assert failure(results[3]).reason == "reply_empty"
    assert [result.text for result in results[4:] if isinstance(result, Reply)] == ["well"] * 3
    assert len(server.batches) == 1


def test_a_rejected_key_in_a_line_stops_the_run(store: Store) -> None:
    with BatchServer(lambda request: error(401, "Incorrect API key provided")) as server:
        [first, *_] = ask(store, server)
    assert isinstance(first, RunStopped)


def test_the_key_is_never_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with BatchServer(lambda request: f"your key is {KEY}", api_key=KEY, seconds=0.3) as server:
        book = StoredBatches(store)
        with CallLedger(store) as ledger:
            ask_all(f"{server.url}?batch=true&key_env=MY_KEY#fake", TEXTS, ledger=ledger, book=book, gather=SOON)  # type: ignore[arg-type]
    assert recorded(store)[0][1] == "your key is [key]"
    assert [path for path in store.root.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


def test_an_endpoint_without_batches_is_named(store: Store) -> None:
    from tests.fakes.model_server import ModelServer

    with ModelServer(said) as server, CallLedger(store) as ledger:
        url = f"{server.url}?batch=true#fake"
        [first, *_] = ask_all(url, TEXTS, ledger=ledger, book=StoredBatches(store), gather=SOON)  # type: ignore[arg-type]
    assert isinstance(first, RunStopped)
    assert "offers no offline batches (HTTP 404): leave batch=true out" in str(first)


def test_a_service_that_stays_away_stops_the_run_and_its_batch_is_kept(store: Store) -> None:
    with BatchServer(said, seconds=60) as server:
        stopped_waiting(store, server, "GET /batches/")
        gone = server.url
    book = StoredBatches(store)
    with CallLedger(store) as ledger:
        quick = Gather(quiet=0.05, first_look=0.05, latest_look=0.1, patience=0.3)
        [first, *_] = ask_all(f"{gone}?batch=true#fake", TEXTS, ledger=ledger, book=book, gather=quick)  # type: ignore[arg-type]
    assert isinstance(first, RunStopped)
    assert "batches under way stay so, run again to take them in" in str(first)
    assert [batch.id for batch in book.list_all()] == ["batch_0"]
    assert store.fsck().problems == ()


def test_two_processes_share_a_batch_under_way(store: Store) -> None:
    """Both find it, each is told, and nobody sends it again (here: two books and two ledgers in two threads)."""
    with BatchServer(said, seconds=0.6) as server:
        stopped_waiting(store, server, "GET /batches/")
        found: list[list[Reply | BaseException]] = []
        threads = [threading.Thread(target=lambda: found.append(ask(store, server))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len([r for r in replies if isinstance(r, Reply)]) for replies in found] == [7, 7]
        assert len(server.batches) == 1
        assert len(recorded(store)) == 7


@pytest.fixture
def fake_vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`vllm` of `tests/fakes`; the folder it notes its processes in."""
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setenv("VISTILL_VLLM", str(Path(__file__).parents[1] / "fakes" / "fake_vllm"))
    monkeypatch.setenv("FAKE_VLLM_DIR", str(notes))
    monkeypatch.delenv("VISTILL_VLLM_ARGS", raising=False)
    return notes


def ask_vllm(store: Store, model: str) -> list[Reply | BaseException]:
    book = StoredBatches(store)
    with CallLedger(store) as ledger:
        results = ask_all(f"vllm:{model}?batch=true", TEXTS, ledger=ledger, book=book, gather=SOON)  # type: ignore[arg-type]
    book.close()
    return results


def test_vllm_works_a_batch_off(store: Store, fake_vllm: Path) -> None:
    replies = ask_vllm(store, "any/model")
    assert [reply.text for reply in replies if isinstance(reply, Reply)] == [text.upper() for text in TEXTS]
    assert len(list(fake_vllm.iterdir())) == 1
    assert len(recorded(store)) == 7
    assert StoredBatches(store).list_all() == []


def test_a_vllm_that_dies_says_why_and_its_batch_is_worked_off_by_the_next(store: Store, fake_vllm: Path) -> None:
    [first, *_] = ask_vllm(store, "dies")
    assert isinstance(first, RunStopped)
    assert "ended without results: ImportError: libcuda.so.1" in str(first)
    [batch] = StoredBatches(store).list_all()
    path = store.root / "batches" / batch.token / "batch.json"
    path.write_text(path.read_text().replace('"dies"', '"any/model"'))  # the machine was mended
    ask_vllm(store, "any/model")
    assert len(recorded(store)) == 14, "those of the mended batch, under the keys of its model, and its own"


@pytest.mark.parametrize(
    ("options", "wants"),
    [
        ("batch=true&rpm=5", "rpm is for calls one by one"),
        ("batch=true&hedge=5", "hedge is for calls one by one"),
        ("concurrency=5000", "concurrency beyond 4096 is for batch=true"),
        ("batch=maybe", "batch wants true or false"),
    ],
)
def test_options_that_cannot_work_together_are_refused(options: str, wants: str) -> None:
    with pytest.raises(ConfigError, match=wants):
        parse_teacher(f"http://h/v1?{options}#m")


def test_the_embedded_models_have_no_batches() -> None:
    with pytest.raises(ConfigError, match="leave batch=true out"):
        parse_teacher("local?batch=true")


NAMES = st.sampled_from(["custom_id", "response", "status_code", "body", "error", "code", "choices"])
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(NAMES, part, max_size=4), max_leaves=12
)


@given(st.binary(max_size=200) | VALUES.map(orjson.dumps))
def test_any_line_is_a_reply_or_a_reason(line: bytes) -> None:
    key, outcome = read_result(line, where="w", key="K")
    assert isinstance(key, str)
    assert isinstance(outcome, RawReply | Exception)


def test_a_damaged_batch_is_named(store: Store) -> None:
    book = StoredBatches(store)
    batch = Batch(token="t", place="p", model="m", requests=1, created=0.0)
    book.keep(batch, {"k": b"{}\n"}, {"k": b"{}"})
    (store.root / "batches" / "t" / "batch.json").write_text("{")
    with pytest.raises(Exception, match=r"batches/t/batch.json is damaged"):
        book.list_all()


@pytest.fixture(autouse=True)
def no_task_left_behind(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [record.message for record in caplog.records if "never retrieved" in record.message] == []


def test_a_sample_error_is_what_a_step_gets(store: Store) -> None:
    with BatchServer(lambda request: error(400, "no")) as server:
        assert all(isinstance(result, SampleError) for result in ask(store, server))
