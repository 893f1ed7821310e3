"""Leaks: places where a trace says that it reads a description instead of seeing the picture, or that it was told the
answer.

The published pipeline of VLAA-Thinking asks the rewriter about every trace; most have nothing to mend, so ours asks
when this finds something.
"""

import re
from collections.abc import Sequence

SOURCE = (
    r"(?:description|caption|captioning|rationale|transcript|transcription|text description|image description"
    r"|scene facts?|context)"
)
LEAKS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:the|this|that|your|given|provided|above|supplied|detailed|textual|written|image|picture)\s+(?:\w+\s+)?{SOURCE}s?\b",
        rf"\b(?:according to|based on|judging by|going by|from|in|as per|per)\s+(?:\w+\s+)?{SOURCE}s?\b",
        r"\bas (?:it is |was |is )?(?:described|captioned|transcribed)\b",
        r"\b(?:the|this) (?:provided|given|supplied|accompanying) (?:text|information|details?)\b",
        r"\b(?:i|we) (?:can(?:no|')t|cannot|could not|couldn't|do not|don't) (?:actually |directly )?"
        r"(?:see|view|access|look at) (?:the |this |any )?(?:actual |original )?(?:image|picture|figure|photo)\b",
        r"\bwithout (?:seeing|access to|being able to see) (?:the |an? )?"
        r"(?:actual |original )?(?:image|picture|figure)\b",
    )
)

CHOICES = r"(?!\s+(?:choices?|options?|list|format|key below))"
ANSWER_LEAKS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:the|this|that|our|my|your) (?:given|provided|supplied|stated|expected|known|reference|target|official"
        rf"|ground[- ]?truth) (?:correct |final )?answer\b{CHOICES}",
        r"\b(?:the|this) (?:correct |final |right )?answer (?:that )?(?:i|we) (?:was|were|am|are|have been) "
        r"(?:given|told)\b",
        r"\b(?:the|this) (?:correct |final |right )?answer (?:is|was|that is|that was|has been|which is)?\s?"
        r"(?:already )?(?:given|provided|supplied|specified)"
        r"(?: (?:as|here|to me|to us|above|in the prompt)\b|[.,;:!?]|$)",
        r"\b(?:i|we) (?:was|were|am|are|have been|know|already know)(?: already)? (?:given|told|provided with)?\s?"
        r"(?:that )?the (?:correct |final |right )?answer\b" + CHOICES,
        r"\b(?:the|an?) answer key\b|\bground[- ]truth\b|\breference answer\b",
        r"\b(?:the|this) answer (?:is|was) supposed to be\b|\bthe answer should come out (?:as|to)\b",
        r"\b(?:to|must|should|need to) (?:match|agree with|arrive at|reach|justify|lead to|fit) "
        r"(?:the|this) (?:given |provided |correct |expected |final |known )?answer\b",
    )
)
"""Reconstructed: Vision-R1 publishes no such filter, though its reasoner was told the answer (issue 17)."""


def answer_leaks(text: str, question: str = "") -> list[str]:
    """Phrases of `text` in order that say the answer was given beforehand; one the question itself uses is none."""
    return _phrases(ANSWER_LEAKS, text, question)


def leaks(text: str, question: str = "") -> list[str]:
    """The leaking phrases of `text` in order, repeats included; a phrase that the question itself uses is no leak."""
    return _phrases(LEAKS, text, question)


def _phrases(patterns: Sequence[re.Pattern[str]], text: str, question: str) -> list[str]:
    asked = " ".join(question.lower().split())
    spans: list[tuple[int, int]] = []
    for pattern in patterns:
        spans += [match.span() for match in pattern.finditer(text)]
    found = (text[start:end] for start, end in _merged(spans))
    return [phrase for phrase in found if " ".join(phrase.lower().split()) not in asked]


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
