"""What fsck finds, and what it leaves alone."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from curation.errors import StoreError
from curation.records import Image
from storage.fsck import Report
from storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def put(store: Store, content: bytes, *, rows: bool = True) -> Path:
    image = Image(hashlib.sha256(content).hexdigest(), "png", 4, 4, len(content), "p", 7)
    store.put_images([(image, content)])
    if rows:
        row = {"sha256": image.sha256, "format": "png", "width": 4, "height": 4, "size": image.size, "phash": 7}
        store.append("images", [row])
        store.append("samples", [{"sample_id": content.decode(), "image": image.sha256}])
    return store.image_path(image.sha256, "png")


def found(report: Report) -> list[tuple[str, str]]:
    return [(problem.code, Path(problem.path).name) for problem in report.problems]


def test_a_sound_store_is_counted_and_has_no_problems(store: Store) -> None:
    for content in (b"one", b"three"):
        put(store, content)
    store.compact(force=True)
    put(store, b"five5")
    report = store.fsck()
    assert (report.ok, report.problems) == (True, ())
    assert (report.counts["samples"], report.counts["images"], report.counts["calls"]) == (3, 3, 0)
    assert (report.counts["image_files"], report.counts["image_bytes"]) == (3, 13)
    assert (report.counts["segment_files"], report.counts["tail_segments"]) == (6, 2)


def test_a_changed_image_is_damaged(store: Store) -> None:
    path = put(store, b"picture")
    path.write_bytes(b"Picture")
    report = store.fsck()
    assert not report.ok
    assert found(report) == [("image_damaged", path.name)]


def test_an_image_that_rows_name_and_nobody_has_is_missing(store: Store) -> None:
    path = put(store, b"picture")
    path.unlink()
    store.append("samples", [{"sample_id": "x", "image": "f" * 64}, {"sample_id": "y", "image": "../../etc/passwd"}])
    report = store.fsck()
    assert not report.ok
    assert {name for code, name in found(report) if code == "image_missing"} == {path.name, "f" * 64, "passwd"}


def test_an_image_nobody_names_only_takes_space(store: Store) -> None:
    path = put(store, b"picture", rows=False)
    report = store.fsck(repair=True)
    assert report.ok
    assert found(report) == [("image_orphan", path.name)]
    assert path.exists()


def test_strange_files_among_the_images_are_told(store: Store) -> None:
    path = put(store, b"picture")
    (path.parent / "Thumbs.db").write_bytes(b"")
    misplaced = store.root / "images" / "zz" / path.name
    misplaced.parent.mkdir()
    path.rename(misplaced)
    assert sorted(found(store.fsck())) == [
        ("image_missing", path.name),
        ("image_strange", path.name),
        ("image_strange", "Thumbs.db"),
    ]


def test_only_old_temporary_files_are_told_and_only_repair_deletes_them(store: Store) -> None:
    put(store, b"picture")
    young = store.root / "segments" / "calls" / ".a.parquet.1.0.tmp"
    old = [store.root / "images" / ".b.png.1.0.tmp", store.root / "generations" / ".c.duckdb.1.0.tmp.wal"]
    for path in (young, *old):
        path.write_bytes(b"half")
    for path in old:
        os.utime(path, (time.time() - 7200,) * 2)
    report = store.fsck()
    assert report.ok
    assert found(report) == [("temporary_file", path.name) for path in sorted(old)]
    assert sorted(store.fsck(repair=True).repaired) == sorted(map(str, old))
    assert store.fsck().problems == ()
    assert young.exists()


def damaged_generation(store: Store, offset: int) -> Report:
    store.append("calls", [{"key": os.urandom(200).hex(), "reply": os.urandom(2000).hex()} for _ in range(500)])
    report = store.compact(force=True)
    assert report is not None
    with open(store.root / "generations" / report.generation, "r+b") as file:
        file.seek(offset)
        file.write(b"garbage!")
    return store.fsck()


def test_a_damaged_block_of_the_generation_is_found(store: Store) -> None:
    report = damaged_generation(store, 12_288 + 3 * 262_144 + 5000)
    assert not report.ok
    assert [(code, name) for code, name in found(report)] == [("generation_damaged", "corpus-000001.duckdb")]
    assert "table calls" in report.problems[0].detail
    with pytest.raises(StoreError, match=r"to go back one, write corpus-000000\.duckdb into"):
        store.query("select max(key), max(reply) from raw_calls")


def test_a_generation_that_does_not_open_is_found_with_the_way_back(store: Store) -> None:
    report = damaged_generation(store, 12_288 + 100)
    assert not report.ok
    assert [problem.code for problem in report.problems] == ["rows_unreadable"]
    assert "write corpus-000000.duckdb into" in report.problems[0].detail


def test_a_thousand_images_are_checked_in_seconds(store: Store) -> None:
    contents = [os.urandom(30_000) for _ in range(1000)]
    images = [Image(hashlib.sha256(c).hexdigest(), "png", 4, 4, len(c), "p", 7) for c in contents]
    store.put_images(list(zip(images, contents, strict=True)))
    store.append("images", [{"sha256": image.sha256, "format": "png"} for image in images])
    started = time.monotonic()
    report = store.fsck()
    assert (report.problems, report.counts["image_files"]) == ((), 1000)
    assert time.monotonic() - started < 15  # 5 s on an idle machine


def test_a_damaged_first_generation_is_made_anew_on_request_and_no_row_is_lost(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.append("calls", [{"key": "a"}])
    os.truncate(store.root / "generations" / "corpus-000000.duckdb", 5000)
    [problem] = store.fsck().problems
    assert f"`vistill fsck --repair --store {store.root}`" in problem.detail
    report = store.fsck(repair=True)
    assert report.ok
    assert report.counts["calls"] == 1
    assert report.repaired == (str(store.root / "generations" / "corpus-000000.duckdb"),)
