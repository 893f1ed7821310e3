"""What an export of many samples with pictures costs beside a bare pyarrow writer of the same pictures.

    flock /tmp/bench.lock python tests/benchmarks/export.py --samples 100000 --json

The store is that of `tests/benchmarks/review_store.py` with a picture a sample. `vistill export` runs in a
fresh process; so does the bare writer, which reads the picture files in the export's order and writes them as
{bytes, path} with the export's row groups and shards, without texts, hashes or checks. `cpu_s` and `peak_mb` are a
process's own processor time and peak memory. Rounds alternate; the median of each is compared.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from storage.store import Store
from tests.benchmarks.review_store import make

ROOT = Path(__file__).resolve().parents[2]
PEAK = (
    "import resource; used = resource.getrusage(resource.RUSAGE_SELF); "
    "print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, file=sys.stderr)"
)
EXPORT = f"import sys; from flows.cli import main; code = main(sys.argv[1:]); {PEAK}; sys.exit(code)"
BARE = f"""
import os, sys
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
names, out, shard, group = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), 100
schema = pa.schema([("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())])))])
paths = Path(names).read_text().splitlines()
out.mkdir()
for first in range(0, len(paths), shard):
    with pq.ParquetWriter(out / f"{{first}}.parquet", schema, compression="none", use_dictionary=False,
                          write_statistics=False) as writer:
        for at in range(first, min(len(paths), first + shard), group):
            some = paths[at : min(at + group, first + shard)]
            pictures = [{{"bytes": open(path, "rb").read(), "path": os.path.basename(path)}} for path in some]
            rows = [{{"images": [picture]}} for picture in pictures]
            writer.write_table(pa.Table.from_pylist(rows, schema), row_group_size=group)
{PEAK}
"""


def timed(code: str, *arguments: str) -> tuple[tuple[float, float, int], str]:
    """(seconds, seconds of processor, peak megabytes) of a fresh process, and what it printed."""
    started = time.monotonic()
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cpu, peak = done.stderr.split()[-2:]
    return (time.monotonic() - started, float(cpu), int(peak)), done.stdout


def measure(store: Path, format: str, rounds: int) -> dict[str, object]:
    """Both writers over the rows of one format."""
    with tempfile.TemporaryDirectory(prefix="vistill-export-", dir=store.parent) as folder:
        names = pictures(store, format, Path(folder, "names"))
        found: dict[str, list[tuple[float, float, int]]] = {"export": [], "bare": []}
        rows, size = 0, 0
        for at in range(rounds):
            one, said = timed(EXPORT, "export", format, f"{folder}/e{at}", "--store", str(store), "--json")
            manifest = json.loads(said)
            rows, size = manifest["counts"]["train"], sum(file["bytes"] for file in manifest["files"])
            found["export"].append(one)
            found["bare"].append(timed(BARE, str(names), f"{folder}/b{at}", str(manifest["shard_rows"]))[0])
    export, bare = ([statistics.median(column) for column in zip(*found[name], strict=True)] for name in found)
    return {
        "format": format, "rows": rows, "mb": round(size / 1e6), "export_s": round(export[0], 1),
        "bare_s": round(bare[0], 1), "ratio": round(export[0] / bare[0], 2), "export_cpu_s": round(export[1], 1),
        "bare_cpu_s": round(bare[1], 1), "cpu_ratio": round(export[1] / bare[1], 2),
        "rows_per_s": round(rows / export[0]), "export_peak_mb": export[2], "bare_peak_mb": bare[2],
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def pictures(store: Path, format: str, into: Path) -> Path:
    """A file with the path of every picture, in the export's order."""
    where = {"raw": "true", "sft": "split = 'sft'", "grpo": "split = 'rl'"}[format]
    opened = Store.open(store, create=False)
    found = opened.query(f"select image, format from corpus where {where} order by position").to_pylist()
    into.write_text("\n".join(str(opened.image_path(row["image"], row["format"])) for row in found))
    return into


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=96, help="of the pictures: 96 for 9 KB each, 256 for 64 KB")
    parser.add_argument("--format", action="append", choices=("raw", "sft", "grpo"), help="default raw and sft")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", type=Path, help="a store made here before; made when missing, and kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vistill-export-") as folder:
        store = options.store or Path(folder) / "store"
        if not store.exists():
            make(store, options.samples, side=options.side)
            while Store.open(store).compact(force=True):
                pass
        for format in options.format or ("raw", "sft"):
            figures = measure(store, format, options.rounds)
            print(json.dumps(figures) if options.json else figures, flush=True)


if __name__ == "__main__":
    main()
