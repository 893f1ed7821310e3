"""Rows as Arrow tables in the schema's types, whatever text a model or a source put into them.

Lone surrogates become `?` and non-finite numbers null, because neither can be stored as UTF-8 or JSON. A
column that does not exist or a value of the wrong type is a mistake of the caller and raises StoreError.
"""

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from curation.errors import StoreError
from curation.records import Json, digest
from storage.schema import TABLES, arrow_schema

Row = Mapping[str, Json]


def to_arrow(table: str, rows: Sequence[Row]) -> pa.Table:
    """Rows as an Arrow table with every column of `table`; missing ones are null, `created` is now (epoch seconds)."""
    _check_columns(table, rows)
    schema = arrow_schema(table)
    now = time.time()
    filled = [row if row.get("created") is not None else {**row, "created": now} for row in rows]
    columns = [_column(table, field, [row.get(field.name) for row in filled]) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def rows_digest(table: str, rows: Sequence[Row]) -> str:
    """128-bit hex digest of the rows as given, before `created` is filled in, so that a repeat has the same."""
    try:
        return digest([table, [dict(row) for row in rows]])
    except TypeError:  # bytes, integers over 64 bits, lone surrogates
        return digest([table, ascii([sorted(row.items()) for row in rows])])


def json_text(value: Json) -> str:
    """JSON text of a value. A `str` becomes a JSON string; `bytes` are JSON text that is already written."""
    if isinstance(value, bytes):
        return value.decode()
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers over 64 bits, keys that are no strings, lone surrogates
        return json.dumps(_storable(value), ensure_ascii=False)


def _check_columns(table: str, rows: Iterable[Row]) -> None:
    known = TABLES[table].keys()
    for row in rows:
        if unknown := row.keys() - known:
            raise StoreError(f"{table} has no column {sorted(unknown)}; it has {', '.join(known)}")


def _column(table: str, field: pa.Field, values: list[Any]) -> pa.Array:
    try:
        if TABLES[table][field.name] == "JSON":
            texts = [None if value is None else json_text(value) for value in values]
            return pa.ExtensionArray.from_storage(field.type, pa.array(texts, pa.string()))
        return _array(values, field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError, UnicodeDecodeError) as error:
        raise StoreError(f"{table}.{field.name} takes {TABLES[table][field.name]}: {error}") from error


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([_storable(value) for value in values], kind)


def _storable(value: Json) -> Json:
    """The value with lone surrogates replaced and NaN and infinities null, at any depth."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value
