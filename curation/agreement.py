"""How far annotators agree: percent agreement, Cohen's kappa, Krippendorff's alpha for nominal labels.

A unit is the labels that the annotators gave one record, by annotator; who gave none is not in it. A measure that the
labels do not determine (nothing was labelled twice, or everybody gave one and the same label throughout) is None and
never a number that looks like agreement.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

Unit = Mapping[str, Hashable]
"""Annotator to label."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two annotators: the records both labelled, the share with equal labels, Cohen's kappa."""

    first: str
    second: str
    records: int
    percent: float
    kappa: float | None


def percent_agreement(units: Iterable[Unit]) -> float | None:
    """Share, 0 to 1, of pairs of labels of one record that are equal; every pair of every record counts once."""
    equal = pairs = 0
    for unit in units:
        counts = Counter(unit.values())
        given = counts.total()
        pairs += given * (given - 1) // 2
        equal += sum(count * (count - 1) // 2 for count in counts.values())
    return equal / pairs if pairs else None


def cohen_kappa(labels: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of two annotators over (label of one, label of the other), one pair a record.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960),
    37-46: (observed - expected) / (1 - expected), expected from each annotator's own label frequencies. None without
    labels, or when both always gave the same one label.
    """
    if not labels:
        return None
    total = len(labels)
    first, second = Counter(a for a, _ in labels), Counter(b for _, b in labels)
    chance = sum(count * second[label] for label, count in first.items())
    if chance == total * total:
        return None
    same = sum(a == b for a, b in labels)
    return (same * total - chance) / (total * total - chance)


def krippendorff_alpha(units: Iterable[Unit]) -> float | None:
    """Krippendorff's alpha for nominal labels, any number of annotators, labels missing anywhere.

    K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011): 1 - (n - 1) * sum of o_ck over c != k, divided
    by the sum of n_c * n_k over c != k, from the coincidences o of labels within records that have at least two.
    None when no record has two labels, or all such labels are one and the same.
    """
    observed = 0.0
    totals: Counter[Hashable] = Counter()
    for unit in units:
        counts = Counter(unit.values())
        given = counts.total()
        if given < 2:
            continue
        totals += counts
        observed += (given * given - sum(count * count for count in counts.values())) / (given - 1)
    n = totals.total()
    expected = n * n - sum(count * count for count in totals.values())
    return 1 - (n - 1) * observed / expected if expected else None


def pairs(units: Sequence[Unit]) -> list[Pair]:
    """Every two annotators with records in common, by name."""
    shared: dict[tuple[str, str], list[tuple[Hashable, Hashable]]] = {}
    for unit in units:
        for first, second in combinations(sorted(unit), 2):
            shared.setdefault((first, second), []).append((unit[first], unit[second]))
    return [
        Pair(first, second, len(labels), sum(a == b for a, b in labels) / len(labels), cohen_kappa(labels))
        for (first, second), labels in sorted(shared.items())
    ]


def having(units: Iterable[Mapping[str, Iterable[Hashable]]], mark: Hashable) -> list[dict[str, Hashable]]:
    """Units over whether each annotator gave `mark` (a reason, say) among others: how far they agree on that one."""
    return [{name: mark in set(marks) for name, marks in unit.items()} for unit in units]
