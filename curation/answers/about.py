"""Which of a reply's last sentences and lines the question asks about.

Of "Red apples: 9 / Green apples: 4 / Total: 13" a question for the red apples means the first. Where a perimeter is
asked for, "Its area is 92 cm²" at the end adds something else, "If one reflected over the x-axis instead, …" what is
not so, and where x is to be found, "each angle measures 70°" says what follows from it. Only replies that neither box
nor mark their answer are read so.
"""

import re

from curation.answers.asked import TEMPERATURES, unit_asked
from curation.answers.by_number import YEAR_ASKED
from curation.answers.clauses import FUNCTION, stem
from curation.answers.extract import last_sentence, sentences, without_remark
from curation.answers.normal import plain
from curation.answers.quantity import Quantity, compounded, mentions, quantity

LINE = re.compile(r"^[\s*\-•]{0,6}(?:\d{1,2}[.)]\s)?([^\n:=]{3,60}?)[\s*]*[:=]\s*([^\n]{1,60}?)[\s*]*$")
WORDS = re.compile(r"[A-Za-z][\w\s°'-]*")
ARTICLES = frozenset(["the", "of", "an", "in", "for"])  # not "a": it may be an angle's name
LEAST_WORDS = 2  # a label of one word ("Price: $2") is often a step on the way
MEASURES = frozenset(
    ["area", "perimeter", "volume", "circumference", "radius", "diameter", "mean", "median", "mode", "average"]
)
OTHER = re.compile(
    r"^(?:and\s|also,?\s)?(?:its|the|their)\s(?:\w+\s)?(\w+)\s(?:is|are|was|would\sbe|=)\s", re.IGNORECASE
)
UNREAL = re.compile(
    r"^(?:If\b[^.]*\b(?:would|instead)\b|[^.]*\bwould\b[^.]*\b(?:if|had)\b|[^.]*\b(?:may|might|could)\salso\b"
    r"|In\srelative\sterms\b|By\scomparison\b"
    r"|This\s(?:brought|brings|left|leaves|raised|reduced)\s[^.]*\b(?:funds|balance|total)\b)",
    re.IGNORECASE,
)
ASKED_UNREAL = re.compile(r"\b(?:would(?!\syou\b)|could|might|if|funds|balance)\b|\bmay\b", re.IGNORECASE)
VARIABLE = re.compile(
    r"\b(?:find|solve\sfor|determine|what\sis|calculate)\s(?:the\svalue\sof\s)?[$\\(]{0,2}([a-z])[$\\)]{0,2}"
    r"(?=\s*(?:[.,?]|$|if\b|when\b|in\b|given\b))",
    re.IGNORECASE,
)
RISES = re.compile(r"\b(increasing|decreasing)\b", re.IGNORECASE)
RESULT = re.compile(r"^(.{8,260})(?:\s(?:is|are|was|were|equals|=)|:):?\s+(\S.{0,40})$", re.IGNORECASE | re.DOTALL)
COUNT = frozenset(["number", "total", "amount", "count", "th"])
EQUIVALENT = re.compile(
    r"(?:,?\s(?:which\s(?:is|equals)|that\sis|i\.e\.,?|or|=|equal\sto|equivalent\sto)\s|\s\()(?:(?:about|approximately|roughly)\s)?",
    re.IGNORECASE,
)
COMPARED = re.compile(
    r",?\s(?:(?:up|down|rising|falling|increasing|decreasing|growing|an?\s(?:increase|rise|decrease|drop|fall))\sfrom"
    r"|compared\s(?:to|with)|versus)\s.*$",
    re.IGNORECASE | re.DOTALL,
)
CLAUSES = re.compile(r";\s|,?\s(?:and|but|while|whereas)\s|,\s(?=in\s(?:1[89]|20)\d\d)")
YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
POINTS = re.compile(r"\bpercentage\spoints?\b", re.IGNORECASE)


def asked_part(answer: str, question: str | None) -> str:
    """The text, or the part of its end that the question is about."""
    answer = real_part(without_remark(answer), question)
    if not question:
        return answer
    if (value := _restated(answer, question)) or (value := _in_unit(answer, question)):
        return value
    answer = _of_year(_before_comparison(answer, question), question)
    found = _labelled(answer, question) or _variable(answer, question) or _side(answer, question)
    return found or _same_measure(_in_points(answer, question), question)


def unreal(sentence: str, question: str | None) -> bool:
    """Whether a sentence says what would be so otherwise, or may be so too, where the question does not ask for it."""
    return bool(UNREAL.match(sentence.lstrip("*( "))) and not ASKED_UNREAL.search(question or "")


def real_part(answer: str, question: str | None) -> str:
    """Without a last sentence that says what would be so otherwise, unless the question asks for that."""
    bare = answer.rstrip()
    last = last_sentence(bare)
    if not unreal(last, question):
        return answer
    rest = bare.removesuffix(last).rstrip()
    return rest if len(rest) > len(last) // 4 else answer


def _restated(answer: str, question: str) -> str | None:
    """What a last sentence says of the question's own words: 3 of "the number of students with 49 points or more is 3".

    Only where all numbers of the question stand in those words and no words but the question's do.
    """
    found = RESULT.match(plain(last_sentence(answer)))
    given = {each.quantity.value for each in mentions(plain(sentences(question)[-1]))} if found else set()
    if not found or not given or {each.quantity.value for each in mentions(found[1])} != given:
        return None
    words = {stem(word) for word in _words(found[1]) if word not in FUNCTION}
    known = {stem(word) for word in _words(question)} | COUNT
    return found[2] if words <= known and quantity(found[2]) else None


def _in_unit(answer: str, question: str) -> str | None:
    """`78.4 °C` of "351.5 K, which is 78.4 °C", where the question names that unit."""
    wanted, last = unit_asked(question), compounded(plain(last_sentence(answer)))
    for found in EQUIVALENT.finditer(last) if wanted else ():
        said, before = quantity(last[found.end() :].strip(" .)")), mentions(last[: found.start()])[-1:]
        if not said or not before or (said.scale, said.factor) != wanted:
            continue
        other = before[0].quantity
        kelvin = last[: found.start()].endswith(" K") and wanted[0] in ("celsius", "fahrenheit")
        if kelvin or ((other.scale, other.factor) != wanted and _one_measure(other, said)):
            return last[found.end() :].strip(" .)")
    return None


def _one_measure(one: Quantity, other: Quantity) -> bool:
    """Whether two quantities in different units are the same but for rounding; of two temperatures nobody asks."""
    if one.scale != other.scale:
        return {one.scale, other.scale} <= TEMPERATURES
    left, right = one.value * one.factor, other.value * other.factor
    return abs(left - right) * 50 <= abs(left)


def _before_comparison(answer: str, question: str) -> str:
    """Without what a peak is compared with (", up from 58.9 in 2014"), where the question asks for a year."""
    last = last_sentence(answer)
    found = COMPARED.search(last) if YEAR_ASKED.search(question) else None
    if not found or not YEAR.search(found[0]) or not YEAR.search(last[: found.start()]):
        return answer
    given = {each.quantity.value for each in mentions(plain(question))}
    if any(each.quantity.value in given for each in mentions(plain(found[0]))):
        return answer
    return answer.rstrip().removesuffix(last) + last[: found.start()]


def _of_year(answer: str, question: str) -> str:
    """Of a last sentence about several years the clause of the one asked about: "In 2020 it was 3.7, in 2021 8.1"."""
    asked, last = set(YEAR.findall(question)), last_sentence(answer)
    if len(asked) != 1 or not asked < set(YEAR.findall(last)):
        return answer
    parts = [(one, set(YEAR.findall(one))) for one in CLAUSES.split(last)]
    mine = [one for one, years in parts if years == asked]
    if len(mine) != 1 or any(len(years) != 1 for _, years in parts):
        return answer
    values = [each for each in mentions(plain(mine[0])) if str(each.quantity.value) not in asked]
    return mine[0].strip(" ,;") if len(values) == 1 else answer


def _labelled(answer: str, question: str) -> str | None:
    """The value of the one label that consists of the question's words, of the labelled lines at the end."""
    found = []
    for line in reversed(answer.rstrip().split("\n")):
        if not (one := LINE.match(line)) or not WORDS.fullmatch(one[1]):
            break
        found.append(one)
    wanted = frozenset(_words(question))
    mine = [one for one in found if wanted.issuperset(_words(one[1]))]
    if len(found) < 2 or len(mine) != 1 or len(_words(mine[0][1])) < LEAST_WORDS or quantity(mine[0][2]) is None:
        return None
    return mine[0][2]


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w°]+", plain(text).lower()) if word not in ARTICLES]


def _variable(answer: str, question: str) -> str | None:
    """The value a reply gives the variable that is to be found, where its last sentence is about something else."""
    asked = VARIABLE.search(plain(question))
    if not asked:
        return None
    text = plain(answer)
    stated = list(
        re.finditer(
            rf"(?<![\w^)*/+-])(?<![+*/-]\s){asked[1]}\s?=\s?([^\s,;]{{1,20}}?)[.,;]?(?=\s|$)(?!\s?[-+*/=\d])", text
        )
    )
    return stated[-1][1] if stated and quantity(stated[-1][1]) and "\n" in text[: stated[-1].end()] else None


def _side(answer: str, question: str) -> str | None:
    """What a last sentence says of where a function rises, where it also says where it falls."""
    asked = {found.lower() for found in RISES.findall(question)}
    last = last_sentence(answer)
    parts = list(RISES.finditer(last))
    if len(asked) != 1 or {one[1].lower() for one in parts} != {"increasing", "decreasing"} or len(parts) != 2:
        return None
    own, other = sorted(parts, key=lambda one: one[1].lower() not in asked)
    said = last[own.start() : other.start()] if own.start() < other.start() else last[own.start() :]
    return re.sub(r"[,\s]+(?:and|while|but|whereas)(?:\sis|\sit\sis)?\s*$", "", said)


def _in_points(answer: str, question: str) -> str:
    """The text up to its last percentage points, where those are asked for and a last sentence has none."""
    found = list(POINTS.finditer(answer)) if POINTS.search(question) else []
    rest = answer[found[-1].end() :] if found else ""
    return answer[: found[-1].end()] if "%" in rest else answer


def _same_measure(answer: str, question: str) -> str:
    """Without a last sentence about another measure than the one asked for, where something is stated before it."""
    asked = MEASURES & frozenset(question.lower().replace("?", " ").replace(",", " ").split())
    last = last_sentence(answer)
    other = OTHER.match(plain(last)) if asked else None
    if not other or other[1].lower() not in MEASURES - asked:
        return answer
    rest = answer.rstrip().removesuffix(last).rstrip()
    return rest if mentions(plain(rest[-300:])) else answer
