"""An answered call is kept whatever happens to the process, found again, and kept once."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from curation.errors import StoreError
from curation.records import Call
from storage import wal
from storage.ledger import CallLedger
from storage.redact import fit, secrets_in
from storage.store import Store
from storage.wal import FRAME, framed, records, recover
from tests.storage.hand_built import a_call, a_store, rows, tuples


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return a_store(tmp_path)


def find(ledger: CallLedger, *keys: str) -> list[Call | None]:
    async def all_at_once() -> list[Call | None]:
        return await asyncio.gather(*map(ledger.find, keys))

    return asyncio.run(all_at_once())


def wal_files(store: Store) -> list[Path]:
    return sorted((store.root / "wal").glob("*.wal"))


def stored(store: Store) -> list[str]:
    return [key for [key] in tuples(store, "SELECT key FROM raw_calls ORDER BY created")]


def test_a_recorded_call_is_found_before_and_after_rolling_and_by_the_next_process(store: Store) -> None:
    call = a_call(
        1, request='{"messages":["ü\\u0000"]}', reasoning="hm\0", finish="stop", cost=0.25, prompt_tokens=7, seconds=1.5
    )
    with CallLedger(store, "r1") as ledger:
        ledger.record(call)
        assert find(ledger, call.key, "absent") == [call, None]
        ledger.roll()
        assert find(ledger, call.key, "absent") == [call, None]
    with CallLedger(store, "r2") as ledger:
        assert find(ledger, call.key, "absent") == [call, None]
    assert tuples(store, "SELECT run_id, key FROM calls") == [("r1", call.key)]


def test_a_failed_call_is_kept_but_never_found(store: Store) -> None:
    failed = a_call(1, status="call_timeout", error="no reply in 60 s")
    with CallLedger(store) as ledger:
        ledger.record(failed)
        assert find(ledger, failed.key) == [None]
        ledger.roll()
        assert find(ledger, failed.key) == [None]
    with CallLedger(store) as ledger:
        assert find(ledger, failed.key) == [None]
        ledger.record(replace(failed, status="ok", created=500.0))
        assert find(ledger, failed.key) == [replace(failed, status="ok", created=500.0)]
    assert tuples(store, "SELECT status FROM raw_calls ORDER BY created") == [("call_timeout",), ("ok",)]


def test_an_answer_is_not_hidden_by_a_failure_recorded_after_it(store: Store) -> None:
    answered = a_call(1)
    with CallLedger(store) as ledger:
        ledger.record(answered)
        ledger.record(replace(answered, status="call_failed", created=999.0))
        assert find(ledger, answered.key) == [answered]
        ledger.roll()
        assert find(ledger, answered.key) == [answered]


def test_a_call_without_a_time_is_given_one(store: Store) -> None:
    with CallLedger(store) as ledger:
        ledger.record(a_call(1, created=0.0))
        [call] = find(ledger, a_call(1).key)
    assert call is not None
    assert abs(call.created - time.time()) < 60


def test_nothing_recorded_leaves_no_file(store: Store) -> None:
    with CallLedger(store) as ledger:
        assert find(ledger, "absent") == [None]
    assert wal_files(store) == []
    assert tuples(store, "SELECT count(*) FROM raw_calls") == [(0,)]


def test_many_tasks_loops_and_threads_ask_one_ledger(store: Store) -> None:
    calls = [a_call(n) for n in range(300)]
    with CallLedger(store) as ledger:
        for call in calls:
            ledger.record(call)
        ledger.roll()
        keys = [call.key for call in calls]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: find(ledger, *keys), range(4)))
    assert answers == [calls] * 4


def test_concurrent_questions_are_one_query(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [a_call(n) for n in range(200)]
    with CallLedger(store) as ledger:
        for call in calls:
            ledger.record(call)
    asked: list[int] = []
    with CallLedger(store) as ledger:
        from storage import ledger as module

        ask = module._ask
        monkeypatch.setattr(module, "_ask", lambda snapshot, keys: asked.append(len(keys)) or ask(snapshot, keys))
        assert find(ledger, *(call.key for call in calls)) == calls
    assert sum(asked) == 200
    assert len(asked) <= 3


def test_a_question_given_up_does_not_spoil_it_for_the_others(store: Store) -> None:
    call = a_call(1)
    with CallLedger(store) as ledger:
        ledger.record(call)

    async def give_one_up(ledger: CallLedger) -> Call | None:
        lost = asyncio.ensure_future(ledger.find(call.key))
        kept = asyncio.ensure_future(ledger.find(call.key))
        await asyncio.sleep(0)
        lost.cancel()
        return await kept

    with CallLedger(store) as ledger:
        assert asyncio.run(give_one_up(ledger)) == call


def test_what_another_process_stored_meanwhile_is_seen_within_seconds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.ledger.SYNC_SECONDS", 0.05)
    call = a_call(1)
    with CallLedger(store) as ledger, CallLedger(store) as other:
        other.record(call)
        assert find(ledger, call.key) == [None]
        other.roll()
        deadline = time.monotonic() + 30
        while find(ledger, call.key) == [None] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert find(ledger, call.key) == [call]


def test_calls_roll_by_themselves_when_they_are_many_or_old(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.ledger.SYNC_SECONDS", 0.05)
    for limits in ({"roll_rows": 3}, {"roll_seconds": 0.1}, {"roll_bytes": 10}):
        before = len(stored(store))
        with CallLedger(store, **limits) as ledger:  # type: ignore[arg-type]
            for n in range(3):
                ledger.record(a_call(before + n))
            deadline = time.monotonic() + 30
            while wal_files(store) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert len(stored(store)) == before + 3


def test_closing_twice_and_threads(store: Store) -> None:
    ledger = CallLedger(store)
    ledger.record(a_call(1))
    ledger.close()
    ledger.close()
    assert stored(store) == [a_call(1).key]
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("ledger")]


def test_files_of_living_processes_are_left_alone(store: Store) -> None:
    with CallLedger(store) as ledger:
        ledger.record(a_call(1))
        assert recover(store) == 0
        with CallLedger(store) as other:
            assert other.recovered == 0
        assert len(wal_files(store)) == 1


def abandoned(store: Store, content: bytes, name: str = "20260101T000000-1-00000000") -> Path:
    path = store.root / "wal" / f"{name}.wal"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_torn_tail_costs_only_the_record_that_was_never_acknowledged(store: Store) -> None:
    whole = [framed("r", a_call(n)) for n in range(3)]
    content = b"".join(whole)
    for end in range(len(content) + 1):
        kept = [row["key"] for row in records(content[:end])]
        complete = sum(len(b"".join(whole[: n + 1])) <= end for n in range(3))
        assert kept == [a_call(n).key for n in range(complete)]


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\xff" * 100, FRAME.pack(10, 0) + b"0123456789"])
def test_garbage_after_whole_records_is_dropped(store: Store, tail: bytes) -> None:
    path = abandoned(store, framed("r", a_call(1)) + framed("r", a_call(2)) + tail)
    assert recover(store) == 2
    assert stored(store) == [a_call(1).key, a_call(2).key]
    assert not path.exists()


def test_a_crash_between_publishing_and_removing_adds_nothing_twice(store: Store) -> None:
    content = framed("r", a_call(1))
    for _ in range(2):
        abandoned(store, content)
        recover(store)
    store.compact(force=True)
    abandoned(store, content)
    assert recover(store) == 1
    assert stored(store) == [a_call(1).key]


def test_two_processes_recovering_at_once_keep_one_of_each(store: Store) -> None:
    for n in range(20):
        abandoned(store, framed("r", a_call(n)), f"20260101T000000-{n}-00000000")
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: recover(store), range(4)))
    assert sum(counts) == 20
    assert len(stored(store)) == 20


def test_a_full_disk_stops_the_run_and_keeps_what_was_recorded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = CallLedger(store)
    ledger.record(a_call(1))
    write = os.write
    monkeypatch.setattr(wal.os, "write", lambda handle, data: write(handle, data[:50]))
    with pytest.raises(StoreError, match="disk is full"):
        ledger.record(a_call(2))
    monkeypatch.undo()
    ledger.record(a_call(3))
    assert find(ledger, a_call(2).key) == [None]
    ledger.close()
    assert stored(store) == [a_call(1).key, a_call(3).key]


def test_trouble_in_the_background_reaches_the_next_record(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.ledger.SYNC_SECONDS", 0.05)
    ledger = CallLedger(store, roll_rows=1)
    folder = store.root / "segments" / "calls"
    monkeypatch.setattr("storage.segments.write_durably", _no_space)
    ledger.record(a_call(1))
    deadline = time.monotonic() + 30
    while ledger._trouble is None and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(StoreError, match="disk is full"):
        ledger.record(a_call(2))
    assert find(ledger, a_call(1).key) == [a_call(1)]
    monkeypatch.undo()
    ledger.close()
    assert stored(store) == [a_call(1).key]
    assert len(list(folder.glob("*.parquet"))) == 1


def _no_space(path: Path, content: bytes) -> None:
    raise OSError(28, "No space left on device", str(path))


def test_secrets_of_the_environment_are_masked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-proj-0123456789")
    monkeypatch.setenv("HF_TOKEN", 'hf_"quoted"_value')
    monkeypatch.setenv("SHORT_KEY", "on")
    with CallLedger(store) as ledger:
        ledger.record(
            a_call(
                1,
                request='{"k":"sk-proj-0123456789","h":"hf_\\"quoted\\"_value"}',
                error="401 for sk-proj-0123456789",
                reply="on",
            )
        )
    [row] = rows(store, "FROM calls")
    assert (row["request"], row["error"], row["reply"]) == ('{"k":"***","h":"***"}', "401 for ***", "on")
    assert b"sk-proj" not in b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())


def test_a_request_with_a_credential_header_is_refused() -> None:
    for request in ('{"headers": {"Authorization" : "Bearer x"}}', '{"proxy-authorization":"x"}'):
        with pytest.raises(StoreError, match="Authorization header"):
            fit(a_call(1, request=request), ())
    prompt = '{"messages":[{"content":"What is \\"Authorization\\": in the form?"}]}'
    assert fit(a_call(1, request=prompt), ()).request == prompt


def test_only_long_values_of_telling_names_are_secrets() -> None:
    environment = {"A_KEY": "123456789", "B_TOKEN": "12345678", "PATH": "/usr/bin:/bin", "my_secret": "s" * 20}
    assert secrets_in(environment) == ("s" * 20, "123456789")


def test_numbers_and_text_that_cannot_be_stored_are_made_storable(store: Store) -> None:
    odd = a_call(1, prompt_tokens=10**30, completion_tokens="many", cost=float("nan"), reply="a\ud800b")
    with CallLedger(store) as ledger:
        ledger.record(odd)
        assert find(ledger, odd.key) == [
            replace(odd, prompt_tokens=None, completion_tokens=None, cost=None, reply="a?b")
        ]
    assert tuples(store, "SELECT prompt_tokens, completion_tokens, cost, reply FROM calls") == [
        (None, None, None, "a?b")
    ]


def run_and_kill(store: Store, first: int, after: float) -> list[int]:
    """Numbers acknowledged by a process that records calls from `first` on and is killed after some seconds."""
    command = [sys.executable, "-m", "tests.storage.recording_process", str(store.root), str(first)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    acks = [int(process.stdout.readline())]
    timer = threading.Timer(after, lambda: process.send_signal(signal.SIGKILL))
    timer.start()
    content = process.stdout.read()
    process.wait()
    timer.join()
    lines = content.decode().split("\n")
    return acks + [int(line) for line in lines[:-1]]


def test_every_acknowledged_call_survives_kill_9_and_is_there_once(store: Store) -> None:
    dice = Random(7)
    acked: list[int] = []
    for round in range(4):
        acked += run_and_kill(store, 1_000_000 * round, dice.uniform(0.01, 0.5))
    with CallLedger(store) as ledger:
        found = find(ledger, *(a_call(n).key for n in acked))
    assert found == [a_call(n) for n in acked]
    [[once, distinct]] = tuples(store, "SELECT count(*), count(DISTINCT key) FROM calls")
    assert once == distinct >= len(acked) > 100
    assert wal_files(store) == []
