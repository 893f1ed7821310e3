"""Rows become samples here, or are refused with a reason: the one gate between a source and everything after it.

Decoding runs on a few threads (Pillow releases the interpreter lock) while the order of rows is kept and only a handful
are held at a time. Nothing is stored here: a sample leaves together with its picture's original bytes.
"""

import base64
import binascii
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from itertools import islice
from typing import TypeVar

from curation.errors import SampleError
from curation.pictures import DEFAULT_LIMITS, Limits, inspect
from curation.records import Image, Json, Option, Rejected, Sample, digest, json_name
from curation.sources import Source
from curation.sources.normalise import (
    LONGEST_QUESTION,
    Answer,
    number_text,
    plain_text,
    question_text,
    read_answer,
    read_options,
)
from curation.sources.rows import RawRow, printable, raw_text, row_digest
from curation.version import modules_version

LONGEST_ID = 200  # characters
IN_FLIGHT = 3  # groups of rows held for each thread, so that none waits
MOST_TOGETHER, SMALL_BYTES = 16, 1_000_000  # rows in a group, and what their pictures may weigh
LARGEST_INTEGER = 2**63

T = TypeVar("T")
Taken = tuple[Sample, bytes | None] | Rejected


Known = Callable[[str], Image | None]


def inspection() -> str:
    """Which code looks at pictures: what it saw in one is good as long as this stays the same."""
    return modules_version("curation.pictures")


def unknown(sha256: str) -> None:
    """No picture was seen before."""


@dataclass
class SeenIds:
    """The ids a source has given so far, 8 bytes each; a repeated one is renamed `…#2`, `…#3`."""

    digests: set[bytes] = field(default_factory=set)
    copies: dict[bytes, int] = field(default_factory=dict)

    def settle(self, id: str) -> str:
        """The id itself when it is new, else the next free `id#n`."""
        mark = _mark(id)
        settled = id
        while _mark(settled) in self.digests:
            self.copies[mark] = self.copies.get(mark, 1) + 1
            settled = f"{id}#{self.copies[mark]}"
        self.digests.add(_mark(settled))
        return settled


def samples(
    source: Source,
    *,
    need_answer: bool = True,
    unread: Collection[str] = (),
    limits: Limits | None = None,
    known: Known = unknown,
    threads: int = 2,
) -> Iterator[Taken]:
    """Every row of the source in its order, as a sample with its picture's bytes or as a refusal.

    Without `need_answer` rows that have no answer are kept with the reference None. Of `question`, `options` and
    `reference`, those that the run leaves `unread` cost no row: what is missing or cannot be used is left empty, and
    `meta.left_aside` has what stood there. `known` gives what was seen in a picture of that SHA-256 before, so that it
    need not be decoded again.
    """
    limits = limits or replace(DEFAULT_LIMITS, smallest_side=source.spec.smallest_side)
    seen = SeenIds()
    waiting: deque[Future[list[Taken]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="intake")
    together = 1

    def prepared(rows: list[RawRow | Rejected]) -> list[Taken]:
        return [prepare(row, need_answer=need_answer, unread=unread, limits=limits, known=known) for row in rows]

    rows = source.rows()
    try:
        while group := list(islice(rows, together)):
            waiting.append(pool.submit(prepared, group))
            if len(waiting) >= threads * IN_FLIGHT:
                done = waiting.popleft().result()
                yield from (_settled(taken, seen) for taken in done)
                together = _together(done)
        while waiting:
            yield from (_settled(taken, seen) for taken in waiting.popleft().result())
    finally:
        pool.shutdown(cancel_futures=True)


def _together(done: list[Taken]) -> int:
    """Rows to hand a thread at once: many small pictures, since each hand-over costs a third of a millisecond."""
    sizes = [len(taken[1]) for taken in done if not isinstance(taken, Rejected) and taken[1]]
    return max(1, min(MOST_TOGETHER, SMALL_BYTES // max(sizes, default=1)))


def intake(
    row: RawRow | Rejected, *, seen_ids: SeenIds, need_answer: bool = True, limits: Limits = DEFAULT_LIMITS
) -> Taken:
    """One row; `seen_ids` is shared by all rows of a source."""
    return _settled(prepare(row, need_answer=need_answer, limits=limits), seen_ids)


def prepare(
    row: RawRow | Rejected, *, need_answer: bool, unread: Collection[str] = (), limits: Limits, known: Known = unknown
) -> Taken:
    """One row by itself, safe on any thread: everything but whether its id is taken."""
    if isinstance(row, Rejected):
        return row
    try:
        return _sample(row, need_answer, unread, limits, known)
    except SampleError as error:
        id, source = _refused_name(row)
        return Rejected(
            id, source, error.reason, printable(error.detail), error.raw or raw_text(row.record), row.position
        )


def _settled(taken: Taken, seen: SeenIds) -> Taken:
    """The same with an id that no earlier row has; a sample whose id was taken is refused."""
    if isinstance(taken, Rejected):
        return replace(taken, id=seen.settle(taken.id))
    sample, _ = taken
    id = seen.settle(sample.id)
    if id == sample.id:
        return taken
    return Rejected(id, sample.source, "duplicate_id", sample.id, sample.question[:500], sample.position)


def _sample(
    row: RawRow, need_answer: bool, unread: Collection[str], limits: Limits, known: Known
) -> tuple[Sample, bytes | None]:
    values = row.values
    texts = {name: plain_text(values.get(name), name).strip() for name in _TEXTS}
    source = texts.pop("source") or row.source
    question, options, answer, aside = _asked(row, texts.pop("kind"), need_answer, unread)
    problem = plain_text(values.get("text_question"), "text_question", LONGEST_QUESTION, "question_too_long")
    data, image = _picture(row, problem.strip() or texts["caption"], limits, known)
    meta = _meta(values) | ({"left_aside": aside} if aside else {})
    if answer.given and answer.given != answer.reference:
        meta["answer_as_given"] = answer.given
    sample = Sample(
        id=f"{source}-{_own_id(row, image, question, answer.reference, aside)}",
        source=source,
        question=question,
        reference=answer.reference,
        kind=answer.kind,
        image=image,
        options=options,
        text_question=problem.strip(),
        given_caption=texts.pop("caption") or None,
        meta=meta,
        position=row.position,
        **texts,
    )
    return sample, data


_TEXTS = ("source", "kind", "caption", "context", "solution", "difficulty", "licence")


def _asked(
    row: RawRow, kind: str, need_answer: bool, unread: Collection[str]
) -> tuple[str, tuple[Option, ...], Answer, dict[str, Json]]:
    """(question, options, answer, what was left aside by target). Options are read for the answer's sake too."""
    values, no_answer, aside = row.values, "reference" in unread, dict[str, Json]()
    no_options: tuple[Option, ...] = ()
    question = _spared("question" in unread, "question", row, aside, lambda: _question(row, unread), "")
    options = _spared(
        no_answer and "options" in unread,
        "options",
        row,
        aside,
        lambda: read_options(values.get("options")),
        no_options,
    )
    answer = _spared(
        no_answer, "answer", row, aside,
        lambda: read_answer(values.get("answer"), options, kind, need_answer and not no_answer), Answer(None, "open"),
    )  # fmt: skip
    return question, options, answer, aside


def _spared(unread: bool, target: str, row: RawRow, aside: dict[str, Json], read: Callable[[], T], nothing: T) -> T:
    """What `read` makes of a target; of one that nothing reads, `nothing` where it cannot, and the rest goes aside."""
    try:
        return read()
    except SampleError as error:
        if not unread or error.reason == "field_missing":
            raise
        aside[target] = raw_text({target: row.values.get(target)})
        return nothing


def _question(row: RawRow, unread: Collection[str]) -> str:
    """The question; empty where the run reads none, the row has none and no mapping promised one."""
    if "question" in unread and row.values.get("question") in (None, "") and "question" not in row.missing:
        return ""
    return question_text(_present(row, "question"))


def _present(row: RawRow, target: str) -> Json:
    """The mapped value; SampleError field_missing when the row has no such column."""
    if target in row.values:
        return row.values[target]
    named = row.missing.get(target)
    raise SampleError("field_missing", f"{target}: " + (f"the row has no {named}" if named else "no column for it"))


def _own_id(
    row: RawRow, image: Image | None, question: str, reference: str | None, aside: Mapping[str, Json] | None = None
) -> str:
    """The id the row gives, else a digest of what the sample is about, so that row order does not matter."""
    if "id" in row.missing:
        _present(row, "id")
    given = row.values.get("id")
    if given is None:
        return digest([image and image.sha256, question, reference, *([aside] if aside else [])])[:20]
    if isinstance(given, float) and given.is_integer():
        given = number_text(given)
    id = plain_text(given, "id", LONGEST_ID).strip() if isinstance(given, str | int) else ""
    if not id or isinstance(given, bool):
        raise SampleError("row_malformed", f"id is {str(given)[:100]!r}, not text or a whole number")
    return id


def _refused_name(row: RawRow) -> tuple[str, str]:
    """(id, source) of a refused row: its own where they can be read, else a digest of the row."""
    source = row.values.get("source")
    try:
        name = plain_text(source, "source", LONGEST_ID).strip() or row.source
        own = _own_id(row, None, "", None) if row.values.get("id") is not None else row_digest(row.record)
    except SampleError:
        name, own = row.source, row_digest(row.record)
    return f"{name}-{own}", name


def _picture(row: RawRow, words: str, limits: Limits, known: Known) -> tuple[bytes | None, Image | None]:
    """The picture's bytes and record; a row may do without one when it states the problem or a caption in words."""
    value = row.values.get("image")
    if value is None and words:
        return None, None
    if value is None:
        _present(row, "image")
        raise SampleError("field_missing", "image is null, and neither text_question nor caption replaces it")
    data = _bytes(value, row, limits)
    image = known(sha256(data).hexdigest())
    return data, image if image and _within(image, limits) else inspect(data, limits=limits)


def _within(image: Image, limits: Limits) -> bool:
    """Whether a picture that was fine under some limits is so under these; `inspect` says why not."""
    small, large = sorted((image.width, image.height))
    return small >= limits.smallest_side and small * large <= limits.max_pixels and image.size <= limits.max_bytes


def _bytes(value: Json, row: RawRow, limits: Limits) -> bytes:
    """The picture's file, from its path, its bytes, a base64 data URL, {bytes, path}, or a list with one of these."""
    if isinstance(value, list):
        if len(value) != 1:
            raise SampleError("row_malformed", f"{len(value)} images; a sample has one")
        value = value[0]
    if isinstance(value, Mapping):
        inner = value.get("bytes")
        value = value.get("path") if inner is None else _base64(inner) if isinstance(inner, str) else inner
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and value.startswith("data:"):
        return _base64(value.partition(",")[2])
    if not isinstance(value, str):
        raise SampleError("row_malformed", f"image is {json_name(value)}, not a path or bytes")
    return row.files.read(plain_text(value, "image"), limits.max_bytes)


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SampleError("image_unreadable", f"not base64: {error}") from error


def _meta(values: Mapping[str, Json]) -> dict[str, Json]:
    """The `meta.…` targets, and the object a source maps to `meta`."""
    whole = values.get("meta") or {}
    if not isinstance(whole, Mapping):
        raise SampleError("row_malformed", f"meta is {json_name(whole)}, not an object")
    single = {t.removeprefix("meta."): v for t, v in values.items() if t.startswith("meta.")}
    return {name: _storable(value) for name, value in {**whole, **single}.items()}


def _storable(value: Json, depth: int = 0) -> Json:
    """JSON that any store keeps: integers beyond 64 bits and other types as text, NaN as null."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -LARGEST_INTEGER <= value < LARGEST_INTEGER else str(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if depth > 20 or isinstance(value, bytes):
        raise SampleError("row_malformed", "meta is bytes or nested more than 20 deep")
    if isinstance(value, Mapping):
        return {plain_text(k, "meta"): _storable(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item, depth + 1) for item in value]
    return plain_text(value if isinstance(value, str) else str(value), "meta")


def _mark(id: str) -> bytes:
    return blake2b(id.encode(), digest_size=8).digest()
