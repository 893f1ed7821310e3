"""Plane geometry: triangles, quadrilaterals, circles, polygons and crossing lines with marked lengths and angles.

Every problem can be stated in words alone, so `text_question` does, as Math-PUMA's synthesis problems do.
"""

from dataclasses import replace
from random import Random

from curation.records import Kind
from curation.sources.figures import geometry_circles, geometry_lines, geometry_quads, geometry_triangles
from curation.sources.figures.asking import Drawn, locate
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import Canvas
from curation.sources.figures.problems import Maker, Problem, as_options

MAKERS: tuple[tuple[int, Maker], ...] = (
    *geometry_triangles.MAKERS,
    *geometry_quads.MAKERS,
    *geometry_circles.MAKERS,
    *geometry_lines.MAKERS,
)


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A diagram and a question of `kind` about it."""
    source: Kind = rng.choice(("number", "number", "text", "math")) if kind == "mcq" else kind
    makers = [(weight, maker) for weight, maker in MAKERS if kind == "box" or source in maker.kinds]
    maker = rng.choices([maker for _, maker in makers], [weight for weight, _ in makers])[0]
    problem = maker.make(canvas, rng, style, rng.choice(maker.kinds) if kind == "box" else source)
    at = {name: [round(x, 2), round(y, 2)] for name, (x, y) in canvas.points.items()}
    problem = replace(problem, facts={**problem.facts, "points": at})
    if kind == "box":
        return _box(canvas, rng, problem)
    ask = as_options(problem, rng) if kind == "mcq" else problem.ask
    return Drawn(problem.facts, problem.boxes, problem.given, ask, f"{problem.given} {ask.question}")


def _box(canvas: Canvas, rng: Random, problem: Problem) -> Drawn:
    element = rng.choice(list(problem.boxes))
    drawn = locate(element, element, problem.boxes, canvas, problem.facts, problem.given)
    return replace(drawn, text_question=f"{drawn.context} {drawn.ask.question}")
