"""Caption leaks: places where a trace says that it reads a description instead of seeing the picture.

The published pipeline asks the rewriter about every trace; most have nothing to mend, so ours asks when this finds
something.
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


def leaks(text: str, question: str = "") -> list[str]:
    """The leaking phrases of `text` in order, repeats included; a phrase that the question itself uses is no leak."""
    asked = " ".join(question.lower().split())
    spans: list[tuple[int, int]] = []
    for pattern in LEAKS:
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
