"""What passes over a whole corpus share: the rows of the store they look at, pictures read one by one, and trouble.

A picture that is lost or damaged marks its sample; the pass goes on without that picture.
"""

import shlex
from dataclasses import dataclass, field
from typing import Any

import orjson

from curation.dedup.likeness import SIDE, Grey
from curation.errors import SampleError, StoreError
from curation.pictures import grey
from storage.corpus import IMAGE_FIELDS
from storage.exclusions import POOL_FIELDS, pool
from storage.snapshot import Snapshot
from storage.store import Store

TEXT_FIELDS = ("question", "options", "context", "text_question", "trace")
FACTS = tuple(name for name in POOL_FIELDS if name not in ("trace", "meta", "difficulty"))


@dataclass(slots=True)
class Whole:
    """The rows of a pass, best first, and the pictures that could not be read: sample id to reason."""

    store: Store
    rows: list[dict[str, Any]]
    unreadable: dict[str, str] = field(default_factory=dict)

    def picture(self, at: int) -> bytes:
        """The file of a row's picture; SampleError when it is lost."""
        row = self.rows[at]
        try:
            if row["format"] is None:
                raise StoreError("the store has no record of it")
            return self.store.read_image(row["image"], row["format"])
        except StoreError as error:
            self.unreadable[row["sample_id"]] = f"image_missing: {error}"
            raise SampleError("image_missing", str(error)) from error

    def grey(self, at: int) -> Grey:
        """The row's picture for comparing; SampleError when it is lost or damaged."""
        data = self.picture(at)
        try:
            return grey(data, SIDE)
        except SampleError as error:
            self.unreadable[self.rows[at]["sample_id"]] = str(error)
            raise


def read_whole(store: Store, snapshot: Snapshot, *, every: bool) -> Whole:
    """All facts of the pool but its traces, by id."""
    table = pool(snapshot, [*FACTS, *IMAGE_FIELDS], every=every)
    return Whole(store, table.to_pylist())


def undoing(store: Store, command: str, pass_id: str) -> str:
    """The line for a shell that takes a pass back."""
    return f"vistill {command} --store {shlex.quote(str(store.root))} --undo {pass_id}"


def asked_text(row: dict[str, Any]) -> str:
    """What a sample asks: its question, options, and the words that stand for the picture."""
    options = orjson.loads(row["options"] or "[]")
    parts = [row["question"], *(option["text"] for option in options), row["text_question"], row["context"]]
    return "\n".join(part for part in parts if part)
