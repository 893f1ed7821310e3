"""Drawn question-and-reasoning texts with known near-duplicates: what `tests.benchmarks.dedup` searches.

Of n texts 80 % are distinct (mean 514 characters), 5 % exact copies and 15 % copies with 1 to 12 % of the words
exchanged. Every row knows the text it was made from and its true Jaccard similarity to it (5-word shingles, computed
with Python sets, not with the code under test).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TEMPLATES = (
    "In the figure, triangle {} has base {} and height {}.", "The chart shows {} values for {} in {}.",
    "What is the measure of angle {} when {} equals {}?", "First, we observe that {} is parallel to {}, so {}.",
    "Therefore the answer is {}.",
)  # fmt: skip
BANDS = ((0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.9999), (0.9999, 1.1))


@dataclass(frozen=True)
class Planted:
    """Where the texts lie (Parquet, column `text`), the source row of each, and its similarity to that row."""

    path: Path
    origin: np.ndarray
    similarity: np.ndarray

    def texts(self) -> Iterator[str]:
        """The texts, from disk, in order."""
        for batch in pq.ParquetFile(self.path).iter_batches(8192, columns=["text"]):
            yield from batch.column(0).to_pylist()


def planted(n: int, folder: Path, seed: int = 0) -> Planted:
    """Draw n texts, or read those drawn before."""
    path = folder / f"texts-{n}-{seed}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _draw(n, path, random.Random(seed))
    table = pq.read_table(path, columns=["origin", "similarity"])
    return Planted(path, table["origin"].to_numpy(), table["similarity"].to_numpy())


def shingle_set(words: list[str], size: int = 5) -> set[tuple[str, ...]]:
    """Word shingles, the plain way."""
    return {tuple(words[at : at + size]) for at in range(max(1, len(words) - size + 1))}


def jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    """Shared over all."""
    return len(one & other) / len(one | other)


def _words(text: str) -> list[str]:
    return text.lower().replace(".", " ").replace(",", " ").replace("?", " ").split()


def _draw(n: int, path: Path, draw: random.Random) -> None:
    vocabulary = ["".join(draw.choice("bcdfghklmnprstvw") + draw.choice("aeiou") for _ in range(draw.randint(1, 4)))
                  for _ in range(20_000)]  # fmt: skip
    base = int(n * 0.8)
    texts = [_text(draw, vocabulary) for _ in range(base)]
    rows = [(text, at, 1.0) for at, text in enumerate(texts)]
    for at in draw.choices(range(base), k=n - base):
        copied = texts[at] if draw.random() < 0.25 else _edited(texts[at], draw, vocabulary)
        rows.append((copied, at, jaccard(shingle_set(_words(texts[at])), shingle_set(_words(copied)))))
    draw.shuffle(rows)
    columns = [list(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(dict(zip(("text", "origin", "similarity"), columns, strict=True))), path)


def _text(draw: random.Random, vocabulary: list[str]) -> str:
    words: list[str] = []
    target = draw.randint(45, 125)
    while len(words) < target:
        if draw.random() < 0.4:
            template = draw.choice(TEMPLATES)
            fill = [
                draw.choice((draw.choice(vocabulary), str(draw.randrange(1000)))) for _ in range(template.count("{}"))
            ]
            words += template.format(*fill).split()
        else:
            words += [*draw.choices(vocabulary, k=draw.randint(6, 18)), "."]
    return " ".join(words)


def _edited(text: str, draw: random.Random, vocabulary: list[str]) -> str:
    rate = draw.uniform(0.01, 0.12)
    return " ".join(draw.choice(vocabulary) if draw.random() < rate else word for word in text.split())


def recalls(planted: Planted, kept: np.ndarray) -> dict[str, dict[str, float]]:
    """By band of true similarity: of families of two, the share that lost one row; and how many there are."""
    size = np.bincount(planted.origin)
    left = np.bincount(planted.origin[kept], minlength=len(size))
    similarity = np.ones(len(size))
    np.minimum.at(similarity, planted.origin, planted.similarity)
    found = {}
    for low, high in BANDS:
        families = np.flatnonzero((size == 2) & (similarity >= low) & (similarity < high))
        share = float((left[families] == 1).mean()) if len(families) else float("nan")
        found[f"{low:g}-{min(high, 1):g}"] = {"recall": round(share, 4), "pairs": len(families)}
    return found


def false_removals(planted: Planted, kept: np.ndarray) -> int:
    """Rows removed that are alone of their family, and families removed whole."""
    size = np.bincount(planted.origin)
    left = np.bincount(planted.origin[kept], minlength=len(size))
    return int((size[planted.origin[~kept]] == 1).sum() + ((left == 0) & (size > 1)).sum())
