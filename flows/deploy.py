"""Registers flows with a Prefect server: build, and behind it publish and train, each started by the one before.

Deployments run on a process work pool. A run works in the folder where it was deployed, so relative paths mean there
what they mean to `vistill run`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import ConfigError, RunStopped
from flows.job import Job
from flows.run import check
from flows.server import configured, quieten, reach

ENTRYPOINTS = {"build": "flows.build.build", "publish": "flows.publish.publish", "train": "flows.publish.train"}
"""Modules, not files: Dask and Ray workers must be able to import the same ones."""
BUILT = {"run": "{{ flow_run.id | string }}"}
"""What the trigger gives to publish: the flow run that has completed, which the store's run names."""
PUBLISHED = {"run": "{{ flow_run.parameters.run }}"}
"""What the trigger gives to train: what publish was given."""
AFTER = " after "
"""In the name of a trigger: what is started, and after what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What is deployed behind the build: `publish` and `train` are parameters of their flows, None for none."""

    publish: Mapping[str, Any] | None = None
    train: Mapping[str, Any] | None = None


def deploy(job: Job, *, name: str, pool: str, cron: str | None, chain: Chain | None = None) -> str:
    """Deploy; what to type next. Raises `ConfigError` for a job that could not run, `RunStopped` without a server."""
    check(job)
    quieten()
    if not configured():
        raise ConfigError(
            "PREFECT_API_URL",
            None,
            "no server to deploy to: run `prefect server start` and export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
    _check_pool(pool)
    _check_cron(cron)
    reach()
    _ensure_pool(pool)
    wanted, lines, before, after = _flows(job, chain or Chain()), list[str](), "", ""
    for flow, parameters in wanted.items():
        after = _register(flow, name, pool, parameters, None if before else cron, (before, after))
        when = f", when {before} has completed" if before else ""
        before = f"vistill-{flow}/{name}"
        lines.append(f"deployed {before}, to run in {Path.cwd()}{when}")
    gone = [f"vistill-{flow}/{name}" for flow in ENTRYPOINTS if flow not in wanted]
    lines += [f"removed {one}, which an earlier deployment had put behind" for one in gone if _taken_away(one)]
    return "\n".join(
        [*lines, f"start a worker:  prefect worker start --pool {pool}",
         f"trigger a run:   prefect deployment run vistill-build/{name} --watch"]
    )  # fmt: skip


def _flows(job: Job, chain: Chain) -> dict[str, dict[str, Any]]:
    """Parameters of each flow that is deployed, in order."""
    store = str(Path(job.store).resolve())
    found = {"build": {**job.as_json(), "store": store, "quiet": True}}
    if chain.publish is not None:
        found["publish"] = {"store": store, "recipe": job.recipe, "run": None, **chain.publish}
    if chain.train is not None:
        found["train"] = {**chain.train, "store": store, "folder": (chain.publish or {}).get("folder")}
    return found


def _given(flow: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Parameters that are told when the one before has completed: the run, where this one can tell it from others."""
    if flow == "publish":
        return BUILT
    return PUBLISHED if parameters.get("folder") else {}


def _register(
    flow: str, name: str, pool: str, parameters: dict[str, Any], cron: str | None, behind: tuple[str, str]
) -> str:
    """The deployment's id. `behind` is name and id of the one whose completed runs start this one, "" for none."""
    import httpx
    from prefect.events import DeploymentEventTrigger
    from prefect.exceptions import PrefectException

    from flows import build, publish

    module = build if flow == "build" else publish
    before, after = behind
    related: dict[str, str | list[str]] = {
        "prefect.resource.id": f"prefect.deployment.{after}", "prefect.resource.role": "deployment",
    }  # fmt: skip
    trigger = DeploymentEventTrigger(
        name=f"vistill-{flow}/{name}{AFTER}{before}", expect={"prefect.flow-run.Completed"},
        match={"prefect.resource.id": "prefect.flow-run.*"}, match_related=related,
        parameters=_given(flow, parameters) or None,
    )  # fmt: skip
    try:
        source: Any = getattr(module, flow).from_source(source=str(Path.cwd()), entrypoint=ENTRYPOINTS[flow])
        deployed = source.deploy(
            name=name, work_pool_name=pool, parameters=parameters, cron=cron, triggers=[trigger] if after else [],
            print_next_steps=False, ignore_warnings=True,
        )  # fmt: skip
    except (httpx.HTTPError, PrefectException) as error:
        raise RunStopped(f"Prefect refused the deployment ({error})") from None
    return str(deployed)


def _taken_away(deployment: str) -> bool:
    """Remove a deployment that an earlier chain of this name left with its trigger, and say whether there was one.

    One without such a trigger was deployed by itself and stays.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound, PrefectException

    try:
        with get_client(sync_client=True) as client:
            try:
                found = client.read_deployment_by_name(deployment)
            except ObjectNotFound:
                return False
            resource = f"prefect.deployment.{found.id}"
            triggers = client.read_resource_related_automations(resource)
            if not any(one.name.startswith(f"{deployment}{AFTER}") for one in triggers):
                return False
            client.delete_resource_owned_automations(resource)
            client.delete_deployment(found.id)
            return True
    except (httpx.HTTPError, PrefectException) as error:
        raise RunStopped(
            f"{deployment} is still there from an earlier deployment, and Prefect refused to remove it ({error}): "
            f"prefect deployment delete {deployment}"
        ) from None


def _check_cron(cron: str | None) -> None:
    from prefect.client.schemas.schedules import CronSchedule

    try:
        if cron is not None:
            CronSchedule(cron=cron)
    except ValueError:
        raise ConfigError("--cron", cron, "is not a schedule; five fields, as in '0 2 * * *' (2 am, UTC)") from None


def _check_pool(name: str) -> None:
    if not name.strip() or set(name) & set("/%&<>"):
        raise ConfigError("--pool", name, "must be a name without '/', '%', '&', '<' and '>'")


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
