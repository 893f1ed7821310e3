"""Rows from JSON, JSON lines and Parquet files. JSON is read whole; the other two stream, however long they are.

A row that cannot be read is handed on as `Broken`, and the rows after it are still read.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from glob import glob, has_magic
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import ConfigError, RunStopped
from curation.records import Json
from curation.sources.files import Folder, read_text_file
from curation.sources.rows import DEEPEST, LONGEST_RAW, Broken, Files, broken, too_deep
from curation.sources.spec import near

LONGEST_JSON = 512 * 1024 * 1024  # bytes of a JSON file that is read whole
LONGEST_LINE = 128 * 1024 * 1024  # bytes: a 64 MB picture in base64, and room for the rest
PEEKED_ROWS = 1_000  # rows whose keys are taken for a JSON-lines file's columns
PARQUET_ROWS = 32  # rows decoded at a time: rows may hold pictures

Record = Mapping[str, Json]


@dataclass
class Lines:
    """Rows from JSON lines: an object a line, UTF-8, blank lines skipped."""

    path: Path
    files: Files
    defaults: Mapping[str, str] = field(default_factory=dict)

    def columns(self, wanted: Collection[str] = ()) -> Collection[str]:
        """The keys of the first thousand rows, and the wanted names that stand quoted anywhere in the file."""
        found: dict[str, None] = {}
        for row in islice(self.rows(()), PEEKED_ROWS):
            if not isinstance(row, Broken):
                found.update(dict.fromkeys(row))
        absent = {name for name in wanted if name.split(".")[0] not in found and name not in found}
        return [*found, *self._mentioned(absent)]

    def rows(self, needed: Collection[str]) -> Iterator[Record | Broken]:
        """Every line as an object; row_encoding, row_malformed for what is none."""
        with _opened(self.path) as file:
            for number, line in enumerate(_lines(file)):
                if number == 0 and isinstance(line, bytes):
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if isinstance(line, Broken):
                    yield line
                elif not line.isspace():
                    yield parse_line(line)

    def describe(self) -> dict[str, Json]:
        """Its size in bytes."""
        return {"bytes": self.path.stat().st_size}

    def _mentioned(self, names: set[str]) -> list[str]:
        """Those of the names that some line has in quotes: one pass over the bytes, without parsing."""
        left = {name: json.dumps(name.split(".")[0], ensure_ascii=False).encode() for name in names}
        with _opened(self.path) as file:
            for line in _lines(file) if left else ():
                if isinstance(line, bytes):
                    left = {name: quoted for name, quoted in left.items() if quoted not in line}
                if not left:
                    break
        return [name for name in names if name not in left]


@dataclass
class Whole:
    """Rows from one JSON text: a list of objects, or an object of objects by key; `key` is then a column."""

    path: Path
    files: Files
    items: list[tuple[str | None, Json]]
    defaults: Mapping[str, str] = field(default_factory=dict)

    def columns(self, wanted: Collection[str] = ()) -> Collection[str]:
        """Every key of every row."""
        return list(dict.fromkeys(name for row in self.rows(()) if not isinstance(row, Broken) for name in row))

    def rows(self, needed: Collection[str]) -> Iterator[Record | Broken]:
        """Every row, with its key as the column `key`; row_malformed for what is not an object."""
        for key, item in self.items:
            if too_deep(item):
                yield broken("row_malformed", f"nested deeper than {DEEPEST} levels", str(key).encode())
            elif isinstance(item, dict):
                yield item if key is None else {**item, "key": key}
            else:
                yield _no_object(json.dumps(item).encode())

    def describe(self) -> dict[str, Json]:
        """Its size in bytes."""
        return {"bytes": self.path.stat().st_size}


@dataclass
class Parquet:
    """Rows from Parquet files, in the order of their names, a few at a time and only the needed columns."""

    paths: list[Path]
    files: Files
    defaults: Mapping[str, str] = field(default_factory=dict)
    schema: pa.Schema = field(init=False)

    def __post_init__(self) -> None:
        self.schema = _parquet(self.paths[0]).schema_arrow

    def columns(self, wanted: Collection[str] = ()) -> Collection[str]:
        """The columns of the first file."""
        return list(self.schema.names)

    def rows(self, needed: Collection[str]) -> Iterator[Record | Broken]:
        """Every row; row_encoding for one whose text is not UTF-8. RunStopped when a file is damaged inside."""
        for path in self.paths:
            file = _parquet(path)
            wanted = {name for column in needed for name in (column, column.split(".")[0])}
            names = [name for name in file.schema_arrow.names if name in wanted]
            try:
                for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=names):
                    yield from _batch_rows(batch)
            except (pa.ArrowException, OSError) as error:
                raise RunStopped(f"{path} cannot be read further: {error}") from error

    def describe(self) -> dict[str, Json]:
        """How many files and bytes."""
        return {"files": len(self.paths), "bytes": sum(path.stat().st_size for path in self.paths)}


def open_json(path: Path, base: Path | None, rows_at: str = "") -> Whole | Lines:
    """Rows of a JSON file; JSON lines under that name are taken as such. `rows_at` is a dotted path to the rows.

    An object is keyed rows when most of its values are objects, else one row.
    """
    files = Folder(base or path.parent)
    text = read_text_file(path, LONGEST_JSON)
    pairs: list[tuple[str | None, Json]] = []
    try:
        value = json.loads(text, object_pairs_hook=_noting(pairs))
    except (ValueError, RecursionError) as error:
        if isinstance(parse_line(text.lstrip().partition("\n")[0].encode()), Broken):
            raise ConfigError("--source", str(path), f"is not JSON: {error}") from error
        return Lines(path, files)
    if rows_at:
        value, pairs = _inner(value, rows_at, path), []
    if isinstance(value, list):
        return Whole(path, files, [(None, item) for item in value])
    if isinstance(value, dict):
        return _from_object(path, files, value, pairs or list(value.items()))
    raise ConfigError("--source", str(path), "holds neither a list of objects nor an object of objects")


def _from_object(path: Path, files: Files, value: Record, pairs: list[tuple[str | None, Json]]) -> Whole:
    """Keyed rows or one row; ConfigError for an object around the list of rows."""
    lists = [name for name, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
    if len(lists) == 1 and not {"question", "problem", "image"} & set(value):
        hint = f"its rows seem to lie under {lists[0]!r}; write json:{path}?rows={lists[0]}"
        raise ConfigError("--source", str(path), hint)
    if sum(isinstance(item, dict) for _, item in pairs) * 2 > len(pairs):
        return Whole(path, files, pairs, {"id": "key"})
    return Whole(path, files, [(None, value)])


def open_parquet(pattern: str, base: Path | None) -> Parquet:
    """Rows of the Parquet files that match; a pattern may be one path. ConfigError when none can be read."""
    paths = sorted(Path(name) for name in (glob(pattern, recursive=True) if has_magic(pattern) else [pattern]))
    paths = [path for path in paths if path.is_file()]
    if not paths:
        raise ConfigError("--source", pattern, "no such Parquet file")
    return Parquet(paths, Folder(base or paths[0].parent))


def parse_line(line: bytes) -> Record | Broken:
    """One line as an object, or why it is none."""
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return broken("row_encoding", f"not UTF-8 at byte {error.start:,} of the line", line)
    except (ValueError, RecursionError) as error:
        return broken("row_malformed", f"not JSON: {error}"[:200], line)
    if line.count(b"[") + line.count(b"{") > DEEPEST and too_deep(value):
        return broken("row_malformed", f"nested deeper than {DEEPEST} levels", line)
    return value if isinstance(value, dict) else _no_object(line)


def _no_object(line: bytes) -> Broken:
    return broken("row_malformed", "not an object", line)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ConfigError("--source", str(path), f"cannot be read: {error.strerror}") from error


def _lines(file: BinaryIO) -> Iterator[bytes | Broken]:
    """Lines of at most LONGEST_LINE bytes; a longer one is read past in pieces and told as broken."""
    while line := file.readline(LONGEST_LINE):
        if len(line) < LONGEST_LINE or line.endswith(b"\n"):
            yield line
            continue
        state, length, start = blake2b(line, digest_size=10), len(line), line[: 4 * LONGEST_RAW]
        while not line.endswith(b"\n") and (line := file.readline(LONGEST_LINE)):
            state.update(line)
            length += len(line)
        detail = f"the line has {length:,} bytes, more than {LONGEST_LINE:,}"
        yield Broken("row_malformed", detail, broken("", "", start).raw, state.hexdigest())


def _noting(outermost: list[tuple[str | None, Json]]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """An object hook that leaves the last, and so outermost, object's pairs in the list: a key given twice is two
    rows there, where a dict would keep one in silence."""

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        outermost[:] = pairs
        return dict(pairs)

    return note


def _inner(value: Json, dotted: str, path: Path) -> Json:
    """The value at a dotted path of keys."""
    for name in dotted.split("."):
        if not isinstance(value, dict) or name not in value:
            known = value if isinstance(value, dict) else ()
            raise ConfigError("--source", str(path), f"rows={dotted}: no key {name!r}; {near(name, known)}")
        value = value[name]
    return value


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise ConfigError("--source", str(path), f"is not a Parquet file: {error}"[:300]) from error


def _batch_rows(batch: pa.RecordBatch) -> Iterator[Record | Broken]:
    """Rows one by one where a text that is not UTF-8 stands among them."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for place in range(batch.num_rows):
            yield _single_row(batch.slice(place, 1))


def _single_row(batch: pa.RecordBatch) -> Record | Broken:
    try:
        [row] = batch.to_pylist()
    except UnicodeDecodeError as error:
        note = broken("row_encoding", f"not UTF-8: {error.reason}", error.object)
        return replace(note, digest=blake2b(batch.serialize(), digest_size=10).hexdigest())
    return dict(row)
