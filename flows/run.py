"""Runs one job from start to end and keeps the books: the run record, its end whatever happens, and what to say after.

`batches` decides where batches run: `in_process` here, Prefect tasks in `flows.build`.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from curation.engine import Result
from curation.errors import ConfigError
from curation.intake import inspection, samples
from curation.recipe import Recipe
from curation.records import Sample, digest
from curation.sources import Source, open_source
from curation.teachers.openai_http import preflight
from flows.interrupts import is_interrupt
from flows.job import Job, Prepared, prepare
from flows.phases import Batches, Report, execute
from flows.progress import Progress
from flows.session import Session, open_session
from storage import corpus
from storage.corpus import FLOW_RUN
from storage.hosts import writing_here
from storage.liveness import alive
from storage.store import Store

BatchesFor = Callable[[Session], Batches]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: `event` is finished, interrupted or failed."""

    run_id: str
    event: str
    seconds: float
    detail: str = ""


def in_process(session: Session) -> Batches:
    """Batches on the session's own event loop."""

    def submit(stage: int, batch: Sequence[Sample]) -> "Reported":
        return Reported(session.submit(session.prepared.plan.stages[stage], batch))

    return submit


@dataclass(frozen=True, slots=True)
class Reported:
    """A batch under way whose results are reduced to a report."""

    future: "Future[list[Result]]"

    def result(self) -> Report:
        return report(self.future.result())


def report(results: Sequence[Result]) -> Report:
    return Report(len(results), tuple(result.sample.position for result in results if result.kept))


def new_run_id(recipe: str) -> str:
    return f"{recipe}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(3).hex()}"


def intake_fingerprint() -> str:
    """What intake outcomes are keyed by; rows are taken in anew by every run, so the code need not be hashed."""
    return digest(["intake", 1])


def steps_of(prepared: Prepared) -> list[str]:
    return ["intake", *(row[1] for row in prepared.plan.table() if row[1] != "draws")]


def source_of(job: Job, recipe: Recipe) -> Source:
    """The job's source, opened; a malformed mapping or missing file is refused here."""
    if job.source.split("?")[0] == "figures" and not (job.limit or job.accepted):
        raise ConfigError("--source", job.source, "draws without end; say how many with --limit N or --accepted N")
    map_file = Path(job.map_file) if job.map_file else None
    return open_source(
        job.source, maps=job.maps, map_file=map_file, seed=job.seed, limit=job.limit,
        need_question=recipe.needs("question"),
    )  # fmt: skip


def check(job: Job) -> tuple[Prepared, Source]:
    """Refuse a job that could not run: recipe, settings, prompts, source, mapping, teachers, endpoints, store."""
    prepared = prepare(job)
    source = source_of(job, prepared.recipe)
    Store.open(job.store)
    asyncio.run(_greet(prepared))
    return prepared, source


async def _greet(prepared: Prepared) -> None:
    """Ask each endpoint whether it is there, takes the key and knows the model."""
    for spec in dict.fromkeys(replace(spec, role=None) for spec in prepared.teachers.values()):
        if spec.kind == "openai":
            await preflight(spec)


def run(
    job: Job,
    progress_of: Callable[[Prepared], Progress],
    batches_for: BatchesFor = in_process,
    only: Callable[[Source], frozenset[int]] | None = None,
    flow_run: str = "",
) -> Ended:
    """Run a job, or the rows of it at the positions that `only` chooses. Raises `ConfigError` before the first call;
    later trouble ends the run with its work kept, then raises. The run's record names the `flow_run` that it is of.
    """
    prepared, source = check(job)
    source = replace(source, only=only(source)) if only else source
    progress = progress_of(prepared)
    if source.unread:
        maps = " ".join(f"--map {name}={name}" for name in source.unread)
        progress.notice(f"columns that are not read unless you say {maps}")
    started = time.monotonic()
    run_id = new_run_id(prepared.recipe.name)
    with open_session(prepared, run_id, progress) as session, _recorded(session, source, flow_run):
        taken = samples(
            source, known=corpus.KnownImages(session.store, inspection()),
            unread=[column for column in ("question", "options", "reference") if not prepared.recipe.needs(column)],
        )  # fmt: skip
        execute(session, taken, intake_fingerprint(), batches_for(session))
    return Ended(run_id, "finished", time.monotonic() - started)


@contextmanager
def _recorded(session: Session, source: Source, flow_run: str) -> Iterator[None]:
    """The run's first and last record around its work."""
    prepared, store, run_id = session.prepared, session.store, session.run_id
    corpus.start_run(
        store, run_id=run_id, recipe=prepared.recipe.name, recipe_fingerprint=prepared.plan.fingerprint,
        source=prepared.job.source, seed=prepared.job.seed,
        settings={**prepared.job.as_json(), "source": source.describe(), **({FLOW_RUN: flow_run} if flow_run else {})},
        teachers={role: asdict(spec) for role, spec in prepared.teachers.items()},
        steps=[("intake", intake_fingerprint(), "row", False), *(row[1:] for row in prepared.plan.table())],
    )  # fmt: skip
    try:
        with writing_here(store), alive(store, run_id):
            yield
    except BaseException as error:
        if not is_interrupt(error):
            corpus.end_run(store, run_id, event="failed", detail=str(error) or type(error).__name__)
            raise
        corpus.end_run(store, run_id, event="interrupted")
        if isinstance(error, RuntimeError):
            raise KeyboardInterrupt from None
        raise
    session.writer.flush()
    corpus.end_run(store, run_id, event="finished")
