"""The list of a run's samples with small pictures: filters, pages, and which one is picked."""

import base64
import io
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image, UnidentifiedImageError

from curation.errors import StoreError
from storage.store import Store
from ui.reading import PAGE, PICTURE_SECONDS, Filter, Overview, Row, listed

THUMBNAIL = 112  # pixels of the longer side: twice what is drawn, for dense screens
LOST = ("dropped", "failed")
ANY = ("", "")  # any step and reason

CHOICES = {
    "All": Filter(),
    "SFT": Filter(split="sft"),
    "RL": Filter(split="rl"),
    "Dropped": Filter(fate="dropped"),
    "Failed": Filter(fate="failed"),
    "Waiting": Filter(fate="pending"),
}


def filters(found: Overview) -> Filter:
    """What to list: a split or a fate, then the reason where samples left, then the kind of answer."""
    there = [name for name, wanted in CHOICES.items() if name == "All" or found.count(wanted)]
    name = st.segmented_control(
        "Samples", there, default="All", required=True, key="which", label_visibility="collapsed"
    )
    base = CHOICES[name or "All"]
    among = [row for row in found.tally if base.takes(row)]
    reasons = sorted({(row["step"], row["reason"]) for row in among if row["fate"] in LOST})
    kinds = sorted({row["kind"] for row in among if row["kind"]})
    left, right = st.columns(2)
    why = left.selectbox("Left because", [ANY, *reasons], format_func=_reason_label, disabled=not reasons)
    kind = right.selectbox("Kind of answer", ["", *kinds], format_func=lambda kind: kind or "any")
    step, reason = (None, None) if why == ANY else why
    return Filter(base.fate, base.split, step, reason, kind or None)


def _reason_label(why: tuple[str, str]) -> str:
    return "any reason" if why == ANY else f"{why[1]} ({why[0]})"


def pick_sample(root: str, run_id: str, found: Overview) -> Row | None:
    """The picked row of the list, or None when nothing is listed."""
    wanted = filters(found)
    total = found.count(wanted)
    if not total:
        st.info("No sample here yet.")
        return None
    name = f"{run_id}-{hash(wanted)}"
    pages = -(-total // PAGE)
    page = min(st.session_state.get(f"page-{name}", 1), pages)
    rows = listed(root, run_id, wanted, page)
    if not rows:
        st.info("These samples moved on meanwhile; pick again.")
        return None
    turning = st.container()
    at = _table(root, rows, f"rows-{name}-{page}")
    with turning:
        _turn(name, (page - 1) * PAGE + at, total)
    if pages > 1:
        _pages(name, page, pages)
    return rows[at]


def _table(root: str, rows: list[Row], key: str) -> int:
    shown = [
        {
            "Picture": thumbnail(root, row["image"], row["format"]),
            "Question": row["question"] or row["sample_id"],
            "Fate": fate_of(row),
        }
        for row in rows
    ]
    event: Any = st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=52 * len(rows) + 40,
        row_height=52,
        on_select="rerun",
        selection_mode="single-row-required",
        column_config={
            "Picture": st.column_config.ImageColumn(width=80),
            "Question": st.column_config.TextColumn(width="medium"),
            "Fate": st.column_config.TextColumn(width=90),
        },
        alt="Samples of this page",
    )
    picked = event["selection"]["rows"]
    return min(int(picked[0]), len(rows) - 1) if picked else 0


def fate_of(row: Row) -> str:
    """What became of a sample, in a word or two."""
    if row["fate"] == "kept":
        return {"sft": "SFT", "rl": "RL"}.get(row["split"], "kept")
    return "waiting" if row["fate"] == "pending" else str(row["reason"] or row["fate"])


def _turn(name: str, place: int, total: int) -> None:
    """Previous and next, over the ends of pages; also with the arrow keys."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", horizontal_alignment="distribute"):
        st.button("Back", key="back", on_click=go, args=(name, place - 1), disabled=place == 0, shortcut="Left")
        st.text(f"{place + 1:,} of {total:,}")
        st.button(
            "Next", key="next", on_click=go, args=(name, place + 1), disabled=place + 1 >= total, shortcut="Right"
        )


def _pages(name: str, page: int, pages: int) -> None:
    """Page numbers. The page is kept under a key of its own, so that the buttons may turn it too."""
    key = f"turn-{name}-{page}"

    def turned() -> None:
        st.session_state[f"page-{name}"] = st.session_state[key]

    st.pagination(pages, default=page, key=key, max_visible_pages=5, width="stretch", on_change=turned)


def go(name: str, place: int) -> None:
    """Pick the sample at `place` of the list, turning the page when it lies on another."""
    page, at = place // PAGE + 1, place % PAGE
    st.session_state[f"page-{name}"] = page
    st.session_state[f"rows-{name}-{page}"] = {"selection": {"rows": [at], "columns": [], "cells": []}}


@st.cache_data(ttl=PICTURE_SECONDS, max_entries=2000, show_spinner=False)
def thumbnail(root: str, sha256: str | None, format: str | None) -> str | None:
    """A small picture as a data URI; None when the sample has none or its file cannot be shown."""
    if not sha256 or not format:
        return None
    try:
        with Image.open(io.BytesIO(Store(Path(root)).read_image(sha256, format))) as picture:
            picture.draft("RGB", (THUMBNAIL, THUMBNAIL))
            small = picture.convert("RGB")
            small.thumbnail((THUMBNAIL, THUMBNAIL))
    except (StoreError, UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
    out = io.BytesIO()
    small.save(out, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"
