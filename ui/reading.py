"""What the pages ask of a store: runs, what became of a run's samples, one page of them, and one of them whole.

Every value travels as a bound parameter, lists are cut by LIMIT in SQL, and nothing here draws or writes.
"""

from dataclasses import dataclass
from typing import Any

import orjson
import streamlit as st

from storage.store import Store
from storage.views import picking

Row = dict[str, Any]

PAGE = 12
SECONDS = 10  # how old an answer may be while a run goes on
MOST_RUNS = 200
MOST_CALLS = 100

RUN = "SELECT * FROM runs WHERE run_id = $1"

RUNS = "SELECT run_id, recipe, source, status, started, ended, detail, settings, teachers FROM runs ORDER BY resumed DESC LIMIT $1"

FUNNEL = """
SELECT step_no, step, input, kept, dropped, failed, pending, dropped_by_reason, failed_by_reason
FROM funnel_all WHERE run_id = $1 ORDER BY step_no
"""

FATES = """
    SELECT f.sample_id, f.sample_key, f.position, f.fate, f.step, f.reason, f.detail, s.kind,
        CASE WHEN f.fate = 'kept' THEN p.split END AS split
    FROM {fates} f
    LEFT JOIN (
        SELECT sample_id, sample_key, value ->> '$.split' AS split FROM {outcomes} WHERE step = 'split' AND chosen
    ) p USING (sample_id, sample_key)
    LEFT JOIN sample_versions s USING (sample_id, sample_key)
"""

TALLY = picking(
    RUN, f"SELECT fate, step, reason, kind, split, count(*) AS samples FROM ({FATES}) GROUP BY ALL ORDER BY ALL"
)

# Texts are read for the page's rows only.
LISTED = f"""
WITH page AS MATERIALIZED ({
    picking(
        RUN,
        f'''
SELECT * FROM ({FATES})
WHERE ($2 IS NULL OR fate = $2) AND ($3 IS NULL OR split = $3) AND ($4 IS NULL OR step = $4)
    AND ($5 IS NULL OR reason = $5) AND ($6 IS NULL OR kind = $6)
ORDER BY position LIMIT $7 OFFSET $8
''',
    )
})
SELECT p.*, left(v.question, 300) AS question, v.image, v.format
FROM page p
LEFT JOIN (
    SELECT * FROM sample_versions WHERE sample_id IN (SELECT sample_id FROM page)
) v USING (sample_id, sample_key)
ORDER BY p.position
"""

SAMPLE = "SELECT * FROM sample_versions WHERE sample_id = $1 AND sample_key = $2 LIMIT 1"

OUTCOMES = """
SELECT s.step_no, s.step, s.in_draws, o.draw, o.status, o.reason, o.detail, o.value, o.calls
FROM outcomes o JOIN run_steps s USING (fingerprint)
WHERE s.run_id = $1 AND o.sample_id = $2 AND o.sample_key = $3
ORDER BY s.idx, o.draw
LIMIT 1000
"""

PASS_RATE = """
SELECT model, k, correct, temperature, stopped, low, high FROM pass_rates
WHERE sample_id = $1 AND sample_key = $2 AND run_id = $3 ORDER BY created DESC LIMIT 1
"""

CALLS = """
SELECT key, teacher, model, status, finish, draw, prompt_tokens, completion_tokens, cost, seconds, attempts, error
FROM calls WHERE list_contains($1::VARCHAR[], key) LIMIT $2
"""

CALL = "SELECT request, reply, reasoning FROM calls WHERE key = $1 LIMIT 1"

SPENT = """
SELECT count(*) AS calls, coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
    coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens,
    sum(cost) AS cost, count(*) FILTER (WHERE cost IS NULL AND status = 'ok') AS unpriced
FROM calls WHERE run_id = $1
"""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which samples of a run to list; None is any."""

    fate: str | None = None
    split: str | None = None
    step: str | None = None
    reason: str | None = None
    kind: str | None = None

    def takes(self, row: Row) -> bool:
        """Whether a row of the tally is among them."""
        return all(value is None or row[name] == value for name, value in self.wanted())

    def wanted(self) -> tuple[tuple[str, str | None], ...]:
        """Column and value, in the order of the query's parameters."""
        names = ("fate", "split", "step", "reason", "kind")
        return tuple((name, getattr(self, name)) for name in names)


@st.cache_data(ttl=SECONDS, max_entries=256, show_spinner=False)
def ask(root: str, sql: str, params: tuple[Any, ...]) -> list[Row]:
    """Rows of one query on the store at `root`, at most `SECONDS` old. StoreError when it cannot be read."""
    rows: list[Row] = Store.open(root, create=False).query(sql, params).to_pylist()
    return rows


def runs(root: str) -> list[Row]:
    """The latest runs, newest first."""
    return ask(root, RUNS, (MOST_RUNS,))


def funnel(root: str, run_id: str) -> list[Row]:
    """A row a step, with the reasons as dicts of counts."""
    return [
        {**row, **{name: decoded(row[name]) for name in ("dropped_by_reason", "failed_by_reason")}}
        for row in ask(root, FUNNEL, (run_id,))
    ]


def tally(root: str, run_id: str) -> list[Row]:
    """How many samples of the run share a fate, step, reason, kind and split."""
    return ask(root, TALLY, (run_id,))


def spent(root: str, run_id: str) -> Row:
    """Calls, tokens and dollars of the calls that the run asked."""
    return ask(root, SPENT, (run_id,))[0]


def listed(root: str, run_id: str, wanted: Filter, page: int) -> list[Row]:
    """Page `page`, from 1, of the samples that `wanted` takes, by their place in the source."""
    values = tuple(value for _, value in wanted.wanted())
    return ask(root, LISTED, (run_id, *values, PAGE, (page - 1) * PAGE))


def sample(root: str, row: Row) -> Row | None:
    """The sample of a listed row; None for a row rejected at intake, whose sample was never made."""
    found = ask(root, SAMPLE, (row["sample_id"], row["sample_key"]))
    return {**found[0], "options": decoded(found[0]["options"]) or []} if found else None


def outcomes(root: str, run_id: str, row: Row) -> list[Row]:
    """What every step of the run made of the sample, in every draw, in order."""
    found = ask(root, OUTCOMES, (run_id, row["sample_id"], row["sample_key"]))
    return [{**outcome, "value": decoded(outcome["value"])} for outcome in found]


def pass_rate(root: str, run_id: str, row: Row) -> Row | None:
    """The sample's pass rate as this run measured it, if it did."""
    found = ask(root, PASS_RATE, (row["sample_id"], row["sample_key"], run_id))
    return found[0] if found else None


def calls(root: str, keys: tuple[str, ...]) -> list[Row]:
    """The calls with these keys, without their long texts, in the order of the keys."""
    order = {key: place for place, key in enumerate(keys[:MOST_CALLS])}
    return sorted(ask(root, CALLS, (list_of(keys), MOST_CALLS)), key=lambda call: order.get(call["key"], 0))


def call(root: str, key: str) -> Row:
    """Request, reply and chain of one call; empty texts when it is gone."""
    found = ask(root, CALL, (key,))
    return found[0] if found else {"request": "", "reply": "", "reasoning": ""}


def list_of(keys: tuple[str, ...]) -> tuple[str, ...]:
    """At most `MOST_CALLS` keys: one bound parameter, and hashable for the cache."""
    return keys[:MOST_CALLS]


def decoded(text: str | None) -> Any:
    """A JSON column's value."""
    return None if text is None else orjson.loads(text)
