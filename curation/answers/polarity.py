"""Yes or no, where a response states the fact instead of saying the word: "so this relation is not a function" answers
"Is this relation a function?" with no.

Only a sentence that takes up the question's own words in their order and ends on the same thing counts, so "Bob has
more than Ana" does not answer "Does Ana have more than Bob?". Conditions, questions and denied questions are left
alone.
"""

import itertools
import re
from collections.abc import Iterable

from curation.answers.clauses import stem
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
    r"\b(?:not|no|never|cannot|neither|nor|isn't|aren't|wasn't|weren't|doesn't|don't|didn't|can't|fail(?:s|ed)?\sto)\b",
    re.IGNORECASE,
)
PAIRS = (
    "more fewer", "more less", "larger smaller", "bigger smaller", "greater smaller", "greater less", "taller shorter",
    "longer shorter", "higher lower", "older younger", "heavier lighter", "wider narrower", "hotter colder",
    "increase decrease", "rise fall", "grow shrink", "open closed", "left right", "top bottom", "upper lower",
    "above below", "inside outside", "front back", "male female", "even odd", "positive negative", "acute obtuse",
    "horizontal vertical", "parallel perpendicular", "linear nonlinear", "rational irrational", "first last",
    "before after", "same different", "early late", "full empty",
)  # fmt: skip
STEMS = [[stem(word) for word in one.split()] for one in PAIRS]
OPPOSED = frozenset(pair for one in STEMS for pair in (tuple(one), tuple(reversed(one))))
DEGREES = frozenset(one for one, _ in OPPOSED)
UNSPECIFIC_WORDS = "he she its they we i you one some som any no not doesnt isnt arent really also indeed"
UNSPECIFIC = frozenset(UNSPECIFIC_WORDS.split())
COMPARES = re.compile(r"\bthan\b|\b(?:more|fewer|less)\b", re.IGNORECASE)
SAME = re.compile(r"\b(?:the\s(?:exact\s)?same|equal(?:ly)?|identical)\b", re.IGNORECASE)
NAMES = re.compile(r"\b[A-Z]{2,6}\b")  # `ABC`, which a short answer leaves out
CLOSING = re.compile(
    r"(?:[.!?\n]\s*(?:so,?\s)?|\b(?:the|this|that)\sstatement\sis\s(?=true|false))(yes|no|true|false)[.!]?\s*\Z",
    re.IGNORECASE,
)
BECAUSE = re.compile(r"^(?:because|since|as|given\sthat|when)\b[^,]{1,160},\s*", re.IGNORECASE)
NO_NOUN = re.compile(
    r"no\s((?!(?:it|its|this|that|there|the|they|he|she|we|you|these|those|because|since|as|not|an?|i)\s)[a-z-]{1,20}\s(?:of\s[a-z]\s)?(?:[a-z-]{4,}\s){0,3}?)"
    r"(?:is|are|was|were|has|have|had|can|does|do|did|could|shares?|appears?|repeats?|occurs?|meets?|cross(?:es|ed)?|intersects?|go(?:es)?|gets?)[\s,]",
    re.IGNORECASE,
)
CONCLUDES = re.compile(r",?\s(?:so|therefore|thus|hence|but|which\smeans|meaning)\b,?\s(?:that\s)?", re.IGNORECASE)
SHORT_BY = re.compile(r"\d\sshort\b|\bshort\s(?:by|of)\b|\bcosts?\smore\sthan\b|\bnot\senough\b", re.IGNORECASE)
OPEN = re.compile(
    r"\b(?:if|whether|unless|would|might|(?-i:may)|could|must|should|either|need(?:s|ed)?)\b|\?", re.IGNORECASE
)


def stated(question: str | None, found: Iterable[Extracted]) -> str | None:
    """`yes` or `no` as the last sentence that answers the question states it; None when none does."""
    asked = list(ASKS.finditer(plain(question)[-600:])) if question else []
    if not asked or DENIES.search(asked[-1][1]):
        return None
    words = _content(NAMES.sub(" ", asked[-1][1]))
    compares = COMPARES.search(asked[-1][1]) and not SAME.search(asked[-1][1]) and "equal" not in asked[-1][1]
    for each in found:
        for piece in reversed(sentences(plain(each.text))):
            if compares and SAME.search(piece) and not DENIES.search(piece) and not OPEN.search(piece):
                return "no"  # "They are the same height"
            if side := _side(words, piece):
                return side
    return None


def closing(text: str) -> str | None:
    """`yes` or `no` where the last sentence is that word alone: "… so the numbers are equal. No."."""
    found = CLOSING.search(plain(text[-300:]))
    return {"true": "yes", "false": "no"}.get(said := found[1].lower(), said) if found else None


def may_answer(question: str | None, text: str) -> bool:
    """Whether a text speaks of what the question asks about, or is a sentence where the question wants yes or no."""
    if not question:
        return False
    if set(_content(plain(question))) & set(_content(plain(text))):
        return True
    return len(text.split()) > 2 and not OPEN.search(text) and bool(ASKS.search(plain(question)))


def _side(asked: list[str], sentence: str) -> str | None:
    clause = BECAUSE.sub("", re.split(r"\b(?:so|therefore|thus|hence),?\s", sentence)[-1])
    clause = re.split(r",?\s(?:since|because)\s", clause)[0]
    words = _content(clause)
    opposed = ((one, own) for one in words for own in asked if one not in asked and (one, own) in OPPOSED)
    flipped = next(opposed, None)  # "fewer bikes than" where "more bikes than" was asked
    turned = dict([flipped]) if flipped else {}
    if "than" in asked and not re.search(r"\bthan\b", clause):
        asked = asked[: asked.index("than")]  # "So there aren't more brown bikes."
        if not set(asked) <= {turned.get(word, word) for word in words}:
            return None
    said = [turned.get(word, word) for word in _content(NAMES.sub(" ", clause))]
    said = [word for word in said if word in asked]
    if "enough" in asked and SHORT_BY.search(clause):
        return "no"  # "so she'd be $2.00 short"
    if not asked or OPEN.search(clause) or (flipped and DENIES.search(clause)):
        return None
    if any(word in DEGREES and word not in said for word in asked):
        return None
    if "enough" not in said and (asked[-1] not in said or 2 * len(said) < len(asked)):
        return None
    if said != sorted(said, key=asked.index):
        return None
    if _of_another(asked, [turned.get(word, word) for word in words]):
        return None
    return "no" if flipped or DENIES.search(clause) else "yes"


def of_another(question: str | None, text: str) -> bool:
    """Whether a text that begins with "No …" denies something the question does not name."""
    found = NO_NOUN.match(f"{plain(text).rstrip(' .')} ") if question else None
    named = set(_content(found[1])) if found else set[str]()
    return bool(named) and not named & set(_content(plain(question or "")))


def without_other_nouns(text: str, question: str | None) -> str:
    """A text without its sentences that deny something else than is asked about; what follows their "so" stays."""
    if not re.search(r"(?:^|[.!\n]\s*)no\s", text, re.IGNORECASE):
        return text
    lines = ([_rest(one, question) for one in sentences(line)] for line in text.split("\n"))
    return "\n".join(" ".join(one for one in line if one) for line in lines).strip()


def _rest(sentence: str, question: str | None) -> str:
    if not of_another(question, sentence):
        return sentence
    found = CONCLUDES.search(sentence)
    return sentence[found.end() :] if found else ""


def opposed(text: str, question: str | None) -> bool:
    """Whether a text speaks of the opposite of what is asked: "less" where "more" was."""
    asked = _content(plain(question or ""))
    said = [word for word in _content(plain(text)) if word not in asked]  # "more or fewer?" asks for neither
    return any((one, own) in OPPOSED for one in said for own in asked)


def _of_another(asked: list[str], words: list[str]) -> bool:
    """Whether another word stands where one of the question's did: "the blue car" for "the red car"."""
    for missing, kept in itertools.pairwise(asked):
        at = words.index(kept) if kept in words and missing not in words else 0
        other = words[at - 1] if at else missing
        if other[:4] != missing[:4] and other not in asked and not {missing, other} & UNSPECIFIC:
            return True
    return False


def _content(text: str) -> list[str]:
    """The words that carry the meaning, without their endings, each once, in order."""
    return list(dict.fromkeys(stem(word) for word in same_words(text).split() if word not in AUXILIARY))
