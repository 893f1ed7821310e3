"""Pie and ring charts of a poll: shares in percent or counts printed beside the slices."""

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from curation.records import Json, Kind
from curation.sources.figures.asking import (
    Ask,
    Drawn,
    Menu,
    as_choice,
    choose,
    fraction,
    listed,
    locate,
    near,
)
from curation.sources.figures.axes import Style, title
from curation.sources.figures.canvas import INK, SOFT, Box, Canvas, Colour, Point, around, fit, measure, polar
from curation.sources.figures.words import PLACES, POLLS


@dataclass(frozen=True, slots=True)
class Poll:
    """What people chose. `counts` are all different; each times 100 is a multiple of their sum, so shares are whole."""

    heading: str
    subject: str
    people: str
    names: tuple[str, ...]
    counts: tuple[int, ...]
    percents: bool
    start: float
    hole: float

    @property
    def total(self) -> int:
        return sum(self.counts)

    def count(self, name: str) -> int:
        return self.counts[self.names.index(name)]

    def percent(self, name: str) -> int:
        return self.count(name) * 100 // self.total

    def shown(self, name: str) -> str:
        return f"{self.percent(name)}%" if self.percents else str(self.count(name))

    @property
    def facts(self) -> dict[str, Json]:
        return {
            "title": self.heading,
            "names": list(self.names),
            "counts": list(self.counts),
            "printed": "percent" if self.percents else "count",
            "start": self.start,
            "hole": self.hole,
        }

    @property
    def context(self) -> str:
        slices = ", ".join(f"{name} {self.shown(name)}" for name in self.names)
        return (
            f'The pie chart is titled "{self.heading}" and shows the {self.subject} of {self.total} {self.people}. '
            f"It has {len(self.names)} slices: {slices}. Each person chose one."
        )


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A pie chart and a question of `kind` about it."""
    p = _roll(rng)
    boxes = _paint(canvas, p, style)
    facts = {**p.facts, "colours": [list(colour) for colour in style.palette[: len(p.names)]]}
    if kind == "box":
        name = rng.choice(p.names)
        return locate(f"the slice for {name}", name, boxes, canvas, facts, p.context)
    return Drawn(facts, boxes, p.context, choose(MENU, kind, p, rng))


def _roll(rng: Random) -> Poll:
    subject, people, choices = rng.choice(POLLS)
    count = rng.randint(3, min(5, len(choices)))
    shares = _shares(rng, count)
    whole = rng.choice((20, 40, 60, 80, 100, 120, 140, 160, 200, 240, 300, 400, 500))
    heading = f"{subject[0].upper()}{subject[1:]} of {whole} {people}, {rng.choice(PLACES)}"
    counts = tuple(whole * share // 20 for share in shares)
    hole = rng.choice((0.0, 0.0, 0.55))
    names = tuple(rng.sample(choices, count))
    return Poll(heading, subject, people, names, counts, rng.random() < 0.6, rng.randrange(-90, 270), hole)


def _shares(rng: Random, count: int) -> list[int]:
    """`count` different twentieths with sum 20; `count` is at most 5, since six would sum to 21 at least."""
    while True:
        cuts = [0, *sorted(rng.sample(range(1, 20), count - 1)), 20]
        shares = [b - a for a, b in itertools.pairwise(cuts)]
        if len(set(shares)) == count:
            return shares


def _paint(canvas: Canvas, p: Poll, style: Style) -> dict[str, Box]:
    y = title(canvas, p.heading, left=style.left) + canvas.px(8)
    size = fit(p.names, canvas.pt(15), canvas.width * 0.22)
    widest = max(measure(name, size)[0] for name in p.names)
    room = canvas.width / 2 - widest - canvas.px(44)
    tall = (canvas.height - y - canvas.px(16)) / 2
    radius = max(2.0, min(tall - measure("Ag", size)[1] * 2.2, room))
    centre = (canvas.width / 2, y + tall)
    boxes: dict[str, Box] = {}
    angle = p.start
    for name, count, colour in zip(p.names, p.counts, style.palette, strict=False):
        end = angle + 360 * count / p.total
        canvas.sector(centre, radius, angle, end, colour, style.ground, 0.01)
        boxes[name] = around(_outline(centre, radius, p.hole, angle, end))
        _name(canvas, centre, radius, (angle + end) / 2, name, p.shown(name), size)
        angle = end
    _cuts(canvas, centre, radius, p, style.ground)
    return boxes


def _cuts(canvas: Canvas, centre: Point, radius: float, p: Poll, ground: Colour) -> None:
    angle = p.start
    for count in p.counts:
        canvas.line([centre, polar(centre, radius + 1, angle)], ground, canvas.px(1.4))
        angle += 360 * count / p.total
    if p.hole:
        canvas.disc(centre, radius * p.hole, ground)


def _outline(centre: Point, radius: float, hole: float, start: float, end: float) -> list[Point]:
    """Points of a sector's edge, with every place where it turns back."""
    turns = [a for a in range(-360, 721, 90) if start < a < end]
    angles = [start, *turns, end]
    return [polar(centre, r, a) for r in (radius, radius * hole) for a in angles]


def _name(canvas: Canvas, centre: Point, radius: float, angle: float, name: str, shown: str, size: int) -> None:
    lean = math.cos(math.radians(angle))
    at = polar(centre, radius + canvas.px(12), angle)
    side = "l" if lean > 0.25 else "r" if lean < -0.25 else "m"
    line = measure("Ag", size)[1]
    middle = at[1] + math.sin(math.radians(angle)) * line * 0.8
    canvas.line(
        [polar(centre, radius + canvas.px(2), angle), polar(centre, radius + canvas.px(9), angle)],
        SOFT,
        canvas.px(1),
    )
    canvas.text((at[0], middle - line * 0.5), name, size, INK, f"{side}m")
    canvas.text((at[0], middle + line * 0.5), shown, size, SOFT, f"{side}m")


def _printed(p: Poll, name: str) -> str:
    return f"The slice for {name} is marked {p.shown(name)}."


def _all(p: Poll) -> str:
    return "The slices are " + ", ".join(f"{name} {p.shown(name)}" for name in p.names) + "."


def value(p: Poll, rng: Random) -> Ask:
    name = rng.choice(p.names)
    if p.percents:
        answer, what = str(p.percent(name)), f"What percentage of the {p.people} chose {name}?"
    else:
        answer, what = str(p.count(name)), f"How many {p.people} chose {name}?"
    return Ask("slice", what, answer, (_printed(p, name),), {"of": name})


def convert(p: Poll, rng: Random) -> Ask:
    """From percent to people or back."""
    name = rng.choice(p.names)
    count, percent = p.count(name), p.percent(name)
    if p.percents:
        steps = (
            _printed(p, name),
            f"{percent} percent of {p.total} is {p.total} * {percent} / 100 = {count}.",
        )
        return Ask(
            "people",
            f"How many of the {p.total} {p.people} chose {name}?",
            str(count),
            steps,
            {"of": name},
            1,
            2,
        )
    steps = (_printed(p, name), f"{count} of {p.total} is {count} / {p.total} * 100 = {percent} percent.")
    return Ask(
        "share_percent",
        f"What percentage of the {p.people} chose {name}?",
        str(percent),
        steps,
        {"of": name},
        1,
        2,
    )


def angle(p: Poll, rng: Random) -> Ask:
    name = rng.choice(p.names)
    degrees = 360 * p.count(name) // p.total
    whole = 100 if p.percents else p.total
    part = p.percent(name) if p.percents else p.count(name)
    steps = (
        _printed(p, name),
        f"Its angle is {part} / {whole} of 360 degrees: 360 * {part} / {whole} = {degrees}.",
    )
    question = f"What is the central angle of the slice for {name}, in degrees?"
    return Ask("slice_angle", question, str(degrees), steps, {"of": name}, 1, 2)


def gap(p: Poll, rng: Random) -> Ask:
    a, b = sorted(rng.sample(p.names, 2), key=p.count, reverse=True)
    x, y = (p.percent(a), p.percent(b)) if p.percents else (p.count(a), p.count(b))
    what = "percentage points is the share of" if p.percents else f"{p.people} is the number for"
    question = f"By how many {what} {a} higher than {'that of' if p.percents else 'that for'} {b}?"
    steps = (_printed(p, a), _printed(p, b), f"{x} - {y} = {x - y}.")
    return Ask("slice_gap", question, str(x - y), steps, {"of": [a, b]}, 2, 1)


def biggest(p: Poll, rng: Random) -> Ask:
    most, word = rng.choice(((max, "most"), (min, "fewest")))
    name = most(p.names, key=p.count)
    end = "largest" if word == "most" else "smallest"
    steps = (_all(p), f"The {end} is {p.shown(name)}, for {name}.")
    return Ask(f"slice_{word}", f"What did the {word} {p.people} choose?", name, steps, {}, len(p.names))


def find(p: Poll, rng: Random) -> Ask:
    name = rng.choice(p.names)
    steps = (_all(p), f"{p.shown(name)} is printed at {name}.")
    return Ask(
        "slice_find",
        f"Which slice is marked {p.shown(name)}?",
        name,
        steps,
        {"shown": p.shown(name)},
        len(p.names),
    )


def count_slices(p: Poll, rng: Random) -> Ask:
    steps = (f"The slices are {listed(p.names)}.", f"That makes {len(p.names)}.")
    return Ask("count_slices", "How many slices does the chart have?", str(len(p.names)), steps)


def count_over(p: Poll, rng: Random) -> Ask:
    bound = rng.choice((10, 15, 20, 25, 30)) if p.percents else p.total * rng.choice((10, 15, 20, 25, 30)) // 100
    hits = [name for name in p.names if (p.percent(name) if p.percents else p.count(name)) > bound]
    question = f"How many slices are marked with more than {bound}{'%' if p.percents else ''}?"
    found = f"More than {bound}: {listed(hits) if hits else 'none'}."
    steps = (_all(p), found, f"That makes {len(hits)}.")
    return Ask("count_over", question, str(len(hits)), steps, {"bound": bound}, len(p.names))


def share(p: Poll, rng: Random) -> Ask:
    name = rng.choice(p.names)
    part, whole = (p.percent(name), 100) if p.percents else (p.count(name), p.total)
    answer = fraction(Fraction(part, whole))
    steps = (
        _printed(p, name),
        f"As a fraction that is {part} / {whole}.",
        f"In lowest terms it is {answer}.",
    )
    question = f"What fraction of the {p.people} chose {name}? Give it in lowest terms."
    return Ask("slice_share", question, answer, steps, {"of": name}, 1, 2)


def which(p: Poll, rng: Random) -> Ask | None:
    return as_choice(rng.choice((biggest, find))(p, rng), p.names, rng)


def which_number(p: Poll, rng: Random) -> Ask | None:
    ask = rng.choice((value, value, convert, angle))(p, rng)
    return as_choice(ask, near(int(ask.answer), rng, 1 if p.total < 100 else 5), rng)


MENU: Menu[Poll] = {
    "digit": ((2, count_slices), (2, count_over)),
    "number": ((5, value), (2, convert), (2, angle), (2, gap)),
    "math": ((1, share),),
    "mcq": ((3, which), (2, which_number)),
    "text": ((3, biggest), (2, find)),
}
