"""The Prefect flows that come after `vistill-build`: publish (exports, and the Hub) and train.

Thin: parameters as a person sees them in Prefect's UI, and the calls that `vistill export`, `push` and `train` make.
`flows.deploy` chains them: each is started when the one before has completed.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger

from curation.errors import ConfigError
from curation.exports import format_named
from flows.export import EmptySplit, Export, export, known_settings
from flows.hub_names import check_repo
from flows.push import DEFAULT_FORMATS, MESSAGE, Push
from flows.push import push as push_to_hub
from storage.corpus import run_named
from storage.store import Store
from storage.wal import recover


@flow(name="vistill-publish", log_prints=False)
def publish(
    store: str = "store",
    folder: str | None = None,
    repo: str | None = None,
    formats: list[str] | None = None,
    recipe: str | None = None,
    run: str | None = None,
    public: bool = False,
    revision: str = "main",
    pull_request: bool = False,
    message: str = MESSAGE,
    licences: dict[str, str] | None = None,
    settings: dict[str, Any] | None = None,
    skip_missing: bool = False,
    allow_overlap: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Write the splits of a run in trainers' columns, into folders, onto the Hub, or both.

    Args:
        store: Folder of the store.
        folder: Write each format into a folder of its name below this one; nothing is written when empty.
        repo: Push to this dataset repository on the Hub, OWNER/NAME; nothing is pushed when empty.
        formats: Names of formats of `vistill export`, as docs/exports.md lists them; grpo, sft_trl, sft when empty.
        recipe: The recipe whose latest run is published; needed when the store has runs of several.
        run: The run to publish, by its id or by that of the flow run that made it; the recipe's latest when empty.
        public: Make a new repository public, or push to one that is.
        revision: Branch of the repository, made when missing.
        pull_request: Open a pull request instead of committing.
        message: Title of the commit or pull request.
        licences: Licence of each source that gives none, by source.
        settings: Settings of the formats, such as system or answer_tags.
        skip_missing: Leave out samples whose picture is lost, instead of stopping.
        allow_overlap: Publish although splits share images or parents.
        dry_run: Look at the Hub and log what would change; send nothing.

    Returns the rows written by format, and the push's commit, address and rows. The token is read where the worker
    runs, from HF_TOKEN or from where `hf auth login` stored it.
    """
    folder, repo, recipe, run = folder or None, repo or None, recipe or None, run or None
    if folder is None and repo is None:
        raise ConfigError("folder", None, "say where to: a folder, a repo, or both")
    if repo is not None:
        check_repo(repo, "repo")
    _check_settings(settings or {}, formats or DEFAULT_FORMATS)
    log, found = get_run_logger(), dict[str, Any]()
    opened = Store.open(store, create=False)
    recover(opened)
    run = run and run_named(opened, run)
    if folder is not None:
        base = Export(
            format="", folder=folder, store=store, recipe=recipe, run=run, settings=settings or {},
            skip_missing=skip_missing, allow_overlap=allow_overlap,
        )  # fmt: skip
        found["folder"] = _folders(base, formats, log.info)
        log.info("wrote %s to %s", found["folder"], folder)
    if repo is not None:
        wanted = Push(
            repo=repo, store=store, formats=tuple(formats or ()), recipe=recipe, run=run, public=public,
            revision=revision, pull_request=pull_request, message=message, licences=licences or {},
            settings=settings or {}, skip_missing=skip_missing, allow_overlap=allow_overlap, dry_run=dry_run,
        )  # fmt: skip
        pushed = push_to_hub(wanted, log.info)
        log.info("%s is at %s (%s)", pushed["repo"], pushed["commit"] or "what it was", pushed["url"])
        found["hub"] = {name: pushed[name] for name in ("repo", "commit", "url", "rows")}
    return found


def _check_settings(settings: dict[str, Any], formats: Iterable[str]) -> None:
    """Each must be a setting of one of the formats, with a value that it takes."""
    having = [format_named(name) for name in formats]
    for name, value in settings.items():
        of = [one for one in having if name in one.settings]
        if not of:
            raise ConfigError("settings", name, "is no setting of these formats")
        for one in of:
            one.accepted({name: value})


def _folders(base: Export, formats: list[str] | None, say: Callable[[str], None]) -> dict[str, dict[str, int]]:
    """Rows written by format; without a choice of formats, those whose split is empty are left out."""
    found = {}
    for name in formats or DEFAULT_FORMATS:
        settings = known_settings(name, base.settings)
        asked = replace(base, format=name, folder=str(Path(base.folder, name)), settings=settings)
        try:
            found[name] = dict(export(asked)["counts"])
        except EmptySplit as empty:
            if formats:
                raise
            say(f"{name} is left out: {empty}")
    return found


@flow(name="vistill-train", log_prints=False)
def train(
    config: str, seed: int | None = None, store: str | None = None, run: str | None = None, folder: str | None = None
) -> dict[str, Any]:
    """Train a vision-language model on what was published: `vistill train`.

    Args:
        config: TOML file with model, data, stages and rewards, as docs/training.md lists them.
        seed: Another seed than the file's, in a folder of its own.
        store: Record the training in this store; nowhere when empty.
        run: Exports in `folder` must be of this run of the store, by its id or that of its flow run; of any when empty.
        folder: Where they were published; all exports that are trained on when empty.

    Returns the folder of the run and its scores. A run that was cut goes on from its last checkpoint.
    """
    from flows.training import Published
    from flows.training import train as run_trainer

    if run and not store:
        raise ConfigError("store", store, f"name the store that run {run} is in")
    published = Published(run_named(Store.open(store, create=False), run), folder) if run and store else None
    record = run_trainer(config, seed, store, get_run_logger().info, published)
    return {"out": str(record.out), "scores": record.scores}
