"""Rows from a folder of pictures.

With a `metadata.jsonl` or `metadata.csv` in the folder, its rows are the rows, and their column `file_name` names the
picture. Without one every picture in the folder and below is a row, in the order of its path, with the columns `path`,
`folder` and `name` (without its ending); beside it may lie `name.json`, whose fields become columns, and `name.txt`,
whose text becomes the column `text`. Hidden files are left out, folders behind symbolic links are not entered.
"""

import csv
import io
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from curation.errors import ConfigError, SampleError
from curation.records import Json
from curation.sources.files import Folder, read_text_file
from curation.sources.rows import Broken, Files, Reader, broken
from curation.sources.tabular import LONGEST_JSON, PEEKED_ROWS, Lines, parse_line

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
LONGEST_SIDECAR = 1024 * 1024  # bytes


def open_folder(path: Path, base: Path | None) -> Reader:
    """The folder's metadata file when it has one, else its pictures. ConfigError when it has both."""
    names = [name for name in ("metadata.jsonl", "metadata.csv") if (path / name).is_file()]
    if len(names) > 1:
        raise ConfigError("--source", str(path), "has both metadata.jsonl and metadata.csv; keep one")
    if not names:
        return Pictures(path, Folder(path))
    try:
        metadata = Folder(path).locate(names[0])
    except SampleError as error:
        raise ConfigError("--source", str(path), f"{names[0]} is a link out of the folder; copy it there") from error
    return (Lines if names == ["metadata.jsonl"] else Table)(metadata, Folder(base or path))


@dataclass
class Table:
    """Rows from a CSV file with a header, UTF-8; cells are text."""

    path: Path
    files: Files
    defaults: Mapping[str, str] = field(default_factory=dict)

    def columns(self, wanted: Collection[str] = ()) -> Collection[str]:
        """The header."""
        return next(csv.reader(io.StringIO(read_text_file(self.path, LONGEST_JSON), newline="")), [])

    def rows(self, needed: Collection[str]) -> Iterator[Mapping[str, Json] | Broken]:
        """Every line under the header; row_malformed for one with more or fewer cells. Empty cells are null."""
        lines = csv.reader(io.StringIO(read_text_file(self.path, LONGEST_JSON), newline=""))
        header = next(lines, [])
        for cells in lines:
            if len(cells) == len(header):
                yield {name: cell or None for name, cell in zip(header, cells, strict=True)}
            elif cells:
                detail = f"{len(cells)} cells under a header of {len(header)}"
                yield broken("row_malformed", detail, ",".join(cells).encode())

    def describe(self) -> dict[str, Json]:
        """Its size in bytes."""
        return {"bytes": self.path.stat().st_size}


@dataclass
class Pictures:
    """Rows from the pictures themselves."""

    path: Path
    files: Files
    defaults: Mapping[str, str] = field(default_factory=dict)

    def columns(self, wanted: Collection[str] = ()) -> Collection[str]:
        """What stands beside the first thousand pictures; for wanted names, beside any."""
        found: dict[str, None] = {}
        for number, row in enumerate(self.rows(())):
            if number >= PEEKED_ROWS and all(name in found or name.split(".")[0] in found for name in wanted):
                break
            found.update({} if isinstance(row, Broken) else dict.fromkeys(row))
        return list(found)

    def rows(self, needed: Collection[str]) -> Iterator[Mapping[str, Json] | Broken]:
        """Every picture, with what lies beside it."""
        for file in _pictures(self.path):
            own = {"path": str(file), "folder": str(file.parent), "name": file.stem}
            try:
                fields = _fields(self.files, str(file.with_suffix(".json")))
                yield {**fields, **_text(self.files, str(file.with_suffix(".txt"))), **own}
            except SampleError as error:
                yield broken(error.reason, error.detail, error.raw.encode() or os.fsencode(file))

    def describe(self) -> dict[str, Json]:
        """Nothing beyond the spec."""
        return {}


def _pictures(folder: Path) -> Iterator[Path]:
    """Pictures in the folder and below, relative to it, in the order of their paths."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                yield Path(place, name).relative_to(folder)


def _fields(files: Files, path: str) -> Mapping[str, Json]:
    """The object in a picture's JSON sidecar; nothing without one."""
    content = _beside(files, path)
    row = {} if content is None else parse_line(content)
    if isinstance(row, Broken):
        raise SampleError(row.reason, f"{path}: {row.detail}", row.raw)
    return row


def _text(files: Files, path: str) -> Mapping[str, Json]:
    """The text in a picture's text sidecar, as the column `text`; nothing without one."""
    content = _beside(files, path)
    try:
        return {} if content is None else {"text": content.decode("utf-8").strip()}
    except UnicodeDecodeError as error:
        raise SampleError("row_encoding", f"{path} is not UTF-8 at byte {error.start:,}") from error


def _beside(files: Files, path: str) -> bytes | None:
    """A sidecar's bytes; row_malformed when it is no ordinary file in the folder of at most a megabyte."""
    try:
        return files.read(path, LONGEST_SIDECAR).removeprefix(b"\xef\xbb\xbf")
    except SampleError as error:
        if error.reason == "image_missing":
            return None
        raise SampleError("row_malformed", f"{path}: {error.detail}") from error
