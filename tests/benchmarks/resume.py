"""A run of 10,000 calls killed by kill -9 and started again: what is asked twice, what is lost, and how long it takes.

    python -m tests.benchmarks.resume --json
    python -m tests.benchmarks.resume --calls 2000 --random 1 --no-recheck

Each kill (at 5, 25, 50, 75 and 95 % of the calls, and at random moments) has a store of its own. A child process asks
every call through the dispatcher with the ledger on, for as many samples at a time as a run has, dies by kill -9 once
it holds so many replies, and is started again. The child and not `vistill run`, because the promise is the ledger's: a
call is answered once `record` has returned, and the child says of every reply it holds, by one write to a pipe, that it
does, so we know which those are without asking the ledger. The server, in this process, notes every request by its key.

- `answered_repeated`: calls whose reply the child held when it was killed, asked again. Must be 0.
- `in_flight_repeated`: calls that had reached the server and whose reply the child did not hold yet, asked again; at
  most `concurrency`.
- `lost`: calls without a recorded answer at the end. `wrong`: recorded answers that are not the server's. `doubled`:
  call keys with two recorded answers.
- `finish_s`: the second process from start to end, imports included; `first_call_s` until its first new request.

`recheck` asks a finished store for everything once more: `calls` by a process over as many answered calls, `run` by
`vistill run` over a quarter as many rows (four calls a row: caption, reasoning, rewriting, judging), whose pictures are
read and checked anew. Neither may make a call; the aim is 3 s.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from curation.records import Image
from curation.teachers import open_teachers
from curation.teachers.protocol import Message
from curation.teachers.spec import assign, parse_teacher
from flows.phases import IN_FLIGHT
from storage.ledger import CallLedger
from storage.store import Store
from tests.benchmarks.truth_ground import ROOT, finished_ground, run_process
from tests.fakes.mind import text_of
from tests.fakes.model_server import ModelServer

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def said(request: dict[str, Any]) -> str:
    """What the server answers: its question back, and enough words to be a reply."""
    return f"The answer to {text_of(request)} " + "is the rest of the angles of the triangle. " * 8


def question(number: int) -> str:
    return f"question {number}"


async def ask_all(store: Path, url: str, calls: int, concurrency: int) -> None:
    """What the child does: every call, each reply held told to standard output as 8 bytes, at once."""
    numbers = iter(range(calls))
    with CallLedger(Store.open(store), run_id=str(os.getpid())) as ledger:
        specs = assign([parse_teacher(f"resumed@{url}?concurrency={concurrency}#fake")], ["reasoner"])
        async with open_teachers(specs, ledger=ledger, read_image=_no_image) as teachers:

            async def worker() -> None:
                for number in numbers:
                    await teachers["reasoner"].ask([Message("user", question(number))])
                    os.write(1, number.to_bytes(8, "big"))

            await asyncio.gather(*[worker() for _ in range(IN_FLIGHT)])


def _no_image(image: Image) -> bytes:
    raise LookupError(image)


class Child:
    """A child process and the numbers of the replies it holds, read from its pipe as they come."""

    def __init__(self, store: Path, url: str, calls: int, concurrency: int) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.resume", "--child", str(store), "--base-url", url]
        command += ["--calls", str(calls), "--concurrency", str(concurrency)]
        self.held: set[int] = set()
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while data := self.process.stdout.read(8):
            self.held.add(int.from_bytes(data, "big"))

    def kill_at(self, replies: int, delay: float) -> bool:
        """Kill it `delay` seconds after it holds so many; False when it was over before."""
        while len(self.held) < replies and self.process.poll() is None:
            time.sleep(0.001)
        time.sleep(delay)
        over = self.process.poll() is not None
        self.process.kill()
        self.join()
        return not over

    def join(self) -> int:
        """Wait for its end and for all it told; its exit code."""
        code = self.process.wait()
        self._reader.join()
        return code


def keys_since(server: ModelServer, start: int) -> list[str]:
    """Call keys of the requests after the first `start`, in order of arrival."""
    return [headers["x-client-request-id"] for headers in server.headers[start:]]


def killed_and_resumed(calls: int, concurrency: int, replies: int, delay: float) -> dict[str, object]:
    """One kill and what came of it."""
    with tempfile.TemporaryDirectory(prefix="vistill-resume-") as folder, ModelServer(said, latency=0.02) as server:
        store = Path(folder) / "store"
        first = Child(store, server.url, calls, concurrency)
        killed = first.kill_at(replies, delay)
        time.sleep(0.1)  # what was on its way to the server has arrived
        made = len(server.requests)
        key_of = {text_of(request): key for request, key in zip(server.requests, keys_since(server, 0), strict=True)}
        held = {key_of[question(number)] for number in first.held}
        began = time.monotonic()
        second = Child(store, server.url, calls, concurrency)
        while len(server.requests) == made and second.process.poll() is None:
            time.sleep(0.001)
        first_call = time.monotonic() - began
        if second.join():
            raise SystemExit("the second process failed")
        again = Counter(keys_since(server, made))
        finish = time.monotonic() - began
        return {
            "killed": killed, "held_at_kill": len(held), "calls_before": made, "calls_after": again.total(),
            "answered_repeated": len(held & again.keys()),
            "in_flight_repeated": len(set(key_of.values()) & again.keys() - held),
            "first_call_s": round(first_call, 2), "finish_s": round(finish, 2), **audit(store, calls),
        }  # fmt: skip


def audit(store: Path, calls: int) -> dict[str, int]:
    """What the finished ledger lacks, has twice or has wrong."""
    rows = Store.open(store).query("SELECT key, request, reply FROM raw_calls WHERE status = 'ok'").to_pylist()
    answers = {text_of(orjson.loads(row["request"])): row["reply"] for row in rows}
    wanted = {question(number): said({"messages": [{"content": question(number)}]}) for number in range(calls)}
    return {
        "lost": len(wanted.keys() - answers.keys()),
        "wrong": sum(answers[text] != reply for text, reply in wanted.items() if text in answers),
        "doubled": sum(count > 1 for count in Counter(row["key"] for row in rows).values()),
    }


def recheck_calls(calls: int, concurrency: int) -> dict[str, object]:
    """A process that asks answered calls again: seconds from its start to its end, and the calls it made (none)."""
    with tempfile.TemporaryDirectory(prefix="vistill-recheck-") as folder, ModelServer(said) as server:
        seconds = []
        for _ in range(2):
            began, made = time.monotonic(), len(server.requests)
            if Child(Path(folder) / "store", server.url, calls, concurrency).join():
                raise SystemExit("a process failed")
            seconds.append(time.monotonic() - began)
        return {"calls": calls, "first_s": round(seconds[0], 2), "again_s": round(seconds[1], 2),
                "calls_again": len(server.requests) - made}  # fmt: skip


def recheck_run(calls: int) -> dict[str, object]:
    """`vistill run` over a finished store, the command line and all: seconds, and the calls it made (none)."""
    with tempfile.TemporaryDirectory(prefix="vistill-recheck-") as folder:
        began = time.monotonic()
        with finished_ground(Path(folder), calls // 4, run_process) as ground:
            first, made = time.monotonic() - began, ground.asked().total()
            began = time.monotonic()
            run_process(replace(ground.setup, options="concurrency=64"), ground.base)
            again = time.monotonic() - began
            return {"rows": ground.size, "calls": made, "first_s_with_pictures_drawn": round(first, 2),
                    "again_s": round(again, 2), "calls_again": ground.asked().total() - made}  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--shares", type=float, nargs="*", default=SHARES, help="of the calls, at which to kill")
    parser.add_argument("--random", type=int, default=3, help="kills at random moments besides")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--no-recheck", action="store_true")
    parser.add_argument("--json", action="store_true", help="one line")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--base-url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        asyncio.run(ask_all(options.child, options.base_url, options.calls, options.concurrency))
        return
    dice = random.Random(options.seed)
    moments = {f"{share:.0%}": (round(share * options.calls), 0.0) for share in options.shares}
    for number in range(options.random):
        moments[f"random_{number}"] = (dice.randrange(options.calls * 98 // 100), dice.uniform(0, 0.05))
    found: dict[str, object] = {
        "kills": {name: killed_and_resumed(options.calls, options.concurrency, *when) for name, when in moments.items()}
    }
    if not options.no_recheck:
        found["recheck"] = {
            "calls": recheck_calls(options.calls, options.concurrency),
            "run": recheck_run(options.calls),
        }
    print(json.dumps(found, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
