"""The numbers of the corpus page, asked of the review index; findings of the store, which has them."""

from collections import Counter
from typing import Any

from storage.desk import Desk
from ui.reading import Row

POINTS = 60  # of a line over time
BINS = 30
MOST_CUES = 20

TOTALS = """
SELECT count(*) AS samples, count(*) FILTER (WHERE fate = 'kept') AS kept, count(*) FILTER (WHERE split = 'sft') AS sft,
    count(*) FILTER (WHERE split = 'rl') AS rl, count(*) FILTER (WHERE reflective AND fate = 'kept') AS reflective,
    coalesce(sum(tokens), 0)::BIGINT AS tokens, sum(cost) AS cost
FROM items WHERE recipe = $recipe
"""
LOST = """
SELECT left_at, fate, reason, count(*) AS samples FROM items WHERE recipe = $recipe AND fate <> 'kept' GROUP BY ALL
"""
STEPS = """
SELECT idx, step FROM raw_run_steps WHERE run_id = $1 AND step <> 'draws'
QUALIFY row_number() OVER (PARTITION BY idx ORDER BY created DESC) = 1 ORDER BY idx
"""
YIELDS = """
SELECT coalesce({name}, 'none') AS {name}, count(*) AS samples, count(*) FILTER (WHERE split = 'sft') AS sft,
    count(*) FILTER (WHERE split = 'rl') AS rl,
    count(*) FILTER (WHERE fate = 'kept' AND split NOT IN ('sft', 'rl')) AS "kept otherwise",
    count(*) FILTER (WHERE fate <> 'kept') AS lost, count(*) FILTER (WHERE fate = 'kept') / count(*) AS yield
FROM items WHERE recipe = $recipe GROUP BY 1 ORDER BY samples DESC LIMIT 25
"""
OVER_TIME = """
WITH ends AS (SELECT min(made) AS first, max(made) AS last FROM items WHERE recipe = $recipe),
placed AS (
    SELECT least($points - 1, floor((made - first) / greatest(last - first, 1e-6) * $points)) AS place,
        first, last, cost, tokens
    FROM items, ends WHERE recipe = $recipe AND made IS NOT NULL
),
counted AS (
    SELECT place, any_value(first + (place + 1) / $points * (last - first)) AS moment, count(*) AS samples,
        sum(cost) AS cost, sum(tokens) AS tokens
    FROM placed GROUP BY place
)
SELECT moment, sum(samples) OVER so_far AS samples_so_far, sum(cost) OVER so_far AS cost_so_far,
    (sum(tokens) OVER so_far)::DOUBLE AS tokens_so_far, cost / samples AS cost_each
FROM counted WINDOW so_far AS (ORDER BY place) ORDER BY place
"""
LENGTHS = """
WITH ends AS (SELECT greatest(1, quantile_cont(trace_chars, 0.99) / $bins) AS wide FROM items
    WHERE recipe = $recipe AND trace_chars > 0)
SELECT low * wide AS low, (low + 1) * wide AS high, count(*) AS samples
FROM (
    SELECT least($bins - 1, floor(trace_chars / wide)) AS low, wide FROM items, ends
    WHERE recipe = $recipe AND trace_chars > 0
) GROUP BY low, wide ORDER BY low
"""
RATES = """
SELECT low / 10 AS low, (low + 1) / 10 AS high, count(*) AS samples
FROM (SELECT least(9, floor(pass_rate * 10)) AS low FROM items WHERE recipe = $recipe AND pass_rate IS NOT NULL)
GROUP BY low ORDER BY low
"""
CUES = "SELECT cue, samples FROM index.main.cues WHERE recipe = $recipe ORDER BY samples DESC, cue LIMIT $most"
CLUSTERS = """
SELECT cluster, count(*) AS samples, count(*) FILTER (WHERE fate = 'kept') AS kept
FROM items WHERE recipe = $recipe AND cluster IS NOT NULL
GROUP BY cluster HAVING count(*) > 1 ORDER BY samples DESC, cluster LIMIT $most
"""
MEMBERS = """
SELECT sample_id, question, image, format, fate, reason FROM items
WHERE recipe = $recipe AND cluster = $cluster ORDER BY fate <> 'kept', position LIMIT 500
"""
FINDINGS = """
SELECT * FROM findings WHERE audit_id = (SELECT arg_max(audit_id, created) FROM findings)
ORDER BY list_position(['serious', 'warning', 'info'], severity), samples DESC
"""
ROWS = """
SELECT DISTINCT sample_id FROM finding_rows WHERE audit_id = $1 AND check_name = $2 AND title = $3
ORDER BY sample_id LIMIT $4
"""


def run_of(desk: Desk, recipe: str) -> str:
    """The run that the index has of the recipe, which is its latest."""
    found = desk.ask("SELECT run_id FROM items WHERE recipe = $recipe LIMIT 1", {"recipe": recipe})
    return str(found[0]["run_id"])


def totals(desk: Desk, recipe: str) -> Row:
    """Samples, kept, splits, tokens and dollars."""
    return desk.ask(TOTALS, {"recipe": recipe})[0]


def funnel(desk: Desk, recipe: str) -> list[Row]:
    """A row a step of the recipe's latest run, as `overview.chart` draws it."""
    steps = [row["step"] for row in desk.store.query(STEPS, [run_of(desk, recipe)]).to_pylist()]
    return fold(steps, totals(desk, recipe)["samples"], desk.ask(LOST, {"recipe": recipe}))


def fold(steps: list[str], total: int, lost: list[Row]) -> list[Row]:
    """What each step got and lost, from where the samples that left did so; a sample waits before its step."""
    rows, left = [], total
    for step in steps:
        counts: dict[str, Counter[str]] = {fate: Counter() for fate in ("dropped", "failed", "pending")}
        for row in lost:
            if row["left_at"] == step and row["fate"] in counts:
                counts[row["fate"]][row["reason"] or ""] += row["samples"]
        gone = {fate: count.total() for fate, count in counts.items()}
        rows.append({"step": step, "input": left, "kept": left - sum(gone.values()), **gone,
                     "dropped_by_reason": dict(counts["dropped"].most_common()),
                     "failed_by_reason": dict(counts["failed"].most_common())})  # fmt: skip
        left -= sum(gone.values())
    return rows


def yields(desk: Desk, recipe: str, name: str) -> list[Row]:
    """By `source` or `kind`: samples, splits, lost, and the share kept."""
    assert name in ("source", "kind")
    return desk.ask(YIELDS.replace("{name}", name), {"recipe": recipe})


def over_time(desk: Desk, recipe: str) -> list[Row]:
    """Samples, dollars and tokens so far, at `POINTS` moments."""
    return desk.ask(OVER_TIME, {"recipe": recipe, "points": POINTS})


def lengths(desk: Desk, recipe: str) -> list[Row]:
    """Bins of the lengths of traces; the last takes the longest hundredth."""
    return desk.ask(LENGTHS, {"recipe": recipe, "bins": BINS})


def pass_rates(desk: Desk, recipe: str) -> list[Row]:
    """Ten bins of the share of draws that were right."""
    return desk.ask(RATES, {"recipe": recipe})


def cue_words(desk: Desk, recipe: str) -> list[Row]:
    """The most frequent cue words, each with the kept samples that have it."""
    return desk.ask(CUES, {"recipe": recipe, "most": MOST_CUES})


def clusters(desk: Desk, recipe: str, most: int) -> list[Row]:
    """Clusters of the step `dedup` with more than one sample."""
    return desk.ask(CLUSTERS, {"recipe": recipe, "most": most})


def members(desk: Desk, recipe: str, cluster: str) -> list[Row]:
    """The samples of a cluster, kept ones first."""
    return desk.ask(MEMBERS, {"recipe": recipe, "cluster": cluster})


def findings(desk: Desk) -> list[Row]:
    """The findings of the latest audit."""
    found: list[Row] = desk.store.query(FINDINGS).to_pylist()
    return found


def rows_of(desk: Desk, finding: Row, most: int) -> list[str]:
    """The sample ids that a finding names."""
    given: list[Any] = [finding["audit_id"], finding["check_name"], finding["title"], most]
    return [row["sample_id"] for row in desk.store.query(ROWS, given).to_pylist()]
