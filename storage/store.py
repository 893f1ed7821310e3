"""The store: a directory that holds all a run learnt, open to many writers and readers at once, without a server.

    VERSION  CURRENT  compact.lock  readers.lock
    segments/<table>/<name>.parquet   generations/corpus-000007.duckdb   views/<digest>.duckdb
    images/ab/<sha256>.png            quarantine/<table>/<name>.parquet

Writers append segments, readers take snapshots, any process may compact. What the rows mean lies in
`storage.corpus`, `storage.ledger` and `storage.views`.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.errors import StoreError, StoreMissing
from curation.records import Image, Json
from storage import compaction, images, migrations, segments
from storage.compaction import CompactionReport
from storage.files import make_directories, os_errors
from storage.fsck import Report, fsck
from storage.schema import TABLES
from storage.snapshot import Snapshot

LAID_OUT = {"generations", "images", "segments", "compact.lock", "CURRENT"}  # a store whose making was cut short


@dataclass(frozen=True, slots=True)
class Store:
    """A directory, nothing more: cheap to make, safe to share between threads, processes and pickles."""

    root: Path

    @classmethod
    def open(cls, root: Path | str, *, create: bool = True) -> "Store":
        """The store at `root`, made or migrated when needed.

        StoreMissing when it is not there (with `create=False`) or no store; StoreError when it is of a newer version,
        or not writable.
        """
        path = Path(root).expanduser().absolute()
        if strange := set(str(path)) & set("?\\"):
            raise StoreError(f"{path}: DuckDB cannot keep files under a path with {strange}: choose another --store")
        version = migrations.read_version(path) if path.is_dir() else None
        if version is None:
            _check_new(path, create)
        store = cls(path)
        if version != migrations.latest():
            store._lay_out()
        if not os.access(path, os.W_OK | os.X_OK):
            raise StoreError(f"{path} is not writable: choose another --store or change its owner")
        return store

    def append(self, table: str, rows: Sequence[Mapping[str, Json]], *, name: str | None = None) -> str:
        """Append rows as one segment and return its name; on return they survive kill -9 and power loss.

        The name defaults to a digest of the rows, so a repeat changes nothing; nor does a name that exists.
        Values of JSON columns are serialised here: a `str` becomes a JSON string, `bytes` are taken as JSON
        text. `created` is now unless given. No rows, no file.
        """
        return segments.write_segment(self.root, table, rows, name)

    def query(self, sql: str, params: Sequence[Any] = ()) -> pa.Table:
        """One query over everything appended by now. For many queries of one moment, use `snapshot()`."""
        with self.snapshot() as snapshot:
            return snapshot.query(sql, params)

    def snapshot(
        self, *, lean: bool = False, part: tuple[int, int] | None = None, tables: Collection[str] = TABLES
    ) -> Snapshot:
        """This moment of the store, for many queries: `with store.snapshot() as s: s.query(…)`.

        A `lean` one keeps what a run holds in memory from growing with the store; a query that cannot do with so
        little takes what it needs. `part` narrows it to the samples of one part of so many; with
        `tables` it has those alone and opens faster.
        """
        return Snapshot(self.root, lean=lean, part=part, tables=tables)

    def put_images(self, pictures: Sequence[tuple[Image, bytes]]) -> None:
        """Store pictures by content, durably; those already there are skipped. Call it before appending rows."""
        images.put_images(self.root, pictures)

    def image_path(self, sha256: str, format: str) -> Path:
        """Where the picture lies; it need not exist. StoreError for a malformed name."""
        return images.image_path(self.root, sha256, format)

    def read_image(self, sha256: str, format: str) -> bytes:
        """The picture's original bytes, checked against `sha256`. StoreError when missing or damaged."""
        return images.read_image(self.root, sha256, format)

    def compact(self, *, force: bool = False) -> CompactionReport | None:
        """One pass over at most `SEGMENTS_A_PASS` segments, if one is due (or `force`) and nobody else is at it."""
        return compaction.compact(self.root, force=force)

    def maybe_compact(self) -> CompactionReport | None:
        """Compact if a glance at the directories says it may be due; cheap enough after every batch."""
        return compaction.compact(self.root) if compaction.may_be_due(self.root) else None

    def fsck(self, *, repair: bool = False) -> Report:
        """Check every file and row; with `repair`, delete temporary files that a killed process left."""
        return fsck(self.root, repair=repair)

    def _lay_out(self) -> None:
        folders = ["generations", "images", *(f"segments/{table}" for table in TABLES)]
        with os_errors("make a store in", self.root):
            make_directories([self.root, *(self.root / folder for folder in folders)])
        compaction.migrate_store(self.root)
        migrations.write_version(self.root)


def _check_new(path: Path, create: bool) -> None:
    if not path.exists():
        if not create:
            raise StoreMissing(f"no store at {path}: `vistill run … --store {path}` makes one")
        return
    if not path.is_dir():
        raise StoreMissing(f"{path} is a file, not a store directory: choose another --store")
    with os_errors("read", path):
        strange = [name for name in os.listdir(path) if not name.startswith(".")]
    if not create or not LAID_OUT.issuperset(strange):
        raise StoreMissing(f"{path} is not a Vistill store (no VERSION file): choose an empty or a new directory")
