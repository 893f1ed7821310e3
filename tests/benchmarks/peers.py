"""bespoke-curator and distilabel on the same questions, each in a virtual environment made for it and thrown away.

`measure_peers` makes the environments (minutes and 1.5 GB the first time, unless they are kept) and runs this file in
each with its own Python, where it may import nothing but the standard library and the tool. What is measured runs from
the tool's call to its data set: imports are left out; `peak_mb` is the process and its largest child. Tools are
used as their documentation shows, with their own cache on, rate limits out of the way and telemetry off. No pictures.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.contenders import Work

PEERS: dict[str, list[str]] = {
    "bespoke-curator": ["bespokelabs-curator==0.1.31"],
    "distilabel": [
        "distilabel[openai]==1.5.3", "datasets<4", "huggingface_hub<1", "requests", "beautifulsoup4",
    ],
}  # fmt: skip
"""What to install. distilabel needs the last four to import and, with the newest `openai`, is a third faster."""

Step = Callable[[list[str]], list[str]]


def measure_peers(url: str, work: "Work", folder: Path) -> dict[str, dict[str, float]]:
    """Figures of every peer; their environments go to `folder`, or to a temporary one when it is the empty path."""
    if work.payload_kb:
        raise SystemExit("--peers: the other tools are driven without pictures; leave out --payload-kb")
    with tempfile.TemporaryDirectory(prefix="vistill-peers-") as scratch:
        homes = folder.absolute() if folder.parts else Path(scratch)
        return {name: _measured(name, url, work, environment(name, homes), Path(scratch)) for name in PEERS}


def environment(name: str, homes: Path) -> Path:
    """The Python of a virtual environment with the peer in it, made when it is not there."""
    python = homes / name / "bin" / "python"
    if not (homes / name / "installed").exists():
        print(f"installing {name} into {homes / name}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(homes / name)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS[name]], check=True, stdout=sys.stderr)
        (homes / name / "installed").write_text("\n".join(PEERS[name]))
    return python


def _measured(name: str, url: str, work: "Work", python: Path, scratch: Path) -> dict[str, float]:
    """One peer in a process of its own, without our virtual environment or packages in sight."""
    from tests.benchmarks.contenders import question

    job = scratch / f"{name}.json"
    rows = [question(row) for row in range(work.rows)]
    job.write_text(json.dumps({"url": url, "rows": rows, "chain": work.chain, "concurrency": work.concurrency}))
    tokens = python.parent.parent / "lib/python3.11/site-packages/litellm/litellm_core_utils/tokenizers"
    quiet = {"TELEMETRY_ENABLED": "False", "HF_HUB_OFFLINE": "1", "TIKTOKEN_CACHE_DIR": str(tokens)}
    env = {**os.environ, **quiet, "HF_HOME": str(scratch / "hf"), "OPENAI_API_KEY": "x", "PYTHONPATH": ""}
    command = [str(python), str(Path(__file__).absolute()), name, str(job), str(scratch / f"{name}-work")]
    done = subprocess.run(command, cwd=scratch, env=env, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("FIGURES ")]
    if done.returncode or not lines:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    figures: dict[str, float] = json.loads(lines[-1].removeprefix("FIGURES "))
    return figures


def timed(steps: Iterable[Step], rows: list[str]) -> dict[str, float]:
    """Run the steps one after the other, each over all rows, and measure the process with its children."""
    steps, before, began, calls, said = list(steps), _cpu_seconds(), time.perf_counter(), 0, rows
    for step in steps:
        said = step(said)
        calls += len(said)
    wall, used = time.perf_counter() - began, _cpu_seconds() - before
    if len(said) != len(rows) or not all(said):
        raise SystemExit(f"{len([text for text in said if text])} replies for {len(rows)} rows")
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "wall_s": round(wall, 3), "rps": round(calls / wall, 1), "cpu_s": round(used, 3),
        "peak_mb": round(sum(peaks), 1), "cpu_ms_per_call": round(1000 * used / calls, 4),
    }  # fmt: skip


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def curator_steps(job: dict[str, Any], folder: Path) -> list[Step]:
    """One `curator.LLM` a step of the chain."""
    from bespokelabs import curator  # type: ignore[import-not-found]

    class Asked(curator.LLM):  # type: ignore[misc]
        def prompt(self, row: dict[str, str]) -> str:
            return row["question"]

        def parse(self, row: dict[str, str], response: str) -> dict[str, str]:
            return {"question": row["question"], "reply": response}

    limits = {
        "base_url": job["url"], "api_key": "x", "max_concurrent_requests": job["concurrency"],
        "max_requests_per_minute": 10**7, "max_tokens_per_minute": 10**10, "require_all_responses": False,
    }  # fmt: skip
    llm = Asked(model_name="fake", backend="openai", backend_params=limits)

    def step(texts: list[str]) -> list[str]:
        found = llm([{"question": text} for text in texts], working_dir=str(folder))
        return [f"{row['question']}\n{row['reply']}" for row in found.dataset]

    return [step] * int(job["chain"])


def distilabel_steps(job: dict[str, Any], folder: Path) -> list[Step]:
    """One pipeline a step of the chain; a batch is what it keeps in flight. A line of log for each call would cost a
    fifth of its time, so those are silenced.
    """
    import logging

    from distilabel.models import OpenAILLM  # type: ignore[import-not-found]
    from distilabel.pipeline import Pipeline  # type: ignore[import-not-found]
    from distilabel.steps import LoadDataFromDicts  # type: ignore[import-not-found]
    from distilabel.steps.tasks import TextGeneration  # type: ignore[import-not-found]

    for name in ("httpx", "httpx2", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)

    def step(texts: list[str]) -> list[str]:
        size = int(job["concurrency"])
        with Pipeline(name="bench", cache_dir=str(folder)) as pipeline:
            rows = LoadDataFromDicts(data=[{"instruction": text} for text in texts], batch_size=size)
            llm = OpenAILLM(model="fake", base_url=job["url"], api_key="x")
            rows >> TextGeneration(llm=llm, input_batch_size=size)
        found = pipeline.run()["default"]["train"]
        return [f"{row['instruction']}\n{row['generation']}" for row in found if row["generation"]]

    return [step] * int(job["chain"])


def main(name: str, job_file: str, folder: str) -> None:
    """What runs in a peer's environment."""
    job: dict[str, Any] = json.loads(Path(job_file).read_text())
    steps = {"bespoke-curator": curator_steps, "distilabel": distilabel_steps}[name](job, Path(folder))
    print("FIGURES", json.dumps(timed(steps, job["rows"])), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
