"""Formulas with something about their variable behind them, and intervals that words join.

`\\frac{x+3}{x-2}`, "for x ≠ 3": what x may not be is no part of the answer, unless the reference says it too. "On
(-∞, -1) and (3, ∞)" names a union where a question asks on which intervals something is so.
"""

import itertools
import re
from collections.abc import Iterable

from curation.answers import structured
from curation.answers.denied import DENIED
from curation.answers.extract import Extracted, sentences
from curation.answers.normal import plain

UNEQUAL = re.compile(r"≠|!=|\\neq?(?![a-z])|\\not\s?=")
BOUNDED = re.compile(r"[<>≤≥]|\\[lg](?:eq?|t)(?![a-z])")
SAID = (
    r"(?:for(?:\sall)?|where|when|if|with|provided(?:\sthat)?|assuming(?:\sthat)?|as\slong\sas|given"
    r"|with\sthe\srestriction(?:\sthat)?)\s"
)
SIGN = r"(?:≠|!=|\\neq?(?![a-z])|\\not\s?=)"
OPENS = r"(?:\$|\\\(|\\\[)?"
DOMAIN = re.compile(  # ", for $x \\ne 3$", "(x ≠ 2, 3)", ", where x ≠ 3 and x ≠ 2."
    rf"(?<=[\w)}}$\]])(?:\s|\\[,;:]|\\q?quad|\\text\{{){{0,6}}[,;]?(?:\s|\\q?quad){{0,6}}\(?{OPENS}\s?(?:{SAID})?\}}?\s?{OPENS}"
    rf"\s?[a-z]\s?{SIGN}[^=\n<>]{{1,40}}$"
)
DELIMITERS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
INTERVAL = re.compile(
    r"[(\[]\s?[^,()\[\]]{1,20},\s?[^,()\[\]]{1,20}[)\]]|(?<![\w<>=] )\b[a-z]\s?[<>]=?\s?-?[\w./]{1,12}"
)
CHANGE = re.compile(r"\b(?:increas|decreas)", re.IGNORECASE)
GAP = re.compile(
    r"\s?(?:,|∪|(?:,\s?)?(?:and|or|as\swell\sas)(?:\salso)?)\s?(?:on\s|in\s|for\s(?:x\sin\s)?)?(?:the\sinterval\s)?"
)


def without_domain(text: str, reference: str) -> str:
    """A formula without what its variable may not be, where the reference says nothing of the kind."""
    if not UNEQUAL.search(text) or UNEQUAL.search(reference) or BOUNDED.search(reference):
        return text
    found = DOMAIN.search(text.rstrip())
    if not found or found[0].count("{") != found[0].count("}"):
        return text
    rest = text[: found.start()]
    return rest + next((closes for opens, closes in DELIMITERS if _left_open(rest, opens, closes)), "")


def _left_open(text: str, opens: str, closes: str) -> bool:
    return text.count(opens) % 2 == 1 if opens == closes else text.count(opens) > text.count(closes)


def united(reference: str, found: Iterable[Extracted], question: str | None) -> tuple[bool, str] | None:
    """(whether it agrees, the text) of the first sentence that joins intervals by words; None where none does."""
    if not structured.is_union(reference):
        return None
    for each in found:
        said = plain(sentences(each.text.strip())[-1])
        run = "" if DENIED.search(said) or _of_other_change(said, question) else _joined(said)
        if run and (agrees := structured.compare(reference, run, structured.equal_parts)) is not None:
            return agrees, each.text
    return None


def _of_other_change(sentence: str, question: str | None) -> bool:
    """Whether a sentence says where something falls when it is asked where it rises."""
    asked, said = ({one.lower() for one in CHANGE.findall(text)} for text in (question or "", sentence))
    return bool(asked and said) and not asked & said


def _joined(text: str) -> str:
    """`(a, b) ∪ (c, d)` of the intervals in a sentence, "" where they are one or others stand apart from them."""
    spans = list(INTERVAL.finditer(text))
    gaps = [text[one.end() : other.start()] for one, other in itertools.pairwise(spans)]
    return " ∪ ".join(one[0] for one in spans) if gaps and all(GAP.fullmatch(gap) for gap in gaps) else ""
