"""`vistill run --estimate`: what a whole run would take, from a few rows that are run for real.

The rows are drawn at random from the source (by the run's seed), their calls are made and kept, and the totals are
extrapolated with a range. Deduplication finds more in a whole source than in a few rows, so the figures lean high.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from curation.errors import ConfigError
from curation.records import FIRST_CHILD
from curation.sources import Source
from flows.job import Job
from flows.report import table
from storage.store import Store

RESAMPLES = 4000
RANGE = (0.05, 0.95)
"""Quantiles given as the range: nine times in ten the whole run should lie within it."""

MEMBERS = "select distinct sample_id from raw_members where run_id = ? and position < ? order by all"
SPENT = """
with used as (
    select distinct coalesce(nullif(s.parent, ''), o.sample_id) as sample_id, unnest(o.calls) as key
    from raw_outcomes o
    join raw_members m on m.sample_id = o.sample_id and m.run_id = $1
    left join raw_samples s on s.sample_id = o.sample_id and s.sample_key = o.sample_key
)
select used.sample_id, c.teacher, c.model, count(*) calls, sum(c.prompt_tokens)::bigint tokens_in,
       sum(c.completion_tokens)::bigint tokens_out, sum(c.cost) as cost, count(*) - count(c.cost) unpriced
from used join calls c on c.key = used.key group by all order by all
"""


@dataclass(slots=True)
class Choice:
    """Chooses the rows to run, once the source is open; `total` is known from then on."""

    rows: int
    seed: int
    total: int = field(default=0, init=False)

    def __call__(self, source: Source) -> frozenset[int]:
        """Positions of the rows to run. Raises `ConfigError` for an empty source."""
        self.total = source.count()
        if not self.total:
            raise ConfigError("--source", source.spec.scheme, "has no rows")
        chance = np.random.default_rng(self.seed)
        chosen = chance.choice(self.total, size=min(self.rows, self.total), replace=False)
        return frozenset(int(position) for position in chosen)


def choose(job: Job, rows: int) -> Choice:
    """Raises `ConfigError` when the job cannot be estimated from so many rows."""
    if rows < 2:
        raise ConfigError("--estimate", rows, "a range needs at least 2 rows")
    if job.accepted:
        raise ConfigError("--estimate", f"--accepted {job.accepted}", "estimates rows; give --limit instead")
    return Choice(rows, job.seed)


def estimate(store: Store, run_id: str, total: int, *, seed: int = 0) -> dict[str, Any]:
    """Calls, tokens in and out and dollars of `total` rows as {expected, low, high}, for all and for each model.

    Calls that the sample rows needed count whether they were made now or before. Cost is None where a price is unknown.
    """
    members = store.query(MEMBERS, [run_id, FIRST_CHILD]).column(0).to_pylist()
    spent = store.query(SPENT, [run_id]).to_pylist()
    place = {sample: i for i, sample in enumerate(members)}
    models = sorted({(row["teacher"], row["model"]) for row in spent})
    each = [
        {"teacher": teacher, "model": model, **_totals(rows, place, total, seed)}
        for teacher, model in models
        if (rows := [row for row in spent if (row["teacher"], row["model"]) == (teacher, model)])
    ]
    return {"rows": total, "sampled": len(members), **_totals(spent, place, total, seed), "models": each}


def _totals(rows: list[dict[str, Any]], place: Mapping[str, int], total: int, seed: int) -> dict[str, Any]:
    """Every quantity over the sampled rows, extrapolated; a sample without a row counts as nothing spent."""
    found: dict[str, Any] = {}
    for name in ("calls", "tokens_in", "tokens_out", "cost"):
        amounts = np.zeros(len(place))
        for row in rows:
            amounts[place[row["sample_id"]]] += row[name] or 0
        found[name] = extrapolated(amounts, total, seed)
    if any(row["unpriced"] for row in rows):
        found["cost"] = None
    return found


def extrapolated(amounts: "np.ndarray[Any, Any]", total: int, seed: int) -> dict[str, float]:
    """The sum over `total` rows of which `amounts` are a random sample: expected value and a 90 % range by bootstrap.

    What was sampled is known; resampling the rest reflects both an uncertain mean and the rows' own scatter.
    """
    known, rest = float(amounts.sum()), total - len(amounts)
    expected = known + rest * float(amounts.mean())
    if rest <= 0:
        return {"expected": known, "low": known, "high": known}
    chance = np.random.default_rng(seed)
    means = chance.choice(amounts, size=(RESAMPLES, len(amounts))).mean(axis=1)
    widened = amounts.mean() + (means - amounts.mean()) * np.sqrt(len(amounts) / (len(amounts) - 1))
    scatter = chance.normal(0.0, amounts.std(ddof=1) * np.sqrt(rest), RESAMPLES)
    low, high = np.quantile(known + rest * widened + scatter, RANGE)
    return {"expected": expected, "low": max(known, float(low)), "high": float(high)}


def estimate_text(found: Mapping[str, Any]) -> str:
    """The estimate for people."""
    lines = [
        [f"{row['teacher']} {row['model']}" if "teacher" in row else "all", *(_amount(row, name) for name in NAMES)]
        for row in [*found["models"], found]
    ]
    note = (
        f"{found['rows']:,} rows, extrapolated from {found['sampled']} run now (expected, 90 % range); "
        "their calls are kept. Duplicates, found only in the whole, would make it less."
    )
    unknown = [row["model"] for row in found["models"] if row["cost"] is None]
    price = f"\nno price for {', '.join(unknown)}: add it to a copy of prices.csv (VISTILL_PRICES)" if unknown else ""
    return f"{table(['model', *NAMES], lines, right=range(1, 5))}\n{note}{price}"


NAMES = ("calls", "tokens_in", "tokens_out", "cost")


def _amount(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if value is None:
        return "unknown"
    shown = [
        f"${value[part]:,.2f}" if name == "cost" else f"{value[part]:,.0f}" for part in ("expected", "low", "high")
    ]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"
