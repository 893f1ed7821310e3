"""What a run asks the store between its stages: who is still there, what is already known, where it stops.

A stage reads the samples that passed the one before it, named by the fingerprint of that stage's last step.
"""

from collections.abc import Sequence

from curation.records import Json, Outcome, Sample
from storage.corpus import ONE_OUTCOME_A_KEY, known_outcomes, read_samples
from storage.snapshot import Snapshot
from storage.store import Store

KEPT = """
SELECT m.sample_id, m.position FROM (
    SELECT sample_id, sample_key, min(position) AS position FROM members
    WHERE run_id = $1 AND position > $2 AND sample_key <> '' GROUP BY ALL
) m
"""
PASSED = f"""
SEMI JOIN (
    SELECT sample_id, sample_key, status FROM raw_outcomes WHERE fingerprint = $3 {ONE_OUTCOME_A_KEY}
) o ON o.sample_id = m.sample_id AND o.sample_key = m.sample_key AND o.status = 'ok'
"""  # noqa: S608 constants


def count_kept(store: Store, run_id: str, kept_by: str | None, after: int = -1) -> int:
    """How many samples of the run beyond a position passed the step of this fingerprint (None: all that came in)."""
    sql, params = _kept(run_id, kept_by, after)
    [row] = store.query(f"SELECT count(*) AS n FROM ({sql})", params).to_pylist()  # noqa: S608
    return int(row["n"])


def read_kept(snapshot: Snapshot, run_id: str, *, kept_by: str | None, after: int, count: int) -> list[Sample]:
    """The next samples of the run in position order that passed the step of this fingerprint."""
    if kept_by is None:
        return read_samples(snapshot, run_id, after=after, count=count)
    sql, params = _kept(run_id, kept_by, after)
    ids = snapshot.query(f"{sql} ORDER BY position LIMIT {count:d}", params).column("sample_id").to_pylist()
    return read_samples(snapshot, run_id, after=after, count=count, ids=ids) if ids else []


def _kept(run_id: str, kept_by: str | None, after: int) -> tuple[str, list[Json]]:
    if kept_by is None:
        return KEPT, [run_id, after]
    return KEPT + PASSED, [run_id, after, kept_by]


def outcomes_of(snapshot: Snapshot, fingerprint: str) -> list[Outcome]:
    """Every outcome of a step over all rows, which has a fingerprint of its own for each set of rows."""
    ids = snapshot.query("SELECT sample_id FROM raw_outcomes WHERE fingerprint = $1", [fingerprint])
    return known_outcomes(snapshot, ids.column(0).to_pylist(), [fingerprint])


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
