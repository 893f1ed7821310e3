"""One run of a snapshot as tables: what the views say of it is computed once, and then read a piece at a time.

The views build on each other so deep that every question to one of the upper ones computes the lower ones anew, and
that DuckDB holds the texts of every sample at once, which for long traces is more memory than it may have. Here the
lower ones become temporary tables that hold one run, which DuckDB finds before the views of the same names: whatever is
asked then is of that run, and quick. The three with texts can be narrowed to a piece of the run's positions.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from storage.sql import quoted

PIECE = 20_000
"""Samples a piece: at 10 kB of text each that is 200 MB."""
# Rejected rows have no key, so several may share an id, and what is known of them belongs to each: every piece has it.
PLACES = """
SELECT sample_id, sample_key, CASE WHEN sample_key = '' THEN -1 ELSE position END AS place FROM members GROUP BY ALL
"""
PLACED = """
SELECT p.sample_id, p.sample_key, p.split, p.reason, p.image, p.edited_answer, f.position, f.step_no
FROM splits p JOIN fates f USING (run_id, sample_id, sample_key)
"""
EDITED = """
SELECT e.sample_id, e.sample_key, e.edited_trace FROM review_effects e JOIN placed p USING (sample_id, sample_key)
WHERE e.edited_trace IS NOT NULL AND p.reason LIKE 'review_%'
"""
WITH_PLACE = "SELECT p.place, v.* FROM views.main.{view} v JOIN places p USING (sample_id, sample_key)"
TABLES: tuple[tuple[str, str], ...] = (
    ("members", "SELECT * FROM views.main.members WHERE run_id = $1"),
    ("places", PLACES),
    ("all_latest_outcomes", WITH_PLACE.format(view="latest_outcomes") + " WHERE run_id = $1"),
    ("all_sample_versions", WITH_PLACE.format(view="sample_versions")),
    ("excluded", "SELECT * FROM views.main.excluded"),
    ("reviews", "SELECT * FROM views.main.reviews"),
    ("review_verdicts", "SELECT * FROM views.main.review_verdicts"),
    ("all_fates", "SELECT position AS place, * FROM views.main.fates WHERE run_id = $1"),
    ("review_effects", "SELECT * FROM views.main.review_effects WHERE run_id = $1"),
    ("splits", "SELECT * FROM views.main.splits WHERE run_id = $1"),
    ("placed", PLACED),
    ("edited", EDITED),
)
"""Each over those before it. `placed` and `edited` are no views: who is where, and traces that reviewers wrote."""
COSTS = (
    ("calls", "SELECT key, prompt_tokens, completion_tokens, cost FROM views.main.calls"),
    ("pass_rates", "SELECT * FROM views.main.pass_rates"),
)
"""What the view `corpus` reads besides."""
PIECED = ("latest_outcomes", "sample_versions", "fates")


def settle(connection: duckdb.DuckDBPyConnection, run_id: str, *, costs: bool = False) -> duckdb.DuckDBPyConnection:
    """The same connection with the tables of the run, made unless they are there; `costs` for the view `corpus`."""
    if not _is_there(connection, "placed", run_id):
        _forget(connection)
        for name, sql in TABLES:
            connection.execute(f'CREATE TEMP TABLE "{name}" AS {sql}', [run_id] if "$1" in sql else [])
            view = name.removeprefix("all_")
            if view in PIECED:
                connection.execute(_view(view))
        connection.execute(f"COMMENT ON TABLE placed IS {quoted(run_id)}")
    if costs and not _is_there(connection, "pass_rates", ""):
        for name, sql in COSTS:
            connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {sql}')
        connection.execute("COMMENT ON TABLE pass_rates IS ''")
    return connection


def _is_there(connection: duckdb.DuckDBPyConnection, table: str, comment: str) -> bool:
    sql = "SELECT count(*) FROM duckdb_tables() WHERE temporary AND table_name = $1 AND comment = $2"
    return connection.execute(sql, [table, comment]).fetchall() != [(0,)]


def _forget(connection: duckdb.DuckDBPyConnection) -> None:
    for name in PIECED:
        connection.execute(f'DROP VIEW IF EXISTS temp.main."{name}"')
    for name, _ in TABLES:
        connection.execute(f'DROP TABLE IF EXISTS temp.main."{name}"')


def pieces(connection: duckdb.DuckDBPyConnection, positions: str, params: Sequence[object]) -> list[tuple[int, int]]:
    """First and last position of each piece of the SELECT of positions; a position is in one piece alone."""
    sql = f"""
        SELECT min(position), max(position)
        FROM (SELECT position, (row_number() OVER (ORDER BY position) - 1) // {PIECE} AS piece
              FROM (SELECT DISTINCT position FROM ({positions})))
        GROUP BY piece ORDER BY piece
    """  # noqa: S608 a constant and the caller's SQL
    return connection.execute(sql, list(params)).fetchall()


@contextmanager
def piece(connection: duckdb.DuckDBPyConnection, first: int, last: int) -> Iterator[None]:
    """Outcomes, versions and fates are those of these positions for the block."""
    for name in PIECED:
        connection.execute(_view(name, f" WHERE place BETWEEN {int(first)} AND {int(last)} OR place = -1"))
    try:
        yield
    finally:
        for name in PIECED:
            connection.execute(_view(name))


def _view(name: str, where: str = "") -> str:
    return f'CREATE OR REPLACE TEMP VIEW "{name}" AS SELECT * EXCLUDE (place) FROM all_{name}{where}'  # noqa: S608 names
