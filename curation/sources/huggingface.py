"""Rows from any data set that `datasets` can stream: a repository of the Hub, or a folder laid out like one.

Pictures are not decoded by the library: rows give their bytes or their path, and the intake judges both. No code of the
data set is ever run (`datasets` has given that up).
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.errors import ConfigError, RunStopped, SampleError
from curation.records import Json
from curation.sources.files import Folder
from curation.sources.rows import Broken, Files
from curation.sources.spec import SourceSpec

ARCHIVES = ("zip://", "tar://", "gzip://", "bz2://", "xz://", "zstd://")


@dataclass
class Streamed:
    """Rows of one split, streamed; `data` is an IterableDataset that leaves pictures undecoded."""

    data: Any
    files: Files
    settings: Mapping[str, str]
    defaults: Mapping[str, str] = field(default_factory=dict)

    def columns(self, wanted: Collection[str] = ()) -> Collection[str]:
        """The features' names; of a data set without features, the first row's."""
        with _trouble(self.settings["path"]):
            return list(self.data.column_names or next(iter(self.data), {}))

    def rows(self, needed: Collection[str]) -> Iterator[Mapping[str, Json] | Broken]:
        """Every row. RunStopped when the stream breaks off."""
        names = [name for name in self.data.column_names or () if name in _roots(needed)]
        rows = iter(self.data.select_columns(names) if names else self.data)
        while True:
            with _trouble(self.settings["path"]):
                row = next(rows, None)
            if row is None:
                return
            yield row

    def describe(self) -> dict[str, Json]:
        """The data set, configuration, split and revision."""
        return dict(self.settings)


@dataclass(frozen=True, slots=True)
class DatasetFiles:
    """Pictures by path: in the data set's folder, in its repository, or in an archive that lies there."""

    home: str  # an absolute folder, or `hf://datasets/owner/name@`

    def read(self, path: str, max_bytes: int) -> bytes:
        """The file's bytes; SampleError image_outside unless it belongs to this data set."""
        *inner, outer = path.split("::")
        local = not self.home.startswith("hf://")
        if local and not inner:
            return Folder(Path(self.home)).read(path, max_bytes)
        if not all(step.startswith(ARCHIVES) for step in inner) or not (local or outer.startswith(self.home)):
            raise SampleError("image_outside", f"{path[:200]} is not in {self.home}")
        if local:
            Folder(Path(self.home)).locate(outer)
        content = _read_through(path, max_bytes)
        if len(content) > max_bytes:
            raise SampleError("image_too_large", f"more than {max_bytes:,} bytes")
        return content


def open_dataset(spec: SourceSpec, base: Path | None) -> Streamed:
    """The split asked for, or the only one. ConfigError when there is no such data set, configuration or split."""
    from datasets import disable_progress_bars, load_dataset

    settings = {"path": spec.location, **dict(spec.options)}
    disable_progress_bars()
    with _trouble(spec.location):
        try:
            data = load_dataset(
                spec.location,
                spec.option("config") or None,
                split=spec.option("split") or None,
                revision=spec.option("revision") or None,
                streaming=True,
            )
        except (ValueError, FileNotFoundError) as error:
            raise ConfigError("--source", spec.text, " ".join(str(error).split())[:300]) from error
    if not spec.option("split"):
        settings["split"], data = _only_split(spec, data)
    data = data.decode(False) if data.features else data
    local = Path(spec.location).is_absolute()
    home = str(base or spec.location) if local else f"hf://datasets/{spec.location}@"
    return Streamed(data, DatasetFiles(home), settings)


def _only_split(spec: SourceSpec, splits: Mapping[str, Any]) -> tuple[str, Any]:
    if len(splits) != 1:
        names = ", ".join(splits)
        raise ConfigError("--source", spec.text, f"has the splits {names}; choose one: {spec.text}?split=…")
    return next(iter(splits.items()))


def _roots(columns: Collection[str]) -> set[str]:
    return {name for column in columns for name in (column, column.split(".")[0])}


@contextmanager
def _trouble(path: str) -> Iterator[None]:
    """Turns what a broken or unreachable data set raises into RunStopped: its rows may come another day."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise RunStopped(f"data set {path} cannot be read: {' '.join(str(error).split())[:300]}") from error


def _read_through(path: str, max_bytes: int) -> bytes:
    """At most one byte more than allowed, through archives and the Hub."""
    from datasets.utils.file_utils import xopen

    try:
        with xopen(path, "rb") as file:
            content = file.read(max_bytes + 1)
    except (FileNotFoundError, KeyError) as error:
        raise SampleError("image_missing", path[:200]) from error
    except OSError as error:
        raise RunStopped(f"{path[:200]} cannot be read: {error}") from error
    return bytes(content)
