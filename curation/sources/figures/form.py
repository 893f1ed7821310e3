"""Filled-in forms (labelled fields and tick boxes); the family also draws receipts, which `receipt` knows about."""

from dataclasses import dataclass
from fractions import Fraction
from random import Random

from curation.records import Json, Kind
from curation.sources.figures import receipt
from curation.sources.figures.asking import Ask, Drawn, Menu, as_choice, choose, fraction, listed, locate, near
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import INK, PAPER, SOFT, Box, Canvas, Colour, fit, measure, mix, pixels
from curation.sources.figures.paper import Sheet, sheet
from curation.sources.figures.words import MONTHS, PEOPLE, PLACES, SURNAMES, TOWNS

TITLES = {
    "Library membership": ("Books", "Music", "Films", "Games", "Maps"),
    "Summer camp booking": ("Swimming", "Climbing", "Sailing", "Hiking", "Archery"),
    "Sports club entry": ("Tennis", "Judo", "Rowing", "Hockey", "Dance"),
    "Music school sign-up": ("Piano", "Violin", "Flute", "Drums", "Choir"),
    "Volunteer registration": ("Garden", "Kitchen", "Library", "Transport", "Office"),
}
COUNTED = ("Adults", "Children", "Nights", "Weeks", "Lessons", "Guests", "Tickets", "Lockers")


@dataclass(frozen=True, slots=True)
class Form:
    """`fields` are label and value as printed; `digits` and `numbers` name the fields with whole numbers."""

    title: str
    place: str
    fields: tuple[tuple[str, str], ...]
    digits: tuple[str, ...]
    numbers: tuple[str, ...]
    boxes: tuple[str, ...]
    ticked: tuple[str, ...]

    def value(self, label: str) -> str:
        return dict(self.fields)[label]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(label for label, _ in self.fields)

    @property
    def facts(self) -> dict[str, Json]:
        return {
            "form": "form",
            "title": self.title,
            "place": self.place,
            "fields": [list(pair) for pair in self.fields],
            "boxes": list(self.boxes),
            "ticked": list(self.ticked),
        }

    @property
    def context(self) -> str:
        fields = "; ".join(f"{label}: {value}" for label, value in self.fields)
        ticks = "; ".join(f"{box} {'ticked' if box in self.ticked else 'empty'}" for box in self.boxes)
        return f'A filled-in form titled "{self.title}", {self.place}. Fields: {fields}. Tick boxes: {ticks}.'


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A receipt or a form, and a question of `kind` about it."""
    if rng.random() < 0.55:
        return receipt.draw(canvas, rng, kind, style)
    f = _roll(rng)
    boxes = _paint(canvas, style, f)
    if kind == "box":
        label = rng.choice(f.labels)
        return locate(f'the frame with the value of "{label}"', label, boxes, canvas, f.facts, f.context)
    return Drawn(f.facts, boxes, f.context, choose(MENU, kind, f, rng))


def _roll(rng: Random) -> Form:
    title = rng.choice(list(TITLES))
    one, two = rng.sample(COUNTED, 2)
    fields = (
        ("First name", rng.choice(PEOPLE)),
        ("Last name", rng.choice(SURNAMES)),
        ("Born in", f"{rng.choice(MONTHS)} {rng.randint(1950, 2014)}"),
        ("Town", rng.choice(TOWNS)),
        ("Member number", str(rng.randint(1000, 9999))),
        (one, str(rng.randint(1, 5))),
        (two, str(rng.randint(6, 9))),
        ("Fee in dollars", str(rng.randrange(15, 300, 5))),
    )
    kept = sorted(rng.sample(range(5), rng.randint(3, 4)))
    chosen = tuple(fields[k] for k in kept) + fields[5:]
    boxes = TITLES[title]
    ticked = tuple(box for box in boxes if rng.random() < 0.5) or boxes[:1]
    numbers = tuple(label for label in ("Member number", "Fee in dollars") if label in dict(chosen))
    return Form(title, rng.choice(PLACES), chosen, (one, two), numbers, boxes, ticked)


def _paint(canvas: Canvas, style: Style, f: Form) -> dict[str, Box]:
    tint = mix(style.palette[0], PAPER, 0.84)
    page = sheet(canvas, tint, lines=4.8 + 1.35 * len(f.fields), share=0.72)
    page.line([(0.5, "m", f.title)], bold=True, grow=1.4)
    page.line([(0.5, "m", f.place)], colour=SOFT)
    page.rule()
    boxes = {label: _field(page, label, value, tint) for label, value in f.fields}
    page.rule()
    page.y += page.tall * 0.2
    _ticks(page, f, style.palette[0])
    return boxes


def _field(page: Sheet, label: str, value: str, tint: Colour) -> Box:
    """A label with a framed value; returns the frame's box."""
    left = page.x1 + (page.x2 - page.x1) * 0.36
    box = pixels((left, page.y + page.tall * 0.1, page.x2, page.y + page.tall * 1.22))
    page.canvas.rect(box, mix(tint, PAPER, 0.55), mix(tint, SOFT, 0.5), max(1.0, page.canvas.px(1)))
    middle = (box[1] + box[3]) / 2
    page.canvas.text((page.x1, middle), label, fit([label], page.size, left - page.x1 - 2), SOFT, "lm")
    page.canvas.text((left + page.tall * 0.35, middle), value, page.size, INK, "lm")
    page.y += page.tall * 1.35
    return box


def _ticks(page: Sheet, f: Form, colour: Colour) -> None:
    """The tick boxes in one row, spread over the width."""
    side = page.tall * 0.62
    room = page.x2 - page.x1 - side * 1.35 * len(f.boxes)
    size = fit(["".join(f.boxes)], page.size, max(1.0, room - side * 0.7 * (len(f.boxes) - 1)))
    widths = [measure(name, size)[0] for name in f.boxes]
    gap = (room - sum(widths)) / (len(f.boxes) - 1)
    x, middle = page.x1, page.y + page.tall * 0.5
    for name, width in zip(f.boxes, widths, strict=True):
        _tick(page, round(x), round(middle - side / 2), side, colour if name in f.ticked else None)
        page.canvas.text((x + side * 1.35, middle), name, size, INK, "lm")
        x += side * 1.35 + width + gap


def _tick(page: Sheet, x: int, y: int, side: float, colour: Colour | None) -> None:
    page.canvas.rect((x, y, x + side, y + side), PAPER, SOFT, max(1.0, page.canvas.px(1.3)))
    if colour:
        stroke = [(x + side * a, y + side * b) for a, b in ((0.2, 0.5), (0.42, 0.74), (0.82, 0.22))]
        page.canvas.line(stroke, mix(colour, INK, 0.3), max(1.0, side * 0.15))


def _see(f: Form, label: str) -> str:
    return f'The field "{label}" says {f.value(label)}.'


def counted(f: Form, rng: Random) -> Ask:
    label = rng.choice(f.digits)
    question = f'What number is written in the field "{label}"?'
    return Ask("field", question, f.value(label), (_see(f, label),), {"of": label})


def ticks(f: Form, rng: Random) -> Ask:
    empty = rng.random() < 0.35
    hits = [box for box in f.boxes if (box in f.ticked) != empty]
    question = f"How many of the {len(f.boxes)} tick boxes are {'empty' if empty else 'ticked'}?"
    found = f"{'Empty' if empty else 'Ticked'}: {listed(hits) if hits else 'none'}."
    return Ask("ticks", question, str(len(hits)), (found, f"That makes {len(hits)}."), {"empty": empty}, len(f.boxes))


def numbered(f: Form, rng: Random) -> Ask:
    label = rng.choice(f.numbers)
    question = f'What number is written in the field "{label}"?'
    return Ask("field", question, f.value(label), (_see(f, label),), {"of": label})


def product(f: Form, rng: Random) -> Ask:
    label = rng.choice(f.digits)
    fee, count = int(f.value("Fee in dollars")), int(f.value(label))
    question = f'If the fee is paid {count} times (as often as "{label}" says), how many dollars is that?'
    steps = (_see(f, "Fee in dollars"), _see(f, label), f"{fee} * {count} = {fee * count}.")
    return Ask("fee_times", question, str(fee * count), steps, {"of": label}, 2, 1)


def both(f: Form, rng: Random) -> Ask:
    a, b = f.digits
    answer = int(f.value(a)) + int(f.value(b))
    question = f'What is the sum of the numbers in the fields "{a}" and "{b}"?'
    steps = (_see(f, a), _see(f, b), f"{f.value(a)} + {f.value(b)} = {answer}.")
    return Ask("field_sum", question, str(answer), steps, {"of": [a, b]}, 2, 1)


def written(f: Form, rng: Random) -> Ask:
    label = rng.choice([label for label in f.labels if label in ("First name", "Last name", "Town", "Born in")])
    question = f'What is written in the field "{label}"?'
    return Ask("field", question, f.value(label), (_see(f, label),), {"of": label})


def tick_share(f: Form, rng: Random) -> Ask:
    answer = fraction(Fraction(len(f.ticked), len(f.boxes)))
    steps = (
        f"Of {len(f.boxes)} boxes these are ticked: {listed(f.ticked)}.",
        f"{len(f.ticked)} / {len(f.boxes)} is {answer}.",
    )
    return Ask("tick_share", "What fraction of the tick boxes is ticked?", answer, steps, {}, len(f.boxes), 1)


def field_ratio(f: Form, rng: Random) -> Ask:
    a, b = f.digits
    answer = fraction(Fraction(int(f.value(a)), int(f.value(b))))
    question = f'What is the number in "{a}" divided by the number in "{b}", as a fraction in lowest terms?'
    last = f"{f.value(a)} / {f.value(b)} in lowest terms is {answer}."
    return Ask("field_ratio", question, answer, (_see(f, a), _see(f, b), last), {"of": [a, b]}, 2, 2)


def which_word(f: Form, rng: Random) -> Ask | None:
    ask = written(f, rng)
    pools = {"First name": PEOPLE, "Last name": SURNAMES, "Town": TOWNS}
    pool = pools.get(ask.args["of"], tuple(f"{month} {1950 + 3 * k}" for k, month in enumerate(MONTHS)))
    return as_choice(ask, rng.sample(pool, 4), rng)


def which_number(f: Form, rng: Random) -> Ask | None:
    ask = rng.choice((numbered, both, product))(f, rng)
    return as_choice(ask, near(int(ask.answer), rng), rng)


def which_tick(f: Form, rng: Random) -> Ask | None:
    empty = [box for box in f.boxes if box not in f.ticked]
    if len(empty) < 2:
        return None
    box = rng.choice(f.ticked)
    steps = (f"Ticked: {listed(f.ticked)}.",)
    return as_choice(Ask("which_tick", "Which of these is ticked?", box, steps, {}, len(f.boxes)), empty, rng)


MENU: Menu[Form] = {
    "digit": ((3, counted), (2, ticks)),
    "number": ((4, numbered), (2, both), (2, product)),
    "math": ((1, tick_share), (1, field_ratio)),
    "mcq": ((2, which_word), (1, which_number), (2, which_tick)),
    "text": ((1, written),),
}
