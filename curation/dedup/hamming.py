"""All pairs of 64-bit hashes within a Hamming distance, exactly.

Below `FLAT` hashes every one is compared with every other by FAISS. Above, by multi-index hashing (Norouzi, Punjani
and Fleet 2012, arXiv 1307.2982): cut into radius + 1 pieces, two hashes within the radius agree in at least one piece
(pigeonhole), so only hashes that share a piece are compared. A pair is reported for the first piece it shares. Buckets
of more than `CROWD` are cut once more over the bits that may still differ, so hashes that crowd together, as those of
one kind of chart do, do not cost what comparing all with all would.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BITS = 64
FLAT = 20_000
CROWD = 2_048
SIDE_BY_SIDE = 128  # hashes compared with a bucket at a time: the block stays in the processor's cache
QUERIES = 256
WIDEST = 10  # beyond this radius pieces are too short to narrow anything
Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]
Pairs = tuple[Rows, Rows]


def pairs_within(hashes: Hashes, radius: int, *, flat: int = FLAT) -> Iterator[Pairs]:
    """Blocks of (i, j), i < j, for every pair of the (n,) hashes at most `radius` bits apart; each pair once."""
    if len(hashes) < 2:
        return
    if len(hashes) <= flat or radius > WIDEST:
        yield from _flat(hashes, radius)
        return
    for one, other in _pieces(hashes, np.arange(len(hashes)), np.uint64(0), BITS, radius, nested=False):
        yield np.minimum(one, other), np.maximum(one, other)


def _flat(hashes: Hashes, radius: int) -> Iterator[Pairs]:
    """Everything against everything."""
    import faiss

    words = np.ascontiguousarray(hashes.astype(">u8")).view(np.uint8).reshape(-1, 8)
    index = faiss.IndexBinaryFlat(BITS)
    index.add(words)
    for start in range(0, len(words), QUERIES):
        limits, _, found = index.range_search(words[start : start + QUERIES], radius + 1)
        ends = limits.astype(np.int64)
        one = start + np.repeat(np.arange(len(ends) - 1), ends[1:] - ends[:-1])
        later = found > one
        yield one[later], found[later]


def _pieces(hashes: Hashes, rows: Rows, same: np.uint64, free: int, radius: int, *, nested: bool) -> Iterator[Pairs]:
    """Pairs among rows that agree in the bits of `same`; `free` bits are left to differ in."""
    masks = _masks(same, free, radius + 1)
    for number, mask in enumerate(masks):
        piece = hashes[rows] & mask
        by_piece = rows[np.argsort(piece, kind="stable")]
        ends = np.flatnonzero(np.diff(hashes[by_piece] & mask)) + 1
        for bucket in np.split(by_piece, ends):
            if len(bucket) < 2:
                continue
            if len(bucket) > CROWD and not nested:
                left = free - int(mask).bit_count()
                found = _pieces(hashes, bucket, same | mask, left, radius, nested=True)
            else:
                found = _bucket(hashes, bucket, radius)
            for one, other in found:
                fresh = _first_seen(hashes[one] ^ hashes[other], masks[:number])
                yield one[fresh], other[fresh]


def _masks(same: np.uint64, free: int, count: int) -> list[np.uint64]:
    """The bits outside `same`, dealt out to `count` masks in turn so that neighbouring bits part."""
    places = [bit for bit in range(BITS) if not (int(same) >> bit) & 1]
    assert len(places) == free, "bits must add up"
    return [np.uint64(sum(1 << bit for bit in places[start::count])) for start in range(count)]


def _bucket(hashes: Hashes, bucket: Rows, radius: int) -> Iterator[Pairs]:
    """Pairs within one bucket, compared one with all after it."""
    values = hashes[bucket]
    for start in range(0, len(bucket) - 1, SIDE_BY_SIDE):
        block = values[start : start + SIDE_BY_SIDE]
        near = np.bitwise_count(block[:, None] ^ values[None, start + 1 :]) <= radius
        row, column = np.divmod(np.flatnonzero(near), near.shape[1])
        later = column >= row
        yield bucket[start + row[later]], bucket[start + 1 + column[later]]


def _first_seen(differ: Hashes, earlier: list[np.uint64]) -> NDArray[np.bool_]:
    """Which pairs agree in none of the earlier pieces."""
    fresh = np.ones(len(differ), dtype=bool)
    for mask in earlier:
        fresh &= (differ & mask) != 0
    return fresh


def neighbours(hashes: Hashes, radius: int, *, most: int = 40_000_000) -> Iterator[tuple[int, list[int], bool]]:
    """For each of (n,) distinct hashes, in order: its position, the positions before it within the radius, any after.

    All pairs are held at once (16 bytes each) up to `most`; where hashes crowd so that there are more, they are
    searched a second time, one after the other, which takes longer and no memory.
    """
    held, count = [], 0
    for one, other in pairs_within(hashes, radius):
        held.append(other.astype(np.uint64) << np.uint64(32) | one.astype(np.uint64))
        count += len(one)
        if count > most:
            held.clear()
            yield from _in_turn(hashes, radius)
            return
    codes = np.sort(np.concatenate(held)) if held else np.empty(0, np.uint64)
    held.clear()
    later, earlier = (codes >> np.uint64(32)).astype(np.int64), (codes & np.uint64(0xFFFFFFFF)).astype(np.int64)
    limits = np.searchsorted(later, np.arange(len(hashes) + 1))
    after = np.bincount(earlier, minlength=len(hashes)) > 0
    for at in range(len(hashes)):
        yield at, earlier[limits[at] : limits[at + 1]].tolist(), bool(after[at])


def _in_turn(hashes: Hashes, radius: int) -> Iterator[tuple[int, list[int], bool]]:
    """Every hash against all."""
    for start in range(0, len(hashes), QUERIES):
        for at in range(start, min(start + QUERIES, len(hashes))):
            near = np.flatnonzero(np.bitwise_count(hashes ^ hashes[at]) <= radius)
            yield at, near[near < at].tolist(), bool(near[-1] > at)
