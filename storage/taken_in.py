"""Reviews as the desk keeps them: `events`, what is `latest` of each annotator, and `verdicts`, in a DuckDB of its own.

Everything at the start, afterwards what arrives: `latest` and `verdicts` are worked out again only for the samples that
arrivals touch. Each taking in is one transaction: whoever asks meanwhile must not find a decided sample pending.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from storage.schema import columns_sql
from storage.views_reviews import LATEST_SQL, REVIEWS, VERDICTS_SQL

TOUCHED = """
select distinct e.sample_id, e.sample_key from events e
where e.sample_id is not null and (
    e.review_id in (select review_id from arrived)
    or e.review_id in (select undoes from arrived) or e.bulk in (select undoes from arrived)
    or e.bulk in (select review_id from arrived where decision = 'bulk')
)
"""

NEAR = """
select * from events
where sample_id is null or (sample_id, sample_key) in (select (sample_id, sample_key) from touched)
"""
"""All that decides which events on the touched samples stand: these, and whatever undoes or completes a bulk."""


def lay_out(con: duckdb.DuckDBPyConnection) -> None:
    """The tables, empty; `own` is like `latest` without what settles a conflict, `reviews` tells which events stand."""
    con.execute(f"create table events ({columns_sql('reviews')})")
    con.execute(f"create view reviews as {_standing('events')}")
    con.execute("create table latest as " + LATEST_SQL.replace("{reviews}", f"({_standing('events')})"))
    con.execute("create table verdicts as " + VERDICTS_SQL.replace("{latest}", "latest"))
    own = f"(SELECT * FROM ({_standing('events')}) WHERE NOT coalesce(adjudicates, false))"  # noqa: S608
    con.execute("create view own as " + LATEST_SQL.replace("{reviews}", own))


def everything(con: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
    """These rows are all events there are."""
    with _at_once(con):
        con.execute("delete from events")
        _insert(con, rows)
        con.unregister("arrived")
        _work_out(con, "events", "")


def arrivals(con: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
    """These rows come besides; all at once, because most of the time here goes into planning small queries."""
    with _at_once(con):
        _insert(con, rows)
        con.execute("create or replace temp table touched as " + TOUCHED)
        con.unregister("arrived")
        con.execute("create or replace temp table near as " + NEAR)
        _work_out(con, "near", "where (sample_id, sample_key) in (select (sample_id, sample_key) from touched)")


def segment(path: Path) -> pa.Table | None:
    """The rows of a segment; None when it is gone or damaged."""
    try:
        return pq.read_table(path)
    except (OSError, ValueError):
        return None


def _work_out(con: duckdb.DuckDBPyConnection, events: str, rest: str) -> None:
    """`latest` and `verdicts` again, for all samples or those that `rest` takes."""
    for table in ("latest", "verdicts"):
        con.execute(f"delete from {table} {rest}")  # noqa: S608
    con.execute("insert into latest " + LATEST_SQL.replace("{reviews}", f"(from ({_standing(events)}) {rest})"))
    con.execute("insert into verdicts " + VERDICTS_SQL.replace("{latest}", f"(from latest {rest})"))


@contextmanager
def _at_once(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """One transaction."""
    con.execute("begin")
    try:
        yield
    except BaseException:
        con.execute("rollback")
        raise
    con.execute("commit")


def _insert(con: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
    """Add to the events; the rows are known as `arrived`."""
    con.register("arrived", rows)
    con.execute("insert into events by name select * from arrived")


def _standing(events: str) -> str:
    return REVIEWS.replace("raw_reviews", events)
