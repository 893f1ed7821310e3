"""Compares numbers: which number a text states, and whether it is the reference's by `curation.answers.equality`.

A magnitude that only the answer has (`2.3 million` for `2.3`) is undecided, unless the question says in which it
counts (`curation.answers.asked`); "6 or 7" is no answer.
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from curation.answers import clauses
from curation.answers.arithmetic import evaluate
from curation.answers.asked import limit_asked, scale_asked
from curation.answers.equality import same
from curation.answers.extract import BOXED, ROUNDED, Extracted, sentences
from curation.answers.normal import plain
from curation.answers.other_readings import other_readings, quotient
from curation.answers.quantity import BIG, LEAD, Mention, Quantity, compounded, mentions, quantity
from curation.answers.spelled import in_digits
from curation.answers.when import MONTH

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
RESULT = re.compile(r"(?:(?<![a-zA-Z])(?<![a-zA-Z]\s)=|\b(?:is|of|equals|gives|are|was)|:)\s*$", re.IGNORECASE)
VALUE_AT = re.compile(r"[a-zA-Z]'?\s?\([^()]{1,12}\)\s?=\s*$")  # `f(0) = 2` is another's value
STATES = re.compile(r"\banswer\b[^.\n]{0,12}(?:\bis\b|:)", re.IGNORECASE)
APPROX = re.compile(r"\s*(?:≈|≃|\\approx|\\simeq)\s*")
NEARLY = re.compile(
    r"(?<=[\w)}°])\s?\\?\((?:\s?(?:≈|≃|~|\\approx)|approx(?:imately|\.)?|about|roughly)\s*([^()]{1,40}?)\\?\)", re.I
)
OR_ABOUT = re.compile(
    r",\s(?:or|which\sis)\s(?:about|approximately|roughly)\s([^,;()]{1,30}?)\.?$"
)  # "10π cm, or about 31.4 cm"
IN = re.compile(rf"\b(?:in|during|since|by|of|for)\s(?:(?:{MONTH})\.?\s(?:\d{{1,2}},?\s)?)?$", re.IGNORECASE)
TOTAL = re.compile(r"\b(?:total\sof|making|giving|totall?ing)\s[$€£]?$", re.IGNORECASE)
IN_ALL = re.compile(r"(?:\s[a-z]+){0,2}\s(?:in\s(?:total|all)|altogether)\b", re.IGNORECASE)
MAGNITUDE = re.compile(r"\d\s?(thousand|million|billion|trillion|mn|bn)\b", re.IGNORECASE)
RATIO_ASKED = re.compile(r"\bratio\b", re.IGNORECASE)
RATIO = re.compile(r"(?:=|\bis|\bof|^)\s*(\d[\d.]*\s?(?::|to)\s?\d[\d.]*)\W*$")  # "54 : 12 = 9 : 2"
MORE = re.compile(r"(?:\s[a-z]+)?\s(?:more|fewer|less)\b", re.IGNORECASE)
MANY = re.compile(r"\bhow\smany\s((?:[a-z-]{3,}\s){1,2})", re.IGNORECASE)
HOW_MANY = re.compile(
    r"\bhow\smany\s((?:[a-z-]+\s){1,3}?)(?:is|are|was|were|do|does|did|has|have|had)\b", re.IGNORECASE
)
MORE_ASKED = re.compile(r"\bhow\s(?:much|many)\s(?:\w+\s)?(?:more|fewer|less)\b", re.IGNORECASE)
EACH = re.compile(r"(?:\s[a-z]+)?\s?\b(?:each|apiece|per|a\spiece)\b", re.IGNORECASE)
ASIDE = re.compile(  # "$7.20 (6 × $1.20)", "9 (side 1) + 3 (side 2)"
    r"(?<=[\w%°²³])\s\((?!or\b|not\b|about\b|approx|i\.e)(?=[^\W\d][^()]{0,80}\)|[^()=]{0,40}(?:[*/+×÷=·]|\svs\.?\s|\sversus\s|\scompared\s))[^()]{1,80}\)"
)
LABELS = re.compile(r"(?<=[a-z])\s\([$€£]?[\d.,]{1,15}\s?[%°]?\)")  # "the largest (48%) is 4 times the smallest (12%)"
ENUMERATED = re.compile(  # "two sequences, seq 3 and seq 4", "5 pairs: the numbers 1, 3, 4, 5 and 8 (…)"
    r"(?<![\d%°])(?::|,|\s[–—-]|\snamely)\s(?:(?:the|namely|i\.e\.,?)\s)?(?:[a-z]+\s)?#?\d{1,4}(?:(?:,\s|,?\sand\s)(?:[a-z]+\s)?#?\d{1,4})+"
    r"(?:\s\([^()]*\))?\W*$",
    re.IGNORECASE,
)
ROOT = re.compile(
    r"(?<![\d.])(?:\d{1,9}\s?\*?\s?)?(?:√\s?\d{1,9}|sqrt\s?\(\d{1,9}\)|\\sqrt\s?\{\d{1,9}\})(?:\s[a-z]{1,2}\b)?|(?<![\d.])\d{1,9}\s?\*?\s?(?:π|pi\b|\\pi\b)"
)
NOT_OPPOSITE = re.compile(  # the sign was dropped on purpose, or the question asks by how much something fell
    r"\babsolute\b|\bmagnitude\b|\||\bpositive\b|\bnegative\b|\breject|\bdiscard|\blength\b", re.IGNORECASE
)
FELL = re.compile(
    r"\b(?:decreas\w*|drop\w*|fall|fell|less|fewer|lower|loss|lose|lost|below|declin\w*|colder|cooler|shorter|reduc\w*)\b",
    re.IGNORECASE,
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
HEDGE = re.compile(
    r"(?:\s[a-z]{1,12})?(?:\sor(?:\s(?:maybe|perhaps|possibly|even|about))?|,?\s(?:maybe|perhaps|possibly|or\s(?:maybe|perhaps|possibly)))"
    r"\s[$€£]?",
    re.IGNORECASE,
)
MAYBE = re.compile(r"\b(?:either|about|around|perhaps|maybe|possibly|roughly|seems?|appears?)\s*$", re.IGNORECASE)
OF_THEM = re.compile(r"\sof\s(?:them|these|those|which)\b", re.IGNORECASE)
CONTRAST = re.compile(r",?\s(?:while|whereas)\s|;\s", re.IGNORECASE)
FINITE = re.compile(r"\b(?:has|have|had|is|are|was|were|costs?)\s[$€£]?\d")
ASKED_AND_LEFT = re.compile(r",?\sand\s[^,]{0,40}=[^,]{0,20}\s(?:remain|are\sleft|left|stay)\w*\W*$", re.IGNORECASE)
SO = re.compile(r"^so,?\s", re.IGNORECASE)
COLON = re.compile(r"^([^:]{4,120}):\s(\D.{3,120}|\d.*\s(?:and|on|in|of)\s.*)$")
MARKED = re.compile(r"^[^*]*\d(?:,|\sand)\s\*\*([^*\n]{1,30})\*\*\W*$")
CONNECTED = re.compile(r"[\s$]*(?:,|;|/|or|and|or\s+maybe)[\s$]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """The number a text states, the other numbers in the same text, and whether it lists several on equal footing.

    `bounded` numbers are only a limit ("at least 5", "not 5"); `also` are other readings of the same text
    (`3,5` as 3.5); `scaled`: the question says in which magnitude it counts.
    """

    text: str
    main: Quantity
    others: tuple[Quantity, ...] = ()
    listed: bool = False
    bounded: bool = False
    also: tuple[Quantity, ...] = ()
    scaled: bool = False


def reading(found: Iterable[Extracted], question: str | None = None) -> Reading | None:
    """The first place that states a number. Of several in a sentence, those of the question are not what it states."""
    question = question[-2000:] if question else ""
    places = iter(found)  # most are never looked for: the first that states a number is it
    first = next(places, None)
    if first and first.how == "first_line" and _heading(first.text, question):
        first = next(places, first)
    if first is None:
        return None
    read = next((read for each in itertools.chain([first], places) if (read := _place(each, question))), None)
    if read and (scale := scale_asked(question)) is not None:
        part = replace(read.main, value=read.main.value / 10**scale, decimals=None)
        return replace(read, also=(*read.also, part), scaled=True)
    return read


def _heading(text: str, question: str) -> bool:
    """Whether a first line only names what is asked about: "**Rate of change between 2019 and 2020**"."""
    stated = mentions(plain(text))
    given = _given(question)
    return quantity(text) is None and bool(stated) and all(each.quantity.value in given for each in stated)


@lru_cache(maxsize=512)
def _given(question: str) -> frozenset[Fraction]:
    return frozenset(each.quantity.value for each in mentions(question))


def _place(each: Extracted, question: str) -> Reading | None:
    """What one place states: the first sentence with a number of a statement, the last of anything else."""
    each = replace(each, text=ASIDE.sub("", ROUNDED.sub("", each.text)))
    if (nearly := NEARLY.search(each.text)) and (
        read := _place(replace(each, text=NEARLY.sub("", each.text)), question)
    ):
        return replace(read, also=(*read.also, *(one.quantity for one in mentions(nearly[1])[:1])))
    about = OR_ABOUT.search(each.text)
    if about and (read := _place(replace(each, text=each.text[: about.start()]), question)):
        nearby = mentions(about[1])[:1] if read.main.decimals is None else []
        return replace(read, also=(*read.also, *(one.quantity for one in nearby)))
    exact, *rounded = APPROX.split(each.text)
    if len(rounded) == 1 and (read := _place(replace(each, text=exact), question)):
        return replace(read, also=(*read.also, *(one.quantity for one in mentions(rounded[0])[:1])))
    if (bold := MARKED.match(each.text)) and (whole := quantity(bold[1])):
        return Reading(bold[1], whole)  # "lamps: 2, 4, 6, **8**"
    pieces = sentences(each.text)
    also = other_readings(each.text)
    if (
        RATIO_ASKED.search(question)
        and (ratio := RATIO.search(plain(each.text)))
        and (share := quotient(ratio[1].rstrip(".")))
    ):
        also = (*also, share)
    for piece in (each.text, *pieces) if each.how == "stated" else (each.text, *reversed(pieces)):
        if (len(pieces) == 1 or piece is not each.text or quantity(piece)) and (read := _read(piece, question)):
            return replace(read, also=(*read.also, *also))
    return Reading(each.text, also[0], also=also) if also else None


def _read(text: str, question: str) -> Reading | None:
    """The number of a sentence; what only explains it ("because …", "or about …", "out of …") is cut off first."""
    if whole := quantity(text):
        return Reading(text, whole)
    text = plain(text)
    if none := _none(text, question):
        return none
    if hedged := _hedged(text):
        return hedged
    counted = ENUMERATED.sub("", text)
    text = counted if counted != text and len(mentions(counted)) == 1 else text
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
    if (said := _at_the_end(text)) and not (said.main.value in _given(question) and _counted(text, question)):
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
    bounded = _bounded(bare[: main.start], question)
    return Reading(main.text, main.quantity, others, _listed(bare, every), bounded)


def _none(text: str, question: str) -> Reading | None:
    """`so no games had exactly 93 points` where it is asked how many games had, `no one waited`: zero."""
    noun = MANY.search(question)
    nouns = "|".join(re.escape(word) for word in noun[1].split()) if noun else ""
    found = re.search(
        rf"(?:^|\bso\s|,\s)(no\s(?:one|{nouns})|nobody|none\s(?:of\s\w+\s\w+\s)?)\s?[a-z]{{3,}}", text, re.I
    )
    found = found or _none_of_those(text, question)
    return Reading(found[1], Quantity(Fraction(0), 0, 1)) if found and nouns else None


def _none_of_those(text: str, question: str) -> re.Match[str] | None:
    """`no patients waited for exactly 57 minutes` where it is asked how many people waited for exactly 57 minutes."""
    found = re.search(r"(?:^|\bso\s|,\s)(no\s[a-z]{3,})\s([^.,;]{8,120})", text, re.I)
    said = [clauses.stem(word) for word in re.findall(r"\w+", found[2].lower())] if found else []
    asked = {clauses.stem(word) for word in re.findall(r"\w+", question.lower())}
    telling = [word for word in said if word not in clauses.FUNCTION]
    return found if len(telling) >= 2 and asked.issuperset(telling) else None


def _counted(text: str, question: str) -> bool:
    """Whether one number of a sentence counts what the question asks "how many" of: "exactly 1 day was 14 degrees"."""
    noun = HOW_MANY.search(question)
    if not noun or len(stated := mentions(text)) != 2 or stated[0].quantity.value in _given(question):
        return False
    words = [clauses.stem(word.removesuffix("s")) for word in noun[1].lower().split()]
    after = re.findall(r"[^\W\d_]+", text[stated[0].end :].lower())[:3]
    return any(clauses.stem(word.removesuffix("s")) in words for word in after)


def _hedged(text: str) -> Reading | None:
    """`about 6 or 7 cubes`, `it is 6 or maybe 7`: two numbers, where no number but those is stated; no answer."""
    stated, bare = mentions(text), compounded(plain(text))
    if len(stated) < 2 or bare != text:
        return None
    one, other = stated[-2:]
    if (
        not HEDGE.fullmatch(bare[one.end : other.start])
        or same(one.quantity, other.quantity)
        or OF_THEM.match(bare, other.end)
    ):
        return None
    before = bare[: stated[0].start]
    if len(stated) > 2 and not (OPENS_LIST.search(bare[: one.start]) or MAYBE.search(before)):
        return None
    return Reading(text, other.quantity, (one.quantity,), listed=True)


def _main_part(text: str, question: str) -> Reading | None:
    """The clause that takes up the question, or what stands before a colon and the sum behind it."""
    parallel = CONTRAST.search(text) or len(FINITE.findall(text)) > 1 or ASKED_AND_LEFT.search(text)
    text = SO.sub("", text)
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
    return [each for each in stated if not _bounded(text[max(0, each.start - 30) : each.start], question)] or stated


def _bounded(before: str, question: str) -> bool:
    """Whether the words before a number make it a limit ("at least") that is not what the question asks for."""
    return bool(BOUND.search(before)) and not limit_asked(before, question)


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
    return Reading(tail.rstrip(" ."), last, others, bounded=bool(re.search(r"[<>]=?\s*$|\bnot\s*$", before)))


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
    if read.listed and any(same(read.main, one, tolerance) is not True for one in read.others):
        return False
    main = same(reference, read.main, tolerance)
    if main and read.bounded:
        return None
    if main is False and (
        (not read.scaled and _in_magnitude(reference, read))
        or any(same(reference, one, tolerance) for one in read.others)
    ):
        return None
    return main


def opposite(reference: Quantity, read: Reading, answer: str, question: str | None) -> bool:
    """Whether a response that states the reference states its opposite as a result too: "-$3 … so $3 less"."""
    if not reference.value or NOT_OPPOSITE.search(answer) or FELL.search(question or ""):
        return False
    text = plain(answer[-1000:].replace("\\$", "").replace("$", ""))  # "-$3" twice is no formula
    if STATES.search(text) or BOXED.search(text) or read.main.value != reference.value:
        return False
    return any(
        each.quantity.value == -reference.value
        and RESULT.search(text[max(0, each.start - 12) : each.start])
        and not VALUE_AT.search(text[max(0, each.start - 24) : each.start])
        for each in mentions(text)
    )


def _in_magnitude(reference: Quantity, read: Reading) -> bool:
    """`2.3 million` for 2.3: perhaps a chart whose axis counts millions; only the picture knows."""
    said = MAGNITUDE.search(read.text)
    return bool(said) and read.main.value == reference.value * 10 ** BIG[said[1].lower()]  # type: ignore[index]
