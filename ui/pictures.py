"""The picture of a sample: it fits first, the wheel zooms, dragging pans, a double click resets; boxes with labels.

A Streamlit component (v2). Text reaches the page only as `textContent`, the picture only as a data URI made here.
"""

import base64
from math import isfinite
from pathlib import Path
from typing import Any

import streamlit as st

from curation.answers.by_box import boxes
from curation.errors import StoreError
from storage.store import Store
from ui.reading import PICTURE_SECONDS, Row, Whole
from ui.sample import fitted

AS_IS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
MOST_BYTES, MOST_SIDE = 1_500_000, 2400  # a larger picture is made smaller before it is sent
MOST_BOXES = 200
PLACE = Path(__file__).parent / "static"

_viewer = st.components.v2.component(
    "vistill_picture",
    html='<div class="frame" tabindex="0" role="img"><div class="stage"></div></div><div class="hint"></div>',
    css=(PLACE / "picture.css").read_text(),
    js=(PLACE / "picture.js").read_text(),
)


def picture(root: str, found: Whole, name: str) -> None:
    """Draw the picture of a sample with its boxes; a word when there is none or its file is lost."""
    sample = found.sample
    if sample is None or not sample["image"]:
        st.info("This sample has no picture.")
        return
    uri = data_uri(root, sample["image"], sample["format"] or "", sample["width"] or 0, sample["height"] or 0)
    if uri is None:
        st.warning("The picture's file is missing or damaged; `vistill fsck` lists all such files.")
        return
    data = {"id": name, "src": uri, "width": sample["width"], "height": sample["height"], "boxes": boxes_of(found)}
    _viewer(key="picture", data=data)


@st.cache_data(ttl=PICTURE_SECONDS, max_entries=128, show_spinner=False)
def data_uri(root: str, sha256: str, format: str, width: int, height: int) -> str | None:
    """The picture for the browser: its own bytes when small and of a kind browsers know, else made smaller."""
    kind = AS_IS.get(format.lower())
    try:
        content: bytes | None = Store(Path(root)).read_image(sha256, format)
    except StoreError:
        return None
    if kind is None or content is None or len(content) > MOST_BYTES or max(width, height) > MOST_SIDE:
        content, kind = fitted(root, sha256, format), "image/png"
    return None if content is None else f"data:{kind};base64,{base64.b64encode(content).decode()}"


def boxes_of(found: Whole) -> list[dict[str, Any]]:
    """Boxes to draw, in pixels of the upright picture: the reference's, the answer's, and those the source named."""
    sample = found.sample or {}
    drawn = [("reference", box) for box in boxes(str(sample.get("reference") or "")[:2000])] if _is_box(sample) else []
    answer = next((row["value"] for row in found.outcomes if row["step"] == "verify"), None)
    if _is_box(sample) and isinstance(answer, dict):
        drawn += [("answer", box) for box in boxes(str(answer.get("extracted", ""))[:2000])]
    drawn += _named(sample.get("meta"))
    placed = [_in_pixels(label, box, sample) for label, box in drawn[:MOST_BOXES] if all(map(isfinite, box))]
    return sorted(placed, key=lambda box: -box["w"] * box["h"])  # a small box over a large one can be clicked


def _is_box(sample: Row) -> bool:
    return bool(sample.get("kind") == "box")


def _named(meta: Any) -> list[tuple[str, tuple[float, float, float, float]]]:
    """`meta.boxes`: a list of {label, box: [x1, y1, x2, y2]}; whatever has another form is left out."""
    listed = meta.get("boxes") if isinstance(meta, dict) else None
    found = []
    for item in listed if isinstance(listed, list) else ():
        box = item.get("box") if isinstance(item, dict) else None
        if isinstance(box, list) and len(box) == 4 and all(isinstance(n, int | float) for n in box):
            found.append((str(item.get("label", ""))[:80], (box[0], box[1], box[2], box[3])))
    return found


def _in_pixels(label: str, box: tuple[float, float, float, float], sample: Row) -> dict[str, Any]:
    """Corners in order and inside the picture; boxes in 0…1 are taken as shares of its sides."""
    width, height = float(sample.get("width") or 1), float(sample.get("height") or 1)
    share = max(map(abs, box)) <= 1
    xs = sorted(min(width, max(0.0, x * (width if share else 1))) for x in (box[0], box[2]))
    ys = sorted(min(height, max(0.0, y * (height if share else 1))) for y in (box[1], box[3]))
    outside = not share and (max(box[0], box[2]) > width or max(box[1], box[3]) > height or min(box) < 0)
    return {"label": label + (" (reaches outside)" if outside else ""), "x": xs[0], "y": ys[0],
            "w": xs[1] - xs[0], "h": ys[1] - ys[0]}  # fmt: skip
