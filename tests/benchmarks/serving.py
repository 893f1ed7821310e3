"""The fast server of `tests.fakes.fast_server` in a process of its own, for benchmarks."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def server(latency: float, *, most_in_flight: int | None = None) -> Iterator[str]:
    """Its base URL; it answers after `latency` seconds, and 429 at once beyond `most_in_flight`."""
    command = [sys.executable, "-m", "tests.fakes.model_server", "--latency", str(latency)]
    command += [] if most_in_flight is None else ["--most-in-flight", str(most_in_flight)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def stats(url: str) -> dict[str, int]:
    """What the server has counted: requests, answered, refused, peak (in flight), connections."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as response:
        counted: dict[str, int] = json.load(response)
    return counted
