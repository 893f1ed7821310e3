"""Ruled tables of numbers: marks, stock, sports results, journeys. Every cell is printed."""

import itertools
from dataclasses import dataclass
from random import Random

from curation.records import Kind
from curation.sources.figures import table_asks
from curation.sources.figures.asking import Drawn, choose, locate
from curation.sources.figures.axes import Style, title
from curation.sources.figures.canvas import INK, PAPER, SOFT, Box, Canvas, Colour, contrast, fit, mix, pixels
from curation.sources.figures.table_asks import Table
from curation.sources.figures.words import FRUIT, MONTHS, PEOPLE, PLACES, TEAMS, TOWNS

SUBJECTS = ("Maths", "Art", "History", "Music", "Biology", "French", "Physics", "Sport")
GOODS = (*FRUIT, "Bread", "Cheese", "Eggs", "Honey", "Rice", "Soap", "Tea")
CROPS = ("Wheat", "Maize", "Barley", "Oats", "Rye", "Beans")
SALES = ("Books", "Pens", "Maps", "Cards", "Toys", "Games")


@dataclass(frozen=True, slots=True)
class Theme:
    """What a table lists: a heading, the word for a row, rows, columns with the word for their unit, values."""

    heading: str
    row_word: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    unit: str
    values: range


THEMES: tuple[Theme, ...] = (
    Theme("Test marks", "Student", PEOPLE, SUBJECTS, "mark", range(40, 100)),
    Theme("Stock in the shops", "Item", GOODS, ("North", "South", "East", "West"), "stock", range(3, 90)),
    Theme("Medals won", "Team", TEAMS, ("Gold", "Silver", "Bronze"), "number of medals", range(0, 25)),
    Theme("Distance walked (km)", "Hiker", PEOPLE, ("Friday", "Saturday", "Sunday"), "distance", range(3, 30)),
    Theme("Items sold", "Month", MONTHS, SALES, "number sold", range(10, 300)),
    Theme("Harvest (tonnes)", "Town", TOWNS, CROPS, "harvest", range(12, 200)),
    Theme(
        "Minutes of practice",
        "Pupil",
        PEOPLE,
        ("Piano", "Violin", "Flute", "Drums"),
        "number of minutes",
        range(10, 95, 5),
    ),
    Theme(
        "Train passengers",
        "Town",
        TOWNS,
        ("Morning", "Noon", "Evening", "Night"),
        "number of passengers",
        range(50, 900, 10),
    ),
)


def draw(canvas: Canvas, rng: Random, kind: Kind, style: Style) -> Drawn:
    """A table and a question of `kind` about it."""
    t = _roll(rng)
    boxes = _paint(canvas, style, t, rng)
    if kind == "box":
        row, column = rng.choice(t.rows), rng.choice(t.columns)
        return locate(f"the table cell of {row} under {column}", f"{row}, {column}", boxes, canvas, t.facts, t.context)
    return Drawn(t.facts, boxes, t.context, choose(table_asks.MENU, kind, t, rng))


def _roll(rng: Random) -> Table:
    theme = rng.choice(THEMES)
    rows = rng.sample(theme.rows, rng.randint(4, 7))
    rows.sort(key=theme.rows.index)
    columns = rng.sample(theme.columns, rng.randint(2, min(4, len(theme.columns))))
    columns.sort(key=theme.columns.index)
    by_column = [rng.sample(theme.values, len(rows)) for _ in columns]
    cells = tuple(zip(*by_column, strict=True))
    return Table(
        f"{theme.heading}, {rng.choice(PLACES)}", theme.row_word, tuple(rows), tuple(columns), cells, theme.unit
    )


def _paint(canvas: Canvas, style: Style, t: Table, rng: Random) -> dict[str, Box]:
    """Head row in colour or bold over rules, rows striped or plain; returns the box of every number cell."""
    y = title(canvas, t.heading) + canvas.px(10)
    xs, ys, size = _rulers(canvas, t, y)
    head = style.palette[0] if rng.random() < 0.65 else mix(style.palette[0], PAPER, 0.82)
    canvas.rect((xs[0], ys[0], xs[-1], ys[-1]), PAPER)
    canvas.rect((xs[0], ys[0], xs[-1], ys[1]), head)
    if rng.random() < 0.55:
        for k in range(2, len(ys) - 1, 2):
            canvas.rect((xs[0], ys[k], xs[-1], ys[k + 1]), mix(style.palette[0], PAPER, 0.92))
    _rules(canvas, xs, ys, mix(SOFT, PAPER, 0.45))
    _words(canvas, t, xs, ys, size, contrast(head))
    return {
        f"{row}, {column}": pixels((xs[j + 1], ys[i + 1], xs[j + 2], ys[i + 2]))
        for i, row in enumerate(t.rows)
        for j, column in enumerate(t.columns)
    }


def _rulers(canvas: Canvas, t: Table, y: float) -> tuple[list[int], list[int], int]:
    """Where the rules are: x of columns, y of rows, and the type size that fits."""
    margin = canvas.px(36)
    width = min(canvas.width - 2 * margin, canvas.px(150) * (len(t.columns) + 1.3))
    wide = width * 1.3 / (len(t.columns) + 1.3)
    narrow = (width - wide) / len(t.columns)
    tall = min(canvas.px(58), (canvas.height - y - canvas.px(28)) / (len(t.rows) + 1))
    size = min(canvas.pt(16), max(4, int(tall * 0.62)))
    size = min(fit(t.columns, size, narrow - canvas.px(14)), fit([*t.rows, t.row_word], size, wide - canvas.px(22)))
    left = (canvas.width - width) / 2
    xs = [round(left), *(round(left + wide + narrow * k) for k in range(len(t.columns) + 1))]
    ys = [round(y + tall * k) for k in range(len(t.rows) + 2)]
    return xs, ys, size


def _rules(canvas: Canvas, xs: list[int], ys: list[int], colour: Colour) -> None:
    width = max(1.0, canvas.px(1))
    for x in xs:
        canvas.line([(x, ys[0]), (x, ys[-1])], colour, width)
    for y in ys:
        canvas.line([(xs[0], y), (xs[-1], y)], colour, width)


def _words(canvas: Canvas, t: Table, xs: list[int], ys: list[int], size: int, head: Colour) -> None:
    middles = [(a + b) / 2 for a, b in itertools.pairwise(ys)]
    inset = xs[0] + canvas.px(11)
    canvas.text((inset, middles[0]), t.row_word, size, head, "lm", bold=True)
    for j, column in enumerate(t.columns):
        canvas.text(((xs[j + 1] + xs[j + 2]) / 2, middles[0]), column, size, head, bold=True)
    for i, row in enumerate(t.rows):
        canvas.text((inset, middles[i + 1]), row, size, INK, "lm")
        for j, value in enumerate(t.cells[i]):
            canvas.text(((xs[j + 1] + xs[j + 2]) / 2, middles[i + 1]), str(value), size, INK)
