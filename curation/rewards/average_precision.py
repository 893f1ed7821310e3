"""COCO average precision of one image whose predictions all score the same: exact, in pure Python.

As pycocotools computes it (AP@[.50:.05:.95], 101 recall points, at most 100 predictions a label): the order of the
predictions breaks the ties of their scores, and labels that the reference lacks do not take part.
"""

from collections import defaultdict
from collections.abc import Sequence

from curation.answers.by_box import Box, iou
from curation.rewards.boxes import Labelled

THRESHOLDS = tuple((50 + 5 * step) / 100 for step in range(10))
MOST_A_LABEL = 100
RECALLS = 101


def mean_average_precision(
    truth: Sequence[Labelled], got: Sequence[Labelled], *, thresholds: Sequence[float] = THRESHOLDS
) -> float:
    """Mean over the reference's labels and the thresholds, 0 to 1. Raises `ValueError` for an empty reference."""
    if not truth:
        raise ValueError("average precision needs at least one reference box")
    wanted, found = _by_label(truth), _by_label(got)
    total = 0.0
    for label, boxes in wanted.items():
        overlaps = [[iou(one, box) for one in boxes] for box in found.get(label, [])[:MOST_A_LABEL]]
        total += sum(average_precision(overlaps, len(boxes), threshold) for threshold in thresholds)
    return total / (len(wanted) * len(thresholds))


def _by_label(items: Sequence[Labelled]) -> dict[str, list[Box]]:
    by_label: dict[str, list[Box]] = defaultdict(list)
    for one in items:
        by_label[one.label].append(one.box)
    return by_label


def average_precision(overlaps: Sequence[Sequence[float]], wanted: int, threshold: float) -> float:
    """AP of one label at one threshold, from the IoU of each prediction (in order) with each of `wanted` references.

    At each of 101 recalls the best precision at that recall or a higher one counts, 0 where it is never reached.
    """
    curve: list[tuple[int, float]] = []
    for place, hit in enumerate(_hits(overlaps, wanted, threshold), start=1):
        curve.append(((curve[-1][0] if curve else 0) + hit, 0.0))
        curve[-1] = (curve[-1][0], curve[-1][0] / place)
    total, best, at = 0.0, 0.0, len(curve)
    for point in range(RECALLS - 1, -1, -1):
        while at > 0 and curve[at - 1][0] * (RECALLS - 1) >= point * wanted:
            at -= 1
            best = max(best, curve[at][1])
        total += best
    return total / RECALLS


def _hits(overlaps: Sequence[Sequence[float]], wanted: int, threshold: float) -> list[bool]:
    """Whether each prediction finds a free reference; it takes the one it overlaps most."""
    free = set(range(wanted))
    hits = []
    for row in overlaps:
        best = max(free, key=row.__getitem__, default=None)
        hit = best is not None and row[best] >= threshold
        if hit and best is not None:
            free.discard(best)
        hits.append(hit)
    return hits
