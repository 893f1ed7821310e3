"""Rows of long JSON files one by one: the same as reading them whole, and broken ones cost themselves alone."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.sources.published import items
from curation.sources.published.items import records
from curation.sources.rows import Broken

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\{}[],:\n é\u2028', max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), max_size=5)


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "rows.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS, chunk=st.integers(1, 9), indent=st.none() | st.just(2), ascii=st.booleans())
def test_an_array_reads_as_the_json_module_reads_it_whatever_the_chunks(
    rows: list[dict[str, object]], chunk: int, indent: int | None, ascii: bool, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(items, "CHUNK", chunk)
    path = write(tmp_path, json.dumps(rows, indent=indent, ensure_ascii=ascii))
    assert list(records(path)) == rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.binary(max_size=60))
def test_no_file_makes_it_raise(text: bytes, tmp_path: Path) -> None:
    for row in records(write(tmp_path, b"[" + text)):
        assert isinstance(row, Broken | dict)


def reasons(path: Path) -> list[str]:
    return [row.detail if isinstance(row, Broken) else "read" for row in records(path)]


def test_a_malformed_row_costs_itself_alone(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbf [{"a": 1}, {"a": NoNumber}, 7, "text", {"b": "\xff"}, {"a": 2},]')
    found = reasons(path)
    assert [found[0], found[5]] == ["read", "read"]
    assert found[1].startswith("not JSON")
    assert found[2:4] == ["not an object", "not an object"]
    assert found[4].startswith("not UTF-8")


def test_a_file_that_was_cut_off_says_so_in_its_last_row(tmp_path: Path) -> None:
    assert reasons(write(tmp_path, '[{"a": 1}, {"a": "b')) == ["read", "the file ends inside this row"]
    assert reasons(write(tmp_path, '[{"a": 1}')) == ["the file ends inside this row"]
    assert reasons(write(tmp_path, '[{"a": 1}] x')) == ["read", "text after the array"]


def test_lines_are_read_as_lines(tmp_path: Path) -> None:
    assert reasons(write(tmp_path, '{"a": 1}\n\n{"a": \n{"a": 3}\n'))[::2] == ["read", "read"]


def test_memory_does_not_follow_the_file(tmp_path: Path) -> None:
    row = json.dumps({"id": "x", "text": 'a "quoted" {text} ' * 200})
    path = tmp_path / "long.json"
    with path.open("w") as file:
        file.write("[" + ",\n".join([row] * 5000) + "]")  # 20 MB
    tracemalloc.start()
    assert sum(1 for _ in records(path)) == 5000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
