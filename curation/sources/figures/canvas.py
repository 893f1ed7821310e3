"""A sheet to draw on: anti-aliased shapes and crisp text in final-pixel coordinates.

Shapes are painted on an enlarged copy and reduced once; text is then set at final size, so it stays sharp. Every text
remembers its ink box, which lets a layout measure before it draws and lets tests look for collisions. Knows nothing of
charts or questions.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Point = tuple[float, float]
Box = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels; x2 and y2 are the first pixels outside
Colour = tuple[int, int, int]

INK: Colour = (38, 42, 52)
SOFT: Colour = (98, 104, 116)
FAINT: Colour = (218, 221, 227)
PAPER: Colour = (255, 255, 255)
SMALLEST_TYPE = 4


@lru_cache(maxsize=128)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's bundled Aileron at `size` pixels; needs no font on the system."""
    loaded = ImageFont.load_default(size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):  # pragma: no cover - Pillow wheels carry FreeType
        raise RuntimeError("this Pillow was built without FreeType, which drawing figures needs")
    return loaded


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """`colour` with `share` (0 to 1) of `other` stirred in."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(colour, other, strict=True))
    return r, g, b


def contrast(colour: Colour) -> Colour:
    """Ink that can be read on `colour`."""
    r, g, b = colour
    return INK if 0.299 * r + 0.587 * g + 0.114 * b > 150 else PAPER


@dataclass(frozen=True, slots=True)
class Label:
    """A text waiting to be set: `at` is its anchor point in pixels, `box` the pixels it will cover."""

    text: str
    at: Point
    size: int
    colour: Colour
    anchor: str
    weight: float
    halo: Colour | None
    upright: bool
    box: Box


class Canvas:
    """One picture of `width` x `height` pixels. `unit` is 1 at 640 x 480; `px` and `pt` scale lengths and type.

    `points` is where a diagram keeps its named points, in pixels.
    """

    def __init__(self, size: tuple[int, int], ground: Colour = PAPER) -> None:
        self.width, self.height = size
        self.unit = min(self.width / 640, self.height / 480)
        pixels = self.width * self.height
        self.zoom = 3 if pixels <= 1_000_000 else 2 if pixels <= 4_000_000 else 1
        self.labels: list[Label] = []
        self.points: dict[str, Point] = {}
        self._sheet = Image.new("RGB", (self.width * self.zoom, self.height * self.zoom), ground)
        self._pen = ImageDraw.Draw(self._sheet)

    def px(self, length: float) -> float:
        """A length given for 640 x 480, in pixels of this picture."""
        return length * self.unit

    def pt(self, size: float) -> int:
        """A type size given for 640 x 480, in pixels; small pictures keep their type relatively larger."""
        return max(SMALLEST_TYPE, round(size * (self.unit if self.unit >= 1 else self.unit**0.7)))

    def clip(self, box: Box) -> Box:
        """The part of a box inside the picture, at least one pixel."""
        x1, y1 = min(max(box[0], 0), self.width - 1), min(max(box[1], 0), self.height - 1)
        return x1, y1, max(x1 + 1, min(box[2], self.width)), max(y1 + 1, min(box[3], self.height))

    def _up(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self.zoom, y * self.zoom) for x, y in points]

    def _pen_width(self, width: float) -> int:
        return max(1, round(width * self.zoom))

    def rect(self, box: Sequence[float], fill: Colour | None, outline: Colour | None = None, width: float = 1) -> None:
        """A rectangle filling the pixels of `box` (x1, y1, x2, y2), its outline drawn inside."""
        x1, x2 = sorted((box[0] * self.zoom, box[2] * self.zoom))
        y1, y2 = sorted((box[1] * self.zoom, box[3] * self.zoom))
        corners = (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1))
        self._pen.rectangle(corners, fill, outline, self._pen_width(width) if outline else 0)

    def rounded(self, box: Sequence[float], radius: float, fill: Colour, outline: Colour, width: float = 1) -> None:
        """A rectangle with round corners, `radius` in pixels."""
        x1, x2 = sorted((box[0] * self.zoom, box[2] * self.zoom))
        y1, y2 = sorted((box[1] * self.zoom, box[3] * self.zoom))
        corners = (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1))
        self._pen.rounded_rectangle(corners, radius * self.zoom, fill, outline, self._pen_width(width))

    def line(self, points: Sequence[Point], colour: Colour, width: float = 1) -> None:
        """A polyline with rounded joints."""
        self._pen.line(self._up(points), colour, self._pen_width(width), joint="curve")

    def dashed(self, start: Point, end: Point, colour: Colour, width: float = 1, dash: float = 4) -> None:
        """A dashed straight line; `dash` and the gaps are in 640 x 480 pixels."""
        length, piece = math.dist(start, end), max(1.0, self.px(dash))
        for k in range(0, max(1, int(length / piece)), 2):
            a, b = k * piece / max(length, 1e-9), min(1.0, (k + 1) * piece / max(length, 1e-9))
            self.line([along(start, end, a), along(start, end, b)], colour, width)

    def polygon(
        self, points: Sequence[Point], fill: Colour | None, outline: Colour | None = None, width: float = 1
    ) -> None:
        """A closed polygon; the outline is centred on the edges and its corners are round."""
        if fill:
            self._pen.polygon(self._up(points), fill)
        if outline:
            self.line([*points, points[0], points[1]], outline, width)

    def disc(
        self, at: Point, radius: float, fill: Colour | None, outline: Colour | None = None, width: float = 1
    ) -> None:
        """A circle, its outline drawn inside `radius`."""
        (x, y), r = self._up([at])[0], radius * self.zoom
        self._pen.ellipse((x - r, y - r, x + r, y + r), fill, outline, self._pen_width(width) if outline else 0)

    def sector(
        self, at: Point, radius: float, start: float, end: float, fill: Colour, edge: Colour, width: float
    ) -> None:
        """A slice of a disc between two angles in degrees, clockwise from three o'clock, with edges in `edge`."""
        (x, y), r = self._up([at])[0], radius * self.zoom
        self._pen.pieslice((x - r, y - r, x + r, y + r), start, end, fill)
        for angle in (start, end):
            self.line([at, polar(at, radius + width, angle)], edge, width)

    def arc(self, at: Point, radius: float, start: float, end: float, colour: Colour, width: float = 1) -> None:
        """A circular arc between two angles in degrees, clockwise from three o'clock."""
        (x, y), r = self._up([at])[0], radius * self.zoom
        self._pen.arc((x - r, y - r, x + r, y + r), start, end, colour, self._pen_width(width))

    def text(
        self,
        at: Point,
        text: str,
        size: int,
        colour: Colour = INK,
        anchor: str = "mm",
        *,
        bold: bool = False,
        halo: Colour | None = None,
        upright: bool = False,
    ) -> Box:
        """Set `text` with Pillow's `anchor` at a point; returns its ink box. `upright` text reads upwards."""
        weight = size * 0.018 if bold else 0.0
        where = (round(at[0]), round(at[1]))
        box = self._ink(where, text, size, anchor, weight, upright)
        self.labels.append(Label(text, where, size, colour, anchor, weight, halo, upright, box))
        return box

    def _ink(self, at: tuple[int, int], text: str, size: int, anchor: str, weight: float, upright: bool) -> Box:
        x1, y1, x2, y2 = self._pen.textbbox((0, 0), text, font(size), anchor=anchor, stroke_width=weight)
        if upright:
            x1, y1, x2, y2 = -(y2 - y1) / 2, -(x2 - x1) / 2, (y2 - y1) / 2, (x2 - x1) / 2
        return (
            at[0] + math.floor(x1),
            at[1] + math.floor(y1),
            at[0] + math.ceil(x2),
            at[1] + math.ceil(y2),
        )

    def png(self) -> bytes:
        """The finished picture."""
        sheet = self._sheet.reduce(self.zoom) if self.zoom > 1 else self._sheet
        pen = ImageDraw.Draw(sheet)
        for label in self.labels:
            _set_upright(sheet, label) if label.upright else _set(pen, label)
        out = io.BytesIO()
        sheet.save(out, "PNG", compress_level=3)
        return out.getvalue()


def _set(pen: ImageDraw.ImageDraw, label: Label) -> None:
    face = font(label.size)
    if label.halo:
        pen.text(
            label.at,
            label.text,
            label.halo,
            face,
            label.anchor,
            stroke_width=max(1.5, label.size * 0.14),
            stroke_fill=label.halo,
        )
    pen.text(label.at, label.text, label.colour, face, label.anchor, stroke_width=label.weight)


def _set_upright(sheet: Image.Image, label: Label) -> None:
    x1, y1, x2, y2 = label.box
    mask = Image.new("L", (max(1, y2 - y1), max(1, x2 - x1)), 0)
    middle = (mask.width / 2, mask.height / 2)
    left, top, right, bottom = ImageDraw.Draw(mask).textbbox(middle, label.text, font(label.size), anchor="mm")
    nudge = (middle[0] - (left + right) / 2 + middle[0], middle[1] - (top + bottom) / 2 + middle[1])
    ImageDraw.Draw(mask).text(nudge, label.text, 255, font(label.size), "mm", stroke_width=label.weight)
    sheet.paste(label.colour, (x1, y1), mask.transpose(Image.Transpose.ROTATE_90))


def measure(text: str, size: int) -> tuple[float, float]:
    """Width of `text` and height of its line, in pixels."""
    face = font(size)
    ascent, descent = face.getmetrics()
    return face.getlength(text), float(ascent + descent)


def fit(texts: Sequence[str], size: int, room: float) -> int:
    """The largest type size up to `size` at which every text is at most `room` pixels wide."""
    while size > SMALLEST_TYPE and max((measure(text, size)[0] for text in texts), default=0) > room:
        size -= 1
    return size


def along(a: Point, b: Point, share: float) -> Point:
    """The point `share` of the way from a to b."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share


def polar(at: Point, radius: float, degrees: float) -> Point:
    """The point `radius` from `at`, clockwise from three o'clock (y grows downwards)."""
    angle = math.radians(degrees)
    return at[0] + radius * math.cos(angle), at[1] + radius * math.sin(angle)


def pixels(box: Sequence[float]) -> Box:
    """A box of floats as whole pixels."""
    x1, y1, x2, y2 = (round(v) for v in box)
    return x1, y1, x2, y2


def around(points: Sequence[Point]) -> Box:
    """The smallest box of whole pixels holding every point, to the nearest pixel."""
    return pixels(
        (
            min(x for x, _ in points),
            min(y for _, y in points),
            max(x for x, _ in points),
            max(y for _, y in points),
        )
    )
