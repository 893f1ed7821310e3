"""What a look into picture files adds to the shortcut check: mean colour, EXIF, compression, of a sample of them."""

import io
from collections.abc import Callable, Iterable, Sequence

from PIL import Image as Pil

from curation.audit.rows import Row
from curation.errors import SampleError, StoreError
from curation.pictures import decode

SAMPLED = 2000
"""Pictures opened: at 250 a second the rest would take longer than the audit may."""
COLOURS = 32  # levels of a channel that fall together


def look_into(rows: Sequence[Row], read: Callable[[Row], bytes], most: int = SAMPLED) -> dict[str, dict[str, str]]:
    """By row id, features of up to `most` picture files, taken evenly over the rows; lost pictures are passed over."""
    shown = [row for row in rows if row.image]
    return {row.id: found for row in _evenly(shown, most) if (found := _features(row, read))}


def _evenly(rows: Sequence[Row], most: int) -> Iterable[Row]:
    step = max(1, len(rows) // most) if most else len(rows) + 1
    return rows[::step][:most]


def _features(row: Row, read: Callable[[Row], bytes]) -> dict[str, str]:
    try:
        data = read(row)
        picture = decode(data).convert("RGB").resize((1, 1), Pil.Resampling.BOX)
        with Pil.open(io.BytesIO(data)) as header:
            exif = "with" if header.getexif() else "without"
    except (SampleError, StoreError, OSError):
        return {}
    levels = [str(level // COLOURS) for level in picture.tobytes()]
    return {"mean_colour": ",".join(levels), "exif": exif}
