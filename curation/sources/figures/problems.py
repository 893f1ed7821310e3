"""What one geometry problem is, and exact arithmetic with roots and pi written as LaTeX."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from curation.records import Json, Kind
from curation.sources.figures.asking import Ask, as_choice, fraction, near
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import Box, Canvas


@dataclass(frozen=True, slots=True)
class Problem:
    """A drawn diagram: `given` states it in words; `wrong` are believable wrong answers (may be empty for numbers)."""

    facts: dict[str, Json]
    boxes: dict[str, Box]
    given: str
    ask: Ask
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Maker:
    """Draws one sort of diagram and asks a question of one of `kinds` about it."""

    kinds: tuple[Kind, ...]
    make: Callable[[Canvas, Random, Style, Kind], Problem]


def as_options(problem: Problem, rng: Random) -> Ask:
    """The problem's question with lettered options."""
    wrong = list(problem.wrong) or near(Fraction(problem.ask.answer), rng, rng.choice((1, 2, 5)))
    ask = as_choice(problem.ask, wrong, rng)
    if ask is None:
        raise AssertionError(f"too few wrong answers for {problem.ask.name}")
    return ask


def simplest_root(n: int) -> tuple[int, int]:
    """(k, m) with sqrt(n) = k sqrt(m) and m free of squares."""
    k = max(k for k in range(1, int(n**0.5) + 1) if n % (k * k) == 0)
    return k, n // (k * k)


def root(n: int) -> str:
    """The square root of a whole number as LaTeX in simplest form."""
    k, m = simplest_root(n)
    return surd(k, m)


def surd(k: int, m: int) -> str:
    r"""k times the root of m: `5`, `\sqrt{3}` or `2\sqrt{3}`."""
    if m == 1:
        return str(k)
    return rf"{'' if k == 1 else k}\sqrt{{{m}}}"


def pi_times(number: Fraction | int) -> str:
    r"""A multiple of pi as LaTeX: `\pi`, `12\pi`, `\frac{5}{2}\pi`."""
    exact = Fraction(number)
    return rf"{'' if exact == 1 else fraction(exact)}\pi"
