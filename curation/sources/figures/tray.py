"""A sorting tray: circles to be counted among squares, one shape a place, three places by three.

The simplest counting scene there is, drawn so that it can still be read at 64 x 64 pixels: what a model of half a
million weights can learn. It is drawn only when asked for by name.
"""

from random import Random

from curation.records import Json, Kind
from curation.sources.figures.asking import Ask, Drawn
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import Box, Canvas, pixels
from curation.sources.figures.words import COLOURS

PLACES = tuple((row, column) for row in range(3) for column in range(3))
MOST_CIRCLES, MOST_SQUARES = 5, 3
INKS = ("red", "green", "blue", "purple")
QUESTION = "How many circles?"


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A tray and the number of circles on it; `kind` must be `digit`."""
    circles, squares = rng.randint(1, MOST_CIRCLES), rng.randint(0, MOST_SQUARES)
    places = rng.sample(PLACES, circles + squares)
    shapes = ["circle"] * circles + ["square"] * squares
    boxes: dict[str, Box] = {}
    for number, (shape, place) in enumerate(zip(shapes, places, strict=True), 1):
        boxes[f"shape {number} ({shape})"] = _paint(canvas, rng, shape, place)
    rows = [sum(1 for shape, place in zip(shapes, places, strict=True) if shape == "circle" and place[0] == row)
            for row in range(3)]  # fmt: skip
    facts: dict[str, Json] = {"rows": rows, "circles": circles, "squares": squares}
    said = " ".join(map(str, rows))
    ask = Ask("count", QUESTION, str(circles), (said,), {"shape": "circle"}, values=len(shapes))
    return Drawn(facts, boxes, f"Circles in each row, from the top: {', '.join(map(str, rows))}.", ask)


def _paint(canvas: Canvas, rng: Random, shape: str, place: tuple[int, int]) -> Box:
    width, height = canvas.width / 3, canvas.height / 3
    radius = rng.uniform(0.24, 0.38) * min(width, height)
    x = (place[1] + 0.5) * width + rng.uniform(-0.08, 0.08) * width
    y = (place[0] + 0.5) * height + rng.uniform(-0.08, 0.08) * height
    colour = COLOURS[rng.choice(INKS)]
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        canvas.disc((x, y), radius, colour)
    else:
        canvas.polygon([(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])], colour)
    return pixels(box)
