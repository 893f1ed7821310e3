"""Compares short texts: names, places, yes and no, times and dates, lists.

Texts agree when they are equal after folding (case, articles, punctuation, Markdown, LaTeX dress), a lead
such as "it is" being dropped, when they name the same time, date or duration, when they are the same number,
or when their words differ only in a plural s. A text that begins with yes or no answers a yes/no reference;
`know` and `nothing` do not. Undecided: the reference's words inside a longer text (or the other way round),
the same list items in another order, and nearly equal spellings. Everything else is wrong.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from curation.answers.by_number import same
from curation.answers.extract import Extracted, sentences
from curation.answers.normal import folded, plain
from curation.answers.quantity import quantity
from curation.answers.when import when

LEAD = re.compile(
    r"^(?:(?:so|therefore|thus|hence|then)\b,?\s*)?(?:(?:the\s+)?(?:final\s+|correct\s+)?answer(?:\s+is|\s*:)\s*:?\s*)?"
    r"(?:(?:it|this|that|he|she)(?:\s+is|'s|\s+was)\s+|they\s+(?:are|were)\s+|there\s+(?:is|are)\s+)?",
    re.IGNORECASE,
)
TRAIL = re.compile(
    r"\s+(?:is|was)\s+(?:the\s+)?(?:(?:correct|right|final)\s+)?(?:answer|one|correct|right)\s*[.!]?$",
    re.IGNORECASE,
)
COPULA = re.compile(r"^[^.!?\n]{1,60}\s(?:is|are|was|were):?\s+(\S.{0,100})$")
YES_NO = re.compile(r"^\W*(yes|no|true|false)\b", re.IGNORECASE)
SAME_WORD = {"true": "yes", "false": "no"}
ITEMS = re.compile(r"\s*(?:,\s*and\s|,|;|\band\b|&)\s*")
SIMILAR = 0.85  # share of equal letters from which two spellings may be one word
LONG_ENOUGH = 5


def text_of(found: Sequence[Extracted]) -> str:
    """The text that stands as the answer: the most explicit place."""
    return found[0].text if found else ""


def agrees(reference: str, found: Iterable[Extracted]) -> tuple[bool | None, str]:
    """(verdict, the text it is about) over the places an answer may stand.

    A place that agrees decides. Otherwise the most explicit one does, except that a later place that is
    undecided keeps the whole undecided.
    """
    first: tuple[bool | None, str] | None = None
    for each in found:
        verdict = compare(reference, each.text)
        if verdict:
            return True, each.text
        if first is None or (verdict is None and first[0] is False):
            first = (verdict, each.text)
        if each.how in ("boxed", "answer_tag", "stated"):
            break
    return first or (False, "")


def compare(reference: str, text: str) -> bool | None:
    """Whether one text says what the reference says."""
    views = _views(text)
    if any(_equal(reference, view) for view in views):
        return True
    if (yes := _yes_no(reference)) and (said := _yes_no(text)) and len(folded(reference).split()) == 1:
        return yes == said
    if when(reference) and any(when(view) for view in views):
        return None if any(_contained(folded(reference), folded(view)) for view in views) else False
    number = quantity(reference)
    if number and (numbers := [one for view in views if (one := quantity(view))]):
        return same(number, numbers[0])
    return None if any(_close(reference, view) for view in views) else False


def _views(text: str) -> tuple[str, ...]:
    """The text, its first sentence, both without a lead, and what follows "is"; long texts only as they are."""
    bare = plain(text)
    if len(bare) > 400:
        return (bare,)
    pieces = dict.fromkeys((bare, sentences(bare)[0]))
    views = dict.fromkeys(view for piece in pieces for view in (piece, TRAIL.sub("", LEAD.sub("", piece))))
    return (*views, *(found[1] for view in views if (found := COPULA.match(view))))


def _equal(reference: str, text: str) -> bool:
    left, right = folded(reference), folded(text)
    if left == right and left:
        return True
    if _singular(left) == _singular(right) and left and right:
        return True
    moment = when(reference)
    if moment and moment == when(text):
        return True
    number, got = quantity(reference), quantity(text)
    return number is not None and got is not None and same(number, got) is True


def _singular(text: str) -> str:
    return " ".join(
        word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word for word in text.split()
    )


def _yes_no(text: str) -> str | None:
    found = YES_NO.match(plain(text))
    return SAME_WORD.get(found[1].lower(), found[1].lower()) if found else None


def _close(reference: str, text: str) -> bool:
    """Whether a person would have to look: contained words, reordered items, or nearly the same letters."""
    left, right = folded(reference), folded(text)
    if not left or not right:
        return False
    if _contained(left, right):
        return True
    if max(len(left), len(right)) > 200:
        return False
    if len(items := _items(reference)) > 1 and items == _items(text):
        return True
    alike = min(len(left), len(right)) >= LONG_ENOUGH and not any(char.isdigit() for char in left + right)
    return alike and SequenceMatcher(None, left, right, autojunk=False).ratio() >= SIMILAR


def _contained(left: str, right: str) -> bool:
    return f" {left} " in f" {right} " or f" {right} " in f" {left} "


def _items(text: str) -> list[str]:
    return sorted(folded(item) for item in ITEMS.split(plain(text)) if item)
