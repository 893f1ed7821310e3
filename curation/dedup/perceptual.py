"""Near copies among many pictures: neighbours by perceptual hash (FAISS, exact radius), then a look at the pictures.

Hash distance 6 of 64 bits: of the planted copies in `curation.dedup.likeness` 99.4 % lie within 6, and TabMWP has
about one
neighbour a picture there, nearly all of them other tables, which the comparison then refuses. Pictures that hash
alike are
searched once, and pictures already known to be connected are not compared again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from curation.dedup.groups import Groups
from curation.dedup.likeness import ALIKE, Floats, Grey, Look, look, same_picture, small
from curation.errors import ConfigError

RADIUS = 6
LARGEST_RADIUS = 16
QUERIES = 256  # hashes searched at once: bounds memory when everything is within the radius
PAIRS = 8192  # small pictures compared at once
LOOKS = 192  # prepared pictures kept, about 0.4 MB each
GREYS = 512  # grey pictures kept, 64 KB each


def neighbours(phashes: NDArray[np.uint64], radius: int) -> Iterator[tuple[int, int]]:
    """Pairs (i < j) of positions in a list of distinct hashes whose Hamming distance is at most `radius`; exact."""
    import faiss

    words = np.ascontiguousarray(phashes.astype(">u8")).view(np.uint8).reshape(-1, 8)
    index = faiss.IndexBinaryFlat(64)
    index.add(words)
    for start in range(0, len(words), QUERIES):
        limits, _, found = index.range_search(words[start : start + QUERIES], radius + 1)
        queries = np.repeat(np.arange(len(limits) - 1), np.diff(limits).astype(np.int64)) + start
        ahead = queries < found
        yield from zip(queries[ahead].tolist(), found[ahead].tolist(), strict=True)


def candidates(phashes: NDArray[np.uint64], radius: int) -> Iterator[tuple[int, int]]:
    """Pairs (i < j) of pictures within `radius`, those with equal hashes first; one position stands once in a pair."""
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for place, phash in enumerate(phashes.tolist()):
        alike[phash].append(place)
    members = list(alike.values())
    for group in members:
        yield from ((one, other) for at, one in enumerate(group) for other in group[at + 1 :])
    if radius:
        for left, right in neighbours(np.array(list(alike), dtype=np.uint64), radius):
            yield from ((min(i, j), max(i, j)) for i in members[left] for j in members[right])


def near_images(
    phashes: NDArray[np.uint64], greys: Callable[[int], Grey], *, radius: int = RADIUS
) -> list[tuple[int, int]]:
    """Pairs (i < j) of positions that show the same picture; enough of them to connect every group of copies.

    `phashes` are (n,) unsigned 64-bit hashes; `greys(i)` gives the (SIDE, SIDE) grey picture, and is asked only for
    pictures with a neighbour. Raises `ConfigError` for a radius outside 0 … 16.
    """
    if not 0 <= radius <= LARGEST_RADIUS:
        raise ConfigError("radius", radius, f"0 to {LARGEST_RADIUS} bits")
    groups, pictures, pairs = Groups(len(phashes)), _Pictures(greys), []
    for block in _blocks(candidates(phashes, radius), groups):
        for one, other in pictures.alike(block):
            if groups.find(one) != groups.find(other) and pictures.same(one, other):
                groups.join(one, other)
                pairs.append((one, other))
    return pairs


def _blocks(pairs: Iterator[tuple[int, int]], groups: Groups) -> Iterator[list[tuple[int, int]]]:
    """The pairs not yet connected, in blocks that grow: copies found early spare the pairs behind them."""
    block: list[tuple[int, int]] = []
    size = 64
    for one, other in pairs:
        if groups.find(one) != groups.find(other):
            block.append((one, other))
        if len(block) >= size:
            yield block
            block, size = [], min(PAIRS, 2 * size)
    if block:
        yield block


class _Pictures:
    """The grey pictures behind positions, prepared when first needed and remembered while memory allows."""

    def __init__(self, greys: Callable[[int], Grey]) -> None:
        self.greys = lru_cache(maxsize=GREYS)(greys)
        self.smalls: dict[int, Floats] = {}
        self.look: Callable[[int], Look] = lru_cache(maxsize=LOOKS)(lambda place: look(self.greys(place)))

    def small(self, place: int) -> Floats:
        if place not in self.smalls:
            self.smalls[place] = small(self.greys(place))
        return self.smalls[place]

    def alike(self, block: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The pairs worth a full comparison; flat pictures always are."""
        left = np.stack([self.small(one) for one, _ in block])
        right = np.stack([self.small(other) for _, other in block])
        correlation = np.einsum("ij,ij->i", left, right)
        flat = ~left.any(axis=1) & ~right.any(axis=1)
        return [block[place] for place in np.flatnonzero((correlation >= ALIKE) | flat)]

    def same(self, one: int, other: int) -> bool:
        return same_picture(self.look(one), self.look(other))
