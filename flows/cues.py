"""Self-reflection statistics: how often each cue word stands in the kept traces of a recipe's newest run, and a plot.

Vision-R1 reports occurrences (arXiv 2503.06749, Table 4); the share of rows says what to expect of one trace.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from curation.errors import ConfigError
from curation.plots import Bar, bars
from curation.recipes import build
from flows.report import table
from storage.store import Store

STATISTICS = """
WITH kept AS (
    SELECT recipe, run_id, cues::MAP(VARCHAR, BIGINT) AS cues FROM corpus WHERE fate = 'kept' AND cues IS NOT NULL
),
said AS (SELECT run_id, unnest(map_keys(cues)) AS cue, unnest(map_values(cues)) AS times FROM kept),
traces AS (SELECT recipe, run_id, count(*) AS rows FROM kept GROUP BY ALL)
SELECT recipe, cue,
    sum(times)::BIGINT AS occurrences,
    count(*) AS rows_with_cue,
    rows,
    round(count(*) / rows, 4) AS row_share,
    round(sum(times) / rows, 3) AS per_row
FROM said JOIN traces USING (run_id)
GROUP BY recipe, cue, rows
ORDER BY recipe, occurrences DESC, cue
"""
"""One row a recipe and cue that occurs; docs/vision-r1-cold.md shows the same query, and a test compares the two."""


def statistics(store: Store, recipe: str | None = None) -> list[dict[str, Any]]:
    """Rows of `STATISTICS` for the newest run of one recipe, by default the last run's; cues that never occur included.

    Raises `ConfigError` when no such run is there or it kept no trace.
    """
    run = _newest(store, recipe)
    name, job = run["recipe"], orjson.loads(run["settings"])
    kept = store.query("SELECT count(*) AS n FROM corpus WHERE recipe = ? AND fate = 'kept'", [name]).to_pylist()[0][
        "n"
    ]
    if not kept:
        raise ConfigError("--recipe", name, "its newest run has kept no trace yet; see vistill status")
    found = store.query(f"SELECT * FROM ({STATISTICS}) WHERE recipe = ?", [name]).to_pylist()  # noqa: S608 a constant
    silent = set(build(name, job.get("settings", {})).settings.get("cue_words", ())) - {row["cue"] for row in found}
    none = {"recipe": name, "occurrences": 0, "rows_with_cue": 0, "rows": kept, "row_share": 0.0, "per_row": 0.0}
    return [*found, *({**none, "cue": cue} for cue in sorted(silent))]


def cues_text(rows: Sequence[dict[str, Any]]) -> str:
    """Aligned columns and, below, of how many traces."""
    shown = [
        [row["cue"], f"{row['occurrences']:,}", f"{row['rows_with_cue']:,}", f"{row['row_share']:.1%}", row["per_row"]]
        for row in rows
    ]
    counted = f"\n{rows[0]['rows']:,} kept traces of {rows[0]['recipe']}"
    return table(["cue", "occurrences", "rows", "share of rows", "a row"], shown, right=range(1, 5)) + counted


def plot(rows: Sequence[dict[str, Any]]) -> bytes:
    """A PNG with a bar a cue: the share of rows, and beside it how often the cue occurs in a row."""
    return bars(
        "Self-reflection in kept traces",
        f"share of rows with each cue word; {rows[0]['rows']:,} traces of {rows[0]['recipe']}",
        [Bar(row["cue"], row["row_share"], f"{row['row_share']:.0%} ({row['per_row']:g} a row)") for row in rows],
    )


def _newest(store: Store, recipe: str | None) -> dict[str, Any]:
    wanted = "SELECT recipe, settings FROM runs WHERE recipe = coalesce(?, recipe) ORDER BY started DESC LIMIT 1"
    found = store.query(wanted, [recipe]).to_pylist()
    if not found:
        raise ConfigError("--recipe", recipe, "no run of it is in this store; see vistill status")
    run: dict[str, Any] = found[0]
    return run
