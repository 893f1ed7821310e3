"""Rows of an export come out of Arrow as `to_pylist` gives them, whatever is missing; moments as people read them."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.decode import _dicts
from storage.exports import moment

COLUMNS = {
    "text": (pa.string(), st.text()), "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.int32(), st.integers(-(2**31), 2**31 - 1)), "yes": (pa.bool_(), st.booleans()),
    "real": (pa.float64(), st.floats(allow_nan=False)),
    "list": (pa.list_(pa.string()), st.lists(st.text(), max_size=2)),
}  # fmt: skip
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | kind for name, (_, kind) in COLUMNS.items()}), max_size=6)
FULL = st.lists(st.fixed_dictionaries({name: kind for name, (_, kind) in COLUMNS.items()}), max_size=6)


@given(ROWS | FULL)
def test_rows_are_those_of_to_pylist(rows: list[dict[str, object]]) -> None:
    schema = pa.schema([(name, kind) for name, (kind, _) in COLUMNS.items()])
    batch = pa.RecordBatch.from_pylist(rows, schema)
    found = _dicts(batch)
    assert found == rows
    assert all(type(got[name]) is type(row[name]) for got, row in zip(found, rows, strict=True) for name in COLUMNS)


@pytest.mark.parametrize("hostile", [1e300, float("inf"), float("nan"), -1e18])
def test_a_moment_that_is_none_is_shown_as_it_is(hostile: float) -> None:
    assert moment(hostile) == repr(hostile)
    assert moment(0.0) == "1970-01-01 00:00:00 UTC"
