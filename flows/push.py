"""`vistill push`: publishes splits on the Hub, one configuration a format, all in one commit.

Exports are written beside the store first and kept until the push is done, so that a push that was cut continues where
it was. Everything that can forbid it (licences, other people's files, a newer revision) is looked at before anything is
sent. The card is `curation.card`'s, talking to the Hub is `flows.hub`'s.
"""

import re
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from curation.card import About, Configuration, card, config_names, example_texts, listed, parsed
from curation.errors import ConfigError, RunStopped
from curation.exports import format_named
from curation.licences import hub_id
from curation.records import Json
from flows import hub as hubs
from flows import manifest as manifests
from flows.export import EmptySplit, Export, known_settings, written
from flows.export_files import SHARD_ROWS, changed
from flows.hub_names import check_ref, check_repo
from flows.push_licences import licences_of
from flows.push_report import CHANGES, report_of
from flows.push_rows import configuration, first_row
from storage import exports
from storage.files import os_errors
from storage.store import Store

DEFAULT_FORMATS = ("grpo", "sft_trl", "sft")
"""Without `--format`, as far as their splits have rows. `raw` shows reviews and lost samples: only on request."""
EXAMPLE = "assets/example"
MESSAGE = "Push by vistill"
_TAKEN = "{repo} has a tag {tag} already, of another commit, and tags do not move: choose another"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What to publish and where. `licences` states that of sources which give none; `work` keeps the exports."""

    repo: str
    store: str = "store"
    formats: tuple[str, ...] = ()
    recipe: str | None = None
    run: str | None = None
    public: bool = False
    revision: str = "main"
    tag: str | None = None
    pull_request: bool = False
    dry_run: bool = False
    message: str = MESSAGE
    title: str | None = None
    language: tuple[str, ...] = ()
    licences: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)
    shard_rows: int = SHARD_ROWS
    placeholders: Literal["escape", "refuse"] = "escape"
    allow_overlap: bool = False
    skip_missing: bool = False
    older: bool = False
    work: str | None = None

    def __post_init__(self) -> None:
        check_repo(self.repo)
        check_ref(self.revision, "--revision")
        if self.tag is not None:
            check_ref(self.tag, "--tag")
        if self.tag == self.revision:
            raise ConfigError("--tag", self.tag, "is the branch's own name: git could not tell them apart")
        for name in self.formats:
            format_named(name)
        for code in self.language:
            if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", code):
                raise ConfigError("--language", code, "must be a code such as en, de or zh-Hant")
        if self.pull_request and self.tag:
            raise ConfigError("--tag", self.tag, "cannot be given to a pull request: tag once it is merged")
        for source, licence in self.licences.items():
            if not hub_id(licence):
                raise ConfigError("--licence", f"{source}={licence}", "is none of the Hub's licence ids known here")


def push(wanted: Push, say: Say) -> dict[str, Any]:
    """Publish; {repo, commit, url, private, files, rows, licence, diff}. `commit` is "" where nothing was sent.

    Raises `ConfigError` for what cannot be asked for and `RunStopped` for what must not or could not be sent.
    """
    hub = hubs.client()
    repo = hubs.full_name(hub, wanted.repo)
    remote = hubs.look(hub, repo, wanted.revision)
    _check_remote(wanted, remote)
    work = Path(wanted.work or Path(wanted.store) / "hub" / repo.replace("/", "--"))
    ready = _exported(wanted, remote, work, say)
    about = _about(wanted, hub, remote, work, ready)
    add = _contents(work, ready, about, remote)
    plan = _plan(remote, add, [one.name for one in ready])
    if wanted.tag in remote.tags and any(plan[kind] for kind in CHANGES):
        raise RunStopped(_TAKEN.format(repo=repo, tag=wanted.tag))
    report = report_of(remote, about, ready, add, plan, _new_branch(wanted, remote, plan))
    if not wanted.dry_run:
        report = _sent(wanted, hub, remote, work, ready, add, plan, report, say)
    if remote.exists and remote.private and wanted.public:
        say(f"{repo} is private and stays so: --public makes new repositories public; open this one at "
            f"{about.url}/settings")  # fmt: skip
    return report


def _check_remote(wanted: Push, remote: hubs.Remote) -> None:
    """What is refused for what the repository already is."""
    if not remote.exists and wanted.pull_request:
        raise RunStopped(f"{remote.repo} is not there, or the token may not see it: nothing to open a pull request on")
    if remote.exists and not remote.private and not wanted.public:
        raise RunStopped(f"{remote.repo} is public: --public says that this is meant")
    if remote.tags.get(wanted.tag or "", remote.sha) != remote.sha:
        raise RunStopped(_TAKEN.format(repo=remote.repo, tag=wanted.tag))
    for name, kind, taken in ((wanted.tag, "branch", remote.branches), (wanted.revision, "tag", remote.tags)):
        if name in taken:
            raise RunStopped(f"{remote.repo} has a {kind} {name}, and git could not tell them apart: choose another")
    configs = {str(one.get("config_name")) for one in listed(parsed(remote.readme)[0], "configs")}
    for name in wanted.formats or DEFAULT_FORMATS:
        format = format_named(name)
        names = config_names(name, [part.split for part in format.parts], embedded="embed" in format.containers)
        others = configs.intersection(names) or any(path.startswith(f"{name}/") for path in remote.files)
        if others and name not in remote.exports:
            raise RunStopped(
                f"{remote.repo} has a configuration {name} that `vistill push` did not write: remove it there, or "
                "push to another repository"
            )


def _exported(wanted: Push, remote: hubs.Remote, work: Path, say: Say) -> list[Configuration]:
    """Every format, written into the working folder or found there."""
    with exports.frozen(Store.open(wanted.store, create=False), run=wanted.run) as snapshot:
        run, as_of = exports.chosen_run(snapshot, wanted.recipe, wanted.run), float(snapshot.as_of or 0.0)
    _check_age(wanted, remote, as_of)
    found = []
    for name in wanted.formats or DEFAULT_FORMATS:
        asked = Export(
            format=name, folder=str(work / name), store=wanted.store, run=run["run_id"],
            settings=known_settings(name, wanted.settings), shard_rows=wanted.shard_rows,
            placeholders=wanted.placeholders,
            allow_overlap=wanted.allow_overlap, skip_missing=wanted.skip_missing, as_of=as_of,
            inside=True,
        )  # fmt: skip
        try:
            found.append(configuration(name, work, _kept(asked) or written(asked)))
        except EmptySplit as empty:
            if wanted.formats:
                raise
            say(f"{name} is left out: {empty}")
    if not found:
        raise RunStopped(f"run {run['run_id']} has nothing to push as {', '.join(DEFAULT_FORMATS)}")
    if not wanted.allow_overlap:
        _check_beside(wanted, remote, run["run_id"], as_of, {one.name for one in found})
    return found


def _check_beside(wanted: Push, remote: hubs.Remote, run_id: str, as_of: float, ours: Collection[str]) -> None:
    """What stays in the repository must be of the splits as they are now, else a sample may be in two of them."""
    beside = {name: there for name, there in remote.exports.items() if name not in ours}
    with exports.frozen(Store.open(wanted.store, create=False), as_of, run_id) as snapshot:
        for name, there in beside.items():
            splits = there.get("splits")
            if not isinstance(splits, dict):
                continue
            now = exports.split_state(snapshot, run_id, list(splits.values()))
            if there.get("run_id") == run_id and there.get("state") == now:
                continue
            raise RunStopped(
                f"{remote.repo} has {name} of run {str(there.get('run_id'))[:60]}, whose split is not what it is now: "
                f"samples of this push may be in it too. Push {name} along with the others, or --allow-overlap"
            )


def _check_age(wanted: Push, remote: hubs.Remote, as_of: float) -> None:
    for name in wanted.formats or DEFAULT_FORMATS:
        there = remote.exports.get(name, {}).get("as_of")
        if isinstance(there, float) and there > as_of and not wanted.older:
            raise RunStopped(
                f"{remote.repo} has {name} with rows up to {exports.moment(there)}, newer than this store's "
                f"{exports.moment(as_of)}: --older replaces them all the same"
            )


def _kept(asked: Export) -> manifests.Manifest | None:
    """The same export from a push that was cut, if its files are whole."""
    folder = Path(asked.folder)
    if not (folder / manifests.NAME).is_file():
        return None
    there = manifests.load(folder)
    format = format_named(asked.format)
    same = {
        "format": asked.format, "run_id": asked.run, "as_of": asked.as_of, "vistill": manifests.release(),
        "git": manifests.git_revision(), "shard_rows": asked.shard_rows, "placeholders": asked.placeholders,
        "allow_overlap": asked.allow_overlap, "skip_missing": asked.skip_missing,
        "settings": {**format.settings, **asked.settings},
    }  # fmt: skip
    if any(there.get(name) != value for name, value in same.items()) or changed(folder, there["files"]):
        return None
    return there


def _about(wanted: Push, hub: hubs.Client, remote: hubs.Remote, work: Path, ready: Sequence[Configuration]) -> About:
    from flows.show import recipes_table

    recipe = ready[0].manifest["recipe"]
    known = {row["name"]: row for row in recipes_table()}.get(recipe, {"title": "", "paper": ""})
    example = first_row(work, ready)
    return About(
        repo=remote.repo, url=f"{hub.api.endpoint}/datasets/{remote.repo}", recipe=known["title"], paper=known["paper"],
        title=wanted.title or remote.repo.partition("/")[2], licences=licences_of(wanted.licences, remote, ready),
        stated=wanted.licences, language=wanted.language, example=example_texts(example.row),
        picture=f"{EXAMPLE}{example.suffix}" if example.picture else "",
    )  # fmt: skip


def _contents(work: Path, ready: Sequence[Configuration], about: About, remote: hubs.Remote) -> dict[str, Path | bytes]:
    """Everything that we want there, by path."""
    wanted: dict[str, Path | bytes] = {}
    for one in ready:
        names = [*(file["path"] for file in one.manifest["files"]), manifests.NAME]
        wanted |= {f"{one.name}/{name}": work / one.name / name for name in names}
    if about.picture:
        wanted[about.picture] = first_row(work, ready).picture
    wanted["README.md"] = card(remote.readme, about, ready).encode()
    return wanted


def _plan(remote: hubs.Remote, add: Mapping[str, Path | bytes], ours: Sequence[str]) -> dict[str, list[str]]:
    """Paths to add, to change and to remove, and how many stay; only files of our configurations are ever removed."""
    stay = {path for path, content in add.items() if hubs.same(remote.files.get(path), content)}
    mine = {path for path in remote.files if path.partition("/")[0] in ours or path.startswith(f"{EXAMPLE}.")}
    return {
        "add": sorted(path for path in add if path not in remote.files),
        "change": sorted(path for path in add if path in remote.files and path not in stay),
        "remove": sorted(mine - add.keys()),
        "keep": sorted(stay),
    }


def _new_branch(wanted: Push, remote: hubs.Remote, plan: Mapping[str, list[str]]) -> str:
    """The branch that this push makes in a repository that is there, "" for none."""
    changes = any(plan[kind] for kind in CHANGES)
    missing = remote.exists and not remote.sha and (changes or not wanted.pull_request)
    return wanted.revision if missing else ""


def _sent(
    wanted: Push, hub: hubs.Client, remote: hubs.Remote, work: Path, ready: Sequence[Configuration],
    add: Mapping[str, Path | bytes], plan: Mapping[str, list[str]], report: dict[str, Any], say: Say,
) -> dict[str, Any]:  # fmt: skip
    changes = [*plan["add"], *plan["change"]]
    commit, url = remote.base, report["url"]
    if changes or plan["remove"]:
        for same in hubs.open_requests(hub, remote.repo, wanted.message) if wanted.pull_request else ():
            say(f"a pull request of this title is open already, and another is made: {same}")
        sending = hubs.Sending(
            remote=remote, revision=wanted.revision, public=wanted.public, pull_request=wanted.pull_request,
            message=wanted.message, add={path: add[path] for path in changes}, remove=plan["remove"],
        )  # fmt: skip
        commit, url = hubs.send(hub, sending, say)
    elif report["new_branch"]:
        hubs.begun(hub, remote, wanted.revision, public=wanted.public, say=say)
    _record(wanted, remote.repo, commit, work, ready, again=not (changes or plan["remove"]))
    if wanted.tag and wanted.tag not in remote.tags:  # else it names this very commit
        hubs.tag(hub, remote.repo, wanted.tag, commit)
    _tidy(work, ready)
    return {**report, "commit": commit, "url": url, "exists": True, "tag": wanted.tag or ""}


def _tidy(work: Path, ready: Sequence[Configuration]) -> None:
    """Remove the exports that were pushed, and their folder when nothing else is in it."""
    with os_errors("remove the exports that were pushed from", work):
        for one in ready:
            shutil.rmtree(work / one.name)
        if not any(work.iterdir()):
            work.rmdir()


def _record(wanted: Push, repo: str, commit: str, work: Path, ready: Sequence[Configuration], *, again: bool) -> None:
    """Note the push. `again`: the Hub had it all, so it is noted only where the push that sent it could not be."""
    store = Store.open(wanted.store, create=False)
    for one in ready:
        sha = sha256((work / one.name / manifests.NAME).read_bytes()).hexdigest()
        before, after = f"hf://datasets/{repo}@", f"/{one.name}"
        if again and exports.is_recorded(store, format=one.name, before=before, after=after, sha=sha):
            continue
        exports.record(store, format=one.name, path=f"{before}{commit}{after}", manifest=one.manifest, sha=sha)
