"""Compares numbers: which number a text states, and whether it is the reference's.

Rules, for two numbers in one unit:
- equal values agree: `8.2` and `8.20`, `1/2` and `0.5`, `6 cm` and `60 mm`, `25%` and `0.25` (and `25`, when
  only one of the two has the sign);
- with a stated tolerance, |got - reference| <= tolerance * |reference| agrees (relative; absolute when the
  reference is 0) and nothing else counts;
- without one, numbers written to the same number of decimals, integers among them, must be equal;
- a reference rounded to two or more decimals agrees with any number that rounds to it (`3.33` and `10/3`),
  unless it ends in 0 (`8.20` was probably not rounded: undecided);
- an exact reference (fraction, root, pi) agrees with a decimal that is its correct rounding to 3 or more
  significant digits; to 2 digits, or cut instead of rounded, it is undecided;
- a decimal reference against a coarser rounding of it is undecided from 3 significant digits on;
- decimals within one millionth of the reference agree.
Different currencies or dimensions are undecided when the figures are equal, and so is a magnitude that only the answer
has (`2.3 million` for `2.3`). Anything else is wrong.
"""

import itertools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from curation.answers import clauses
from curation.answers.arithmetic import evaluate
from curation.answers.extract import Extracted, sentences
from curation.answers.normal import plain
from curation.answers.other_readings import other_readings, quotient
from curation.answers.quantity import BIG, LEAD, Mention, Quantity, compounded, mentions, quantity
from curation.answers.spelled import in_digits
from curation.answers.units import SCALES
from curation.answers.when import MONTH

RELATIVE = Fraction(1, 10**6)
PI_AS_314 = Fraction(6, 10**4)  # an answer this near an exact reference may come from 3.14 for pi: a person would look
FLOATING = Fraction(1, 10**12)  # two evaluations of the same root differ by less
LARGEST_DENOMINATOR = 10**6  # a float that is no whole number has one of a power of two beyond this
REASON = re.compile(
    r",\s(?:with|at|from|up|down)\s|,?\s(?:because|since|due\sto|as\s(?:it|there|the)|which|where|after|before|if|when|than|or\s(?:about|approximately"
    r"|roughly)|i\.e\.|"
    r"per(?!\s(?:seconds?|minutes?|hours?|meters?|metres?|miles?|k?g|kilograms?|liters?|litres?|square|cubic)\b)|out\sof|in\severy)\s|\s\((?=[^\W\d]|[\d.,]+\s?%\))",
    re.IGNORECASE,
)
THAT_IS = re.compile(r",\s(?:i\.e\.|that\sis),?\s([^.;]{1,40}(?:\.\d+)?[^.;]{0,40})\W*$", re.IGNORECASE)
BECAUSE = re.compile(r",?\s(?:since|because|after)\s", re.IGNORECASE)
SHARE = re.compile(r"\s(?:out\sof|in\severy|per)\s", re.IGNORECASE)
YEAR_ASKED = re.compile(r"\b(?:which|what)\syear\b|\bwhen\b", re.IGNORECASE)
APPROX = re.compile(r"\s*(?:≈|≃|\\approx|\\simeq)\s*")
IN = re.compile(rf"\b(?:in|during|since|by|of|for)\s(?:(?:{MONTH})\.?\s(?:\d{{1,2}},?\s)?)?$", re.IGNORECASE)
TOTAL = re.compile(r"\b(?:total\sof|making|giving|totall?ing)\s[$€£]?$", re.IGNORECASE)
IN_ALL = re.compile(r"(?:\s[a-z]+){0,2}\s(?:in\s(?:total|all)|altogether)\b", re.IGNORECASE)
IN_MILLIONS = re.compile(r"\bin\s(thousand|million|billion)s?\b", re.IGNORECASE)
MAGNITUDE = re.compile(r"\d\s?(thousand|million|billion|trillion|mn|bn)\b", re.IGNORECASE)
MORE = re.compile(r"(?:\s[a-z]+)?\s(?:more|fewer|less)\b", re.IGNORECASE)
MORE_ASKED = re.compile(r"\bhow\s(?:much|many)\s(?:\w+\s)?(?:more|fewer|less)\b", re.IGNORECASE)
EACH = re.compile(r"(?:\s[a-z]+)?\s?\b(?:each|apiece|per|a\spiece)\b", re.IGNORECASE)
ASIDE = re.compile(  # "$7.20 (6 × $1.20)", "9 (side 1) + 3 (side 2)"
    r"(?<=[\w%°²³])\s\((?!or\b|not\b|about\b|approx|i\.e)(?=[^\W\d][^()]{0,80}\)|[^()=]{0,40}(?:[*/+×÷=·]|\svs\.?\s|\sversus\s|\scompared\s))[^()]{1,80}\)"
)
LABELS = re.compile(r"(?<=[a-z])\s\([$€£]?[\d.,]{1,15}\s?[%°]?\)")  # "the largest (48%) is 4 times the smallest (12%)"
ROOT = re.compile(
    r"(?<![\d.])(?:\d{1,9}\s?\*?\s?)?(?:√\s?\d{1,9}|sqrt\s?\(\d{1,9}\)|\\sqrt\s?\{\d{1,9}\})(?:\s[a-z]{1,2}\b)?|(?<![\d.])\d{1,9}\s?\*?\s?(?:π|pi\b|\\pi\b)"
)
TAIL = re.compile(
    r"^.*(?:=|:\s|\b(?:is|are|was|were|equals?|be|gives|makes)\b:?(?:\s(?:a|an|the)\s[a-z]+\sof\b)?)\s*(?=\S)",
    re.DOTALL | re.IGNORECASE,
)
STATED_TOO = re.compile(r"(?:=|\bis\b)\s*([^\s=,;][^=,;]{0,20}?)\s*(?:,|;|\band\b)")
COMPUTED = re.compile(r"^[\d\s.+*/()^-]{3,60}$")
BOUND = re.compile(
    r"(?:\b(?:at\s(?:least|most)|(?:no\s)?(?:more|less|fewer|greater|larger|smaller)\sthan|up\sto|not|isn't"
    r"|never)\s+|[<>]=?\s*)[$€£-]?$",
    re.IGNORECASE,
)
VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|holds?|contains?|costs?|makes?|equals?|needs?|weighs?|gives?|earns?"
    r"|takes?|sells?|sold)\b",
    re.IGNORECASE,
)
OPENS_LIST = re.compile(
    r"(?:\b(?:is|are|was|were|be|either|answers?|values?|options?|between|guess|maybe|or|count(?:ed)?|see|got|get)|[=:(\[{])\W*$",
    re.IGNORECASE,
)
CONTRAST = re.compile(r",?\s(?:while|whereas)\s|;\s", re.IGNORECASE)
FINITE = re.compile(r"\b(?:has|have|had|is|are|was|were|costs?)\s[$€£]?\d")
COLON = re.compile(r"^([^:]{4,120}):\s(\D.{3,120}|\d.*\s(?:and|on|in|of)\s.*)$")
CONNECTED = re.compile(r"[\s$]*(?:,|;|/|or|and|or\s+maybe)[\s$]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """The number a text states, the other numbers in the same text, and whether it lists several on equal footing.

    `bounded` numbers are only a limit ("at least 5", "not 5"); `also` are other readings of the same text
    (`3,5` as 3.5).
    """

    text: str
    main: Quantity
    others: tuple[Quantity, ...] = ()
    listed: bool = False
    bounded: bool = False
    also: tuple[Quantity, ...] = ()


def reading(found: Iterable[Extracted], question: str | None = None) -> Reading | None:
    """The first place that states a number. Of several in a sentence, those of the question are not what it states."""
    question = question[-2000:] if question else ""
    read = next((read for each in found if (read := _place(each, question))), None)
    if read and question and (scale := IN_MILLIONS.search(question)):
        part = Fraction(1, 10 ** BIG[scale[1].lower()])
        return replace(read, also=(*read.also, replace(read.main, value=read.main.value * part, decimals=None)))
    return read


@lru_cache(maxsize=512)
def _given(question: str) -> frozenset[Fraction]:
    return frozenset(each.quantity.value for each in mentions(question))


def _place(each: Extracted, question: str) -> Reading | None:
    """What one place states: the first sentence with a number of a statement, the last of anything else."""
    each = replace(each, text=ASIDE.sub("", each.text))
    exact, *rounded = APPROX.split(each.text)
    if len(rounded) == 1 and (read := _place(replace(each, text=exact), question)):
        return replace(read, also=(*read.also, *(one.quantity for one in mentions(rounded[0])[:1])))
    pieces = sentences(each.text)
    also = other_readings(each.text)
    for piece in (each.text, *pieces) if each.how == "stated" else (each.text, *reversed(pieces)):
        if (len(pieces) == 1 or piece is not each.text or quantity(piece)) and (read := _read(piece, question)):
            return replace(read, also=(*read.also, *also))
    return Reading(each.text, also[0], also=also) if also else None


def _read(text: str, question: str) -> Reading | None:
    """The number of a sentence; what only explains it ("because …", "or about …", "out of …") is cut off first."""
    if whole := quantity(text):
        return Reading(text, whole)
    text = plain(text)
    text = LABELS.sub("", text) if len(LABELS.findall(text)) > 1 and mentions(LABELS.sub("", text)) else text
    if part := _main_part(text, question):
        return part
    head = REASON.split(text, maxsplit=1)[0]
    if (that_is := THAT_IS.search(text)) and len(mentions(head)) > 1 and len(mentions(that_is[1])) == 1:
        return _read(that_is[1], question)
    rest = text[len(head) :]
    if SHARE.match(rest) and ("=" in rest or (VERB.search(rest) and not VERB.search(head))):
        head = text  # "3 balls out of 8 gives 3/8"
    if head != text and not _only_years(head, text, question) and (short := _read(head, question)):
        only = BECAUSE.match(rest) and len(mentions(head)) == 1  # "The mode is 3, since 7 appears 3 times" says 3
        return short if only else replace(short, others=short.others + tuple(one.quantity for one in mentions(rest)))
    if said := _at_the_end(text):
        return said
    stated = mentions(text)
    if not stated:
        roots = [one for found in ROOT.finditer(text) if (one := quantity(found[0]))]
        return Reading(text, roots[0]) if len(roots) == 1 else None
    bare = compounded(plain(text))
    given = _given(question)
    if given and all(each.quantity.value in given for each in stated):
        bare = compounded(in_digits(bare))  # "Three bars exceed 50" where 50 is the question's
        stated = mentions(bare)
    stated, every = _answering(stated, bare, question), stated
    first = len(stated) == 1 or not LEAD.sub("", bare[: stated[0].start]).strip(" (")
    if first and len(stated) > 1 and VERB.search(bare[stated[0].end : stated[-1].start]):
        first = False
    main = stated[0] if first else stated[-1]
    others = tuple(each.quantity for each in every if each is not main)
    bounded = bool(BOUND.search(bare[: main.start]))
    return Reading(main.text, main.quantity, others, _listed(bare, every), bounded)


def _main_part(text: str, question: str) -> Reading | None:
    """The clause that takes up the question, or what stands before a colon and the sum behind it."""
    parallel = CONTRAST.search(text) or len(FINITE.findall(text)) > 1
    clause = clauses.asked_clause(text, question) if parallel and " so " not in text else None
    if clause is None and (found := COLON.match(text)) and len(mentions(found[1])) == 1 < len(mentions(found[2])):
        clause = found[1] if VERB.search(found[1]) and "=" not in text else None
    return _read(clause, question) if clause and clause != text else None


def _answering(stated: list[Mention], text: str, question: str) -> list[Mention]:
    """Without the numbers the question gave and those that are only a limit, where others are left."""
    given = _given(question)
    stated = [each for each in stated if each.quantity.value not in given] or stated
    year = bool(YEAR_ASKED.search(question))
    stated = [each for each in stated if _is_year(each, text) is year] or stated
    stated = [each for each in stated if _is_total(each, text)][-1:] or stated
    compared = [each for each in stated if MORE.match(text, each.end)]
    if compared and MORE_ASKED.search(question):
        stated = compared
    stated = [each for each in stated if each not in compared or not text[: each.start].endswith(", ")] or stated
    stated = [each for each in stated if not EACH.match(text, each.end)] or stated
    return [each for each in stated if not BOUND.search(text[max(0, each.start - 30) : each.start])] or stated


def _is_year(each: Mention, text: str) -> bool:
    """`in 2019`: when something was, and not how much."""
    return bool(re.fullmatch(r"(?:1[89]|20)\d\d", each.text)) and bool(
        IN.search(text[max(0, each.start - 24) : each.start])
    )


def _only_years(head: str, text: str, question: str) -> bool:
    """`… in 2016`, where the number asked for comes behind: `, at 2.3%`."""
    stated = mentions(head)
    return (
        bool(stated)
        and not YEAR_ASKED.search(question)
        and all(_is_year(each, head) for each in stated)
        and bool(mentions(text[len(head) :]))
    )


def _is_total(each: Mention, text: str) -> bool:
    """`a total of 7`, `making 7`, `7 apples in total`."""
    return bool(TOTAL.search(text[max(0, each.start - 20) : each.start]) or IN_ALL.match(text, each.end))


def _at_the_end(text: str) -> Reading | None:
    """What follows the last "is" or "=", when that is one number; what else the sentence states so goes with it."""
    tail = TAIL.sub("", text[-300:])
    last = (quantity(tail) or computed(tail) or quotient(tail.strip(" .*"))) if tail != text[-300:] else None
    if last is None:
        return None
    before = text[: len(text) - len(tail)]
    others = tuple(other for found in STATED_TOO.finditer(before) if (other := quantity(found[1])))
    return Reading(tail, last, others, bounded=bool(re.search(r"[<>]=?\s*$|\bnot\s*$", before)))


def computed(text: str) -> Quantity | None:
    """What a sum with nothing but numbers comes to: `17 * 3` is 51."""
    bare = plain(text).strip(" .")
    if not COMPUTED.match(bare) or not re.search(r"\d\s*[*/+]\s*\d|\d\s-\s\d", bare):
        return None
    value = evaluate(bare)
    return Quantity(Fraction(value), None, 17) if value is not None else None


def _listed(text: str, stated: list[Mention]) -> bool:
    """Whether the text is nothing but numbers joined by commas, "and" or "or": several answers at once."""
    gaps = [text[left.end : right.start] for left, right in itertools.pairwise(stated)]
    before = text[: stated[0].start]
    apart = bool(re.search(r"\w", LEAD.sub("", before))) and not OPENS_LIST.search(before)
    return bool(gaps) and not apart and all(CONNECTED.fullmatch(gap) for gap in gaps)


def agrees(reference: Quantity, read: Reading, tolerance: float | None) -> bool | None:
    """Whether a text answers with this number; undecided when only another number in it does, wrong when it
    lists several.
    """
    if any(same(reference, other, tolerance) is True for other in read.also):
        return True
    if read.listed:
        return False
    main = same(reference, read.main, tolerance)
    if main and read.bounded:
        return None
    if main is False and (
        _in_magnitude(reference, read) or any(same(reference, one, tolerance) for one in read.others)
    ):
        return None
    return main


def _in_magnitude(reference: Quantity, read: Reading) -> bool:
    """`2.3 million` for 2.3: perhaps a chart whose axis counts millions; only the picture knows."""
    said = MAGNITUDE.search(read.text)
    return bool(said) and read.main.value == reference.value * 10 ** BIG[said[1].lower()]  # type: ignore[index]


def same(reference: Quantity, got: Quantity, tolerance: float | None = None) -> bool | None:
    """Whether two quantities are the same number, by the rules at the top of this module."""
    if reference.scale and got.scale and (reference.scale, reference.factor) != (got.scale, got.factor):
        if {reference.scale, got.scale} in ({"angle", "celsius"}, {"angle", "fahrenheit"}):  # "25 degrees" is either
            return _near(reference, got, tolerance)
        return _converted(reference, got, tolerance)
    figures = _near(reference, got, tolerance)
    if figures is not True and reference.percent != got.percent:
        parts = _near(_fraction(reference), _fraction(got), tolerance)
        return parts if parts is not False else figures
    if figures is False and {reference.scale, got.scale} == {"", "angle"} and _radians(reference, got):
        return True
    if figures is False and bool(reference.scale) != bool(got.scale):
        return None if _in_another_unit(reference, got) else False
    return figures


def _converted(reference: Quantity, got: Quantity, tolerance: float | None) -> bool | None:
    if reference.scale != got.scale:
        return None if reference.value == got.value else False
    left, right = reference.value * reference.factor, got.value * got.factor
    slack = Fraction(tolerance) if tolerance is not None else RELATIVE
    return abs(left - right) <= slack * abs(left)


def _radians(one: Quantity, other: Quantity) -> bool:
    """`120°` and `2\\pi/3`: an exact number without a unit may be an angle in radians."""
    angle, bare = (one, other) if one.scale else (other, one)
    degrees = angle.value * angle.factor
    return bare.decimals is None and abs(bare.value * Fraction(180 / math.pi) - degrees) <= RELATIVE * abs(degrees)


def _in_another_unit(one: Quantity, other: Quantity) -> bool:
    """Whether the one with a unit has the other's figure in a related unit (`90 minutes`, `1.5`): only the
    question knows.
    """
    united, bare = (one, other) if one.scale else (other, one)
    base = united.value * united.factor
    return any(
        abs(base - bare.value * factor) <= FLOATING * abs(base) for factor in SCALES.get(united.scale, {}).values()
    )


def _fraction(number: Quantity) -> Quantity:
    if not number.percent:
        return number
    decimals = None if number.decimals is None else number.decimals + 2
    return Quantity(number.value / 100, decimals, number.digits)


def _near(reference: Quantity, got: Quantity, tolerance: float | None) -> bool | None:
    gap = abs(reference.value - got.value)
    if gap == 0:
        return True
    if tolerance is not None:
        return gap <= Fraction(tolerance) * (abs(reference.value) or 1)
    if reference.decimals == got.decimals:
        return _same_constant(reference.value, got.value, gap) if reference.decimals is None else False
    if reference.decimals != 0 and got.decimals != 0 and gap <= RELATIVE * abs(reference.value):
        return True
    if reference.decimals is not None and (got.decimals is None or got.decimals > reference.decimals):
        return _rounded_reference(reference, got, gap)
    return _rounded_answer(reference, got, gap)


def _same_constant(reference: Fraction, got: Fraction, gap: Fraction) -> bool | None:
    """Two evaluated constants: exact ones must be equal; roots and pi were computed as floats and may differ a bit."""
    if gap > FLOATING * abs(reference):
        return False
    if max(reference.denominator, got.denominator) > LARGEST_DENOMINATOR:
        return True
    return False if max(abs(reference), abs(got)) < 2**53 else None


def _rounded_reference(reference: Quantity, got: Quantity, gap: Fraction) -> bool | None:
    decimals = reference.decimals or 0
    if 2 * gap * 10**decimals > 1 or decimals == 0:
        return False
    if decimals == 1:
        return None if got.decimals is None else False
    return None if (reference.value * 10**decimals) % 10 == 0 else True


def _rounded_answer(reference: Quantity, got: Quantity, gap: Fraction) -> bool | None:
    unit = Fraction(1, 10 ** (got.decimals or 0))
    if reference.decimals is None and got.decimals and gap >= unit / 2 and gap <= PI_AS_314 * abs(reference.value):
        return None
    if gap >= unit or got.digits < 2:
        return False
    rounded = 2 * gap <= unit
    if reference.decimals is not None:
        return None if rounded and got.digits >= 3 else False
    return True if rounded and got.digits >= 3 and got.decimals else None
