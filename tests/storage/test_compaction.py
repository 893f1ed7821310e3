"""When generations are built, what they hold, and what is deleted afterwards."""

import os
import threading
from pathlib import Path

import duckdb
import pytest

from storage import compaction, generations, schema
from storage.files import lock
from storage.migrations import MIGRATIONS
from storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def append(store: Store, *names: str) -> None:
    for name in names:
        store.append("calls", [{"key": f"{name}{i}", "draw": i} for i in range(3)], name=name)


def keys(store: Store) -> list[str]:
    return store.query("select key from raw_calls order by key")["key"].to_pylist()


def files(store: Store) -> list[str]:
    return sorted(path.stem for path in (store.root / "segments" / "calls").iterdir())


def published(store: Store) -> list[str]:
    return sorted(os.listdir(store.root / "generations"))


def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "GRACE_SECONDS", 0.0)


def test_compacting_changes_nothing_that_a_query_sees(store: Store) -> None:
    append(store, "a", "b")
    store.append("outcomes", [{"sample_id": "s", "value": {"x": [1, "é"]}, "calls": ["k"]}])
    every = [f"from raw_{table} order by all" for table in schema.TABLES]
    before = [store.query(sql) for sql in every]
    report = store.compact(force=True)
    assert report is not None
    assert (report.generation, report.segments, report.rows, report.remaining) == ("corpus-000001.duckdb", 3, 7, 0)
    assert [store.query(sql) for sql in every] == before
    assert store.query("select value->>'x' as x, typeof(value) as t from raw_outcomes").to_pylist() == [
        {"x": '[1,"é"]', "t": "JSON"}
    ]


def test_nothing_to_absorb_builds_nothing(store: Store) -> None:
    assert store.compact() is None
    assert store.compact(force=True) is None
    assert published(store) == ["corpus-000000.duckdb"]


def test_a_short_tail_waits_and_a_long_one_does_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "TAIL_FILES", 3)
    append(store, "a", "b", "c")
    assert store.maybe_compact() is None
    append(store, "d")
    report = store.maybe_compact()
    assert report is not None
    assert report.segments == 4


def test_many_bytes_are_due_whatever_the_number_of_files(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    append(store, "a")
    monkeypatch.setattr(compaction, "TAIL_BYTES", 1000)
    monkeypatch.setattr(compaction, "TAIL_BYTES_SMALL", 10)
    assert store.maybe_compact() is not None


def test_a_quarter_of_the_generation_is_due(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "TAIL_BYTES_SMALL", 10)
    quarter = (store.root / "generations" / "corpus-000000.duckdb").stat().st_size // 4
    store.append("calls", [{"key": os.urandom(quarter // 4).hex()}])
    assert store.maybe_compact() is None
    store.append("calls", [{"key": os.urandom(quarter).hex()}])
    assert store.maybe_compact() is not None


def test_a_pass_is_bounded_and_says_what_is_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "SEGMENTS_A_PASS", 2)
    append(store, "a", "b", "c")
    store.append("outcomes", [{"sample_id": "s"}])
    remaining = []
    while report := store.compact(force=True):
        remaining.append(report.remaining)
        assert len(keys(store)) == 9
    assert remaining == [2, 0]


def test_segments_go_one_generation_later_and_never_twice_into_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_grace(monkeypatch)
    append(store, "a")
    store.compact(force=True)
    assert files(store) == ["a"]
    append(store, "b")
    store.compact(force=True)
    assert files(store) == ["b"]
    append(store, "a")  # a run repeats an old batch
    assert keys(store) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    append(store, "c")
    store.compact(force=True)
    assert keys(store) == ["a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1", "c2"]
    assert files(store) == ["c"]


def test_the_grace_period_keeps_fresh_segments(store: Store) -> None:
    for name in ("a", "b"):
        append(store, name)
        store.compact(force=True)
    assert files(store) == ["a", "b"]


def test_two_generations_are_kept(store: Store) -> None:
    for name in ("a", "b", "c"):
        append(store, name)
        store.compact(force=True)
    assert published(store) == ["corpus-000002.duckdb", "corpus-000003.duckdb"]


def test_an_open_snapshot_keeps_every_file_it_reads(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    no_grace(monkeypatch)
    append(store, "a")
    with store.snapshot() as snapshot:
        for name in ("b", "c", "d"):
            append(store, name)
            store.compact(force=True)
        assert snapshot.query("select key from raw_calls order by key")["key"].to_pylist() == ["a0", "a1", "a2"]
        assert files(store) == ["a", "b", "c", "d"]
    append(store, "e")
    store.compact(force=True)
    assert files(store) == ["e"]
    assert len(keys(store)) == 15


def test_only_one_compacts_at_a_time_and_the_others_go_on(store: Store) -> None:
    append(store, "a")
    with lock(store.root / "compact.lock", exclusive=True) as mine:
        assert mine
        assert store.compact(force=True) is None
    assert store.compact(force=True) is not None


def test_writers_readers_and_a_compactor_share_the_store(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    no_grace(monkeypatch)
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(len(keys(store)))

    def compact() -> None:
        while not done.is_set():
            store.compact(force=True)

    threads = [threading.Thread(target=read), threading.Thread(target=compact)]
    for thread in threads:
        thread.start()
    for number in range(40):
        append(store, f"w{number}-")
    done.set()
    for thread in threads:
        thread.join()
    assert seen == sorted(seen)
    assert len(set(keys(store))) == len(keys(store)) == 120


def test_leftovers_of_a_killed_compactor_are_swept(store: Store) -> None:
    append(store, "a")
    dead = store.root / "generations" / ".corpus-000001.duckdb.999.0.tmp"
    dead.write_bytes(b"half")
    dead.with_name(f"{dead.name}.wal").write_bytes(b"half")
    store.compact(force=True)
    assert published(store) == ["corpus-000000.duckdb", "corpus-000001.duckdb"]


def test_a_generation_that_never_went_live_is_replaced(store: Store) -> None:
    append(store, "a")
    (store.root / "generations" / "corpus-000001.duckdb").write_bytes(b"killed before the pointer moved")
    store.compact(force=True)
    assert keys(store) == ["a0", "a1", "a2"]


def test_a_generation_says_which_segments_and_migrations_it_holds(store: Store) -> None:
    append(store, "a", "b")
    report = store.compact(force=True)
    assert report is not None
    with duckdb.connect(str(store.root / "generations" / report.generation), read_only=True) as con:
        assert con.execute("select tbl, name from _segments order by all").fetchall() == [
            ("calls", "a"),
            ("calls", "b"),
        ]
        assert con.execute("select count(*) from _version").fetchall() == [(len(MIGRATIONS),)]


def test_the_migrations_end_at_the_schema(store: Store) -> None:
    path = store.root / "generations" / "corpus-000000.duckdb"
    with duckdb.connect(str(path), read_only=True) as con:
        sql = "select table_name, column_name, data_type from duckdb_columns() where not internal"
        found = con.execute(sql).fetchall()
    wanted = [(table, name, kind) for table, columns in schema.TABLES.items() for name, kind in columns.items()]
    assert sorted(row for row in found if not row[0].startswith("_")) == sorted(wanted)


def test_a_row_that_needs_more_memory_than_compaction_allows_itself_is_absorbed_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = []
    real = generations._build

    def build(root: Path, live: str | None, batch: generations.Tail, config: dict[str, object]) -> tuple[str, int]:
        configs.append(dict(config))
        return real(root, live, batch, config)

    monkeypatch.setattr(generations, "_build", build)
    monkeypatch.setattr(generations, "LEAN", generations.LEAN | {"memory_limit": "4MB"})
    text = os.urandom(8 << 20).hex()
    store.append("outcomes", [{"sample_id": "s", "detail": text}])
    assert store.compact(force=True) is not None
    assert [config.get("memory_limit") for config in configs] == ["4MB", None]
    assert store.query("select detail from raw_outcomes")["detail"].to_pylist() == [text]
    assert not [name for name in published(store) if "tmp" in name]
