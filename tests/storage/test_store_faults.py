"""What the store does when processes die, disks fill up and files are damaged."""

import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.errors import StoreError
from curation.records import Image
from storage import compaction
from storage.store import Store

HERE = Path(__file__).parent


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def rows(prefix: str, count: int = 3, size: int = 10) -> list[dict[str, object]]:
    return [{"key": f"{prefix}{i}", "reply": os.urandom(size).hex()} for i in range(count)]


def keys(store: Store) -> list[str]:
    return store.query("select key from raw_calls order by key")["key"].to_pylist()


def leftovers(store: Store) -> list[Path]:
    return [path for path in store.root.rglob("*") if "tmp" in path.name or path.suffix == ".wal"]


# Death


def crash(mode: str, folder: Path, number: int) -> dict[str, dict[str, object]]:
    command = [sys.executable, HERE / "crashes.py", mode, folder, str(number)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def assert_survived(found: dict[str, dict[str, object]], kills: int) -> None:
    for part in found.values():
        assert part["problems"] == []
        assert int(str(part["kills"])) >= kills


def test_dying_before_a_file_system_call_loses_and_doubles_nothing(tmp_path: Path) -> None:
    assert_survived(crash("steps", tmp_path, 7), kills=4)


@pytest.mark.slow
def test_dying_before_every_file_system_call_loses_and_doubles_nothing(tmp_path: Path) -> None:
    assert_survived(crash("steps", tmp_path, 1), kills=25)


def test_random_kills_of_writers_and_compactors_lose_and_double_nothing(tmp_path: Path) -> None:
    found = crash("storm", tmp_path, 4)
    assert found["problems"] == []
    assert int(str(found["acked"])) > 0
    assert int(str(found["kills"])) > 3


# Full disks


@contextmanager
def small_disk(mount: Path, size: str) -> Iterator[Path]:
    """A file system of that size."""
    if os.geteuid():
        pytest.skip("needs root to mount a small file system")
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", mount]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", mount], check=False)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Store]:
    """A store on a file system of 3 MB of which little is left."""
    with small_disk(tmp_path / "small", "3m") as mount:
        store = Store.open(mount / "store")
        store.append("calls", rows("kept"))
        assert keys(store) == ["kept0", "kept1", "kept2"]
        free = os.statvfs(mount).f_bavail * os.statvfs(mount).f_bsize
        (mount / "filler").write_bytes(b"x" * (free - (64 << 10)))
        yield store


def assert_full(error: pytest.ExceptionInfo[StoreError], store: Store) -> None:
    message = str(error.value)
    assert "\n" not in message
    assert str(store.root) in message
    assert leftovers(store) == []
    assert keys(store) == ["kept0", "kept1", "kept2"]


def test_a_full_disk_stops_an_append_with_one_line(full_disk: Store) -> None:
    with pytest.raises(StoreError, match="the disk is full: free some space") as error:
        full_disk.append("calls", rows("big", 100, 5000))
    assert_full(error, full_disk)
    full_disk.root.parent.joinpath("filler").unlink()
    full_disk.append("calls", rows("later", 1))
    assert keys(full_disk)[-1] == "later0"


def use_new_store(root: Path) -> None:
    """Writes a generation, the views' file and a segment of half a megabyte."""
    store = Store.open(root)
    store.query("from funnel")
    store.append("calls", rows("big", 100, 5000))


@pytest.mark.parametrize("size", [50, 200, 300, 400, 500, 600, 700])
def test_wherever_a_disk_is_full_while_a_store_is_made_it_can_be_used_later(tmp_path: Path, size: int) -> None:
    with small_disk(tmp_path / "small", f"{size}k") as mount:
        with pytest.raises(StoreError) as error:
            use_new_store(mount / "store")
        assert "\n" not in str(error.value)
        assert leftovers(Store(mount / "store")) == []
        subprocess.run(["mount", "-o", "remount,size=10m", mount], check=True)
        later = Store.open(mount / "store")
        later.append("calls", rows("later", 1))
        assert keys(later) == ["later0"]


def test_a_full_disk_stops_pictures_with_one_line(full_disk: Store) -> None:
    import hashlib

    content = os.urandom(300_000)
    image = Image(hashlib.sha256(content).hexdigest(), "png", 1, 1, len(content), "p", 0)
    with pytest.raises(StoreError, match="the disk is full") as error:
        full_disk.put_images([(image, content)])
    assert_full(error, full_disk)
    assert not full_disk.image_path(image.sha256, "png").exists()


def test_a_full_disk_stops_a_compaction_with_one_line_and_the_old_generation_lives_on(full_disk: Store) -> None:
    live = (full_disk.root / "CURRENT").read_text()
    with pytest.raises(StoreError, match=r"(?i)full|no space") as error:
        full_disk.compact(force=True)
    assert_full(error, full_disk)
    assert (full_disk.root / "CURRENT").read_text() == live


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What `ulimit -f` and a quota do: a write beyond `size` bytes of a file fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_size_limit_stops_an_append_with_one_line(store: Store) -> None:
    with files_of_at_most(100_000), pytest.raises(StoreError, match="size limit") as error:
        store.append("calls", rows("big", 100, 5000))
    assert "\n" not in str(error.value)
    assert leftovers(store) == []
    assert keys(store) == []


@pytest.mark.parametrize("size", [0, 1, 5_000, 20_000, 100_000, 262_144])
def test_a_store_that_cannot_be_made_is_one_line_and_can_be_made_later(tmp_path: Path, size: int) -> None:
    with files_of_at_most(size), pytest.raises(StoreError) as error:
        Store.open(tmp_path / "store")
    assert "\n" not in str(error.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    later = Store.open(tmp_path / "store")
    later.append("calls", rows("later", 1))
    assert keys(later) == ["later0"]


@pytest.mark.parametrize(
    ("number", "advice"), [(30, "mounted read-only"), (13, "permission denied"), (5, "output error")]
)
def test_other_failures_of_the_disk_are_one_line_too(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(StoreError, match=f"cannot append to .*{advice}"):
        store.append("calls", rows("a"))
    assert leftovers(store) == []


# Damaged files


def segment(store: Store, name: str) -> Path:
    return store.root / "segments" / "calls" / f"{name}.parquet"


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_bits(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[40:300] = bytes(byte ^ 0xFF for byte in content[40:300])
    path.write_bytes(content)


def damage_types(path: Path) -> None:
    pq.write_table(pa.table({"key": ["x"], "draw": ["not a number"]}), path)


@pytest.mark.parametrize("damage", [damage_cut, damage_empty, damage_bits, damage_types])
@pytest.mark.parametrize("how", ["query", "compact", "fsck"])
def test_a_damaged_segment_is_set_aside_and_the_rest_is_read(
    store: Store, caplog: pytest.LogCaptureFixture, damage: object, how: str
) -> None:
    store.append("calls", rows("good"))
    bad = segment(store, store.append("calls", rows("bad", 50, 100), name="batch-bad"))
    damage(bad)  # type: ignore[operator]
    with caplog.at_level(logging.WARNING, "storage"):
        if how == "compact":
            report = store.compact(force=True)
            assert report is not None
            assert (report.segments, report.rows) == (1, 3)
        if how == "fsck":
            assert not store.fsck().ok
        every_column = store.query("select * from raw_calls order by key")
    assert every_column["key"].to_pylist() == ["good0", "good1", "good2"]
    assert not bad.exists()
    [warning] = caplog.records
    assert str(bad) in warning.getMessage()
    [problem] = store.fsck().problems
    assert (problem.code, Path(problem.path).name) == ("segment_damaged", "batch-bad.parquet")

    store.append("calls", rows("again", 1), name="batch-bad")
    assert keys(store) == ["again0", "good0", "good1", "good2"]


def test_a_segment_damaged_while_a_snapshot_is_open_is_set_aside(store: Store) -> None:
    store.append("calls", rows("good"))
    bad = segment(store, store.append("calls", rows("bad"), name="bad"))
    with store.snapshot() as snapshot:
        assert snapshot.query("select count(*) as n from raw_calls")["n"].to_pylist() == [6]
        damage_empty(bad)
        assert snapshot.query("select max(reply), count(*) as n from raw_calls")["n"].to_pylist() == [3]


def test_a_mistake_in_sql_sets_nothing_aside(store: Store) -> None:
    store.append("calls", rows("good"))
    for sql in ("select key::int from raw_calls", "selct", "select nope from raw_calls", "from read_csv('/nowhere')"):
        with pytest.raises(StoreError, match="query failed"):
            store.query(sql)
    assert keys(store) == ["good0", "good1", "good2"]
    assert not (store.root / "quarantine").exists()


def test_a_segment_of_a_later_version_is_read_as_far_as_we_know_it(store: Store) -> None:
    pq.write_table(pa.table({"key": ["x"], "aura": ["blue"]}), segment(store, "later"))
    assert keys(store) == ["x"]
    assert store.compact(force=True)
    assert keys(store) == ["x"]


def test_a_damaged_generation_says_how_to_go_back_and_going_back_loses_nothing(store: Store) -> None:
    for prefix in ("a", "b"):
        store.append("calls", rows(prefix))
        store.compact(force=True)
    store.append("calls", rows("c"))
    before = keys(store)
    (store.root / "generations" / "corpus-000002.duckdb").write_bytes(b"rubbish" * 1000)
    for action in (lambda: keys(store), lambda: store.compact(force=True)):
        with pytest.raises(StoreError, match=r"write corpus-000001\.duckdb into .*CURRENT"):
            action()
    (store.root / "CURRENT").write_text("corpus-000001.duckdb\n")
    assert keys(store) == before
    assert store.compact(force=True)
    assert keys(store) == before


@pytest.mark.parametrize("content", ["", "../../etc/passwd", "corpus-1.duckdb"])
def test_a_garbled_pointer_is_told(store: Store, content: str) -> None:
    (store.root / "CURRENT").write_text(content)
    with pytest.raises(StoreError, match="should name a generation"):
        keys(store)


def test_a_damaged_views_file_is_made_again(store: Store) -> None:
    keys(store)
    [path] = (store.root / "views").glob("*.duckdb")
    path.write_bytes(path.read_bytes()[:5000])
    assert keys(store) == []
    assert store.query("from funnel").num_rows == 0


def test_compaction_checks_pages_before_it_absorbs_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flipped bit that DuckDB would read without complaint must not be made permanent."""
    key = os.urandom(3000).hex()
    path = segment(store, store.append("calls", [{"key": key}], name="flip"))
    content = bytearray(path.read_bytes())
    content[1500] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(compaction, "TAIL_FILES", 0)
    report = store.compact()
    assert report is not None
    assert (report.segments, keys(store)) == (0, [])
