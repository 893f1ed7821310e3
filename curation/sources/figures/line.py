"""Line charts: one or two lines over ordered groups, with a marker at each point."""

from fractions import Fraction
from random import Random

from curation.records import Kind
from curation.sources.figures import grid, series
from curation.sources.figures.asking import Ask, Drawn, Menu, as_choice, choose, fraction, listed, locate
from curation.sources.figures.axes import Plot, Style, baseline, legend, scale, title, upright_plot
from curation.sources.figures.canvas import INK, PAPER, Box, Canvas, Colour, Point, measure, mix, pixels
from curation.sources.figures.words import TOPICS

ORDERED = tuple(topic for topic in TOPICS if topic.ordered)


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A line chart and a question of `kind` about it."""
    return _double(canvas, rng, kind, style) if rng.random() < 0.3 else _single(canvas, rng, kind, style)


def _single(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    labelled = rng.random() < 0.84
    s = series.roll(rng, ORDERED, rng.randint(5, 8), labelled=labelled, mark="point")
    y = title(canvas, s.heading, left=style.left)
    span = scale(max(s.values), unit=None if labelled else s.unit)
    plot = upright_plot(canvas, style, s.topic.axis, s.names, span, y)
    baseline(canvas, plot)
    colour = _deep(style)[0]
    spots = _line(canvas, plot, s.values, colour)
    if labelled:
        _values(canvas, spots, s.values)
    boxes = dict(zip(s.names, _markers(canvas, spots), strict=True))
    facts = {**s.facts, "colours": [list(colour)]}
    if kind == "box":
        name = rng.choice(s.names)
        return locate(f"the round marker of the point for {name}", name, boxes, canvas, facts, s.context)
    return Drawn(facts, boxes, s.context, choose(MENU, kind, s, rng))


def _double(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    g = _roll(rng, style)
    y = title(canvas, g.heading, left=style.left)
    y = legend(canvas, list(zip(g.series, g.colours, strict=True)), y, left=style.left)
    plot = upright_plot(canvas, style, g.topic.axis, g.groups, scale(g.largest, unit=None if g.labelled else g.unit), y)
    baseline(canvas, plot)
    boxes: dict[str, Box] = {}
    for name, row, colour in zip(g.series, g.rows, g.colours, strict=True):
        spots = _line(canvas, plot, row, colour)
        boxes |= {f"{name}, {group}": box for group, box in zip(g.groups, _markers(canvas, spots), strict=True)}
        if g.labelled:
            _values(canvas, spots, row, above=name == g.series[0])
    if kind == "box":
        name, group = rng.choice(g.series), rng.choice(g.groups)
        return locate(f"the round marker of {name} for {group}", f"{name}, {group}", boxes, canvas, g.facts, g.context)
    return Drawn(g.facts, boxes, g.context, choose(grid.MENU, kind, g, rng))


def _roll(rng: Random, style: Style) -> grid.Grid:
    """Two lines; printed values need room, so then the first line runs well above the second."""
    topic, labelled = rng.choice(ORDERED), rng.random() < 0.6
    groups = series.pick_names(rng, topic, rng.randint(4, 6))
    unit = rng.choice((1, 2, 5, 10)) if labelled else rng.choice((1, 5, 10, 25, 50))
    low = rng.sample(range(4 * unit, 13 * unit), len(groups)) if labelled else rng.sample(range(1, 16), len(groups))
    high = rng.sample(range(19 * unit, 31 * unit), len(groups)) if labelled else rng.sample(range(1, 16), len(groups))
    if not labelled:
        while any(a == b for a, b in zip(low, high, strict=True)):
            rng.shuffle(high)
        low, high = [unit * v for v in low], [unit * v for v in high]
    names = tuple(sorted(rng.sample(topic.series, 2), key=topic.series.index))
    heading = f"{topic.axis} {topic.by} {listed(names)}"
    rows = (tuple(high), tuple(low))
    unit = 1 if labelled else unit
    return grid.Grid(topic, heading, groups, names, rows, labelled, unit, "point", _deep(style)[:2])


def _deep(style: Style) -> tuple[Colour, ...]:
    """The palette with its pale colours darkened: a thin line needs more contrast than a bar."""
    return tuple(mix(colour, INK, 0.25) if sum(colour) > 470 else colour for colour in style.palette)


def _line(canvas: Canvas, plot: Plot, values: tuple[int, ...], colour: Colour) -> list[Point]:
    spots = [(round(plot.slot(i)) + 0.5, round(plot.at(value)) + 0.5) for i, value in enumerate(values)]
    canvas.line(spots, colour, canvas.px(2.6))
    for spot in spots:
        canvas.disc(spot, canvas.px(6.5), PAPER)
        canvas.disc(spot, canvas.px(5.5), colour)
    return spots


def _markers(canvas: Canvas, spots: list[Point]) -> list[Box]:
    r = canvas.px(5.5)
    return [pixels((x - r, y - r, x + r, y + r)) for x, y in spots]


def _values(canvas: Canvas, spots: list[Point], values: tuple[int, ...], *, above: bool | None = None) -> None:
    """Each value beside its point, on the side where the line is not."""
    size = canvas.pt(13.5)
    for i, (x, y) in enumerate(spots):
        left, right = spots[max(0, i - 1)], spots[min(len(spots) - 1, i + 1)]
        over = (left[1] >= y - 1 or right[1] >= y - 1) if above is None else above
        slope = (left[1] - y) * (1 if over else -1), (right[1] - y) * (1 if over else -1)
        shift = 0.0
        if min(slope) < -canvas.px(9):
            shift = (1 if slope[0] < slope[1] else -1) * measure(str(values[i]), size)[0] * 0.5
        rise = canvas.px(8) + size * 0.55
        canvas.text((x + shift, y - rise if over else y + rise), str(values[i]), size, INK, halo=PAPER)


def rises(s: series.Series, rng: Random) -> Ask:
    pairs = list(zip(s.names, s.names[1:], strict=False))
    hits = [f"{a} to {b}" for a, b in pairs if s.value(b) > s.value(a)]
    question = f"From one {s.topic.group} to the next, how many times does the line rise?"
    found = f"It rises from {listed(hits)}." if hits else "It never rises."
    steps = (series.all_values(s), found, f"That makes {len(hits)}.")
    return Ask("rises", question, str(len(hits)), steps, {}, len(s.names), 0, not s.labelled)


def steepest(s: series.Series, rng: Random) -> Ask | None:
    pairs = list(zip(s.names, s.names[1:], strict=False))
    jumps = [s.value(b) - s.value(a) for a, b in pairs]
    best = max(jumps)
    if best <= 0 or jumps.count(best) > 1:
        return None
    a, b = pairs[jumps.index(best)]
    question = (
        f"Compared with the {s.topic.group} before, in which "
        f"{s.topic.group} did the number of {s.topic.deed} rise most?"
    )
    changes = ", ".join(f"{y}: {d:+d}" for (_, y), d in zip(pairs, jumps, strict=True))
    steps = (
        series.all_values(s),
        f"The changes are {changes}.",
        f"The largest rise is {best}, from {a} to {b}.",
    )
    return Ask("steepest", question, b, steps, {}, len(s.names), len(pairs), not s.labelled)


def per_step(s: series.Series, rng: Random) -> Ask:
    first, last, gaps = s.values[0], s.values[-1], len(s.values) - 1
    answer = fraction(Fraction(last - first, gaps))
    question = (
        f"What is the mean change in the number of {s.topic.deed} "
        f"per {s.topic.group} from {s.names[0]} to {s.names[-1]}? "
        "Give a fraction in lowest terms, negative if the number falls."
    )
    steps = (
        f"The number goes from {first} to {last}, a change of {last - first}, over {gaps} steps.",
        f"{last - first} / {gaps} in lowest terms is {answer}.",
    )
    return Ask("per_step", question, answer, steps, {}, 2, 2, not s.labelled)


def trend(s: series.Series, rng: Random) -> Ask | None:
    i = rng.randrange(len(s.names) - 1)
    a, b = s.names[i], s.names[i + 1]
    word = "It rises" if s.value(b) > s.value(a) else "It falls"
    steps = (f"The value is {s.value(a)} for {a} and {s.value(b)} for {b}.", f"{word}.")
    ask = Ask("trend", f"What does the line do from {a} to {b}?", word, steps, {"of": [a, b]}, 2)
    return as_choice(ask, ("It rises", "It falls", "It stays level"), rng, 3)


MENU: Menu[series.Series] = {
    **series.MENU,
    "digit": ((4, series.count_above), (2, rises)),
    "math": ((2, series.ratio), (1, series.share), (1, per_step)),
    "mcq": (*series.MENU["mcq"], (2, trend)),
    "text": ((5, series.highest), (1, series.lookup), (2, steepest)),
}
