"""Diversity and balance: coverage is counted, choices are even, seeded, within quotas, and say what they gave up."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.balance import choose, coverage, meaning_clusters
from curation.errors import ConfigError


def test_coverage_tells_even_from_lopsided() -> None:
    even, one, lopsided = coverage(["a", "b"] * 50), coverage(["a"] * 9), coverage(["a"] * 99 + ["b"])
    assert (even.evenness, even.effective) == (1.0, pytest.approx(2))
    assert (one.evenness, one.effective) == (1.0, pytest.approx(1))
    assert lopsided.evenness < 0.1
    assert coverage([]).to_json() == {"counts": {}, "evenness": 0.0, "effective": 0.0}
    assert list(lopsided.to_json()["counts"]) == ["a", "b"]


def corpus(seed: int = 0) -> tuple[list[str], dict[str, list[str]]]:
    draw = random.Random(seed)
    sources = draw.choices(["big", "middle", "small"], weights=[80, 15, 5], k=1_000)
    return [f"s{n}" for n in range(1_000)], {"source": sources, "kind": draw.choices(["mcq", "number"], k=1_000)}


def test_small_strata_are_taken_whole_and_large_ones_share_the_rest() -> None:
    ids, found = corpus()
    choice = choose(ids, found, 300)
    strata = list(zip(*found.values(), strict=True))
    taken, had = Counter(s for s, keep in zip(strata, choice.kept, strict=True) if keep), Counter(strata)
    assert sum(taken.values()) == 300
    assert all(taken[s] == had[s] for s in had if s[0] == "small")
    large = [taken[s] for s in had if taken[s] < had[s]]
    assert max(large) - min(large) <= 1
    assert (choice.beyond, choice.short, choice.stopped) == (700, 0, {})


def test_quotas_hold_and_what_they_cost_is_said() -> None:
    ids, found = corpus()
    choice = choose(ids, found, 900, quotas={("source", "big"): 100, ("kind", "mcq"): 90})
    left = [(s, k) for s, k, keep in zip(*found.values(), choice.kept, strict=True) if keep]
    assert sum(s == "big" for s, _ in left) <= 100
    assert sum(k == "mcq" for _, k in left) <= 90
    assert choice.short == 900 - len(left) > 0
    assert sum(choice.stopped.values()) + choice.beyond == 1_000 - len(left)
    assert all(bool(why) != keep for why, keep in zip(choice.why, choice.kept.tolist(), strict=True))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_choice_depends_on_ids_and_seed_not_on_the_order_of_rows(size: int, seed: int, draw: random.Random) -> None:
    ids, found = [f"s{n}" for n in range(50)], {"source": [draw.choice("abc") for _ in range(50)]}
    order = draw.sample(range(50), 50)
    one = choose(ids, found, size, seed=seed)
    other = choose([ids[i] for i in order], {"source": [found["source"][i] for i in order]}, size, seed=seed)
    assert {ids[i] for i in np.flatnonzero(one.kept)} == {ids[order[i]] for i in np.flatnonzero(other.kept)}
    assert int(one.kept.sum()) == min(size, 50)


def test_another_seed_takes_others() -> None:
    ids, found = corpus()
    assert (choose(ids, found, 300, seed=1).kept != choose(ids, found, 300, seed=2).kept).any()


@pytest.mark.parametrize(
    ("size", "quotas", "said"),
    [(0, {}, "1 or more"), (1, {("colour", "red"): 1}, "not balanced by colour"),
     (1, {("source", "bug"): 1}, "no sample has it"),
     (1, {("source", "big"): -1}, "0 or more")],
)  # fmt: skip
def test_what_cannot_work_is_refused(size: int, quotas: dict[tuple[str, str], int], said: str) -> None:
    ids, found = corpus()
    with pytest.raises(ConfigError, match=said):
        choose(ids, found, size, quotas=quotas)


def test_clusters_of_meaning_are_the_planted_ones_and_sick_vectors_are_in_none() -> None:
    draw = np.random.default_rng(0)
    centres = np.eye(3, 8)
    vectors = np.concatenate(
        [np.repeat(centres, [50, 30, 20], axis=0) + draw.normal(0, 0.02, (100, 8)), [[np.nan] * 8]]
    )
    names = meaning_clusters(vectors, 3)
    assert [set(names[:50]), set(names[50:80]), set(names[80:100]), names[100]] == [{"0"}, {"1"}, {"2"}, "none"]
    assert meaning_clusters(vectors, 3) == names
    assert meaning_clusters(vectors[:2], 50) != ["none", "none"]
    assert meaning_clusters(np.full((2, 3), np.nan), 4) == ["none", "none"]
    with pytest.raises(ConfigError, match="1 or more"):
        meaning_clusters(vectors, 0)
