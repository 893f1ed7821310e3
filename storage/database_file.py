"""DuckDB files written whole or not at all, with a full disk told: DuckDB hides what fails while it closes a file."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb

from curation.errors import StoreError
from storage.files import discard, fsync_path, os_errors, temporary
from storage.sql import first_line

QUIET = "set enable_progress_bar = false"
"""DuckDB draws its own bar over standard output when it takes the process for a person's shell."""


@contextmanager
def database_file(
    path: Path, start_from: Path | None = None, config: Mapping[str, Any] = MappingProxyType({})
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that lies at `path`, flushed, once the block has ended without an error; a copy of `start_from` first.

    `config` are DuckDB's settings. Raises StoreError when it cannot be written, leaving what was at `path` before.
    """
    tmp = temporary(path)
    with os_errors("write", path):
        try:
            if start_from:
                shutil.copyfile(start_from, tmp)
            with duckdb.connect(str(tmp), config=dict(config)) as connection:
                connection.execute(QUIET)
                yield connection
                connection.execute("checkpoint")
            fsync_path(tmp)
            os.replace(tmp, path)
        except duckdb.Error as error:
            raise StoreError(
                f"cannot write {path}: {first_line(error)}; nothing is lost: make room and run again"
            ) from error
        finally:
            discard(tmp)
            discard(tmp.with_name(f"{tmp.name}.wal"))
        fsync_path(path.parent)


@contextmanager
def checkpointed(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction that is in the database's own file afterwards."""
    connection.execute("begin")
    yield
    connection.execute("commit")
    connection.execute("checkpoint")
