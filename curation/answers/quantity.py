"""Reads numbers as people write them: separators, fractions, mixed numbers, percent, currency, powers of ten,
units, words.

A `Quantity` is exact (a `Fraction`), so large integers never match by rounding. `quantity` wants the whole
text to be one number; `mentions` finds the numbers in a sentence and leaves out those that are operands (`5 +
3 = 8` mentions 8).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from curation.answers.arithmetic import evaluate
from curation.answers.normal import REMEMBERED, plain
from curation.answers.spelled import in_digits
from curation.answers.units import unit

BIG = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "mn": 6, "bn": 9}
MENTION = re.compile(
    r"""(?<![\w.^{])
    (?P<sign>[-+])?(?:(?P<currency>[$€£¥])\s?)?(?P<sign2>-)?
    (?:(?P<whole>\d{1,15})[ ]+(?P<above2>\d{1,9})\s?/\s?(?P<below2>\d{1,9})
      |(?P<above>\d{1,30})\s?/\s?(?P<below>\d{1,30})(?!\s?/)
      |(?P<number>\d{1,3}(?:,\d{3})+(?![\d])(?:\.\d{1,100})?|\d{1,3}(?:'\d{3})+(?!\d)
         |\d{1,100}(?:\.\d{1,100})?|\.\d{1,100})
       (?:[eE](?P<exponent>[-+]?\d{1,4})(?!\w))?)
    (?:\s*\*\s*10\s*(?:\^|\*\*)\s*\{?\s*(?P<power>[-+]?\d{1,4})(?:\s*\})?)?
    (?!\d|\.\d)
    (?:[ ]?(?P<big>hundred|thousand|million|billion|trillion|(?-i:mn|Mn|bn|Bn))\b)?
    (?:\s?(?P<percent>%|(?:percent|per[ ]cent|percentage[ ]points?)\b))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
UNIT = re.compile(
    r"\s{0,3}-?\s?"
    r"((?:°|degrees?|deg)\s?(?:C(?:elsius)?|F(?:ahrenheit)?)\b"
    r"|light[\s-]years?\b|(?:(?:square|sq|cubic|cu)\.?\s+)?[^\W\d_]{1,14}"
    r"(?:(?:\s?/\s?|\sper\s)(?:[a-z]{1,10})(?:\s?\^\s*\{?[23]\}?|\s(?:squared|cubed)\b)?|\s?\^\s*\{?[23]\}?|[23](?!\w)|\s(?:squared|cubed)\b)?|[°¢€£¥])",
    re.IGNORECASE,
)
NOUN = re.compile(r"[\s-]*[a-z°¢²³\u3400-\u9fff/^{}.'-][a-z°¢²³\u3400-\u9fff/^{}.' 23-]*", re.IGNORECASE)
LEAD = re.compile(
    r"^(?:(?:it|this|that|there|they)(?:'s| is| are)|is|are|about|approximately|approx\.?|roughly|around"
    r"|exactly|only|=|~|:|\s)+",
    re.I,
)
ASSIGNED = re.compile(r"^[^\W\d_][\w']{0,3}(?:\s?\([^\W\d]\))?\s*(?:=|:)\s*(?=[^=])")
CONSTANT = re.compile(r"sqrt|√|\bpi\b|frac|\^|\(|\\?(?:ln|log|sin|cos|tan|binom)\b|\\?(?:ln|log)_|^\|")
PRONOUN = re.compile(
    r"\b(?:the|this|that|correct|right|which|no|any|each|every|last|first|other|another|only)\s+one\b|\bone\s+of\b",
    re.IGNORECASE,
)
WRAPPED = re.compile(r"^([\[{\"'])\s*(-?[^\[\]{}\"',]+)\s*[\]}\"']$")
MIXED = re.compile(r"^-?\d+ \d+/\d+")
TEN_TO = re.compile(r"^([-+]?)10\s*\^\s*\{?\s*([-+]?\d{1,3})\s*\}?$")
BEHIND = re.compile(r"\s?((?<![a-zA-Z\\])(?!pi\b|sqrt|frac)[a-zA-Z°]+(?:\.? [a-z]+){0,2}(?:\s?\^\s?\{?[23]\}?)?)$")
COMPOUND = re.compile(
    r"(?<![\w.,/^])(\d{1,3}(?:,\d{3})+|\d{1,6})\s?([a-z]{1,12})\.?,?\s(?:and\s)?(\d{1,2})\s?([a-z]{1,12})\b",
    re.IGNORECASE,
)
PER = re.compile(
    r"\b((?:kg|k?m|cm|g|J|N|mol|W|V|rad)(?:\^\{?[23]\}?)?)(?:\s?\*\s?|\s)(s|m|kg|mol|K|A|h)\^\{?-([123])\}?(?![\w.])"
)
PRODUCT = re.compile(
    r"(?<=\d)\s?(?:kg|N|A|V|W|k[WN])(?:\s?\*\s?|\s)(?:m|s|h|cm)(?:\^\{?2\}?)?(?:/s(?:\^2)?)?(?![\w/])"
)  # `30,000 kg*m/s`, `5 N m`
WORDED = re.compile(
    r"\b[a-z]+\s(?:dollars?|feet|foot|hours?|pounds?)\s(?:and\s)?[\w-]+\s(?:cents?|inch(?:es)?|minutes?|ounces?)\b",
    re.IGNORECASE,
)
HALF_MORE = re.compile(
    r"\b(an?|one|two|three|four|five|\d{1,3})\s(hours?|minutes?|years?|miles?|inch(?:es)?|cups?|dollars?)\sand\sa\s(half|quarter)\b",
    re.IGNORECASE,
)
BELOW = re.compile(
    r"(?<![\w.,-])(\d{1,4}(?:\.\d{1,6})?)((?:\s?(?:°|degrees?|deg))?(?:\s?(?:C|F|Celsius|Fahrenheit)\b)?)\sbelow\s(?:zero|0)\b",
    re.IGNORECASE,
)
SYMBOLS = frozenset(["C", "K", "T", "F", "H", "eV", "keV", "MeV", "GeV", "Wb", "dB"])  # units nobody converts here
JOINING = ("or", "and", "to", "through", "plus", "minus", "times", "by")
HIGHEST_POWER = 400  # of ten; beyond it a power costs memory and no answer needs it
NOUN_WORDS = 6


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as written.

    `value` is in the unit written; `decimals` counts digits after the point (None: a fraction or an
    expression, taken as exact); `digits` counts significant ones; `scale` and `factor` come from
    `curation.answers.units`, "" for a noun.
    """

    value: Fraction
    decimals: int | None
    digits: int
    percent: bool = False
    scale: str = ""
    factor: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Mention:
    """A number found in a sentence, with its place in it (offsets in characters)."""

    quantity: Quantity
    start: int
    end: int
    text: str


@lru_cache(maxsize=REMEMBERED)
def quantity(text: str) -> Quantity | None:
    """The number this text is, unit or noun included; None when it is more or less than one number."""
    bare = ASSIGNED.sub("", LEAD.sub("", compounded(plain(text)).strip(" ,;!?*\n").rstrip(".")))
    if len(bare) > 300:
        return None
    bare = WRAPPED.sub(r"\2", bare)
    bare = LEAD.sub("", re.sub(r"^([-+])\s+(?=[\d$€£¥.])", r"\1", bare)).strip()
    spelled = compounded(in_digits(bare))
    plainly = None if "dozen" in bare.lower() or MIXED.match(spelled) else _whole(bare)
    return plainly or _whole(spelled) or _expression(bare)


def compounded(text: str) -> str:
    """`14 dollars and 40 cents` as `$14.40`, `5 feet 3 inches` as `63 inches`, `5° below zero` as `-5°`."""
    text = PER.sub(_per, PRODUCT.sub("", text)) if " " in text or "*" in text or "^" in text else text
    text = BELOW.sub(r"-\1\2", text) if "below" in text else text
    text = HALF_MORE.sub(_and_half, text)
    if WORDED.search(text) and not COMPOUND.search(text):
        text = in_digits(text)  # "three dollars and 50 cents"
    return COMPOUND.sub(_compound, text) if COMPOUND.search(text) else text


def _per(found: re.Match[str]) -> str:
    """`m s^{-2}` as `m/s^2`."""
    return f"{found[1]}/{found[2]}" + (f"^{found[3]}" if found[3] != "1" else "")


def _and_half(found: re.Match[str]) -> str:
    """`an hour and a half` as `1.5 hours`."""
    count = int(in_digits(found[1])) if found[1].lower() not in ("a", "an") else 1
    return f"{count}{'.5' if found[3].lower() == 'half' else '.25'} {found[2]}"


def _compound(found: re.Match[str]) -> str:
    large, small = unit(found[2]), unit(found[4])
    if not large or not small or large[0] != small[0] or large[1] <= small[1]:
        return found[0]
    if large[0] == "dollar":
        return f"${int(found[1].replace(',', ''))}.{int(found[3]):02d}"
    return f"{int(found[1].replace(',', '')) * large[1] / small[1] + Fraction(found[3])} {found[4]}"


def _whole(text: str) -> Quantity | None:
    if found := TEN_TO.match(text):
        return Quantity(Fraction(10) ** int(found[2]) * (-1 if found[1] == "-" else 1), None, 1)
    spaced = (
        re.sub(r"(?<=\d) (?=\d{3}(?!\d))", ",", text)
        if re.fullmatch(r"[-+]?\d{1,3}(?: \d{3})+(?:\.\d+)?", text)
        else text
    )
    found = MENTION.match(spaced)
    if not found or not _is_noun(spaced[found.end() :]):
        return None
    return _read(found, spaced)


def _is_noun(rest: str) -> bool:
    """Whether what follows a number only names what is counted: a few lower-case words, or a unit."""
    rest = rest.strip()
    if not rest or unit(rest) or all(part in SYMBOLS or unit(part) for part in rest.rstrip(".").split("/")):
        return True
    words = rest.split()
    return (
        bool(NOUN.fullmatch(rest))
        and words[0] not in JOINING
        and "pi" not in words
        and len(words) <= NOUN_WORDS
        and len(rest) > 1
        and all(word[:1].islower() and (unit(word) or not re.search(r"\d|^[a-z][-/]", word)) for word in words)
    )


def _expression(text: str) -> Quantity | None:
    """A constant expression, with a unit behind it or not: `5\\sqrt{2} cm`. `10-12` and `2020-03-05` are not
    meant as one.
    """
    if not CONSTANT.search(text):
        return None
    value, scale = evaluate(text), None
    if value is None and (tail := BEHIND.search(text)) and ((scale := unit(tail[1])) or len(tail[1]) > 3):
        value = evaluate(text[: tail.start()])
    if value is None:
        return None
    return Quantity(
        Fraction(value), None, 17, scale=scale[0] if scale else "", factor=scale[1] if scale else Fraction(1)
    )


def mentions(text: str) -> list[Mention]:
    """The numbers a sentence states, in order; operands, ranges, ordinals, coefficients and dates are not
    among them.
    """
    bare = compounded(plain(text))
    found = list(_mentions(bare))
    return found or list(_mentions(compounded(in_digits(PRONOUN.sub(" ", bare)))))


def _mentions(text: str) -> Iterator[Mention]:
    for found in MENTION.finditer(text):
        number = None if _is_operand(text, found) else _read(found, text)
        if number:
            yield Mention(number, found.start(), found.end(), found[0])


def _is_operand(text: str, found: re.Match[str]) -> bool:
    """Whether this number is part of something larger: `2x`, `3rd`, `5 + 3`, `10-12`, `2020-03-05`."""
    before, after = (
        text[max(0, found.start() - 12) : found.start()].rstrip(),
        text[found.end() : found.end() + 12],
    )
    glued = re.match(r"-?([^\W\d_]\w*)", after)
    if glued and unit(glued[1]) is None:
        return True
    if re.match(r"\s*(?:[*/^+=\\\\√]|:\s?\d|-\s*[\d(]|pi\b|sqrt)|\(", after):
        return True
    if re.search(r"(?:sin|cos|tan|log|ln|exp)(?:\^?\{?-1\}?)?\s?\($", before):
        return True
    return bool(re.search(r"(?:[*/^+√]|sqrt[({]?|[\w)][ ]*-|\d\s?:)$", before))


def _read(found: re.Match[str], text: str) -> Quantity | None:
    value, decimals, digits = _magnitude(found)
    if value is None:
        return None
    negative = (found["sign"] == "-") != (found["sign2"] == "-")
    scale = unit(found["currency"]) if found["currency"] else _unit_after(text, found.end())
    name, factor = scale or ("", Fraction(1))
    return Quantity(-value if negative else value, decimals, digits, bool(found["percent"]), name, factor)


def _unit_after(text: str, at: int) -> tuple[str, Fraction] | None:
    """The unit right after a number. `in` is a preposition and `a`, `s`, `h` want to be the last word of
    their kind.
    """
    found = UNIT.match(text, at)
    return unit(found[1]) if found else None


def _magnitude(found: re.Match[str]) -> tuple[Fraction | None, int | None, int]:
    """Value without sign, digits after the point, significant digits."""
    if found["whole"] or found["above"]:
        below = int(found["below2"] or found["below"])
        above = Fraction(int(found["above2"] or found["above"]), below) if below else None
        return (above + int(found["whole"] or 0) if above is not None else None), None, 17
    written = found["number"].replace(",", "").replace("'", "")
    power = int(found["exponent"] or 0) + int(found["power"] or 0) + BIG.get((found["big"] or "").lower(), 0)
    if abs(power) > HIGHEST_POWER:
        return None, None, 0
    digits = written.replace(".", "").lstrip("0")
    decimals = max(0, len(written.partition(".")[2]) - power)
    return Fraction(written) * Fraction(10) ** power, decimals, max(1, len(digits))
