"""Questions on numbers with two names each (a group and a series), as grouped bars and double lines show."""

from dataclasses import dataclass
from fractions import Fraction
from random import Random

from curation.records import Json
from curation.sources.figures.asking import Ask, Menu, as_choice, fraction, listed, near
from curation.sources.figures.canvas import Colour
from curation.sources.figures.words import Topic


@dataclass(frozen=True, slots=True)
class Grid:
    """`rows[series][group]`; within a series and within a group all values differ.

    Values are multiples of `unit`; unless `labelled`, the axis has a tick every two units.
    """

    topic: Topic
    heading: str
    groups: tuple[str, ...]
    series: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]
    labelled: bool
    unit: int
    mark: str
    colours: tuple[Colour, ...]

    def value(self, group: str, series: str) -> int:
        return self.rows[self.series.index(series)][self.groups.index(group)]

    def row(self, series: str) -> tuple[int, ...]:
        return self.rows[self.series.index(series)]

    def by(self, series: str) -> str:
        return f"{self.topic.by} {series}"

    def said(self, group: str, series: str) -> str:
        return f"{self.by(series)} {self.topic.at(group)}"

    @property
    def largest(self) -> int:
        return max(max(row) for row in self.rows)

    @property
    def facts(self) -> dict[str, Json]:
        return {
            "topic": self.topic.deed,
            "title": self.heading,
            "groups": list(self.groups),
            "series": list(self.series),
            "rows": [list(row) for row in self.rows],
            "labelled": self.labelled,
            "unit": self.unit,
            "colours": [list(colour) for colour in self.colours],
        }

    @property
    def context(self) -> str:
        printed = f"The value is printed at each {self.mark}." if self.labelled else "The values are not printed."
        rows = "; ".join(f"{name}: {self._pairs(name)}" for name in self.series)
        return (
            f'The chart is titled "{self.heading}" and counts {self.topic.deed} for each {self.topic.group}, '
            f"one {self.mark} for each of {listed(self.series)}. {rows}. {printed}"
        )

    def _pairs(self, series: str) -> str:
        return ", ".join(f"{group} {value}" for group, value in zip(self.groups, self.row(series), strict=True))

    def say_row(self, series: str) -> str:
        return f"The values for {series} are {self._pairs(series)}."


def _see(g: Grid, group: str, series: str) -> str:
    how = "printed there" if g.labelled else "read on the axis"
    return f"The {g.mark} of {series} for {group} stands at {g.value(group, series)} ({how})."


def read(g: Grid, rng: Random) -> Ask:
    group, series = rng.choice(g.groups), rng.choice(g.series)
    question = f"How many {g.topic.noun} were {g.topic.part} {g.said(group, series)}?"
    args = {"group": group, "series": series}
    answer = str(g.value(group, series))
    return Ask("grid_read", question, answer, (_see(g, group, series),), args, 1, 0, not g.labelled)


def between_series(g: Grid, rng: Random) -> Ask:
    group = rng.choice(g.groups)
    a, b = sorted(rng.sample(g.series, 2), key=lambda s: g.value(group, s), reverse=True)
    answer = g.value(group, a) - g.value(group, b)
    question = f"How many more {g.topic.noun} were {g.topic.part} {g.topic.at(group)} {g.by(a)} than {g.by(b)}?"
    sums = f"{g.value(group, a)} - {g.value(group, b)} = {answer}."
    steps = (_see(g, group, a), _see(g, group, b), sums)
    return Ask("between_series", question, str(answer), steps, {"group": group, "of": [a, b]}, 2, 1, not g.labelled)


def series_total(g: Grid, rng: Random) -> Ask:
    series = rng.choice(g.series)
    answer = sum(g.row(series))
    question = f"How many {g.topic.noun} were {g.topic.part} {g.by(series)} over all the {g.topic.group}s shown?"
    steps = (g.say_row(series), f"{' + '.join(map(str, g.row(series)))} = {answer}.")
    count = len(g.groups)
    return Ask("series_total", question, str(answer), steps, {"series": series}, count, count - 1, not g.labelled)


def group_total(g: Grid, rng: Random) -> Ask:
    group = rng.choice(g.groups)
    values = [g.value(group, series) for series in g.series]
    question = f"How many {g.topic.noun} were {g.topic.part} {g.topic.at(group)} in total?"
    sums = f"{' + '.join(map(str, values))} = {sum(values)}."
    steps = (*(_see(g, group, series) for series in g.series), sums)
    count = len(values)
    return Ask("group_total", question, str(sum(values)), steps, {"group": group}, count, count - 1, not g.labelled)


def highest(g: Grid, rng: Random) -> Ask:
    series = rng.choice(g.series)
    most, word = rng.choice(((max, "most"), (min, "fewest")))
    value = most(g.row(series))
    group = g.groups[g.row(series).index(value)]
    question = f"{g.topic.on_which} were the {word} {g.topic.noun} {g.topic.part} {g.by(series)}?"
    end = "largest" if word == "most" else "smallest"
    steps = (g.say_row(series), f"The {end} is {value}, for {group}.")
    return Ask(f"grid_{word}", question, group, steps, {"series": series}, len(g.groups), 0, not g.labelled)


def leader(g: Grid, rng: Random) -> Ask:
    group = rng.choice(g.groups)
    best = max(g.series, key=lambda s: g.value(group, s))
    question = f"Which of {listed(g.series)} has the highest {g.mark} for {group}?"
    steps = (*(_see(g, group, series) for series in g.series), f"The highest is that of {best}.")
    return Ask("leader", question, best, steps, {"group": group}, len(g.series), 0, not g.labelled)


def count_lead(g: Grid, rng: Random) -> Ask:
    a, b = rng.sample(g.series, 2)
    hits = [group for group in g.groups if g.value(group, a) > g.value(group, b)]
    how_many = g.topic.on_which.replace("which " + g.topic.group, "how many")
    question = f"{how_many} {g.topic.group}s were more {g.topic.noun} {g.topic.part} {g.by(a)} than {g.by(b)}?"
    found = f"{a} is above {b} for {listed(hits)}." if hits else f"{a} is never above {b}."
    steps = (g.say_row(a), g.say_row(b), found, f"That makes {len(hits)}.")
    return Ask("count_lead", question, str(len(hits)), steps, {"of": [a, b]}, 2 * len(g.groups), 0, not g.labelled)


def count_above(g: Grid, rng: Random) -> Ask:
    series = rng.choice(g.series)
    row = g.row(series)
    bound = rng.randint(min(row) + 1, max(row) - 1)
    bound = bound // 5 * 5 if bound // 5 * 5 > min(row) else bound
    hits = [group for group in g.groups if g.value(group, series) > bound]
    how_many = g.topic.on_which.replace("which " + g.topic.group, "how many")
    question = f"{how_many} {g.topic.group}s were more than {bound} {g.topic.noun} {g.topic.part} {g.by(series)}?"
    steps = (g.say_row(series), f"More than {bound}: {listed(hits)}.", f"That makes {len(hits)}.")
    args = {"series": series, "bound": bound}
    return Ask("grid_count_above", question, str(len(hits)), steps, args, len(g.groups), 0, not g.labelled)


def count_series(g: Grid, rng: Random) -> Ask:
    question = f"How many different {g.mark} colours does the legend explain?"
    steps = (f"The legend lists {listed(g.series)}.", f"That makes {len(g.series)}.")
    return Ask("count_series", question, str(len(g.series)), steps, {})


def grid_share(g: Grid, rng: Random) -> Ask:
    group, series = rng.choice(g.groups), rng.choice(g.series)
    values = [g.value(group, s) for s in g.series]
    answer = fraction(Fraction(g.value(group, series), sum(values)))
    question = (
        f"What fraction of all the {g.topic.noun} {g.topic.part} {g.topic.at(group)} were {g.topic.part} "
        f"{g.by(series)}? Give it in lowest terms."
    )
    steps = (
        *(_see(g, group, s) for s in g.series),
        f"Together that is {' + '.join(map(str, values))} = {sum(values)}.",
        f"{g.value(group, series)} / {sum(values)} in lowest terms is {answer}.",
    )
    args = {"group": group, "series": series}
    return Ask("grid_share", question, answer, steps, args, len(values), len(values), not g.labelled)


def grid_ratio(g: Grid, rng: Random) -> Ask:
    series = rng.choice(g.series)
    a, b = sorted(rng.sample(g.groups, 2), key=lambda group: g.value(group, series))
    answer = fraction(Fraction(g.value(a, series), g.value(b, series)))
    question = (
        f"For {series}, what fraction of the number {g.topic.at(b)} is the number {g.topic.at(a)}? "
        "Give it in lowest terms."
    )
    last = f"{g.value(a, series)} / {g.value(b, series)} in lowest terms is {answer}."
    steps = (_see(g, a, series), _see(g, b, series), last)
    return Ask("grid_ratio", question, answer, steps, {"series": series, "of": [a, b]}, 2, 2, not g.labelled)


def which(g: Grid, rng: Random) -> Ask | None:
    return as_choice(highest(g, rng), g.groups, rng)


def which_number(g: Grid, rng: Random) -> Ask | None:
    ask = rng.choice((read, read, between_series))(g, rng)
    return as_choice(ask, near(int(ask.answer), rng, g.unit), rng)


MENU: Menu[Grid] = {
    "digit": ((4, count_above), (2, count_lead), (1, count_series)),
    "number": ((5, read), (2, between_series), (1, series_total), (1, group_total)),
    "math": ((1, grid_ratio), (1, grid_share)),
    "mcq": ((3, which), (2, which_number)),
    "text": ((3, highest), (3, leader)),
}
