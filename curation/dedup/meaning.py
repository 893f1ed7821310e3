"""Texts or pictures of nearly the same meaning: nearest neighbours of their embeddings by cosine, with FAISS.

Below `FLAT` vectors the search is exact; above, an inverted file (IVF, Jégou, Douze and Schmid 2011) is probed, and how
many of the true neighbours it finds is measured on `PROBES` of the vectors and reported, never assumed. Every vector
asks for its `NEAREST` only and the search is repeated among those kept, so a cluster of any size stays affordable.
A vector with NaN, infinity or no length is refused by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.dedup.stars import Rows, Scores, Stars, chains, stars
from curation.errors import ConfigError

THRESHOLD = 0.95  # cosine
FLAT = 200_000
NEAREST = 16
ROUNDS = 6
PROBES = 1_000
NPROBE = 32  # lists of the inverted file that are read for a query
SMALL_GROUP = 512
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Meanings:
    """Who is kept (`stars`), which vectors were refused, the share of true neighbours that were found (1: exact)."""

    stars: Stars
    refused: NDArray[np.bool_]
    recall: float
    index: str


def near_vectors(
    vectors: NDArray[np.floating[Any]],
    *,
    threshold: float = THRESHOLD,
    rank: Sequence[int] | None = None,
    groups: Sequence[int] | None = None,
    flat: int = FLAT,
) -> Meanings:
    """Which of (n, d) embeddings repeat another of their group with a cosine of at least `threshold`.

    Rows of lower `rank` are kept first. Raises `ConfigError` for a threshold outside 0 … 1.
    """
    if not 0 < threshold <= 1:
        raise ConfigError("threshold", threshold, "a cosine above 0 and at most 1")
    unit, refused = directions(vectors)
    order = np.argsort(np.arange(len(unit)) if rank is None else np.asarray(rank), kind="stable")
    recalls, names = [], set()
    one, other = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for rows in _groups(np.flatnonzero(~refused), groups):
        found = _joined(unit[rows], threshold, flat)
        one.append(rows[found.one])
        other.append(rows[found.other])
        recalls.append(found.recall)
        names.add(found.index)
    labels = chains(len(unit), np.concatenate(one), np.concatenate(other))
    cosine = cosines(unit)
    index = "ivf" if "ivf" in names else "flat"
    return Meanings(stars(labels, order, cosine, threshold), refused, min(recalls, default=1.0), index)


def directions(vectors: NDArray[np.floating[Any]]) -> tuple[Vectors, NDArray[np.bool_]]:
    """(vectors of length 1, which have no direction); those are zero."""
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.linalg.norm(vectors.astype(np.float64), axis=1)
    refused = ~np.isfinite(length) | (length < 1e-9)
    unit = np.where(refused[:, None], 0, vectors) / np.where(refused, 1, length)[:, None]
    return unit.astype(np.float32), refused


def cosines(unit: Vectors) -> "Any":
    """Cosine of rows a[i] and b[i], for `stars`."""

    def alike(a: Rows, b: Rows) -> Scores:
        scores: Scores = np.einsum("ij,ij->i", unit[a], unit[b]).astype(np.float64)
        return scores

    return alike


def _groups(rows: Rows, groups: Sequence[int] | None) -> list[Rows]:
    """The rows of each group of two or more."""
    if groups is None:
        return [rows]
    named = np.asarray(groups)[rows]
    order = np.argsort(named, kind="stable")
    parts = np.split(rows[order], np.flatnonzero(np.diff(named[order])) + 1)
    return [part for part in parts if len(part) > 1]


@dataclass(frozen=True, slots=True)
class _Found:
    one: Rows
    other: Rows
    recall: float
    index: str


def _joined(unit: Vectors, threshold: float, flat: int) -> _Found:
    """Pairs that connect every cluster: neighbours of all, then of one row a cluster, until nothing new is found."""
    if len(unit) <= SMALL_GROUP:
        one, other = np.nonzero(np.triu(unit @ unit.T >= threshold, k=1))
        return _Found(one, other, 1.0, "flat")
    one, other, recall, index = _neighbours(unit, threshold, flat)
    for _ in range(ROUNDS):
        labels = chains(len(unit), one, other)
        _, left = np.unique(labels, return_index=True)
        if len(left) == len(unit):
            break
        more_one, more_other, *_ = _neighbours(unit[left], threshold, flat)
        if not len(more_one):
            break
        one, other = np.concatenate([one, left[more_one]]), np.concatenate([other, left[more_other]])
    return _Found(one, other, recall, index)


def _neighbours(unit: Vectors, threshold: float, flat: int) -> tuple[Rows, Rows, float, str]:
    """(one, other, recall, kind of index) of neighbours at least that alike."""
    nearest = min(NEAREST + 1, len(unit))
    index, name = _index(unit, flat)
    likeness, found = index.search(unit, nearest)
    one, place = np.nonzero((likeness >= threshold) & (found >= 0))
    other = found[one, place]
    apart = one != other
    recall = 1.0 if name == "flat" else _recall(unit, found, threshold, nearest)
    return one[apart], other[apart].astype(np.int64), recall, name


def _index(unit: Vectors, flat: int) -> tuple[Any, str]:
    import faiss

    dimensions = unit.shape[1]
    if len(unit) <= flat:
        exact = faiss.IndexFlatIP(dimensions)
        exact.add(unit)
        return exact, "flat"
    lists = max(1, int(4 * len(unit) ** 0.5))
    quantiser = faiss.IndexFlatIP(dimensions)
    index = faiss.IndexIVFFlat(quantiser, dimensions, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(unit[np.random.default_rng(0).permutation(len(unit))[: 40 * lists]])
    index.add(unit)
    index.nprobe = min(NPROBE, lists)
    return index, "ivf"


def _recall(unit: Vectors, found: NDArray[np.int64], threshold: float, nearest: int) -> float:
    """Of the true neighbours above the threshold of some vectors, the share that the index found."""
    import faiss

    exact = faiss.IndexFlatIP(unit.shape[1])
    exact.add(unit)
    asked = np.random.default_rng(1).permutation(len(unit))[:PROBES]
    likeness, true = exact.search(unit[asked], nearest)
    hits = total = 0
    for row, near, alike in zip(asked, true, likeness, strict=True):
        wanted = set(near[alike >= threshold].tolist()) - {int(row)}
        total += len(wanted)
        hits += len(wanted & set(found[row].tolist()))
    return hits / total if total else 1.0
