"""What a reader of rows is, and what it hands on: whole rows, or a note of why a row could not be read."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import Protocol

from curation.records import Json

DEEPEST = 100  # levels of lists and objects; Python's own JSON writer gives up near 1,000
LONGEST_RAW = 2_000  # characters of a refused row that are kept


class Files(Protocol):
    """Where a source's picture paths lead."""

    def read(self, path: str, max_bytes: int) -> bytes:
        """The file's bytes; SampleError image_missing, image_outside, image_unreadable or image_too_large."""
        ...


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that could not be read: its reason code, and the beginning of its text. `digest` tells rows apart."""

    reason: str
    detail: str
    raw: str
    digest: str


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row of a source: the mapped `values` by target, and the whole `record` to show when it is refused.

    `missing` names the mapped fields whose column this row lacks, as `target=expression`.
    """

    source: str
    position: int
    values: Mapping[str, Json]
    record: Mapping[str, Json]
    files: Files
    missing: Mapping[str, str] = field(default_factory=dict)


class Reader(Protocol):
    """A kind of source. `defaults` are columns to try for a target before those every source is tried for."""

    defaults: Mapping[str, str]
    files: Files

    def columns(self, wanted: Collection[str] = ()) -> Collection[str]:
        """The columns rows can have; none when that cannot be known. `wanted` ones are looked for further down."""
        ...

    def rows(self, needed: Collection[str]) -> Iterator[Mapping[str, Json] | Broken]:
        """Every row in order; columns other than the needed ones may be left out."""
        ...

    def describe(self) -> dict[str, Json]:
        """What run records should say of it beyond the spec (size, revision …)."""
        ...


def broken(reason: str, detail: str, line: bytes) -> Broken:
    """A note of an unreadable line: the digest is of its bytes, the raw text shows what is not UTF-8 as \\x…"""
    raw = printable(line[: 4 * LONGEST_RAW].decode("utf-8", "backslashreplace"))
    return Broken(reason, detail, raw, blake2b(line, digest_size=10).hexdigest())


def printable(text: str) -> str:
    """At most 2,000 characters that any store can keep: no lone surrogates, no NUL."""
    return text[:LONGEST_RAW].replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()[:LONGEST_RAW]


def raw_text(record: Mapping[str, Json]) -> str:
    """The beginning of a row as JSON, with bytes told by their number."""
    return printable(json.dumps(record, ensure_ascii=False, default=_told))


def row_digest(record: Mapping[str, Json]) -> str:
    """80-bit hex digest of a row's content, for rows that have no identity of their own."""
    text = json.dumps(record, sort_keys=True, default=_hashed)
    return blake2b(text.encode(), digest_size=10).hexdigest()


def too_deep(value: Json, limit: int = DEEPEST) -> bool:
    """Whether lists and objects are nested deeper than the limit; looked at without recursion."""
    level = [value]
    for _ in range(limit):
        nested = [v for v in level if isinstance(v, list | dict)]
        if not nested:
            return False
        level = [item for v in nested for item in (v.values() if isinstance(v, dict) else v)]
    return True


def _told(value: object) -> str:
    return f"<{len(value):,} bytes>" if isinstance(value, bytes) else str(value)


def _hashed(value: object) -> str:
    return sha256(value).hexdigest() if isinstance(value, bytes) else str(value)
