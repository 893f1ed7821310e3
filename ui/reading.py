"""What the pages ask of a store: runs, what became of a run's samples, one page of them, and one of them whole.

Every value travels as a bound parameter, lists are cut by LIMIT in SQL, and nothing here draws or writes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import streamlit as st

from storage.liveness import is_alive
from storage.snapshot import Snapshot
from storage.store import Store
from storage.views import picking

Row = dict[str, Any]

PAGE = 12
SECONDS = 10  # how old an answer may be while a run goes on
PICTURE_SECONDS = 60  # how long a lost picture stays lost once its file is back
MOST_RUNS = 200
MOST_CALLS = 100

RUN = "SELECT * FROM runs WHERE run_id = $1"

RUNS = (
    "SELECT run_id, recipe, source, seed, status, started, ended, detail, settings FROM runs "
    "ORDER BY resumed DESC LIMIT $1"
)

FUNNEL = """
SELECT step_no, step, input, kept, dropped, failed, pending, dropped_by_reason, failed_by_reason
FROM funnel_all WHERE run_id = $1 ORDER BY step_no
"""

FATES = """
    SELECT f.sample_id, f.sample_key, f.position, f.fate, f.step, f.reason, f.detail, s.kind,
        CASE WHEN f.fate = 'kept' AND x.reason IS NULL THEN p.split END AS split
    FROM {fates} f
    LEFT JOIN excluded x USING (sample_id, sample_key)
    LEFT JOIN (
        SELECT sample_id, sample_key, value ->> '$.split' AS split FROM {outcomes} WHERE step = 'split' AND chosen
    ) p USING (sample_id, sample_key)
    LEFT JOIN sample_versions s USING (sample_id, sample_key)
"""

TALLY = picking(
    RUN,
    "SELECT fate, step, reason, kind, split, count(*) AS samples FROM ({fated}) GROUP BY ALL ORDER BY ALL".replace(
        "{fated}", FATES
    ),
)

PAGE_OF_FATES = """
SELECT * FROM ({fated})
WHERE ($2 IS NULL OR fate = $2) AND ($3 IS NULL OR split = $3) AND ($4 IS NULL OR step = $4)
    AND ($5 IS NULL OR reason = $5) AND ($6 IS NULL OR kind = $6)
ORDER BY position LIMIT $7 OFFSET $8
""".replace("{fated}", FATES)

# Texts are read for the page's rows only.
LISTED = """
WITH page AS MATERIALIZED ({page})
SELECT p.*, left(v.question, 300) AS question, v.image, v.format
FROM page p
LEFT JOIN (
    SELECT * FROM sample_versions WHERE sample_id IN (SELECT sample_id FROM page)
) v USING (sample_id, sample_key)
ORDER BY p.position
""".replace("{page}", picking(RUN, PAGE_OF_FATES))

# Views decide what is latest for all rows at once; for a few samples the same is decided over just their rows.
SAMPLES = """
SELECT s.*, i.width, i.height, i.format FROM (
    SELECT * FROM raw_samples WHERE sample_id IN (SELECT unnest($1::VARCHAR[]))
    QUALIFY row_number() OVER (PARTITION BY sample_id, sample_key ORDER BY created DESC) = 1
) s LEFT JOIN (
    SELECT * FROM raw_images WHERE sha256 IN (
        SELECT image FROM raw_samples WHERE sample_id IN (SELECT unnest($1::VARCHAR[]))
    ) QUALIFY row_number() OVER (PARTITION BY sha256 ORDER BY created) = 1
) i ON i.sha256 = s.image
"""

OUTCOMES = """
SELECT s.run_id, s.step_no, s.step, s.in_draws, o.sample_id, o.sample_key, o.draw, o.status, o.reason, o.detail,
    o.value, o.calls
FROM (
    SELECT * FROM raw_outcomes WHERE sample_id IN (SELECT unnest($2::VARCHAR[]))
    QUALIFY row_number() OVER (
        PARTITION BY sample_id, sample_key, fingerprint, draw ORDER BY status = 'failed', created DESC, run_id DESC
    ) = 1
) o JOIN run_steps s USING (fingerprint)
WHERE list_contains($1::VARCHAR[], s.run_id)
ORDER BY s.idx, o.draw
LIMIT 20000
"""

PASS_RATES = """
SELECT sample_id, sample_key, run_id, model, k, correct, temperature, stopped, low, high FROM raw_pass_rates
WHERE sample_id IN (SELECT unnest($1::VARCHAR[])) ORDER BY created DESC
"""

CALLS = """
SELECT key, teacher, model, status, finish, draw, prompt_tokens, completion_tokens, cost, seconds, attempts, error
FROM raw_calls WHERE key IN (SELECT unnest($1::VARCHAR[]))
QUALIFY row_number() OVER (PARTITION BY key ORDER BY status <> 'ok', created DESC, run_id DESC) = 1
"""

CALL = """
SELECT request, reply, reasoning FROM raw_calls WHERE key = $1 ORDER BY status <> 'ok', created DESC LIMIT 1
"""

OF_SAMPLES = ("samples", "images", "outcomes", "pass_rates", "calls", "runs", "run_steps")
"""Tables that the queries on single samples read."""

SPENT = picking(
    RUN,
    """
SELECT count(*) AS calls, coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
    coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens,
    sum(cost) AS cost, count(*) FILTER (WHERE cost IS NULL) AS unpriced
FROM (SELECT DISTINCT unnest(calls) AS key FROM {outcomes}) JOIN calls USING (key)
""",
)


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
        return all(value is None or row[name] == value for name, value in asdict(self).items())


@dataclass(frozen=True, slots=True)
class Overview:
    """What became of a run: a row a step; samples by fate, step, reason, kind and split; calls, tokens and dollars."""

    funnel: list[Row]
    tally: list[Row]
    spent: Row

    def count(self, wanted: Filter) -> int:
        """How many samples `wanted` takes."""
        return int(sum(row["samples"] for row in self.tally if wanted.takes(row)))


@dataclass(frozen=True, slots=True)
class Whole:
    """All there is on one sample of a run. `sample` is None for a row rejected at intake, `outcomes` are in order."""

    sample: Row | None
    outcomes: list[Row]
    pass_rate: Row | None
    calls: list[Row]


@st.cache_data(ttl=SECONDS, max_entries=8, show_spinner=False)
def runs(root: str) -> list[Row]:
    """The latest runs, newest first; one whose process is gone without a word is `killed`."""
    store = Store.open(root, create=False)
    found: list[Row] = store.query(RUNS, [MOST_RUNS]).to_pylist()
    for run in found:
        if run["status"] == "running" and not is_alive(store, run["run_id"]):
            run["status"] = "killed"
    return found


@st.cache_data(ttl=SECONDS, max_entries=32, show_spinner="Counting …")
def overview(root: str, run_id: str) -> Overview:
    """What became of the run, all of one moment."""
    with Store.open(root, create=False).snapshot() as moment:
        funnel = _rows(moment, FUNNEL, run_id)
        for row in funnel:
            row |= {name: _decoded(row[name]) for name in ("dropped_by_reason", "failed_by_reason")}
        return Overview(funnel, _rows(moment, TALLY, run_id), _rows(moment, SPENT, run_id)[0])


@st.cache_data(ttl=SECONDS, max_entries=64, show_spinner=False)
def listed(root: str, run_id: str, wanted: Filter, page: int) -> list[Row]:
    """Page `page`, from 1, of the samples that `wanted` takes, by their place in the source."""
    params = (run_id, *asdict(wanted).values(), PAGE, (page - 1) * PAGE)
    rows: list[Row] = Store.open(root, create=False).query(LISTED, params).to_pylist()
    return rows


@st.cache_data(ttl=SECONDS, max_entries=32, show_spinner=False)
def whole(root: str, run_id: str, sample_id: str, sample_key: str) -> Whole:
    """One sample of the run, all of one moment."""
    return wholes(root, [(run_id, sample_id, sample_key)])[0]


def wholes(root: str, wanted: Sequence[tuple[str, str, str]]) -> list[Whole]:
    """Samples by (run_id, sample_id, sample_key), all of one moment."""
    ids = [sample_id for _, sample_id, _ in wanted]
    with Store.open(root, create=False).snapshot(tables=OF_SAMPLES) as moment:
        samples = _rows(moment, SAMPLES, ids)
        outcomes = _rows(moment, OUTCOMES, [run_id for run_id, *_ in wanted], ids)
        rates = _rows(moment, PASS_RATES, ids)
        keys = list(dict.fromkeys(key for outcome in outcomes for key in outcome["calls"] or ()))
        calls = {call["key"]: call for call in _rows(moment, CALLS, keys)}
    for outcome in outcomes:
        outcome["value"] = _decoded(outcome["value"])
    return [_whole(one, samples, outcomes, rates, calls) for one in wanted]


def _whole(
    one: tuple[str, str, str], samples: list[Row], outcomes: list[Row], rates: list[Row], calls: dict[str, Row]
) -> Whole:
    run_id, *key = one

    def ours(row: Row) -> bool:
        return [row["sample_id"], row["sample_key"]] == key

    found = next(filter(ours, samples), None)
    sample = {**found, **{name: _decoded(found[name]) for name in ("options", "meta")}} if found else None
    if sample is not None:
        sample["options"] = sample["options"] or []
    its = [row for row in outcomes if ours(row) and row["run_id"] == run_id]
    rate = next((row for row in rates if ours(row) and row["run_id"] == run_id), None)
    asked = dict.fromkeys(key for row in its for key in row["calls"] or ())
    return Whole(sample, its, rate, [calls[key] for key in asked if key in calls][:MOST_CALLS])


@st.cache_data(ttl=SECONDS, max_entries=32, show_spinner=False)
def call(root: str, key: str) -> Row:
    """Request, reply and chain of one call; None each when it is gone."""
    found: list[Row] = Store.open(root, create=False).query(CALL, [key]).to_pylist()
    return found[0] if found else {"request": None, "reply": None, "reasoning": None}


def _rows(moment: Snapshot, sql: str, *params: Any) -> list[Row]:
    found: list[Row] = moment.query(sql, params).to_pylist()
    return found


def _decoded(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
