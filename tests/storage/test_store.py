"""Appending, reading, pictures, and opening what is not a store."""

import hashlib
import json
import os
import pickle
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import StoreError
from curation.records import Image
from storage import images as image_files
from storage import migrations, schema
from storage import snapshot as snapshot_module
from storage.store import Store

PICTURE = b"\x89PNG not really, the store does not look inside"
SHA = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def call(key: str, **more: object) -> dict[str, object]:
    return {"key": key, "model": "m", "draw": 0, **more}


def keys(store: Store) -> list[str]:
    return store.query("select key from raw_calls order by key")["key"].to_pylist()


def picture(content: bytes = PICTURE, sha256: str | None = None) -> tuple[Image, bytes]:
    sha256 = sha256 or hashlib.sha256(content).hexdigest()
    return Image(sha256, "PNG", 10, 10, len(content), "p", 0), content


def test_appended_rows_are_seen_at_once_by_another_process_view(store: Store) -> None:
    store.append("calls", [call("a"), call("b")])
    assert keys(Store.open(store.root)) == ["a", "b"]


def test_every_column_of_every_table_comes_back_as_it_went_in(store: Store) -> None:
    examples = {
        "VARCHAR": "x",
        "VARCHAR[]": ["x", "y"],
        "JSON": {"a": [1, None]},
        "BOOLEAN": True,
        "INTEGER": -5,
        "BIGINT": 1 << 40,
        "UBIGINT": (1 << 64) - 1,
        "DOUBLE": 0.25,
    }
    for table, columns in schema.TABLES.items():
        row = {name: examples[kind] for name, kind in columns.items()}
        store.append(table, [row, {}])
        first, second = store.query(f"from raw_{table} order by created").to_pylist()
        json_columns = [name for name, kind in columns.items() if kind == "JSON"]
        assert {**first, **{name: json.loads(first[name]) for name in json_columns}} == row
        assert {name for name, value in second.items() if value is not None} == {"created"}


def test_json_columns_answer_to_json_operators(store: Store) -> None:
    values = [{"x": 1}, "caption", 3, [1], True, None, b'{"x": "already text"}']
    store.append("outcomes", [{"draw": i, "value": value} for i, value in enumerate(values)])
    sql = "select value->>'x' as x, value::varchar as text, typeof(value) as kind from raw_outcomes order by draw"
    rows = store.query(sql).to_pylist()
    assert [row["x"] for row in rows] == ["1", None, None, None, None, None, "already text"]
    assert [row["text"] for row in rows[:6]] == ['{"x":1}', '"caption"', "3", "[1]", "true", None]
    assert {row["kind"] for row in rows} == {"JSON"}


def test_the_same_rows_appended_twice_are_there_once(store: Store) -> None:
    names = [store.append("calls", [call("a")]) for _ in range(2)]
    assert names[0] == names[1]
    assert keys(store) == ["a"]


def test_a_named_segment_is_written_once(store: Store) -> None:
    for key in ("a", "b"):
        assert store.append("calls", [call(key)], name="run1-batch7") == "run1-batch7"
    assert keys(store) == ["a"]


def test_no_rows_leave_no_file(store: Store) -> None:
    store.append("calls", [])
    assert list((store.root / "segments" / "calls").iterdir()) == []


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a\0b", "x" * 201, "é"])
def test_a_segment_name_cannot_leave_its_folder(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="segment name"):
        store.append("calls", [call("a")], name=name)


def test_mistakes_of_the_caller_name_table_and_column(store: Store) -> None:
    with pytest.raises(StoreError, match=r"calls has no column \['modle'\]; it has key, teacher"):
        store.append("calls", [{"modle": "m"}])
    with pytest.raises(StoreError, match=r"calls\.draw takes INTEGER"):
        store.append("calls", [{"draw": "many"}])
    with pytest.raises(StoreError, match="unknown table 'cals'"):
        store.append("cals", [{}])
    assert keys(store) == []


def test_hostile_text_is_stored_rather_than_refused(store: Store) -> None:
    reply, value = "lone \ud800, nul \0, ‮rtl, 漢字", {"\udfff": [float("nan"), 1 << 80, {1: "\ud800"}]}
    store.append("calls", [call("a", reply=reply)])
    store.append("outcomes", [{"value": value}])
    assert store.query("select reply from raw_calls")["reply"].to_pylist() == ["lone ?, nul \0, ‮rtl, 漢字"]
    [text] = store.query("select value from raw_outcomes")["value"].to_pylist()
    assert json.loads(text) == {"?": [None, 1 << 80, {"1": "?"}]}
    assert store.query("select value->'$.*' as v from raw_outcomes").num_rows == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_any_json_value_becomes_json_text(value: object) -> None:
    from storage.rows import json_text, rows_digest

    text = json_text(value)
    text.encode()
    json.loads(text)
    assert rows_digest("outcomes", [{"value": value}]) == rows_digest("outcomes", [{"value": value}])


def test_a_wrong_query_is_one_clear_line(store: Store) -> None:
    with pytest.raises(StoreError, match=r"^query failed: .*nope") as caught:
        store.query("select nope from raw_calls")
    assert "\n" not in str(caught.value)


def test_parameters_are_bound_not_pasted(store: Store) -> None:
    store.append("calls", [call("a' or 1=1 --")])
    sql = "select count(*) as n from raw_calls where key = ?"
    assert store.query(sql, ["a' or 1=1 --"])["n"].to_pylist() == [1]
    assert store.query(sql, ["b"])["n"].to_pylist() == [0]


def test_a_snapshot_stands_still_until_it_is_refreshed(store: Store) -> None:
    sql = "select count(*) as n from raw_calls"
    store.append("calls", [call("a")])
    with store.snapshot() as snapshot:
        store.append("calls", [call("b")])
        assert snapshot.query(sql)["n"].to_pylist() == [1]
        snapshot.refresh()
        assert snapshot.query(sql)["n"].to_pylist() == [2]


def test_threads_append_and_query_one_store_together(store: Store) -> None:
    def work(number: int) -> int:
        store.append("calls", [call(f"k{number}")])
        return int(store.query("select count(*) as n from raw_calls")["n"][0].as_py())

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(work, range(12)))
    assert len(keys(store)) == 12 == max(counts)


def test_a_store_travels_as_a_pickle(store: Store) -> None:
    store.append("calls", [call("a")])
    assert keys(pickle.loads(pickle.dumps(store))) == ["a"]  # noqa: S301


def test_a_path_with_quotes_and_wildcards_is_only_a_path(tmp_path: Path) -> None:
    store = Store.open(tmp_path / 'it\'s [1] "odd" * ünï')
    store.append("calls", [call("a")])
    store.compact(force=True)
    store.append("calls", [call("b")])
    assert keys(store) == ["a", "b"]


# Opening


@pytest.mark.parametrize("name", ["what?", "back\\slash"])
def test_a_path_that_duckdb_misreads_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="choose another --store"):
        Store.open(tmp_path / name)


def test_a_missing_store_is_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store at"):
        Store.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    assert Store.open(tmp_path / "none").root.is_dir()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not touch")
    with pytest.raises(StoreError, match="is not a Vistill store"):
        Store.open(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_file_is_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        Store.open(tmp_path / "file")
    with pytest.raises(StoreError, match="not a directory"):
        Store.open(tmp_path / "file" / "below")


def test_a_store_of_a_newer_version_says_upgrade(store: Store) -> None:
    (store.root / "VERSION").write_text("99\n")
    with pytest.raises(StoreError, match=r"newer Vistill \(store version 99, this one reads up to \d+\): upgrade"):
        Store.open(store.root)


@pytest.mark.parametrize("text", ["", "two", "-1", "\x00\xff"])
def test_a_garbled_version_is_not_guessed(store: Store, text: str) -> None:
    (store.root / "VERSION").write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match="should hold a number"):
        Store.open(store.root)


def test_a_read_only_folder_is_refused_with_advice(store: Store) -> None:
    if os.geteuid():
        store.root.chmod(0o500)
        with pytest.raises(StoreError, match="not writable"):
            Store.open(store.root)
        return
    mount = subprocess.run(["mount", "--bind", "-o", "ro", store.root, store.root], capture_output=True)
    if mount.returncode:
        pytest.skip("may not mount")
    try:
        with pytest.raises(StoreError, match=r"not writable|read-only"):
            Store.open(store.root)
    finally:
        subprocess.run(["umount", store.root], check=True)


def test_an_older_store_is_migrated_and_its_segments_still_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append("calls", [call("old-generation")])
    store.compact(force=True)
    store.append("calls", [call("old-segment")])

    wider = {**schema.TABLES, "calls": {**schema.TABLES["calls"], "mood": "VARCHAR"}}
    for module in ("schema", "rows", "segments", "migrations", "generations", "compaction", "sql", "view_catalog"):
        monkeypatch.setattr(f"storage.{module}.TABLES", wider)
    add = "alter table calls add column if not exists mood varchar"
    later = [*migrations.MIGRATIONS, lambda generation: generation.execute(add)]
    monkeypatch.setattr(migrations, "MIGRATIONS", later)

    newer = Store.open(store.root)
    newer.append("calls", [call("new", mood="calm")])
    for _ in range(2):
        rows = newer.query("select key, mood from raw_calls order by key").to_pylist()
        assert [tuple(row.values()) for row in rows] == [
            ("new", "calm"),
            ("old-generation", None),
            ("old-segment", None),
        ]
        newer.compact(force=True)
    assert (store.root / "VERSION").read_text() == f"{len(later)}\n"
    assert Store.open(tmp_fresh := store.root.parent / "fresh").query("select mood from raw_calls").num_rows == 0
    assert tmp_fresh.exists()


# Pictures


def test_pictures_are_stored_by_content_once(store: Store) -> None:
    store.put_images([picture(), picture(), picture(b"other")])
    path = store.image_path(SHA, "PNG")
    assert path == store.root / "images" / SHA[:2] / f"{SHA}.png"
    before = path.stat().st_mtime_ns
    store.put_images([picture()])
    assert path.stat().st_mtime_ns == before
    assert store.read_image(SHA, "PNG") == PICTURE
    assert len(list((store.root / "images").glob("*/*"))) == 2


def test_a_picture_cut_short_by_a_power_failure_is_written_again(store: Store) -> None:
    store.put_images([picture()])
    store.image_path(SHA, "png").write_bytes(PICTURE[:5])
    store.put_images([picture()])
    assert store.read_image(SHA, "png") == PICTURE


def test_a_wrong_hash_stores_nothing_of_the_batch(store: Store) -> None:
    with pytest.raises(StoreError, match="does not match"):
        store.put_images([picture(b"fine"), picture(sha256="0" * 64)])
    assert list((store.root / "images").iterdir()) == []


def test_damaged_and_missing_pictures_are_told(store: Store) -> None:
    with pytest.raises(StoreError, match="cannot read image"):
        store.read_image(SHA, "png")
    store.put_images([picture()])
    store.image_path(SHA, "png").write_bytes(b"x" * len(PICTURE))
    with pytest.raises(StoreError, match="is damaged"):
        store.read_image(SHA, "png")


@pytest.mark.parametrize(
    ("sha256", "kind"),
    [
        ("../../../etc/passwd", "png"),
        (SHA, "../x"),
        (SHA, ""),
        (SHA[:-1], "png"),
        (SHA.upper(), "png"),
        (SHA + "\n", "png"),
    ],
)
def test_image_names_cannot_leave_the_store(store: Store, sha256: str, kind: str) -> None:
    with pytest.raises(StoreError, match="not an image of a store"):
        store.image_path(sha256, kind)


def test_pictures_written_by_many_threads_at_once_are_whole(store: Store) -> None:
    batch = [picture(os.urandom(1000)) for _ in range(20)]
    threads = [threading.Thread(target=store.put_images, args=(batch,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(store.read_image(image.sha256, "png") == content for image, content in batch)
    assert not [path for path in (store.root / "images").rglob("*") if "tmp" in path.name]


def test_nothing_is_left_when_storing_pictures_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image_files, "fsync_path", full)
    with pytest.raises(StoreError, match="the disk is full"):
        store.put_images([picture()])
    assert not [path for path in (store.root / "images").rglob("*") if path.is_file()]


def test_segments_are_plain_parquet_for_other_tools(store: Store) -> None:
    name = store.append("outcomes", [{"sample_id": "s", "value": {"a": 1}, "calls": ["c"]}])
    table = pq.read_table(store.root / "segments" / "outcomes" / f"{name}.parquet")
    assert table.schema.field("value").type == pa.json_()
    assert table["calls"].to_pylist() == [["c"]]


def test_a_lean_snapshot_answers_a_query_that_needs_more_memory_than_it_allows_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_module, "LEAN", {"memory_limit": "24MB"})
    wide = "select len(list(i)) as n from range(8000000) r(i)"
    with Store.open(tmp_path / "store").snapshot(lean=True) as snapshot:
        with pytest.raises(duckdb.OutOfMemoryException):
            snapshot.connection.sql(wide).fetchall()
        assert snapshot.query(wide)["n"].to_pylist() == [8000000]
        with pytest.raises(duckdb.OutOfMemoryException):  # and is lean again
            snapshot.connection.sql(wide).fetchall()
