"""Other ways to read a text as a number, used only to agree with a reference and never to contradict one.

`3,5` may be 3.5 (a decimal comma), `25k` 25,000, `7 out of 8` and `3:4` fractions, `none` 0, `twice` 2, `3!` 6. None of
these is how most people mean such a text, so the plain reading comes first and these are asked when it disagrees.
"""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

from curation.answers.normal import plain
from curation.answers.quantity import Quantity, quantity
from curation.answers.spelled import in_digits

LONGEST = 300  # characters
COMMA = re.compile(
    r"(?<![\d(\[{,.])(?P<whole>\d{1,3}(?:\.\d{3})+|\d{1,9}),(?P<part>\d{1,2}|\d{4,9})(?![\d,]|\.\d|\s?[,;]\s?\d)"
)
OUT_OF = re.compile(r"(?<![\d.])(\d{1,9})\s(?:over|out\sof(?:\severy)?|in)\s(\d{1,9})(?![\d.,/])", re.IGNORECASE)
COLON = re.compile(r"^(\d{1,9}(?:\.\d{1,6})?)\s?(?::|\bto\b)\s?(\d{1,9}(?:\.\d{1,6})?)$")
LETTER = re.compile(r"(?<![\w.])(-?)([$€£]?)(\d{1,3}(?:,\d{3})+|\d{1,9})(\.\d{1,6})?\s?([kKMB])(?![\w/^²])")
THOUSANDS = {"k": 3, "M": 6, "B": 9}
NOTHING = re.compile(
    r"^(?:none|nil)$|^none\sof\s(?:the|these|them|his|her|their)\b(?!\s(?:above|options|choices|answers|listed|given))|^there\s(?:is|are|was|were|will\sbe)\s(?:no|none)\b(?!\s(?:answer|solution|way|information"
    r"|data|image|option|such))",
    re.IGNORECASE,
)
TIMES = {"once": 1, "twice": 2, "thrice": 3}
FACTORIAL = re.compile(r"^(\d{1,2})!$")
ABSOLUTE = re.compile(r"^\|([^|]{1,40})\|$")


def other_readings(text: str) -> tuple[Quantity, ...]:
    """What else a short text may say as a number; none for long ones."""
    return tuple(_readings(plain(text).strip(" .*"))) if len(text) <= LONGEST else ()


def _readings(bare: str) -> Iterator[Quantity]:
    if "," in bare and COMMA.search(bare) and len(COMMA.findall(bare)) == 1:
        found = COMMA.search(bare)
        if found and (read := _in_place(bare, found) or quantity(_with_point(found))):
            yield read
    words = in_digits(bare)
    if read := _share(OUT_OF.search(words)) or quotient(words):
        yield read
    if found := LETTER.search(bare):
        value = Fraction(found[3].replace(",", "") + (found[4] or "")) * 10 ** THOUSANDS[found[5].replace("K", "k")]
        yield Quantity(-value if found[1] else value, 0, len(found[3]))
    yield from _words(bare)


def quotient(text: str) -> Quantity | None:
    """What a text that is nothing but a ratio comes to: `5:2`, `2.5 : 1`, `5 to 2`."""
    return _share(COLON.match(text))


def _share(found: re.Match[str] | None) -> Quantity | None:
    below = Fraction(found[2]) if found else 0
    return Quantity(Fraction(found[1]) / below, None, 17) if found and below else None


def _in_place(bare: str, found: re.Match[str]) -> Quantity | None:
    """The number with its sign, currency and unit, which stand around it."""
    return quantity(bare[: found.start()].split(" ")[-1] + _with_point(found) + bare[found.end() :])


def _with_point(found: re.Match[str]) -> str:
    return f"{found['whole'].replace('.', '')}.{found['part']}"


def factorial(text: str) -> Quantity | None:
    """`5!`, which as an answer may also be a 5 with an exclamation mark."""
    found = FACTORIAL.match(text.strip("$ "))
    return Quantity(Fraction(math.factorial(int(found[1]))), 0, 17) if found and int(found[1]) <= 20 else None


def _words(bare: str) -> Iterator[Quantity]:
    if NOTHING.match(bare):
        yield Quantity(Fraction(0), 0, 1)
    if (times := TIMES.get(bare.lower())) is not None:
        yield Quantity(Fraction(times), 0, 1)
    if value := factorial(bare):
        yield value
    if (found := ABSOLUTE.match(bare)) and (inside := quantity(found[1])):
        yield Quantity(abs(inside.value), inside.decimals, inside.digits)
