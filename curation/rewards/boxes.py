"""Boxes in responses and rows: single ones, lists of `{"bbox_2d": [x1, y1, x2, y2], "label": …}`, and their overlap.

The single box and the intersection over union are those of `curation.answers.by_box`. A list is read once, for every
reward: JSON in the last fenced block, else the whole answer; a list (or one object) of items; the bare word None says
that nothing is there. What is malformed is counted as a prediction and never as a box. Nothing is evaluated, and no
text raises.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from curation.answers import Parsed, by_box
from curation.answers.by_box import Box, iou
from curation.answers.extract import places
from curation.records import Json

Score = Literal["iou", "giou"]
FENCE = re.compile(r"```(?:json)?([^`]*)```", re.IGNORECASE)
ITEM = re.compile(r"\{[^{}]*\}")
LONGEST = 200_000
"""Characters of a response that are read for boxes; ours."""
MOST = 1_000
"""Boxes that are matched; further ones only count as predictions. Ours: matching costs their number squared."""
FARTHEST = 1e7
"""Coordinates beyond this, in pixels, are malformed: no picture is that large, and products stay finite."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One box with its label, as written."""

    box: Box
    label: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of boxes as a text gave it: the well-formed ones in order, and how many items there were in all.

    `empty` is True only where the text says that nothing is there (`[]` or None); an unreadable text has no items and
    is not empty. `whole` is False for items salvaged from cut JSON.
    """

    items: tuple[Labelled, ...] = ()
    count: int = 0
    empty: bool = False
    whole: bool = True

    @property
    def readable(self) -> bool:
        return self.empty or self.count > 0


def listed(text: str, *, salvage: bool = False) -> Listed:
    """The boxes a text lists. `salvage` takes the complete items of JSON that was cut or is broken."""
    bare = text[:LONGEST].strip()
    fences = FENCE.findall(bare)
    body = (fences[-1] if fences else bare).strip().removeprefix("```json").strip("`").strip()
    if body.strip(".\"' ").lower() == "none":
        return Listed(empty=True)
    try:
        value = orjson.loads(body)
    except ValueError:
        return _salvaged(body) if salvage else Listed()
    return of_json(value)


def of_json(value: Json) -> Listed:
    """The boxes of a row's column, already parsed; other values than lists and objects are unreadable."""
    values = [value] if isinstance(value, dict) else value
    if not isinstance(values, list):
        return Listed()
    found = tuple(item for each in values[:MOST] if (item := _item(each)))
    return Listed(found, len(values), empty=not values)


def _salvaged(body: str) -> Listed:
    """Complete flat objects, each read by itself."""
    values = []
    for found in ITEM.findall(body):
        try:
            values.append(orjson.loads(found))
        except ValueError:
            values.append(None)
    items = tuple(item for each in values[:MOST] if (item := _item(each)))
    return Listed(items, len(values), whole=False)


def _item(value: Json) -> Labelled | None:
    """`{"bbox_2d": [...], "label": "..."}`, or Griffon's `[label, [...]]`."""
    if isinstance(value, dict):
        label, corners = value.get("label"), value.get("bbox_2d")
    elif isinstance(value, list) and len(value) == 2:
        label, corners = value
    else:
        return None
    box = box_of(corners)
    return Labelled(box, label) if box and isinstance(label, str) else None


def box_of(corners: Json) -> Box | None:
    """Four numbers with x1 < x2 and y1 < y2, else None: swapped corners, nesting, strings and booleans are refused."""
    if not isinstance(corners, Sequence) or isinstance(corners, str) or len(corners) != 4:
        return None
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and abs(one) <= FARTHEST for one in corners):
        return None
    x1, y1, x2, y2 = (float(one) for one in corners)
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def one_box(parsed: Parsed) -> Box | None:
    """The last box in the first place of the answer that has one, in whatever order its corners are."""
    read = by_box.reading(places(parsed))
    return read[1] if read else None


def reference_box(text: str) -> Box | None:
    """The one box of a reference; None when it has none, several, or corners out of order."""
    found = by_box.boxes(text[:LONGEST])
    return found[0] if len(found) == 1 and by_box.is_box(found[0], "abs") else None


def giou(a: Box, b: Box) -> float:
    """Generalised IoU, -1 to 1: IoU - (hull - union) / hull (Rezatofighi et al., arXiv 1902.09630).

    Both boxes must have their corners in order; symmetric; equal to IoU where one box holds the other.
    """
    overlap = iou(a, b)
    areas = area(a) + area(b)
    union = areas / (1 + overlap)
    hull = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return overlap - max(0.0, hull - union) / hull if hull > 0 else overlap


def area(box: Box) -> float:
    """Width times height."""
    return (box[2] - box[0]) * (box[3] - box[1])


def pixel_iou(a: Box, b: Box, *, narrowest: float = 0.0) -> float:
    """IoU, and 0 for an overlap no wider or no higher than `narrowest` pixels.

    VLM-R1's code counts pixels inclusively, which is this with 1.0; its paper's soft IoU is the ordinary one, 0.0.
    """
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return iou(a, b) if min(width, height) > narrowest else 0.0


def overlap(a: Box, b: Box, score: Score) -> float:
    """IoU or GIoU of two boxes."""
    return iou(a, b) if score == "iou" else giou(a, b)


def written(items: Iterable[Labelled]) -> str:
    """A short text of boxes for `Reward.extracted`."""
    return "; ".join(f"{one.label} {[round(side, 3) for side in one.box]}" for one in items)[:500]
