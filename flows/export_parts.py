"""Writes one part of an export: the rows of a split, checked and worded by `curation.exports`, with their pictures.

A sample that cannot be written is left out and counted with its reason; a picture that the store has lost stops the
export unless told otherwise. What an export is as a whole is the business of `flows.export`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from curation.errors import RunStopped, SampleError, StoreError
from curation.exports.formats import Format, Part, made
from curation.exports.item import Item, item, unchecked
from curation.exports.raw import pseudonym
from curation.exports.texts import MARKER
from curation.records import Json
from flows.export_files import JsonFile, ParquetShards, Writer, Written, features_of, keep_picture
from storage import exports
from storage.snapshot import Snapshot
from storage.store import Store

READERS = 4
"""Threads that read and hash pictures while the rows before are written."""
PICTURES_A_TASK = 64
Pictures = Literal["embed", "files"]


@dataclass(slots=True)
class Tally:
    """What was counted while the rows of a part went by."""

    skipped: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sources: Counter[str] = field(default_factory=Counter)
    licences: Counter[tuple[str, str]] = field(default_factory=Counter)
    escaped: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """An export under way: what was asked for, what it reads, the folder it fills. `secret` hides annotators."""

    format: Format
    pictures: Pictures
    settings: Mapping[str, Json]
    placeholders: Literal["escape", "refuse"]
    skip_missing: bool
    shard_rows: int
    store: Store
    snapshot: Snapshot
    run: Mapping[str, Any]
    folder: Path
    secret: bytes


def write_part(job: Job, part: Part) -> tuple[list[Written], Tally]:
    """The files of a part, and what was counted on the way."""
    tally, kept = Tally(), dict[str, Written]()
    writer = _writer(job, part)
    chunks = exports.rows(job.snapshot, job.run["run_id"], part.split, paired=part.paired)
    with ThreadPoolExecutor(READERS) as pool, ThreadPoolExecutor(1) as pen:
        items = (_items(job, part, chunk, tally) for chunk in chunks)
        writing: Future[None] | None = None
        for some in _ahead(items, pool, job.store):
            rows = list(_rows(job, part, some, tally, kept))
            if writing is not None:
                writing.result()
            writing = pen.submit(writer.add, rows)
        if writing is not None:
            writing.result()
    return [*writer.close(), *kept.values()], tally


def _writer(job: Job, part: Part) -> Writer:
    match job.format.containers[job.pictures]:
        case "parquet":
            schema = features_of(job.format.columns).arrow_schema
            return ParquetShards(job.folder, part.name, schema, job.shard_rows)
        case "folder":
            return JsonFile(job.folder, job.folder / part.name / "metadata.jsonl", array=False)
        case "lines":
            return JsonFile(job.folder, job.folder / f"{part.name}.jsonl", array=False)
        case "array":
            return JsonFile(job.folder, job.folder / f"{part.name}.json", array=True)


def _items(job: Job, part: Part, rows: Sequence[Mapping[str, Any]], tally: Tally) -> list[Item]:
    found = []
    for row in rows:
        try:
            one = (
                item(row, placeholders=job.placeholders, traced=part.traced) if part.checked
                else unchecked(_anonymous(job, row))
            )  # fmt: skip
            found.append(one)
        except SampleError as error:
            tally.skipped[error.reason].append(row["sample_id"])
    return found


def _anonymous(job: Job, row: Mapping[str, Any]) -> Mapping[str, Any]:
    if not row.get("reviews"):
        return row
    return {
        **row,
        "reviews": [{**one, "annotator": pseudonym(one["annotator"] or "", job.secret)} for one in row["reviews"]],
    }  # fmt: skip


Read = tuple[Item, "bytes | SampleError | None"]
"""A sample and its picture, None without one, the error when it cannot be had."""


def _ahead(chunks: Iterator[list[Item]], pool: ThreadPoolExecutor, store: Store) -> Iterator[Iterator[Read]]:
    """Chunks with their pictures, which are read one chunk ahead of the caller, a few dozen a task."""
    waiting: list[Future[list[Read]]] | None = None
    for chunk in chunks:
        reading = [
            pool.submit(_pictures, store, chunk[at : at + PICTURES_A_TASK])
            for at in range(0, len(chunk), PICTURES_A_TASK)
        ]  # fmt: skip
        if waiting is not None:
            yield _arrived(waiting)
        waiting = reading
    if waiting is not None:
        yield _arrived(waiting)


def _arrived(reading: list[Future[list[Read]]]) -> Iterator[Read]:
    return (pair for each in reading for pair in each.result())


def _pictures(store: Store, items: Sequence[Item]) -> list[Read]:
    return [(one, _picture(store, one)) for one in items]


def _picture(store: Store, one: Item) -> "bytes | SampleError | None":
    image = one.record["image"]
    if not image:
        return None
    try:
        return store.read_image(image, one.record["format"] or "")
    except StoreError as error:
        return SampleError("image_missing", str(error))


def _rows(
    job: Job, part: Part, some: Iterator[Read], tally: Tally, kept: dict[str, Written]
) -> Iterator[dict[str, Json]]:
    for one, content in some:
        try:
            if isinstance(content, SampleError):
                raise content
            row = _row(job, part, one, content, kept)
        except SampleError as error:
            _left_out(job, one, error)
            tally.skipped[error.reason].append(one.id)
            continue
        tally.sources[one.source] += 1
        tally.licences[one.source, one.record["licence"] or ""] += 1
        tally.escaped += one.escaped
        yield row


def _left_out(job: Job, one: Item, error: SampleError) -> None:
    if error.reason == "image_missing" and not job.skip_missing:
        raise RunStopped(
            f"sample {one.id}: {error} (`vistill fsck` lists all such); --skip-missing leaves such samples out"
        ) from None


def _row(job: Job, part: Part, one: Item, content: bytes | None, kept: dict[str, Written]) -> dict[str, Json]:
    """The row with its picture in place, which is written here where pictures are files."""
    if content is None:
        pictures: list[Json] = []
    elif job.pictures == "embed":
        pictures = [{"bytes": content, "path": one.path.rpartition("/")[2]}]
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
