"""Counting scenes: coloured shapes, large and small, apart or partly overlapping, sometimes over faint grey marks."""

import math
from collections.abc import Sequence
from random import Random

from curation.records import Json, Kind
from curation.sources.figures import counting_asks
from curation.sources.figures.asking import Drawn, choose, locate
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import SOFT, Box, Canvas, Colour, Point, around, mix, pixels, polar
from curation.sources.figures.counting_asks import SHAPES, Scene, Shape
from curation.sources.figures.words import COLOURS

RADII = {"small": 27.0, "large": 47.0}
CROWDS = (4, 5, 5, 6, 6, 6, 7, 8, 9, 10, 12)
MARGIN = 10.0
RIM = 2.4


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A counting scene and a question of `kind` about it."""
    overlap, marks = rng.random() < 0.35, rng.random() < 0.35
    shapes = _scatter(canvas, rng, overlap)
    while kind == "box" and not _singular(shapes):
        shapes = _scatter(canvas, rng, overlap)
    if marks:
        _marks(canvas, rng, style.ground)
    boxes = {f"shape {n} ({shape})": _paint(canvas, shape, style.ground) for n, shape in enumerate(shapes, 1)}
    scene = Scene(shapes, marks, canvas.width, canvas.height)
    facts: dict[str, Json] = {**scene.facts, "overlap": overlap}
    if kind == "box":
        shape = rng.choice(_singular(shapes))
        element = f"shape {shapes.index(shape) + 1} ({shape})"
        return locate(f"the {shape}", element, boxes, canvas, facts, scene.context)
    return Drawn(facts, boxes, scene.context, choose(counting_asks.MENU, kind, scene, rng))


def _scatter(canvas: Canvas, rng: Random, overlap: bool) -> tuple[Shape, ...]:
    """Shapes in painting order. Overlapping ones keep their centres at least 0.8 of their radii apart."""
    colours = rng.sample(list(COLOURS), rng.randint(2, 4))
    kinds = rng.sample(list(SHAPES), rng.randint(2, 4))
    placed: list[Shape] = []
    for _ in range(rng.choice(CROWDS)):
        shape = _place(canvas, rng, placed, rng.choice(colours), rng.choice(kinds), overlap)
        if shape:
            placed.append(shape)
    return tuple(placed)


def _place(canvas: Canvas, rng: Random, placed: Sequence[Shape], colour: str, kind: str, overlap: bool) -> Shape | None:
    size = rng.choice(("small", "large"))
    radius, edge = canvas.px(RADII[size]), canvas.px(RADII[size] + MARGIN)
    for _ in range(60):
        x, y = rng.uniform(edge, canvas.width - edge), rng.uniform(edge, canvas.height - edge)
        if overlap and placed and rng.random() < 0.6:
            other = rng.choice(placed)
            x, y = polar((other.x, other.y), rng.uniform(0.8, 0.95) * (radius + other.radius), rng.uniform(0, 360))
        inside = edge <= x <= canvas.width - edge and edge <= y <= canvas.height - edge
        apart = 0.8 if overlap else 1.12
        if inside and all(math.dist((x, y), (s.x, s.y)) > apart * (radius + s.radius) - 0.01 for s in placed):
            return Shape(kind, colour, size, round(x, 1), round(y, 1), round(radius, 2), rng.randint(-14, 14))
    return None


def _singular(shapes: tuple[Shape, ...]) -> list[Shape]:
    """Shapes whose description fits no other and that nothing painted later touches."""
    names = [str(shape) for shape in shapes]
    return [
        shape
        for n, shape in enumerate(shapes)
        if names.count(str(shape)) == 1
        and all(
            math.dist((shape.x, shape.y), (later.x, later.y)) > 1.06 * (shape.radius + later.radius)
            for later in shapes[n + 1 :]
        )
    ]


def _paint(canvas: Canvas, shape: Shape, ground: Colour) -> Box:
    """Fill the shape inside a rim of background, which keeps overlapping shapes apart; returns the shape's box."""
    colour, at, rim = COLOURS[shape.colour], (shape.x, shape.y), canvas.px(RIM)
    if shape.kind == "circle":
        canvas.disc(at, shape.radius + rim, ground)
        canvas.disc(at, shape.radius, colour)
        return pixels((at[0] - shape.radius, at[1] - shape.radius, at[0] + shape.radius, at[1] + shape.radius))
    points = outline(shape)
    canvas.polygon(points, None, ground, 2 * rim)
    canvas.polygon(points, colour)
    return around(points)


def outline(shape: Shape) -> list[Point]:
    """The corners of any shape but the circle."""
    at, r, turn = (shape.x, shape.y), shape.radius, shape.turn
    if shape.kind == "star":
        return [polar(at, r if k % 2 == 0 else r * 0.45, turn - 90 + 36 * k) for k in range(10)]
    if shape.kind == "cross":
        arm = math.degrees(math.atan2(0.32, 0.9))
        reach, inner = r * math.hypot(0.32, 0.9), r * 0.32 * math.sqrt(2)
        tips = ((reach, -arm), (reach, arm), (inner, 45.0))
        return [polar(at, length, turn + 90 * k + angle) for k in range(4) for length, angle in tips]
    corners = SHAPES[shape.kind]
    start = {3: -90.0, 4: -45.0, 6: 0.0}[corners]
    return [polar(at, r, turn + start + 360 * k / corners) for k in range(corners)]


def _marks(canvas: Canvas, rng: Random, ground: Colour) -> None:
    """Faint marks behind the shapes, to be ignored."""
    grey = mix(ground, SOFT, 0.22)
    for _ in range(rng.randint(25, 45)):
        at = (rng.uniform(0, canvas.width), rng.uniform(0, canvas.height))
        if rng.random() < 0.5:
            canvas.disc(at, canvas.px(rng.uniform(2, 4)), grey)
        else:
            canvas.line([at, polar(at, canvas.px(rng.uniform(10, 22)), rng.uniform(0, 360))], grey, canvas.px(2))
