"""Query results as text: an aligned table for people, RFC 4180 CSV, or a JSON list of objects for programs."""

import csv
import datetime
import io
import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
from rich.cells import cell_len, set_cell_size

from curation.errors import ConfigError
from curation.records import Json

FORMATS = ("table", "csv", "json")
CELL_WIDTH = 60
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def render(table: pa.Table, format: str) -> str:
    """`table`, `csv` or `json` text of a result; ends with a newline. Columns of equal name get `_1`, `_2` … added.

    CSV and JSON hold values whole; JSON columns are nested JSON there. The table cuts cells at 60 columns and
    shows control characters as `·`, so stored text cannot drive a terminal.
    """
    if format not in FORMATS:
        raise ConfigError("format", format, f"choose one of {', '.join(FORMATS)}")
    names = distinct(table.column_names)
    rows = _rows(table)
    if format == "csv":
        return _csv(names, rows)
    return _json(names, rows) if format == "json" else _aligned(names, rows)


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that came before with `_1`, `_2` … added."""
    seen: list[str] = []
    for name in names:
        number, fresh = 0, name
        while fresh in seen:
            number += 1
            fresh = f"{name}_{number}"
        seen.append(fresh)
    return seen


def _rows(table: pa.Table) -> list[tuple[Json, ...]]:
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        values = column.to_pylist()
        nested = (field.metadata or {}).get(b"type") == b"json"
        columns.append([_plain(_parsed(value) if nested else value) for value in values])
    return list(zip(*columns, strict=True))


def _parsed(text: str | None) -> Json:
    return None if text is None else json.loads(text)


def _plain(value: object) -> Json:
    """The value in JSON's types: decimals as numbers, times as ISO 8601, bytes as hex, NaN and infinities as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _json(names: list[str], rows: list[tuple[Json, ...]]) -> str:
    lines = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows]
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def _csv(names: list[str], rows: list[tuple[Json, ...]]) -> str:
    """Lines that end with a line feed alone, which shells and other tools here expect.

    The writer is left its own line end, since it quotes a text that holds a part of that.
    """
    lines = []
    for row in (names, *rows):
        out = io.StringIO()
        csv.writer(out).writerow([_text(value) for value in row])
        lines.append(out.getvalue().removesuffix("\r\n") + "\n")
    return "".join(lines)


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _aligned(names: list[str], rows: list[tuple[Json, ...]]) -> str:
    cells = [[_cell(value) for value in row] for row in rows]
    heads = [_cell(name) for name in names]
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    right = [any(_is_number(row[i]) for row in rows) for i in range(len(names))]
    lines = [_line(heads, widths, right), "  ".join("─" * width for width in widths)]
    lines += [_line(row, widths, right) for row in cells]
    count = f"({len(rows)} row{'' if len(rows) == 1 else 's'})"
    return "\n".join([*lines, count]) + "\n"


def _cell(value: Json) -> str:
    text = UNPRINTABLE.sub("·", _text(value).replace("\r\n", "\n").replace("\n", "⏎").replace("\t", " "))
    return text if cell_len(text) <= CELL_WIDTH else set_cell_size(text, CELL_WIDTH - 1).rstrip() + "…"


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for text, width, to_right in zip(cells, widths, right, strict=True):
        space = " " * (width - cell_len(text))
        padded.append(space + text if to_right else text + space)
    return "  ".join(padded).rstrip()


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
