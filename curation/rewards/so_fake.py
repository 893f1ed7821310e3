"""So-Fake-R1's reward: forgery class, box of the forged part, and the grammar of the answer.

Reconstructed throughout: of the published reward (arXiv 2505.18660) only its terms are known, not their formulas,
weights or thresholds. Labels and the answer's form are from the project's figures.
"""

import re
from typing import Annotated

from pydantic import Field

from curation.answers import by_box
from curation.rewards.boxes import reference_box
from curation.rewards.format import laid_out
from curation.rewards.reward import Reward, Weight, unscored, weighted

LABELS = ("REAL", "FULL_SYNTHETIC", "TAMPERED")
ANSWER = re.compile(r"(REAL|FULL_SYNTHETIC|TAMPERED)\b\s*[,:]?\s*(.*?)\s*\.?\s*", re.IGNORECASE | re.DOTALL)
CORNERS = re.compile(r"\(\s*\d{1,4}\s*,\s*\d{1,4}\s*\)\s*,\s*\(\s*\d{1,4}\s*,\s*\d{1,4}\s*\)")
SIDE = 224
"""Width and height of the input frame of the answers' boxes, in pixels."""


def so_fake(
    response: str,
    label: str,
    box: str = "",
    *,
    format_weight: Weight = 1.0,
    label_weight: Weight = 1.0,
    box_weight: Weight = 1.0,
    at_least: Annotated[float, Field(gt=0, le=1)] | None = None,
    side: Annotated[int, Field(ge=1)] = SIDE,
) -> Reward:
    """R = format + label + box (weights are settings).

    format: think block, answer block, and the answer `REAL`, `FULL_SYNTHETIC` or `TAMPERED,(x1,y1),(x2,y2)`, with a
    box exactly when tampered. label: equal labels. box: IoU with the tight box of the forged mask (1 or 0 with
    `at_least`) when the row and the answer say tampered; 0 when only the row does; None, and left out, on other rows.

    Edges: lower case and a full stop are allowed; corners out of order or outside 0…`side` are no box; a tampered row
    without a box is None. Masks of several parts have one tight box round all, which caps the IoU to be had.
    """
    wanted = label.strip().upper()
    truth = reference_box(box)
    if wanted not in LABELS or (wanted == "TAMPERED" and truth is None):
        return unscored("reference_unreadable", f"{label} {box}")
    parsed, faults = laid_out(response)
    found = ANSWER.fullmatch(parsed.answer.strip()) if len(parsed.answer) <= 500 else None
    said, rest = (found[1].upper(), found[2]) if found else ("", "")
    got = _box(rest, side)
    formed = not faults and bool(said) and (got is not None if said == "TAMPERED" else not rest)
    parts = {"format": float(formed), "label": float(said == wanted), "box": None}
    weights = {"format": format_weight, "label": label_weight}
    if wanted == "TAMPERED" and truth:
        overlap = by_box.iou(truth, got) if got and said == wanted else 0.0
        parts["box"] = overlap if at_least is None else float(overlap >= at_least)
        weights["box"] = box_weight
    reason = "scored" if found else "answer_not_found"
    return Reward(weighted(parts, weights), parts, reason, parsed.answer[:500])


def _box(rest: str, side: int) -> by_box.Box | None:
    if not CORNERS.fullmatch(rest):
        return None
    box = by_box.boxes(rest)[0]
    return box if by_box.is_box(box, "abs") and max(box) <= side else None
