"""Segments: immutable Parquet files that anyone may append, one rename each, under a deterministic name.

`segments/<table>/<name>.parquet`. The same name holds the same rows, so writing it twice changes nothing. A
file that cannot be read is moved to `quarantine/<table>/`, told once in the log and reported by fsck: the
rest of the store stays usable. Which segments a generation has absorbed is the business of
`storage.generations`.
"""

import logging
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import StoreError
from storage.files import fsync_path, make_directories, os_errors, write_durably
from storage.rows import Row, rows_digest, to_arrow
from storage.schema import TABLES, arrow_schema

SUFFIX = ".parquet"
CHECKED_ROWS = 512  # decoded at a time: a reply may be 200 KB
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+-]{0,199}")

log = logging.getLogger(__name__)


def segment_path(root: Path, table: str, name: str) -> Path:
    """Where the segment lives; refuses unknown tables and names that could leave the directory."""
    if table not in TABLES:
        raise StoreError(f"unknown table {table!r}: the store has {', '.join(TABLES)}")
    if not NAME.fullmatch(name):
        raise StoreError(f"segment name {name!r} for {table}: use at most 200 letters, digits and . _ = + -")
    return root / "segments" / table / f"{name}{SUFFIX}"


def list_segments(root: Path, table: str) -> list[str]:
    """Names of the segments of `table` in the directory, absorbed or not, sorted."""
    folder = root / "segments" / table
    with os_errors("list", folder):
        entries = os.listdir(folder)
    return sorted(entry.removesuffix(SUFFIX) for entry in entries if entry.endswith(SUFFIX) and entry[0] != ".")


def write_segment(root: Path, table: str, rows: Sequence[Row], name: str | None = None) -> str:
    """Append rows as one durable segment and return its name; see `Store.append`."""
    name = rows_digest(table, rows) if name is None else name
    path = segment_path(root, table, name)
    if not rows:
        return name
    with os_errors("append to", path):
        if path.exists():
            fsync_path(path.parent)
        else:
            write_durably(path, parquet_bytes(to_arrow(table, rows)))
    return name


def parquet_bytes(table: pa.Table) -> memoryview:
    """The table as one Parquet file, zstd-compressed, with a checksum a page."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return memoryview(sink.getvalue())


def segment_fault(path: Path, table: str) -> str | None:
    """Why the segment cannot be used (damaged, or columns of other types), or None. Reads every page, few at a time."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            found = file.schema_arrow
            for _ in file.iter_batches(CHECKED_ROWS, use_threads=False):
                pass
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno:  # the machine's trouble, not the file's
            raise
        return f"unreadable: {str(error).splitlines()[0][:200]}"
    wanted = arrow_schema(table)
    wrong = [f.name for f in found if f.name in wanted.names and f.type not in (wanted.field(f.name).type, pa.null())]
    return f"columns of another type: {', '.join(wrong)}" if wrong else None


def quarantine_damaged(root: Path, segments: Iterable[tuple[str, str]]) -> list[Path]:
    """Check the (table, name) segments and move the damaged ones aside; returns where they are now."""
    moved = []
    for table, name in segments:
        path = segment_path(root, table, name)
        with os_errors("check", path):
            fault = segment_fault(path, table)
            if fault:
                moved.append(_move_aside(root, path, table, fault))
    pa.default_memory_pool().release_unused()
    return moved


def _move_aside(root: Path, path: Path, table: str, fault: str) -> Path:
    aside = root / "quarantine" / table / path.name
    make_directories([aside.parent])
    with suppress(FileNotFoundError):  # another process was first
        os.replace(path, aside)
        log.warning("segment %s is %s; moved to %s and left out", path, fault, aside)
    return aside
