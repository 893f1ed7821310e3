"""Registers the build flow with a Prefect server: a deployment whose parameters are a job, on a process work pool."""

import asyncio
import os
from pathlib import Path
from typing import Any

from curation.errors import ConfigError, RunStopped
from flows.job import Job
from flows.run import check

ROOT = Path(__file__).resolve().parent.parent


def deploy(job: Job, *, name: str, pool: str, cron: str | None) -> str:
    """Deploy; what to type next. Raises `ConfigError` for a job that could not run, `RunStopped` without a server."""
    check(job)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        raise ConfigError(
            "PREFECT_API_URL",
            None,
            "no server to deploy to: start one with `prefect server start` and export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
    asyncio.run(_ensure_pool(pool))
    from flows.build import build

    source: Any = build.from_source(source=str(ROOT), entrypoint="flows/build.py:build")
    parameters = {**job.as_json(), "store": str(Path(job.store).resolve()), "quiet": True}
    identifier = source.deploy(
        name=name,
        work_pool_name=pool,
        parameters=parameters,
        cron=cron,
        print_next_steps=False,
        ignore_warnings=True,
    )
    return (
        f"deployed vistill-build/{name} ({identifier})\n"
        f"start a worker:  prefect worker start --pool {pool}\n"
        f"trigger a run:   prefect deployment run vistill-build/{name} --watch"
    )


async def _ensure_pool(pool: str) -> None:
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    try:
        async with get_client() as client:
            try:
                await client.read_work_pool(pool)
            except ObjectNotFound:
                await client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
    except httpx.TransportError as error:
        raise RunStopped(f"no Prefect server answers at PREFECT_API_URL ({error})") from None
