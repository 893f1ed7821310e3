"""The few pieces of SQL that generations and snapshots build from names, each quoted here."""

from collections.abc import Sequence
from pathlib import Path

from storage.schema import TABLES


def quoted(text: object) -> str:
    """An SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def rows_sql(table: str, sources: Sequence[str]) -> str:
    """SELECT of exactly the schema's columns and types over the relations; a column that a relation lacks is NULL."""
    columns = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind in TABLES[table].items())
    typed = ", ".join(f'null::{kind} as "{name}"' for name, kind in TABLES[table].items())
    parts = [f"(select {typed} limit 0)", *(f"select * from {source}" for source in sources)]  # noqa: S608
    return f"select {columns} from ({' union all by name '.join(parts)})"  # noqa: S608


def generation_sql(table: str) -> str:
    """SELECT of the schema's columns of one table of the generation; a later version may have added others."""
    columns = ", ".join(f'"{name}"' for name in TABLES[table])
    return f'select {columns} from generation."{table}"'  # noqa: S608


def files_sql(paths: Sequence[Path]) -> str:
    """The segments as one relation."""
    return f"read_parquet([{', '.join(map(quoted, paths))}], union_by_name = true)"


def first_line(error: BaseException) -> str:
    """The message as one line, without the quoted statement that DuckDB adds below it."""
    return " ".join(str(error).split("\n\n")[0].split())
