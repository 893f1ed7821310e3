"""From a source's columns to a sample's fields: `image='images/{key}.png'`, `answer=gt`, `kind="'digit'"`.

An expression is a column (dots reach into objects and lists), a template with {column} slots, or a quoted literal.
Slots are replaced by plain text: no attribute, call or format is ever evaluated.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from curation.errors import ConfigError
from curation.records import KINDS, Json
from curation.sources.normalise import number_text
from curation.sources.spec import near

TARGETS = (
    "id", "image", "question", "answer", "options", "kind", "context", "text_question", "caption", "solution",
    "difficulty", "licence", "source", "meta",
)  # fmt: skip
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "image": ("image", "images", "image_path", "file_name", "path"),
    "question": ("question", "problem"),
    "answer": ("answer", "gt", "ground_truth", "solution"),
    "options": ("options", "choices"),
    "solution": ("solution",),
}
"""The columns tried, in this order, for targets that nobody mapped."""

_PIECE = re.compile(r"\{([^{}]+)\}|([^{}]+)")
_META = re.compile(r"meta\.[A-Za-z_][\w.-]*")


class Missing:
    """What a row gives for a column it does not have; null is a value."""


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Expression:
    """How one field is had from a row: `pieces` are (text, is_slot) in order; `whole` keeps a column's own type."""

    text: str
    pieces: tuple[tuple[str, bool], ...]
    whole: bool = False

    def columns(self) -> Iterator[str]:
        """The columns it reads, as written."""
        return (text for text, is_slot in self.pieces if is_slot)

    def value(self, record: Mapping[str, Json]) -> Json | Missing:
        """Its value for a row; MISSING when the row lacks a column, or a slot has no text to put in."""
        if self.whole:
            return lookup(record, self.pieces[0][0])
        texts = [_slot_text(lookup(record, text)) if is_slot else text for text, is_slot in self.pieces]
        return MISSING if None in texts else "".join(filter(None, texts))


@dataclass(frozen=True, slots=True)
class FieldMap:
    """An expression a target; `explicit` are the targets somebody mapped, the others were found by their names."""

    expressions: Mapping[str, Expression]
    explicit: frozenset[str]

    def columns(self) -> frozenset[str]:
        """Every column read, as written."""
        return frozenset(column for expression in self.expressions.values() for column in expression.columns())

    def values(self, record: Mapping[str, Json]) -> dict[str, Json]:
        """The row's values by target, without those it lacks."""
        found = ((target, expression.value(record)) for target, expression in self.expressions.items())
        return {target: value for target, value in found if not isinstance(value, Missing)}

    def to_json(self) -> dict[str, str]:
        """Target → expression as written, for run records."""
        return {target: expression.text for target, expression in self.expressions.items()}


def parse_maps(maps: Sequence[tuple[str, str]]) -> dict[str, Expression]:
    """Expressions by target; ConfigError for an unknown target or a malformed expression."""
    return {_target(target, text): parse_expression(target, text) for target, text in maps}


def parse_expression(target: str, text: str) -> Expression:
    """One expression. Quotes around the whole make a literal, braces a template, anything else is a column."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        if target == "kind" and text[1:-1] not in KINDS:
            raise ConfigError("--map kind", text, near(text[1:-1], KINDS))
        return Expression(text, ((text[1:-1], False),))
    if "{" not in text and "}" not in text:
        return Expression(text, ((text, True),), whole=True)
    pieces = [(match[1] or match[2], match[1] is not None) for match in _PIECE.finditer(text)]
    if "".join(f"{{{piece}}}" if is_slot else piece for piece, is_slot in pieces) != text:
        raise ConfigError(f"--map {target}", text, "a brace is not closed, not opened, or holds no column name")
    return Expression(text, tuple(pieces))


def field_map(given: Mapping[str, Expression], columns: Collection[str], *, first: Mapping[str, str]) -> FieldMap:
    """The given expressions, checked against the source's columns, and the defaults for the rest.

    `first` are the source's own defaults (the key of a keyed JSON object is its id). Without known columns nothing is
    checked.
    """
    for target, expression in given.items():
        for column in expression.columns():
            if columns and column not in columns and column.split(".")[0] not in columns:
                raise ConfigError(f"--map {target}", expression.text, _unknown_column(column, expression, columns))
    candidates = {**DEFAULTS, **{target: (column,) for target, column in first.items() if target in TARGETS}}
    found = {target: next((c for c in tried if c in columns), "") for target, tried in candidates.items()}
    if found["solution"] in (found["answer"], ""):
        del found["solution"]
    defaults = {t: parse_expression(t, column) for t, column in found.items() if column and t not in given}
    return FieldMap({**defaults, **given}, frozenset(given))


def lookup(record: Mapping[str, Json], column: str) -> Json | Missing:
    """The column's value: under its whole name, else along its dots through objects (keys) and lists (places)."""
    if column in record:
        return record[column]
    value: Json = record
    for name in column.split("."):
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isascii() and name.isdigit() and int(name[:9]) < len(value):
            value = value[int(name[:9])]
        else:
            return MISSING
    return value


def _target(target: str, text: str) -> str:
    if target == "given_caption":
        return "caption"
    if target not in TARGETS and not _META.fullmatch(target):
        raise ConfigError("--map", f"{target}={text}", f"unknown target; {near(target, (*TARGETS, 'meta.NAME'))}")
    return target


def _unknown_column(column: str, expression: Expression, columns: Collection[str]) -> str:
    message = f"the source has no column {column!r}; {near(column, columns)}"
    if expression.whole:
        message += f"; to give every row this very text, quote it once more: \"'{expression.text}'\""
    return message


def _slot_text(value: Json | Missing) -> str | None:
    """What replaces a slot: text, a number in its shortest form; None when there is nothing to put in."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return number_text(value)
    return None
