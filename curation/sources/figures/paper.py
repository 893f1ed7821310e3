"""A sheet of paper lying on the picture, filled line by line: what receipts and forms are printed on."""

from collections.abc import Sequence
from dataclasses import dataclass

from curation.sources.figures.canvas import INK, PAPER, SOFT, Box, Canvas, Colour, measure, mix

Word = tuple[float, str, str]  # where across the sheet (0 to 1), side it is set from (l, m, r), text


@dataclass(slots=True)
class Sheet:
    """Where the next line goes. `x1` to `x2` is the width inside the margins, `tall` the height of a line."""

    canvas: Canvas
    x1: float
    x2: float
    y: float
    tall: float
    size: int

    def line(self, words: Sequence[Word], *, bold: bool = False, colour: Colour = INK, grow: float = 1) -> list[Box]:
        """Set one line; returns the ink box of every word."""
        size, middle = self._fitting(words, grow), self.y + self.tall * grow / 2
        self.y += self.tall * grow
        return [
            self.canvas.text((self.x1 + (self.x2 - self.x1) * x, middle), text, size, colour, f"{side}m", bold=bold)
            for x, side, text in words
        ]

    def _fitting(self, words: Sequence[Word], grow: float) -> int:
        """The usual size, unless the words are wider than the sheet together."""
        size = round(self.size * grow)
        room = (self.x2 - self.x1) * 0.94
        while size > 4 and sum(measure(text, size)[0] for _, _, text in words) > room:
            size -= 1
        return size

    def rule(self) -> None:
        """A dashed rule across, half a line high."""
        middle = self.y + self.tall * 0.27
        self.canvas.dashed((self.x1, middle), (self.x2, middle), mix(SOFT, PAPER, 0.3), max(1.0, self.canvas.px(1)))
        self.y += self.tall * 0.53


def sheet(canvas: Canvas, ground: Colour, *, lines: float, share: float) -> Sheet:
    """Paint `ground`, lay white paper on it for `lines` lines and `share` of the width, and return where to write."""
    canvas.rect((0, 0, canvas.width, canvas.height), ground)
    pad = canvas.px(16)
    tall = min(canvas.px(34), (canvas.height - 4 * pad) / lines)
    wide = min(canvas.width * 0.92, max(canvas.width * share, tall * 12))
    wide = min(wide, canvas.px(900))
    high = tall * lines + 2 * pad
    x1, y1 = round((canvas.width - wide) / 2), round((canvas.height - high) / 2)
    x2, y2 = round(x1 + wide), round(y1 + high)
    drop = max(1, round(canvas.px(4)))
    canvas.rect((x1 + drop, y1 + drop, x2 + drop, y2 + drop), mix(ground, INK, 0.16))
    canvas.rect((x1, y1, x2, y2), PAPER, mix(ground, INK, 0.28), max(1.0, canvas.px(1)))
    inset = canvas.px(26)
    size = max(4, min(canvas.pt(16), int(tall * 0.68)))
    return Sheet(canvas, x1 + inset, max(x1 + inset + 1, x2 - inset), y1 + pad, tall, size)
