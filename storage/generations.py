"""Generations: the DuckDB files that absorb segments; each is built once, published by one rename, never changed.

`generations/corpus-000007.duckdb`, and `CURRENT` naming the live one. Any process may build the next, one at
a time; killed at any line it leaves either the old or the new generation live, and the segments of both.
Garbage is collected only while no snapshot is open (`readers.lock`), and only what the previous generation
had absorbed, so falling back one generation loses nothing.
"""

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from curation.errors import StoreError
from storage.database_file import checkpointed, database_file
from storage.files import TMP_SUFFIX, discard, lock, os_errors, write_durably
from storage.migrations import migrate
from storage.schema import TABLES
from storage.segments import list_segments, segment_path
from storage.sql import files_sql, first_line, rows_sql

NAME = re.compile(r"corpus-(\d{6,})\.duckdb")
SLICE_BYTES = 4 << 20  # of segments absorbed at a time; some ten times as much in memory
LEAN = {"memory_limit": "64MB", "threads": 1, "temp_directory": tempfile.gettempdir()}  # DuckDB caches all it may
GRACE_SECONDS = 60.0  # for readers on file systems that do not share locks

Tail = dict[str, list[str]]


def current(root: Path) -> str:
    """Name of the live generation."""
    path = root / "CURRENT"
    with os_errors("read", path):
        name = path.read_text(errors="replace").strip()
    if not NAME.fullmatch(name):
        raise StoreError(f"{path} should name a generation, not {name[:60]!r}")
    return name


def generation_path(root: Path, name: str) -> Path:
    """Where the generation lies."""
    return root / "generations" / name


def generation_number(name: str) -> int:
    """7 for `corpus-000007.duckdb`, -1 for another name."""
    match = NAME.fullmatch(name)
    return int(match[1]) if match else -1


def generation_name(number: int) -> str:
    """`corpus-000007.duckdb` for 7."""
    return f"corpus-{number:06d}.duckdb"


@contextmanager
def open_generation(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A generation to read; StoreError when it is damaged, with the way back."""
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            yield con
    except duckdb.Error as error:
        raise damaged_generation(path, error) from error


def absorbed_from(path: Path, table: str) -> set[str]:
    """Names of the segments of a table that a generation holds."""
    with open_generation(path) as con:
        return {name for (name,) in con.execute("select name from _segments where tbl = ?", [table]).fetchall()}


def damaged_generation(path: Path, error: duckdb.Error) -> StoreError:
    """What to tell about a generation that DuckDB refuses."""
    number = generation_number(path.name)
    if number == 0:
        return StoreError(
            f"cannot open generation {path} ({first_line(error)}); it is the first, which holds no row: "
            f"`vistill fsck --repair --store {path.parents[1]}` makes it anew"
        )
    before = generation_name(number - 1)
    return StoreError(
        f"cannot open generation {path} ({first_line(error)}); to go back one, write {before} into "
        f"{path.parents[1] / 'CURRENT'}: the segments it absorbed are kept, so no row is lost"
    )


def tail_of(con: duckdb.DuckDBPyConnection, root: Path, absorbed: str, tables: Iterable[str] = TABLES) -> Tail:
    """Segments by table that are in the directory and not in `absorbed`; tables without any are left out."""
    listed = [(table, name) for table in tables for name in list_segments(root, table)]
    tail: Tail = {}
    if listed:
        columns = "select unnest(?::varchar[]) as tbl, unnest(?::varchar[]) as name"
        sql = f"from ({columns}) anti join {absorbed} using (tbl, name) order by all"
        for table, name in con.execute(sql, list(zip(*listed, strict=True))).fetchall():
            tail.setdefault(table, []).append(name)
    return tail


def live_tail(root: Path, live: str) -> Tail:
    """Segments by table that the live generation has not absorbed."""
    with open_generation(generation_path(root, live)) as con:
        return tail_of(con, root, "_segments")


def remake_first(root: Path) -> Path | None:
    """Make the first generation, which is always empty, anew when it is live and cannot be opened; where it lies.

    Under the compaction lock.
    """
    path = generation_path(root, current(root))
    if generation_number(path.name) != 0:
        return None
    try:
        with open_generation(path):
            return None
    except StoreError:
        build(root, None, {})
    return path


def bring_up_to_date(root: Path) -> None:
    """Publish the first, empty generation, or the live one with the migrations it lacks. Under the compaction lock."""
    live = current(root) if (root / "CURRENT").exists() else None
    build(root, live, {})
    if live:
        collect_garbage(root, live)


def build(root: Path, live: str | None, batch: Tail) -> tuple[str, int]:
    """Publish the generation after `live` (the first when None) with `batch` in it; returns its name and rows added.

    Only under the compaction lock. A generation of that number that was never made live is replaced.
    """
    try:
        return _build(root, live, batch, LEAN)
    except StoreError as error:
        if not isinstance(error.__cause__, duckdb.OutOfMemoryException):
            raise
    return _build(root, live, batch, {})  # a row larger than the limit: take the memory it needs


def _build(root: Path, live: str | None, batch: Tail, config: Mapping[str, Any]) -> tuple[str, int]:
    name = generation_name(generation_number(live or "") + 1)
    rows = 0
    with database_file(generation_path(root, name), generation_path(root, live) if live else None, config) as con:
        with checkpointed(con):
            migrate(con)
        for table, names in _slices(root, batch):  # DuckDB keeps the rows of an open transaction in memory, unpacked
            with checkpointed(con):
                rows += _absorb(con, root, table, names)
    write_durably(root / "CURRENT", f"{name}\n".encode())
    return name, rows


def _slices(root: Path, batch: Tail) -> Iterator[tuple[str, list[str]]]:
    """The batch as (table, segments) of about `SLICE_BYTES` each."""
    for table, names in batch.items():
        part: list[str] = []
        weight = 0
        for name in names:
            part.append(name)
            weight += segment_path(root, table, name).stat().st_size
            if weight >= SLICE_BYTES:
                yield table, part
                part, weight = [], 0
        if part:
            yield table, part


def _absorb(con: duckdb.DuckDBPyConnection, root: Path, table: str, names: list[str]) -> int:
    files = files_sql([segment_path(root, table, name) for name in names])
    added = con.execute(f'insert into "{table}" by name {rows_sql(table, [files])}').fetchall()[0][0]
    con.execute("insert into _segments select ?, unnest(?::varchar[]), ?", [table, names, time.time()])
    return int(added)


def collect_garbage(root: Path, before: str) -> None:
    """Delete segments that `before` (the generation just replaced) holds and generations older than it.

    Does nothing while anyone reads; the next pass makes up for it.
    """
    with lock(root / "readers.lock", exclusive=True, seconds=0.5) as alone:
        if alone:
            _delete_segments(root, before)
            _delete_generations(root, before)


def _delete_segments(root: Path, before: str) -> None:
    cutoff = time.time() - GRACE_SECONDS
    sql = "select name from _segments where tbl = ? and absorbed < ? and name in (select unnest(?::varchar[]))"
    with open_generation(generation_path(root, before)) as con:
        for table in TABLES:
            for (name,) in con.execute(sql, [table, cutoff, list_segments(root, table)]).fetchall():
                discard(segment_path(root, table, name))


def _delete_generations(root: Path, before: str) -> None:
    for name in os.listdir(root / "generations"):
        if 0 <= generation_number(name) < generation_number(before):
            discard(generation_path(root, name))


def sweep_temporary(folder: Path) -> None:
    """Delete what a killed compactor left; only under the compaction lock."""
    for name in os.listdir(folder):
        if TMP_SUFFIX in name:
            discard(folder / name)
