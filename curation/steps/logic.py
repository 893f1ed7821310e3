"""Step 5 of Vision-R1: the logic filter. The paper says that rules remove inconsistent chains and gives none.

So every rule here is reconstructed: each has a name, a limit where it needs one, and an action that is a setting:
`drop`, `flag` or `off`. Tags and foreign script are checked where the reply arrives, in `curation.steps.distill`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from curation.answers import check, parse
from curation.answers.extract import sentences
from curation.records import Json, Kind, Option
from curation.step import Drop, step
from curation.steps.leaks import answer_leaks

Action = Literal["drop", "flag", "off"]

MISSING = re.compile(
    r"\b(?:information|data|details?)\s+(?:is|are|was|were)\s+(?:missing|insufficient|incomplete|unavailable|lacking"
    r"|not\s+(?:given|provided|available|shown|included|enough|sufficient))\b"
    r"|\b(?:image|picture|figure|chart|table|description|caption)\s+(?:itself\s+)?(?:is|was)(?:n['’]t|\s+not)\s+"
    r"(?:given|provided|available|attached|included|visible|shown)\b"
    r"|\b(?:image|picture|figure|chart|table|description|caption)\s+is\s+missing\b(?!\s+(?:an?|the|its|some|one|two)\b)"
    r"|\b(?:not\s+enough|insufficient|missing|lack\s+of)\s+(?:information|data|details?)\b"
    r"|\b(?:cannot|can\s?not|can['’]t|could\s+not|couldn['’]t|impossible\s+to)\s+(?:be\s+)?(?:determined?|answered|known)\b"
    r"|\b(?:cannot|can\s?not|can['’]t)\s+(?:actually\s+|directly\s+)?(?:see|view|access)\s+(?:the|this|any)\s+"
    r"(?:actual\s+|original\s+)?(?:image|picture|figure|chart)\b"
    r"|\b(?:description|caption|image|picture)\s+(?:does\s+not|doesn['’]t|didn['’]t)\s+"
    r"(?:mention|specify|say|state|provide|include|give)\b",
    re.IGNORECASE,
)
CONCLUSION = re.compile(
    r"\b(?:answer|option|choice|result)\s+(?:(?:is|must\s+be|should\s+be|would\s+be)\b[:\s]*|:\s*)"
    r"(?!not\b|either\b|neither\b|one\s+of\b|between\b|correct\b|wrong\b|incorrect\b|right\b|probably\b|supposed\b)"
    r"(?=(?P<said>[^\s][^\n]{0,159}))",
    re.IGNORECASE,
)
DECIDABLE: tuple[Kind, ...] = ("mcq", "digit", "number")
MOST_WORDS = 12_288
"""The 16,384 tokens of the published fine-tuning, at three words to four tokens."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule looks at: the whole response, its think block, the question with its options, and the limits."""

    text: str
    think: str
    question: str
    reference: str
    kind: Kind
    options: tuple[Option, ...]
    words: tuple[str, ...]
    loop_words: int
    loop_times: int
    most_repeats: float
    most_words: int


@step
def logic(
    distill: str,
    question: str,
    reference: str | None,
    kind: Kind,
    options: tuple[Option, ...],
    *,
    given_answer: Action = "drop",
    says_missing: Action = "drop",
    conclusion: Action = "drop",
    loops: Action = "drop",
    length: Action = "drop",
    repeats: Action = "flag",
    loop_words: int = 8,
    loop_times: int = 5,
    most_repeats: float = 0.1,
    most_words: int = MOST_WORDS,
) -> dict[str, Json] | Drop:
    """{flags, words, repeats}: what each named rule found, or the first rule with action `drop` that found something.

    Source: arXiv 2503.06749 §3.3.1 for the existence of the filter; the share of repeated 4-grams above 0.10 is what
    others report about the published set (specs/corpora.md §2.4).
    """
    actions = {
        "given_answer": given_answer, "says_missing": says_missing, "conclusion": conclusion,
        "loops": loops, "length": length, "repeats": repeats,
    }  # fmt: skip
    words = tuple(distill.split())
    asked = " ".join([question, *(option.text for option in options)])
    case = Case(
        distill, parse(distill).think, asked, reference or "", kind, options, words,
        loop_words, loop_times, most_repeats, most_words,
    )  # fmt: skip
    found = {name: detail for name, action in actions.items() if action != "off" and (detail := RULES[name][1](case))}
    value: dict[str, Json] = {"flags": found, "words": len(words), "repeats": round(repeated(words), 4)}
    for name, detail in found.items():
        if actions[name] == "drop":
            return Drop(RULES[name][0], detail, value)
    return value


def _given_answer(case: Case) -> str:
    return "; ".join(answer_leaks(case.text, case.question)[:5])


def _says_missing(case: Case) -> str:
    """Not where question, options or reference speak of missing information themselves."""
    if MISSING.search(f"{case.question} {case.reference}"):
        return ""
    found = MISSING.search(case.text)
    return found[0] if found else ""


def _conclusion(case: Case) -> str:
    """The last "the answer is …" of the think block, when it can be read and is another answer than the reference."""
    if case.kind not in DECIDABLE or not (found := list(CONCLUSION.finditer(case.think))):
        return ""
    said = sentences(found[-1]["said"])[0]
    verdict = check(said, case.reference, kind=case.kind, options=case.options, question=case.question)
    wrong = verdict.correct is False and verdict.reason == "wrong_answer"
    return f"concluded {said[:100]!r}, answered {case.reference[:100]!r}" if wrong else ""


def _loops(case: Case) -> str:
    counts = Counter(grams(case.words, case.loop_words))
    gram, times = counts.most_common(1)[0] if counts else ((), 0)
    return f"{times} times: {' '.join(gram)}"[:300] if times >= case.loop_times else ""


def _length(case: Case) -> str:
    return f"{len(case.words)} words" if len(case.words) > case.most_words else ""


def _repeats(case: Case) -> str:
    share = repeated(case.words)
    return f"{share:.0%} of the 4-grams are repeats" if share > case.most_repeats else ""


RULES: dict[str, tuple[str, Callable[[Case], str]]] = {
    "given_answer": ("answer_leak", _given_answer),
    "says_missing": ("says_missing", _says_missing),
    "conclusion": ("conclusion_differs", _conclusion),
    "loops": ("trace_loops", _loops),
    "length": ("trace_too_long", _length),
    "repeats": ("trace_repeats", _repeats),
}
"""Name of a rule to its reason code and the function that returns what it found, or nothing."""


def grams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """Runs of `n` words."""
    return zip(*(words[i:] for i in range(n)), strict=False)


def repeated(words: Sequence[str], n: int = 4) -> float:
    """Share (0 to 1) of the n-grams that occurred before in the same text."""
    counts = Counter(grams(words, n))
    total = sum(counts.values())
    return 1 - len(counts) / total if total else 0.0
