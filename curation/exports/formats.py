"""What a format is: its rows, its columns, which split it takes and where the picture's marker belongs.

Column types are plain data (`"string"`, `[{"role": "string"}]`, `IMAGE`), so that this package needs neither Arrow nor
`datasets`; writing is the business of `flows`.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from curation.errors import ConfigError
from curation.records import Json, json_name

Container = Literal["parquet", "folder", "lines", "array"]
Markers = Literal["text", "none"]
Row = Callable[..., dict[str, Json]]

IMAGE = "image"
MESSAGES: list[Json] = [{"role": "string", "content": "string"}]
OPTIONS: list[Json] = [{"letter": "string", "text": "string"}]


@dataclass(frozen=True, slots=True)
class Part:
    """One file, or one series of shards: rows of one split of the store under one name.

    `split` is the store's (`sft`, `rl`), "" for every sample that is in a split, None for every sample there is.
    `traced` rows need a trace, `paired` ones a wrong trace besides; unchecked ones are written as the store has them.
    `copied` columns are the store's, whatever they hold, and not the row function's business.
    """

    name: str
    split: str | None
    row: Row
    traced: bool = False
    paired: bool = False
    checked: bool = True
    copied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """A layout that some trainer or published corpus has.

    `containers` says how it is written with pictures embedded and with pictures as files; what is missing cannot be
    had. `markers`: whether `<image>` stands in the text once a picture, or must not stand there at all; `texts` gives
    the texts of a row in which they are counted. `info` makes LLaMA-Factory's `dataset_info.json` of file names.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    markers: Markers
    texts: Callable[[Mapping[str, Json]], list[str]]
    columns: Mapping[str, Json] = field(default_factory=dict)
    containers: Mapping[str, Container] = field(default_factory=dict)
    info: Callable[[Mapping[str, str], bool], Json] | None = None

    @property
    def settings(self) -> dict[str, Json]:
        """Keyword settings of its row functions, with their defaults."""
        return {
            name: given.default
            for part in self.parts
            for name, given in inspect.signature(part.row).parameters.items()
            if given.kind is inspect.Parameter.KEYWORD_ONLY
        }

    def accepted(self, given: Mapping[str, Json]) -> dict[str, Json]:
        """The settings given, in the types of the defaults. Raises `ConfigError` for one that it does not have."""
        known = self.settings
        for name, value in given.items():
            if name not in known:
                has = ", ".join(sorted(known)) or "none"
                raise ConfigError("--set", name, f"{self.name} has no such setting; it has {has}")
            if not isinstance(value, type(known[name])):
                raise ConfigError("--set", f"{name}={value}", f"must be {json_name(known[name])}")
        return dict(given)


def row_of(part: Part, settings: Mapping[str, Json]) -> Row:
    """The part's row function with those of the settings that it takes."""
    takes = inspect.signature(part.row).parameters
    return partial(part.row, **{name: value for name, value in settings.items() if name in takes})


def prompt_texts(row: Mapping[str, Json]) -> list[str]:
    """The texts of a row that has `prompt`, `messages`, `chosen` and `rejected` as TRL, verl and ms-swift name them."""
    turns = [turn for name in ("prompt", "messages", "chosen", "rejected") for turn in row.get(name) or ()]
    return [turn["content"] for turn in turns]
