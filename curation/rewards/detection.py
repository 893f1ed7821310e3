"""VLM-R1's rewards for open-vocabulary detection: mAP, AP50, odLength, weighted_sum (arXiv 2504.07615, eq. 7-8).

A row's reference and an answer are lists of `{"bbox_2d": [x1, y1, x2, y2], "label": …}` in one frame, or the word None
where nothing is to be found. One case table for all four, with the released code's defects mended:

| reference | answer | reward |
|---|---|---|
| unreadable | any | None (the code raises) |
| any | no answer block, or no JSON | 0 (the code pays 1 where the reference is None) |
| None or [] | None or [] | 1 |
| None or [] | boxes | 0 |
| boxes | None or [] | 0 |
| boxes | boxes | the formula |
"""

from collections.abc import Callable, Sequence
from typing import Literal

from curation.answers import parse
from curation.answers.by_box import iou
from curation.rewards.average_precision import THRESHOLDS, mean_average_precision
from curation.rewards.boxes import Labelled, Listed, listed, written
from curation.rewards.reward import Reward, Weight, unscored

Formula = Callable[[Listed, Listed], tuple[float, dict[str, float | None]]]


def detection_map(
    response: str,
    reference: str,
    *,
    thresholds: Literal["coco", "50"] = "coco",
    penalty: bool = True,
    answer_block: bool = True,
) -> Reward:
    """R_odLength = min(1, L_ref / L_answer) · mAP; plain mAP without `penalty`, AP50 with `thresholds = "50"`.

    mAP is COCO's over the labels of the reference. Labels it lacks are not false positives in mAP, which pays for
    naming everything (the paper's reward hacking); the penalty counts them, and malformed items, in L_answer. Boxes in
    front count more than boxes behind: all scores are equal.
    """
    steps = THRESHOLDS if thresholds == "coco" else (0.5,)

    def formula(truth: Listed, got: Listed) -> tuple[float, dict[str, float | None]]:
        precision = mean_average_precision(truth.items, got.items, thresholds=steps)
        length = min(1.0, truth.count / got.count)
        return precision * (length if penalty else 1.0), {"map": precision, "length": length}

    return _by_case(response, reference, formula, answer_block)


def weighted_sum(
    response: str,
    reference: str,
    *,
    position_weight: Weight = 0.7,
    label_weight: Weight = 0.0,
    completeness_weight: Weight = 0.3,
    answer_block: bool = True,
) -> Reward:
    """R = (0.7·position + 0·label + 0.3·completeness) / Σ weights (VLM-R1 repository, and the authors' blog).

    Pairs are taken greedily by highest IoU from 0.5 on, labels in lower case. position = Σ IoU of pairs with equal
    labels / N_ref; label = number of those / N_ref; completeness = 1 - (unpaired references / N_ref + unpaired
    predictions / N_answer) / 2. A pair with unequal labels stays a pair and earns no position. Malformed items are
    unpaired predictions. All weights 0: `position` alone.
    """

    def formula(truth: Listed, got: Listed) -> tuple[float, dict[str, float | None]]:
        pairs = greedy(truth.items, got.items)
        same = [value for value, one, other in pairs if one.label.lower() == other.label.lower()]
        unpaired = (truth.count - len(pairs)) / truth.count + (got.count - len(pairs)) / got.count
        parts = (sum(same) / truth.count, len(same) / truth.count, 1 - unpaired / 2)
        weights = (position_weight, label_weight, completeness_weight)
        whole = sum(weights) or 1.0
        value = sum(weight * part for weight, part in zip(weights, parts, strict=True)) / whole
        return value, {"position": parts[0], "label": parts[1], "completeness": parts[2]}

    return _by_case(response, reference, formula, answer_block)


def greedy(truth: Sequence[Labelled], got: Sequence[Labelled]) -> list[tuple[float, Labelled, Labelled]]:
    """(IoU, reference, prediction) of one-to-one pairs, highest IoU first, none below 0.5."""
    candidates = [
        (value, i, j)
        for i, one in enumerate(truth)
        for j, other in enumerate(got)
        if (value := iou(one.box, other.box)) >= 0.5
    ]
    candidates.sort(key=lambda each: (-each[0], each[1], each[2]))
    taken: tuple[set[int], set[int]] = (set(), set())
    pairs = []
    for value, i, j in candidates:
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            pairs.append((value, truth[i], got[j]))
    return pairs


def _by_case(response: str, reference: str, formula: Formula, answer_block: bool) -> Reward:
    """The case table at the top of this module."""
    truth = listed(reference)
    if not truth.readable or len(truth.items) != truth.count:
        return unscored("reference_unreadable", reference)
    parsed = parse(response)
    if answer_block and not parsed.tagged:
        return Reward(0.0, {}, "answer_untagged", parsed.answer[:500])
    got = listed(parsed.answer)
    counts: dict[str, float | None] = {"reference_boxes": truth.count, "predicted_boxes": got.count}
    if not got.readable:
        return Reward(0.0, counts, "boxes_unreadable", parsed.answer[:500])
    if truth.empty or got.empty:
        return Reward(float(truth.empty and got.empty), counts, "scored", parsed.answer[:500])
    value, parts = formula(truth, got)
    return Reward(value, {**parts, **counts}, "scored", written(got.items))
