"""One run in numbers: what `vistill report` shows, counted in SQL over one moment of the store.

Two small tables are made in the snapshot's own memory, a row a sample and a row an outcome without its text; everything
else is counted from them, so a run of 100,000 samples takes seconds and little memory, and all figures are of the same
moment while the run goes on. Nothing is written to the store. Showing the figures is `flows.run_report`'s.
"""

from typing import Any

import duckdb

from curation.errors import ConfigError
from storage.snapshot import Snapshot, query_error
from storage.store import Store
from storage.views import FUNNEL, picking

LIMITS = {"memory_limit": "512MB", "threads": 2}  # beyond that DuckDB spills to the temporary directory
PICKED = "SELECT * FROM runs WHERE run_id = $1"
BINS = 24  # bars of a histogram of lengths; the last takes everything beyond the 99th percentile
Rows = list[dict[str, Any]]

SAMPLE_ROWS = """
SELECT f.sample_id, f.sample_key, f.position, f.fate, f.step_no, f.step, f.reason, f.detail, s.kind,
    coalesce(s.source, '') AS source, s.meta -> '$.abilities' AS abilities
FROM {fates} f LEFT JOIN sample_versions s USING (sample_id, sample_key)
"""

# Text is a JSON string or the field `text`; its words are what stands between white space.
OUTCOME_ROWS = """
SELECT o.sample_id, o.sample_key, o.step_no, o.step, o.draw, o.chosen, o.status, o.seconds, o.calls, f.fate,
    CASE WHEN o.chosen AND o.status = 'ok' THEN CASE json_type(o.value)
        WHEN 'VARCHAR' THEN len(regexp_extract_all(o.value ->> '$', '\\S+'))
        WHEN 'OBJECT' THEN len(regexp_extract_all(o.value ->> '$.text', '\\S+'))
    END END AS words,
    CASE WHEN o.step = 'cues' THEN o.value -> '$.cues' END AS cues,
    CASE WHEN o.step = 'verify'
        THEN coalesce(TRY_CAST(o.value ->> '$.correct' AS BOOLEAN)::VARCHAR, 'null')
    END AS verdict,
    CASE WHEN o.step = 'verify' THEN o.value ->> '$.source' END AS verdict_by,
    CASE WHEN o.step = 'split' THEN o.value ->> '$.split' END AS split,
    CASE WHEN json_type(o.value, '$.abilities') = 'ARRAY' THEN o.value -> '$.abilities' END AS abilities
FROM {outcomes} o JOIN sample_rows f ON f.sample_id = o.sample_id AND f.sample_key = o.sample_key
WHERE o.sample_key <> '' AND (f.step_no IS NULL OR o.step_no IS NULL OR o.step_no <= f.step_no)
"""

TOTALS = """
SELECT count(*) FILTER (WHERE fate <> 'expanded') AS samples, count(*) FILTER (WHERE fate = 'kept') AS kept,
    count(*) FILTER (WHERE fate = 'dropped') AS dropped, count(*) FILTER (WHERE fate = 'failed') AS failed,
    count(*) FILTER (WHERE fate = 'pending') AS pending, count(*) FILTER (WHERE fate = 'expanded') AS expanded
FROM sample_rows
"""

AGREEMENT = "SELECT * EXCLUDE (recipe, run_id) FROM agreement WHERE run_id = $1"
"""Of made questions, in a recipe's latest run."""

REASONS = """
SELECT step, fate, reason, count(*) AS samples FROM sample_rows WHERE fate IN ('dropped', 'failed')
GROUP BY step, step_no, fate, reason ORDER BY samples DESC, step_no, reason
"""

BY = """
SELECT coalesce({what}, '(none)') AS name, count(*) AS samples, count(*) FILTER (WHERE fate = 'kept') AS kept,
    count(*) FILTER (WHERE fate = 'dropped') AS dropped, count(*) FILTER (WHERE fate = 'failed') AS failed,
    count(*) FILTER (WHERE fate = 'pending') AS pending
FROM sample_rows WHERE sample_key <> '' AND fate <> 'expanded' GROUP BY 1 ORDER BY samples DESC, name
"""

SPLITS = """
SELECT split AS name, count(*) AS samples FROM outcome_rows
WHERE chosen AND fate = 'kept' AND split IS NOT NULL GROUP BY 1 ORDER BY 1
"""

VERDICTS = """
SELECT verdict AS correct, coalesce(verdict_by, '') AS decided_by, count(*) AS samples FROM outcome_rows
WHERE chosen AND verdict IS NOT NULL AND status <> 'failed' GROUP BY ALL ORDER BY ALL
"""

LENGTHS = """
SELECT step, any_value(step_no) AS step_no, {of} AS samples, {quantiles}, max({what}) AS longest
FROM {from_rows} GROUP BY step HAVING {of} > 0 ORDER BY step_no, step
"""
QUANTILES = ", ".join(
    f"quantile_disc({{what}}, {share}) AS {name}" for name, share in (("p5", 0.05), ("median", 0.5), ("p95", 0.95))
)

# Empty texts (a caption that a source has none of) are no lengths.
WORD_BINS = """
WITH ends AS (
    SELECT step, greatest(quantile_disc(words, 0.99) / $1, 1) AS width FROM outcome_rows WHERE words > 0 GROUP BY step
)
SELECT step, ceil(any_value(width))::BIGINT AS width,
    least(floor((words - 1) / ceil(width)), $1 - 1)::INTEGER AS bin, count(*) AS samples
FROM outcome_rows JOIN ends USING (step) WHERE words > 0 GROUP BY step, bin ORDER BY step, bin
"""

CUES = """
WITH counted AS (SELECT * FROM outcome_rows WHERE chosen AND step = 'cues' AND status = 'ok')
SELECT each.key AS cue, count(*) AS samples, sum(TRY_CAST(each.value AS BIGINT))::BIGINT AS occurrences,
    (SELECT count(*) FROM counted) AS of
FROM counted, json_each(counted.cues) each WHERE json_type(counted.cues) = 'OBJECT'
GROUP BY cue ORDER BY samples DESC, cue
"""
REFLECTIVE = """
SELECT count(*) AS samples,
    count(*) FILTER (WHERE json_type(cues) = 'OBJECT' AND len(json_keys(cues)) > 0) AS reflective
FROM outcome_rows WHERE chosen AND step = 'cues' AND status = 'ok'
"""

ABILITIES = """
WITH named AS (
    SELECT sample_id, sample_key, fate, unnest(CAST(abilities AS VARCHAR[])) AS ability FROM sample_rows
    WHERE json_type(abilities) = 'ARRAY'
    UNION
    SELECT sample_id, sample_key, fate, unnest(CAST(abilities AS VARCHAR[])) FROM outcome_rows
    WHERE abilities IS NOT NULL AND chosen
)
SELECT ability AS name, count(*) AS samples, count(*) FILTER (WHERE fate = 'kept') AS kept
FROM named WHERE ability IS NOT NULL GROUP BY 1 ORDER BY samples DESC, 1
"""

# Of several rates of one sample (another model, another k) the latest.
PASS_RATES = """
WITH latest AS (
    SELECT * FROM pass_rates p SEMI JOIN sample_rows USING (sample_id, sample_key) WHERE p.run_id = $1 AND k > 0
    QUALIFY row_number() OVER (PARTITION BY sample_id, sample_key ORDER BY created DESC, model) = 1
)
SELECT model, k, stopped, correct, count(*) AS samples FROM latest GROUP BY ALL ORDER BY model, k, stopped, correct
"""

# A call counts once, at the first step that used it. Calls of this run that no outcome names were cut off with it.
COST = """
WITH used AS (
    SELECT key, arg_min(step, coalesce(step_no, 1000)) AS step, min(step_no) AS step_no
    FROM (SELECT unnest(calls) AS key, step, step_no FROM outcome_rows) GROUP BY key
),
asked AS (
    SELECT c.*, u.step, u.step_no FROM calls c LEFT JOIN used u USING (key)
    WHERE u.key IS NOT NULL OR c.run_id = $1
)
SELECT step, teacher, model, count(*) AS calls, count(*) FILTER (WHERE status <> 'ok') AS failed,
    count(*) FILTER (WHERE run_id <> $1) AS of_earlier_runs,
    sum(prompt_tokens)::BIGINT AS prompt_tokens, sum(completion_tokens)::BIGINT AS completion_tokens,
    count(*) FILTER (WHERE completion_tokens IS NULL) AS calls_without_tokens,
    quantile_disc(completion_tokens, 0.5) AS median_completion_tokens,
    quantile_disc(completion_tokens, 0.95) AS p95_completion_tokens,
    sum(cost) AS cost, count(*) FILTER (WHERE cost IS NULL) AS unknown_cost_calls, sum(seconds) AS seconds
FROM asked GROUP BY step, step_no, teacher, model ORDER BY step_no NULLS LAST, step, teacher, model
"""

SECONDS = """
SELECT step, count(*) AS outcomes, sum(seconds) AS seconds, quantile_disc(seconds, 0.5) AS median,
    quantile_disc(seconds, 0.95) AS p95
FROM outcome_rows WHERE step <> 'draws' AND seconds IS NOT NULL GROUP BY step, step_no ORDER BY step_no, step
"""

EXAMPLES = """
SELECT sample_id, sample_key, position, fate, step, reason, detail FROM sample_rows
WHERE CASE WHEN $1 = 'kept' THEN fate = 'kept' ELSE fate IN ('dropped', 'failed') END
ORDER BY md5($2 || chr(31) || sample_id || chr(31) || position::VARCHAR), position LIMIT $3
"""

# Text as a step wrote it, the raw reply of one that failed, else the value as JSON.
EXAMPLE_TEXTS = """
SELECT sample_id, sample_key, step, status, left(said, $2) AS text, length(said) AS characters FROM (
    SELECT o.*, CASE json_type(o.value)
        WHEN 'VARCHAR' THEN o.value ->> '$'
        WHEN 'OBJECT' THEN coalesce(o.value ->> '$.text', o.value ->> '$.raw', o.value::VARCHAR)
        ELSE o.value::VARCHAR
    END AS said
    FROM {outcomes} o WHERE o.chosen AND o.sample_id IN (SELECT unnest($3::VARCHAR[]))
) WHERE said <> '' ORDER BY sample_id, step_no NULLS LAST
"""

EXAMPLE_SAMPLES = """
SELECT sample_id, sample_key, source, kind, question, reference, image, options::VARCHAR AS options
FROM sample_versions WHERE sample_id IN (SELECT unnest($1::VARCHAR[]))
"""


def moment(store: Store) -> Snapshot:
    """A snapshot to gather from, with bounded memory; close it."""
    return Snapshot(store.root, LIMITS)


def find_run(snapshot: Snapshot, name: str) -> dict[str, Any]:
    """The run of that id, else the latest of the recipe of that name. ConfigError tells what there is."""
    runs: Rows = snapshot.query("SELECT * FROM runs ORDER BY resumed DESC, run_id DESC").to_pylist()
    if not runs:
        raise ConfigError("store", str(snapshot.root), "has no runs to report on; `vistill run …` makes one")
    for run in runs:
        if name in (run["run_id"], run["recipe"]):
            return next((one for one in runs if one["run_id"] == name), run)
    recipes, latest = sorted({run["recipe"] for run in runs}), [run["run_id"] for run in runs[:3]]
    known = f"recipes: {', '.join(recipes)}; latest runs: {', '.join(latest)}"
    raise ConfigError("RECIPE-or-RUN", name, f"no run of it in the store; {known}")


def gather(snapshot: Snapshot, run_id: str) -> dict[str, Any]:
    """Every figure of one run, by section; the order of rows depends on the store alone."""
    funnel = _ask(snapshot, picking(PICKED, FUNNEL), run_id)
    _make(snapshot, "sample_rows", SAMPLE_ROWS, run_id)
    _make(snapshot, "outcome_rows", OUTCOME_ROWS, run_id)
    lengths = LENGTHS.replace("{quantiles}", QUANTILES)
    words = {"{what}": "words", "{of}": "count(*)", "{from_rows}": "(FROM outcome_rows WHERE words > 0)"}
    return {
        "totals": _ask(snapshot, TOTALS)[0], "funnel": funnel, "reasons": _ask(snapshot, REASONS),
        "kinds": _ask(snapshot, BY.replace("{what}", "kind")),
        "sources": _ask(snapshot, BY.replace("{what}", "source")),
        "splits": _ask(snapshot, SPLITS), "verdicts": _ask(snapshot, VERDICTS),
        "words": _ask(snapshot, _filled(lengths, words)), "word_bins": _ask(snapshot, WORD_BINS, BINS),
        "cues": _ask(snapshot, CUES), "reflective": _ask(snapshot, REFLECTIVE)[0],
        "abilities": _ask(snapshot, ABILITIES), "pass_rates": _ask(snapshot, PASS_RATES, run_id),
        "cost": _ask(snapshot, COST, run_id), "seconds": _ask(snapshot, SECONDS),
        "agreement": _ask(snapshot, AGREEMENT, run_id) if any(row["born"] for row in funnel) else [],
    }  # fmt: skip


def examples(snapshot: Snapshot, run_id: str, *, count: int, seed: int, longest: int) -> dict[str, Rows]:
    """`kept` and `dropped`: so many samples by seeded digest, each with its texts by step, cut at `longest`.

    After `gather`, of the same snapshot.
    """
    chosen = {which: _ask(snapshot, EXAMPLES, which, str(seed), count) for which in ("kept", "dropped")}
    ids = sorted({row["sample_id"] for rows in chosen.values() for row in rows})
    said = _ask(snapshot, picking(PICKED, EXAMPLE_TEXTS), run_id, longest, ids)
    asked = _ask(snapshot, EXAMPLE_SAMPLES, ids)
    for row in (row for rows in chosen.values() for row in rows):
        key = (row["sample_id"], row["sample_key"])
        row |= next((one for one in asked if (one["sample_id"], one["sample_key"]) == key), {})
        row["steps"] = [
            {name: one[name] for name in ("step", "status", "text", "characters")}
            for one in said
            if (one["sample_id"], one["sample_key"]) == key
        ]
    return chosen


def _make(snapshot: Snapshot, name: str, sql: str, run_id: str) -> None:
    """A table in the snapshot's memory from a query over the picked run."""
    text = f"CREATE OR REPLACE TEMP TABLE {name} AS {picking(PICKED, sql)}"
    try:
        snapshot.run(lambda connection: connection.execute(text, [run_id]))
    except duckdb.Error as error:
        raise query_error(error) from error


def _filled(sql: str, slots: dict[str, str]) -> str:
    for slot, text in slots.items():
        sql = sql.replace(slot, text)
    return sql


def _ask(snapshot: Snapshot, sql: str, *params: Any) -> Rows:
    rows: Rows = snapshot.query(sql, params).to_pylist()
    return rows
