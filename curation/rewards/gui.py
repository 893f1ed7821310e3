"""GUI-R1's action reward: one predicted step against the recorded one (ritzz-ai/GUI-R1, arXiv 2504.10458).

An answer is a list of objects with exactly `action`, `point` and `input_text`, as JSON or as a Python literal; it is
parsed once, by `orjson` or `ast.literal_eval`, and nothing is evaluated. The first object counts, whole. Points are in
the frame of the row's target: pixels of the resized picture.
"""

import ast
import math
import warnings
from dataclasses import dataclass
from typing import Literal

import orjson

from curation.answers import parse
from curation.records import Json
from curation.rewards.format import laid_out
from curation.rewards.reward import Positive, Reward, Share, Weight, unscored

ACCURACY, FORMAT = 0.8, 0.2
POINTERS = ("click", "double_click", "right_click", "long_press", "moveto")
"""Actions whose point is checked; ours. The released code checks `click` alone, and pays 1 for the others."""
WORDED = ("type", "select", "scroll")
"""Actions whose text is compared (as released)."""
MUST_SAY = ("type", "select", "open_app")
DIRECTIONS = ("up", "down", "left", "right")
NO_TEXT = "no input text"
"""What `input_text` holds when unused; the specification has no wording: reconstructed."""
RADIUS = 140.0
"""Pixels a click may be from a target that is a point (as released)."""
LONGEST = 4000
"""Characters of an answer that are parsed; ours."""


@dataclass(frozen=True, slots=True)
class Action:
    """One step: its name in lower case, its point or None, its text; `further` actions came after it."""

    name: str
    point: tuple[float, float] | None
    text: str
    further: int = 0


def gui_action(
    response: str,
    action: str,
    target: str = "",
    text: str = "",
    *,
    mode: Literal["all", "sum"] = "all",
    accuracy_weight: Weight = ACCURACY,
    format_weight: Weight = FORMAT,
    pointers: tuple[str, ...] = POINTERS,
    worded: tuple[str, ...] = WORDED,
    radius: Positive = RADIUS,
    least_f1: Share = 0.5,
    no_text: str = NO_TEXT,
) -> Reward:
    """R = 0.8·C + 0.2·F. `all` (released code): C = 1 if every term that applies is 1, else 0. `sum` (paper): C = the
    sum of the action, point and text terms that apply, so up to 2.6 in all; its weights are the code's.

    action: equal names, case ignored. point, for `pointers` when the row has a target: inside the box (edges
    included; the code leaves them out), or nearer than `radius` to the point. text, for `worded`: token-set F1 from
    `least_f1` on. F: think block, answer block, a list of objects with exactly the three keys, whole-number points, a
    text where the action needs one, a direction for `scroll`.

    Edges: terms that do not apply are None and left out; an answer that cannot be read is 0 on every term; of several
    actions the first counts and `further` says how many more there were; negative points are read as they are.
    """
    box = _numbers(target)
    if not action.strip() or (target.strip() and not box):
        return unscored("reference_unreadable", target or "the row names no action")
    wanted = action.strip().lower()
    value = literal(parse(response).answer)
    done = first_action(value)
    terms: dict[str, float | None] = {"action": 0.0, "point": None, "text": None}
    if wanted in pointers and box:
        terms["point"] = float(done is not None and done.point is not None and near(done.point, box, radius=radius))
    if wanted in worded:
        terms["text"] = float(done is not None and token_f1(done.text, text) >= least_f1)
    terms["action"] = float(done is not None and done.name == wanted)
    scored = [term for term in terms.values() if term is not None]
    accuracy = sum(scored) if mode == "sum" else min(scored)
    formed = float(well_formed(response, value, no_text))
    total = accuracy_weight * accuracy + format_weight * formed
    parts = {**terms, "accuracy": accuracy, "format": formed, "further": None if done is None else done.further}
    reason = "action_unreadable" if done is None else "wrong_action" if min(scored) < 1 else "scored"
    return Reward(total, parts, reason, parse(response).answer[:500])


def literal(text: str) -> Json:
    """JSON or a Python literal; None for anything else."""
    bare = text.strip()
    if len(bare) > LONGEST:
        return None
    try:
        return orjson.loads(bare)
    except ValueError:
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # `'\\d'` in a typed text
            return ast.literal_eval(bare)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def first_action(value: Json) -> Action | None:
    """The first object of a list, or None when it is not an action; the text may be absent, the name not."""
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict) or not isinstance(first.get("action"), str):
        return None
    point, text = first.get("point"), first.get("input_text")
    return Action(
        first["action"].strip().lower(),
        (float(point[0]), float(point[1])) if point is not None and _is_point(point) else None,
        text if isinstance(text, str) else "",
        len(value) - 1 if isinstance(value, list) else 0,
    )


def well_formed(response: str, value: Json, no_text: str = NO_TEXT) -> bool:
    """Whether the layout is strict and every object of the list is an action in full."""
    _, faults = laid_out(response, "think")
    return not faults and isinstance(value, list) and bool(value) and all(_is_action(one, no_text) for one in value)


def _is_action(one: Json, no_text: str) -> bool:
    if not isinstance(one, dict) or one.keys() != {"action", "point", "input_text"}:
        return False
    name, point, text = one["action"], one["point"], one["input_text"]
    if not isinstance(name, str) or not isinstance(text, str) or not _is_point(point):
        return False
    if not all(isinstance(side, int) for side in point):
        return False
    if name.lower() == "scroll":
        return text in DIRECTIONS
    return name.lower() not in MUST_SAY or (bool(text.strip()) and text != no_text)


def _is_point(point: Json) -> bool:
    return (
        isinstance(point, list | tuple)
        and len(point) == 2
        and all(isinstance(side, int | float) and not isinstance(side, bool) for side in point)
        and all(-1e7 <= side <= 1e7 for side in point)
    )


def _numbers(target: str) -> tuple[float, ...]:
    """A row's point or box; empty when it is neither."""
    value = literal(target)
    if not isinstance(value, list | tuple) or len(value) not in (2, 4):
        return ()
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in value):
        return ()
    return tuple(float(one) for one in value)


def near(point: tuple[float, float], target: tuple[float, ...], *, radius: Positive = RADIUS) -> bool:
    """Inside a box of four numbers, edges included; nearer than `radius` pixels to a point of two."""
    if len(target) == 4:
        return target[0] <= point[0] <= target[2] and target[1] <= point[1] <= target[3]
    return math.dist(point, target) < radius


def token_f1(said: str, wanted: str) -> float:
    """F1 of the sets of lower-case words, square brackets dropped; 1 for two empty texts.

    Two single words of which one holds the other count as 1, as released, but only when the shorter has at least half
    the length of the longer: one letter of the word is not the word.
    """
    left, right = _tokens(said), _tokens(wanted)
    if not left or not right:
        return float(left == right)
    if len(left) == len(right) == 1:
        shorter, longer = sorted((next(iter(left)), next(iter(right))), key=len)
        if shorter in longer and 2 * len(shorter) >= len(longer):
            return 1.0
    return 2 * len(left & right) / (len(left) + len(right))


def _tokens(text: str) -> frozenset[str]:
    return frozenset(text.lower().replace("[", " ").replace("]", " ").split())
