"""Agreement: published worked examples, and what must hold for any labels."""

import random
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.agreement import cohen_kappa, having, krippendorff_alpha, pairs, percent_agreement

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units.
PUBLISHED = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
LABELS = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["accept", "reject", "edit"]), max_size=5)


def units(rows: tuple[tuple[int | None, ...], ...]) -> list[dict[str, Hashable]]:
    return [
        {"abcd"[who]: label for who, label in enumerate(column) if label is not None}
        for column in zip(*rows, strict=True)
    ]


def test_alpha_of_four_observers_with_gaps_is_the_published_one() -> None:
    assert krippendorff_alpha(units(PUBLISHED)) == pytest.approx(0.743, abs=5e-4)


def test_alpha_of_two_observers_and_binary_labels_is_the_one_worked_by_hand() -> None:
    meg, owen = "0100000000", "1110010010"  # 14 zeros, 6 ones, 4 records differ
    labelled = [{"meg": a, "owen": b} for a, b in zip(meg, owen, strict=True)]
    assert krippendorff_alpha(labelled) == pytest.approx(1 - 19 * 4 / (14 * 6))
    assert percent_agreement(labelled) == pytest.approx(0.6)


def test_kappa_of_fifty_grant_proposals_is_the_textbook_one() -> None:
    both = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohen_kappa(both) == pytest.approx(0.4)


def test_what_labels_do_not_determine_is_none_and_not_perfect() -> None:
    assert krippendorff_alpha([{"a": "accept"}]) is None
    assert krippendorff_alpha([{"a": "accept", "b": "accept"}] * 9) is None
    assert cohen_kappa([("accept", "accept")] * 9) is None
    assert cohen_kappa([]) is None
    assert percent_agreement([{}, {"a": "accept"}]) is None


def test_pairs_count_the_records_in_common() -> None:
    first, second = pairs([{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"b": 2, "c": 2}])
    assert (first.first, first.second, first.records, first.percent) == ("a", "b", 2, 0.5)
    assert (second.first, second.second, second.records, second.percent, second.kappa) == ("b", "c", 1, 1.0, None)


def test_agreement_on_one_reason_ignores_the_others() -> None:
    said = having([{"a": ["guessed", "other"], "b": ["guessed"]}, {"a": [], "b": ["other"]}], "guessed")
    assert said == [{"a": True, "b": True}, {"a": False, "b": False}]
    assert krippendorff_alpha(said) == 1


@given(st.lists(LABELS, max_size=30), st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(labelled: list[dict[str, Hashable]], chance: random.Random) -> None:
    renamed = [{name.upper(): label for name, label in unit.items()} for unit in labelled]
    chance.shuffle(renamed)
    assert percent_agreement(renamed) == percent_agreement(labelled)
    assert krippendorff_alpha(renamed) == pytest.approx(krippendorff_alpha(labelled))


@given(st.lists(LABELS, max_size=30))
def test_alpha_is_one_exactly_when_nobody_disagrees(labelled: list[dict[str, Hashable]]) -> None:
    alpha, share = krippendorff_alpha(labelled), percent_agreement(labelled)
    if alpha is not None:
        assert alpha <= 1
        assert (alpha == 1) == (share == 1)


@given(st.lists(st.tuples(st.sampled_from("arx"), st.sampled_from("arx")), max_size=40))
def test_kappa_is_between_minus_one_and_one_and_symmetric(labels: list[tuple[str, str]]) -> None:
    kappa = cohen_kappa(labels)
    assert kappa == pytest.approx(cohen_kappa([(b, a) for a, b in labels]))
    assert kappa is None or -1 <= kappa <= 1


@given(st.lists(st.tuples(st.sampled_from("ar"), st.sampled_from("ar")), min_size=1, max_size=40))
def test_alpha_of_two_without_gaps_follows_from_scotts_pi(labels: list[tuple[str, str]]) -> None:
    """alpha = 1 - (1 - pi) (n - 1) / n over n = 2 * records labels (Krippendorff 2004): another road to the number."""
    n = 2 * len(labels)
    accepted = sum(word == "a" for pair in labels for word in pair) / n
    expected = accepted**2 + (1 - accepted) ** 2
    alpha = krippendorff_alpha([{"x": a, "y": b} for a, b in labels])
    if expected == 1:
        assert alpha is None
        return
    pi = (sum(a == b for a, b in labels) / len(labels) - expected) / (1 - expected)
    assert alpha == pytest.approx(1 - (1 - pi) * (n - 1) / n)
