"""What an audit looks at: one row a sample, as any store or imported corpus can give it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from curation.records import Json, Kind, Option


@dataclass(frozen=True, slots=True)
class Row:
    """A sample with what was made of it; texts are "" and numbers 0 where there is none.

    `split` is "" outside every split. `path` is where the published row says its image lies, `origin` the row, parent
    or document it was made from. `pixels` hashes the decoded picture and `phash` is its perceptual hash.
    """

    id: str
    source: str
    question: str
    reference: str
    kind: Kind
    options: tuple[Option, ...] = ()
    split: str = ""
    caption: str = ""
    trace: str = ""
    answer: str = ""
    image: str = ""
    format: str = ""
    width: int = 0
    height: int = 0
    size: int = 0
    pixels: str = ""
    phash: int = 0
    path: str = ""
    origin: str = ""
    licence: str = ""
    meta: Mapping[str, Json] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What the answer says, whatever letter it has: the text of the right option, else the reference."""
        if self.kind != "mcq":
            return " ".join(self.reference.casefold().split())
        return next((option.text.casefold().strip() for option in self.options if option.letter == self.reference), "")
