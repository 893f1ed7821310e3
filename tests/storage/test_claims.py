"""Several processes asking at once: each key is asked by one of them, and all get its answer."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from storage.ledger import CallLedger
from storage.store import Store
from tests.storage.test_ledger import a_call

ASKER = """
import asyncio, random, sys
from pathlib import Path
from storage.ledger import CallLedger
from storage.store import Store
from tests.storage.test_ledger import a_call

root, seed, count, bought = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
chance = random.Random(seed)

async def ask(ledger, number, gate):
    call = a_call(number)
    async with gate:
        if await ledger.find(call.key) or await ledger.claim(call.key):
            return
        try:
            with bought.open("a") as file:
                file.write(f"{call.key}\\n")
            await asyncio.sleep(chance.random() * 0.01)
            ledger.record(call)
        finally:
            ledger.release(call.key)

async def main(ledger):
    numbers = list(range(count))
    chance.shuffle(numbers)
    gate = asyncio.Semaphore(16)
    await asyncio.gather(*(ask(ledger, n, gate) for n in numbers))

store = Store.open(root)
with CallLedger(store, roll_rows=60, roll_seconds=0.2) as ledger:
    asyncio.run(main(ledger))
    if seed % 2:
        store.compact(force=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def claim(ledger: CallLedger, key: str) -> object:
    return asyncio.run(ledger.claim(key))


def test_a_key_being_asked_is_waited_for_and_its_answer_shared(store: Store) -> None:
    call = a_call(1)

    async def race(ours: CallLedger, theirs: CallLedger) -> object:
        assert await ours.claim(call.key) is None
        waiting = asyncio.ensure_future(theirs.claim(call.key))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        ours.record(call)
        ours.release(call.key)
        return await waiting

    with CallLedger(store) as ours, CallLedger(store) as theirs:
        assert asyncio.run(race(ours, theirs)) == call
        assert claim(theirs, call.key) == call


def test_a_call_that_failed_is_the_next_ones_to_ask(store: Store) -> None:
    with CallLedger(store) as ours, CallLedger(store) as theirs:
        assert claim(ours, "k") is None
        ours.release("k")
        assert claim(theirs, "k") is None


@pytest.mark.parametrize("moved", ["recorded", "rolled", "compacted", "closed"])
def test_an_answer_is_found_wherever_its_row_has_got_to(store: Store, moved: str) -> None:
    call = a_call(1)
    with CallLedger(store) as ledger:
        other = CallLedger(store)
        other.record(call)
        if moved != "recorded":
            other.roll()
        if moved == "compacted":
            store.compact(force=True)
        if moved == "closed":
            other.close()
        assert claim(ledger, call.key) == call
        other.close()


def test_a_row_that_is_rolled_and_absorbed_between_two_looks_is_found(store: Store) -> None:
    with CallLedger(store) as ledger, CallLedger(store) as other:
        for n in range(6):
            assert claim(ledger, a_call(n).key) is None
            ledger.release(a_call(n).key)
            other.record(a_call(n))
            assert claim(ledger, a_call(n).key) == a_call(n)
            other.record(a_call(n + 100))
            other.roll()
            store.compact(force=True)
            assert claim(ledger, a_call(n + 100).key) == a_call(n + 100)


def test_a_claim_dies_with_its_process(store: Store, tmp_path: Path) -> None:
    code = (
        "import asyncio, sys, time\nfrom storage.ledger import CallLedger\nfrom storage.store import Store\n"
        "ledger = CallLedger(Store.open(sys.argv[1]))\nasyncio.run(ledger.claim('k'))\nprint('got', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(store.root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "got\n"

    async def wait_for_it(ledger: CallLedger) -> object:
        waiting = asyncio.ensure_future(ledger.claim("k"))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        os.kill(process.pid, signal.SIGKILL)
        return await asyncio.wait_for(waiting, 20)

    with CallLedger(store) as ledger:
        assert asyncio.run(wait_for_it(ledger)) is None
    process.wait()


def test_a_claim_given_up_is_given_back(store: Store) -> None:
    async def give_up(ours: CallLedger, theirs: CallLedger) -> object:
        await ours.claim("k")
        waiting = asyncio.ensure_future(theirs.claim("k"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait([waiting])
        ours.release("k")
        return await asyncio.wait_for(ours.claim("k"), 5)

    with CallLedger(store) as ours, CallLedger(store) as theirs:
        assert asyncio.run(give_up(ours, theirs)) is None


def test_three_processes_in_any_order_buy_each_answer_once(store: Store, tmp_path: Path) -> None:
    bought, count = tmp_path / "bought.txt", 400
    started = [
        subprocess.Popen([sys.executable, "-c", ASKER, str(store.root), str(seed), str(count), str(bought)])
        for seed in range(3)
    ]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0]
    times = Counter(bought.read_text().split())
    assert len(times) == count
    assert set(times.values()) == {1}
    assert store.query("select count(*) n from raw_calls").to_pylist() == [{"n": count}]


def test_killed_in_the_middle_others_go_on_and_nothing_recorded_is_bought_again(store: Store, tmp_path: Path) -> None:
    bought, count = tmp_path / "bought.txt", 300
    chance = random.Random(3)
    for seed in range(6):
        command = [sys.executable, "-c", ASKER, str(store.root), str(seed), str(count), str(bought)]
        pair = [subprocess.Popen(command), subprocess.Popen([*command[:4], str(seed + 50), *command[5:]])]
        time.sleep(0.5 + chance.random() * 0.4)
        for process in pair[: 1 + seed % 2]:
            process.kill()
        for process in pair:
            process.wait(timeout=120)
    assert subprocess.run(command, check=False).returncode == 0
    with CallLedger(store):
        pass
    stored = Counter(row["key"] for row in store.query("select key from raw_calls").to_pylist())
    assert len(stored) == count
    assert set(stored.values()) == {1}
    # at most what was on the wire when a process died was asked again
    assert sum(Counter(bought.read_text().split()).values()) <= count + 9 * 16
