"""Geometry on paper: points in any unit fitted to the picture, with marked lengths, angles and right angles.

Built for one diagram at a time: give the points, then draw and mark between them by name.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random

from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import INK, PAPER, Box, Canvas, Colour, Point, along, around, measure, mix, polar

NAMES = ("ABCDEF", "PQRSTU", "KLMNOP", "DEFGHI", "UVWXYZ", "RSTUVW", "EFGHIJ", "LMNOPQ", "XYZABC", "GHIJKL")
UNITS = ("cm", "m", "mm", "km")


def turned(points: Mapping[str, Point], degrees: float) -> dict[str, Point]:
    """Points turned about the origin."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return {name: (x * c - y * s, x * s + y * c) for name, (x, y) in points.items()}


def triangle(a: float, b: float) -> tuple[Point, Point, Point]:
    """A triangle on a base of length 1 with angles `a` and `b` (degrees) at its ends."""
    ta, tb = math.tan(math.radians(a)), math.tan(math.radians(b))
    height = math.sin(math.radians(a)) * math.sin(math.radians(b)) / math.sin(math.radians(a + b))
    return (0.0, 0.0), (1.0, 0.0), (height / ta if abs(ta) < 1e9 else 1 - height / tb, height)


class Diagram:
    """Named points (y upwards, any unit) placed in the middle of a canvas as large as the margins allow."""

    def __init__(self, canvas: Canvas, style: Style, points: Mapping[str, Point], *, reach: float = 0) -> None:
        """`reach` widens the extent on all sides, in the unit of the points (the radius of a circle about them)."""
        self.canvas, self.style = canvas, style
        self.tint = mix(style.palette[0], PAPER, 0.78)
        self.edge = mix(style.palette[0], INK, 0.45)
        xs, ys = [p[0] for p in points.values()], [p[1] for p in points.values()]
        wide, tall = max(xs) - min(xs) + 2 * reach, max(ys) - min(ys) + 2 * reach
        room = (max(2.0, canvas.width - canvas.px(150)), max(2.0, canvas.height - canvas.px(124)))
        self.scale = min(room[0] / max(wide, 1e-9), room[1] / max(tall, 1e-9))
        middle = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
        self.at = {
            name: (canvas.width / 2 + (x - middle[0]) * self.scale, canvas.height / 2 - (y - middle[1]) * self.scale)
            for name, (x, y) in points.items()
        }
        canvas.points = self.at

    def shape(self, names: Sequence[str], fill: Colour | None = None) -> Box:
        """A tinted polygon through named points; returns its box."""
        points = [self.at[name] for name in names]
        self.canvas.polygon(points, fill or self.tint, self.edge, self.canvas.px(2.2))
        return around(points)

    def line(self, a: str, b: str, *, dashed: bool = False) -> None:
        if dashed:
            self.canvas.dashed(self.at[a], self.at[b], self.edge, self.canvas.px(1.6), 5)
        else:
            self.canvas.line([self.at[a], self.at[b]], self.edge, self.canvas.px(2.2))

    def circle(self, centre: str, radius: float, fill: Colour | None = None) -> Box:
        """A circle with its radius in the unit of the points; returns its box."""
        (x, y), r = self.at[centre], radius * self.scale
        self.canvas.disc((x, y), r, fill or self.tint, self.edge, self.canvas.px(2.2))
        return around([(x - r, y - r), (x + r, y + r)])

    def dot(self, name: str) -> None:
        self.canvas.disc(self.at[name], self.canvas.px(3.2), INK)

    def label(
        self,
        at: Point,
        away: Point,
        text: str,
        *,
        bold: bool = False,
        gap: float = 6,
        beside: bool = False,
        clear: Colour | None = None,
    ) -> None:
        """Set text `gap` clear of a point in the direction `away`; `beside` keeps all of it off the line across `away`.

        `clear` is the colour it lies on, which shines round it where it crosses a line (the ground by default).
        """
        size = self.canvas.pt(20)
        long = math.hypot(*away) or 1.0
        dx, dy = away[0] / long, away[1] / long
        wide, tall = measure(text, size)[0] / 2, size * 0.42
        if beside:
            reach = wide * abs(dx) + tall * abs(dy)
        else:
            reach = min(wide / max(abs(dx), 1e-6), tall / max(abs(dy), 1e-6))
        step = self.canvas.px(gap) + reach
        x = min(max(at[0] + dx * step, wide + 1), self.canvas.width - wide - 1)
        y = min(max(at[1] + dy * step, tall + 2), self.canvas.height - tall - 2)
        self.canvas.text((x, y), text, size, INK, bold=bold, halo=clear or self.style.ground)

    def corners(self, names: Sequence[str]) -> None:
        """The letters of a polygon's corners, outside it along the bisector."""
        for k, name in enumerate(names):
            here, before, after = self.at[name], self.at[names[k - 1]], self.at[names[(k + 1) % len(names)]]
            a, b = _unit(before, here), _unit(after, here)
            self.label(here, (a[0] + b[0], a[1] + b[1]), name, bold=True, gap=5)

    def length(self, a: str, b: str, text: str, other: str, *, share: float = 0.5, inside: bool = False) -> None:
        """A length beside segment ab, on the side away from point `other`.

        `share` says where between a and b; `inside` that it stands within the shape.
        """
        (x1, y1), (x2, y2) = self.at[a], self.at[b]
        normal = (y1 - y2, x2 - x1)
        middle = along(self.at[a], self.at[b], share)
        side = (self.at[other][0] - middle[0]) * normal[0] + (self.at[other][1] - middle[1]) * normal[1]
        away = normal if side < 0 else (-normal[0], -normal[1])
        self.label(middle, away, text, beside=True, gap=8, clear=self.tint if inside else None)

    def equal(self, a: str, b: str) -> None:
        """A short stroke across the middle of a segment: it equals the others so marked."""
        (x1, y1), (x2, y2) = self.at[a], self.at[b]
        long = math.dist((x1, y1), (x2, y2)) or 1.0
        middle, half = along(self.at[a], self.at[b], 0.5), self.canvas.px(6)
        dx, dy = (y1 - y2) / long * half, (x2 - x1) / long * half
        ends = [(middle[0] - dx, middle[1] - dy), (middle[0] + dx, middle[1] + dy)]
        self.canvas.line(ends, self.edge, self.canvas.px(2))

    def angle(self, a: str, vertex: str, b: str, text: str, *, radius: float = 30) -> None:
        """An arc from va to vb (under 180 degrees) with its text on the bisector, clear of the arms."""
        at, r = self.at[vertex], self.canvas.px(radius)
        start, sweep = self._sweep(a, vertex, b)
        self.canvas.arc(at, r, start, start + sweep, self.edge, self.canvas.px(1.8))
        size = self.canvas.pt(18)
        wide, tall = measure(text, size)[0] / 2, size * 0.42
        bisector = start + sweep / 2
        dx, dy = abs(math.cos(math.radians(bisector))), abs(math.sin(math.radians(bisector)))
        across, open_by = wide * dy + tall * dx, math.tan(math.radians(min(80.0, sweep / 2)))
        clear = wide * dx + tall * dy + across / open_by + self.canvas.px(4)
        away = max(r + self.canvas.px(4) + math.hypot(wide * dx, tall * dy), clear)
        self.canvas.text(polar(at, away, bisector), text, size, INK)

    def right(self, a: str, vertex: str, b: str) -> None:
        """The small square of a right angle."""
        at, side = self.at[vertex], self.canvas.px(15)
        u, v = _unit(at, self.at[a]), _unit(at, self.at[b])
        first, last = (at[0] + u[0] * side, at[1] + u[1] * side), (at[0] + v[0] * side, at[1] + v[1] * side)
        tip = (first[0] + v[0] * side, first[1] + v[1] * side)
        self.canvas.line([first, tip, last], self.edge, self.canvas.px(1.8))

    def _sweep(self, a: str, vertex: str, b: str) -> tuple[float, float]:
        """Start and extent in degrees of the smaller angle, clockwise on the picture."""
        (x, y), p, q = self.at[vertex], self.at[a], self.at[b]
        first = math.degrees(math.atan2(p[1] - y, p[0] - x))
        second = math.degrees(math.atan2(q[1] - y, q[0] - x))
        turn = (second - first) % 360
        return (first, turn) if turn <= 180 else (second, 360 - turn)


def letters(rng: Random, count: int) -> str:
    """`count` consecutive letters to name corners with."""
    return rng.choice(NAMES)[:count]


def _unit(start: Point, end: Point) -> Point:
    long = math.dist(start, end) or 1.0
    return (end[0] - start[0]) / long, (end[1] - start[1]) / long
