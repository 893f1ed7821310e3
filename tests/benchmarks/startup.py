"""How long a person waits: for `vistill --help`, and for the first model call of `vistill run … --no-prefect`.

    python tests/benchmarks/startup.py --json

The figures source is drawn on the way, as in the demo. A run looks for duplicates among all its rows before it pays
for a call, so the first call comes later when there are more rows; `--rows` says for how many it is measured.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.fakes.mind import MODELS, mind
from tests.fakes.model_server import ModelServer, Request

ROLES = {"captioner": "eyes", "reasoner": "thinker", "rewriter": "editor", "judge": "judge"}


def help_seconds() -> float:
    """Wall seconds of `vistill --help`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "flows.cli", "--help"], cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started


def first_call_seconds(rows: int, store: Path) -> float:
    """Wall seconds from the start of the process to the first completion asked of the server."""
    arrived: list[float] = []
    answer = mind([])

    def reply(request: Request) -> object:
        arrived.append(time.perf_counter())
        return answer(request)

    with ModelServer(reply, models=MODELS, keep=False) as server:
        teachers = [f"--teacher={role}=fake@{server.url}#{model}" for role, model in ROLES.items()]
        command = [sys.executable, "-m", "flows.cli", "run", "vlaa-thinking", "--source=figures", f"--limit={rows}"]
        started = time.perf_counter()
        subprocess.run(
            [*command, *teachers, f"--store={store}", "--no-prefect", "--quiet"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
    return arrived[0] - started


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, nargs="+", default=[24, 256])
    arguments.add_argument("--times", type=int, default=5)
    arguments.add_argument("--json", action="store_true")
    args = arguments.parse_args()
    found: dict[str, object] = {"help_s": round(statistics.median(help_seconds() for _ in range(args.times)), 3)}
    with tempfile.TemporaryDirectory() as folder:
        for rows in args.rows:
            taken = [first_call_seconds(rows, Path(folder) / f"{rows}-{n}") for n in range(args.times)]
            found[f"first_call_{rows}_rows_s"] = {
                "median": round(statistics.median(taken), 2),
                "most": round(max(taken), 2),
            }
    print(json.dumps(found, indent=None if args.json else 2))


if __name__ == "__main__":
    main()
