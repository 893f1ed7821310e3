"""The frame of a chart: title, axes with round ticks, grid, category names, legend. Draws no data."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from curation.sources.figures.canvas import FAINT, INK, PAPER, SOFT, Canvas, Colour, Point, fit, measure, mix
from curation.sources.figures.words import GROUNDS, PALETTES

STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Style:
    """How a chart looks; drawn once per picture."""

    ground: Colour
    palette: tuple[Colour, ...]
    dashed: bool
    left: bool

    @classmethod
    def roll(cls, rng: Random) -> "Style":
        palette = list(rng.choice(PALETTES))
        rng.shuffle(palette)
        return cls(rng.choice(GROUNDS), tuple(palette), rng.random() < 0.4, rng.random() < 0.35)


@dataclass(frozen=True, slots=True)
class Scale:
    """Round ticks 0, step, 2 step … `top`, with lines halfway between when `halves`."""

    step: int
    top: int
    halves: bool = False

    @property
    def ticks(self) -> range:
        return range(0, self.top + 1, self.step)


def scale(largest: int, *, unit: int | None = None) -> Scale:
    """The finest round scale with at most six steps, headroom above `largest`; with `unit`, ticks every two of it."""
    if unit:
        return Scale(2 * unit, 2 * unit * (largest // (2 * unit) + 1), halves=True)
    for step in STEPS:
        top = step * (largest // step + 1)
        top += step if top < largest * 1.06 else 0
        if top // step <= 6:
            return Scale(step, top)
    raise AssertionError(f"no scale reaches {largest}")


@dataclass(frozen=True, slots=True)
class Plot:
    """The data area in pixels; `at` maps a value to a coordinate on the value axis, `slot` a group to its middle."""

    x1: float
    y1: float
    x2: float
    y2: float
    scale: Scale
    count: int
    sideways: bool = False

    def at(self, value: float) -> float:
        share = value / self.scale.top
        return self.x1 + (self.x2 - self.x1) * share if self.sideways else self.y2 - (self.y2 - self.y1) * share

    @property
    def pitch(self) -> float:
        return ((self.y2 - self.y1) if self.sideways else (self.x2 - self.x1)) / self.count

    def slot(self, index: int) -> float:
        return (self.y1 if self.sideways else self.x1) + self.pitch * (index + 0.5)


def title(canvas: Canvas, text: str, *, left: bool = False) -> float:
    """The heading; returns the y below it."""
    size = fit([text], canvas.pt(20), canvas.width - canvas.px(48))
    x = canvas.px(24) if left else canvas.width / 2
    canvas.text((x, canvas.px(16)), text, size, INK, "la" if left else "ma", bold=True)
    return canvas.px(16) + measure(text, size)[1] + canvas.px(8)


def legend(canvas: Canvas, entries: Sequence[tuple[str, Colour]], y: float, *, left: bool = False) -> float:
    """A row of swatches with names; returns the y below it."""
    swatch, gap = canvas.px(13), canvas.px(22)
    spare = canvas.width - canvas.px(48) - len(entries) * (swatch + canvas.px(6) + gap)
    size = fit(["".join(name for name, _ in entries)], canvas.pt(14), max(1.0, spare))
    widths = [swatch + canvas.px(6) + measure(name, size)[0] for name, _ in entries]
    x = canvas.px(24) if left else (canvas.width - sum(widths) - gap * (len(widths) - 1)) / 2
    middle = y + canvas.px(9)
    for (name, colour), width in zip(entries, widths, strict=True):
        canvas.rect((x, middle - swatch / 2, x + swatch, middle + swatch / 2), colour)
        canvas.text((x + swatch + canvas.px(6), middle), name, size, INK, "lm")
        x += width + gap
    return y + canvas.px(26)


def upright_plot(canvas: Canvas, style: Style, axis: str, names: Sequence[str], span: Scale, y: float) -> Plot:
    """Value axis on the left, groups along the bottom, from `y` down."""
    tick = canvas.pt(13)
    room = measure(str(span.top), tick)[0]
    x1 = canvas.px(22) + canvas.pt(14) * 1.3 + room + canvas.px(8)
    x2 = max(x1 + 2, canvas.width - canvas.px(24))
    names_size = fit(names, canvas.pt(14), (x2 - x1) / len(names) - canvas.px(6))
    y2 = canvas.height - canvas.px(22) - measure("Ag", names_size)[1] - canvas.px(4)
    plot = Plot(x1, y + canvas.px(8), x2, max(y + canvas.px(8) + 2, y2), span, len(names))
    _grid(canvas, style, plot)
    for value in span.ticks:
        canvas.text((x1 - canvas.px(8), plot.at(value)), str(value), tick, SOFT, "rm")
    for index, name in enumerate(names):
        canvas.text((plot.slot(index), plot.y2 + canvas.px(8)), name, names_size, INK, "ma")
    size = fit([axis], canvas.pt(14), plot.y2 - plot.y1)
    canvas.text((canvas.px(14) + size / 2, (plot.y1 + plot.y2) / 2), axis, size, SOFT, upright=True)
    return plot


def sideways_plot(canvas: Canvas, style: Style, axis: str, names: Sequence[str], span: Scale, y: float) -> Plot:
    """Groups down the left, value axis along the bottom."""
    tick, margin = canvas.pt(13), canvas.px(24)
    names_size = fit(names, canvas.pt(14), canvas.width * 0.26)
    x1 = margin + max(measure(name, names_size)[0] for name in names) + canvas.px(8)
    y2 = canvas.height - canvas.px(16) - 2 * measure("Ag", tick)[1] - canvas.px(10)
    top = y + canvas.px(4)
    plot = Plot(x1, top, max(x1 + 2, canvas.width - canvas.px(30)), max(top + 2, y2), span, len(names), True)
    _grid(canvas, style, plot)
    for value in span.ticks:
        canvas.text((plot.at(value), plot.y2 + canvas.px(7)), str(value), tick, SOFT, "ma")
    for index, name in enumerate(names):
        canvas.text((x1 - canvas.px(8), plot.slot(index)), name, names_size, INK, "rm")
    size = fit([axis], canvas.pt(14), plot.x2 - plot.x1)
    canvas.text(((plot.x1 + plot.x2) / 2, canvas.height - canvas.px(14)), axis, size, SOFT, "md")
    return plot


def _grid(canvas: Canvas, style: Style, plot: Plot) -> None:
    canvas.rect((plot.x1, plot.y1, plot.x2, plot.y2), PAPER)
    for value in plot.scale.ticks if plot.scale.halves else ():
        if value:
            canvas.line(_across(plot, value - plot.scale.step / 2), mix(FAINT, PAPER, 0.5), canvas.px(1))
    for value in plot.scale.ticks[1:]:
        start, end = _across(plot, value)
        if style.dashed:
            canvas.dashed(start, end, mix(FAINT, SOFT, 0.15), canvas.px(1))
        else:
            canvas.line([start, end], FAINT, canvas.px(1))


def _across(plot: Plot, value: float) -> tuple[Point, Point]:
    spot = plot.at(value)
    return ((spot, plot.y1), (spot, plot.y2)) if plot.sideways else ((plot.x1, spot), (plot.x2, spot))


def baseline(canvas: Canvas, plot: Plot) -> None:
    """The two axis lines, drawn after the data so that bars stand on them."""
    canvas.line([(plot.x1, plot.y1), (plot.x1, plot.y2), (plot.x2, plot.y2)], SOFT, canvas.px(1.4))
