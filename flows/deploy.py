"""Registers the build flow with a Prefect server: a deployment whose parameters are a job, on a process work pool.

A deployed run works in the folder where it was deployed, so relative paths mean there what they mean to `vistill run`.
"""

from pathlib import Path
from typing import Any

from curation.errors import ConfigError, RunStopped
from flows.job import Job
from flows.run import check
from flows.server import configured, quieten, reach

ENTRYPOINT = "flows.build.build"
"""A module, not a file: Dask and Ray workers must be able to import the same one."""


def deploy(job: Job, *, name: str, pool: str, cron: str | None) -> str:
    """Deploy; what to type next. Raises `ConfigError` for a job that could not run, `RunStopped` without a server."""
    check(job)
    quieten()
    if not configured():
        raise ConfigError(
            "PREFECT_API_URL",
            None,
            "no server to deploy to: run `prefect server start` and export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
    _check_cron(cron)
    reach()
    _ensure_pool(pool)
    identifier = _register(job, name, pool, cron)
    return (
        f"deployed vistill-build/{name} ({identifier}), to run in {Path.cwd()}\n"
        f"start a worker:  prefect worker start --pool {pool}\n"
        f"trigger a run:   prefect deployment run vistill-build/{name} --watch"
    )


def _register(job: Job, name: str, pool: str, cron: str | None) -> str:
    import httpx
    from prefect.exceptions import PrefectException

    from flows.build import build

    parameters = {**job.as_json(), "store": str(Path(job.store).resolve()), "quiet": True}
    try:
        source: Any = build.from_source(source=str(Path.cwd()), entrypoint=ENTRYPOINT)
        deployed = source.deploy(name=name, work_pool_name=pool, parameters=parameters, cron=cron,
                                 print_next_steps=False, ignore_warnings=True)  # fmt: skip
    except (httpx.HTTPError, PrefectException) as error:
        raise RunStopped(f"Prefect refused the deployment ({error})") from None
    return str(deployed)


def _check_cron(cron: str | None) -> None:
    from prefect.client.schemas.schedules import CronSchedule

    try:
        if cron is not None:
            CronSchedule(cron=cron)
    except ValueError:
        raise ConfigError("--cron", cron, "is not a schedule; five fields, as in '0 2 * * *' (2 am, UTC)") from None


def _ensure_pool(name: str) -> None:
    """Make the process work pool when it is missing. Raises `ConfigError` when it is of another type."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    try:
        with get_client(sync_client=True) as client:
            try:
                pool = client.read_work_pool(name)
            except ObjectNotFound:
                pool = client.create_work_pool(WorkPoolCreate(name=name, type="process"))
    except httpx.HTTPError as error:
        raise RunStopped(f"Prefect refused the work pool {name!r} ({error})") from None
    if pool.type != "process":
        raise ConfigError("--pool", name, f"is a {pool.type} pool; name a process pool, or one to be made")
