"""Published corpora as sources: what VLAA-Thinking, Vision-R1, WeThink, LLaVA-CoT and Mulberry put on the Hub.

    vlaa-thinking:FILE?images=DIR     vision-r1-cold:FILE   vision-r1-rl:FILE.parquet
    wethink:FILE                      llava-cot:FILE        mulberry:FILE

A row keeps its trace (`solution`), its caption and its published metadata (`meta`); `curation.recipes.reverify` takes
it from there. Each format is one function from a published row to rows by target. Nothing is repaired beyond what the
formats say, and nothing is fetched: files and pictures are the user's.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from curation.errors import ConfigError, SampleError
from curation.records import Json
from curation.sources.files import Folder, Rooted
from curation.sources.mapping import TARGETS
from curation.sources.published import llava_cot, mulberry, vision_r1, vlaa_thinking, wethink
from curation.sources.published.items import records
from curation.sources.published.shared import Format, Row, told_apart
from curation.sources.rows import Broken, Files, raw_text, row_digest
from curation.sources.spec import SourceSpec
from curation.sources.tabular import Parquet, Record, open_parquet

FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        vlaa_thinking.FORMAT, vision_r1.COLD, vision_r1.RL, wethink.FORMAT, llava_cot.FORMAT, mulberry.FORMAT,
    )
}  # fmt: skip
PEEKED_ROWS = 200  # rows looked at to tell whether the file is what it is called


@dataclass
class Published:
    """Rows of one published file, by target; `parquet` reads it where it is not JSON."""

    path: Path
    format: Format
    files: Files
    parquet: Parquet | None = None
    defaults: Mapping[str, str] = field(default_factory=lambda: {target: target for target in TARGETS})

    def columns(self, wanted: Collection[str] = ()) -> Collection[str]:
        """The targets. ConfigError when none of the first rows has the format's columns."""
        seen: dict[str, None] = {}
        for row in islice(self._records(), PEEKED_ROWS):
            if not isinstance(row, Broken):
                seen.update(dict.fromkeys(row))
            if self.format.fits(seen):
                return TARGETS
        if not seen:
            raise ConfigError("--source", str(self.path), "holds no readable row: neither a JSON array nor JSON lines")
        raise ConfigError("--source", str(self.path), _other_format(self.format, seen))

    def rows(self, needed: Collection[str]) -> Iterator[Mapping[str, Json] | Broken]:
        """Every row; a conversation of several turns gives one a question, and no two questions have one id."""
        asked: dict[int, int] = {}
        for record in self._records():
            if isinstance(record, Broken):
                yield record
                continue
            for row in self._read(record):
                yield row if isinstance(row, Broken) else told_apart(row, record.get("id"), asked)

    def describe(self) -> dict[str, Json]:
        """The format, and the file's size in bytes."""
        size = self.parquet.describe() if self.parquet else {"bytes": self.path.stat().st_size}
        return {"format": self.format.name, **size}

    def _records(self) -> Iterator[Record | Broken]:
        return self.parquet.rows(self.parquet.schema.names) if self.parquet else records(self.path)

    def _read(self, record: Record) -> Iterator[Row | Broken]:
        try:
            yield from self.format.read(record)
        except SampleError as error:
            yield Broken(error.reason, error.detail, raw_text(record), row_digest(record))


def open_published(spec: SourceSpec, base: Path | None) -> Published:
    """The file with its pictures below `?images=DIR`, else below the mapping file's base, else beside the file."""
    path = Path(spec.location)
    given = spec.option("images")
    root = Path(given).expanduser().absolute() if given else base or path.parent
    if not root.is_dir():
        raise ConfigError("--source", spec.text, f"images={given or root} is not a folder")
    parquet = open_parquet(str(path), root) if path.suffix == ".parquet" else None
    return Published(path, FORMATS[spec.scheme], Rooted(Folder(root)), parquet)


def _other_format(wanted: Format, seen: Collection[str]) -> str:
    """What is missing, and which format the columns would fit."""
    needed = " or ".join(" and ".join(columns) for columns in wanted.needs)
    fitting = [name for name, each in FORMATS.items() if each.fits(seen)]
    hint = f"; its columns fit {', '.join(fitting)}" if fitting else ""
    return f"is not {wanted.name}: its rows need {needed}, they have {', '.join(sorted(map(str, seen)))[:200]}{hint}"
