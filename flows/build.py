"""The Prefect flow that builds a corpus: one task per batch of samples, everything else as in `flows.run`.

Prefect schedules and shows; the store remembers. Tasks return counts, never rows, and a killed flow continues from the
store, so Prefect's own cache and result storage stay off. `VISTILL_TASK_RUNNER` is `thread` (default), `dask` or `ray`.
"""

import atexit
import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import deployment, flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from curation.errors import ConfigError
from curation.records import Json, Sample
from flows.job import Job, default_teachers
from flows.phases import Batches, Pending, Report
from flows.progress import Progress, shown
from flows.run import run, steps_of
from flows.server import hush
from flows.session import Session
from flows.workers import adopt, forget, run_batch


@task(name="batch", cache_policy=NO_CACHE, persist_result=False, log_prints=False)
def batch(job: dict[str, Json], run_id: str, stage: int, samples: Sequence[Sample]) -> Report:
    """One batch through one stage; see `flows.workers.run_batch`."""
    return run_batch(job, run_id, stage, samples)


def as_tasks(session: Session) -> Batches:
    """Batches as Prefect tasks of the flow that is running."""
    adopt(session)
    job = {**session.prepared.job.as_json(), "store": str(session.store.root.resolve())}

    def submit(stage: int, samples: Sequence[Sample]) -> Pending:
        pending: Pending = batch.submit(job, session.run_id, stage, list(samples))
        return pending

    return submit


def runner_name() -> str:
    """What `VISTILL_TASK_RUNNER` says: thread unless set."""
    return os.environ.get("VISTILL_TASK_RUNNER", "thread")


def _refuse_uncounted(job: Job) -> None:
    """Every process counts its own calls, so a limit would be passed as many times as there are processes."""
    limits = {"cost": job.max_cost, "calls": job.max_calls, "tokens": job.max_tokens}
    for name, limit in limits.items():
        if limit is not None and runner_name() != "thread":
            raise ConfigError(f"--max-{name}", limit, "needs VISTILL_TASK_RUNNER=thread: each process counts its own")


def task_runner() -> TaskRunner[Any]:
    """The runner that `VISTILL_TASK_RUNNER` names. Raises `ConfigError` when its extra is not installed."""
    name = runner_name()
    try:
        match name:
            case "thread":
                return ThreadPoolTaskRunner(max_workers=16)
            case "dask":
                from prefect_dask import DaskTaskRunner

                dask: TaskRunner[Any] = DaskTaskRunner()
                return dask
            case "ray":
                from prefect_ray import RayTaskRunner

                ray: TaskRunner[Any] = RayTaskRunner()
                return ray
    except ImportError:
        raise ConfigError("VISTILL_TASK_RUNNER", name, f"is not installed; pip install 'vistill[{name}]'") from None
    raise ConfigError("VISTILL_TASK_RUNNER", name, "must be thread, dask or ray")


@flow(name="vistill-build", task_runner=task_runner(), log_prints=False)
def build(
    recipe: str,
    source: str,
    teachers: list[str] | None = None,
    store: str = "store",
    settings: dict[str, Any] | None = None,
    prompts: dict[str, str] | None = None,
    maps: list[str] | None = None,
    map_file: str | None = None,
    limit: int | None = None,
    accepted: int | None = None,
    seed: int = 0,
    batch: int = 64,
    max_cost: float | None = None,
    max_calls: int | None = None,
    max_tokens: int | None = None,
    refresh: list[str] | None = None,
    quiet: bool = True,
) -> dict[str, Any]:
    """Build a corpus with a recipe: the parameters are those of `vistill run`.

    Args:
        recipe: Name of a recipe; `vistill recipes` lists them.
        source: figures, folder:DIR, jsonl:FILE, json:FILE, parquet:FILE or huggingface:REPO.
        teachers: Models by role, [ROLE=]T each: local, vllm:MODEL or https://host/v1#model.
        store: Folder of the store.
        settings: Settings of the recipe; `vistill recipes show RECIPE` lists them.
        prompts: Files with your own prompt templates, by step.
        maps: Where fields of a sample come from, FIELD=COLUMN each.
        map_file: The same mapping in a TOML file.
        limit: Take at most so many rows of the source.
        accepted: Stop once exactly so many verified samples exist.
        seed: Seed of every choice that is not a model's.
        batch: Samples a batch.
        max_cost: Stop before the call that would pass this many dollars.
        max_calls: Stop before the call that would pass this many calls.
        max_tokens: Stop before the call that would pass this many tokens.
        refresh: Ask again although answers are there, [ROLE=]WORD each, as a round of that name.
        quiet: Show no progress.

    Returns the run id, how it ended and its seconds. Run it again after a crash: it continues from the store.
    """
    job = Job(
        recipe=recipe, source=source, store=store, settings=settings or {},
        teachers=tuple(teachers or default_teachers(recipe)),
        prompts=prompts or {}, maps=tuple(maps or ()), map_file=map_file, limit=limit, accepted=accepted,
        seed=seed, batch=batch, max_cost=max_cost, max_calls=max_calls, max_tokens=max_tokens,
        refresh=tuple(refresh or ()),
    )  # fmt: skip
    return _built(job, quiet)


def _built(job: Job, quiet: bool) -> dict[str, Any]:
    _refuse_uncounted(job)
    if deployment.id:
        atexit.register(hush)
    with ExitStack() as screen:

        def progress_of(prepared: Any) -> Progress:
            progress = Progress(steps_of(prepared))
            screen.enter_context(shown(progress, quiet=quiet))
            return progress

        ended = run(job, progress_of, as_tasks, flow_run=str(flow_run.id or ""))
    forget(ended.run_id)
    get_run_logger().info("run %s %s after %.0f s", ended.run_id, ended.event, ended.seconds)
    return {"run_id": ended.run_id, "event": ended.event, "seconds": round(ended.seconds, 1)}
