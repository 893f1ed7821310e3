"""The store under load and under kill -9: rows appended and read a second, alone and in company; rows lost.

    python -m tests.benchmarks.store --seconds 60 --json

`alone`: one writer, batches of 100 and of 1,000 rows. `company`: the same writer beside a second writer, a reader that
asks the funnel-like question a UI asks, and a compactor. `kills`: writers, readers and compactors killed at random
moments for `--seconds`; every batch is acknowledged only after `Store.append` returned. Lost, partial and duplicate
rows must be 0.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from storage import generations
from storage.store import Store

ROUND = 6.0
"""Seconds of each throughput measurement."""


def rows(name: str, count: int) -> list[dict[str, object]]:
    return [{"key": f"{name}/{i}", "reply": "because " * 30, "draw": i} for i in range(count)]


def write(root: Path, acks: Path, prefix: str, size: int) -> None:
    """Append batches until killed; each is noted once it is acknowledged."""
    store = Store.open(root)
    with acks.open("a", buffering=1) as file:
        for number in range(10**9):
            name = f"{prefix}-{number}"
            store.append("calls", rows(name, size), name=name)
            file.write(f"{name} {size}\n")


def read(root: Path, acks: Path) -> None:
    """Ask what a page asks until killed."""
    store = Store.open(root)
    with acks.open("a", buffering=1) as file:
        for number in range(10**9):
            store.query("select status, count(*), sum(draw) from calls group by all")
            file.write(f"read-{number} 1\n")


def compact(root: Path) -> None:
    """Compact until killed."""
    store = Store.open(root)
    while True:
        store.compact(force=True)


def start(action: Callable[..., None], *arguments: Any) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=action, args=arguments, daemon=True)
    process.start()
    return process


def stop(process: BaseProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def acknowledged(folder: Path, pattern: str) -> dict[str, int]:
    """Batch name to rows, of every whole line written."""
    lines = [line for path in folder.glob(pattern) for line in path.read_text().splitlines()]
    return {name: int(count) for name, count in (line.split() for line in lines if len(line.split()) == 2)}


def throughput(folder: Path, size: int, company: bool) -> dict[str, float]:
    """Rows a second of one writer for `ROUND` seconds, after it has warmed up; reads a second beside it."""
    root = folder / "store"
    Store.open(root)
    others = []
    if company:
        others = [
            start(write, root, folder / "acks-other", "other", 100),
            start(read, root, folder / "acks-read"),
            start(compact, root),
        ]
    writer = start(write, root, folder / "acks-main", "main", size)
    while not acknowledged(folder, "acks-main"):
        time.sleep(0.05)
    first, began = len(acknowledged(folder, "acks-main")), time.perf_counter()
    reads = len(acknowledged(folder, "acks-read"))
    time.sleep(ROUND)
    seconds = time.perf_counter() - began
    batches = len(acknowledged(folder, "acks-main")) - first
    reads = len(acknowledged(folder, "acks-read")) - reads
    for process in [writer, *others]:
        stop(process)
    return {"rows_per_s": round(batches * size / seconds), "reads_per_s": round(reads / seconds, 1)}


def storm(folder: Path, seconds: float) -> dict[str, Any]:
    """Kill at random moments, then compare what was acknowledged with what is there."""
    root, chance = folder / "store", random.Random()
    Store.open(root)
    roles: list[Callable[[int], BaseProcess]] = [
        lambda n: start(write, root, folder / f"acks-w{n}", f"w{n}", 100),
        lambda n: start(write, root, folder / f"acks-w{n}", f"w{n}", 10),
        lambda n: start(read, root, folder / f"reads-{n}"),
        lambda n: start(compact, root),
    ]
    running = [role(number) for number, role in enumerate(roles)]
    kills, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(chance.uniform(0.2, 2.5))
        victim = chance.randrange(len(roles))
        stop(running[victim])
        kills += 1
        running[victim] = roles[victim](100 + kills)
    for process in running:
        stop(process)
    return {"seconds": seconds, "kills": kills, **compared(root, acknowledged(folder, "acks-w*"))}


def compared(root: Path, acked: dict[str, int]) -> dict[str, int]:
    """Acknowledged rows, and those lost, doubled, or of batches that are there in part."""
    store = Store.open(root)
    keys = Counter(store.query("select key from raw_calls")["key"].to_pylist())
    there = Counter(key.split("/")[0] for key in keys)
    sizes = {name: 100 if count > 10 else 10 for name, count in there.items()}
    return {
        "acknowledged_rows": sum(acked.values()),
        "lost": sum(count - there[name] for name, count in acked.items()),
        "duplicate": sum(times - 1 for times in keys.values()),
        "partial": sum(count not in (10, 100) or count != sizes[name] for name, count in there.items()),
        "fsck_problems": len(store.fsck().problems),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=60.0, help="length of the storm")
    arguments.add_argument("--json", action="store_true", help="one line")
    args = arguments.parse_args()
    generations.GRACE_SECONDS = 0.0
    result: dict[str, Any] = {}
    for name, company in (("alone", False), ("company", True)):
        for size in (100, 1000):
            with tempfile.TemporaryDirectory() as folder:
                result[f"{name}_{size}"] = throughput(Path(folder), size, company)
    result["company_to_alone_1000"] = round(
        result["company_1000"]["rows_per_s"] / result["alone_1000"]["rows_per_s"], 2
    )
    with tempfile.TemporaryDirectory() as folder:
        result["storm"] = storm(Path(folder), args.seconds)
    print(json.dumps(result, indent=None if args.json else 2))


if __name__ == "__main__":
    main()
