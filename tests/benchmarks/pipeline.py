"""Engine overhead: samples a second through the six steps of VLAA-Thinking against a scripted server without latency.

    python -m tests.benchmarks.pipeline --samples 10000 --json

The server runs in a process of its own on the same machine, so its work is inside the wall time and reported apart.
Pictures are drawn before the clock starts: small, distinct, 96x96 PNG. The run is `vistill run … --no-prefect` in a
fresh
process, whose memory and CPU are read from the kernel.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]


def write_source(folder: Path, count: int) -> Path:
    """A JSONL of counting questions, each with a picture of its own."""
    (folder / "images").mkdir(parents=True)
    file = folder / "rows.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for i in range(count):
            draw_picture(i).save(folder / "images" / f"{i}.png")
            row = {
                "id": str(i),
                "image": f"images/{i}.png",
                "question": f"How many dots are in picture {i}?",
                "answer": i % 10,
            }
            out.write(json.dumps(row) + "\n")
    return file


def draw_picture(i: int) -> Image.Image:
    """Twenty-four bits of `i` as a grid of blocks, far enough apart that no two look alike to a perceptual hash."""
    picture = Image.new("RGB", (96, 96), "white")
    draw = ImageDraw.Draw(picture)
    bits = (i * 2654435761) % 2**36
    for bit in range(36):
        if bits >> bit & 1:
            x, y = bit % 6 * 16, bit // 6 * 16
            draw.rectangle((x, y, x + 15, y + 15), fill=(40 + i % 7 * 20, 60, 120))
    return picture


def start_server(count: int) -> tuple[subprocess.Popen[str], str]:
    """The scripted server in a process of its own, and its URL."""
    code = (
        "import sys, time\n"
        "from tests.fakes.mind import MODELS, Truth, mind\n"
        "from tests.fakes.model_server import ModelServer\n"
        f"known = [Truth(f'How many dots are in picture {{i}}?', str(i % 10)) for i in range({count})]\n"
        "with ModelServer(mind(known), models=MODELS, keep=False) as server:\n"
        "    print(server.url, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def measure(count: int, folder: Path) -> dict[str, object]:
    """Wall, CPU, memory and calls of one run over `count` samples, and of the same run again."""
    source = write_source(folder / "source", count)
    server, url = start_server(count)
    roles = {"captioner": "eyes", "reasoner": "thinker", "rewriter": "editor", "judge": "judge"}
    teachers = [f"--teacher={role}=fake@{url}?seed=true&concurrency=64#{model}" for role, model in roles.items()]
    command = [
        sys.executable, "-m", "flows.cli", "run", "vlaa-thinking", f"--source=jsonl:{source}", *teachers,
        f"--store={folder / 'store'}", "--no-prefect", "--json",
    ]  # fmt: skip
    try:
        first, again = timed(command), timed(command)
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait()
    return {"samples": count, "first": first, "again": again}


def timed(command: list[str]) -> dict[str, object]:
    """One run: wall and CPU seconds, peak megabytes, and its funnel's ends."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    funnel = json.loads(done.stdout)["funnel"]
    return {
        "wall_s": round(wall, 1),
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_mb": round(after.ru_maxrss / 1024),
        "samples_per_s": round(funnel[0]["input"] / wall, 1),
        "kept": funnel[-1]["kept"],
        "said": done.stderr.strip().splitlines()[-1],
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--samples", type=int, default=10_000)
    arguments.add_argument("--json", action="store_true")
    args = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(args.samples, Path(folder))
    print(json.dumps(result, indent=None if args.json else 2))


if __name__ == "__main__":
    main()
