"""Guesses which kind of answer a reference is, from its text, the options and what the question asks for.

In this order: options make it `mcq`; four numbers in brackets a `box`; a single capital letter A to H an
`mcq` whose options are in the picture or the question; a phone number, postal code, ISBN or chemical formula
a `text`; one digit 0 to 9 a `digit`; one number, unit or noun included, a `number`; a time, date or duration
a `text`; a formula `math`; up to five words, or a list of short items, `text`; anything longer `open`.
"""

import re
from collections.abc import Sequence

from curation.answers import chemistry, codes
from curation.answers.by_box import BOX
from curation.answers.by_math import FUNCTIONS
from curation.answers.extract import reference_text
from curation.answers.normal import plain
from curation.answers.quantity import quantity
from curation.answers.when import SLASHED, when
from curation.records import Kind, Option

LETTER = re.compile(r"[(\[]?[A-H][)\].]?")
WORD = re.compile(r"(?<![\\a-zA-Z])[^\W\d_]{2,}")
ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-z*]{1,12}\}")
ORDINAL = re.compile(r"\d{1,3}(?:st|nd|rd|th)(?:\s[a-z]+)?", re.IGNORECASE)
CODE = re.compile(r"(?=.*\d{3}|0)\d{2,}(?:-\d{2,})+")  # "555-0142": no subtraction
OPERATOR = re.compile(
    r"[\\^=<>+*/|{}√]|\bpi\b|\boo\b|(?<![a-zA-Z])[a-zA-Z]\s?-\s?[a-zA-Z](?![a-zA-Z])|\d\s*-"
    r"|(?<![a-zA-Z])[a-z]\s?-\s?\d|\b\d+[a-z]\b|[a-zA-Z]\s*\(|\(\s*-?\d"
)
SLASHED_MONTH = re.compile(r"[1-9]\d?/\d{4}")
DATE_ASKED = re.compile(r"\b(?:date[ds]?|months?|when|expir\w+|issued?|valid|best\sbefore|dated)\b", re.IGNORECASE)
TEXT_WORDS = 5
MOST_ITEMS, ITEM_WORDS = 12, 3


def infer_kind(answer: str, options: Sequence[Option | str] = (), question: str | None = None) -> Kind:
    """The kind of a reference answer; never raises on any string."""
    text = reference_text(answer)
    if len(options) >= 2:
        return "mcq"
    if BOX.search(text):
        return "box"
    if LETTER.fullmatch(text):
        return "mcq"
    if codes.is_code(text, question) or chemistry.is_formula(text) or chemistry.is_ion(text, question):
        return "text"
    if (
        CODE.fullmatch(text)
        or (when(text) and not _is_fraction(text, question))
        or SLASHED.match(text)
        or ORDINAL.fullmatch(text)
    ):
        return "text"
    if number := quantity(text):
        return "digit" if re.fullmatch(r"[0-9]", plain(text)) and number else "number"
    if looks_like_math(text):
        return "math"
    return "text" if len(text.split()) <= TEXT_WORDS or is_list(text) else "open"


def _is_fraction(text: str, question: str | None) -> bool:
    """Whether `3/2000`, which may be March 2000, is a fraction: without a leading zero, and no date is asked for."""
    return bool(SLASHED_MONTH.fullmatch(text)) and not DATE_ASKED.search(question or "")


def is_list(text: str) -> bool:
    """Whether a text is three to twelve short items with commas between: `crust, mantle, outer core, inner core`."""
    parts = re.split(r",\s(?:and\s)?|;\s", text.strip().rstrip("."))
    return 3 <= len(parts) <= MOST_ITEMS and all(1 <= len(part.split()) <= ITEM_WORDS for part in parts)


def looks_like_math(text: str) -> bool:
    """Whether a text is a formula: an operator, a LaTeX command or a lone variable, and no words but function
    names.
    """
    bare = ENVIRONMENT.sub(r"\\", plain(text))
    words = [
        word for word in WORD.findall(bare) if word.lower() not in FUNCTIONS | {"pi", "sin", "cos", "tan", "ln", "or"}
    ]
    if any(len(word) > 3 for word in words):
        return False
    return bool(OPERATOR.search(bare) or re.fullmatch(r"[a-z]", bare))
