"""The value of a constant expression such as `5\\sqrt{2}`, `\\frac{3\\pi}{4}` or `2^{10}-1`.

Deciding these here spares most mathematical answers the trip to a Math-Verify worker. Anything with a
variable, a function other than roots, `\\ln`, `\\log_b`, `\\sin`, `\\cos`, `\\tan` and `\\binom`, or a size that
could cost time gives None and goes there.
"""

import math
import re
from fractions import Fraction

from curation.answers.normal import plain

TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*|\.\d+)|(\\?sqrt|pi(?![a-z])|\\[dtc]?frac|√|\\?(?:ln|log|sin|cos|tan)(?![a-z])|\\?binom(?![a-z]))"
    r"|(\*\*|[-+*/^(){}\[\]_°]))"
)
GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
MIXED = re.compile(r"(?<![\d.)}\]^/*])\s*\d+\s+\d+\s*/\s*\d+(?!\s*[\d.])")
LONGEST = 200  # characters; longer constants do not occur as answers
Value = Fraction | float


class _NotConstantError(ValueError):
    """The text is not a constant expression we evaluate."""


def evaluate(text: str) -> Value | None:
    """The value of a constant expression, exact as a `Fraction` where no root or pi is involved; None if it
    is not one.
    """
    bare = GROUPED.sub("", plain(text).strip(" .").replace("\\ne", "?"))
    if not bare or len(bare) > LONGEST:
        return None
    bare = MIXED.sub(lambda found: "(" + "+".join(found[0].split(maxsplit=1)) + ")", bare)
    try:
        tokens = _tokens(bare)
        value, rest = _sum(tokens, 0)
    except (_NotConstantError, ZeroDivisionError, OverflowError):
        return None
    finite = isinstance(value, Fraction) or math.isfinite(value)
    return value if rest == len(tokens) and finite else None


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise _NotConstantError(text[at:])
        tokens.append(found[1] or (found[2] or found[3]).lstrip("\\").replace("**", "^"))
        at = found.end()
    return tokens


def _sum(tokens: list[str], at: int, depth: int = 0) -> tuple[Value, int]:
    if depth > 20:
        raise _NotConstantError("nested too deeply")
    value, at = _product(tokens, at, depth)
    while at < len(tokens) and tokens[at] in "+-":
        right, after = _product(tokens, at + 1, depth)
        value, at = (value + right if tokens[at] == "+" else value - right), after
    return value, at


def _product(tokens: list[str], at: int, depth: int) -> tuple[Value, int]:
    """Factors joined by `*`, `/` or nothing: `5\\sqrt{2}` multiplies, `5 2` does not."""
    value, at = _signed(tokens, at, depth)
    while at < len(tokens) and tokens[at] not in "+-)}]":
        if tokens[at] in "*/":
            right, after = _signed(tokens, at + 1, depth)
            value = value * right if tokens[at] == "*" else value / right
        elif tokens[at][0].isdigit() or tokens[at][0] in ".^":
            raise _NotConstantError("two numbers side by side")
        else:
            right, after = _power(tokens, at, depth)
            value = value * right
        at = after
    return value, at


def _signed(tokens: list[str], at: int, depth: int) -> tuple[Value, int]:
    sign = 1
    while at < len(tokens) and tokens[at] in "+-":
        sign, at = -sign if tokens[at] == "-" else sign, at + 1
    value, at = _power(tokens, at, depth)
    return sign * value, at


def _power(tokens: list[str], at: int, depth: int) -> tuple[Value, int]:
    base, at = _atom(tokens, at, depth)
    if at >= len(tokens) or tokens[at] != "^":
        return base, at
    exponent, at = _atom_or_signed(tokens, at + 1, depth)
    return _raised(base, exponent), at


def _raised(base: Value, exponent: Value) -> Value:
    """Integer powers up to 300 stay exact, and nothing larger is attempted."""
    if not -300 <= exponent <= 300 or (base == 0 and exponent < 0):
        raise _NotConstantError("power out of range")
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        if max(base.numerator.bit_length(), base.denominator.bit_length()) > 64:
            raise _NotConstantError("base out of range")
        return Fraction(base ** int(exponent))
    if base < 0:
        raise _NotConstantError("not real")
    return math.pow(base, exponent)


def _atom_or_signed(tokens: list[str], at: int, depth: int) -> tuple[Value, int]:
    negative = at < len(tokens) and tokens[at] == "-"
    value, at = _atom(tokens, at + negative, depth)
    return (-value if negative else value), at


def _atom(tokens: list[str], at: int, depth: int) -> tuple[Value, int]:
    """A number, pi, a root, a fraction or a bracket."""
    match tokens[at : at + 1]:
        case ["sqrt" | "√"]:
            return _root(tokens, at + 1, depth)
        case ["frac" | "dfrac" | "tfrac" | "cfrac"]:
            above, at = _atom(tokens, at + 1, depth + 1)
            below, at = _atom(tokens, at, depth + 1)
            return above / below, at
        case ["binom"]:
            return _binomial(tokens, at + 1, depth)
        case ["ln" | "log" | "sin" | "cos" | "tan" as name]:
            return _function(name, tokens, at + 1, depth)
        case ["pi"]:
            return math.pi, at + 1
        case ["(" | "{" | "[" as opening]:
            value, at = _sum(tokens, at + 1, depth + 1)
            if tokens[at : at + 1] != [{"(": ")", "{": "}", "[": "]"}[opening]]:
                raise _NotConstantError("bracket left open")
            return value, at + 1
        case [number] if number[0].isdigit() or number[0] == ".":
            return Fraction(number), at + 1
    raise _NotConstantError(" ".join(tokens[at : at + 3]))


def _binomial(tokens: list[str], at: int, depth: int) -> tuple[Value, int]:
    above, at = _atom(tokens, at, depth + 1)
    below, at = _atom(tokens, at, depth + 1)
    if not (
        isinstance(above, Fraction) and isinstance(below, Fraction) and above.denominator == below.denominator == 1
    ):
        raise _NotConstantError("not whole")
    if not 0 <= below <= above <= 200:
        raise _NotConstantError("out of range")
    return Fraction(math.comb(int(above), int(below))), at


def _function(name: str, tokens: list[str], at: int, depth: int) -> tuple[Value, int]:
    """`\\ln 2`, `\\log_2 8`, `\\sin 30°`; a logarithm without its base means different things and is left alone."""
    base: Value = math.e
    if name == "log":
        if tokens[at : at + 1] != ["_"]:
            raise _NotConstantError("which base?")
        base, at = _atom(tokens, at + 1, depth + 1)
    value, at = _atom(tokens, at, depth + 1)
    if name in ("ln", "log"):
        if value <= 0 or base <= 0 or base == 1:
            raise _NotConstantError("not real")
        return _tidy(math.log(value) / math.log(base)), at
    degrees = tokens[at : at + 1] == ["°"]
    angle = math.radians(value) if degrees else float(value)
    return _tidy({"sin": math.sin, "cos": math.cos, "tan": math.tan}[name](angle)), at + degrees


def _tidy(value: float) -> Value:
    """A float that is a fraction of small denominator but for rounding, as that fraction: `\\log_2 8` is 3."""
    near = Fraction(value).limit_denominator(12)
    return near if abs(float(near) - value) < 1e-12 else value


def _root(tokens: list[str], at: int, depth: int) -> tuple[Value, int]:
    index: Value = Fraction(2)
    if tokens[at : at + 1] == ["["]:
        index, at = _atom(tokens, at, depth + 1)
    value, at = _atom(tokens, at, depth + 1)
    if value < 0 or index <= 0:
        raise _NotConstantError("not real")
    if index == 2 and isinstance(value, Fraction):
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above * above == value.numerator and below * below == value.denominator:
            return Fraction(above, below), at
    return math.pow(value, 1 / float(index)), at
