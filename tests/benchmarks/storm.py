"""A server that takes 32 calls at a time and answers 429 to the rest, asked by someone who starts with more.

    python -m tests.benchmarks.storm --json

1,000 calls of 0.5 s each need 1000 / 32 * 0.5 = 15.6 s; `ratio` is our wall time over that, `refused` the 429s the
server sent (aims: at most 1.3, and fewer than 100 from a start of 128). Each case runs in a process of its own with the
ledger of a fresh store on; the server counts, in another process.

`start` is how many calls go out before the first answer (`Policy.start_concurrency`). Whoever really sends 128 at once
to a server that takes 32 is refused 96 times before any answer can teach it, and 224 times from 256, so those are the
least counts of the two `start` cases. The `asked` cases are what a user gets who asks for that many in the
teacher (`?concurrency=128`) and leaves the start to us.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from curation.teachers import open_teachers
from curation.teachers.dispatch import Policy
from curation.teachers.protocol import Message
from curation.teachers.spec import assign, parse_teacher
from storage.ledger import CallLedger
from storage.store import Store
from tests.benchmarks.serving import ROOT, server, stats

CASES = {
    "start_128": (128, 128),
    "start_256": (256, 256),
    "asked_128": (Policy().start_concurrency, 128),
    "asked_256": (Policy().start_concurrency, 256),
}
"""Calls sent before the first answer, and the most in flight ever."""


async def storm(url: str, calls: int, start: int, most: int) -> dict[str, float]:
    """Wall seconds of `calls` calls, none of which may fail, and what the ledger kept of them."""
    specs = assign([parse_teacher(f"storm@{url}?concurrency={most}#fake")], ["reasoner"])
    with tempfile.TemporaryDirectory(prefix="vistill-storm-") as folder:
        store = Store.open(Path(folder))
        with CallLedger(store, run_id="storm") as ledger:
            policy = Policy(start_concurrency=start)
            async with open_teachers(specs, ledger=ledger, read_image=_no_image, policy=policy) as teachers:
                began = time.perf_counter()
                await asyncio.gather(*[teachers["reasoner"].ask([Message("user", f"q {i}")]) for i in range(calls)])
                wall = time.perf_counter() - began
        [row] = store.query("SELECT count(*) AS n, sum(attempts) AS tries FROM calls WHERE status = 'ok'").to_pylist()
    return {"wall_s": round(wall, 2), "recorded": row["n"], "attempts": int(row["tries"])}


def _no_image(image: object) -> bytes:
    raise LookupError(image)


def measure(case: str, calls: int, latency: float, cap: int) -> dict[str, float]:
    """One case against a fresh server."""
    command = [sys.executable, "-m", "tests.benchmarks.storm", "--case", case, "--calls", str(calls)]
    with server(latency, most_in_flight=cap) as url:
        done = subprocess.run([*command, "--base-url", url], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{case} failed:\n{done.stderr}")
        counted = stats(url)
    ideal = calls / cap * latency
    figures: dict[str, float] = json.loads(done.stdout)
    return {
        **figures, "ideal_s": round(ideal, 2), "ratio": round(figures["wall_s"] / ideal, 3),
        "refused": counted.get("refused", 0), "answered": counted["answered"], "peak_in_flight": counted["peak"],
    }  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds an answer takes")
    parser.add_argument("--cap", type=int, default=32, help="calls in flight above which the server answers 429")
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--json", action="store_true", help="one line")
    parser.add_argument("--case", choices=list(CASES), help=argparse.SUPPRESS)
    parser.add_argument("--base-url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(asyncio.run(storm(options.base_url, options.calls, *CASES[options.case]))))
        return
    found = {case: measure(case, options.calls, options.latency, options.cap) for case in options.only}
    print(json.dumps(found, indent=None if options.json else 2))


if __name__ == "__main__":
    main()
