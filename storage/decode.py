"""Rows of an Arrow batch as dictionaries; processes that write shards need this and nothing of DuckDB."""

from typing import Any

import orjson
import pyarrow as pa

JSON_COLUMNS = ("options", "meta", "cues", "reviews", "routed")


def decoded(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows of a batch as dictionaries, JSON decoded."""
    found = _dicts(batch)
    for name in JSON_COLUMNS:
        if name in batch.schema.names:
            for row in found:
                if isinstance(row[name], str):
                    row[name] = orjson.loads(row[name])
    return found


def _dicts(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """`batch.to_pylist()`, whose one Python object a value at a time is most of what reading rows costs."""
    names = batch.schema.names
    return [dict(zip(names, row, strict=True)) for row in zip(*map(_values, batch.columns), strict=True)]


def _values(column: pa.Array) -> list[Any]:
    kind = column.type
    plain = pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_float64(kind)
    quick = pa.types.is_string(kind) or (plain and not column.null_count)  # NumPy has no missing integers
    values: list[Any] = column.to_numpy(zero_copy_only=False).tolist() if quick else column.to_pylist()
    return values
