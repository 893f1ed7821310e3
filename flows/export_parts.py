"""Writes one part of an export: the rows of a split, checked and worded by `curation.exports`, with their pictures.

A sample that cannot be written is left out and counted with its reason; a picture that the store has lost stops the
export unless told otherwise. What an export is as a whole is the business of `flows.export`; shards of many rows are
written side by side by `flows.export_pool`.
"""

import errno
import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from curation.errors import RunStopped, SampleError, StoreError
from curation.exports.formats import Format, Part, Row, row_of
from curation.exports.item import Item, item, unchecked
from curation.exports.raw import pseudonym
from curation.exports.texts import MARKER
from curation.records import Json
from flows.export_files import GROUP_ROWS, JsonFile, ParquetShard, Written, keep_picture, schema_of
from storage.decode import decoded
from storage.images import open_image, read_opened

NO_HANDLE = (errno.EMFILE, errno.ENFILE)
KNOWN = frozenset(("sample_id", "source", "kind", "image", "format", "licence"))
"""Columns that an item is made of, whether they are copied or not."""
Pictures = Literal["embed", "files"]


@dataclass(slots=True)
class Tally:
    """What was counted while rows went by."""

    skipped: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sources: Counter[str] = field(default_factory=Counter)
    licences: Counter[tuple[str, str]] = field(default_factory=Counter)
    escaped: int = 0

    def add(self, other: "Tally") -> None:
        """Count what the other counted, which went by later."""
        for reason, ids in other.skipped.items():
            self.skipped[reason] += ids
        self.sources += other.sources
        self.licences += other.licences
        self.escaped += other.escaped


@dataclass(frozen=True, slots=True)
class Job:
    """An export under way: what was asked for, the folders it reads and fills. `secret` hides annotators."""

    format: Format
    pictures: Pictures
    settings: Mapping[str, Json]
    placeholders: Literal["escape", "refuse"]
    skip_missing: bool
    shard_rows: int
    store: Path
    folder: Path
    secret: bytes

    @property
    def container(self) -> str:
        """How its rows are written."""
        return self.format.containers[self.pictures]


def write_shard(job: Job, part: Part, at: int, rows: pa.RecordBatch) -> tuple[list[Written], Tally]:
    """The shard of these rows, number `at` of its part: a file, or none when no row could be written."""
    tally = Tally()
    shard = ParquetShard(job.folder, job.folder / f".{part.name}-{at}", schema_of(job.format.columns))
    for some, kept in _rows(job, part, rows, tally, {}):
        shard.add(some, _at(rows.select(part.copied), kept) if part.copied else None)
    return shard.close(), tally


def _at(rows: pa.RecordBatch, places: Sequence[int]) -> pa.RecordBatch:
    whole = places[-1] - places[0] + 1 == len(places)
    return rows.slice(places[0], len(places)) if whole else rows.take(places)  # a slice copies nothing


def write_lines(
    job: Job, part: Part, batches: Iterator[pa.RecordBatch], seen: Callable[[int], None]
) -> tuple[list[Written], Tally]:
    """The rows of a part as one file of JSON, with the files of their pictures; `seen` is told of rows as they go."""
    tally, kept, rows = Tally(), dict[str, Written](), 0
    match job.container:
        case "folder":
            writer = JsonFile(job.folder, job.folder / part.name / "metadata.jsonl", array=False)
        case "lines":
            writer = JsonFile(job.folder, job.folder / f"{part.name}.jsonl", array=False)
        case _:
            writer = JsonFile(job.folder, job.folder / f"{part.name}.json", array=True)
    for batch in batches:
        for some, _ in _rows(job, part, batch, tally, kept):
            writer.add(some)
        rows += len(batch)
        seen(rows)
    return [*writer.close(), *kept.values()], tally


def _rows(
    job: Job, part: Part, batch: pa.RecordBatch, tally: Tally, kept: dict[str, Written]
) -> Iterator[tuple[list[dict[str, Json]], list[int]]]:
    """Rows a row group at a time and which of the batch they are; the pictures of the next ones are on their way."""
    worded = row_of(part, job.settings)
    unread = frozenset(part.copied) - KNOWN if job.container == "parquet" else frozenset[str]()
    wanted = batch.select([name for name in batch.schema.names if name not in unread])
    groups = (_items(job, part, wanted, at, tally) for at in range(0, len(batch), GROUP_ROWS))
    for some in _read(groups, job.store):
        if rows := list(_written(job, part, worded, some, tally, kept)):
            yield [row for _, row in rows], [at for at, _ in rows]


Numbered = tuple[int, Item]
"""A sample and which row of the batch it is."""


def _items(job: Job, part: Part, batch: pa.RecordBatch, start: int, tally: Tally) -> list[Numbered]:
    found = []
    for at, row in enumerate(decoded(batch.slice(start, GROUP_ROWS)), start):
        try:
            one = (
                item(row, placeholders=job.placeholders, traced=part.traced) if part.checked
                else unchecked(_anonymous(job, row))
            )  # fmt: skip
            found.append((at, one))
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


Read = tuple[Numbered, "bytes | SampleError | None"]
"""A sample and its picture, None without one, the error when it cannot be had."""
Opened = tuple[Numbered, "int | SampleError | None"]
"""The same with the handle of the picture's file."""


def _read(groups: Iterator[list[Numbered]], store: Path) -> Iterator[list[Read]]:
    """The groups with their pictures; those of the next group are open meanwhile, and so on their way."""
    waiting: deque[list[Opened]] = deque()
    try:
        for group in groups:
            waiting.append([(one, _opened(store, one[1])) for one in group])
            if len(waiting) > 1:
                yield _contents(waiting.popleft())
        while waiting:
            yield _contents(waiting.popleft())
    finally:
        for _, handle in chain.from_iterable(waiting):
            if isinstance(handle, int):
                os.close(handle)


def _opened(store: Path, one: Item) -> int | SampleError | None:
    image = one.record["image"]
    if not image:
        return None
    try:
        return open_image(store, image, one.record["format"] or "")
    except StoreError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_HANDLE:
            raise  # the picture is there: `--skip-missing` must not leave it out
        return SampleError("image_missing", str(error))


def _contents(opened: Sequence[Opened]) -> list[Read]:
    return [(one, _content(one[1], each) if isinstance(each, int) else each) for one, each in opened]


def _content(one: Item, handle: int) -> bytes | SampleError:
    try:
        return read_opened(handle, one.record["image"])
    except StoreError as error:
        return SampleError("image_missing", str(error))


def _written(
    job: Job, part: Part, worded: Row, some: Sequence[Read], tally: Tally, kept: dict[str, Written]
) -> Iterator[tuple[int, dict[str, Json]]]:
    for (at, one), content in some:
        try:
            if isinstance(content, SampleError):
                raise content
            row = _row(job, part, worded, one, content, kept)
        except SampleError as error:
            _left_out(job, one, error)
            tally.skipped[error.reason].append(one.id)
            continue
        tally.sources[one.source] += 1
        tally.licences[one.source, one.record["licence"] or ""] += 1
        tally.escaped += one.escaped
        yield at, row


def _left_out(job: Job, one: Item, error: SampleError) -> None:
    if error.reason == "image_missing" and not job.skip_missing:
        raise RunStopped(
            f"sample {one.id}: {error} (`vistill fsck` lists all such); --skip-missing leaves such samples out"
        ) from None


def _row(
    job: Job, part: Part, worded: Row, one: Item, content: bytes | None, kept: dict[str, Written]
) -> dict[str, Json]:
    """The row with its picture in place, which is written here where pictures are files."""
    if content is None:
        pictures: list[Json] = []
    elif job.pictures == "embed":
        pictures = [{"bytes": content, "path": one.path.rpartition("/")[2]}]
    else:
        pictures = [one.path]
    row = worded(one, pictures)
    _check_markers(job.format, row, len(pictures))
    if part.copied and job.container != "parquet":
        row |= {name: one.record[name] for name in part.copied}
    if content is not None and job.pictures == "files":
        below = job.folder / part.name if job.container == "folder" else job.folder
        if one.path not in kept:
            kept[one.path] = keep_picture(job.folder, below / one.path, content)
    if job.container == "folder":  # how `datasets` knows a column of pictures in a folder with metadata
        return {f"{name}_file_names" if name == "images" else name: value for name, value in row.items()}
    return row


def _check_markers(format: Format, row: Mapping[str, Json], pictures: int) -> None:
    """Trainers stop, or train on the wrong picture, when markers and pictures differ in number."""
    markers = sum(text.count(MARKER) for text in format.texts(row))
    wanted = pictures if format.markers == "text" else 0
    if markers != wanted:
        raise SampleError("placeholder_text", f"{markers} markers in the text, {wanted} belong there")
