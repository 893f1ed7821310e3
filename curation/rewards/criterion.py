"""Vision-R1's criterion rewards: dual format, recall and precision with thresholds that rise in training.

Source: Griffon's Vision-R1 (arXiv 2503.18013), not Osilly's. The released code differs from the paper (GIoU, the
mean over matched pairs only, no bounds in the format); `score`, `precision_denominator`, `schedule`, `labels` and
`refine` choose. Defaults are the paper's, but for `labels`.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator

from curation.answers import parse
from curation.rewards.boxes import Labelled, Listed, Score, listed, overlap, written
from curation.rewards.reward import Reward, unscored

Phase = tuple[float, float, float, float]
"""(fraction of training from which it holds, ξ0, ξ1, ξ2)."""
SCHEDULE: tuple[Phase, ...] = ((0.0, 0.5, 0.5, 0.75), (0.5, 0.75, 0.75, 0.9))
"""The paper: STEP = 1/2, best for the stronger model; the weaker one did best with the first phase alone."""


def _schedule(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    starts = [phase[0] for phase in phases]
    if not starts or starts[0] != 0 or starts != sorted(set(starts)) or starts[-1] > 1:
        raise ValueError("phases start at 0 and at rising fractions of training up to 1")
    if not all(0 < low <= 1 and 0 <= first <= second <= 1 for _, low, first, second in phases):
        raise ValueError("thresholds are above 0, up to 1, with ξ1 <= ξ2")
    return phases


Schedule = Annotated[tuple[Phase, ...], AfterValidator(_schedule)]


def criterion(
    response: str,
    reference: str,
    progress: float = 0.0,
    width: float | None = None,
    height: float | None = None,
    *,
    score: Score = "iou",
    precision_denominator: Literal["predictions", "matched", "max"] = "predictions",
    schedule: Schedule = SCHEDULE,
    labels: Literal["required", "ignored"] = "required",
    refine: bool = True,
    salvage: bool = True,
) -> Reward:
    """R = format + recall + precision, 0 to 3.

    recall = f(|{m : IoU_m >= ξ0}| / N), precision = Σ_m 1[IoU_m >= ξ0]·f(IoU_m) / M, over a one-to-one assignment;
    f(x) = 1 from ξ2 on, 0 below ξ1, x between (x itself without `refine`). M is the number of predictions, of matched
    pairs (the code: surplus boxes cost nothing), or the larger of predictions and references. `progress` is the
    fraction of training done and picks the phase.

    Edges: format is 1 for a JSON list whose every item is a label and a box with its corners in order and, where the
    row says `width` and `height`, inside the picture; a pair whose labels differ scores 0 unless labels are `ignored`
    (ours: the paper's formula does not look at them); `salvage` takes complete items of cut JSON for recall and
    precision, never for the format; nothing to find and nothing listed is 3, something listed is format alone;
    nothing readable is 0. No think tags are needed.
    """
    truth = listed(reference)
    if not truth.readable or len(truth.items) != truth.count:
        return unscored("reference_unreadable", reference, format=None, recall=None, precision=None)
    answer = parse(response).answer
    got = listed(answer, salvage=salvage)
    if not got.readable:
        return Reward(0.0, {"format": 0.0, "recall": 0.0, "precision": 0.0}, "boxes_unreadable", answer[:500])
    formed = float(_well_formed(got, width, height))
    recall, precision = _both(truth, got, _phase(schedule, progress), score, precision_denominator, labels, refine)
    parts = {"format": formed, "recall": recall, "precision": precision}
    reason = "scored" if formed else "boxes_malformed"
    return Reward(formed + recall + precision, parts, reason, written(got.items))


def _well_formed(got: Listed, width: float | None, height: float | None) -> bool:
    inside = all(
        min(one.box) >= 0 and (width is None or one.box[2] <= width) and (height is None or one.box[3] <= height)
        for one in got.items
    )
    return got.whole and len(got.items) == got.count and inside


def _phase(schedule: Sequence[Phase], progress: float) -> Phase:
    return [phase for phase in schedule if phase[0] <= progress or phase is schedule[0]][-1]


def _both(
    truth: Listed, got: Listed, phase: Phase, score: Score, denominator: str, labels: str, refine: bool
) -> tuple[float, float]:
    if truth.empty or got.empty:
        return float(truth.empty and got.empty), float(truth.empty and got.empty)
    _, least, low, high = phase
    scores = pair_scores(truth.items, got.items, score, labels)
    hits = [value for value in scores if value >= least]
    totals = {"predictions": got.count, "matched": len(scores), "max": max(got.count, truth.count)}

    def f(x: float) -> float:
        return x if not refine else 1.0 if x >= high else 0.0 if x < low else x

    return f(len(hits) / truth.count), sum(map(f, hits)) / (totals[denominator] or 1)


def pair_scores(truth: Sequence[Labelled], got: Sequence[Labelled], score: Score, labels: str) -> list[float]:
    """The score of each pair of the best one-to-one assignment, min(N, P) of them.

    Box-prioritised Hungarian: the cost is the L1 distance of the corners in the frame's units, less GIoU, less 1 for
    equal labels, as released. A pair with unequal labels scores 0 where labels are required.
    """
    if not truth or not got:
        return []
    cost = [[_cost(one, other) for other in got] for one in truth]
    return [
        overlap(truth[i].box, got[j].box, score) if labels == "ignored" or _same(truth[i], got[j]) else 0.0
        for i, j in _assigned(cost)
    ]


def _cost(one: Labelled, other: Labelled) -> float:
    distance = sum(abs(a - b) for a, b in zip(one.box, other.box, strict=True))
    return distance - overlap(one.box, other.box, "giou") - _same(one, other)


def _same(one: Labelled, other: Labelled) -> bool:
    return one.label.strip().lower() == other.label.strip().lower()


def _assigned(cost: list[list[float]]) -> list[tuple[int, int]]:
    if len(cost) == 1:
        return [(0, min(range(len(cost[0])), key=cost[0].__getitem__))]
    if len(cost[0]) == 1:
        return [(min(range(len(cost)), key=lambda i: cost[i][0]), 0)]
    from scipy.optimize import linear_sum_assignment  # costs 0.2 s, and most rows have one box

    rows, columns = linear_sum_assignment(cost)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True)]
