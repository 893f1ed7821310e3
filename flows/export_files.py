"""Writes rows as the files of an export: Parquet shards, JSON lines, one JSON array, pictures, each with its SHA-256.

The same rows give the same bytes: fixed row groups, no time stamps, pictures as the store has them. Files are hashed as
they are written, and nothing here knows what a format is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import IO, Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curation.exports.formats import IMAGE
from curation.records import Json

GROUP_ROWS = 100
"""Rows a row group: readers that shuffle or stream take a whole group into memory."""
SHARD_ROWS = 5_000
PICTURE_FIELDS = ("bytes", "path")
PICTURES = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
"""What a column of `List(Image())` is in Arrow."""


@dataclass(frozen=True, slots=True)
class Written:
    """One file of an export: its path below the export, hash, size in bytes, and rows (0 for a picture)."""

    path: str
    sha256: str
    bytes: int
    rows: int = 0


class HashedFile:
    """A new file that is hashed while it is written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.size, self.rows = path, 0, 0
        self._file: IO[bytes] = path.open("xb")
        self._sha = sha256()

    def write(self, data: bytes | memoryview) -> int:
        """Append; how many bytes that were."""
        view = memoryview(data)
        self._sha.update(view)
        self.size += view.nbytes
        return self._file.write(view)

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self.size

    @property
    def closed(self) -> bool:
        return self._file.closed

    def close(self) -> None:
        self._file.close()

    def written(self, root: Path, name: Path | None = None) -> Written:
        """What was written, under the name it has or is about to get."""
        path = (name or self.path).relative_to(root).as_posix()
        return Written(path, self._sha.hexdigest(), self.size, self.rows)


class Writer(Protocol):
    """Takes rows in order; `close` gives the files."""

    def add(self, rows: Sequence[Mapping[str, Json]]) -> None: ...
    def close(self) -> list[Written]: ...


def features_of(columns: Mapping[str, Json]) -> Any:
    """Column types of a format as `datasets.Features`."""
    import datasets

    def feature(kind: Json) -> Any:
        if kind == IMAGE:
            return datasets.Image()
        if isinstance(kind, str):
            return datasets.Value(kind)
        if isinstance(kind, list):
            return datasets.List(feature(kind[0]))
        return {name: feature(each) for name, each in kind.items()}

    return datasets.Features({name: feature(kind) for name, kind in columns.items()})


class ParquetShards:
    """`<name>-00000-of-00003.parquet` and so on, whose schema tells `datasets` which columns are pictures.

    Pictures are compressed already: they are written as they are, without statistics or codec. No column has a
    dictionary: in groups of 100 rows it takes a fifth of the export's processor time and saves nothing after zstd.
    """

    def __init__(self, root: Path, name: str, schema: pa.Schema, shard_rows: int = SHARD_ROWS) -> None:
        self.root, self.name, self.schema, self.shard_rows = root, name, schema, shard_rows
        self._waiting: list[Mapping[str, Json]] = []
        self._files: list[HashedFile] = []
        self._writer: pq.ParquetWriter | None = None
        paths = _leaves(schema)
        self._texts = [path for path in paths if not path.endswith(".bytes")]
        self._codecs = {path: "zstd" if path in self._texts else "none" for path in paths}

    def add(self, rows: Sequence[Mapping[str, Json]]) -> None:
        """Rows to the shard at hand, a whole row group at a time."""
        self._waiting.extend(rows)
        while len(self._waiting) >= GROUP_ROWS:
            self._write(self._waiting[:GROUP_ROWS])
            del self._waiting[:GROUP_ROWS]

    def close(self) -> list[Written]:
        """The shards, under their final names."""
        if self._waiting:
            self._write(self._waiting)
        self._end_shard()
        names = [self.root / f"{self.name}-{n:05d}-of-{len(self._files):05d}.parquet" for n in range(len(self._files))]
        for file, name in zip(self._files, names, strict=True):
            file.path.rename(name)
        return [file.written(self.root, name) for file, name in zip(self._files, names, strict=True)]

    def _write(self, rows: Sequence[Mapping[str, Json]]) -> None:
        done = 0
        while done < len(rows):
            if self._writer is None or self._files[-1].rows >= self.shard_rows:
                self._begin_shard()
            assert self._writer is not None
            some = rows[done : done + self.shard_rows - self._files[-1].rows]
            self._writer.write_table(table_of(some, self.schema), row_group_size=GROUP_ROWS)
            self._files[-1].rows += len(some)
            done += len(some)

    def _begin_shard(self) -> None:
        self._end_shard()
        self._files.append(HashedFile(self.root / f".{self.name}-{len(self._files)}"))
        self._writer = pq.ParquetWriter(
            self._files[-1], self.schema, compression=self._codecs, use_dictionary=False,
            write_statistics=self._texts,
        )  # fmt: skip

    def _end_shard(self) -> None:
        if self._writer:
            self._writer.close()
            self._files[-1].close()
            self._writer = None


def table_of(rows: Sequence[Mapping[str, Json]], schema: pa.Schema) -> pa.Table:
    """Rows as columns. Pictures go straight into one buffer: Arrow takes dictionaries apart at twice the price."""
    columns = [
        _pictures([row[field.name] for row in rows], field.type) if field.type == PICTURES
        else pa.array([row.get(field.name) for row in rows], field.type)
        for field in schema
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=schema)


def _pictures(lists: Sequence[Sequence[Mapping[str, Any]]], kind: pa.DataType) -> pa.Array:
    """Lists of {bytes, path} as a column of type `PICTURES`."""
    flat = [picture for some in lists for picture in some]
    content = pa.array([picture["bytes"] for picture in flat], pa.binary())
    path = pa.array([picture["path"] for picture in flat], pa.string())
    offsets = pa.array([0, *accumulate(len(some) for some in lists)], pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays([content, path], PICTURE_FIELDS), type=kind)


def _leaves(schema: pa.Schema) -> list[str]:
    """Column paths as Parquet names them: `images.list.element.bytes`."""
    empty = pa.BufferOutputStream()
    with pq.ParquetWriter(empty, schema):
        pass
    found = pq.read_metadata(pa.BufferReader(empty.getvalue())).schema
    return [found.column(i).path for i in range(len(found))]


class JsonFile:
    """JSON lines, or one array with a row a line."""

    def __init__(self, root: Path, path: Path, *, array: bool) -> None:
        self.root, self.array = root, array
        self._file = HashedFile(path)

    def add(self, rows: Sequence[Mapping[str, Json]]) -> None:
        """Rows as JSON text, UTF-8, fields in the order of the format."""
        for row in rows:
            before = (b"[\n" if self._file.rows == 0 else b",\n") if self.array else b""
            self._file.write(before + orjson.dumps(row) + (b"" if self.array else b"\n"))
            self._file.rows += 1

    def close(self) -> list[Written]:
        """The one file."""
        if self.array:
            self._file.write(b"\n]\n" if self._file.rows else b"[]\n")
        self._file.close()
        return [self._file.written(self.root)]


def keep_picture(root: Path, path: Path, content: bytes) -> Written:
    """A picture as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Written(path.relative_to(root).as_posix(), sha256(content).hexdigest(), len(content))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    seen = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            seen.update(piece)
    return seen.hexdigest()


def changed(root: Path, files: Iterable[Mapping[str, Json]]) -> list[str]:
    """Paths of a manifest's files that are missing or have other bytes now."""
    gone = [file["path"] for file in files if not (root / file["path"]).is_file()]
    other = [
        file["path"] for file in files
        if file["path"] not in gone and file_sha256(root / file["path"]) != file["sha256"]
    ]  # fmt: skip
    return gone + other
