"""Step 6 of Vision-R1: wording repair by rules, so that the chain reads as if its writer saw the picture.

The published rules are unknown and replaced word by word: samples in the paper read "image shows illustrates",
"displays displays", "the problem displays that". Ours replace whole phrases whose subject is the description, leave
what the problem or the text in the picture says alone, and are then checked as a rewriter's work is.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Literal

from curation.records import Json
from curation.step import Drop, step
from curation.steps.leaks import leaks
from curation.steps.rewrite import changed, difference, word_diff, word_gap

NOUN = r"(?:descriptions?|captions?|transcript(?:ion)?s?)(?![-\w])"
KIND = (
    r"(?:(?:image|picture|figure|chart|textual|text|visual|scene|detailed|written|given|provided|above|supplied)"
    r"(?:['’]s)?\s+)"
)
NAMED = rf"{KIND}{{0,3}}{NOUN}(?:\s+of\s+(?:the|this)\s+(?:image|picture|figure))?"
SUBJECT = rf"(?P<the>the|this|that|your|my|our|an?)\s+{NAMED}"
ADVERB = r"(?P<adverb>(?:also|clearly|explicitly|only|just|further|then|does|did)\s+)?"

SAYING = {
    "say": "show", "state": "show", "mention": "show", "note": "show", "describe": "show", "specify": "show",
    "tell us": "show", "tells us": "shows", "told us": "showed", "explain": "show", "report": "show", "list": "show",
    "says": "shows", "states": "shows", "mentions": "shows", "notes": "shows", "describes": "shows",
    "specifies": "shows", "explains": "shows", "reports": "shows", "lists": "shows", "reads": "shows",
    "said": "showed", "stated": "showed", "mentioned": "showed", "noted": "showed", "described": "showed",
    "specified": "showed", "explained": "showed", "reported": "showed", "listed": "showed",
}  # fmt: skip
"""Verbs of texts to what a picture does instead, in the same form."""
SHOWING = r"(?:shows|displays|illustrates|depicts|presents|indicates|shown|showed|displayed|illustrated|depicted)"
VERBS = "|".join(sorted(SAYING, key=len, reverse=True))
DOUBLE = rf"(?P<kept>{SHOWING})\s+(?P<second>{SHOWING}|says|states|mentions|describes)\b(?!\s+of\b)"

Match = re.Match[str]


def _image(found: Match) -> str:
    """`the image`, `this image` or `an image`, with a capital where the phrase had one."""
    article = {"this": "this", "a": "an", "an": "an"}.get(found["the"].lower(), "the")
    return f"{article.capitalize() if found['the'][:1].isupper() else article} image"


def _says(found: Match) -> str:
    return f"{_image(found)} {found['adverb'] or ''}{SAYING[' '.join(found['verb'].lower().split())]}"


def _passive(found: Match) -> str:
    return f"{found['before']}shown in {_image(found)}"


def _denied(found: Match) -> str:
    return f"{_image(found)} {found['aux']} show"


def _one_verb(found: Match) -> str:
    """The second verb where it is one of pictures ("shows illustrates"), else the first ("displays states")."""
    second = found["second"]
    return second if re.fullmatch(SHOWING, second, re.IGNORECASE) else found["kept"]


RULES: tuple[tuple[str, re.Pattern[str], Callable[[Match], str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE), put)
    for name, pattern, put in (
        ("denied", rf"\b{SUBJECT}\s+(?P<aux>does\s+not|doesn['’]t|did\s+not|didn['’]t)\s+(?:{VERBS})\b", _denied),
        ("says", rf"\b{SUBJECT}\s+{ADVERB}(?P<verb>{VERBS})\b", _says),
        (
            "passive",
            rf"\b(?P<before>(?:as\s+|is\s+|are\s+|was\s+|were\s+)?)(?:described|stated|mentioned|noted|captioned"
            rf"|transcribed|written|specified)\s+(?:in|by)\s+{SUBJECT}\b",
            _passive,
        ),
        (
            "as",
            r"\bas\s+(?:it\s+(?:is|was)\s+)?(?:described|captioned|transcribed)\b",
            lambda found: _cased(found, "as shown"),
        ),
        (
            "text",
            r"\b(?P<the>the|this)\s+(?:provided|given|supplied|accompanying)\s+(?:text|information|details?)\b"
            r"(?!\s+(?:in|of)\s+the\s+(?:problem|question))",
            lambda found: _cased(found, f"{found['the'].lower()} image"),
        ),
        ("noun", rf"\b{SUBJECT}\b", _image),
        (
            "bare",
            rf"\b(?P<before>according\s+to|based\s+on|from|in|per|by)\s+{NAMED}\b",
            lambda found: f"{found['before']} the image",
        ),
        ("mentioned", r"\b(?P<image>(?:image|picture|figure)\s+)(?P<verb>mentions|mentioned)\b",
         lambda found: found["image"] + SAYING[found["verb"].lower()]),
        ("problem", r"\b(?P<who>(?:problem|question)\s+)(?:displays|shows|illustrates|depicts)(?=\s+that\b)",
         lambda found: f"{found['who']}states"),
        ("double", rf"\b{DOUBLE}", _one_verb),
    )
)  # fmt: skip
"""(name, pattern, replacement) in the order they are applied; the last three mend what blind replacement leaves."""
NAMES = tuple(name for name, *_ in RULES)


def _cased(found: Match, text: str) -> str:
    return text.capitalize() if found[0][:1].isupper() else text


@step
def rewrite(
    distill: str,
    question: str,
    *,
    rules: tuple[str, ...] = NAMES,
    remaining_leaks: Literal["drop", "keep"] = "drop",
) -> dict[str, Json] | Drop:
    """{text, asked, leaks, word_gap, diff, rules} (arXiv 2503.06749 §3.3.1: some words are replaced).

    Dropped when a rule changed a number, an option letter, a tag or the answer, and when a leak is left.
    """
    text, used = repaired(distill, question, rules)
    value: dict[str, Json] = {
        "text": text, "asked": False, "leaks": leaks(distill, question), "word_gap": word_gap(distill, text),
        "diff": word_diff(distill, text), "rules": used,
    }  # fmt: skip
    if reason := changed(distill, text, max_word_gap=len(distill)):
        return Drop(reason, difference(reason, distill, text), value)
    if remaining_leaks == "drop" and (left := leaks(text, question)):
        return Drop("leak_remains", "; ".join(left[:5]), value)
    return value


def repaired(text: str, question: str = "", rules: tuple[str, ...] = NAMES) -> tuple[str, dict[str, int]]:
    """The text with its wording mended, and how often each rule replaced something; repairing it again changes nothing.

    A phrase that the question uses itself is left as it is.
    """
    asked, used = " ".join(question.lower().split()), Counter[str]()
    before = ""
    while text != before:  # a mended phrase may be the start of another; every replacement leaves fewer to make
        before = text
        for name, pattern, put in RULES:
            if name in rules:
                text, times = _applied(pattern, put, text, asked)
                used[name] += times
    return text, {name: times for name, times in used.items() if times}


def _applied(pattern: re.Pattern[str], put: Callable[[Match], str], text: str, asked: str) -> tuple[str, int]:
    times = 0

    def mend(found: Match) -> str:
        nonlocal times
        if asked and " ".join(found[0].lower().split()) in asked:
            return found[0]
        times += 1
        return put(found)

    return pattern.sub(mend, text), times
