"""`vistill export`: writes the splits of a run in a trainer's columns, with a manifest, whole or not at all.

Here is what concerns an export as a whole: what may be asked, what is refused, the manifest. Rows are written by
`flows.export_parts` into files of `flows.export_files`, in a folder of `flows.export_folder`.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from curation.errors import ConfigError, RunStopped
from curation.exports import format_named
from curation.exports.formats import Format, Part
from curation.records import Json
from flows import manifest as manifests
from flows.export_files import SHARD_ROWS, Written
from flows.export_folder import check_target, clear_leftovers, staged
from flows.export_parts import Job, Pictures, Tally, write_lines
from flows.export_pool import Idle, processes, write_shards
from storage import exports
from storage.files import os_errors
from storage.snapshot import Snapshot
from storage.store import Store

NAMED = 20
"""Samples left out that the manifest names, a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What to export and how. `settings` are those of the format's row functions; `as_of` None is now.

    `progress` is told how many of how many rows have been seen to; `inside` lets it lie in the store's own folder.
    """

    format: str
    folder: str
    store: str = "store"
    recipe: str | None = None
    run: str | None = None
    images: Pictures | None = None
    shard_rows: int = SHARD_ROWS
    settings: Mapping[str, Json] = field(default_factory=dict)
    placeholders: Literal["escape", "refuse"] = "escape"
    allow_overlap: bool = False
    skip_missing: bool = False
    as_of: float | None = None
    progress: Callable[[int, int], None] = lambda done, total: None
    inside: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.shard_rows <= 1_000_000:
            raise ConfigError("--shard-rows", self.shard_rows, "must be from 1 to 1,000,000")
        if self.as_of is not None and not isfinite(self.as_of):
            raise ConfigError("--as-of", self.as_of, "must be a moment in seconds since the epoch")


class EmptySplit(RunStopped):
    """No sample of the run is in the split that the format takes."""


def export(wanted: Export) -> manifests.Manifest:
    """Write the export and record it in the store; its manifest.

    Raises `ConfigError` for what cannot be asked for, `RunStopped` for a split that is empty or overlaps another and
    for a lost picture, `StoreError` for trouble with files.
    """
    manifest = written(wanted)
    target = _target(wanted)
    sha = sha256((target / manifests.NAME).read_bytes()).hexdigest()
    store = Store.open(wanted.store, create=False)
    exports.record(store, format=wanted.format, path=str(target.resolve()), manifest=manifest, sha=sha)
    return manifest


def written(wanted: Export) -> manifests.Manifest:
    """Write the export, leaving no record of it in the store; its manifest. Raises as `export` does."""
    format = format_named(wanted.format)
    pictures = _pictures(format, wanted.images)
    settings = {**format.settings, **format.accepted(wanted.settings)}
    target = _target(wanted)
    with os_errors("write the export to", target):
        clear_leftovers(target)
        check_target(target, format.name)
    store = Store.open(wanted.store, create=False)
    if target.resolve().is_relative_to(store.root.resolve()) and not wanted.inside:
        raise ConfigError("DIR", str(target), "lies in the store's own folder: name another")
    secret = b"" if all(part.checked for part in format.parts) else exports.annotator_secret(store)
    with exports.frozen(store, wanted.as_of, wanted.run) as snapshot:
        run = exports.chosen_run(snapshot, wanted.recipe, wanted.run)
        most = exports.at_most(snapshot, run["run_id"]) if format.containers[pictures] == "parquet" else 0
        with processes(most, wanted.shard_rows) as idle:
            _check_overlap(snapshot, run["run_id"], wanted.allow_overlap)
            with os_errors("write the export to", target), staged(target) as folder:
                job = Job(
                    format, pictures, settings, wanted.placeholders, wanted.skip_missing, wanted.shard_rows,
                    store.root, folder, secret,
                )  # fmt: skip
                manifest = _write(job, snapshot, run, wanted, idle)
                (folder / manifests.NAME).write_bytes(manifests.dump(manifest))
                check_target(target, format.name)  # another export may have ended meanwhile
    return manifest


def _target(wanted: Export) -> Path:
    """The folder that is written; a link stays one, and where it leads is written."""
    folder = Path(wanted.folder)
    return folder.resolve() if os.path.islink(folder) else folder  # `is_symlink` raises for a name too long


def _pictures(format: Format, asked: Pictures | None) -> Pictures:
    """How pictures go along: as asked, else as the format can."""
    if asked is None:
        return "embed" if "embed" in format.containers else "files"
    if asked not in format.containers:
        why = "its loader takes bytes" if asked == "files" else "its rows name pictures by path"
        raise ConfigError("--images", asked, f"{format.name} cannot have that: {why}")
    return asked


def _check_overlap(snapshot: Snapshot, run_id: str, allowed: bool) -> None:
    found = [] if allowed else exports.overlaps(snapshot, run_id)
    if found:
        one = found[0]
        raise RunStopped(
            f"{len(found)} pictures or parents are in two splits: "
            f"{' and '.join(one['splits'])} share the {one['what']} {str(one['shared'])[:16]} "
            f"(samples {one['one']} and "
            f"{one['other']}); what is learnt from one shows in the other. --allow-overlap exports them all the same"
        )


def _write(job: Job, snapshot: Snapshot, run: Mapping[str, Any], wanted: Export, idle: Idle) -> manifests.Manifest:
    """Every part of the format, and the manifest of it all."""
    files: list[Written] = []
    tallies: dict[str, Tally] = {}
    counts: dict[str, int] = {}
    sizes = [exports.size(snapshot, run["run_id"], part.split) for part in job.format.parts]
    done = 0
    for part, size in zip(job.format.parts, sizes, strict=True):
        seen = partial(_seen, wanted, done, sum(sizes))
        written, tallies[part.name] = _write_part(job, part, snapshot, run["run_id"], idle, seen)
        files += written
        done += size
        counts[part.name] = sum(file.rows for file in written)
    if not any(counts.values()):
        raise _empty(job, run["run_id"], tallies)
    files += _dataset_info(job, files)
    whole = _manifest(job, snapshot, run, files, counts, tallies)
    whole["allow_overlap"] = wanted.allow_overlap
    whole["command"] = manifests.rebuild_command(job.format.name, wanted.store, whole)
    return whole


def _seen(wanted: Export, before: int, total: int, rows: int) -> None:
    wanted.progress(min(before + rows, total), total)  # the last shard may be short


def _write_part(
    job: Job, part: Part, snapshot: Snapshot, run_id: str, idle: Idle, seen: Callable[[int], None]
) -> tuple[list[Written], Tally]:
    if job.container == "parquet":
        shards = exports.batches(snapshot, run_id, part.split, paired=part.paired, size=job.shard_rows)
        return write_shards(job, part, shards, idle, seen)
    return write_lines(job, part, exports.batches(snapshot, run_id, part.split, paired=part.paired), seen)


def _empty(job: Job, run_id: str, tallies: Mapping[str, Tally]) -> RunStopped:
    left_out = Counter({reason: len(ids) for tally in tallies.values() for reason, ids in tally.skipped.items()})
    if left_out:
        said = ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
        return RunStopped(f"nothing is left to export as {job.format.name}: {said}")
    names = sorted({part.split or "any" for part in job.format.parts})
    if any(part.paired for part in job.format.parts):
        return EmptySplit(
            f"nothing to export as {job.format.name}: no sample in a split of run {run_id} has a right and a wrong "
            "draw (more than one draw a sample makes them, and so do edited traces)"
        )
    return EmptySplit(
        f"nothing to export as {job.format.name}: run {run_id} has no sample in the split "
        f"{' or '.join(names)} (the view `splits` says why)"
    )


def _dataset_info(job: Job, files: Sequence[Written]) -> list[Written]:
    """LLaMA-Factory's `dataset_info.json`: a file of JSON by its name, shards by their folder."""
    if job.format.info is None:
        return []
    first = {part.name: next(f.path for f in files if f.rows and f.path.startswith(part.name)) for part in
             job.format.parts}  # fmt: skip
    names = {part: path.partition("/")[0] for part, path in first.items()}
    text = manifests.dump(job.format.info(names, job.pictures == "embed"))
    (job.folder / "dataset_info.json").write_bytes(text)
    return [Written("dataset_info.json", sha256(text).hexdigest(), len(text))]


def _manifest(
    job: Job, snapshot: Snapshot, run: Mapping[str, Any], files: Sequence[Written], counts: Mapping[str, int],
    tallies: Mapping[str, Tally],
) -> manifests.Manifest:  # fmt: skip
    run_id = run["run_id"]
    licences: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for tally in tallies.values():
        for (source, licence), count in sorted(tally.licences.items()):
            licences[source][licence] = licences[source].get(licence, 0) + count
    return {
        "vistill": manifests.release(), "git": manifests.git_revision(), "format": job.format.name,
        "title": job.format.title, "images": job.pictures, "container": job.container,
        "shard_rows": job.shard_rows, "recipe": run["recipe"], "run_id": run_id,
        "as_of": snapshot.as_of,
        "store": {"generation": snapshot.generation, "segments": _segments(snapshot)},
        "splits": {part.name: part.split for part in job.format.parts},
        "state": exports.split_state(snapshot, run_id, [part.split for part in job.format.parts]),
        "settings": dict(job.settings), "placeholders": job.placeholders,
        "skip_missing": job.skip_missing,
        "counts": dict(counts), "sources": dict(sum((t.sources for t in tallies.values()), Counter())),
        "licences": dict(licences), "escaped_placeholders": sum(tally.escaped for tally in tallies.values()),
        "skipped": {
            name: {reason: {"samples": len(ids), "ids": ids[:NAMED]} for reason, ids in tally.skipped.items()}
            for name, tally in tallies.items() if tally.skipped
        },
        "models": manifests.models_of(run), "prompts": manifests.prompts_of(run),
        "steps": exports.fingerprints(snapshot, run_id), "funnel": exports.funnel(snapshot, run_id),
        "findings": exports.audit_findings(snapshot), "columns": dict(job.format.columns),
        "files": manifests.file_entries(files),
    }  # fmt: skip


def _segments(snapshot: Snapshot) -> dict[str, list[str]]:
    return {table: names for table, names in snapshot.segments.items() if table not in exports.UNREAD}


def like(
    format: str, path: str, folder: str, store: str, progress: Callable[[int, int], None] = lambda done, total: None
) -> manifests.Manifest:
    """Export again as a manifest says, and compare every file. Raises `RunStopped` when any has other bytes."""
    old = manifests.load(Path(path))
    if old["format"] != format:
        raise ConfigError("--like", path, f"is the manifest of an export of the format {old['format']}, not {format}")
    new = export(
        Export(
            format=old["format"], folder=folder, store=store, run=old["run_id"], images=old["images"],
            shard_rows=old["shard_rows"], settings=old["settings"], placeholders=old["placeholders"],
            allow_overlap=old["allow_overlap"], skip_missing=old["skip_missing"], as_of=old["as_of"],
            progress=progress,
        )
    )  # fmt: skip
    before, now = ({file["path"]: file["sha256"] for file in each["files"]} for each in (old, new))
    differ = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
    if differ:
        raise RunStopped(f"{folder} was written, but {len(differ)} files differ from the manifest's: {differ[0]}")
    return new


def parse_settings(format: Format, given: Mapping[str, str]) -> dict[str, Json]:
    """Settings from the command line: `true` and `false` where the format wants a truth value, else text."""
    switches = {"true": True, "false": False}
    return {
        name: switches.get(text, text) if isinstance(format.settings.get(name), bool) else text
        for name, text in given.items()
    }


def known_settings(format: str, given: Mapping[str, Json]) -> dict[str, Json]:
    """Those of the settings that this format has, where one set of them is for several formats."""
    return {name: value for name, value in given.items() if name in format_named(format).settings}


def summary(manifest: Mapping[str, Json], folder: str) -> str:
    """What was written and what was left out, for people."""
    rows = ", ".join(f"{count:,} {name}" for name, count in manifest["counts"].items())
    size = sum(file["bytes"] for file in manifest["files"]) / 1e6
    lines = [f"{manifest['format']}: {rows} rows of run {manifest['run_id']} in {folder} ({size:.1f} MB)"]
    for name, reasons in manifest["skipped"].items():
        lines += [f"left out of {name}: {what['samples']:,} {reason}" for reason, what in reasons.items()]
    if manifest["escaped_placeholders"]:
        lines.append(f"placeholders in texts shown as text: {manifest['escaped_placeholders']:,}")
    return "\n".join(lines)
