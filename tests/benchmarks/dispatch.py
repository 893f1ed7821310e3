"""What a model call costs us beyond the server's own time.

    python -m tests.benchmarks.dispatch --requests 10000 --concurrency 256 --json

Starts a 50 ms server in another process (or takes `--base-url`) and drives it with each contender in a process of its
own: a bare aiohttp loop (the floor), our dispatcher with the ledger writing to a fresh store, and the stock `openai`
client. `cpu_s` and `peak_mb` are the contender's process from its first call on, imports left out of `cpu_s`.
Other tools (bespoke-curator, distilabel) need environments of their own and are not driven here.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Ask = Callable[[str], Awaitable[str]]
CONTENDERS = ("aiohttp", "vistill", "openai")


def question(number: int) -> str:
    """A prompt of about 90 characters, different for each number."""
    return f"Question {number}: what is the area of a triangle with base {number} and height 7? Think step by step."


async def measured(ask: Ask, requests: int, concurrency: int) -> dict[str, float]:
    """Wall and CPU seconds of `requests` calls by `concurrency` workers."""
    numbers = iter(range(requests))

    async def worker() -> None:
        for number in numbers:
            assert await ask(question(number))

    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*[worker() for _ in range(concurrency)])
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "wall_s": round(wall, 3), "rps": round(requests / wall, 1), "cpu_s": round(used, 3),
        "cpu_ms_per_call": round(1000 * used / requests, 4), "peak_mb": round(peak, 1),
    }  # fmt: skip


async def run_aiohttp(url: str, requests: int, concurrency: int) -> dict[str, float]:
    """The floor: what the HTTP client alone takes."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

        async def ask(text: str) -> str:
            body = {"model": "fake", "messages": [{"role": "user", "content": text}]}
            async with session.post(url + "/chat/completions", json=body) as response:
                return str((await response.json())["choices"][0]["message"]["content"])

        return await measured(ask, requests, concurrency)


async def run_openai(url: str, requests: int, concurrency: int) -> dict[str, float]:
    """The stock client as its documentation shows it."""
    import openai

    client = openai.AsyncOpenAI(base_url=url, api_key="x")

    async def ask(text: str) -> str:
        reply = await client.chat.completions.create(model="fake", messages=[{"role": "user", "content": text}])
        return str(reply.choices[0].message.content)

    return await measured(ask, requests, concurrency)


async def run_vistill(url: str, requests: int, concurrency: int) -> dict[str, float]:
    """Our dispatcher, with every call recorded in the ledger of a fresh store before it is seen."""
    from curation.teachers import open_teachers
    from curation.teachers.protocol import Message
    from curation.teachers.spec import assign, parse_teacher
    from storage.ledger import CallLedger
    from storage.store import Store

    specs = assign([parse_teacher(f"bench@{url}?concurrency={concurrency}#fake")], ["reasoner"])
    with tempfile.TemporaryDirectory(prefix="vistill-bench-") as folder:
        ledger = CallLedger(Store.open(Path(folder)), run_id="bench")
        async with open_teachers(specs, ledger=ledger, read_image=lambda image: b"") as teachers:

            async def ask(text: str) -> str:
                return (await teachers["reasoner"].ask([Message("user", text)])).text

            figures = await measured(ask, requests, concurrency)
        ledger.close()
    return figures


@contextmanager
def server(latency: float) -> Iterator[str]:
    """A fast server in a process of its own; yields its base URL."""
    command = [sys.executable, "-m", "tests.fakes.model_server", "--latency", str(latency)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def contend(name: str, url: str, options: argparse.Namespace) -> dict[str, float]:
    """One contender in a fresh process, so that none pays for another's imports or garbage."""
    command = [sys.executable, "-m", "tests.benchmarks.dispatch", "--contender", name, "--base-url", url]
    command += ["--requests", str(options.requests), "--concurrency", str(options.concurrency)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def report(results: dict[str, dict[str, float]], as_json: bool) -> None:
    """One JSON object, or a table with each contender's ratio to the floor."""
    if as_json:
        print(json.dumps(results))
        return
    floor = results.get("aiohttp", {}).get("wall_s")
    for name, figures in results.items():
        ratio = f"{figures['wall_s'] / floor:5.2f} x aiohttp" if floor else ""
        print(f"{name:10}", *(f"{key}={value:<9}" for key, value in figures.items()), ratio)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds; of our own server")
    parser.add_argument("--base-url", help="aim at another server")
    parser.add_argument("--only", nargs="*", default=CONTENDERS, choices=CONTENDERS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        run = {"aiohttp": run_aiohttp, "vistill": run_vistill, "openai": run_openai}[options.contender]
        print(json.dumps(asyncio.run(run(options.base_url, options.requests, options.concurrency))))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if options.base_url:
        report({name: contend(name, options.base_url, options) for name in options.only}, options.json)
        return
    with server(options.latency) as url:
        report({name: contend(name, url, options) for name in options.only}, options.json)


if __name__ == "__main__":
    main()
