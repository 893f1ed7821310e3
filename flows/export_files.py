"""Writes rows as the files of an export: Parquet shards, JSON lines, one JSON array, pictures, each with its SHA-256.

The same rows give the same bytes: fixed row groups, no time stamps, pictures as the store has them. Files are hashed as
they are written, and nothing here knows what a format is.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
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


@dataclass(frozen=True, slots=True)
class Written:
    """One file of an export: its path below the export, hash, size in bytes, and rows (0 for a picture)."""

    path: str
    sha256: str
    bytes: int
    rows: int = 0


class HashedFile:
    """A new file that is hashed while it is written; `rows` is counted by its writer."""

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


def schema_of(columns: Mapping[str, Json]) -> pa.Schema:
    """Column types of a format as Arrow has them, with the metadata by which `datasets` knows a column of pictures.

    It is the schema of `datasets.Features`, whose import takes as long as writing several thousand rows.
    """
    features = {name: _feature(kind) for name, kind in columns.items()}
    told = json.dumps({"info": {"features": features}})
    return pa.schema([(name, _arrow(kind)) for name, kind in columns.items()], {"huggingface": told})


def _feature(kind: Json) -> Json:
    if kind == IMAGE:
        return {"_type": "Image"}
    if isinstance(kind, str):
        return {"dtype": kind, "_type": "Value"}
    if isinstance(kind, list):
        return {"feature": _feature(kind[0]), "_type": "List"}
    return {name: _feature(each) for name, each in kind.items()}


def _arrow(kind: Json) -> pa.DataType:
    if kind == IMAGE:
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    if isinstance(kind, str):
        return pa.type_for_alias(kind)
    if isinstance(kind, list):
        return pa.list_(_arrow(kind[0]))
    return pa.struct([(name, _arrow(each)) for name, each in kind.items()])


class ParquetShard:
    """One Parquet file of a series, whose schema tells `datasets` which columns are pictures.

    Pictures are compressed already: they are written as they are, without statistics or codec. No column has a
    dictionary: in groups of 100 rows it takes a fifth of the export's processor time and saves nothing after zstd.
    """

    def __init__(self, root: Path, path: Path, schema: pa.Schema) -> None:
        self.root, self.path, self.schema, self.rows = root, path, schema, 0
        paths = _leaves(schema)
        texts = [path for path in paths if not path.endswith(".bytes")]
        codecs = {path: "zstd" if path in texts else "none" for path in paths}
        self._writer = pq.ParquetWriter(path, schema, compression=codecs, use_dictionary=False, write_statistics=texts)

    def add(self, rows: Sequence[Mapping[str, Json]], copied: pa.RecordBatch | None = None) -> None:
        """Rows as row groups of `GROUP_ROWS` at most; the columns of `copied` are taken as they are."""
        self._writer.write_table(table_of(rows, self.schema, copied), row_group_size=GROUP_ROWS)
        self.rows += len(rows)

    def close(self) -> list[Written]:
        """The one file, hashed; none when it has no rows."""
        self._writer.close()
        if not self.rows:
            self.path.unlink()
            return []
        name, size = self.path.relative_to(self.root).as_posix(), self.path.stat().st_size
        return [Written(name, file_sha256(self.path), size, self.rows)]


def numbered(root: Path, name: str, shards: Sequence[Written]) -> list[Written]:
    """The shards under their final names: `<name>-00000-of-00003.parquet` and so on."""
    named = [f"{name}-{at:05d}-of-{len(shards):05d}.parquet" for at in range(len(shards))]
    for shard, final in zip(shards, named, strict=True):
        (root / final).parent.mkdir(exist_ok=True)
        (root / shard.path).rename(root / final)
    return [replace(shard, path=final) for shard, final in zip(shards, named, strict=True)]


def table_of(rows: Sequence[Mapping[str, Json]], schema: pa.Schema, copied: pa.RecordBatch | None = None) -> pa.Table:
    """Rows as columns, but for those that are copied from a batch with as many rows."""
    taken = dict(zip(copied.schema.names, copied.columns, strict=True)) if copied else {}
    columns = [
        taken[field.name].cast(field.type) if field.name in taken
        else _column([row.get(field.name) for row in rows], field.type)
        for field in schema
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=schema)


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """What `pa.array` makes of lists and dictionaries, which it takes apart at twice the price or more."""
    if None in values:
        return pa.array(values, kind)
    if pa.types.is_list(kind):
        offsets = pa.array([0, *accumulate(map(len, values))], pa.int32())
        return pa.ListArray.from_arrays(offsets, _column([one for some in values for one in some], kind.value_type),
                                        type=kind)  # fmt: skip
    if pa.types.is_struct(kind):
        fields = list(kind)
        return pa.StructArray.from_arrays(
            [_column([value.get(field.name) for value in values], field.type) for field in fields], fields=fields
        )
    return pa.array(values, kind)


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
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def changed(root: Path, files: Iterable[Mapping[str, Json]]) -> list[str]:
    """Paths of a manifest's files that are missing or have other bytes now."""
    gone = [file["path"] for file in files if not (root / file["path"]).is_file()]
    other = [
        file["path"] for file in files
        if file["path"] not in gone and file_sha256(root / file["path"]) != file["sha256"]
    ]  # fmt: skip
    return gone + other
