"""The phases of a run: take the source in, then the plan's stages in order, then the books.

Nothing here knows Prefect: how batches are run is the caller's (`Batches`), so `--no-prefect`, threads, Dask and Ray
share this file. Every phase can be killed and started again: what the store has is not done twice.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

from curation.children import born
from curation.engine import OutcomeKey, columns_of, run_all
from curation.intake import inspection
from curation.recipe import Bound, Plan, Stage
from curation.records import Outcome, Rejected, Sample, digest
from flows.session import RETRY, Session, fingerprints
from storage import corpus, stages
from storage.snapshot import Snapshot

INGEST = 512
"""Rows of a source that go into one segment."""
WAVE = 256
"""Candidates taken in at a time when a run stops at --accepted."""
IN_FLIGHT = 512
"""Samples being worked on at once: more than any teacher's concurrency, few enough to stay small in memory."""
TASKS = 16
"""Batches at once that every task runner manages."""
CHUNK = 1024
"""Samples read from the store at a time."""
BLOCK = 4096
"""Samples read, and outcomes written, at a time for a step over all rows."""
REPEATED = 1000
"""Values of a column that are looked for among later rows, so that equal ones are kept once."""

Positions = NDArray[np.int64]
Intake = tuple[Sample, bytes | None] | Rejected


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one batch: how many samples went in, and the positions of those still there."""

    samples: int
    kept: tuple[int, ...]


class Pending(Protocol):
    """A batch under way: a `concurrent.futures.Future` or Prefect's own kind."""

    def result(self) -> Report: ...


class Batches(Protocol):
    """Runs one batch of samples through the row-wise stage of that number, somewhere."""

    def __call__(self, stage: int, samples: Sequence[Sample], /) -> Pending: ...


def execute(session: Session, source: Iterable[Intake], intake_print: str, batches: Batches) -> None:
    """Run every phase. With `accepted`, candidates come in waves until enough were kept or none is left."""
    plan, job = session.prepared.plan, session.prepared.job
    head, tail = _head_and_tail(plan)
    candidates = iter(source)
    done, kept = -1, list[int]()
    while True:
        last = take_in(session, islice(candidates, WAVE if job.accepted else None), intake_print)
        if last is None and done >= 0:
            break
        kept_by = None
        for number, stage in head:
            if stage.scope == "all":
                kept_by = barrier(session, stage, kept_by)
                continue
            enough = job.accepted and job.accepted - len(kept) if number == head[-1][0] else None
            passed = rows(session, number, stage, batches, after=done, kept_by=kept_by, enough=enough)
            kept_by = stage.parts[-1].fingerprint
            if stage.expands:
                expand(session, stage)
            if number == head[-1][0]:
                kept += passed
        done = -1 if last is None else last
        if not job.accepted or len(kept) >= job.accepted or last is None:
            break
    if job.accepted and len(kept) >= job.accepted:
        stages.set_cut(session.store, session.run_id, sorted(kept)[job.accepted - 1])
    for _, stage in tail:
        kept_by = barrier(session, stage, kept_by)


def _head_and_tail(plan: Plan) -> tuple[list[tuple[int, Stage]], list[tuple[int, Stage]]]:
    """Stages up to the last row-wise one, which every wave goes through, and the steps over all rows after it."""
    numbered = list(enumerate(plan.stages))
    last = max((i for i, stage in numbered if stage.scope == "row"), default=-1)
    return numbered[: last + 1], numbered[last + 1 :]


def take_in(session: Session, source: Iterator[Intake], fingerprint: str) -> int | None:
    """Store what the source gives; the last position, or None when it gave nothing."""
    session.progress.start_phase("reading the source")
    last: int | None = None
    while block := list(islice(source, INGEST)):
        good = [item for item in block if not isinstance(item, Rejected)]
        corpus.add_samples(
            session.store,
            [sample for sample, _ in good],
            [(s.image, data) for s, data in good if s.image and data],
            inspected=inspection(),
        )
        outcomes = [_intake_outcome(item, fingerprint) for item in block]
        corpus.add_outcomes(session.store, session.run_id, outcomes)
        corpus.add_members(session.store, session.run_id, [_member(item) for item in block])
        for outcome in outcomes:
            session.progress.outcome(outcome, True)
        session.progress.finished(len(block))
        session.store.maybe_compact()
        last = _member(block[-1])[2]
    return last


def _member(item: Intake) -> tuple[str, str, int]:
    return (item.id, "", item.position) if isinstance(item, Rejected) else (item[0].id, item[0].key, item[0].position)


def _intake_outcome(item: Intake, fingerprint: str) -> Outcome:
    if isinstance(item, Rejected):
        value = {"source": item.source, "raw": item.raw}
        return Outcome(item.id, "", "intake", fingerprint, "failed", value, item.reason, item.detail)
    return Outcome(item[0].id, item[0].key, "intake", fingerprint, "ok")


def rows(
    session: Session,
    number: int,
    stage: Stage,
    batches: Batches,
    *,
    after: int,
    kept_by: str | None,
    enough: int | None,
) -> list[int]:
    """Run a row-wise stage over the run's samples after a position; the positions kept.

    Batches end in any order but are counted in theirs, so that stopping at `enough` does not depend on timing.
    """
    size, window = _sizes(session) if enough is None else (min(session.prepared.job.batch, 8), 2)
    with session.store.snapshot(lean=True) as snapshot:
        positions = stages.positions_kept(snapshot, session.run_id, kept_by=kept_by, after=after)
        session.progress.start_phase(", ".join(part.name for part in stage.parts), len(positions))
        kept: list[int] = []
        if enough is None and session.resumes:
            positions, kept = _without_settled(session, snapshot, stage, positions, kept_by, after)
    running: deque[Pending] = deque()
    try:
        for batch in _batches(session, stage, positions, size):
            running.append(batches(number, batch))
            while len(running) >= window:
                kept += _settle(session, running.popleft())
            if enough is not None and len(kept) >= enough:
                break
        while running:
            kept += _settle(session, running.popleft())
    except BaseException:
        session.cancel()
        raise
    finally:
        session.writer.flush()
    return kept


def expand(session: Session, stage: Stage) -> None:
    """Take in the rows that the last step of `stage` made.

    What it made is in the store, so a run that is killed here loses nothing and makes the same rows again.
    """
    fingerprint = stage.parts[-1].fingerprint
    with session.store.snapshot(lean=True) as snapshot:
        positions = stages.positions_expanded(snapshot, session.run_id, fingerprint)
    session.progress.start_phase("taking in the rows made", len(positions))
    for at in range(0, len(positions), CHUNK):
        with session.store.snapshot(lean=True) as snapshot:
            parents = _at(snapshot, session.run_id, positions[at : at + CHUNK])
            made = corpus.known_outcomes(snapshot, [parent.id for parent in parents], [fingerprint])
            by_key = {(outcome.sample_id, outcome.sample_key): outcome for outcome in made}
            children = [child for p in parents for child in born(p, by_key[p.id, p.key])]
            before = corpus.known_outcomes(snapshot, [sample.id for sample, _ in children], [fingerprint])
        _take_in_children(session, children, {outcome.key for outcome in before})
        session.progress.finished(len(parents))


def _take_in_children(
    session: Session, children: Sequence[tuple[Sample, Outcome]], before: Collection[OutcomeKey]
) -> None:
    corpus.add_samples(session.store, [sample for sample, _ in children])
    corpus.add_outcomes(session.store, session.run_id, [o for _, o in children if o.key not in before])
    corpus.add_members(session.store, session.run_id, [(s.id, s.key, s.position) for s, _ in children])
    for _, outcome in children:
        session.progress.outcome(outcome, outcome.key not in before)
    session.store.maybe_compact()


def _sizes(session: Session) -> tuple[int, int]:
    """Samples in a batch, and batches at once. A teacher that gathers offline batches wants many samples waiting."""
    gathered = [spec.max_concurrency for spec in session.prepared.teachers.values() if spec.batch]
    in_flight = max([IN_FLIGHT, *gathered])
    size = max(session.prepared.job.batch, in_flight // TASKS) if gathered else session.prepared.job.batch
    return size, max(2, in_flight // size)


def _settle(session: Session, pending: Pending) -> tuple[int, ...]:
    report = pending.result()
    session.store.maybe_compact()
    return report.kept


def _without_settled(
    session: Session, snapshot: Snapshot, stage: Stage, positions: Positions, kept_by: str | None, after: int
) -> tuple[Positions, list[int]]:
    """The positions that need work, and those of samples that earlier runs have brought through the stage."""
    prints = [list(fingerprints(part)) for part in stage.parts]
    found = stages.settled(
        snapshot,
        session.run_id,
        kept_by=kept_by,
        after=after,
        parts=[outer for outer, *_ in prints],
        inner=[print for _, *inner in prints for print in inner],
        again=RETRY,
    )
    session.progress.known(found.counts)
    session.progress.finished(len(found.kept) + len(found.gone))
    return np.setdiff1d(positions, np.concatenate([found.kept, found.gone])), found.kept.tolist()


def _batches(session: Session, stage: Stage, positions: Positions, size: int) -> Iterator[list[Sample]]:
    """The run's samples at these positions, in order."""
    for at in range(0, len(positions), CHUNK):
        chunk = _chunk(session, stage, positions[at : at + CHUNK])
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]


def _chunk(session: Session, stage: Stage, positions: Positions) -> list[Sample]:
    with session.store.snapshot(lean=True) as snapshot:
        samples = _at(snapshot, session.run_id, positions)
        session.learn(stage, samples, snapshot)
    return samples


def _at(snapshot: Snapshot, run_id: str, positions: Positions) -> list[Sample]:
    return corpus.read_samples(snapshot, run_id, positions=positions.tolist(), count=len(positions))


def barrier(session: Session, stage: Stage, kept_by: str | None) -> str:
    """Run a step over all rows that are still there; the fingerprint its outcomes are keyed by.

    What such a step says of one row depends on the others, so the set of rows is part of the fingerprint.
    """
    (bound,) = stage.parts
    assert isinstance(bound, Bound), "draws are row-wise"
    session.progress.start_phase(bound.name)
    with session.store.snapshot(lean=True) as snapshot:
        count, which = stages.rows_kept(snapshot, session.run_id, kept_by=kept_by)
        fingerprint = digest([bound.fingerprint, which])
        known = stages.counts_of(snapshot, fingerprint)
    stages.set_step_fingerprint(session.store, session.run_id, bound.idx, bound.name, fingerprint)
    if sum(n for *_, n in known) == count:
        session.progress.known(known)
    else:
        keys, columns = _columns(session, bound, kept_by)
        found = run_all(bound, fingerprint, keys, columns, session.picture)
        del columns  # what the step made of them is all that is needed now
        while some := list(islice(found, BLOCK)):
            corpus.add_outcomes(session.store, session.run_id, some)
            for outcome in some:
                session.progress.outcome(outcome, True)
    session.progress.finished(count)
    return fingerprint


def _columns(session: Session, bound: Bound, kept_by: str | None) -> tuple[list[tuple[str, str]], dict[str, list[Any]]]:
    """(sample id, sample key) of every row still there, and one list for each column the step reads."""
    prints = {part.name: part.fingerprint for part in session.prepared.plan.parts()}
    written = {name: prints[name] for name in bound.step.reads if name in prints}
    keys: list[tuple[str, str]] = []
    columns: dict[str, list[Any]] = {name: [] for name in bound.step.reads}
    once: dict[str, dict[str | bytes, Any]] = {name: {} for name in columns}
    with session.store.snapshot(lean=True) as snapshot:
        before = stages.kept_before(snapshot, bound.name) if "kept_before" in columns else frozenset[str]()
        positions = stages.positions_kept(snapshot, session.run_id, kept_by=kept_by, after=-1)
        for at in range(0, len(positions), BLOCK):
            chunk = _at(snapshot, session.run_id, positions[at : at + BLOCK])
            values = stages.step_values(snapshot, [s.id for s in chunk], list(written.values())) if written else {}
            for sample in chunk:
                keys.append((sample.id, sample.key))
                row = {**columns_of(sample), "position": sample.position, "kept_before": sample.id in before}
                row |= {name: values[sample.id, sample.key, print] for name, print in written.items()}
                for name, column in columns.items():
                    column.append(_kept_once(once[name], row[name]))
    return keys, columns


def _kept_once(seen: dict[str | bytes, Any], value: Any) -> Any:
    """An equal value of an earlier row in its stead: sources, kinds and most of what steps say repeat."""
    if not isinstance(value, str | dict):
        return value
    name = value if isinstance(value, str) else orjson.dumps(value)
    return seen.setdefault(name, value) if len(seen) < REPEATED else seen.get(name, value)
