"""Rows from the figures we draw ourselves: `figures?families=bar,pie&size=640x480&kinds=digit,number`.

Without a limit they never end, which suits a run that stops at a number of accepted samples.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from curation.errors import ConfigError
from curation.records import Json, digest
from curation.sources.files import NoFiles
from curation.sources.rows import Broken, Files
from curation.sources.spec import SourceSpec

COLUMNS = (
    "id", "image", "question", "answer", "options", "kind", "context", "text_question", "solution", "difficulty",
    "family", "meta",
)  # fmt: skip
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


@dataclass
class Drawn:
    """Figures as rows; `settings` go to `figures()`, `variant` marks ids of figures drawn to other settings."""

    settings: Mapping[str, Any]
    variant: str
    files: Files = field(default_factory=NoFiles)
    defaults: Mapping[str, str] = field(default_factory=lambda: {name: name for name in COLUMNS})

    def columns(self, wanted: Collection[str] = ()) -> Collection[str]:
        """The fields of a figure; `image` holds its PNG bytes."""
        return COLUMNS

    def rows(self, needed: Collection[str]) -> Iterator[Mapping[str, Json] | Broken]:
        """One row a figure."""
        from curation.sources.figures import figures

        for figure in figures(**self.settings):
            row = asdict(figure)
            own = row["id"].removeprefix("figures-") + self.variant
            yield {**row, "id": own, "image": row.pop("png"), "options": list(figure.options)}

    def describe(self) -> dict[str, Json]:
        """The settings they are drawn to."""
        return dict(self.settings)


def open_figures(spec: SourceSpec) -> Drawn:
    """Figures to the spec's settings; ConfigError for families, kinds or sizes that cannot be drawn."""
    from curation.sources.figures import figures

    settings: dict[str, Any] = {"seed": spec.seed}
    for name in ("families", "kinds"):
        if spec.option(name):
            settings[name] = tuple(part.strip() for part in spec.option(name).split(","))
    if spec.option("size"):
        size = _SIZE.fullmatch(spec.option("size"))
        if size is None:
            raise ConfigError("--source", spec.text, "write the size as WIDTHxHEIGHT in pixels, like 640x480")
        settings["size"] = (int(size[1]), int(size[2]))
    figures(**settings)
    return Drawn(settings, f"-{digest(spec.options)[:6]}" if spec.options else "")
