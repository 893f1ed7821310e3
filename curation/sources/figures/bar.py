"""Bar charts: one bar a group, upright or lying, usually with the value printed at its end."""

from random import Random

from curation.records import Kind
from curation.sources.figures import series
from curation.sources.figures.asking import Drawn, choose, locate
from curation.sources.figures.axes import (
    Plot,
    Scale,
    Style,
    baseline,
    scale,
    sideways_plot,
    title,
    upright_plot,
)
from curation.sources.figures.canvas import INK, Box, Canvas, Colour, fit, measure, pixels
from curation.sources.figures.words import TOPICS


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A bar chart and a question of `kind` about it."""
    labelled = rng.random() < 0.84
    s = series.roll(rng, TOPICS, rng.randint(4, 7), labelled=labelled, mark="bar")
    sideways = rng.random() < 0.3
    colours = _colours(rng, style, len(s.names))
    boxes = _paint(canvas, style, s, scale(max(s.values), unit=None if labelled else s.unit), sideways, colours)
    facts = {**s.facts, "sideways": sideways, "colours": [list(colour) for colour in colours]}
    if kind == "box":
        name = rng.choice(s.names)
        return locate(f"the bar for {name}", name, boxes, canvas, facts, s.context)
    return Drawn(facts, boxes, s.context, choose(series.MENU, kind, s, rng))


def _colours(rng: Random, style: Style, count: int) -> list[Colour]:
    one = style.palette[0]
    return list(style.palette[:count]) if rng.random() < 0.35 else [one] * count


def _paint(
    canvas: Canvas, style: Style, s: series.Series, span: Scale, sideways: bool, colours: list[Colour]
) -> dict[str, Box]:
    y = title(canvas, s.heading, left=style.left)
    frame = sideways_plot if sideways else upright_plot
    plot = frame(canvas, style, s.topic.axis, s.names, span, y)
    boxes = {name: _bar(plot, index, s.values[index]) for index, name in enumerate(s.names)}
    for box, colour in zip(boxes.values(), colours, strict=True):
        canvas.rect(box, colour)
    baseline(canvas, plot)
    if s.labelled:
        _values(canvas, plot, s, boxes)
    return boxes


def _bar(plot: Plot, index: int, value: int) -> Box:
    middle, half, end = plot.slot(index), plot.pitch * 0.31, plot.at(value)
    if plot.sideways:
        return pixels((plot.x1, middle - half, end, middle + half))
    return pixels((middle - half, end, middle + half, plot.y2))


def _values(canvas: Canvas, plot: Plot, s: series.Series, boxes: dict[str, Box]) -> None:
    size = fit([str(max(s.values))], canvas.pt(14), plot.pitch * 0.9)
    size = min(size, int(plot.pitch)) if plot.sideways else size
    for value, (_, y1, x2, _) in zip(s.values, boxes.values(), strict=True):
        if plot.sideways:
            middle = plot.slot(s.values.index(value))
            canvas.text((x2 + canvas.px(6), middle), str(value), size, INK, "lm", halo=(255, 255, 255))
        else:
            middle = plot.slot(s.values.index(value))
            rise = y1 - canvas.px(3) - measure("0", size)[1] * 0.42
            canvas.text((middle, rise), str(value), size, INK, "mm", halo=(255, 255, 255))
