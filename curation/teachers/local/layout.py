"""Text boxes to text with layout: rows from top to bottom, cells from left to right, aligned rows as a Markdown table.

Plain geometry on what OCR found; it neither reads pixels nor mends misread words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

FEWEST_ROWS = 3  # of a table: two aligned rows are as often two lines of a legend
LEAST_OVERLAP = 0.5  # of the lower box's height, for two boxes to stand in one row


@dataclass(frozen=True, slots=True)
class Box:
    """One piece of text and its upright bounding box in pixels, y downwards."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def sideways(self) -> bool:
        """Whether it stands on end, as the name of an upright axis does; it crosses rows and belongs to none."""
        return len(self.text) > 2 and self.bottom - self.top > 1.5 * (self.right - self.left)


Row = tuple[Box, ...]


def written(boxes: Sequence[Box]) -> str:
    """The text of all boxes, a line a row; a run of rows whose cells stand in the same columns becomes a table."""
    level = [box for box in boxes if not box.sideways]
    lines: list[str] = []
    todo = rows(level)
    while todo:
        cells = _table(todo)
        if len(cells) >= FEWEST_ROWS:
            lines += _markdown(cells)
        else:
            cells = cells[:1]
            lines.append(" | ".join(box.text for box in todo[0]))
        todo = todo[len(cells) :]
    turned = [box.text for box in sorted(boxes, key=lambda box: box.left) if box.sideways]
    return "\n".join([*lines, *(f"Sideways: {text}" for text in turned)])


def rows(boxes: Sequence[Box]) -> list[Row]:
    """Boxes grouped by the line they stand on, lines from the top, boxes from the left."""
    lines: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: (box.middle, box.left)):
        if lines and _beside(lines[-1], box):
            lines[-1].append(box)
        else:
            lines.append([box])
    return [tuple(sorted(line, key=lambda box: (box.left, box.top))) for line in lines]


def _beside(line: Sequence[Box], box: Box) -> bool:
    """Whether the box stands on this line: no box of the line is in its way, and the heights overlap enough."""
    top, bottom = fmean(b.top for b in line), fmean(b.bottom for b in line)
    shared = min(bottom, box.bottom) - max(top, box.top)
    free = all(box.left >= b.right - _slack(b) or box.right <= b.left + _slack(b) for b in line)
    return free and shared >= LEAST_OVERLAP * min(bottom - top, box.bottom - box.top)


def _slack(box: Box) -> float:
    """Neighbouring boxes may touch: OCR pads them by a few pixels."""
    return 0.25 * (box.bottom - box.top)


def _table(lines: Sequence[Row]) -> list[list[str]]:
    """The cells, shape (rows, columns), of the table that begins with the first line; one row where there is none."""
    head = lines[0]
    columns = [(box.left, box.right) for box in head]
    cells = [[box.text for box in head]]
    if len(head) < 2:
        return cells
    height = median(box.bottom - box.top for box in head)
    above = head
    for line in lines[1:]:
        places = [_column(box, columns) for box in line]
        gap = min(b.top for b in line) - max(b.bottom for b in above)
        if len(line) < 2 or None in places or len(set(places)) < len(line) or gap > 3 * height:
            break
        cells.append(
            [next((b.text for b, at in zip(line, places, strict=True) if at == i), "") for i in range(len(head))]
        )
        above = line
    return cells


def _column(box: Box, columns: Sequence[tuple[float, float]]) -> int | None:
    """The column that shares most width with the box; None when none does."""
    shared = [min(right, box.right) - max(left, box.left) for left, right in columns]
    best = max(range(len(columns)), key=lambda i: shared[i])
    return best if shared[best] > 0 else None


def _markdown(cells: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
    return [lines[0], "|" + "---|" * len(cells[0]), *lines[1:]]
