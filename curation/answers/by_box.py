"""Compares boxes `[x1, y1, x2, y2]` by intersection over union."""

import re
from collections.abc import Iterable

from curation.answers.extract import Extracted
from curation.answers.frames import Box as Box
from curation.answers.frames import Frame as Frame
from curation.answers.normal import unicode_plain

NUMBER = r"\s*([-+]?(?:\d{1,9}(?:\.\d{0,18})?|\.\d{1,18}))\s*"
AT = r"[\"']?\s*[:=]\s*([-+]?\d{0,9}\.?\d{1,18})"
NAMED = re.compile(
    rf"(?<!\w)[\"']?x_?(?:1|min){AT}\s*,\s*[\"']?y_?(?:1|min){AT}\s*,\s*[\"']?x_?(?:2|max){AT}\s*,\s*[\"']?y_?(?:2|max){AT}"
)
BOX = re.compile(rf"[\[(]{{1,2}}{NUMBER},{NUMBER}(?:,|[\])]\s*,?\s*[\[(]){NUMBER},{NUMBER}[\])]")


def boxes(text: str) -> list[Box]:
    """Every `[x1, y1, x2, y2]`, `(x1, y1, x2, y2)` or `(x1, y1), (x2, y2)` in a text, in order."""
    found = BOX.finditer(NAMED.sub(r"[\1, \2, \3, \4]", unicode_plain(text)))
    return [(float(one[1]), float(one[2]), float(one[3]), float(one[4])) for one in found]


def is_box(box: Box, frame: Frame) -> bool:
    """Whether the corners are in order, and inside 0…1 or 0…1000 where the frame says so."""
    x1, y1, x2, y2 = box
    most = {"norm01": 1.0, "norm1000": 1000.0}.get(frame)
    return x1 < x2 and y1 < y2 and (most is None or (min(box) >= 0 and max(box) <= most))


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1; corners in the same frame, no pixel convention."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def reading(found: Iterable[Extracted]) -> tuple[str, Box] | None:
    """The last box in the first place that has one."""
    return next(((each.text, all_[-1]) for each in found if (all_ := boxes(each.text))), None)


def agrees(reference: Box, got: Box, *, frame: Frame, at_least: float) -> bool:
    """Whether a box overlaps the reference enough; corners out of order or outside the frame are wrong."""
    return is_box(got, frame) and iou(reference, got) >= at_least
