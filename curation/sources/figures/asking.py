"""A question with its answer, worked steps and difficulty, and the helpers every family shares.

The difficulty rule: one point an arithmetic operation or recalled fact, two when values have to be estimated from an
axis instead of read from print, one when more than eight values have to be looked at. 0 points is easy, 1 or 2 medium,
more is hard.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random
from typing import TypeVar

import orjson

from curation.records import Json, Kind
from curation.sources.figures.canvas import Box, Canvas

LETTERS = "ABCDEFGH"


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. `name` and `args` say what was asked in terms of the scene's facts, so it can be recomputed.

    `values` looked at, `operations` done and `unlabelled` (no printed values) decide the difficulty.
    """

    name: str
    question: str
    answer: str
    steps: tuple[str, ...]
    args: dict[str, Json] = field(default_factory=dict)
    values: int = 1
    operations: int = 0
    unlabelled: bool = False
    options: tuple[str, ...] = ()

    @property
    def difficulty(self) -> str:
        points = self.operations + 2 * self.unlabelled + (self.values > 8)
        return "easy" if points == 0 else "medium" if points <= 2 else "hard"

    @property
    def solution(self) -> str:
        lines = [*self.steps, f"So the answer is {self.answer}."]
        return "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1))


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a family gives back after drawing: facts as data and in words, boxes of named elements, the question."""

    facts: dict[str, Json]
    boxes: dict[str, Box]
    context: str
    ask: Ask
    text_question: str = ""


S = TypeVar("S")
Asker = Callable[[S, Random], Ask | None]
Menu = Mapping[Kind, Sequence[tuple[int, Asker[S]]]]


def choose(menu: Menu[S], kind: Kind, scene: S, rng: Random) -> Ask:
    """A question of `kind` by weight; an asker that returns None does not suit the scene and the next is tried."""
    left = list(menu[kind])
    while left:
        weighted = rng.choices(left, [weight for weight, _ in left])[0]
        left.remove(weighted)
        ask = weighted[1](scene, rng)
        if ask:
            return ask
    raise AssertionError(f"no {kind} question suits this scene")


def as_choice(ask: Ask, wrong: Iterable[str], rng: Random, count: int = 4) -> Ask | None:
    """The question with lettered options: its answer and up to `count` - 1 distinct wrong ones, in random order."""
    others = [text for text in dict.fromkeys(wrong) if text != ask.answer]
    if len(others) < 2:
        return None
    options = [ask.answer, *rng.sample(others, min(count - 1, len(others)))]
    rng.shuffle(options)
    letter = LETTERS[options.index(ask.answer)]
    steps = (*ask.steps, f"{ask.answer} is option {letter}.")
    args = {**ask.args, "choice": ask.answer}
    return replace(ask, answer=letter, options=tuple(options), steps=steps, args=args)


def near(number: Fraction | int, rng: Random, step: int = 1) -> list[str]:
    """Wrong numbers close to a right one, all positive and distinct from it."""
    exact = Fraction(number)
    shifts = [d * step for d in (-10, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 10)]
    return [plain(exact + d) for d in rng.sample(shifts, 8) if exact + d > 0]


def plain(number: Fraction | int) -> str:
    """An exact decimal with as few digits as it needs; at most four places."""
    exact = Fraction(number)
    if exact.denominator == 1:
        return str(exact.numerator)
    scaled = exact * 10_000
    if scaled.denominator != 1:
        raise AssertionError(f"{exact} has no short decimal")
    return f"{scaled.numerator / 10_000:.4f}".rstrip("0")


def fraction(number: Fraction) -> str:
    """A fraction in lowest terms as LaTeX; a whole number stays one."""
    if number.denominator == 1:
        return str(number.numerator)
    return rf"\frac{{{number.numerator}}}{{{number.denominator}}}"


def listed(names: Sequence[object]) -> str:
    """`a, b and c`."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def plural(count: int, noun: str) -> str:
    """`1 star`, `3 stars`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def normalised(box: Box, size: tuple[int, int]) -> list[float]:
    """A pixel box as fractions of the picture, to three decimals."""
    width, height = size
    return [
        round(box[0] / width, 3),
        round(box[1] / height, 3),
        round(box[2] / width, 3),
        round(box[3] / height, 3),
    ]


def box_question(what: str, element: str, boxes: Mapping[str, Box], canvas: Canvas) -> Ask:
    """Ask where `what` is; `element` is its name in `boxes`."""
    box, (width, height) = boxes[element], (canvas.width, canvas.height)
    x1, y1, x2, y2 = normalised(box, (width, height))
    question = (
        f"Where in the picture is {what}? Give its bounding box as [x1, y1, x2, y2], "
        "each a fraction of the picture's width or height between 0 and 1."
    )
    steps = (
        f"The picture is {width} pixels wide and {height} pixels high.",
        f"{what[0].upper()}{what[1:]} starts {box[0]} pixels from the "
        f"left and ends at {box[0]} + {box[2] - box[0]} = {box[2]}.",
        f"As fractions of the width: {box[0]} / {width} = {x1} and {box[2]} / {width} = {x2}.",
        f"It starts {box[1]} pixels from the top and ends at {box[1]} + {box[3] - box[1]} = {box[3]}.",
        f"As fractions of the height: {box[1]} / {height} = {y1} and {box[3]} / {height} = {y2}.",
    )
    answer = orjson.dumps([x1, y1, x2, y2]).decode().replace(",", ", ")
    return Ask("box", question, answer, steps, {"element": element}, values=4, operations=6)


def places(boxes: Mapping[str, Box], canvas: Canvas, element: str) -> str:
    """Where `element` and its neighbours are, as scene facts in pixels: a text-only reader needs them for a box."""
    names = list(boxes)
    start = max(0, min(names.index(element) - 2, len(names) - 5))
    spots = (
        f"{name}: left {x1}, top {y1}, width {x2 - x1}, height {y2 - y1}"
        for name, (x1, y1, x2, y2) in ((name, boxes[name]) for name in names[start : start + 5])
    )
    return f"The picture is {canvas.width} pixels wide and {canvas.height} pixels high. In pixels, {'; '.join(spots)}."


def locate(
    what: str, element: str, boxes: dict[str, Box], canvas: Canvas, facts: dict[str, Json], context: str
) -> Drawn:
    """A drawn scene with the question where `element` is, and positions among its facts in words."""
    boxes = {name: canvas.clip(box) for name, box in boxes.items()}
    ask = box_question(what, element, boxes, canvas)
    return Drawn(facts, boxes, f"{context} {places(boxes, canvas, element)}", ask)
