"""Near-duplicate texts: MinHash with banding proposes pairs, the Jaccard similarity of their shingles decides.

Broder 1997 for MinHash, Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets" §3.4 for banding: with b bands
of r hashes a pair of similarity s is proposed with probability 1 - (1 - s^r)^b. `banding` chooses the largest r, hence
the fewest useless proposals, that still finds `RECALL` of the pairs at the threshold within `HASHES` hashes. As every
proposal is verified, the hashes only decide what is found, never what is removed.

Built for a million texts on one core: texts are streamed, their shingles go to an unnamed temporary file (4 bytes
each) from which the few that are proposed are read back, and 8 bytes a band stay in memory. Identical texts are folded
before the search, and a bucket of more than `CROWD` texts compares each with its first `SPEAKERS` only, so neither
thousands of equal rows nor a boilerplate that all share costs quadratic time.
"""

import math
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from curation.dedup.shingles import SHINGLE, Counts, Hashes, Short, batches, check_size, mixed, shingles, spans
from curation.dedup.stars import Rows, Scores, Stars, chains, stars
from curation.errors import ConfigError

THRESHOLD = 0.7
HASHES = 128
RECALL = 0.97
CROWD = 12
SPEAKERS = 8
STREAM = 8192  # texts hashed and written at a time
PAIRS = 8192  # pairs verified at a time


@dataclass(frozen=True, slots=True)
class Banding:
    """`bands` of `rows` hashes each."""

    bands: int
    rows: int

    def finds(self, similarity: float) -> float:
        """The probability that a pair of this similarity is proposed."""
        return float(1 - (1 - similarity**self.rows) ** self.bands)


def banding(threshold: float, *, hashes: int = HASHES, recall: float = RECALL) -> Banding:
    """The longest bands, and as few of them as find `recall` of the pairs at the threshold.

    Raises `ConfigError` when the threshold is not above 0 and at most 1, or cannot be served with so many hashes.
    """
    if not 0 < threshold <= 1:
        raise ConfigError("threshold", threshold, "a Jaccard similarity above 0 and at most 1")
    for rows in range(min(hashes, 16), 0, -1):
        agree = threshold**rows  # probability that a band of a pair at the threshold is the same
        if agree == 1:
            return Banding(1, rows)
        bands = math.ceil(math.log(1 - recall) / math.log1p(-agree)) if agree > 1e-9 else hashes + 1
        if bands * rows <= hashes:
            return Banding(bands, rows)
    raise ConfigError("threshold", threshold, f"too low for {hashes} hashes: take 0.1 or more, or more hashes")


def near_texts(
    texts: Iterable[str],
    *,
    threshold: float = THRESHOLD,
    shingle: int = SHINGLE,
    rank: Sequence[int] | None = None,
    groups: Sequence[int] | None = None,
    hashes: int = HASHES,
) -> Stars:
    """Which of n texts repeat another: kept row and Jaccard similarity for each. Texts without a word repeat nothing.

    Rows of lower `rank` are kept first (default: their order). Only texts of one group are compared. `texts` is read
    once, from front to back. Raises `ConfigError` for a threshold or shingle out of range.
    """
    check_size(shingle)
    plan = banding(threshold, hashes=hashes)
    with tempfile.TemporaryFile() as file:
        corpus = _Corpus(file, plan, shingle)
        for batch in batches(texts, STREAM):
            corpus.add(batch)
        return corpus.finished().stars(threshold, rank, groups)


class _Corpus:
    """Texts taken in: their shingles on disk, their band keys in memory."""

    def __init__(self, file: IO[bytes], plan: Banding, shingle: int) -> None:
        self.file, self.plan, self.shingle = file, plan, shingle
        self.counts: list[Counts] = []
        self.prints: list[Hashes] = []
        self.keys: list[Hashes] = []

    def add(self, texts: Sequence[str]) -> None:
        """Hash a batch and write its shingles."""
        found, counts = shingles(texts, self.shingle)
        self.file.write(found.tobytes())
        self.counts.append(counts)
        self.prints.append(_set_prints(found, counts))
        self.keys.append(band_keys(found, counts, self.plan))

    def finished(self) -> "_Searched":
        """Everything taken in, ready to be searched."""
        self.file.flush()
        counts = np.concatenate(self.counts or [np.empty(0, np.int64)])
        prints = np.concatenate(self.prints or [np.empty(0, np.uint64)])
        return _Searched(self._read, counts, prints, self.keys)

    def _read(self, start: int, stop: int) -> list[int]:
        data = os.pread(self.file.fileno(), 4 * (stop - start), 4 * start)
        found: list[int] = np.frombuffer(data, np.uint32).tolist()
        return found


@dataclass(frozen=True, slots=True)
class _Searched:
    """How to read shingles, how many a text has, a hash of its set, and (bands, m) keys a batch of texts."""

    read: Callable[[int, int], list[int]]
    counts: Counts
    prints: Hashes
    keys: list[Hashes]

    def stars(self, threshold: float, rank: Sequence[int] | None, groups: Sequence[int] | None) -> Stars:
        n = len(self.counts)
        order = np.argsort(np.arange(n) if rank is None else np.asarray(rank), kind="stable")
        salt = np.zeros(n, np.uint64) if groups is None else mixed(np.asarray(groups, dtype=np.uint64) + np.uint64(1))
        jaccard = Jaccard(self.read, self.counts)
        labels = self._labels(order[self.counts[order] > 0], salt, jaccard, threshold)
        return stars(labels, order, jaccard, threshold)

    def _labels(self, order: Rows, salt: Hashes, jaccard: "Jaccard", threshold: float) -> Rows:
        """Components of equal sets and verified pairs."""
        n = len(self.counts)
        leader = np.arange(n)
        one, other = _stars_of(self.prints ^ salt, order)
        leader[other] = one
        labels = chains(n, one, other)
        unlike = np.empty(0, np.uint64)  # pairs found not alike, so that no band asks for them again
        for band in range(len(self.keys[0]) if self.keys else 0):
            keys = np.concatenate([batch[band] for batch in self.keys])
            one, other = proposed(keys ^ salt, order[leader[order] == order])
            fresh = labels[one] != labels[other]
            one, other = one[fresh], other[fresh]
            codes = one.astype(np.uint64) << np.uint64(32) | other.astype(np.uint64)
            fresh = ~np.isin(codes, unlike)
            one, other, codes = one[fresh], other[fresh], codes[fresh]
            same = jaccard(one, other) >= threshold
            unlike = np.concatenate([unlike, codes[~same]])
            if same.any():
                joined = chains(int(labels.max()) + 1, labels[one[same]], labels[other[same]])
                labels = joined[labels]
        return labels


class Jaccard:
    """|A ∩ B| / |A ∪ B| of the shingle sets of rows a[i] and b[i]; pairs in order of `a` cost least.

    `read(start, stop)` gives shingles by their place among all, `counts` how many each row has.
    """

    def __init__(self, read: Callable[[int, int], list[int]], counts: Counts) -> None:
        self.read, self.stops = read, np.cumsum(counts)

    def __call__(self, a: Rows, b: Rows) -> Scores:
        found = np.empty(len(a))
        last, mine = -1, set[int]()
        for at, (one, other) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
            if one != last:
                last, mine = one, self._set(one)
            theirs = self._set(other)
            shared = len(mine & theirs)
            found[at] = shared / max(1, len(mine) + len(theirs) - shared)
        return found

    def _set(self, row: int) -> set[int]:
        return set(self.read(int(self.stops[row - 1]) if row else 0, int(self.stops[row])))


def band_keys(found: Short, counts: Counts, plan: Banding) -> Hashes:
    """(bands, n) one hash a band and text; texts without shingles get 0."""
    keys = np.zeros((plan.bands, len(counts)), dtype=np.uint64)
    some = np.flatnonzero(counts)
    if not len(some):
        return keys
    starts = (np.cumsum(counts) - counts)[some]
    scratch, least = np.empty_like(found), np.empty(len(some), dtype=np.uint32)
    multipliers, masks = _seeds(plan.bands * plan.rows)
    for number, (multiplier, mask) in enumerate(zip(multipliers, masks, strict=True)):
        np.multiply(found, multiplier, out=scratch)
        np.bitwise_xor(scratch, mask, out=scratch)
        np.minimum.reduceat(scratch, starts, out=least)
        band = keys[number // plan.rows]
        band[some] = mixed(band[some] + least + np.uint64(1))
    return keys


def _seeds(count: int) -> tuple[Short, Short]:
    """An odd multiplier and a mask a hash: x -> (x * multiplier) ^ mask permutes the 32-bit numbers."""
    drawn = mixed(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    return (drawn >> np.uint64(32)).astype(np.uint32) | np.uint32(1), (drawn & np.uint64(0xFFFFFFFF)).astype(np.uint32)


def _set_prints(found: Short, counts: Counts) -> Hashes:
    """(n,) an order-free hash of each text's shingles with their repeats; equal ones are verified like any pair."""
    sums = np.zeros(len(found) + 1, dtype=np.uint64)
    np.cumsum(mixed(found.astype(np.uint64) + np.uint64(1)), out=sums[1:])
    stops = np.cumsum(counts)
    return mixed(sums[stops] - sums[stops - counts] + counts.astype(np.uint64))


def _stars_of(keys: Hashes, order: Rows) -> tuple[Rows, Rows]:
    """(first row in order, other row) for all rows that share a key."""
    rows = order[np.argsort(keys[order], kind="stable")]
    first = np.flatnonzero(np.diff(keys[rows], prepend=~keys[rows[:1]]))
    leaders = np.repeat(rows[first], np.diff(first, append=len(rows)))
    follows = leaders != rows
    return leaders[follows], rows[follows]


def proposed(keys: NDArray[np.uint64], order: Rows) -> tuple[Rows, Rows]:
    """Pairs of rows that share a key, the better ranked first; in a bucket beyond CROWD, only with its SPEAKERS."""
    rows = order[np.argsort(keys[order], kind="stable")]
    first = np.flatnonzero(np.diff(keys[rows], prepend=~keys[rows[:1]]))
    sizes = np.diff(first, append=len(rows))
    first, sizes = first[sizes > 1], sizes[sizes > 1]
    place = spans(np.zeros(len(first), np.int64), sizes)
    at = spans(first, sizes)
    reach = np.where(np.repeat(sizes, sizes) > CROWD, np.minimum(place, SPEAKERS), place)
    others = rows[np.repeat(at, reach)]
    leaders = rows[spans(at - place, reach)]
    by_leader = np.argsort(leaders, kind="stable")
    return leaders[by_leader], others[by_leader]
