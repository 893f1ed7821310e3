"""What there is to draw of a training: loss, rewards, lengths and held-out scores over one axis of steps.

Steps of all parts (`sft`, `grpo-1`, …) stand one after another.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Point = Mapping[str, Any]

PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("loss", ("loss",)),
    ("reward", ("reward", "rewards/")),
    ("tokens", ("completions/mean_length",)),
    ("entropy", ("entropy",)),
)
"""Title, and the names or beginnings of names (ending in /) that it shows."""
HELD_OUT = "held out"
SCORES = (("greedy", "accuracy"), ("sampled", "accuracy"), ("sampled", "format"))


def panels(
    points: Sequence[Point], scores: Sequence[Point]
) -> tuple[list[tuple[str, dict[str, list[tuple[int, float]]]]], list[int]]:
    """(title, name -> (step on the common axis, value)) for what there is to draw, and where later parts begin.

    `points` are lines of `curve.jsonl`, `scores` those of `run.json`.
    """
    starts = _starts(points, scores)
    placed = [(starts[point["part"]] + point["step"], point) for point in points]
    found = [(title, _series(placed, names)) for title, names in PANELS]
    found.append((HELD_OUT, _scored(scores, starts)))
    return [(title, series) for title, series in found if series], list(starts.values())[1:]


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
