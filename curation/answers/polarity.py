"""Yes or no, where a response states the fact instead of saying the word: "so this relation is not a function" answers
"Is this relation a function?" with no.

Only a sentence that takes up the question's own words in their order and ends on the same thing counts, so "Bob has
more than Ana" does not answer "Does Ana have more than Bob?". Conditions, questions and denied questions are left
alone.
"""

import re
from collections.abc import Iterable

from curation.answers.extract import Extracted, sentences
from curation.answers.normal import plain
from curation.answers.spellings import same_words

ASKS = re.compile(
    r"(?:^|[.!?:,]\s+)((?:is|are|was|were|does|do|did|can|could|has|have|had|will|would|should)\s[^.?!]{3,200}\?)",
    re.IGNORECASE,
)
AUXILIARY_WORDS = (
    "is are was were do did doe can could ha have had will would should it this that there a an the of to in"
)
AUXILIARY = frozenset(AUXILIARY_WORDS.split())
DENIES = re.compile(
    r"\b(?:not|no|never|cannot|neither|nor|isn't|aren't|wasn't|weren't|doesn't|don't|didn't|can't)\b", re.IGNORECASE
)
NAMES = re.compile(r"\b[A-Z]{2,6}\b")  # `ABC`, which a short answer leaves out
BECAUSE = re.compile(r"^(?:because|since|as|given\sthat|when)\b[^,]{1,160},\s*", re.IGNORECASE)
OPEN = re.compile(r"\b(?:if|whether|unless|would|might|may|could|must|should|either|need(?:s|ed)?)\b|\?", re.IGNORECASE)


def stated(question: str | None, found: Iterable[Extracted]) -> str | None:
    """`yes` or `no` as the last sentence that answers the question states it; None when none does."""
    asked = list(ASKS.finditer(plain(question)[-600:])) if question else []
    if not asked or DENIES.search(asked[-1][1]):
        return None
    words = _content(NAMES.sub(" ", asked[-1][1]))
    for each in found:
        for piece in reversed(sentences(plain(each.text))):
            if side := _side(words, piece):
                return side
    return None


def takes_up(question: str | None, text: str) -> bool:
    """Whether a text speaks of what the question asks about."""
    return bool(question) and bool(set(_content(plain(question or ""))) & set(_content(plain(text))))


def _side(asked: list[str], sentence: str) -> str | None:
    clause = BECAUSE.sub("", re.split(r"\b(?:so|therefore|thus|hence),?\s", sentence)[-1])
    clause = re.split(r",?\s(?:since|because)\s", clause)[0]
    said = [word for word in _content(NAMES.sub(" ", clause)) if word in asked]
    if not asked or OPEN.search(clause):
        return None
    if "enough" not in said and (asked[-1] not in said or 2 * len(said) < len(asked)):
        return None
    if said != sorted(said, key=asked.index):
        return None
    return "no" if DENIES.search(clause) else "yes"


def _content(text: str) -> list[str]:
    """The words that carry the meaning, each once, in order."""
    return list(dict.fromkeys(word for word in same_words(text).split() if word not in AUXILIARY))
