"""The curves of a training as one PNG: loss, rewards and their components, lengths, and scores on held-out rows.

Steps of all parts (`sft`, `grpo-1`, …) stand one after another on one axis; a line marks where a part begins.
"""

import io
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from curation.trainer.curves import HELD_OUT, Point, panels

WIDTH, HEIGHT, DPI = 8.0, 2.0, 150  # inches, inches a panel, dots an inch


def curves(points: Sequence[Point], scores: Sequence[Point]) -> bytes:
    """The picture. `points` are lines of `curve.jsonl`, `scores` those of `run.json`."""
    shown, later = panels(points, scores)
    figure = Figure(figsize=(WIDTH, HEIGHT * max(1, len(shown)) + 0.4), layout="constrained")
    axes = figure.subplots(max(1, len(shown)), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (title, series) in zip(axes, shown, strict=False):
        _panel(panel, title, series, later, joined=title == HELD_OUT)
    axes[-1].set_xlabel("step")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    return out.getvalue()


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
