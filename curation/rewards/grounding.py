"""Rewards for one box: IoU and GIoU in general, and VLM-R1's referring expressions (arXiv 2504.07615)."""

from typing import Annotated

from pydantic import Field

from curation.answers import by_box, parse
from curation.rewards.boxes import Score, one_box, overlap, pixel_iou, reference_box
from curation.rewards.reward import Reward, Weight, unscored

Threshold = Annotated[float, Field(gt=-1, le=1)]


def box_overlap(
    response: str,
    reference: str,
    *,
    score: Score = "iou",
    frame: by_box.Frame = "abs",
    at_least: Threshold | None = None,
) -> Reward:
    """R = IoU in [0, 1] or GIoU in [-1, 1] of the answer's box with the reference's; 1 or 0 with `at_least`.

    Edges: no box is the score's lowest value (0, or -1 for GIoU), and so is a box with corners out of order or
    outside the frame; floats and negative numbers are read. An answer block is not needed: pair it with a format
    reward.
    """
    truth, parsed = reference_box(reference), parse(response)
    if truth is None or not by_box.is_box(truth, frame):
        return unscored("reference_unreadable", reference, **{score: None})
    got = one_box(parsed)
    if got is None or not by_box.is_box(got, frame):
        lowest = 0.0 if score == "iou" or at_least is not None else -1.0
        reason, seen = ("box_not_found", parsed.answer[:500]) if got is None else ("box_invalid", str(list(got)))
        return Reward(lowest, {score: None}, reason, seen)
    value = overlap(truth, got, score)
    total = value if at_least is None else float(value >= at_least)
    return Reward(total, {score: value}, "iou", str(list(got)))


def rec(response: str, reference: str, *, narrowest: Weight = 0.0, answer_block: bool = True) -> Reward:
    """VLM-R1's referring expression accuracy: R = IoU(box, reference), continuous, pixels of the processed image.

    The released code counts overlaps up to one pixel wide or high as 0 (`narrowest = 1`), reads non-negative integers
    only and the first answer block; here every number is read, and the last block. Without an answer block, without a
    box or with corners out of order: 0 (the code does not refuse the last).
    """
    truth, parsed = reference_box(reference), parse(response)
    if truth is None:
        return unscored("reference_unreadable", reference, iou=None)
    got = one_box(parsed) if parsed.tagged or not answer_block else None
    if got is None or not by_box.is_box(got, "abs"):
        reason = "answer_untagged" if answer_block and not parsed.tagged else "box_invalid" if got else "box_not_found"
        return Reward(0.0, {"iou": 0.0}, reason, parsed.answer[:500])
    value = pixel_iou(truth, got, narrowest=narrowest)
    return Reward(value, {"iou": value}, "iou", str(list(got)))
