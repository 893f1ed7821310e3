"""Questions on a table of whole numbers; its drawing is in `table`."""

from dataclasses import dataclass
from fractions import Fraction
from random import Random

from curation.records import Json
from curation.sources.figures.asking import Ask, Menu, as_choice, fraction, listed, near, plain


@dataclass(frozen=True, slots=True)
class Table:
    """`cells[row][column]`; within a column all values differ."""

    heading: str
    row_word: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]
    unit: str

    def value(self, row: str, column: str) -> int:
        return self.cells[self.rows.index(row)][self.columns.index(column)]

    def column(self, name: str) -> list[int]:
        return [self.value(row, name) for row in self.rows]

    def row(self, name: str) -> list[int]:
        return [self.value(name, column) for column in self.columns]

    @property
    def word(self) -> str:
        return self.row_word.lower()

    @property
    def facts(self) -> dict[str, Json]:
        return {
            "title": self.heading,
            "rows": list(self.rows),
            "columns": list(self.columns),
            "cells": [list(row) for row in self.cells],
        }

    @property
    def context(self) -> str:
        rows = "; ".join(f"{row}: {self.say_row(row)}" for row in self.rows)
        return (
            f'The table is titled "{self.heading}". Each row is one {self.word}; after the name the columns are '
            f"{listed(self.columns)}. {rows}."
        )

    def say_row(self, row: str) -> str:
        return ", ".join(f"{column} {value}" for column, value in zip(self.columns, self.row(row), strict=True))

    def say_column(self, column: str) -> str:
        cells = ", ".join(f"{row} {value}" for row, value in zip(self.rows, self.column(column), strict=True))
        return f"Under {column} the table has {cells}."


def _cell(t: Table, row: str, column: str) -> str:
    return f"The cell of {row} under {column} says {t.value(row, column)}."


def read(t: Table, rng: Random) -> Ask:
    row, column = rng.choice(t.rows), rng.choice(t.columns)
    question = f"What is the {t.unit} for {row} in the {column} column?"
    answer = str(t.value(row, column))
    return Ask("cell", question, answer, (_cell(t, row, column),), {"row": row, "column": column})


def gap(t: Table, rng: Random) -> Ask:
    column = rng.choice(t.columns)
    a, b = sorted(rng.sample(t.rows, 2), key=lambda row: t.value(row, column), reverse=True)
    answer = t.value(a, column) - t.value(b, column)
    question = f"In the {column} column, how much larger is the {t.unit} for {a} than for {b}?"
    steps = (_cell(t, a, column), _cell(t, b, column), f"{t.value(a, column)} - {t.value(b, column)} = {answer}.")
    return Ask("cell_gap", question, str(answer), steps, {"column": column, "of": [a, b]}, 2, 1)


def row_total(t: Table, rng: Random) -> Ask:
    row = rng.choice(t.rows)
    values = t.row(row)
    question = f"What is the sum of all the numbers in the row of {row}?"
    steps = (f"The row of {row} has {t.say_row(row)}.", f"{' + '.join(map(str, values))} = {sum(values)}.")
    return Ask("row_total", question, str(sum(values)), steps, {"row": row}, len(values), len(values) - 1)


def column_total(t: Table, rng: Random) -> Ask:
    column = rng.choice(t.columns)
    values = t.column(column)
    question = f"What is the total of the {column} column?"
    steps = (t.say_column(column), f"{' + '.join(map(str, values))} = {sum(values)}.")
    return Ask("column_total", question, str(sum(values)), steps, {"column": column}, len(values), len(values) - 1)


def row_mean(t: Table, rng: Random) -> Ask | None:
    row = rng.choice(t.rows)
    values = t.row(row)
    if sum(values) * 4 % len(values):
        return None
    answer = plain(Fraction(sum(values), len(values)))
    question = f"What is the mean of the numbers in the row of {row}?"
    steps = (
        f"The row of {row} has {t.say_row(row)}.",
        f"Their sum is {' + '.join(map(str, values))} = {sum(values)}.",
        f"{sum(values)} / {len(values)} = {answer}.",
    )
    return Ask("row_mean", question, answer, steps, {"row": row}, len(values), len(values))


def top_row(t: Table, rng: Random) -> Ask:
    column = rng.choice(t.columns)
    most, word = rng.choice(((max, "highest"), (min, "lowest")))
    value = most(t.column(column))
    row = t.rows[t.column(column).index(value)]
    question = f"Which {t.word} has the {word} {t.unit} in the {column} column?"
    steps = (t.say_column(column), f"The {word} is {value}, in the row of {row}.")
    return Ask(f"row_{word}", question, row, steps, {"column": column}, len(t.rows))


def top_column(t: Table, rng: Random) -> Ask | None:
    row = rng.choice(t.rows)
    value = max(t.row(row))
    if t.row(row).count(value) > 1:
        return None
    column = t.columns[t.row(row).index(value)]
    question = f"In which column does {row} have the highest {t.unit}?"
    steps = (f"The row of {row} has {t.say_row(row)}.", f"The highest is {value}, under {column}.")
    return Ask("top_column", question, column, steps, {"row": row}, len(t.columns))


def find(t: Table, rng: Random) -> Ask:
    column, row = rng.choice(t.columns), rng.choice(t.rows)
    value = t.value(row, column)
    question = f"Which {t.word} has {value} in the {column} column?"
    return Ask("find_row", question, row, (t.say_column(column), f"{value} stands in the row of {row}."),
               {"column": column, "value": value}, len(t.rows))  # fmt: skip


def best_sum(t: Table, rng: Random) -> Ask | None:
    sums = [sum(row) for row in t.cells]
    if sums.count(max(sums)) > 1:
        return None
    row = t.rows[sums.index(max(sums))]
    totals = ", ".join(f"{name} {value}" for name, value in zip(t.rows, sums, strict=True))
    steps = (f"The sums of the rows are {totals}.", f"The highest is {max(sums)}, for {row}.")
    count = len(t.rows) * len(t.columns)
    return Ask("best_sum", f"Which {t.word} has the highest sum over all columns?", row, steps, {}, count, count)


def count_above(t: Table, rng: Random) -> Ask:
    column = rng.choice(t.columns)
    values = t.column(column)
    bound = rng.randint(min(values), max(values) - 1)
    bound = bound // 5 * 5 if bound // 5 * 5 >= min(values) else bound
    hits = [row for row in t.rows if t.value(row, column) > bound]
    question = f"How many {t.word}s have more than {bound} in the {column} column?"
    steps = (t.say_column(column), f"More than {bound}: {listed(hits)}.", f"That makes {len(hits)}.")
    return Ask("rows_above", question, str(len(hits)), steps, {"column": column, "bound": bound}, len(values))


def count_rows(t: Table, rng: Random) -> Ask:
    steps = (f"Under the head row the table lists {listed(t.rows)}.", f"That makes {len(t.rows)}.")
    return Ask("count_rows", f"How many {t.word}s does the table list?", str(len(t.rows)), steps)


def part(t: Table, rng: Random) -> Ask | None:
    row, column = rng.choice(t.rows), rng.choice(t.columns)
    value, whole = t.value(row, column), sum(t.row(row))
    if whole == 0:
        return None
    answer = fraction(Fraction(value, whole))
    question = f"What fraction of the sum of the row of {row} stands in the {column} column? Give it in lowest terms."
    steps = (
        f"The row of {row} has {t.say_row(row)}.",
        f"Its sum is {' + '.join(map(str, t.row(row)))} = {whole}.",
        f"{value} / {whole} in lowest terms is {answer}.",
    )
    return Ask("row_part", question, answer, steps, {"row": row, "column": column}, len(t.columns), len(t.columns))


def cell_ratio(t: Table, rng: Random) -> Ask:
    column = rng.choice(t.columns)
    a, b = sorted(rng.sample(t.rows, 2), key=lambda row: t.value(row, column))
    answer = fraction(Fraction(t.value(a, column), t.value(b, column)))
    question = (
        f"In the {column} column, what fraction of the {t.unit} for {b} is the {t.unit} for {a}? Use lowest terms."
    )
    last = f"{t.value(a, column)} / {t.value(b, column)} in lowest terms is {answer}."
    return Ask("cell_ratio", question, answer, (_cell(t, a, column), _cell(t, b, column), last),
               {"column": column, "of": [a, b]}, 2, 2)  # fmt: skip


def which(t: Table, rng: Random) -> Ask | None:
    return as_choice(rng.choice((top_row, top_row, find))(t, rng), t.rows, rng)


def which_number(t: Table, rng: Random) -> Ask | None:
    ask = rng.choice((read, read, gap, row_total))(t, rng)
    return as_choice(ask, near(int(ask.answer), rng), rng)


MENU: Menu[Table] = {
    "digit": ((3, count_above), (2, count_rows)),
    "number": ((6, read), (2, gap), (1, row_total), (1, column_total), (1, row_mean)),
    "math": ((1, part), (2, cell_ratio)),
    "mcq": ((3, which), (2, which_number)),
    "text": ((4, top_row), (2, find), (1, top_column), (1, best_sum)),
}
