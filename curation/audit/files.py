"""What a look into picture files adds: mean colour and EXIF for the shortcut check, and files that cannot be read."""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PIL import Image as Pil

from curation.audit.findings import Finding, excluding, graded
from curation.audit.rows import Row
from curation.errors import SampleError, StoreError
from curation.pictures import decode

SAMPLED = 2000
"""Pictures opened: at 250 a second the rest would take longer than the audit may."""
COLOURS = 32  # levels of a channel that fall together


@dataclass(frozen=True, slots=True)
class Looked:
    """By row id: the features of the files opened, and why others could not be read."""

    features: dict[str, dict[str, str]]
    broken: dict[str, str]


def look_into(rows: Sequence[Row], read: Callable[[Row], bytes], most: int = SAMPLED) -> Looked:
    """Features of up to `most` picture files, taken evenly over the rows; lost and damaged ones are named."""
    found, broken = dict[str, dict[str, str]](), dict[str, str]()
    for row in _evenly([row for row in rows if row.image], most):
        try:
            found[row.id] = _features(read(row))
        except (SampleError, StoreError, OSError) as error:
            broken[row.id] = str(error)[:200]
    return Looked(found, broken)


def unreadable(rows: Sequence[Row], there: Callable[[Row], bool] | None, looked: Looked | None) -> Finding:
    """Pictures whose file is gone, by `there` over all rows, and those that could not be read when looked into."""
    shown = [row for row in rows if row.image]
    lost = {row.id for row in shown if there and not there(row)}
    broken = looked.broken if looked else {}
    named = tuple(
        (row.id, broken.get(row.id, "its file is gone")) for row in shown if row.id in lost or row.id in broken
    )
    return Finding(
        "picture_unreadable", graded(len(named), len(shown), serious=0.0), "pictures that are lost or cannot be read",
        named, len(shown), {"files_gone": len(lost), "opened": len(looked.features) + len(broken) if looked else 0},
        fix=f"vistill fsck --store STORE  # says which; or: {excluding('picture_unreadable')}",
    )  # fmt: skip


def _evenly(rows: Sequence[Row], most: int) -> Iterable[Row]:
    step = max(1, len(rows) // most) if most else len(rows) + 1
    return rows[::step][:most]


def _features(data: bytes) -> dict[str, str]:
    picture = decode(data).convert("RGB").resize((1, 1), Pil.Resampling.BOX)
    with Pil.open(io.BytesIO(data)) as header:
        exif = "with" if header.getexif() else "without"
    levels = [str(level // COLOURS) for level in picture.tobytes()]
    return {"mean_colour": ",".join(levels), "exif": exif}
