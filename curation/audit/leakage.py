"""Leaks between splits: the same picture, nearly the same picture, the same question, template or origin in two.

Med-R1's published split shares at least 10.8 % of its test images with training (`specs/rewards.md` §3.1); a split by
question alone does that. Only samples that are in a split are looked at.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import combinations

import numpy as np

from curation.audit.findings import Finding, Severity, excluding, graded, named
from curation.audit.rows import Row
from curation.audit.texts import template, words
from curation.dedup import RADIUS, normal_question
from curation.dedup.hamming import neighbours
from curation.dedup.likeness import ALIKE, Grey, look, same_picture, small
from curation.errors import SampleError

Greys = Callable[[Row], Grey]
"""The (SIDE, SIDE) grey picture of a row."""

SPECIFIC_WORDS = 8
"""A shorter question is asked of many pictures and says nothing about where it came from."""
SPECIFIC_TIMES = 3
"""A question asked more often than this is a template without slots."""
SAME_HASH = 12
"""Pictures of one hash that are compared with one another."""
MOST_LOOKS = 2000
"""Pairs of pictures compared by eye; beyond them only hashes are counted."""


def leakage(rows: Sequence[Row], greys: Greys | None = None) -> list[Finding]:
    """Every leak check over the samples that are in a split; without `greys` near pictures are left out."""
    placed = [row for row in rows if row.split]
    if len({row.split for row in placed}) < 2:
        return [Finding("splits", "info", "fewer than two splits: nothing can leak between them", of=len(placed))]
    found = [
        _image(placed),
        _question(placed),
        _template(placed),
        _shared("origin_across_splits", "rows made from one origin (parent, document, source row) in two splits",
                placed, lambda row: row.origin and (row.source, row.origin)),
    ]  # fmt: skip
    return [*found, *([_near(placed, greys)] if greys else [])]


def crossing(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> dict[Hashable, list[Row]]:
    """Groups of rows with the same key (falsy keys apart) that lie in more than one split."""
    groups: dict[Hashable, list[Row]] = defaultdict(list)
    for row in rows:
        if mark := key(row):
            groups[mark].append(row)
    return {mark: group for mark, group in groups.items() if len({row.split for row in group}) > 1}


def _shared(
    check: str, title: str, rows: Sequence[Row], key: Callable[[Row], Hashable], *, severity: Severity = "serious",
) -> Finding:  # fmt: skip
    groups = crossing(rows, key)
    leaked = tuple(
        (row.id, f"{row.split}; also in {_others(row, group)}") for group in groups.values() for row in group
    )
    share = len(leaked) / len(rows)
    return Finding(check, severity if leaked else "info", title, leaked, len(rows), {"share": share},
                   fix=_one_side(check, rows))  # fmt: skip


def _one_side(check: str, rows: Sequence[Row]) -> str:
    """The fix of a leak: the larger split gives its part up, so that the smaller one measures what it did."""
    largest = Counter(row.split for row in rows).most_common(1)[0][0]
    return excluding(check, "the larger split gives up its part", split=largest)


def _others(row: Row, group: Sequence[Row]) -> str:
    return named(f"{other.split}: {other.id}" for other in group if other.split != row.split)


def _image(rows: Sequence[Row]) -> Finding:
    return _shared(
        "image_across_splits", "the same decoded picture in two splits", rows, lambda row: row.pixels
    )  # fmt: skip


def _question(rows: Sequence[Row]) -> Finding:
    """The same specific question with the same answer: a copied problem, whatever its picture looks like."""
    times: dict[str, int] = defaultdict(int)
    asked = {id(row): normal_question(row.question) for row in rows}
    for text in asked.values():
        times[text] += 1

    def key(row: Row) -> Hashable:
        text = asked[id(row)]
        specific = len(words(text)) >= SPECIFIC_WORDS and times[text] <= SPECIFIC_TIMES
        return specific and (text, row.label)

    return _shared(
        "question_across_splits", "the same specific question with the same answer in two splits", rows, key,
        severity="warning",
    )  # fmt: skip


def _template(rows: Sequence[Row]) -> Finding:
    """How much of the smallest split is asked in words that another split trains on: said, not blamed."""
    by_split: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        by_split[row.split].add(template(row.question))
    smallest = min(by_split, key=lambda split: sum(row.split == split for row in rows))
    others = set().union(*(texts for split, texts in by_split.items() if split != smallest))
    held = [row for row in rows if row.split == smallest]
    seen = [row for row in held if template(row.question) in others]
    return Finding(
        "template_across_splits", "info", f"question templates of {smallest!r} that another split has too",
        of=len(held), measures={"share": len(seen) / len(held)},
        fix="# hold out whole templates if the split is to measure new kinds of question",
    )  # fmt: skip


def _near(rows: Sequence[Row], greys: Greys) -> Finding:
    """Different pictures that look the same, in two splits: neighbours by hash, then a look at small grey copies."""
    showing: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.pixels:
            showing[row.pixels].append(row)
    splits = {pixels: {row.split for row in group} for pixels, group in showing.items()}
    by_hash: dict[int, list[Row]] = defaultdict(list)
    for group in showing.values():
        by_hash[group[0].phash].append(group[0])
    alike, looks, skipped, unreadable = list[tuple[str, str]](), 0, 0, 0
    for one, other in _pairs(by_hash):
        if splits[one.pixels] == splits[other.pixels] and len(splits[one.pixels]) == 1:
            continue
        if looks >= MOST_LOOKS:
            skipped += 1
            continue
        looks += 1
        try:
            same = _alike(greys(one), greys(other))
        except SampleError:
            unreadable += 1
            continue
        if same:
            alike += [(row.id, f"{row.split}; looks like {other.split}: {other.id}") for row in showing[one.pixels]]
            alike += [(row.id, f"{row.split}; looks like {one.split}: {one.id}") for row in showing[other.pixels]]
    severity = graded(len(alike), len(rows), serious=0.0)
    return Finding(
        "near_image_across_splits", severity, "different files that show the same picture in two splits", tuple(alike),
        len(rows), {"pairs_compared": looks, "pairs_left_out": skipped, "pairs_unreadable": unreadable},
        fix=_one_side("near_image_across_splits", rows),
    )  # fmt: skip


def _alike(one: Grey, other: Grey) -> bool:
    """The quick look first, then the thorough one."""
    return float(small(one).ravel() @ small(other).ravel()) >= ALIKE and same_picture(look(one), look(other))


def _pairs(by_hash: dict[int, list[Row]]) -> Iterable[tuple[Row, Row]]:
    hashes = np.array(list(by_hash), dtype=np.uint64)
    groups = list(by_hash.values())
    for at, before, _ in neighbours(hashes, RADIUS):
        here = groups[at]
        yield from combinations(here[:SAME_HASH], 2)
        for place in before:
            yield here[0], groups[place][0]
