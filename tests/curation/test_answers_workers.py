"""Math-Verify in killable processes: time-outs are a third outcome, and any thread or event loop may ask."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from curation.answers import check, check_async, math_workers

ENDLESS = "9^{9^{9^{9}}}+x"


def test_a_time_out_is_undecided_and_the_next_answer_is_not_harmed() -> None:
    late = check(ENDLESS, "x", kind="math", seconds=1.0)
    assert (late.correct, late.reason) == (None, "timeout")
    assert check(r"(\sin x+3)^2", r"\sin^2 x+6\sin x+9", kind="math").correct is True


def test_a_worker_that_died_is_replaced() -> None:
    assert check(r"(\sin x+4)^2", r"\sin^2 x+8\sin x+16", kind="math").correct is True
    worker = math_workers._pool.idle.get()
    worker.process.kill()
    worker.process.wait()
    math_workers._pool.idle.put(worker)
    assert check(r"(\sin x+5)^2", r"\sin^2 x+10\sin x+25", kind="math").correct is True


def test_many_threads_may_ask_while_one_answer_never_ends() -> None:
    """A request in the queue behind an endless one does not lose its own time."""
    with ThreadPoolExecutor(8) as threads:
        late = threads.submit(check, ENDLESS, "y", kind="math", seconds=2.0)
        rest = [
            threads.submit(check, rf"(\sin x+{n})^2", rf"\sin^2 x+{2 * n}\sin x+{n * n}", kind="math")
            for n in range(20, 32)
        ]
        assert [one.result().correct for one in rest] == [True] * 12
        assert late.result().reason == "timeout"


def test_an_event_loop_keeps_turning_while_a_formula_is_compared() -> None:
    async def both() -> tuple[str, int]:
        turns = 0
        comparison = asyncio.ensure_future(check_async(ENDLESS, "z", kind="math", seconds=1.0))
        while not comparison.done():
            await asyncio.sleep(0.01)
            turns += 1
        return comparison.result().reason, turns

    reason, turns = asyncio.run(both())
    assert reason == "timeout"
    assert turns > 10


def test_workers_end_with_the_program_and_need_no_main_guard() -> None:
    program = (
        "from curation.answers import check, math_workers\n"
        "assert check('(\\\\sin x+1)^2', '\\\\sin^2 x+2\\\\sin x+1', kind='math').correct\n"
        "worker = math_workers._pool.idle.get(); math_workers._pool.idle.put(worker); print(worker.process.pid)"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stderr == ""
    assert not os.path.exists(f"/proc/{int(ran.stdout)}")
