"""Shortcuts in a picture's wrapping: whether size, format, file name or mean colour tell the answer.

In one shard of So-Fake a look-up on megapixels alone tells the class of 71.1 % of held-out pictures where the commonest
class has 43.5 % (`specs/rewards.md` §5.1). Each feature is a look-up table, cross-validated; together they are a naive
Bayes. Only answers with few values are asked about: nobody reads a sum off a file size.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from curation.audit.blind import FEWEST, FOLDS, SERIOUS, WARN, fold_of
from curation.audit.findings import Finding, Severity, excluding, wilson_low
from curation.audit.rows import Row

MOST_LABELS = 20
COVERED = 0.8
"""Share of rows that the common labels must cover to count as classes."""

Feature = Callable[[Row], str | None]
Seen = Mapping[str, Mapping[str, str]]
"""By row id, what looking into the file showed: `mean_colour`, `exif` …"""


def _bin(value: float) -> str:
    """A positive figure to a seventh of an octave: close sizes fall together, twice the size never does."""
    return str(round(7 * math.log2(value))) if value > 0 else "0"


FEATURES: Mapping[str, Feature] = {
    "size": lambda row: f"{row.width}x{row.height}" if row.width else None,
    "megapixels": lambda row: _bin(row.width * row.height) if row.width else None,
    "aspect": lambda row: _bin(row.width / row.height) if row.height else None,
    "format": lambda row: row.format or None,
    "file_size": lambda row: _bin(row.size) if row.size else None,
    "file_name": lambda row: re.sub(r"\d+", "#", row.path.rsplit("/", 1)[-1])[:60] or None,
    "source": lambda row: row.source or None,
}


def shortcuts(rows: Sequence[Row], seen: Seen | None = None) -> list[Finding]:
    """One finding a kind for the best single feature and for all together; `seen` adds features of the files."""
    findings = []
    for kind in sorted({row.kind for row in rows}):
        classed = _classed([row for row in rows if row.kind == kind and row.image])
        if len(classed) >= FEWEST:
            findings += _of_kind(kind, classed, seen or {})
    return findings


def _classed(rows: Sequence[Row]) -> list[Row]:
    """The rows whose label is one of the common ones; none when the labels are not classes."""
    counts = Counter(row.label for row in rows if row.label).most_common(MOST_LABELS)
    covered = sum(count for _, count in counts)
    common = {label for label, count in counts if count >= FOLDS}
    if len(common) < 2 or covered < COVERED * len(rows):
        return []
    return [row for row in rows if row.label in common]


def _of_kind(kind: str, rows: Sequence[Row], seen: Seen) -> list[Finding]:
    features = dict(FEATURES) | {
        name: _looked(seen, name) for name in sorted({name for found in seen.values() for name in found})
    }
    columns = {name: [feature(row) for row in rows] for name, feature in features.items()}
    columns = {name: column for name, column in columns.items() if len(set(column)) > 1}
    chance = Counter(row.label for row in rows).most_common(1)[0][1] / len(rows)
    singles = {name: _lookup(rows, column) for name, column in columns.items()}
    found = [_finding(f"shortcut_{name}", kind, rows, hits, chance, {name: len(hits) / len(rows)})
             for name, hits in singles.items()]  # fmt: skip
    telling = [finding for finding in found if finding.severity != "info"]
    if telling:
        return telling
    together = _bayes(rows, list(columns.values())) if columns else []
    measures = {name: len(hits) / len(rows) for name, hits in singles.items()}
    return [_finding("shortcut_metadata", kind, rows, together, chance, measures)]


def _looked(seen: Seen, name: str) -> Feature:
    return lambda row: seen.get(row.id, {}).get(name)


def _finding(
    check: str, kind: str, rows: Sequence[Row], hits: Sequence[Row], chance: float, measures: Mapping[str, float]
) -> Finding:
    margin = wilson_low(len(hits), len(rows)) - chance
    severity: Severity = "serious" if margin > SERIOUS else "warning" if margin > WARN else "info"
    named = tuple((row.id, f"told by the file: {row.label[:100]}") for row in hits) if severity != "info" else ()
    return Finding(
        check, severity, f"{kind}: the answer guessed from the file, not the picture", named, len(rows),
        {"accuracy": len(hits) / len(rows), "chance": chance, **measures},
        fix=excluding(check, "or re-encode and resize all pictures alike before importing"),
    )  # fmt: skip


def _lookup(rows: Sequence[Row], column: Sequence[str | None]) -> list[Row]:
    """Rows told rightly by the commonest label of their value in the other folds."""
    tables: list[dict[str | None, Counter[str]]] = [defaultdict(Counter) for _ in range(FOLDS)]
    for row, value in zip(rows, column, strict=True):
        tables[fold_of(row)][value][row.label] += 1
    best = [_best(tables, fold) for fold in range(FOLDS)]
    return [row for row, value in zip(rows, column, strict=True) if best[fold_of(row)].get(value) == row.label]


def _best(tables: Sequence[Mapping[str | None, Counter[str]]], held: int) -> dict[str | None, str]:
    merged: dict[str | None, Counter[str]] = defaultdict(Counter)
    for fold, table in enumerate(tables):
        if fold != held:
            for value, counts in table.items():
                merged[value].update(counts)
    return {value: counts.most_common(1)[0][0] for value, counts in merged.items()}


def _bayes(rows: Sequence[Row], columns: Sequence[Sequence[str | None]]) -> list[Row]:
    """Rows told rightly by a naive Bayes over all features, learnt on the other folds."""
    right: list[Row] = []
    folds = [fold_of(row) for row in rows]
    for held in range(FOLDS):
        counts: list[Counter[tuple[str | None, str]]] = [Counter() for _ in columns]
        labels: Counter[str] = Counter()
        for i, row in enumerate(rows):
            if folds[i] != held:
                labels[row.label] += 1
                for column, table in zip(columns, counts, strict=True):
                    table[column[i], row.label] += 1
        for i, row in enumerate(rows):
            if folds[i] == held and _told([column[i] for column in columns], counts, labels) == row.label:
                right.append(row)
    return right


def _told(
    values: Sequence[str | None], counts: Sequence[Counter[tuple[str | None, str]]], labels: Counter[str]
) -> str | None:
    def score(label: str) -> float:
        seen = labels[label]
        return math.log(seen) + sum(
            math.log((table[value, label] + 1) / (seen + 2)) for value, table in zip(values, counts, strict=True)
        )

    return max(labels, key=score) if labels else None
