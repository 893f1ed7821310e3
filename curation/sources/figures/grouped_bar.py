"""Grouped bar charts: two or three coloured bars a group and a legend."""

from random import Random

from curation.records import Kind
from curation.sources.figures import grid
from curation.sources.figures.asking import Drawn, choose, listed, locate
from curation.sources.figures.axes import Plot, Style, baseline, legend, scale, title, upright_plot
from curation.sources.figures.canvas import INK, PAPER, Box, Canvas, fit, measure, pixels
from curation.sources.figures.series import pick_names
from curation.sources.figures.words import TOPICS

RANGES = (range(2, 20), range(5, 60), range(10, 100), range(100, 600, 5))


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A grouped bar chart and a question of `kind` about it."""
    g = _roll(rng, style)
    boxes = _paint(canvas, style, g)
    if kind == "box":
        series, group = rng.choice(g.series), rng.choice(g.groups)
        return locate(f"the bar of {series} for {group}", f"{series}, {group}", boxes, canvas, g.facts, g.context)
    return Drawn(g.facts, boxes, g.context, choose(grid.MENU, kind, g, rng))


def _roll(rng: Random, style: Style) -> grid.Grid:
    topic, labelled = rng.choice(TOPICS), rng.random() < 0.84
    count = rng.choice((2, 2, 3))
    groups = pick_names(rng, topic, rng.randint(3, 5 if count == 2 else 4))
    unit = 1 if labelled else rng.choice((1, 5, 10, 25, 50))
    pool = rng.choice(RANGES) if labelled else range(unit, 16 * unit, unit)
    values = rng.sample(pool, count * len(groups))
    rows = tuple(tuple(values[k::count]) for k in range(count))
    series = tuple(sorted(rng.sample(topic.series, count), key=topic.series.index))
    heading = f"{topic.axis} {topic.by} {listed(series)}"
    return grid.Grid(topic, heading, groups, series, rows, labelled, unit, "bar", style.palette[:count])


def _paint(canvas: Canvas, style: Style, g: grid.Grid) -> dict[str, Box]:
    y = title(canvas, g.heading, left=style.left)
    y = legend(canvas, list(zip(g.series, g.colours, strict=True)), y, left=style.left)
    span = scale(g.largest, unit=None if g.labelled else g.unit)
    plot = upright_plot(canvas, style, g.topic.axis, g.groups, span, y)
    boxes = {
        f"{series}, {group}": _bar(plot, i, j, len(g.series), g.rows[j][i])
        for j, series in enumerate(g.series)
        for i, group in enumerate(g.groups)
    }
    for j, series in enumerate(g.series):
        for group in g.groups:
            canvas.rect(boxes[f"{series}, {group}"], g.colours[j])
    baseline(canvas, plot)
    if g.labelled:
        _values(canvas, plot, g)
    return boxes


def _middle(plot: Plot, group: int, series: int, count: int) -> float:
    return plot.slot(group) + (series - (count - 1) / 2) * plot.pitch * 0.78 / count


def _bar(plot: Plot, group: int, series: int, count: int, value: int) -> Box:
    middle, half = _middle(plot, group, series, count), plot.pitch * 0.36 / count
    return pixels((middle - half, plot.at(value), middle + half, plot.y2))


def _values(canvas: Canvas, plot: Plot, g: grid.Grid) -> None:
    size = fit([str(g.largest)], canvas.pt(13), plot.pitch * 0.74 / len(g.series))
    rise = canvas.px(3) + measure("0", size)[1] * 0.42
    for j, row in enumerate(g.rows):
        for i, value in enumerate(row):
            spot = (_middle(plot, i, j, len(g.series)), plot.at(value) - rise)
            canvas.text(spot, str(value), size, INK, halo=PAPER)
