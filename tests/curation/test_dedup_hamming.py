"""All pairs of hashes within a distance: the multi-index search finds exactly those of comparing all with all."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.hamming import neighbours, pairs_within


def all_pairs(hashes: np.ndarray, radius: int) -> set[tuple[int, int]]:
    near = np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= radius
    return {(i, j) for i, j in zip(*map(np.ndarray.tolist, np.nonzero(near)), strict=True) if i < j}


def found(hashes: np.ndarray, radius: int, **options: int) -> list[tuple[int, int]]:
    blocks = list(pairs_within(hashes, radius, **options))
    return [(i, j) for one, other in blocks for i, j in zip(one.tolist(), other.tolist(), strict=True)]


def crowded(n: int, seed: int = 0, centres: int = 5) -> np.ndarray:
    """Hashes around a few centres, as those of one kind of chart are, with some exact repeats."""
    draw = np.random.default_rng(seed)
    hashes = draw.integers(0, 2**64, centres, dtype=np.uint64)[draw.integers(0, centres, n)]
    for _ in range(5):
        hashes ^= np.uint64(1) << draw.integers(0, 64, n, dtype=np.uint64)
    return hashes


@pytest.mark.parametrize("radius", [0, 1, 6, 10, 12])
def test_crowded_hashes_are_searched_exactly_and_each_pair_once(radius: int) -> None:
    hashes = crowded(900)
    pairs = found(hashes, radius, flat=0)
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == all_pairs(hashes, radius) == set(found(hashes, radius))


def test_a_bucket_that_is_cut_once_more_is_still_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.dedup.hamming.CROWD", 20)
    hashes = crowded(1_500, centres=3)
    pairs = found(hashes, 6, flat=0)
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == all_pairs(hashes, 6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=40), st.integers(0, 16))
def test_any_hashes_at_any_radius(values: list[int], radius: int) -> None:
    hashes = np.array(values, dtype=np.uint64)
    assert set(found(hashes, radius, flat=0)) == (all_pairs(hashes, radius) if values else set())


def test_neighbours_held_at_once_and_searched_in_turn_are_the_same() -> None:
    hashes = np.unique(crowded(600))
    assert list(neighbours(hashes, 6)) == list(neighbours(hashes, 6, most=10))


def test_two_hundred_thousand_hashes_take_seconds() -> None:
    draw = np.random.default_rng(3)
    hashes = draw.integers(0, 2**64, 200_000, dtype=np.uint64)
    hashes[:500] = hashes[500:1_000] ^ np.uint64(0b111000111)
    started = time.process_time()
    assert set(found(hashes, 6)) == {(i, i + 500) for i in range(500)}
    assert time.process_time() - started < 20
