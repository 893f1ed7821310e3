"""Cuts a chain of thought into the steps people point at when they say where it went wrong.

Lines are steps; a chain on one line is cut into sentences. The rule is fixed, because marks count steps by it.
"""

import re

LINE = re.compile(r"\S(?:[^\n]*\S)?")
SENTENCE = re.compile(r"(?<=[.!?。])\s+(?=\S)")
LIST_MARK = re.compile(r"(?:[-*•]|\d{1,3}[.)])")


def step_spans(think: str) -> list[tuple[int, int]]:
    """Start and end of every step in characters, in order; between them there is only white space.

    A line that is only a list mark (`1.`) belongs to the line after it.
    """
    lines = [found.span() for found in LINE.finditer(think)]
    if len(lines) == 1:
        return _sentences(think, *lines[0])
    spans: list[tuple[int, int]] = []
    for start, end in lines:
        if spans and LIST_MARK.fullmatch(think, *spans[-1]):
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def steps_of(think: str) -> list[str]:
    """The texts of the steps."""
    return [think[start:end] for start, end in step_spans(think)]


def _sentences(think: str, start: int, end: int) -> list[tuple[int, int]]:
    gaps = [found.span() for found in SENTENCE.finditer(think, start, end)]
    return list(zip([start, *(after for _, after in gaps)], [*(before for before, _ in gaps), end], strict=True))
