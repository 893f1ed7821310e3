"""Where rows come from: `open_source("jsonl:FILE", maps=["answer=gt"])` and its rows, one after another.

A source hands on raw values by target. Making samples of them, with pictures decoded and ids settled, is
`curation.intake`'s.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from curation.errors import ConfigError
from curation.records import Json, Rejected
from curation.sources.files import Folder
from curation.sources.mapping import TARGETS, FieldMap, field_map, parse_maps
from curation.sources.rows import Broken, RawRow, Reader
from curation.sources.spec import PUBLISHED, SourceSpec, parse_spec

__all__ = ["RawRow", "Source", "SourceSpec", "open_source", "open_spec", "parse_spec"]


@dataclass(frozen=True)
class Source:
    """A source that was found readable, its mapping checked against its columns; `rows` may be had repeatedly.

    With `only`, rows at other positions are passed over. `unread` are columns called like a field that nobody mapped.
    """

    spec: SourceSpec
    reader: Reader
    fields: FieldMap
    only: frozenset[int] | None = None
    unread: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What its sample ids start with."""
        return self.spec.name

    def describe(self) -> dict[str, Json]:
        """Spec, mapping and size as JSON, for run records."""
        return {"spec": self.spec.to_json(), "map": self.fields.to_json(), **self.reader.describe()}

    def count(self) -> int:
        """Rows up to the limit; reads the source through unless it is drawn without end."""
        if self.spec.scheme == "figures" and self.spec.limit:
            return self.spec.limit
        return sum(1 for _ in islice(self.reader.rows(self.fields.columns()), self.spec.limit))

    def rows(self) -> Iterator[RawRow | Rejected]:
        """Every row up to the limit, in order; Rejected for one that could not be read as a row."""
        rows = self.reader.rows(self.fields.columns())
        for position, row in enumerate(islice(rows, self.spec.limit)):
            if self.only is not None and position not in self.only:
                continue
            if isinstance(row, Broken):
                name = f"{self.name}-{row.digest}"
                yield Rejected(name, self.name, row.reason, row.detail, row.raw, position)
                continue
            values = self.fields.values(row)
            missing = {t: self.fields.expressions[t].text for t in self.fields.explicit if t not in values}
            yield RawRow(self.name, position, values, row, self.reader.files, missing)


def open_source(
    spec: str,
    *,
    maps: Sequence[str] = (),
    map_file: Path | None = None,
    seed: int = 0,
    limit: int | None = None,
    smallest_side: int = 8,
    need_question: bool = True,
) -> Source:
    """Parse and open a source; ConfigError, before any row is used, names what is wrong and what would be right.

    Without `need_question` pictures alone will do.
    """
    parsed = parse_spec(spec, maps=maps, map_file=map_file, seed=seed, limit=limit, smallest_side=smallest_side)
    return open_spec(parsed, need_question=need_question)


def open_spec(spec: SourceSpec, *, need_question: bool = True) -> Source:
    """Open what a spec describes, such as one sent to a worker."""
    given = parse_maps(spec.maps)
    reader = _reader(spec)
    wanted = [column for expression in given.values() for column in expression.columns()]
    columns = reader.columns(wanted)
    fields = field_map(given, columns, first=reader.defaults)
    if need_question and columns and "question" not in fields.expressions:
        shown = ", ".join(columns)[:300]
        raise ConfigError("--map question", None, f"no column is called question; map one of: {shown}")
    plain = spec.scheme in ("json", "jsonl", "parquet", "huggingface")
    unread = tuple(
        t for t in TARGETS if plain and t in columns and t not in fields.expressions.keys() | fields.columns()
    )
    return Source(spec, reader, fields, unread=unread)


def _reader(spec: SourceSpec) -> Reader:
    """The reader for a scheme; libraries that only one scheme needs are imported there."""
    path, base = Path(spec.location), _base(spec)
    if spec.scheme == "figures":
        from curation.sources.drawn import open_figures

        return open_figures(spec)
    if spec.scheme == "huggingface":
        from curation.sources.huggingface import open_dataset

        return open_dataset(spec, base)
    if spec.scheme == "folder":
        from curation.sources.folder import open_folder

        return open_folder(path, base)
    if spec.scheme in PUBLISHED:
        from curation.sources.published import open_published

        return open_published(spec, base)
    from curation.sources.tabular import Lines, open_json, open_parquet

    if spec.scheme == "json":
        return open_json(path, base, spec.option("rows"))
    return Lines(path, Folder(base or path.parent)) if spec.scheme == "jsonl" else open_parquet(str(path), base)


def _base(spec: SourceSpec) -> Path | None:
    """The folder of the pictures when a mapping file names one."""
    if spec.base and not Path(spec.base).is_dir():
        raise ConfigError("base", spec.base, "is not a folder")
    return Path(spec.base) if spec.base else None
