"""`vistill export`: writes the splits of a run in a trainer's columns, with a manifest, whole or not at all.

A sample that cannot be written is left out and counted with its reason; a picture that the store has lost stops the
export unless told otherwise. Rows are those of `curation.exports`, files of `flows.export_files`.
"""

import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from curation.errors import ConfigError, RunStopped, SampleError, StoreError
from curation.exports import format_named
from curation.exports.formats import Format, Part, made
from curation.exports.item import Item, item, unchecked
from curation.exports.raw import pseudonym
from curation.exports.texts import MARKER
from curation.records import Json
from flows import manifest as manifests
from flows.export_files import SHARD_ROWS, JsonFile, ParquetShards, Writer, Written, features_of, keep_picture
from storage import exports
from storage.files import os_errors
from storage.snapshot import Snapshot
from storage.store import Store

READERS = 4
"""Threads that read and hash pictures while the rows before are written."""
NAMED = 20
"""Samples left out that the manifest names, a reason."""
Pictures = Literal["embed", "files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What to export and how. `settings` are those of the format's row functions; `as_of` None is now."""

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

    def __post_init__(self) -> None:
        if self.shard_rows < 1:
            raise ConfigError("--shard-rows", self.shard_rows, "must be at least 1")


@dataclass(slots=True)
class Tally:
    """What was counted while the rows of a part went by."""

    skipped: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sources: Counter[str] = field(default_factory=Counter)
    licences: Counter[tuple[str, str]] = field(default_factory=Counter)
    escaped: int = 0


def export(wanted: Export) -> manifests.Manifest:
    """Write the export and record it in the store; its manifest.

    Raises `ConfigError` for what cannot be asked for, `RunStopped` for a split that is empty or overlaps another and
    for a lost picture, `StoreError` for trouble with files.
    """
    format = format_named(wanted.format)
    pictures = _pictures(format, wanted.images)
    settings = {**format.settings, **format.accepted(wanted.settings)}
    target = Path(wanted.folder)
    _check_target(target, format.name)
    store = Store.open(wanted.store, create=False)
    with exports.frozen(store, wanted.as_of) as snapshot:
        run = exports.chosen_run(snapshot, wanted.recipe, wanted.run)
        _check_overlap(snapshot, run["run_id"], wanted.allow_overlap)
        with os_errors("write the export to", target), _staged(target) as folder:
            job = _Job(wanted, format, pictures, settings, store, snapshot, run, folder)
            manifest = _write(job)
            (folder / manifests.NAME).write_bytes(manifests.dump(manifest))
    text = (target / manifests.NAME).read_bytes()
    exports.record(
        store, format=format.name, path=str(target.resolve()), manifest=manifest, sha=sha256(text).hexdigest()
    )
    return manifest


@dataclass(frozen=True, slots=True)
class _Job:
    wanted: Export
    format: Format
    pictures: Pictures
    settings: Mapping[str, Json]
    store: Store
    snapshot: Snapshot
    run: Mapping[str, Any]
    folder: Path


def _pictures(format: Format, asked: Pictures | None) -> Pictures:
    """How pictures go along: as asked, else as the format can."""
    if asked is None:
        return "embed" if "embed" in format.containers else "files"
    if asked not in format.containers:
        why = "its loader takes bytes" if asked == "files" else "its rows name pictures by path"
        raise ConfigError("--images", asked, f"{format.name} cannot have that: {why}")
    return asked


def _check_target(target: Path, format: str) -> None:
    """A new folder, an empty one, or an earlier export of this format with nothing else in it."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target / manifests.NAME).is_file():
        raise ConfigError("DIR", str(target), "holds something else: name a new folder, or an earlier export")
    earlier = manifests.load(target)
    ours = {manifests.NAME, "dataset_info.json", *(file["path"] for file in earlier["files"])}
    strange = sorted(
        path.relative_to(target).as_posix() for path in target.rglob("*")
        if not path.is_dir() and path.relative_to(target).as_posix() not in ours
    )  # fmt: skip
    if earlier["format"] != format:
        raise ConfigError("DIR", str(target), f"holds an export of the format {earlier['format']}: name another folder")
    if strange:
        raise ConfigError("DIR", str(target), f"also holds {strange[0]}, which no export wrote: name another folder")


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


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """A folder beside the target that takes its place once the block has ended well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    staging.chmod(0o755)
    try:
        yield staging
        old = staging.with_suffix(".old")
        if target.exists():
            target.rename(old)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write(job: _Job) -> manifests.Manifest:
    """Every part of the format, and the manifest of it all."""
    files: list[Written] = []
    tallies: dict[str, Tally] = {}
    counts: dict[str, int] = {}
    for part in job.format.parts:
        written, tallies[part.name] = _write_part(job, part)
        files += written
        counts[part.name] = sum(file.rows for file in written)
    if not any(counts.values()):
        raise RunStopped(_why_empty(job, tallies))
    files += _dataset_info(job, files)
    return _manifest(job, files, counts, tallies)


def _why_empty(job: _Job, tallies: Mapping[str, Tally]) -> str:
    left_out = Counter({reason: len(ids) for tally in tallies.values() for reason, ids in tally.skipped.items()})
    if left_out:
        said = ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
        return f"nothing is left to export as {job.format.name}: {said}"
    names = sorted({part.split or "any" for part in job.format.parts})
    pairs = " with a right and a wrong draw" if any(part.paired for part in job.format.parts) else ""
    return (
        f"nothing to export as {job.format.name}: run {job.run['run_id']} has no sample in the split "
        f"{' or '.join(names)}{pairs} (the view `splits` says why)"
    )


def _write_part(job: _Job, part: Part) -> tuple[list[Written], Tally]:
    tally, kept = Tally(), dict[str, Written]()
    writer = _writer(job, part)
    chunks = exports.rows(job.snapshot, job.run["run_id"], part.split, paired=part.paired)
    with ThreadPoolExecutor(READERS) as pool:
        items = (_items(job, part, chunk, tally) for chunk in chunks)
        for some in _ahead(items, pool, lambda one: _picture(job.store, one)):
            writer.add(list(_rows(job, part, some, tally, kept)))
    return [*writer.close(), *kept.values()], tally


def _writer(job: _Job, part: Part) -> Writer:
    match job.format.containers[job.pictures]:
        case "parquet":
            schema = features_of(job.format.columns).arrow_schema
            return ParquetShards(job.folder, part.name, schema, job.wanted.shard_rows)
        case "folder":
            return JsonFile(job.folder, job.folder / part.name / "metadata.jsonl", array=False)
        case "lines":
            return JsonFile(job.folder, job.folder / f"{part.name}.jsonl", array=False)
        case "array":
            return JsonFile(job.folder, job.folder / f"{part.name}.json", array=True)


def _items(job: _Job, part: Part, rows: Sequence[Mapping[str, Any]], tally: Tally) -> list[Item]:
    found = []
    for row in rows:
        try:
            one = (
                item(row, placeholders=job.wanted.placeholders, traced=part.traced) if part.checked
                else unchecked(_anonymous(job, row))
            )  # fmt: skip
            found.append(one)
        except SampleError as error:
            tally.skipped[error.reason].append(row["sample_id"])
    return found


def _anonymous(job: _Job, row: Mapping[str, Any]) -> Mapping[str, Any]:
    if not row.get("reviews"):
        return row
    secret = exports.annotator_secret(job.store)
    return {
        **row, "reviews": [{**one, "annotator": pseudonym(one["annotator"] or "", secret)} for one in row["reviews"]]
    }  # fmt: skip


def _ahead(
    chunks: Iterator[list[Item]], pool: ThreadPoolExecutor, read: Callable[[Item], bytes | None]
) -> Iterator[list[tuple[Item, "Future[bytes | None]"]]]:
    """Chunks with their pictures being read, one chunk ahead of the caller."""
    waiting: list[tuple[Item, Future[bytes | None]]] | None = None
    for chunk in chunks:
        reading = [(one, pool.submit(read, one)) for one in chunk]
        if waiting is not None:
            yield waiting
        waiting = reading
    if waiting is not None:
        yield waiting


def _picture(store: Store, one: Item) -> bytes | None:
    """The picture's bytes, None for a sample without one. Raises `SampleError` when the store lost it."""
    image = one.record["image"]
    if not image:
        return None
    try:
        return store.read_image(image, one.record["format"] or "")
    except StoreError as error:
        raise SampleError("image_missing", str(error)) from None


def _rows(
    job: _Job, part: Part, some: Sequence[tuple[Item, "Future[bytes | None]"]], tally: Tally, kept: dict[str, Written]
) -> Iterator[dict[str, Json]]:
    for one, reading in some:
        try:
            content = reading.result()
            row = _row(job, part, one, content, kept)
        except SampleError as error:
            _left_out(job, one, error)
            tally.skipped[error.reason].append(one.id)
            continue
        tally.sources[one.source] += 1
        tally.licences[one.source, one.record["licence"] or ""] += 1
        tally.escaped += one.escaped
        yield row


def _left_out(job: _Job, one: Item, error: SampleError) -> None:
    if error.reason == "image_missing" and not job.wanted.skip_missing:
        raise RunStopped(
            f"sample {one.id}: {error} (`vistill fsck` lists all such); --skip-missing leaves such samples out"
        ) from None


def _row(job: _Job, part: Part, one: Item, content: bytes | None, kept: dict[str, Written]) -> dict[str, Json]:
    """The row with its picture in place, which is written here where pictures are files."""
    if content is None:
        pictures: list[Json] = []
    elif job.pictures == "embed":
        pictures = [{"bytes": content, "path": Path(one.path).name}]
    else:
        pictures = [one.path]
    row = made(part, one, pictures, job.settings)
    _check_markers(job.format, row, len(pictures))
    container = job.format.containers[job.pictures]
    if content is not None and job.pictures == "files":
        below = job.folder / part.name if container == "folder" else job.folder
        if one.path not in kept:
            kept[one.path] = keep_picture(job.folder, below / one.path, content)
    if container == "folder":  # how `datasets` knows a column of pictures in a folder with metadata
        return {f"{name}_file_names" if name == "images" else name: value for name, value in row.items()}
    return row


def _check_markers(format: Format, row: Mapping[str, Json], pictures: int) -> None:
    """Trainers stop, or train on the wrong picture, when markers and pictures differ in number."""
    markers = sum(text.count(MARKER) for text in format.texts(row))
    wanted = pictures if format.markers == "text" else 0
    if markers != wanted:
        raise SampleError("placeholder_text", f"{markers} markers in the text, {wanted} belong there")


def _dataset_info(job: _Job, files: Sequence[Written]) -> list[Written]:
    """LLaMA-Factory's `dataset_info.json`; shards are named by their folder, which is this one."""
    if job.format.info is None:
        return []
    names = {part.name: next(f.path for f in files if f.rows and f.path.startswith(part.name)) for part in
             job.format.parts}  # fmt: skip
    shards = sum(file.rows > 0 for file in files) > len(names)
    told = job.format.info({part: "." if shards else name for part, name in names.items()}, job.pictures == "embed")
    text = manifests.dump(told)
    (job.folder / "dataset_info.json").write_bytes(text)
    return [Written("dataset_info.json", sha256(text).hexdigest(), len(text))]


def _manifest(
    job: _Job, files: Sequence[Written], counts: Mapping[str, int], tallies: Mapping[str, Tally]
) -> manifests.Manifest:
    snapshot, run_id = job.snapshot, job.run["run_id"]
    licences: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for tally in tallies.values():
        for (source, licence), count in sorted(tally.licences.items()):
            licences[source][licence] = licences[source].get(licence, 0) + count
    whole: manifests.Manifest = {
        "vistill": manifests.release(), "git": manifests.git_revision(), "format": job.format.name,
        "title": job.format.title, "images": job.pictures, "container": job.format.containers[job.pictures],
        "shard_rows": job.wanted.shard_rows, "recipe": job.run["recipe"], "run_id": run_id,
        "as_of": snapshot.as_of,
        "store": {"generation": snapshot.generation, "segments": _segments(snapshot)},
        "splits": {part.name: part.split for part in job.format.parts},
        "state": exports.split_state(snapshot, run_id, [part.split for part in job.format.parts]),
        "settings": dict(job.settings), "placeholders": job.wanted.placeholders,
        "allow_overlap": job.wanted.allow_overlap, "skip_missing": job.wanted.skip_missing,
        "counts": dict(counts), "sources": dict(sum((t.sources for t in tallies.values()), Counter())),
        "licences": dict(licences), "escaped_placeholders": sum(tally.escaped for tally in tallies.values()),
        "skipped": {
            name: {reason: {"samples": len(ids), "ids": ids[:NAMED]} for reason, ids in tally.skipped.items()}
            for name, tally in tallies.items() if tally.skipped
        },
        "models": manifests.models_of(job.run), "prompts": manifests.prompts_of(job.run),
        "steps": exports.fingerprints(snapshot, run_id), "funnel": exports.funnel(snapshot, run_id),
        "findings": exports.audit_findings(snapshot), "columns": dict(job.format.columns),
        "files": manifests.file_entries(files),
    }  # fmt: skip
    whole["command"] = manifests.rebuild_command(job.format.name, job.wanted.store, whole)
    return whole


def _segments(snapshot: Snapshot) -> dict[str, list[str]]:
    return {table: names for table, names in snapshot.segments.items() if table not in exports.UNREAD}


def like(path: str, folder: str, store: str) -> manifests.Manifest:
    """Export again as a manifest says, and compare every file. Raises `RunStopped` when any has other bytes."""
    old = manifests.load(Path(path))
    new = export(
        Export(
            format=old["format"], folder=folder, store=store, run=old["run_id"], images=old["images"],
            shard_rows=old["shard_rows"], settings=old["settings"], placeholders=old["placeholders"],
            allow_overlap=old["allow_overlap"], skip_missing=old["skip_missing"], as_of=old["as_of"],
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
