"""A snapshot: one moment of the store as an in-memory DuckDB connection over the live generation and the tail.

Raw relations are `raw_<table>`, the views for people come from `storage.views`. While a snapshot is open no
segment it names is deleted. Not for two threads at once: open one a thread.
"""

import logging
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from curation.errors import StoreError
from storage.database_file import QUIET
from storage.files import lock, os_errors
from storage.generations import current, damaged_generation, generation_path, tail_of
from storage.schema import TABLES
from storage.segments import quarantine_damaged, segment_path
from storage.sql import files_sql, first_line, generation_sql, quoted, rows_sql
from storage.view_catalog import RAW, make_views_file, views_path
from storage.views import latest_runs

T = TypeVar("T")

ATTEMPTS = 3
PARTED = ("members", "outcomes")
BLOCK = 8192  # rows of a stream held at once
LEAN = {"memory_limit": "64MB"}  # beyond that DuckDB spills to the temporary directory
LEASE_SECONDS = 10.0  # a garbage collector holds the lock for milliseconds
NO_DAMAGE = (  # the statement's fault, whatever the files hold
    duckdb.ParserException,
    duckdb.CatalogException,
    duckdb.PermissionException,
    duckdb.InterruptException,
    duckdb.OutOfMemoryException,
)

log = logging.getLogger(__name__)


class Snapshot:
    """One moment of the store; made by `Store.snapshot()`, closed by `with` or `close()`.

    `generation` is None before the first compaction; `segments` are the tail, by table. Together they say
    exactly which rows are seen. A `sealed` snapshot can open no file but those segments, whatever SQL it is
    given. With `as_of`, rows created later (seconds since the epoch) are as if they were not there; with `run`, that
    run is taken for the latest of its recipe, which is what most views are of. A `part` (number, of how many) has the
    outcomes and members of that part of the samples alone. With `tables` no other table can be asked: opening costs
    0.3 ms for each segment of the tail, and every review is one.
    """

    def __init__(
        self,
        root: Path,
        config: Mapping[str, Any] | None = None,
        *,
        sealed: bool = False,
        as_of: float | None = None,
        run: str | None = None,
        lean: bool = False,
        part: tuple[int, int] | None = None,
        tables: Collection[str] = TABLES,
    ) -> None:
        self._tables = tables
        self.root, self.sealed, self.as_of, self.part, self._run = root, sealed, as_of, part, run
        self.generation = ""
        self.segments: dict[str, list[str]] = {}
        self.connection: duckdb.DuckDBPyConnection
        self._lean = lean
        self._config = {"temp_directory": tempfile.gettempdir(), **(LEAN if lean else {}), **(config or {})}
        self._resources = ExitStack()
        self.refresh()

    def refresh(self) -> None:
        """Move to the present: the live generation and every segment published by now."""
        try:
            self._mending(self._open, again=lambda: None)
        except duckdb.Error as error:
            raise query_error(error) from error

    def query(self, sql: str, params: Sequence[Any] = ()) -> pa.Table:
        """Rows of one SQL query; `?` or `$1` take `params`. StoreError with DuckDB's message when it fails."""
        try:
            return self.run(lambda connection: _ask(connection, sql, params))
        except duckdb.Error as error:
            raise query_error(error) from error

    def stream(self, sql: str, params: Sequence[Any] = ()) -> Iterator[pa.RecordBatch]:
        """The rows of `query` a block at a time; nothing else may be asked of the snapshot until the last."""
        try:
            yield from self.run(lambda connection: connection.sql(sql, params=list(params)).to_arrow_reader(BLOCK))
        except (duckdb.Error, pa.ArrowException) as error:
            raise query_error(error) from error

    def run(self, action: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """What `action` returns; DuckDB's errors pass through.

        When the cause is a damaged segment, it is moved to quarantine and the action done again over what is
        there by then.
        """
        try:
            return self._mending(lambda: self._sparing(action), again=self.refresh)
        except duckdb.Error as error:
            if "Corrupt database" not in str(error):
                raise
            raise damaged_generation(generation_path(self.root, self.generation), error) from error

    def close(self) -> None:
        """Let go of the connection and of the segments."""
        self._resources.close()

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mending(self, action: Callable[[], T], again: Callable[[], None]) -> T:
        for _ in range(ATTEMPTS):
            try:
                return action()
            except duckdb.Error as error:
                if isinstance(error, NO_DAMAGE) or not self._lost_segments():
                    raise
                log.info("asking again without the damaged segments: %s", first_line(error))
            again()
        return action()

    def _sparing(self, action: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """The action in the memory that `LEAN` allows, or in what it needs when that is too little."""
        try:
            return action(self.connection)
        except duckdb.OutOfMemoryException:
            if not self._lean:
                raise
        self.connection.execute("reset memory_limit")
        try:
            return action(self.connection)
        finally:
            self.connection.execute("set memory_limit = $1", [LEAN["memory_limit"]])

    def _lost_segments(self) -> bool:
        """Whether any segment of this snapshot is damaged (now moved aside) or gone."""
        tail = [(table, name) for table, names in self.segments.items() for name in names]
        moved = quarantine_damaged(self.root, tail)
        return bool(moved) or any(not segment_path(self.root, table, name).exists() for table, name in tail)

    def _open(self) -> None:
        self.close()
        try:
            self._lease()
            self.connection = self._resources.enter_context(duckdb.connect(config=dict(self._config)))
            self.connection.execute("set parquet_metadata_cache = true")  # footers are read at every binding
            self.connection.execute(QUIET)
            self._attach_views()
            self._attach_generation()
            self._create_tail_views()
            if self._run is not None:
                self.connection.execute(f"create temp view latest_runs as {latest_runs(quoted(self._run))}")
            if self.sealed:
                self._seal()
        except BaseException:
            self.close()
            raise

    def _lease(self) -> None:
        path = self.root / "readers.lock"
        with os_errors("read", path):
            if not self._resources.enter_context(lock(path, exclusive=False, seconds=LEASE_SECONDS)):
                raise StoreError(f"cannot read {self.root}: {path} was held by others for {LEASE_SECONDS:g} s")

    def _attach_views(self) -> None:
        path = views_path(self.root)
        attach = f"attach {quoted(path)} as views (read_only)"
        if not path.exists():
            make_views_file(path)
        try:
            self.connection.execute(attach)
        except duckdb.Error:  # cut short by a power failure; it can always be made again
            make_views_file(path)
            self.connection.execute(attach)
        self.connection.execute("set search_path = 'views.main'")

    def _attach_generation(self) -> None:
        """The pointer before the listing: what a later generation absorbs is still a file while we hold the lease."""
        self.generation = current(self.root)
        path = generation_path(self.root, self.generation)
        try:
            self.connection.execute(f"attach {quoted(path)} as generation (read_only)")
        except duckdb.Error as error:
            raise damaged_generation(path, error) from error

    def _create_tail_views(self) -> None:
        self.segments = tail_of(self.connection, self.root, "generation._segments", self._tables)
        for table in TABLES:
            if table not in self._tables:  # a query over it fails, where it would lack the tail
                says = f"select null where error('{table} is not among the tables of this snapshot')"
                self.connection.execute(f'create temp view "{RAW}{table}" as {says}')
        for table in self.segments if self.as_of is None and self.part is None else self._tables:
            rows = generation_sql(table)
            if names := self.segments.get(table):
                files = files_sql([segment_path(self.root, table, name) for name in names])
                rows = f"{rows} union all by name {rows_sql(table, [files])}"
            if self.as_of is not None:
                rows = f"select * from ({rows}) where created <= {float(self.as_of)!r}::double"  # noqa: S608 a number
            if self.part is not None and table in PARTED:
                number, parts = self.part
                rows = f"select * from ({rows}) where hash(sample_id) % {int(parts)} = {int(number)}"  # noqa: S608 numbers
            self.connection.execute(f'create temp view "{RAW}{table}" as {rows}')

    def _seal(self) -> None:
        paths = [segment_path(self.root, table, name) for table, names in self.segments.items() for name in names]
        self.connection.execute(f"set allowed_paths = [{', '.join(map(quoted, paths))}]")
        self.connection.execute("set python_enable_replacements = false")
        self.connection.execute("set enable_external_access = false")
        self.connection.execute("set lock_configuration = true")


def query_error(error: Exception) -> StoreError:
    """DuckDB's message as one line."""
    return StoreError(f"query failed: {first_line(error)}")


def _ask(connection: duckdb.DuckDBPyConnection, sql: str, params: Sequence[Any]) -> pa.Table:
    relation = connection.sql(sql, params=list(params))
    return pa.table({}) if relation is None else relation.to_arrow_table()
