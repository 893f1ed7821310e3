"""How a store of an earlier version becomes this one: a numbered list of functions over a generation database.

`VERSION` in the store's root holds how many were applied. Segments are never rewritten: columns they lack
read as NULL. To change the schema, change `storage.schema` and add a function at the end that brings an
existing generation there; it must do nothing to a database that `m001_tables` has just made from the new
schema (`add column if not exists`).
"""

from collections.abc import Callable
from pathlib import Path

from duckdb import DuckDBPyConnection

from curation.errors import StoreError
from storage.files import os_errors, write_durably
from storage.schema import TABLES, columns_sql

Migration = Callable[[DuckDBPyConnection], None]


def m001_tables(generation: DuckDBPyConnection) -> None:
    """Every table of the schema, and the list of segments the generation has absorbed."""
    for table in TABLES:
        generation.execute(f'create table if not exists "{table}" ({columns_sql(table)})')
    generation.execute("create table if not exists _segments (tbl varchar, name varchar, absorbed double)")


def m002_inspected(generation: DuckDBPyConnection) -> None:
    """Which code looked at a picture, so that a later run need not look again."""
    generation.execute("alter table images add column if not exists inspected varchar")


def m003_findings(generation: DuckDBPyConnection) -> None:
    """What audits found, and in which samples."""
    for table in ("findings", "finding_rows"):
        generation.execute(f'create table if not exists "{table}" ({columns_sql(table)})')


def m004_reviews(generation: DuckDBPyConnection) -> None:
    """What a review judged, in which run, how long it took, whether blind, and which bulk it belongs to."""
    columns = {"run_id": "varchar", "judged": "varchar", "edited_trace": "varchar", "bulk": "varchar",
               "samples": "bigint", "adjudicates": "boolean", "blind": "boolean", "seconds": "double"}  # fmt: skip
    for name, kind in columns.items():
        generation.execute(f"alter table reviews add column if not exists {name} {kind}")


def m005_exports(generation: DuckDBPyConnection) -> None:
    """Which run an export was of, up to which moment of the store it read, and the digest of its manifest."""
    for name, kind in {"recipe": "varchar", "run_id": "varchar", "as_of": "double", "manifest": "varchar"}.items():
        generation.execute(f"alter table exports add column if not exists {name} {kind}")


def m006_exclusions(generation: DuckDBPyConnection) -> None:
    """Passes over the whole corpus (duplicates, contamination, balance) and the samples they keep out of the splits."""
    for table in ("passes", "exclusions"):
        generation.execute(f'create table if not exists "{table}" ({columns_sql(table)})')


def m007_parent(generation: DuckDBPyConnection) -> None:
    """Which sample a made row comes from."""
    generation.execute("alter table samples add column if not exists parent varchar")


def m008_trainings(generation: DuckDBPyConnection) -> None:
    """Which models were trained on which exports, and what they scored."""
    generation.execute(f'create table if not exists "trainings" ({columns_sql("trainings")})')


MIGRATIONS: list[Migration] = [
    m001_tables, m002_inspected, m003_findings, m004_reviews, m005_exports, m006_exclusions, m007_parent,
    m008_trainings,
]  # fmt: skip


def latest() -> int:
    """The store version this code writes."""
    return len(MIGRATIONS)


def read_version(root: Path) -> int | None:
    """The store's version, or None when there is no store here; StoreError when newer than this code."""
    path = root / "VERSION"
    with os_errors("read", path):
        try:
            text = path.read_text(errors="replace")
        except FileNotFoundError:
            return None
    if not text.strip().isdecimal():
        raise StoreError(f"{path} should hold a number, not {text[:40]!r}: is this a Vistill store?")
    if (version := int(text)) > latest():
        raise StoreError(
            f"{root} was written by a newer Vistill (store version {version}, this one reads up to {latest()}): upgrade"
        )
    return version


def write_version(root: Path) -> None:
    """Record that every migration has been applied."""
    with os_errors("write", root / "VERSION"):
        write_durably(root / "VERSION", f"{latest()}\n".encode())


def migrate(generation: DuckDBPyConnection) -> None:
    """Apply to an open generation database the migrations it has not seen, and count them in its `_version`."""
    generation.execute("create table if not exists _version (applied integer)")
    row = generation.execute("select max(applied) from _version").fetchone()
    applied = (row and row[0]) or 0
    for number, migration in enumerate(MIGRATIONS[applied:], start=applied + 1):
        migration(generation)
        generation.execute("insert into _version values (?)", [number])
