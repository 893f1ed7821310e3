"""What a model call costs us beyond the server's own time.

    python -m tests.benchmarks.dispatch --requests 10000 --concurrency 256 --json
    python -m tests.benchmarks.dispatch --requests 3000 --payload-kb 200 --json
    python -m tests.benchmarks.dispatch --requests 9000 --chain 3 --json

Starts a 50 ms server in another process (or takes `--base-url`) and drives it with each contender in a process of its
own: a bare aiohttp loop (the floor), our dispatcher with the ledger writing to a fresh store, and the stock `openai`
client (see `contenders`). `--peers` adds bespoke-curator and distilabel, each installed in an environment made for it
(see `peers`); with `--peers DIR` the environments are kept there.

One key a contender: `wall_s`, `rps`, `cpu_s` and `peak_mb` (of its process, the rows included), `grown_mb` (by how much
its memory grew from the first call on), `x_aiohttp` (wall over that of the bare loop). Imports are in `peak_mb` alone.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.contenders import RUN, Work
from tests.benchmarks.peers import PEERS, measure_peers
from tests.benchmarks.serving import ROOT, server


def contend(name: str, url: str, work: Work) -> dict[str, float]:
    """One contender in a fresh process, so that none pays for another's imports or garbage."""
    command = [sys.executable, "-m", "tests.benchmarks.dispatch", "--contender", name, "--base-url", url]
    command += ["--requests", str(work.requests), "--concurrency", str(work.concurrency), "--chain", str(work.chain)]
    command += ["--payload-kb", str(work.payload_kb), "--images", str(work.images)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def contest(url: str, options: argparse.Namespace, work: Work) -> dict[str, dict[str, float]]:
    """Every contender's figures, with its ratio to the floor."""
    results = {name: contend(name, url, work) for name in options.only}
    if options.peers is not None:
        results |= measure_peers(url, work, options.peers)
    floor = results.get("aiohttp", {}).get("wall_s")
    for figures in results.values():
        if floor and "wall_s" in figures:
            figures["x_aiohttp"] = round(figures["wall_s"] / floor, 2)
    return results


def report(results: dict[str, dict[str, float]], as_json: bool) -> None:
    """One JSON object, or a line for each contender."""
    if as_json:
        print(json.dumps(results))
        return
    for name, figures in results.items():
        print(f"{name:16}", *(f"{key}={value:<9}" for key, value in figures.items()))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--chain", type=int, default=1, help="calls a row, one after the other")
    parser.add_argument("--payload-kb", type=int, default=0, help="show each call a picture of so much base64")
    parser.add_argument("--images", type=int, default=64, help="how many pictures there are")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds; of our own server")
    parser.add_argument("--base-url", help="aim at another server")
    parser.add_argument("--only", nargs="*", default=list(RUN), choices=list(RUN))
    parser.add_argument("--peers", nargs="?", type=Path, const=Path(), metavar="DIR",
                        help=f"also {', '.join(PEERS)}; keep their environments in DIR")  # fmt: skip
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--contender", choices=list(RUN), help=argparse.SUPPRESS)
    options = parser.parse_args()
    work = Work(
        requests=options.requests, concurrency=options.concurrency, chain=options.chain,
        payload_kb=options.payload_kb, images=options.images,
    )  # fmt: skip
    if options.contender:
        print(json.dumps(asyncio.run(RUN[options.contender](options.base_url, work))))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if options.base_url:
        report(contest(options.base_url, options, work), options.json)
        return
    with server(options.latency) as url:
        report(contest(url, options, work), options.json)


if __name__ == "__main__":
    main()
