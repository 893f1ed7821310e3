"""What an export of many samples with pictures costs beside a bare pyarrow writer of the same pictures.

    flock /tmp/bench.lock python tests/benchmarks/export.py --samples 100000 --json

The store is that of `tests/benchmarks/review_store.py` with a picture a sample. `vistill export` runs in a
fresh process; so does the bare writer, which reads the picture files in the export's order and the other columns from
one uncompressed Parquet file, and writes the same columns with the export's row groups, shards and codecs, without a
store, hashes or checks. `cpu_s` is the processor time of a process and its children, `peak_mb` the most memory they
held at once, looked at twenty times a second. Rounds alternate; the median of each is compared.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyarrow.parquet as pq

from storage.store import Store
from tests.benchmarks.review_store import make

ROOT = Path(__file__).resolve().parents[2]
CPU = (
    "import resource; used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)); "
    "print(sum(each.ru_utime + each.ru_stime for each in used), file=sys.stderr)"
)
EXPORT = f"import sys; from flows.cli import main; code = main(sys.argv[1:]); {CPU}; sys.exit(code)"
BARE = f"""
import os, sys
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
names, texts, like, out, shard, group = *sys.argv[1:4], Path(sys.argv[4]), int(sys.argv[5]), 100
paths, others = Path(names).read_text().splitlines(), pq.ParquetFile(texts)
first = pq.read_metadata(like).row_group(0)
codecs = {{first.column(i).path_in_schema: first.column(i).compression.replace("UNCOMPRESSED", "NONE")
          for i in range(first.num_columns)}}
kind = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
schema = pa.schema([("images", kind), *others.schema_arrow])
out.mkdir()
at = 0
for batch in others.iter_batches(group):
    if at % shard == 0:
        if at:
            writer.close()
        writer = pq.ParquetWriter(out / f"{{at}}.parquet", schema, use_dictionary=False, write_statistics=False,
                                  compression=codecs)
    some = paths[at : at + len(batch)]
    contents = pa.array([open(path, "rb").read() for path in some], pa.binary())
    pictures = pa.StructArray.from_arrays([contents, pa.array([os.path.basename(path) for path in some])],
                                          ["bytes", "path"])
    images = pa.ListArray.from_arrays(list(range(len(some) + 1)), pictures)
    writer.write_table(pa.Table.from_arrays([images, *batch.columns], schema=schema), row_group_size=group)
    at += len(batch)
writer.close()
{CPU}
"""


def timed(code: str, *arguments: str) -> tuple[tuple[float, float, int], str]:
    """(seconds, seconds of processor, peak megabytes) of a fresh process and its children, and what it printed."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    started, peak = time.monotonic(), 0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], env=env, cwd=ROOT, stdout=out, stderr=err)
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(0.05)
        seconds = time.monotonic() - started
        out.seek(0)
        err.seek(0)
        said, told = out.read().decode(), err.read().decode()
    assert process.returncode == 0, told
    return (seconds, float(told.split()[-1]), peak), said


def resident(pid: int) -> int:
    """Megabytes that a process and its children hold now; pages that they share count for each."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        lines = [line for one in (pid, *children) for line in Path(f"/proc/{one}/status").read_text().splitlines()]
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


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
            texts, like = other_columns(Path(folder, f"e{at}"), Path(folder, "texts"))
            bare = (str(names), str(texts), str(like), f"{folder}/b{at}", str(manifest["shard_rows"]))
            found["bare"].append(timed(BARE, *bare)[0])
            for each in (f"e{at}", f"b{at}"):  # gigabytes that the kernel need not write any more
                shutil.rmtree(Path(folder, each))
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


def other_columns(exported: Path, into: Path) -> tuple[Path, Path]:
    """A file with every column of an export but its pictures, and one shard of it."""
    shards = sorted(exported.rglob("*.parquet"))
    names = [name for name in pq.read_schema(shards[0]).names if name != "images"]
    with pq.ParquetWriter(into, pq.read_table(shards[0], columns=names).schema, compression="none") as writer:
        for shard in shards:
            writer.write_table(pq.read_table(shard, columns=names))
    return into, shards[0]


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
