"""What a run asks the store between its stages: who is still there, what is already known, where it stops.

A stage reads the samples that passed the one before it, named by the fingerprint of that stage's last step.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import orjson
from numpy.typing import NDArray

from curation.records import FIRST_CHILD, Json, Status
from storage.corpus import ONE_OUTCOME_A_KEY, known_outcomes
from storage.snapshot import Snapshot
from storage.store import Store

KEPT = """
SELECT m.sample_id, m.sample_key, m.position FROM (
    SELECT sample_id, sample_key, min(position) AS position FROM members
    WHERE run_id = $1 AND position > $2 AND sample_key <> '' GROUP BY ALL
) m
"""
PASSED = f"""
SEMI JOIN (
    SELECT sample_id, sample_key, status FROM raw_outcomes WHERE fingerprint = $3 {ONE_OUTCOME_A_KEY}
) o ON o.sample_id = m.sample_id AND o.sample_key = m.sample_key AND o.status = 'ok'
"""  # noqa: S608 constants


EVERY = f"WHERE $3::VARCHAR IS NULL AND m.position < {FIRST_CHILD}"
EXPANDED = PASSED.replace("status = 'ok'", "status = 'expanded'")
SETTLED = f"""
WITH m AS ({{kept}}),
parts AS (SELECT unnest($4::VARCHAR[]) AS fingerprint, unnest($5::INTEGER[]) AS idx),
found AS (
    SELECT * FROM (
        SELECT sample_id, sample_key, fingerprint, draw, step, status, coalesce(reason, '') AS reason FROM raw_outcomes
        SEMI JOIN m USING (sample_id, sample_key) SEMI JOIN parts USING (fingerprint) {ONE_OUTCOME_A_KEY}
    ) JOIN parts USING (fingerprint)
),
ended AS (
    SELECT sample_id, sample_key, coalesce(min(idx) FILTER (status <> 'ok'), $6) AS stop,
           list(idx) FILTER (status = 'ok' AND idx IS NOT NULL) AS passed,
           bool_or(list_contains($7::VARCHAR[], reason)) AS again
    FROM found GROUP BY ALL
),
settled AS (
    SELECT * FROM m JOIN ended USING (sample_id, sample_key)
    WHERE NOT again AND len(list_filter(coalesce(passed, []), lambda i: i < stop)) = stop
)
"""  # noqa: S608 constants


ENDS = "SELECT position, stop = $6 AS kept FROM settled ORDER BY position"
COUNTS = """
SELECT step, status, reason, count(*) AS n FROM found SEMI JOIN settled USING (sample_id, sample_key)
GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Settled:
    """Samples of which a stage knows all it would find out: `kept` and `gone` are positions, `counts` what steps said.

    `counts` are (step, status, reason, samples).
    """

    kept: "NDArray[np.int64]"
    gone: "NDArray[np.int64]"
    counts: list[tuple[str, Status, str, int]]


def settled(
    snapshot: Snapshot,
    run_id: str,
    *,
    kept_by: str | None,
    after: int,
    parts: Sequence[str],
    inner: Sequence[str],
    again: Collection[str],
) -> Settled:
    """The samples beyond a position, kept by the step before, that a row-wise stage need not look at again.

    `parts` are the fingerprints of the stage's parts in order, `inner` those of steps inside draws. A sample is settled
    when every part kept it, or all up to one that did not, and none of its failures has a reason in `again`.
    """
    kept, params = _kept(run_id, kept_by, after)
    ranks = [*range(len(parts)), *[None] * len(inner)]
    params = [*params, [*parts, *inner], ranks, len(parts), sorted(again)]
    sql = SETTLED.format(kept=kept)
    ends = snapshot.query(sql + ENDS, params)
    counts = snapshot.query(sql + COUNTS, params)
    positions, passed = ends["position"].to_numpy(), ends["kept"].to_numpy()
    told = [(row["step"], row["status"], row["reason"], row["n"]) for row in counts.to_pylist()]
    return Settled(positions[passed], positions[~passed], told)


def positions_kept(snapshot: Snapshot, run_id: str, *, kept_by: str | None, after: int) -> "NDArray[np.int64]":
    """Positions of the run's samples beyond `after` that passed the step of this fingerprint (None: all), in order."""
    sql, params = _kept(run_id, kept_by, after)
    found = snapshot.query(f"SELECT position FROM ({sql}) ORDER BY position", params)  # noqa: S608 constants
    positions: NDArray[np.int64] = found["position"].to_numpy()
    return positions


def positions_expanded(snapshot: Snapshot, run_id: str, fingerprint: str) -> "NDArray[np.int64]":
    """Positions of the run's samples of which the step of this fingerprint made rows, in order."""
    sql = f"SELECT position FROM ({KEPT + EXPANDED}) ORDER BY position"  # noqa: S608 constants
    positions: NDArray[np.int64] = snapshot.query(sql, [run_id, -1, fingerprint])["position"].to_numpy()
    return positions


def rows_kept(snapshot: Snapshot, run_id: str, *, kept_by: str | None) -> tuple[int, str]:
    """How many of the run's samples passed the step of this fingerprint, and a digest of which, whatever their order.

    Read in blocks, since there may be millions.
    """
    sql, params = _kept(run_id, kept_by, -1)
    ordered = f"SELECT sample_id, sample_key FROM ({sql}) ORDER BY ALL"  # noqa: S608 constants
    count, which = 0, blake2b(digest_size=16)
    for block in snapshot.stream(ordered, params):
        count += block.num_rows
        for row in zip(*(column.to_pylist() for column in block.columns), strict=True):
            which.update(orjson.dumps(row))
    return count, which.hexdigest()


def _kept(run_id: str, kept_by: str | None, after: int) -> tuple[str, list[Json]]:
    return KEPT + (PASSED if kept_by else EVERY), [run_id, after, kept_by]


def counts_of(snapshot: Snapshot, fingerprint: str) -> list[tuple[str, Status, str, int]]:
    """(step, status, reason, samples) of a step over all rows; it has a fingerprint of its own for each set of rows."""
    sql = f"""
        SELECT step, status, coalesce(reason, '') AS reason, count(*) AS n FROM (
            SELECT * FROM raw_outcomes WHERE fingerprint = $1 {ONE_OUTCOME_A_KEY}
        ) GROUP BY ALL ORDER BY ALL
    """  # noqa: S608 constants
    rows = snapshot.query(sql, [fingerprint]).to_pylist()
    return [(row["step"], row["status"], row["reason"], row["n"]) for row in rows]


def kept_before(snapshot: Snapshot, step: str) -> frozenset[str]:
    """Ids of samples that this step kept in any earlier run."""
    found = snapshot.query("SELECT DISTINCT sample_id FROM raw_outcomes WHERE step = $1 AND status = 'ok'", [step])
    return frozenset(found.column(0).to_pylist())


def step_values(
    snapshot: Snapshot, sample_ids: Sequence[str], fingerprints: Sequence[str]
) -> dict[tuple[str, str, str], Json]:
    """(sample id, sample key, fingerprint) to the value that row-wise step gave, for steps outside draws."""
    found = known_outcomes(snapshot, sample_ids, fingerprints)
    return {(o.sample_id, o.sample_key, o.fingerprint): o.value for o in found}


def set_step_fingerprint(store: Store, run_id: str, idx: int, step: str, fingerprint: str) -> None:
    """What this run's step over all rows is keyed by, known once its rows are; the latest says."""
    row = {"run_id": run_id, "idx": idx, "step": step, "fingerprint": fingerprint, "scope": "all", "in_draws": False}
    store.append("run_steps", [row])


def set_cut(store: Store, run_id: str, position: int) -> None:
    """The position of the last candidate that belongs to the run; views leave out those after it."""
    store.append("runs", [{"run_id": run_id, "event": "started", "cut": position}])
