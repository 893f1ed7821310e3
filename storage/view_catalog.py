"""The raw relations and the views of `storage.views` as a small DuckDB file that every snapshot attaches.

Creating 25 views that build on each other binds them all, which takes a third of a second; attaching a file that holds
them takes 4 ms. `views/<digest>.duckdb` depends on the code alone and is made again when it is missing or damaged. In
it, `raw_<table>` reads the attached `generation`; a snapshot puts temporary views with the tail before them.
"""

from pathlib import Path

import duckdb

from curation.records import digest
from storage.database_file import database_file
from storage.files import make_directories, os_errors
from storage.schema import TABLES, columns_sql
from storage.sql import generation_sql
from storage.views import VIEWS

RAW = "raw_"


def views_path(root: Path) -> Path:
    """Where the file for this version of the code and of DuckDB lies."""
    tables = {table: dict(columns) for table, columns in TABLES.items()}
    return root / "views" / f"{digest([duckdb.__version__, tables, VIEWS])}.duckdb"


def make_views_file(path: Path) -> None:
    """Write the file whole."""
    with os_errors("write", path):
        make_directories([path.parent])
    with database_file(path) as con:
        con.execute("attach ':memory:' as generation")
        for table in TABLES:
            con.execute(f'create table generation."{table}" ({columns_sql(table)})')
            con.execute(f'create view "{RAW}{table}" as {generation_sql(table)}')
        for name, sql in VIEWS:
            con.execute(f'create view "{name}" as {sql}')
