"""Speed, recall and memory of deduplication beside its peers.

`python -m tests.benchmarks.dedup --documents 100000 --json` prints one object, a key a contender.

Every contender runs in a process of its own, on one core, over the same drawn texts (`dedup_texts`), read from Parquet
while the clock runs. The peers are installed on demand, into a folder that `--peers` names, never into the project.
`--only` picks contenders, `--growth` draws docs/images/dedup-growth.png from 10,000 to the given number.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.dedup_texts import Planted, false_removals, planted, recalls

ROOT = Path(__file__).parents[2]
FOLDER = Path("/tmp/vistill-dedup-texts")
PEERS = ("datasketch", "rensa")
THRESHOLD, HASHES, SHINGLE = 0.7, 128, 5
Row = dict[str, Any]


def minhash(texts: Planted) -> np.ndarray:
    """Ours."""
    from curation.dedup import near_texts

    kept = near_texts(texts.texts(), threshold=THRESHOLD, shingle=SHINGLE, hashes=HASHES).kept
    return np.asarray(kept == np.arange(len(kept)))


def store(texts: Planted) -> np.ndarray:
    """Ours, the texts streamed from a store in which they were put before."""
    from curation.dedup import near_texts
    from storage.exclusions import STREAM_LIMITS, pool_texts
    from storage.snapshot import Snapshot
    from storage.store import Store

    held = Store.open(texts.path.with_suffix(".store"), create=False)
    with Snapshot(held.root, STREAM_LIMITS) as snapshot:
        kept = near_texts(pool_texts(snapshot, lambda row: row["question"], ["question"]), threshold=THRESHOLD).kept
    return np.asarray(kept == np.arange(len(kept)))


def _fill(texts: Planted) -> None:
    """A store with a run that kept every text as a question, ids in the order of the texts."""
    from storage import corpus
    from storage.store import Store

    held = Store.open(texts.path.with_suffix(".store"))
    if held.query("SELECT 1 FROM runs").num_rows:
        return
    steps = [("intake", "f-intake", "row", False)]
    corpus.start_run(
        held, run_id="r", recipe="texts", recipe_fingerprint="", source="", seed=0, settings={}, teachers={},
        steps=steps,
    )  # fmt: skip
    for start, block in _blocks(texts.texts()):
        keys = [{"sample_id": f"t{start + at:08d}", "sample_key": "k"} for at in range(len(block))]
        text = {"source": "texts", "kind": "open", "options": [], "meta": {}}
        held.append(
            "samples", [key | text | {"question": q} for key, q in zip(keys, block, strict=True)], name=f"s{start}"
        )
        held.append(
            "members", [key | {"run_id": "r", "position": start + at} for at, key in enumerate(keys)], name=f"m{start}"
        )
        outcome = {"step": "intake", "fingerprint": "f-intake", "draw": 0, "status": "ok", "reason": "", "run_id": "r"}
        held.append("outcomes", [key | outcome for key in keys], name=f"o{start}")
    corpus.end_run(held, "r", event="finished")
    held.compact(force=True)


def _blocks(texts: Iterator[str], size: int = 50_000) -> Iterator[tuple[int, list[str]]]:
    block, start = [], 0
    for text in texts:
        block.append(text)
        if len(block) == size:
            yield start, block
            start, block = start + size, []
    yield start, block


def _shingles(text: str) -> list[str]:
    words = text.split()
    return [" ".join(words[at : at + SHINGLE]) for at in range(max(1, len(words) - SHINGLE + 1))]


def datasketch(texts: Planted) -> np.ndarray:
    """MinHash and MinHashLSH as its documentation shows them, batch update."""
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-not-found,unused-ignore]

    lsh, kept = MinHashLSH(threshold=THRESHOLD, num_perm=HASHES), []
    for at, text in enumerate(texts.texts()):
        sketch = MinHash(num_perm=HASHES)
        sketch.update_batch([shingle.encode() for shingle in _shingles(text)])
        kept.append(not lsh.query(sketch))
        if kept[-1]:
            lsh.insert(at, sketch)
    return np.array(kept)


def rensa(texts: Planted) -> np.ndarray:
    """Its inline deduplicator with 16 bands."""
    from rensa import RMinHashDeduplicator  # type: ignore[import-not-found,import-untyped,unused-ignore]

    found, kept = RMinHashDeduplicator(threshold=THRESHOLD, num_perm=HASHES, use_lsh=True, num_bands=16), []
    for start, block in _blocks(texts.texts(), 5_000):
        kept += found.add_pairs([(str(start + at), _shingles(text)) for at, text in enumerate(block)])
    return np.array(kept, dtype=bool)


TEXTS: dict[str, Callable[[Planted], np.ndarray]] = {
    "minhash": minhash, "store": store, "datasketch": datasketch, "rensa": rensa,
}  # fmt: skip


def texts(name: str, documents: int) -> Row:
    """One contender over the texts."""
    corpus = planted(documents, FOLDER)
    if name == "store":
        filling = [sys.executable, "-m", "tests.benchmarks.dedup", "--fill", "--documents", str(documents)]
        subprocess.run(filling, check=True, cwd=ROOT)
    started, cpu = time.perf_counter(), time.process_time()
    kept = TEXTS[name](corpus)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    bands = recalls(corpus, kept)
    found = sum(
        band["recall"] * band["pairs"]
        for low, band in bands.items()
        if float(low.split("-")[0]) >= THRESHOLD and band["pairs"]
    )
    pairs = sum(band["pairs"] for low, band in bands.items() if float(low.split("-")[0]) >= THRESHOLD)
    return {
        "documents": documents, "docs_per_s": round(documents / wall), "docs_per_cpu_s": round(documents / cpu),
        "seconds": round(wall, 1), "cpu_s": round(cpu, 1), "load": os.getloadavg()[0],
        "recall": round(found / pairs, 4), "recall_by_similarity": bands,
        "false_removals": false_removals(corpus, kept), "peak_mb": _peak(),
    }  # fmt: skip


def perceptual(count: int) -> Row:
    """All pairs within 6 bits among drawn hashes, a fifth of them planted near another; exact on a sample."""
    from curation.dedup.hamming import pairs_within

    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**64, count, dtype=np.uint64)
    near = count // 5
    hashes[:near] = hashes[near : 2 * near]
    for _ in range(6):
        hashes[:near] ^= np.uint64(1) << draw.integers(0, 64, near, dtype=np.uint64)
    started = time.perf_counter()
    pairs = sum(len(one) for one, _ in pairs_within(hashes, 6))
    seconds = time.perf_counter() - started
    sample = np.concatenate([hashes[:5_000], hashes[near : near + 5_000], hashes[-10_000:]])
    quick = {
        (i, j)
        for one, other in pairs_within(sample, 6, flat=0)
        for i, j in zip(one.tolist(), other.tolist(), strict=True)
    }
    plain = {
        (at, int(j)) for at in range(len(sample))
        for j in at + 1 + np.flatnonzero(np.bitwise_count(sample[at + 1 :] ^ sample[at]) <= 6)
    }  # fmt: skip
    return {
        "hashes": count, "seconds": round(seconds, 1), "pairs": pairs, "peak_mb": _peak(),
        "equals_brute_force_on_sample": quick == plain, "pairs_of_sample": len(plain),
    }  # fmt: skip


def vectors(count: int) -> Row:
    """Embeddings (384 numbers) around drawn centres, a tenth of them planted near another: recall of the index."""
    from curation.dedup.meaning import FLAT, near_vectors

    draw = np.random.default_rng(0)
    held = draw.normal(size=(count, 384)).astype(np.float32)
    held += 2 * draw.normal(size=(500, 384)).astype(np.float32)[draw.integers(0, 500, count)]
    near = count // 10
    held[-near:] = held[:near] + 0.1 * draw.normal(size=(near, 384)).astype(np.float32)
    started, cpu = time.perf_counter(), time.process_time()
    found = near_vectors(held, threshold=0.95, flat=FLAT)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    pairs = int((found.stars.kept[-near:] == np.arange(near)).sum())
    return {
        "vectors": count, "seconds": round(seconds, 1), "cpu_s": round(cpu, 1), "index": found.index,
        "recall_reported": round(found.recall, 4), "recall_of_planted": round(pairs / near, 4),
        "false_removals": int((found.stars.kept != np.arange(count)).sum()) - pairs, "peak_mb": _peak(),
    }  # fmt: skip


def hashing(count: int) -> Row:
    """Pictures of 256 x 256 decoded, checked and hashed (`curation.pictures.inspect`), PNG and JPEG."""
    import io

    from PIL import Image

    from curation.pictures import inspect

    draw, files = np.random.default_rng(0), []
    for number in range(40):
        rough = Image.fromarray(draw.integers(0, 255, (16, 16, 3), dtype=np.uint8)).resize((256, 256))
        data = io.BytesIO()
        rough.save(data, "PNG" if number % 2 else "JPEG")
        files.append(data.getvalue())
    started = time.perf_counter()
    for at in range(count):
        inspect(files[at % len(files)])
    return {"images": count, "images_per_s": round(count / (time.perf_counter() - started))}


def identical(count: int) -> Row:
    """The same text again and again."""
    from curation.dedup import near_texts

    started = time.perf_counter()
    kept = near_texts(["What is the area of the shaded region of the figure in square metres? " * 7] * count).kept
    return {
        "documents": count,
        "seconds": round(time.perf_counter() - started, 2),
        "kept": len(set(kept.tolist())),
        "peak_mb": _peak(),
    }


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def apart(name: str, documents: int, peers: Path) -> Row:
    """A contender in a process of its own."""
    paths = os.pathsep.join([str(ROOT), *([str(peers)] if name in PEERS else [])])
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.dedup", "--run", name, "--documents", str(documents)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1:]}
    found: Row = json.loads(done.stdout)
    return found


def one(name: str, documents: int) -> Row:
    """What `--run` prints."""
    single = {"perceptual": (perceptual, 1_000_000), "hashing": (hashing, 2_000), "identical": (identical, 50_000)}
    single["vectors"] = (vectors, 250_000)
    if name in single:
        measure, count = single[name]
        return measure(count)
    return texts(name, documents)


def install(peers: Path) -> None:
    """The peers, into their folder."""
    if not all((peers / name).exists() for name in PEERS):
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(peers), *PEERS], check=True
        )


def growth(most: int, peers: Path) -> list[Row]:
    """Ours from 10,000 documents on, as figures and a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [size for size in (10_000, 30_000, 100_000, 300_000, 1_000_000) if size <= most]
    rows = [{"documents": size, **apart("minhash", size, peers)} for size in sizes]
    figure, axes = pyplot.subplots(figsize=(6, 4))
    axes.loglog(sizes, [row["cpu_s"] for row in rows], "o-", label="processor time")
    axes.loglog(sizes, [row["seconds"] for row in rows], "x", label="wall time")
    axes.loglog(sizes, [rows[-1]["cpu_s"] * size / sizes[-1] for size in sizes], ":", label="linear")
    axes.set(xlabel="documents", ylabel="seconds", title="Near texts by MinHash, one core")
    axes.legend()
    figure.savefig(ROOT / "docs/images/dedup-growth.png", dpi=120, bbox_inches="tight")
    return rows


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--peers", type=Path, default=Path("/tmp/vistill-dedup-peers"), metavar="DIR")
    parser.add_argument("--only", default="minhash,datasketch,rensa,perceptual,hashing,identical")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--json", action="store_true", help="one JSON object (else one line each)")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.fill:
        _fill(planted(args.documents, FOLDER))
        return 0
    if args.run:
        print(json.dumps(one(args.run, args.documents)))
        return 0
    names = args.only.split(",")
    if set(names) & set(PEERS):
        install(args.peers)
    planted(args.documents, FOLDER)
    found: Row = {"load": os.getloadavg()[0]}
    found |= {name: apart(name, args.documents, args.peers) for name in names}
    if args.growth:
        found["growth"] = growth(args.documents, args.peers)
    if "docs_per_s" in found.get("datasketch", {}) and "docs_per_s" in found.get("minhash", {}):
        found["times_datasketch"] = round(found["minhash"]["docs_per_s"] / found["datasketch"]["docs_per_s"], 1)
    print(json.dumps(found) if args.json else "\n".join(f"{name}: {json.dumps(row)}" for name, row in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
