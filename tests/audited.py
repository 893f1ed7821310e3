"""Puts audit rows into a store as a finished run, so that what reads a store can be shown planted defects."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image as Pil

from curation.audit import Row
from curation.records import Image, Outcome, Sample
from storage import corpus
from storage.store import Store
from tests.storage.hand_built import start, take_in

STEPS = (
    ("intake", "f-intake", "row", False),
    ("caption", "f-caption", "row", False),
    ("distill", "f-distill", "row", False),
    ("verify", "f-verify", "row", False),
    ("split", "f-split", "all", False),
)
BLOCK = 10_000


def with_pictures(store: Store, rows: Sequence[Row]) -> list[Row]:
    """The rows, each with a small picture of its own that lies in the store."""
    shown = []
    for n, row in enumerate(rows):
        drawn = io.BytesIO()
        Pil.new("RGB", (16, 16), (n % 256, n // 256, 90)).save(drawn, "PNG")
        sha256 = hashlib.sha256(drawn.getvalue()).hexdigest()
        shown.append((replace(row, image=sha256, format="png", size=len(drawn.getvalue())), drawn.getvalue()))
    store.put_images(
        [(Image(r.image, r.format, r.width, r.height, r.size, r.pixels, r.phash), data) for r, data in shown]
    )
    return [row for row, _ in shown]


def fill(store: Store, rows: Sequence[Row], recipe: str = "vlaa-thinking") -> None:
    """A finished run of `recipe` whose samples are these rows, all of them kept."""
    start(store, recipe=recipe, steps=STEPS)
    for first in range(0, len(rows), BLOCK):
        block = list(enumerate(rows[first : first + BLOCK], first))
        samples = [_sample(row, place) for place, row in block]
        take_in(store, samples)
        outcomes = [o for (_, row), sample in zip(block, samples, strict=True) for o in _outcomes(row, sample)]
        corpus.add_outcomes(store, "r1", outcomes)
    corpus.end_run(store, "r1", event="finished")


def _sample(row: Row, place: int) -> Sample:
    image = Image(row.image, row.format, row.width, row.height, row.size, row.pixels, row.phash) if row.image else None
    meta = {name: value for name, value in (("image_path", row.path), ("origin", row.origin)) if value}
    return Sample(
        id=row.id, source=row.source, question=row.question, reference=row.reference, kind=row.kind, image=image,
        options=row.options, licence=row.licence, meta=meta, position=place,
    )  # fmt: skip


def _outcomes(row: Row, sample: Sample) -> list[Outcome]:
    verdict = {"correct": True, "extracted": row.answer, "kind": row.kind, "reason": "exact", "source": "rule"}
    values = {
        "intake": None, "caption": row.caption, "distill": row.trace, "verify": verdict, "split": {"split": row.split},
    }  # fmt: skip
    return [Outcome(row.id, sample.key, step, f"f-{step}", "ok", value) for step, value in values.items()]
