"""Several values that a reply gives by their labels, brought into the order in which its question asks for them.

"What is the lowest bar and the highest bar?" is answered with 12, 87 by the lines "Highest bar: 87", "Lowest bar: 12".
Every label must consist of the question's words, and have one that no other label has.
"""

import re

from curation.answers import structured
from curation.answers.about import LINE
from curation.answers.about import MEASURES as KNOWN
from curation.answers.clauses import FUNCTION, LONGEST, clauses_of, stem
from curation.answers.extract import sentences
from curation.answers.normal import plain
from curation.answers.quantity import quantity
from curation.answers.spellings import same_words

MEASURES = KNOWN | {"length", "width", "height", "range", "depth", "minimum", "maximum"}
STATES = re.compile(
    r"(?:so\s|thus\s|therefore,?\s)?([^,;=]{3,60}?)\s(?:is|was|equals|=)\s(\S{1,12}(?:\s\S{1,12})?)", re.IGNORECASE
)
ASIDE = re.compile(r"\s\([^()]{1,60}\)$")


def values(answer: str, question: str | None) -> str:
    """The values of the labelled lines at the end, joined by commas in the question's order; "" where that is open."""
    lines = _lines(answer)
    lines = lines if len(lines) > 1 else _clauses(answer)
    asked = _words(question or "")
    labels = [_words(label) for label, _ in lines]
    own = [[asked.index(word) for word in mine if word in asked and _once(word, labels)] for mine in labels]
    known = all(set(mine) <= set(asked) for mine in labels)
    if len(lines) < 2 or not known or not all(own):
        return ""
    return ", ".join(value for _, (_, value) in sorted(zip(map(min, own), lines, strict=True)))


def _lines(answer: str) -> list[tuple[str, str]]:
    """(label, value) of the lines at the end that have both."""
    found: list[tuple[str, str]] = []
    for line in reversed(answer.rstrip().split("\n")):
        if not (one := LINE.match(line)):
            break
        found.append((one[1], ASIDE.sub("", one[2].strip("* ")).strip("*. ")))
    return found[::-1]


def _clauses(answer: str) -> list[tuple[str, str]]:
    """(label, value) of the clauses of a last sentence that all have both: "the mean is 5 and the median is 6"."""
    last = sentences(answer[-LONGEST:].rstrip().rsplit("\n", 1)[-1])[-1]
    parts = [STATES.fullmatch(one.strip(" .")) for one in clauses_of(last)]
    return [(one[1], one[2]) for one in parts if one] if all(parts) else []


def turned(reference: str, text: str, question: str | None) -> bool:
    """Whether numbers stand in another order than the measures that a question asks for: the mean and the median."""
    if len(MEASURES & frozenset(re.findall(r"[a-z]+", (question or "").lower()))) < 2:
        return False
    numbers = all(quantity(item) for item in structured.items(plain(reference)))
    return numbers and structured.compare(reference, text, structured.equal_parts, ordered=True) is False


def _once(word: str, labels: list[list[str]]) -> bool:
    return sum(word in mine for mine in labels) == 1


def _words(text: str) -> list[str]:
    return [stem(word) for word in re.findall(r"\w+", same_words(text)) if word not in FUNCTION]
