"""MinHash finds the near copies that exist and removes nothing unlike; hashes are searched exactly."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.hamming import neighbours, pairs_within
from curation.dedup.minhash import banding, near_texts
from curation.dedup.shingles import plain
from curation.errors import ConfigError
from tests.benchmarks.dedup_texts import false_removals, planted, recalls


def brute(hashes: np.ndarray, radius: int) -> set[tuple[int, int]]:
    near = np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= radius
    return {(int(i), int(j)) for i, j in zip(*np.nonzero(near), strict=True) if i < j}


def crowded(count: int, seed: int) -> np.ndarray:
    """Random hashes, half of them a few bits from a handful of centres, some equal."""
    chance = np.random.default_rng(seed)
    hashes = chance.integers(0, 2**64, count, dtype=np.uint64)
    hashes[: count // 2] = chance.choice(hashes[-5:], count // 2)
    for _ in range(4):
        hashes[: count // 2] ^= np.uint64(1) << chance.integers(0, 64, count // 2, dtype=np.uint64)
    hashes[:3] = hashes[3]
    return hashes


@pytest.mark.parametrize("flat", [20_000, 2])
@pytest.mark.parametrize("radius", [0, 3, 6, 10])
def test_all_pairs_within_the_radius_are_found_once(radius: int, flat: int) -> None:
    hashes = crowded(1500, radius)
    found = [
        (int(i), int(j))
        for one, other in pairs_within(hashes, radius, flat=flat)
        for i, j in zip(one, other, strict=True)
    ]
    assert len(found) == len(set(found))
    assert set(found) == brute(hashes, radius)


def test_crowds_beyond_a_bucket_are_searched_exactly() -> None:
    chance = np.random.default_rng(7)
    hashes = np.full(3000, 0x0F0F_1234_5678_9ABC, dtype=np.uint64)
    hashes ^= np.uint64(1) << chance.integers(0, 64, 3000, dtype=np.uint64)
    hashes = np.unique(hashes)
    many = np.concatenate([hashes, chance.integers(0, 2**63, 400, dtype=np.uint64)])
    found = sum(len(one) for one, _ in pairs_within(many, 6, flat=2))
    assert found == len(brute(many, 6))


def test_neighbours_are_those_before_and_whether_any_come_after() -> None:
    hashes = np.unique(crowded(300, 1))
    pairs = brute(hashes, 6)
    for most in (40_000_000, 1):
        for at, before, after in neighbours(hashes, 6, most=most):
            assert sorted(before) == sorted(i for i, j in pairs if j == at)
            assert after == any(i == at for i, _ in pairs)


def test_planted_texts_are_found_by_band_and_nothing_else_is_removed(tmp_path: Path) -> None:
    texts = planted(6000, tmp_path)
    found = near_texts(texts.texts(), threshold=0.8)
    kept = np.ones(6000, dtype=bool)
    kept[found.removed] = False
    bands = recalls(texts, kept)
    print(bands)
    assert false_removals(texts, kept) == 0
    assert bands["0.8-0.9"]["recall"] >= 0.95
    assert bands["0.9-0.9999"]["recall"] >= 0.99
    assert bands["0.9999-1"]["recall"] == 1.0
    assert (found.score[found.removed] >= 0.8).all()


def test_a_removed_row_names_a_kept_row_it_is_like() -> None:
    base = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    texts = [" ".join(base), "something else entirely is said here about a cat", " ".join([*base[:-1], "thirteen"]), ""]
    found = near_texts(texts, threshold=0.6, rank=[5, 1, 2, 0])
    assert found.kept.tolist() == [2, 1, 2, 3]
    assert 0.6 <= found.score[0] < 1


def test_thousands_of_equal_texts_leave_one() -> None:
    found = near_texts(["The same question, asked again and again."] * 20_000)
    assert len(found.removed) == 19_999
    assert set(found.kept.tolist()) == {0}


@pytest.mark.parametrize("text", ["", " ", "?!", "​"])
def test_texts_without_a_word_repeat_nothing(text: str) -> None:
    assert len(near_texts([text, text, "a word"]).removed) == 0


def test_unicode_tricks_do_not_hide_a_copy() -> None:
    plain_text = "how many red circles are there in the second row of the picture"
    hidden = "ＨＯＷ ma​ny red circles are there in the second row of the picture"
    assert plain(hidden) == plain_text
    assert near_texts([plain_text, hidden]).kept.tolist() == [0, 0]


@given(st.floats(0.15, 1.0))
def test_banding_finds_what_it_promises_at_the_threshold(threshold: float) -> None:
    plan = banding(threshold)
    assert plan.bands * plan.rows <= 128
    assert plan.finds(threshold) >= 0.97


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1, 0.0001])
def test_a_threshold_that_cannot_be_served_is_refused(threshold: float) -> None:
    with pytest.raises(ConfigError):
        banding(threshold)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=12))
def test_no_text_makes_it_raise_and_copies_are_removed(texts: list[str]) -> None:
    chance = random.Random(1)
    rows = [*texts, *texts]
    found = near_texts(rows, threshold=0.9, rank=chance.sample(range(len(rows)), len(rows)))
    for at, text in enumerate(texts):
        if plain(text):
            assert found.kept[at] == found.kept[at + len(texts)]
