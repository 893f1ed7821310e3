"""Plots for reports, as PNG: plain bars on the sheet that figures are drawn on, so no plotting library is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

from curation.sources.figures.canvas import FAINT, INK, SOFT, Canvas, Colour, measure

WIDTH = 900
HEAD, ROW, FOOT = 76, 34, 16
BLUE: Colour = (66, 106, 190)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its length as a share (0 to 1) of the room, and the text at its end."""

    name: str
    share: float
    text: str


def bars(title: str, subtitle: str, rows: Sequence[Bar]) -> bytes:
    """A PNG with lying bars, `WIDTH` pixels wide; a share of 1 fills the room."""
    sheet = Canvas((WIDTH, HEAD + ROW * max(1, len(rows)) + FOOT))
    sheet.text((24, 26), title, 22, INK, "lm", bold=True)
    sheet.text((24, 54), subtitle, 14, SOFT, "lm")
    left = 40 + max((measure(row.name, 15)[0] for row in rows), default=0)
    room = WIDTH - left - 32 - max((measure(row.text, 14)[0] for row in rows), default=0)
    for number, row in enumerate(rows):
        middle = HEAD + ROW * (number + 0.5)
        end = left + room * min(1.0, max(0.0, row.share))
        sheet.text((left - 12, middle), row.name, 15, INK, "rm")
        sheet.rect((left, middle - 10, left + room, middle + 10), FAINT)
        if row.share > 0:
            sheet.rect((left, middle - 10, max(end, left + 2), middle + 10), BLUE)
        sheet.text((left + room + 10, middle), row.text, 14, SOFT, "lm")
    return sheet.png()
