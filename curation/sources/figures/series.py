"""Questions on one row of numbers with names, as bar and line charts show; pictures are drawn elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from curation.records import Json
from curation.sources.figures.asking import Ask, Menu, as_choice, fraction, listed, near, plain
from curation.sources.figures.words import PLACES, Topic


@dataclass(frozen=True, slots=True)
class Series:
    """A topic's counts. `values` are all different and multiples of `unit`; `mark` is what carries one (bar, point).

    When they are not printed (`labelled` is False) the axis has a tick every two units, so they can be read exactly.
    """

    topic: Topic
    heading: str
    names: tuple[str, ...]
    values: tuple[int, ...]
    labelled: bool
    unit: int
    mark: str

    def value(self, name: str) -> int:
        return self.values[self.names.index(name)]

    @property
    def facts(self) -> dict[str, Json]:
        return {
            "topic": self.topic.deed,
            "title": self.heading,
            "names": list(self.names),
            "values": list(self.values),
            "labelled": self.labelled,
            "unit": self.unit,
        }

    @property
    def context(self) -> str:
        pairs = ", ".join(f"{name} {value}" for name, value in zip(self.names, self.values, strict=True))
        printed = f"The value is printed at each {self.mark}." if self.labelled else "The values are not printed."
        return (
            f'The chart is titled "{self.heading}" and counts {self.topic.deed} for each {self.topic.group}. '
            f"It has {len(self.names)} {self.mark}s: {pairs}. {printed}"
        )


RANGES = (range(2, 20), range(5, 60), range(10, 100), range(100, 600, 5), range(200, 2000, 10))


def roll(rng: Random, topics: Sequence[Topic], count: int, *, labelled: bool, mark: str) -> Series:
    """A topic with `count` groups and distinct values."""
    topic = rng.choice(topics)
    names = pick_names(rng, topic, count)
    unit = 1 if labelled else rng.choice((1, 5, 10, 25, 50))
    pool = rng.choice(RANGES) if labelled else range(2 * unit, 14 * unit, unit)
    heading = f"{topic.axis}, {rng.choice(PLACES)}"
    return Series(topic, heading, names, tuple(rng.sample(pool, len(names))), labelled, unit, mark)


def pick_names(rng: Random, topic: Topic, count: int) -> tuple[str, ...]:
    """`count` groups: neighbours when they have an order, a random choice otherwise."""
    if not topic.ordered:
        return tuple(rng.sample(topic.names, count))
    count = min(count, len(topic.names))
    start = rng.randrange(len(topic.names) - count + 1)
    return topic.names[start : start + count]


def _read_off(s: Series, name: str) -> str:
    how = "printed there" if s.labelled else "read on the axis"
    return f"The {s.mark} for {name} stands at {s.value(name)} ({how})."


def all_values(s: Series) -> str:
    """The line of a solution that lists what was read."""
    return "The values are " + ", ".join(f"{n} {v}" for n, v in zip(s.names, s.values, strict=True)) + "."


def read(s: Series, rng: Random) -> Ask:
    name = rng.choice(s.names)
    question = f"How many {s.topic.noun} were {s.topic.part} {s.topic.at(name)}?"
    return Ask("read", question, str(s.value(name)), (_read_off(s, name),), {"of": name}, 1, 0, not s.labelled)


def difference(s: Series, rng: Random) -> Ask:
    a, b = sorted(rng.sample(s.names, 2), key=s.value, reverse=True)
    answer = s.value(a) - s.value(b)
    question = f"How many more {s.topic.noun} were {s.topic.part} {s.topic.at(a)} than {s.topic.at(b)}?"
    steps = (_read_off(s, a), _read_off(s, b), f"{s.value(a)} - {s.value(b)} = {answer}.")
    return Ask("difference", question, str(answer), steps, {"of": [a, b]}, 2, 1, not s.labelled)


def together(s: Series, rng: Random) -> Ask:
    a, b = rng.sample(s.names, 2)
    answer = s.value(a) + s.value(b)
    question = f"How many {s.topic.noun} were {s.topic.part} {s.topic.at(a)} and {s.topic.at(b)} together?"
    steps = (_read_off(s, a), _read_off(s, b), f"{s.value(a)} + {s.value(b)} = {answer}.")
    return Ask("together", question, str(answer), steps, {"of": [a, b]}, 2, 1, not s.labelled)


def total(s: Series, rng: Random) -> Ask:
    answer = sum(s.values)
    question = f"How many {s.topic.noun} were {s.topic.part} in total over the {len(s.names)} {s.topic.group}s shown?"
    steps = (all_values(s), f"{' + '.join(map(str, s.values))} = {answer}.")
    return Ask("total", question, str(answer), steps, {}, len(s.names), len(s.names) - 1, not s.labelled)


def mean(s: Series, rng: Random) -> Ask | None:
    whole, count = sum(s.values), len(s.values)
    if whole * 10 % count:
        return None
    answer = plain(Fraction(whole, count))
    question = f"What is the mean number of {s.topic.noun} {s.topic.part} per {s.topic.group}?"
    steps = (
        all_values(s),
        f"Their sum is {' + '.join(map(str, s.values))} = {whole}.",
        f"{whole} / {count} = {answer}.",
    )
    return Ask("mean", question, answer, steps, {}, count, count, not s.labelled)


def percent(s: Series, rng: Random) -> Ask | None:
    pairs = [(a, b) for a in s.names for b in s.names if s.value(b) > s.value(a)]
    pairs = [(a, b) for a, b in pairs if 100 * (s.value(b) - s.value(a)) % s.value(a) == 0]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    gain = s.value(b) - s.value(a)
    answer = str(100 * gain // s.value(a))
    question = f"By what percentage is the number of {s.topic.deed} {s.topic.at(b)} higher than {s.topic.at(a)}?"
    steps = (
        _read_off(s, a),
        _read_off(s, b),
        f"The increase is {s.value(b)} - {s.value(a)} = {gain}.",
        f"{gain} / {s.value(a)} * 100 = {answer} percent.",
    )
    return Ask("percent", question, answer, steps, {"of": [a, b]}, 2, 3, not s.labelled)


def highest(s: Series, rng: Random) -> Ask:
    most, word = rng.choice(((max, "most"), (min, "fewest")))
    value = most(s.values)
    name = s.names[s.values.index(value)]
    question = f"{s.topic.on_which} were the {word} {s.topic.noun} {s.topic.part}?"
    end = "largest" if most is max else "smallest"
    steps = (all_values(s), f"The {end} value is {value}, for {name}.")
    return Ask(word, question, name, steps, {}, len(s.names), 0, not s.labelled)


def second(s: Series, rng: Random) -> Ask:
    value = sorted(s.values)[-2]
    name = s.names[s.values.index(value)]
    question = f"Which {s.topic.group} has the second highest number of {s.topic.deed}?"
    ordered = ", ".join(map(str, sorted(s.values, reverse=True)))
    steps = (all_values(s), f"From largest to smallest: {ordered}.", f"The second is {value}, for {name}.")
    return Ask("second", question, name, steps, {}, len(s.names), 1, not s.labelled)


def lookup(s: Series, rng: Random) -> Ask:
    name = rng.choice(s.names)
    question = f"{s.topic.on_which} were exactly {s.value(name)} {s.topic.noun} {s.topic.part}?"
    steps = (all_values(s), f"{s.value(name)} is the value for {name}.")
    return Ask("lookup", question, name, steps, {"value": s.value(name)}, len(s.names), 0, not s.labelled)


def count_above(s: Series, rng: Random) -> Ask:
    low, high, above = min(s.values), max(s.values), rng.random() < 0.6
    bound = rng.randint(low + 1, high - 1)
    bound = bound // 5 * 5 if bound // 5 * 5 > low else bound
    how_many = s.topic.on_which.replace("which " + s.topic.group, "how many")
    hits = [n for n in s.names if (s.value(n) > bound if above else s.value(n) < bound)]
    word = "more" if above else "fewer"
    question = f"{how_many} {s.topic.group}s were {word} than {bound} {s.topic.noun} {s.topic.part}?"
    found = f"{word.capitalize()} than {bound}: {listed(hits) if hits else 'none'}."
    args = {"bound": bound, "above": above}
    steps = (all_values(s), found, f"That makes {len(hits)}.")
    return Ask("count_above", question, str(len(hits)), steps, args, len(s.names), 0, not s.labelled)


def count_marks(s: Series, rng: Random) -> Ask:
    question = f"How many {s.topic.group}s are shown in the chart?"
    steps = (f"The {s.topic.group}s are {listed(s.names)}.", f"That makes {len(s.names)}.")
    return Ask("count_marks", question, str(len(s.names)), steps, {}, 1)


def share(s: Series, rng: Random) -> Ask:
    name, whole = rng.choice(s.names), sum(s.values)
    answer = fraction(Fraction(s.value(name), whole))
    question = (
        f"What fraction of all the {s.topic.noun} shown were "
        f"{s.topic.part} {s.topic.at(name)}? Give it in lowest terms."
    )
    steps = (
        _read_off(s, name),
        f"The total is {' + '.join(map(str, s.values))} = {whole}.",
        f"{s.value(name)} / {whole} in lowest terms is {answer}.",
    )
    return Ask("share", question, answer, steps, {"of": name}, len(s.names), len(s.names), not s.labelled)


def ratio(s: Series, rng: Random) -> Ask:
    a, b = sorted(rng.sample(s.names, 2), key=s.value)
    answer = fraction(Fraction(s.value(a), s.value(b)))
    question = (
        f"What fraction of the number of {s.topic.deed} {s.topic.at(b)} is the number {s.topic.part} {s.topic.at(a)}? "
        "Give it in lowest terms."
    )
    steps = (_read_off(s, a), _read_off(s, b), f"{s.value(a)} / {s.value(b)} in lowest terms is {answer}.")
    return Ask("ratio", question, answer, steps, {"of": [a, b]}, 2, 2, not s.labelled)


def which(s: Series, rng: Random) -> Ask | None:
    return as_choice(highest(s, rng), s.names, rng)


def which_number(s: Series, rng: Random) -> Ask | None:
    ask = rng.choice((read, difference))(s, rng)
    return as_choice(ask, near(int(ask.answer), rng), rng)


MENU: Menu[Series] = {
    "digit": ((5, count_above), (2, count_marks)),
    "number": ((6, read), (3, difference), (1, together), (1, total), (1, mean), (1, percent)),
    "math": ((2, ratio), (1, share)),
    "mcq": ((3, which), (2, which_number)),
    "text": ((4, highest), (2, lookup), (1, second)),
}
