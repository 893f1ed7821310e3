"""The curves of a training as one PNG: loss, rewards and their components, lengths, and scores on held-out rows.

Steps of all parts (`sft`, `grpo-1`, …) stand one after another on one axis; a line marks where a part begins.
"""

import io
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Point = Mapping[str, Any]

WIDTH, HEIGHT, DPI = 8.0, 2.0, 150  # inches, inches a panel, dots an inch
PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("loss", ("loss",)),
    ("reward", ("reward", "rewards/")),
    ("tokens", ("completions/mean_length",)),
    ("entropy", ("entropy",)),
)
"""Title, and the names or beginnings of names (ending in /) that it shows."""
HELD_OUT = "held out"
SCORES = (("greedy", "accuracy"), ("sampled", "accuracy"), ("sampled", "format"))


def curves(points: Sequence[Point], scores: Sequence[Point]) -> bytes:
    """The picture. `points` are lines of `curve.jsonl`, `scores` those of `run.json`."""
    starts = _starts(points, scores)
    placed = [(starts[point["part"]] + point["step"], point) for point in points]
    panels = [(title, _series(placed, names)) for title, names in PANELS]
    panels.append((HELD_OUT, _scored(scores, starts)))
    shown = [(title, series) for title, series in panels if series]
    figure = Figure(figsize=(WIDTH, HEIGHT * max(1, len(shown)) + 0.4), layout="constrained")
    axes = figure.subplots(max(1, len(shown)), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (title, series) in zip(axes, shown, strict=False):
        _panel(panel, title, series, list(starts.values())[1:], joined=title == HELD_OUT)
    axes[-1].set_xlabel("step")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return out.getvalue()


def _starts(points: Sequence[Point], scores: Sequence[Point]) -> dict[str, int]:
    """Where each part begins on the common axis, in the order in which parts ran."""
    lengths: dict[str, int] = {}
    for part, step in [*((p["part"], p["step"]) for p in points), *((s["at"], s["step"]) for s in scores)]:
        lengths[part] = max(lengths.get(part, 0), step)
    order = sorted(lengths, key=lambda part: (part not in ("start", "sft"), part == "sft", len(part), part))
    found, at = {}, 0
    for part in order:
        found[part] = at
        at += lengths[part]
    return found


def _series(placed: Sequence[tuple[int, Point]], names: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for at, point in placed:
        for name, value in point.items():
            wanted = any(name == one or (one.endswith("/") and name.startswith(one)) for one in names)
            if wanted and not name.endswith("/std") and isinstance(value, int | float) and math.isfinite(value):
                found.setdefault(name.removeprefix("rewards/").removesuffix("/mean"), []).append((at, value))
    return found


def _scored(scores: Sequence[Point], starts: Mapping[str, int]) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for score in scores:
        for how, what in SCORES:
            if how in score and score[how].get(what) is not None:
                found.setdefault(f"{what}, {how}", []).append((starts[score["at"]] + score["step"], score[how][what]))
    return found


def _panel(
    axes: Axes, title: str, series: Mapping[str, Sequence[tuple[int, float]]], parts: Sequence[int], *, joined: bool
) -> None:
    """Lines end where a part ends, unless `joined`: a loss of SFT and one of GRPO are not one curve."""
    breaks = [] if joined else [(at + 0.5, math.nan) for at in parts]
    for name, values in series.items():
        ordered = sorted([*values, *breaks])
        marked = len(ordered) < 20 or any(after[0] - before[0] > 20 for before, after in pairwise(ordered))
        axes.plot(*zip(*ordered, strict=True), label=name, marker="." if marked else None, linewidth=1)
    for at in parts:
        axes.axvline(at, color="#b5b5b5", linewidth=0.8, linestyle=":")
    axes.set_title(title, loc="left", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="best")
