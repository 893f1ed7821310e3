"""The rows that each kind of source gives, and what becomes of those that cannot be read."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.errors import RunStopped, SampleError
from curation.records import Rejected
from curation.sources import open_source
from curation.sources.huggingface import DatasetFiles
from tests.curation.sourced import ROW, bad_use, refused, rows, write_lines


def test_broken_lines_are_told_one_by_one_and_the_rest_is_read(tmp_path: Path) -> None:
    bad = b'{"question": ' + b"x" * 5_000
    spec = write_lines(tmp_path / "rows.jsonl", ROW, bad, b"", b'{"id": "caf\xe9"}', b"[1]", b"[" * 99_999, ROW)
    source = open_source(spec)
    assert len(rows(source)) == 2
    reasons = refused(source)
    assert [reason for reason, _ in reasons] == ["row_malformed", "row_encoding", "row_malformed", "row_malformed"]
    assert reasons[0][1] == bad.decode()[:2000]
    assert "caf\\xe9" in reasons[1][1]
    assert [row.position for row in source.rows()] == [0, 1, 2, 3, 4, 5]


def test_a_broken_line_is_named_by_its_content(tmp_path: Path) -> None:
    first = open_source(write_lines(tmp_path / "rows.jsonl", ROW, b"{broken"))
    second = open_source(write_lines(tmp_path / "rows.jsonl", b"{broken", ROW))
    [a], [b] = ([row for row in source.rows() if isinstance(row, Rejected)] for source in (first, second))
    assert a.id == b.id


def test_deep_nesting_is_refused_and_not_followed(tmp_path: Path) -> None:
    deep = b'{"question": ' + b"[" * 400 + b"]" * 400 + b"}"
    assert refused(open_source(write_lines(tmp_path / "rows.jsonl", ROW, deep)))[0][0] == "row_malformed"


def test_a_byte_order_mark_and_windows_line_ends_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ROW).encode() + b"\r\n\r\n" + json.dumps(ROW).encode() + b"\r\n")
    assert len(list(open_source(f"jsonl:{path}").rows())) == 2


def test_json_is_a_list_an_object_by_key_or_lines(tmp_path: Path) -> None:
    path, other = tmp_path / "rows.json", {**ROW, "id": "b"}
    for text in (json.dumps([ROW, other]), json.dumps(ROW) + "\n" + json.dumps(other)):
        path.write_text(text)
        assert [row.values["id"] for row in rows(open_source(f"json:{path}"))] == ["a", "b"]
    path.write_text(json.dumps({"7": ROW, "9": other}))
    found = rows(open_source(f"json:{path}", maps=["image=images/{key}.png"]))
    assert [(row.values["id"], row.values["image"]) for row in found] == [("7", "images/7.png"), ("9", "images/9.png")]
    path.write_text(json.dumps({"data": [ROW]}))
    assert "rows=data" in bad_use(f"json:{path}")
    assert rows(open_source(f"json:{path}?rows=data"))[0].values["id"] == "a"


def test_a_key_given_twice_is_two_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"7": {"question": "first"}, "7": {"question": "second"}}')
    assert [row.values["question"] for row in rows(open_source(f"json:{path}"))] == ["first", "second"]


def test_a_json_entry_that_is_no_object_is_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"1": ROW, "2": ROW, "3": "text"}))
    source = open_source(f"json:{path}")
    assert (len(rows(source)), refused(source)) == (2, [("row_malformed", '"text"')])


@pytest.mark.parametrize(
    ("content", "fix"),
    [(b'{"a": "caf\xe9"}', "byte 10 (0xe9)"), (b'{"a": ', "not JSON"), (b"3", "neither a list"), (b"", "not JSON")],
)
def test_a_json_file_that_cannot_be_split_into_rows_is_refused(tmp_path: Path, content: bytes, fix: str) -> None:
    (tmp_path / "rows.json").write_bytes(content)
    assert fix in bad_use(f"json:{tmp_path / 'rows.json'}")


def test_parquet_gives_rows_of_all_files_and_only_mapped_columns(tmp_path: Path) -> None:
    for name in ("b", "a"):
        table = pa.table({"image": [{"bytes": b"x", "path": None}], "question": [name], "huge": ["never read"]})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    source = open_source(f"parquet:{tmp_path}/*.parquet")
    assert [row.record for row in rows(source)] == [
        {"image": {"bytes": b"x", "path": None}, "question": name} for name in ("a", "b")
    ]
    assert "did you mean 'huge'" in bad_use(f"parquet:{tmp_path}/a.parquet", maps=["context=hug"])


def test_parquet_text_that_is_not_utf8_is_one_rows_trouble(tmp_path: Path) -> None:
    column = pa.array([b"fine", b"caf\xe9", b"too"]).view(pa.string())
    pq.write_table(pa.table({"question": column}), tmp_path / "rows.parquet")
    source = open_source(f"parquet:{tmp_path}/rows.parquet")
    assert [row.values["question"] for row in rows(source)] == ["fine", "too"]
    assert refused(source) == [("row_encoding", "caf\\xe9")]


def test_a_parquet_file_damaged_inside_stops_the_run(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"question": [str(n) * 50 for n in range(9999)]}), path, compression="zstd")
    data = bytearray(path.read_bytes())
    data[200:2000] = bytes(1800)
    path.write_bytes(data)
    source = open_source(f"parquet:{path}")
    with pytest.raises(RunStopped, match="cannot be read further"):
        list(source.rows())
    (tmp_path / "no.parquet").write_text("text")
    assert "not a Parquet file" in bad_use(f"parquet:{tmp_path}/no.parquet")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name in ("b.png", "a.JPG", "sub/c.png", ".hidden.png", "notes.md"):
        (tmp_path / name).write_bytes(b"picture")
    (tmp_path / "a.json").write_text('{"question": "Why?", "answer": "x"}')
    (tmp_path / "b.txt").write_text("What is it?\n")
    return tmp_path


def test_a_folder_gives_its_pictures_with_what_lies_beside_them(pictures: Path) -> None:
    found = rows(open_source(f"folder:{pictures}"))
    assert [row.values for row in found] == [
        {"image": "a.JPG", "question": "Why?", "answer": "x"},
        {"image": "b.png"},
        {"image": "sub/c.png"},
    ]
    assert [row.values.get("question") for row in rows(open_source(f"folder:{pictures}", maps=["question=text"]))] == [
        None, "What is it?", None
    ]  # fmt: skip
    described = rows(open_source(f"folder:{pictures}", maps=["question='Describe {it}.'", "id=name"]))
    assert {row.values["question"] for row in described} == {"Describe {it}."}
    assert [row.values["id"] for row in described] == ["a", "b", "c"]


def test_a_broken_sidecar_refuses_its_picture_only(pictures: Path) -> None:
    (pictures / "b.txt").write_bytes(b"caf\xe9")
    (pictures / "sub" / "c.json").write_text("{")
    source = open_source(f"folder:{pictures}")
    assert len(rows(source)) == 1
    assert [reason for reason, _ in refused(source)] == ["row_encoding", "row_malformed"]


def test_a_sidecar_or_metadata_that_links_out_of_the_folder_is_not_read(pictures: Path, tmp_path: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret.jsonl"
    secret.write_text('{"question": "secret", "image": "b.png"}')
    (pictures / "b.json").symlink_to(secret)
    [(reason, raw)] = refused(open_source(f"folder:{pictures}"))
    assert reason == "row_malformed"
    assert "secret" not in raw
    (pictures / "metadata.jsonl").symlink_to(secret)
    assert "a link out of the folder" in bad_use(f"folder:{pictures}")


@pytest.mark.parametrize("metadata", ["csv", "jsonl"])
def test_a_folders_metadata_gives_its_rows(pictures: Path, metadata: str) -> None:
    if metadata == "csv":
        (pictures / "metadata.csv").write_text('file_name,question,answer\nb.png,"Why, then?",\nodd\n')
    else:
        write_lines(
            pictures / "metadata.jsonl", {"file_name": "b.png", "question": "Why, then?", "answer": None}, b"odd"
        )
    source = open_source(f"folder:{pictures}")
    assert [row.values for row in rows(source)] == [{"image": "b.png", "question": "Why, then?", "answer": None}]
    assert [reason for reason, _ in refused(source)] == ["row_malformed"]


def test_figures_are_rows_like_any_other() -> None:
    plain = rows(open_source("figures", seed=3, limit=4))
    again = rows(open_source("figures?size=320x240&families=bar,pie&kinds=mcq", seed=3, limit=2))
    assert [row.values["id"] for row in plain[:2]] == ["3-000000", "3-000001"]
    assert all(isinstance(row.values["image"], bytes) for row in plain)
    assert [row.values["kind"] for row in again] == ["mcq", "mcq"]
    assert again[0].values["id"].startswith("3-000000-")
    assert [row.values for row in plain] == [row.values for row in rows(open_source("figures", seed=3, limit=4))]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    pytest.importorskip("datasets")
    (tmp_path / "data").mkdir()
    image = {"bytes": b"not decoded here", "path": "x.png"}
    table = pa.table({"image": [image, image], "question": ["one", "two"], "answer": [1.5, None]})
    meta = {"info": {"features": {"image": {"_type": "Image"}, "question": {"dtype": "string", "_type": "Value"},
            "answer": {"dtype": "float64", "_type": "Value"}}}}  # fmt: skip
    table = table.replace_schema_metadata({"huggingface": json.dumps(meta)})
    for split in ("train", "test"):
        pq.write_table(table, tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    return tmp_path


def test_data_sets_stream_with_pictures_undecoded(dataset: Path) -> None:
    found = rows(open_source(f"huggingface:{dataset}?split=train", maps=["kind='number'"], limit=1))
    assert [row.values["answer"] for row in found] == [1.5]
    assert found[0].values["image"] == {"bytes": b"not decoded here", "path": "x.png"}


def test_a_data_set_needs_a_split_that_it_has(dataset: Path) -> None:
    assert "?split=…" in bad_use(f"huggingface:{dataset}")
    assert "tset" in bad_use(f"huggingface:{dataset}?split=tset")
    assert "did you mean 'split'" in bad_use(f"huggingface:{dataset}?splt=train")


@pytest.mark.parametrize(
    ("home", "path"),
    [
        ("hf://datasets/a/b@", "hf://datasets/a/bc@main/x.png"),
        ("hf://datasets/a/b@", "https://example.org/x.png"),
        ("hf://datasets/a/b@", "/etc/passwd"),
        ("hf://datasets/a/b@", "zip://x.png::/tmp/x.zip"),
        ("hf://datasets/a/b@", "file:///etc/passwd::hf://datasets/a/b@main/x.zip"),
        ("/data", "zip://x.png::/tmp/x.zip"),
        ("/data", "https://example.org/x.png"),
        ("/data", "/etc/passwd"),
    ],
)
def test_pictures_of_a_data_set_come_from_nowhere_else(home: str, path: str) -> None:
    with pytest.raises(SampleError) as caught:
        DatasetFiles(home).read(path, 100)
    assert caught.value.reason == "image_outside"


def test_pictures_in_a_data_sets_archive_are_read(tmp_path: Path) -> None:
    zipfile = pytest.importorskip("zipfile")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/x.png", b"picture")
    files, archive = DatasetFiles(str(tmp_path)), tmp_path / "a.zip"
    assert files.read(f"zip://in/x.png::{archive}", 100) == b"picture"
    for path, limit, reason in (("y.png", 100, "image_missing"), ("in/x.png", 3, "image_too_large")):
        with pytest.raises(SampleError) as caught:
            files.read(f"zip://{path}::{archive}", limit)
        assert caught.value.reason == reason


def lines_of(path: Path, count: int) -> str:
    with path.open("w") as file:
        for n in range(count):
            file.write(json.dumps({"id": n, "image": "a.png", "question": "x" * 300, "answer": n}) + "\n")
    return f"jsonl:{path}"


def parquet_of(path: Path, count: int) -> str:
    schema = pa.schema({"id": pa.int64(), "question": pa.string()})
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, count, 1000):
            part = list(range(start, start + 1000))
            writer.write_table(pa.table({"id": part, "question": [str(n) * 60 for n in part]}, schema=schema))
    return f"parquet:{path}"


@pytest.mark.parametrize("write", [lines_of, parquet_of])
def test_many_rows_stream_in_flat_memory(tmp_path: Path, write: Callable[[Path, int], str]) -> None:
    source = open_source(write(tmp_path / "rows", 25_000))
    tracemalloc.start()
    try:
        count = sum(1 for _ in source.rows())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 25_000
    assert peak < 3_000_000  # a quarter of the rows' own size
