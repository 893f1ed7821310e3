"""What a question asks of a number: dollars or cents, in which magnitude, how rounded.

"How much money …?" asks for dollars, so `6 cents` is 0.06 and `0.77 cents` is not 0.77, unless the question asks for
cents. "How many at most?" lets "at most 10" state 10, "What is the y-intercept?" lets `(0, 5)` state 5.
"In millions" makes `2.5 million` 2.5 and `2.5 billion` wrong. "To the nearest tenth" makes `11.31` the 11.3 it
rounds to, unless it is the very number that is to be rounded. "In centimetres" makes `24 mm` 2.4 and `2.4 mm` wrong.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from curation.answers.equality import MONEYS
from curation.answers.extract import Extracted
from curation.answers.normal import plain
from curation.answers.quantity import BIG, Quantity, mentions, quantity
from curation.answers.units import unit

MONEY = re.compile(r"\$|\b(?:money|dollars?|costs?|prices?|pay|paid|spend|spent|change|charged?)\b", re.IGNORECASE)
CENTS = re.compile(
    r"\bin\scents\b|\b(?:how\smany|number\sof)\s(?:\w+\s)?cents\b|\(cents?\b|¢\)|\bnearest\scent\b", re.IGNORECASE
)
SCALE = re.compile(
    r"(?<![\d.,]\s)(?<![\d.,])(?<!\ba\s)(?<!\bone\s)(?<!hundred\s)\b(thousand|million|billion|trillion)s?\b(?!\syears\sago)",
    re.IGNORECASE,
)
PLACES = {"whole": 0, "integer": 0, "one": 0, "unit": 0, "degree": 0, "dollar": 0, "percent": 0, "percentage": 0}
PLACES |= {"tenth": 1, "hundredth": 2, "cent": 2, "penny": 2, "thousandth": 3}
DIGITS = {"one": 1, "two": 2, "three": 3, "four": 4}
NEAREST = re.compile(rf"\bnearest\s(?:whole\s)?({'|'.join(PLACES)})s?\b", re.IGNORECASE)
DECIMALS = re.compile(
    rf"\b({'|'.join(DIGITS)}|[1-4])\s(?:decimal\s(?:places?|points?)|d\.?p\b|decimals\b)", re.IGNORECASE
)
COUNT = r"\s(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|twenty|half)\b"
MANY = r"\bhow\s(?:many|much)\b[^.?!]{0,80}"
LIMITS = (  # what a question asks for, and the words that then state it: "at most 10 people can be seated"
    (
        re.compile(
            rf"{MANY}\bat\smost\b(?!\s[$€£]?\w*\d)(?!{COUNT})|\bat\smost,?\show\b|\bmax(?:imum|imal|imally)?\b"
            r"|\b(?:largest|greatest|highest)\s(?:possible\s)?number\b",
            re.IGNORECASE,
        ),
        re.compile(r"\b(?:at\smost|up\sto|no\s(?:more|greater|larger)\sthan)\s+[$€£-]?$", re.IGNORECASE),
    ),
    (
        re.compile(
            rf"{MANY}\bat\sleast\b(?!\s[$€£]?\w*\d)(?!{COUNT})|\bat\sleast,?\show\b|\bmin(?:imum|imal|imally)?\b"
            r"|\b(?:smallest|least|lowest|fewest)\s(?:possible\s)?number\b",
            re.IGNORECASE,
        ),
        re.compile(r"\b(?:at\sleast|no\s(?:less|fewer|smaller)\sthan)\s+[$€£-]?$", re.IGNORECASE),
    ),
)
UNIT_ASKED = re.compile(
    r"\b[Ii]n\s((?:degrees\s)?(?:Celsius|Fahrenheit)|°\s?[CF])\b"
    r"|\bin\s((?:(?:square|cubic)\s)?[a-zμ°]{1,14}(?:\s?/\s?[a-z]{1,10}|\sper\s[a-z]{1,10})?(?:\s?\^?\s?[23²³]|\s(?:squared|cubed))?)(?![\w/])"
    r"|\b[Hh]ow\smany\s((?:(?:square|cubic)\s)?[a-z]{2,14}(?:\sper\s[a-z]{1,10})?)\b"
    r"|\((?:in\s)?(°[CF]|[a-zμ]{1,3}(?:/[a-z]{1,2})?[²³]?)\)\W*$"  # "What temperature is shown? (°C)"
)
TEMPERATURES = frozenset(("celsius", "fahrenheit", "kelvin"))
INTERCEPT = re.compile(r"\b([xy])[\s-]?intercept\b", re.IGNORECASE)
CROSSINGS = re.compile(r"\bx[\s-]intercepts\b", re.IGNORECASE)
POINT = re.compile(r"\(\s*([^(),]{1,20}?)\s*,\s*([^(),]{1,20}?)\s*\)")
RATE = re.compile(r"\brate\sof\schange\b", re.IGNORECASE)
FELL_BY = re.compile(
    r"\b(?:decreas\w*|drop(?:ped|s)?|fell|fall|declin\w*|loss)\s(?:(?:of|by|at|in|a|rate|about|is)\s){0,4}\$?(?!(?:19|20)\d\d\b)(\d[\d,]*(?:\.\d+)?)",
    re.IGNORECASE,
)
SIMPLIFY = re.compile(r"\bsimplif|\b(?:simplest|lowest)\s(?:form|terms)\b|\breduced\b", re.IGNORECASE)
FRACTION = re.compile(r"^\W*\(?(\d{1,9})\)?\s?/\s?\(?(\d{1,9})\)?\W*$")
ESTIMATE = re.compile(r"\bestimat", re.IGNORECASE)
RESTATED = re.compile(
    r"(?:,?\sor\b|\bround(?:s|ed|ing)?(?:\s(?:up|down|off))?\s(?:to|is|gives)\b|≈|≃|\\approx)(?:\s(?:about|approximately|roughly|exactly))?"
    r"\s?\$?(-?\d[\d,]*(?:\.\d+)?)",
    re.IGNORECASE,
)


def about_money(question: str | None) -> bool:
    """Whether a question speaks of money and does not ask for cents."""
    return bool(question) and bool(MONEY.search(question or "")) and not asks_cents(question)


def asks_cents(question: str | None) -> bool:
    """Whether a question asks for cents."""
    return bool(CENTS.search(question or ""))


def in_cents(question: str | None) -> bool:
    """Whether a question wants a number of cents; "to the nearest cent" may be dollars."""
    return bool((found := CENTS.search(question or "")) and "nearest" not in found[0].lower())


def unit_asked(question: str | None) -> tuple[str, Fraction] | None:
    """(scale, factor) of the one unit in which a question wants its answer ("in km/h", "how many minutes"), or None."""
    names = [next(filter(None, found.groups())) for found in UNIT_ASKED.finditer(question or "")]
    units = {known for name in names if (known := unit(name) or unit(name.split()[0]))}
    return units.pop() if len(units) == 1 else None


def in_unit_asked(reference: Quantity, got: Quantity, question: str | None) -> Quantity:
    """The reference with the unit that the question names, where only the answer states one: "2.4 mm" is no 2.4 cm."""
    wanted = unit_asked(question) if got.scale and not reference.scale else None
    if wanted is None or wanted[0] in MONEYS or (wanted[0] != got.scale and not {wanted[0], got.scale} <= TEMPERATURES):
        return reference
    return replace(reference, scale=wanted[0], factor=wanted[1])


def scale_asked(question: str | None) -> int | None:
    """The power of ten in which a question wants its answer ("in millions", "how many million"); None without one."""
    named = {BIG[found[1].lower()] for found in SCALE.finditer(question or "")}
    return named.pop() if len(named) == 1 else None


def decimals_asked(question: str | None) -> int | None:
    """To how many decimals a question wants its answer rounded; None when it does not say."""
    if not question or ESTIMATE.search(question):
        return None
    if found := NEAREST.search(question):
        return PLACES[found[1].lower()]
    found = DECIMALS.search(question)
    return (DIGITS.get(found[1].lower()) or int(found[1])) if found else None


def unsimplified(got: str, question: str | None) -> bool:
    """Whether an answer is a fraction that could be reduced, where the question wants it simplified: a person may
    take it or not.
    """
    found = FRACTION.search(plain(got)) if SIMPLIFY.search(question or "") else None
    return bool(found) and math.gcd(int(found[1]), int(found[2])) > 1  # type: ignore[index]


def rounds_to(reference: Quantity, got: Quantity, question: str | None, answer: str) -> bool:
    """Whether an answer with more digits than were asked for rounds to the reference, and is not rounded otherwise."""
    decimals = decimals_asked(question)
    if decimals is None or reference.decimals is None or reference.decimals > decimals:
        return False
    if got.decimals is not None and got.decimals <= decimals:
        return False
    said = plain((question or "")[-2000:])
    if any(each.quantity.value == got.value for each in mentions(said)):
        return False  # "Round 6.7 to the nearest whole number"
    if any(one.decimals == decimals and one.value != reference.value for one in _restated(answer)):
        return False
    return abs(reference.value - got.value) <= Fraction(1, 2 * 10**decimals) and reference.percent == got.percent


def fell_by(answer: str, question: str | None) -> Fraction | None:
    """By how much a reply says that something fell, where its rate of change is asked for: -4 of "a decrease of 4"."""
    if not RATE.search(question or ""):
        return None
    found = list(FELL_BY.finditer(plain(answer[-300:].replace("*", ""))))
    last = quantity(found[-1][1]) if found else None
    return -last.value if last else None


def crossings(reference: str, question: str | None) -> str:
    """The x-values of points on the x-axis where x-intercepts are asked for: "4, -1" of "(4, 0), (-1, 0)"; else ""."""
    points = POINT.findall(plain(reference)) if CROSSINGS.search(question or "") else []
    return ", ".join(x for x, y in points) if len(points) > 1 and all(y.strip() == "0" for _, y in points) else ""


def limit_asked(before: str, question: str) -> bool:
    """Whether the words before a number give the limit a question wants ("How many at most?"), and wants only one."""
    sides = [limit for asks, limit in LIMITS if asks.search(question)]
    return len(sides) == 1 and bool(sides[0].search(before))


def intercepts(found: Iterable[Extracted], question: str | None) -> Iterable[Extracted]:
    """Answers with the point `(0, 5)` as 5 where the y-intercept is asked for; `(5, 0)` is no y-intercept."""
    axes = {found[1].lower() for found in INTERCEPT.finditer(question or "")}
    if len(axes) != 1:
        return found
    own, other = (1, 2) if axes == {"x"} else (2, 1)

    def value(point: re.Match[str]) -> str:
        zero = quantity(point[other])
        return point[own] if zero and zero.value == 0 and quantity(point[own]) else point[0]

    return (replace(each, text=POINT.sub(value, each.text)) for each in found)


def _restated(answer: str) -> list[Quantity]:
    """The figures a text gives as roundings of another."""
    last = answer[-200:].rsplit("\n", 1)[-1]
    return [one for found in RESTATED.finditer(last) if (one := quantity(found[1]))]
