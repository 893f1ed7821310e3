"""What a push reads of the exports it is about to send: their sizes, and one row with its picture for the card."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from curation.card import Configuration
from curation.exports import format_named
from flows import manifest as manifests


@dataclass(frozen=True, slots=True)
class Example:
    """A row, its picture's bytes (b"" for none) and that file's suffix with the dot."""

    row: dict[str, Any]
    picture: bytes
    suffix: str


def configuration(name: str, work: Path, manifest: manifests.Manifest) -> Configuration:
    """An export below `work`, measured."""
    import pyarrow.parquet as pq

    size = sum(file["bytes"] for file in manifest["files"])
    found = [pq.read_metadata(work / name / path) for path in _parquet(manifest)]
    plain = sum(one.row_group(at).total_byte_size for one in found for at in range(one.num_row_groups))
    return Configuration(name, manifest, size, plain or size)


def first_row(work: Path, ready: Sequence[Configuration]) -> Example:
    """The first row of the first export that shows a trace, else of the first; with pictures inside if there is one."""
    ranked = sorted(ready, key=lambda one: (not _traced(one), not one.embedded))
    one = ranked[0]
    return _embedded(work, one) if one.embedded else _beside(work, one)


def _traced(one: Configuration) -> bool:
    return any(part.traced for part in format_named(one.name).parts)


def _parquet(manifest: manifests.Manifest) -> list[str]:
    return [file["path"] for file in manifest["files"] if file["path"].endswith(".parquet")]


def _embedded(work: Path, one: Configuration) -> Example:
    import pyarrow.parquet as pq

    with pq.ParquetFile(work / one.name / _parquet(dict(one.manifest))[0]) as file:
        row: dict[str, Any] = next(file.iter_batches(1)).to_pylist()[0]
    if not row["images"]:
        return Example(row, b"", "")
    picture = row["images"][0]
    return Example(row, picture["bytes"], Path(picture["path"] or "").suffix.lower() or _suffix(picture["bytes"]))


def _suffix(picture: bytes) -> str:
    """Of a picture that came without a name; PNG where it is neither JPEG nor WebP."""
    if picture.startswith(b"\xff\xd8"):
        return ".jpg"
    return ".webp" if picture[8:12] == b"WEBP" else ".png"


def _beside(work: Path, one: Configuration) -> Example:
    """The first line of the first file that has rows: an array has a row a line, and a comma behind it."""
    path = next(path for files in one.tables.values() for path in files.values())
    with (work / path).open("rb") as file:
        line = next(line for line in file if line.startswith(b"{"))
    row: dict[str, Any] = orjson.loads(line.rstrip().removesuffix(b","))
    named = row.get("image") or row.get("images") or row.get("image_path") or ""
    listed = {file["path"] for file in one.manifest["files"]}  # our own files only, whatever a row says
    if named not in listed:
        return Example(row, b"", "")
    return Example(row, (work / one.name / named).read_bytes(), PurePosixPath(named).suffix.lower())
