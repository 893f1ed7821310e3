"""What `--source`, `--map` and `--map-file` may say, and how it is refused when it cannot be."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.sources import SourceSpec, open_source, open_spec
from curation.sources.mapping import MISSING, parse_expression
from curation.sources.spec import default_name
from tests.curation.sourced import ROW, bad_use, rows, write_lines


@pytest.mark.parametrize(
    ("spec", "fix"),
    [
        ("jsnl:x.jsonl", "did you mean 'jsonl'"),
        ("data/rows.jsonl", "as jsonl:data/rows.jsonl"),
        ("", "write KIND:PATH"),
        ("folder", "folder:PATH"),
        ("jsonl:", "jsonl:PATH"),
        ("jsonl:/does/not/exist.jsonl", "No such file"),
        ("parquet:/does/not/*.parquet", "no such Parquet file"),
        ("huggingface:/does/not/exist", "neither a folder nor a Hub repository"),
        ("huggingface:owner/../name", "neither a folder nor a Hub repository"),
        ("figures?familes=bar", "did you mean 'families'"),
        ("figures?families=bra", "bar"),
        ("figures?size=large", "640x480"),
        ("figures:bar", "drawn, not read"),
    ],
)
def test_a_source_that_cannot_be_is_refused_with_a_way_out(spec: str, fix: str) -> None:
    assert fix in bad_use(spec)


def test_a_folder_or_pipe_is_no_file_and_a_file_no_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    spec = write_lines(tmp_path / "rows.jsonl", ROW)
    assert "not a file" in bad_use(f"jsonl:{tmp_path}")
    assert "not a file" in bad_use(f"json:{tmp_path / 'pipe'}")
    assert "no such Parquet file" in bad_use(f"parquet:{tmp_path / 'pipe'}")
    assert "not a folder" in bad_use(spec.replace("jsonl:", "folder:"))


@pytest.mark.parametrize(
    ("mapping", "fix"),
    [
        ("imge=image", "did you mean 'image'"),
        ("image", "TARGET=COLUMN"),
        ("=image", "TARGET=COLUMN"),
        ("image=", "TARGET=COLUMN"),
        ("meta.=x", "unknown target"),
        ("image=imag", "did you mean 'image'"),
        ("image={imag}.png", "did you mean 'image'"),
        ("image={image.png", "a brace is not closed"),
        ("image=image}.png", "a brace is not closed"),
        ("image={}.png", "a brace is not closed"),
        ("image={{image}}", "a brace is not closed"),
        ("image={key}.png", "no column 'key'"),
        ("id={0}", "no column '0'"),
        ("answer={answer!r}", "no column 'answer!r'"),
        ("answer={answer:>9}", "no column 'answer:>9'"),
        ("question=Describe it.", "quote it once more"),
        ("kind='digt'", "did you mean 'digit'"),
    ],
)
def test_a_malformed_mapping_is_refused_before_any_row(tmp_path: Path, mapping: str, fix: str) -> None:
    spec = write_lines(tmp_path / "rows.jsonl", ROW, b"not json")
    assert fix in bad_use(spec, maps=[mapping])


def test_an_unmapped_question_is_refused_before_any_row(tmp_path: Path) -> None:
    spec = write_lines(tmp_path / "rows.jsonl", {"image": "a.png", "ask": "Why?"})
    assert "map one of: image, ask" in bad_use(spec)


def test_columns_templates_literals_and_paths_are_mapped(tmp_path: Path) -> None:
    spec = write_lines(tmp_path / "rows.jsonl", {"n": 7, "deep": {"q": "Why?", "list": ["x", "y"]}, "a.b": 1.0})
    maps = ["image=pictures/{n}_{a.b}.png", "question=deep.q", "answer=deep.list.1", "kind='text'", "meta.n=n"]
    [row] = rows(open_source(spec, maps=maps))
    expected = {"image": "pictures/7_1.png", "question": "Why?", "answer": "y", "kind": "text", "meta.n": 7}
    assert row.values == expected


def test_nothing_but_data_can_be_reached_through_a_slot(tmp_path: Path) -> None:
    spec = write_lines(tmp_path / "rows.jsonl", ROW)
    for slot in ("answer.__class__", "question.upper", "answer.real"):
        [row] = rows(open_source(spec, maps=[f"image={{{slot}}}.png", f"context={slot}"]))
        assert "image" not in row.values
        assert "context" not in row.values
        assert set(row.missing) == {"image", "context"}


@given(st.text(alphabet="ab{}.'! ", max_size=12))
def test_any_expression_is_compiled_or_refused(text: str) -> None:
    try:
        expression = parse_expression("question", text)
    except ConfigError:
        return
    value = expression.value({"a": "1", "b": {"a": None}})
    assert value is MISSING or value is None or isinstance(value, str | dict)


def test_common_column_names_are_found_without_a_mapping(tmp_path: Path) -> None:
    row = {"images": ["a.png"], "problem": "Why?", "gt": "x", "choices": ["x", "y"], "solution": "Because."}
    [found] = rows(open_source(write_lines(tmp_path / "rows.jsonl", row)))
    assert found.values == {
        "image": ["a.png"], "question": "Why?", "answer": "x", "options": ["x", "y"], "solution": "Because."
    }  # fmt: skip


def test_columns_called_like_a_field_that_nobody_mapped_are_named(tmp_path: Path) -> None:
    spec = write_lines(tmp_path / "rows.jsonl", {**ROW, "caption": "A red square.", "licence": "cc0", "colour": "red"})
    assert open_source(spec).unread == ("caption", "licence")
    assert open_source(spec, maps=["caption=caption", "licence='cc-by'"]).unread == ()
    assert open_source(spec, maps=["caption=caption", "context=licence"]).unread == ()


def test_a_column_that_only_late_rows_have_can_be_mapped(tmp_path: Path) -> None:
    spec = write_lines(tmp_path / "rows.jsonl", *[ROW] * 1_500, {**ROW, "choices2": ["3", "4"]})
    last = rows(open_source(spec, maps=["options=choices2"]))[-1]
    assert last.values["options"] == ["3", "4"]


def test_a_mapping_file_gives_name_licence_kind_base_and_map(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "map.toml").write_text(
        'name = "towns"\nlicence = "CC-BY-4.0"\nkind = "number"\nbase = "pictures"\n'
        '[map]\nquestion = "ask"\nanswer = "gt"\n[map.meta]\ncity = "town"\n'
    )
    (tmp_path / "pictures" / "a.png").write_bytes(b"picture")
    spec = write_lines(tmp_path / "rows.jsonl", {"image": "a.png", "ask": "Why?", "gt": "1", "n": "2", "town": "Ulm"})
    source = open_source(spec, maps=["answer=n"], map_file=tmp_path / "map.toml")
    [row] = rows(source)
    assert source.name == "towns"
    assert row.files.read("a.png", 100) == b"picture"
    fixed = {"kind": "number", "licence": "CC-BY-4.0"}
    assert row.values == {"image": "a.png", "question": "Why?", "answer": "2", "meta.city": "Ulm", **fixed}


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("nam = 'x'", "did you mean 'name'"),
        ("kind = 'digt'", "did you mean 'digit'"),
        ("name = 3", "must be text"),
        ("name = ''", "1 to 80"),
        ("map = 3", "must be a table"),
        ("[map]\nanswer = 3", "must be text"),
        ("[map", "not TOML"),
        ("base = 'nowhere'", "not a folder"),
    ],
)
def test_a_malformed_mapping_file_is_refused(tmp_path: Path, text: str, fix: str) -> None:
    (tmp_path / "map.toml").write_text(text)
    spec = write_lines(tmp_path / "rows.jsonl", ROW)
    assert fix in bad_use(spec, map_file=tmp_path / "map.toml")


def test_names_come_from_the_file_or_from_its_folder_when_the_file_says_nothing() -> None:
    assert default_name("json", "/data/tabmwp/problems.json") == "tabmwp"
    assert default_name("jsonl", "/data/mathvision/testmini.jsonl") == "mathvision"
    assert default_name("jsonl", "/data/geo/geoqa 170k.jsonl") == "geoqa-170k"
    assert default_name("parquet", "/data/docvqa/train-00000-of-00004.parquet") == "docvqa"
    assert default_name("parquet", "/data/docvqa/*.parquet") == "docvqa"
    assert default_name("folder", "/data/photos") == "photos"
    assert default_name("huggingface", "owner/chartqa") == "chartqa"


def test_a_spec_survives_json_and_opens_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path / "rows.jsonl", ROW, ROW)
    monkeypatch.chdir(tmp_path)
    source = open_source("jsonl:rows.jsonl", maps=["kind='digit'"], limit=1)
    monkeypatch.chdir("/")
    again = SourceSpec.from_json(json.loads(json.dumps(source.describe()))["spec"])
    assert again == source.spec
    assert [row.values for row in rows(open_spec(again))] == [row.values for row in rows(source)]
