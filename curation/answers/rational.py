"""Formulas with variables as exact quotients of polynomials, so that most need no Math-Verify.

`\\frac{x+x}{2}` and `x`, `(x-1)(x+1)` and `x^2-1`, `y = 2x + 1` and `2x - y + 1 = 0` are settled here by exact
arithmetic; nothing is evaluated and nothing is approximated. Formulas with roots, functions, the numbers e and i, or of
a size that could cost time are left to Math-Verify, and so are two that differ and do not use the same letters, since
one letter may be a unit or a constant of integration.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from curation.answers.normal import plain
from curation.answers.units import unit

GREEK = "alpha|beta|gamma|delta|epsilon|theta|lambda|mu|rho|sigma|tau|phi|varphi|omega"
TOKEN = re.compile(
    rf"\s*(\d+\.?\d*|\.\d+|§|\\?pi(?![a-zA-Z])|\\(?:{GREEK})(?![a-zA-Z])|[a-zA-Z](?:_(?:\w|\{{\w{{1,3}}\}}))?"
    r"|\*\*|[-+*/^(){}\[\]])"
)
FRACTION = re.compile(r"\\[dtc]?frac(?![a-zA-Z])")  # kept apart as §, since `1/2 x` may mean either
DIGITS, BELOW = re.compile(r"§\s?(\d)(\d|\s?\{|\s?[a-zA-Z])"), re.compile(r"(§\{\d\})\s?(\d)")  # `\frac12`
CLOSING = {"(": ")", "{": "}", "[": "]"}
WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,}")
CALLED = re.compile(r"(?<![a-zA-Z])[fghFGHP]'?\s?\(")
AMBIGUOUS = re.compile(r"/\s*(?:\d+\s*[a-zA-Z(\\]|[a-zA-Z]\s*[a-zA-Z(\\])")  # `1/2x`: people mean either
EQUALS = re.compile(r"(?<![<>!=])=(?!=)")
NOT_LETTERS = "or and sin cos tan cot sec csc log ln exp max min lim det mod gcd lcm oo the is to in of"
NAMES = frozenset(NOT_LETTERS.split())
LONGEST = 200  # characters
MOST_TERMS, MOST_DEGREE, MOST_BRACKETS = 60, 16, 40
Monomial = tuple[tuple[str, int], ...]
Polynomial = dict[Monomial, Fraction]


class _NotReadError(ValueError):
    """The text is no formula of the sort read here."""


def _times(one: Polynomial, other: Polynomial) -> Polynomial:
    product: Polynomial = {}
    for left, a in one.items():
        for right, b in other.items():
            powers = dict(left)
            for name, power in right:
                powers[name] = powers.get(name, 0) + power
            term = tuple(sorted(powers.items()))
            product[term] = product.get(term, Fraction(0)) + a * b
    return _small({term: factor for term, factor in product.items() if factor})


def _plus(one: Polynomial, other: Polynomial, sign: int = 1) -> Polynomial:
    total = dict(one)
    for term, factor in other.items():
        total[term] = total.get(term, Fraction(0)) + sign * factor
    return _small({term: factor for term, factor in total.items() if factor})


def _small(found: Polynomial) -> Polynomial:
    degree = max((sum(power for _, power in term) for term in found), default=0)
    if (
        len(found) > MOST_TERMS
        or degree > MOST_DEGREE
        or any(factor.numerator.bit_length() > 999 for factor in found.values())
    ):
        raise _NotReadError("too large")
    return found


@dataclass(frozen=True, slots=True)
class Ratio:
    """One polynomial over another."""

    above: Polynomial
    below: Polynomial

    def __add__(self, other: "Ratio") -> "Ratio":
        """The sum."""
        return self._joined(other, 1)

    def __sub__(self, other: "Ratio") -> "Ratio":
        """The difference."""
        return self._joined(other, -1)

    def _joined(self, other: "Ratio", sign: int) -> "Ratio":
        if self.below == other.below:
            return Ratio(_plus(self.above, other.above, sign), self.below)
        above = _plus(_times(self.above, other.below), _times(other.above, self.below), sign)
        return Ratio(above, _times(self.below, other.below))

    def __neg__(self) -> "Ratio":
        """The opposite."""
        return number(0) - self

    def __mul__(self, other: "Ratio") -> "Ratio":
        """The product."""
        return Ratio(_times(self.above, other.above), _times(self.below, other.below))

    def __truediv__(self, other: "Ratio") -> "Ratio":
        """The quotient; `ZeroDivisionError` by nothing."""
        if not other.above:
            raise ZeroDivisionError
        return Ratio(_times(self.above, other.below), _times(self.below, other.above))

    def __pow__(self, exponent: "Ratio") -> "Ratio":
        """A whole power; `_NotReadError` for any other."""
        power = exponent.constant()
        if power is None or power.denominator != 1 or abs(power) > MOST_DEGREE:
            raise _NotReadError("not a small whole power")
        base = self if power >= 0 else number(1) / self
        result = number(1)
        for _ in range(abs(int(power))):
            result = result * base
        return result

    def constant(self) -> Fraction | None:
        """Its value when it has no letters."""
        if self.letters():
            return None
        return self.above.get((), Fraction(0)) / self.below[()]

    def letters(self) -> set[str]:
        """The variables that are left in it."""
        return {name for part in (self.above, self.below) for term in part for name, _ in term}


def number(value: Fraction | int) -> Ratio:
    """A constant."""
    return Ratio({(): Fraction(value)} if value else {}, {(): Fraction(1)})


def ratio(text: str) -> Ratio | None:
    """The formula as a quotient of polynomials; None where it is anything else."""
    text = re.sub(r"^\s*-\s+", "-", text)  # no bullet
    bare = DIGITS.sub(r"§{\1}\2", plain(FRACTION.sub("§", text))).strip(" .")
    bare = BELOW.sub(r"\1{\2}", bare)
    words = (word for word in WORD.findall(bare) if word != "pi")
    if not bare or len(bare) > LONGEST or CALLED.search(bare) or AMBIGUOUS.search(bare) or any(map(_is_word, words)):
        return None
    try:
        tokens = _tokens(bare)
        found = _sum(tokens)
    except (_NotReadError, ZeroDivisionError, IndexError):
        return None
    return None if tokens else found


def _is_word(letters: str) -> bool:
    return len(letters) > 3 or unit(letters) is not None or letters.lower() in NAMES


def _tokens(text: str) -> list[str]:
    """The tokens, the first at the end of the list."""
    tokens, at = [], 0
    while at < len(text):
        if not (found := TOKEN.match(text, at)):
            raise _NotReadError(text[at:])
        tokens.append(found[1].lstrip("\\").replace("**", "^"))
        at = found.end()
    if sum(token in CLOSING for token in tokens) > MOST_BRACKETS:
        raise _NotReadError("too many brackets")
    return tokens[::-1]


def _sum(tokens: list[str]) -> Ratio:
    total = _product(tokens)
    while tokens and tokens[-1] in "+-":
        plus = tokens.pop() == "+"
        total = total + _product(tokens) if plus else total - _product(tokens)
    return total


def _product(tokens: list[str]) -> Ratio:
    """Factors joined by `*`, `/` or nothing: `5x` multiplies, `5 2` does not."""
    total = _signed(tokens)
    while tokens and tokens[-1] not in "+-)}]":
        if tokens[-1] in "*/":
            times = tokens.pop() == "*"
            total = total * _signed(tokens) if times else total / _signed(tokens)
        elif tokens[-1][0] in "0123456789.^":
            raise _NotReadError("two numbers side by side")
        else:
            total = total * _power(tokens)
    return total


def _signed(tokens: list[str]) -> Ratio:
    minus = False
    while tokens[-1] in "+-":
        minus ^= tokens.pop() == "-"
    return -_power(tokens) if minus else _power(tokens)


def _power(tokens: list[str]) -> Ratio:
    base = _atom(tokens)
    if not tokens or tokens[-1] != "^":
        return base
    tokens.pop()
    minus = tokens[-1] == "-" and bool(tokens.pop())
    exponent = _atom(tokens)
    return base ** (-exponent if minus else exponent)


def _atom(tokens: list[str]) -> Ratio:
    """A number, a letter, a fraction or a bracket."""
    token = tokens.pop()
    if token == "§":
        above = _atom(tokens)
        return above / _atom(tokens)
    if token in CLOSING:
        inside = _sum(tokens)
        if tokens.pop() != CLOSING[token]:
            raise _NotReadError("brackets that do not match")
        return inside
    if token[0] in "0123456789.":
        return number(Fraction(token))
    if not token[0].isalpha() or token in ("e", "i"):
        raise _NotReadError(token)
    return Ratio({((token, 1),): Fraction(1)}, {(): Fraction(1)})


def same_formula(one: str, other: str) -> bool | None:
    """Whether two formulas, or two equations, are the same; None when that is not for this module to say."""
    left, right = EQUALS.split(one), EQUALS.split(other)
    if len(left) == len(right) == 2:
        return _same_equation(left, right)
    if len(left) != 1 or len(right) != 1:
        return None
    mine, got = ratio(one), ratio(other)
    if mine is None or got is None:
        return None
    try:
        equal = not (mine - got).above
    except _NotReadError:
        return None
    return equal or (False if mine.letters() == got.letters() else None)


def _same_equation(left: list[str], right: list[str]) -> bool | None:
    """Equations in two letters or more agree when one is a multiple of the other: `y = 2x + 1`, `4x - 2y + 2 = 0`."""
    parts = [ratio(part) for part in (*left, *right)]
    if any(part is None for part in parts):
        return None
    try:
        mine, got = (parts[at] - parts[at + 1] for at in (0, 2))  # type: ignore[operator]
        letters = mine.letters()
        if len(letters) < 2 or letters != got.letters():
            return None
        term = next(iter(mine.above))
        scaled: Polynomial = {(): got.above.get(term, Fraction(0)) / mine.above[term]}
        return bool(scaled[()]) and _times(mine.above, scaled) == got.above
    except _NotReadError:
        return None
