"""What a question asks of a number: dollars or cents, in which magnitude, how rounded.

"How much money …?" asks for dollars, so `6 cents` is 0.06 and `0.77 cents` is not 0.77, unless the question asks for
cents. "In millions" makes `2.5 million` 2.5 and `2.5 billion` wrong. "To the nearest tenth" makes `11.31` the 11.3 it
rounds to, unless it is the very number that is to be rounded.
"""

import re
from fractions import Fraction

from curation.answers.normal import plain
from curation.answers.quantity import BIG, Quantity, mentions, quantity

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


def _restated(answer: str) -> list[Quantity]:
    """The figures a text gives as roundings of another."""
    last = answer[-200:].rsplit("\n", 1)[-1]
    return [one for found in RESTATED.finditer(last) if (one := quantity(found[1]))]
