"""Vega-Lite charts in one look: lying bars, standing histograms, lines over time. Names are data, never code."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ui.markup import label
from ui.reading import Row

BLUE = "#3b82f6"
LEGEND = {"orient": "bottom", "title": None, "columns": 2}
"""In two columns, so that it also fits half of a narrow window."""
STACK = ["#3b82f6", "#10b981", "#f59e0b", "#ef4444", "#9ca3af"]


def draw(title: str, spec: dict[str, Any]) -> None:
    """A chart under its title; the title is what a screen reader says."""
    st.html(label(title))
    if not spec["data"]["values"]:
        st.text("Nothing to draw yet.")
        return
    st.vega_lite_chart(spec=spec, width="stretch", alt=title)


def stacked(rows: Sequence[Row], name: str, parts: Sequence[str]) -> dict[str, Any]:
    """A bar for each row's `name`, made of the numbers under `parts`."""
    values = [
        {"name": str(row[name]), "part": part, "rank": rank, "samples": row[part]}
        for row in rows for rank, part in enumerate(parts)
    ]  # fmt: skip
    order = list(dict.fromkeys(str(row[name]) for row in rows))
    colour = {"domain": list(parts), "range": STACK[: len(parts)]}
    return {
        "data": {"values": values}, "height": {"step": 26}, "mark": {"type": "bar", "height": 17},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 180}},
            "x": {"field": "samples", "type": "quantitative", "title": None, "axis": {"tickMinStep": 1}},
            "color": {"field": "part", "scale": colour, "legend": LEGEND},
            "order": {"field": "rank"},
            "tooltip": [{"field": "name"}, {"field": "part"}, {"field": "samples", "format": ","}],
        },
    }  # fmt: skip


def histogram(rows: Sequence[Row], low: str, high: str, count: str, title: str) -> dict[str, Any]:
    """Bars from `low` to `high` of each row, as high as `count`."""
    values = [{"low": row[low], "high": row[high], "samples": row[count]} for row in rows]
    return {
        "data": {"values": values}, "height": 180, "mark": {"type": "bar", "color": BLUE, "binSpacing": 1},
        "encoding": {
            "x": {"field": "low", "type": "quantitative", "bin": "binned", "title": title},
            "x2": {"field": "high"},
            "y": {"field": "samples", "type": "quantitative", "title": "samples", "axis": {"tickMinStep": 1}},
            "tooltip": [{"field": "low"}, {"field": "high"}, {"field": "samples", "format": ","}],
        },
    }  # fmt: skip


def over_time(rows: Sequence[Row], at: str, what: str, title: str) -> dict[str, Any]:
    """A line through `what` at the times `at`, in seconds since the epoch."""
    values = [{"at": row[at] * 1000, "value": row[what]} for row in rows if row[what] is not None]
    return {
        "data": {"values": values}, "height": 180,
        "mark": {"type": "line", "color": BLUE, "point": {"color": BLUE}, "interpolate": "monotone"},
        "encoding": {
            "x": {"field": "at", "type": "temporal", "title": None},
            "y": {"field": "value", "type": "quantitative", "title": title, "axis": {"format": ",.4~f"}},
            "tooltip": [{"field": "at", "type": "temporal", "format": "%Y-%m-%d %H:%M"},
                        {"field": "value", "format": ",.4~f"}],
        },
    }  # fmt: skip


def lying(rows: Sequence[Row], name: str, value: str) -> dict[str, Any]:
    """A bar for each row."""
    values = [{"name": str(row[name]), "samples": row[value]} for row in rows]
    return {
        "data": {"values": values}, "height": {"step": 24}, "mark": {"type": "bar", "height": 15, "color": BLUE},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 180}},
            "x": {"field": "samples", "type": "quantitative", "title": None, "axis": {"tickMinStep": 1}},
            "tooltip": [{"field": "name"}, {"field": "samples", "format": ","}],
        },
    }  # fmt: skip


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]], title: str, parts: Sequence[float] = (), *,
    points: bool = False, joined: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """A line for each name through its (x, y).

    A dotted line stands where a part begins; unless `joined`, no line goes across: losses of SFT and GRPO are not one.
    """
    values = [
        {"name": name, "x": x, "y": y, "part": 0 if joined else bisect_left(parts, x)}
        for name, pairs in series.items() for x, y in pairs
    ]  # fmt: skip
    many = len(series) > 1
    colour = {"field": "name", "scale": {"range": STACK}, "legend": LEGEND | {"columns": 3}}
    across = {"field": "x", "type": "quantitative", "title": title}
    drawn = {
        "mark": {"type": "line", "color": BLUE, "point": points},
        "encoding": {
            "x": across,
            "y": {"field": "y", "type": "quantitative", "title": None, "scale": {"zero": False}},
            "detail": {"field": "part"},
            **({"color": colour} if many else {}),
            "tooltip": [{"field": "name"}, {"field": "x"}, {"field": "y", "format": ",.4~f"}],
        },
    }  # fmt: skip
    ruled = {
        "data": {"values": [{"x": at} for at in parts]}, "encoding": {"x": across},
        "mark": {"type": "rule", "color": STACK[-1], "strokeDash": [2, 4]},
    }  # fmt: skip
    return {"data": {"values": values}, "height": 290 if many else 240, "layer": [drawn, ruled] if parts else [drawn]}
