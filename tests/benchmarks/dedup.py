"""Near-duplicates at size: `python tests/benchmarks/dedup.py --documents 100000 --json`, ratios in one run.

Keys: `minhash` (ours) and, with `--peers`, `datasketch` (installed by hand: `pip install datasketch`) on the same drawn
texts (see `dedup_texts`), each with `docs_per_s`, `recall`, `peak_mb`, `bands` and `false_removals`; `perceptual`, all
pairs of `--hashes` hashes within 6 bits; `identical`, 50,000 equal texts. Each runs in a process of its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):  # run as a file: its own folder is on the path then, not the repository
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.dedup_texts import Planted, false_removals, planted, recalls

ROOT = Path(__file__).resolve().parents[2]
THRESHOLD = 0.8


def judged(texts: Planted, kept: np.ndarray, seconds: float) -> dict[str, Any]:
    """The figures of one contender; `recall` is over all pairs at the threshold or above."""
    bands = recalls(texts, kept)
    above = {name: band for name, band in bands.items() if float(name.split("-")[0]) >= THRESHOLD and band["pairs"]}
    pairs = sum(band["pairs"] for band in above.values())
    return {
        "docs_per_s": round(len(kept) / seconds), "wall_s": round(seconds, 2),
        "recall": round(sum(band["recall"] * band["pairs"] for band in above.values()) / max(1, pairs), 4),
        "false_removals": false_removals(texts, kept), "bands": bands,
    }  # fmt: skip


def minhash(folder: Path, documents: int, hashes: int) -> dict[str, Any]:
    """Ours, streamed from disk."""
    from curation.dedup.minhash import near_texts

    texts = planted(documents, folder)
    started = time.perf_counter()
    found = near_texts(texts.texts(), threshold=THRESHOLD)
    seconds = time.perf_counter() - started
    kept = np.ones(documents, dtype=bool)
    kept[found.removed] = False
    return judged(texts, kept, seconds)


def datasketch(folder: Path, documents: int, hashes: int) -> dict[str, Any]:
    """datasketch as its documentation shows it: 128 permutations, an LSH at the threshold, first come kept."""
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-not-found]

    from tests.benchmarks.dedup_texts import _words, shingle_set

    texts = planted(documents, folder)
    started = time.perf_counter()
    index = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    kept = np.ones(documents, dtype=bool)
    for at, text in enumerate(texts.texts()):
        sketch = MinHash(num_perm=128)
        sketch.update_batch([" ".join(shingle).encode() for shingle in shingle_set(_words(text))])
        if index.query(sketch):
            kept[at] = False
        else:
            index.insert(str(at), sketch)
    return judged(texts, kept, time.perf_counter() - started)


def perceptual(folder: Path, documents: int, hashes: int) -> dict[str, Any]:
    """All pairs within 6 bits: random hashes, a tenth of them copies with up to 6 bits flipped."""
    from curation.dedup.hamming import pairs_within

    chance = np.random.default_rng(0)
    values = chance.integers(0, 2**64, hashes, dtype=np.uint64)
    copies = hashes // 10
    for _ in range(6):
        values[:copies] ^= np.uint64(1) << chance.integers(0, 64, copies, dtype=np.uint64)
    values[:copies] ^= values[copies : 2 * copies] ^ values[:copies]
    for _ in range(3):
        values[:copies] ^= np.uint64(1) << chance.integers(0, 64, copies, dtype=np.uint64)
    started = time.perf_counter()
    pairs = sum(len(one) for one, _ in pairs_within(values, 6))
    return {"hashes": hashes, "pairs": pairs, "wall_s": round(time.perf_counter() - started, 2)}


def identical(folder: Path, documents: int, hashes: int) -> dict[str, Any]:
    """No quadratic blow-up: 50,000 times one text."""
    from curation.dedup.minhash import near_texts

    started = time.perf_counter()
    found = near_texts(["The chart shows apples and pears in every month of the year."] * 50_000)
    return {"removed": len(found.removed), "wall_s": round(time.perf_counter() - started, 2)}


CONTENDERS: dict[str, Callable[[Path, int, int], dict[str, Any]]] = {
    "minhash": minhash, "datasketch": datasketch, "perceptual": perceptual, "identical": identical,
}  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--peers", action="store_true", help="also datasketch, when it is installed")
    parser.add_argument("--texts", type=Path, metavar="DIR", help="keep the drawn texts here")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        figures = CONTENDERS[options.contender](options.texts, options.documents, options.hashes)
        figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps(figures))
        return
    with tempfile.TemporaryDirectory(prefix="vistill-dedup-") as scratch:
        folder = options.texts or Path(scratch)
        planted(options.documents, folder)
        wanted = [name for name in CONTENDERS if name != "datasketch" or options.peers]
        results = {name: _alone(name, folder, options) for name in wanted}
    print(json.dumps(results) if options.json else json.dumps(results, indent=1))


def _alone(name: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.dedup", "--contender", name, "--texts", str(folder)]
    command += ["--documents", str(options.documents), "--hashes", str(options.hashes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
