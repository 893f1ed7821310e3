"""Near copies among many pictures: neighbours by perceptual hash (`curation.dedup.hamming`), then a look at them.

Hash distance 6 of 64 bits: of the planted copies of tables in `curation.dedup.likeness` 99.4 % lie within 6, and
TabMWP has about one neighbour a picture there, nearly all of them other tables, which the comparison then refuses.

Every picture is compared with the pictures before it that hash alike, but of those with one hash and already known
to be copies of one another only with the first `SPEAKERS`: a thousand copies cost a few thousand comparisons of small
pictures, not half a million. Pictures already connected are not compared again, and a chain of copies is followed
from hash to hash.
"""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from curation.dedup.groups import Groups
from curation.dedup.hamming import neighbours
from curation.dedup.likeness import ALIKE, Floats, Grey, Look, look, same_picture, small
from curation.errors import ConfigError, SampleError, StoreError

RADIUS = 6
LARGEST_RADIUS = 16
SPEAKERS = 8  # of one hash and one group of copies
LOOKS = 192  # prepared pictures kept, about 0.4 MB each
GREYS = 512  # grey pictures kept, 64 KB each


def near_images(
    phashes: NDArray[np.uint64], greys: Callable[[int], Grey], *, radius: int = RADIUS
) -> list[tuple[int, int]]:
    """Pairs (i < j) of positions that show the same picture; enough of them to connect every group of copies.

    `phashes` are (n,) unsigned 64-bit hashes; `greys(i)` gives the (SIDE, SIDE) grey picture, and is asked only for
    pictures with a neighbour; one for which it raises `SampleError` or `StoreError` resembles none.
    Raises `ConfigError` for a radius outside 0 … 16.
    """
    if not 0 <= radius <= LARGEST_RADIUS:
        raise ConfigError("radius", radius, f"0 to {LARGEST_RADIUS} bits")
    members: dict[int, list[int]] = {}
    for place, phash in enumerate(phashes.tolist()):
        members.setdefault(phash, []).append(place)
    search = _Search(len(phashes), greys)
    groups = list(members.values())
    for at, before, after in neighbours(np.array(list(members), dtype=np.uint64), radius):
        if before or after or len(groups[at]) > 1:
            search.place(at, groups[at], before)
    return search.pairs


class _Speakers:
    """The pictures of one hash that later ones are compared with: positions, and their small pictures row by row."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.rows: Floats = np.empty((1, 0), dtype=np.float32)

    def add(self, place: int, vector: Floats) -> None:
        if not self.places:
            self.rows = np.empty((1, len(vector)), dtype=np.float32)
        if len(self.places) == len(self.rows):
            self.rows = np.concatenate([self.rows, np.empty_like(self.rows)])
        self.rows[len(self.places)] = vector
        self.places.append(place)

    def alike(self, vector: Floats) -> list[int]:
        """Positions of the small pictures that resemble this one."""
        if not self.places:
            return []
        found = np.flatnonzero(self.rows[: len(self.places)] @ vector >= ALIKE)
        return [self.places[row] for row in found]


class _Search:
    """Pictures placed one after the other, hash by hash, into groups of copies."""

    def __init__(self, n: int, greys: Callable[[int], Grey]) -> None:
        self.groups, self.pairs = Groups(n), list[tuple[int, int]]()
        self.speakers: dict[int, _Speakers] = {}
        self.grey = lru_cache(maxsize=GREYS)(greys)
        self.look: Callable[[int], Look] = lru_cache(maxsize=LOOKS)(lambda place: look(self.grey(place)))

    def place(self, phash: int, members: list[int], before: list[int]) -> None:
        """Compare the pictures of one hash with the speakers of the hashes before it, and with one another."""
        own = self.speakers[phash] = _Speakers()
        heard: Counter[int] = Counter()
        others = [self.speakers[one] for one in before if one in self.speakers]
        for member in members:
            try:
                vector = small(self.grey(member))
            except (SampleError, StoreError):  # a lost or damaged picture is like no other
                continue
            for other in (other for group in (*others, own) for other in group.alike(vector)):
                self._compare(other, member)
            group = self.groups.find(member)
            if heard[group] < SPEAKERS:
                heard[group] += 1
                own.add(member, vector)

    def _compare(self, other: int, member: int) -> None:
        left, right = self.groups.find(other), self.groups.find(member)
        if left != right and same_picture(self.look(other), self.look(member)):
            self.groups.join(left, right)
            self.pairs.append((min(other, member), max(other, member)))
