"""Several values that a reply gives by their labels, brought into the order in which its question asks for them.

"What is the lowest bar and the highest bar?" is answered with 12, 87 by the lines "Highest bar: 87", "Lowest bar: 12".
Every label must consist of the question's words, and have one that no other label has.
"""

import re

from curation.answers.about import LINE
from curation.answers.clauses import FUNCTION, stem
from curation.answers.spellings import same_words

ASIDE = re.compile(r"\s\([^()]{1,60}\)$")


def values(answer: str, question: str | None) -> str:
    """The values of the labelled lines at the end, joined by commas in the question's order; "" where that is open."""
    lines = _lines(answer)
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


def _once(word: str, labels: list[list[str]]) -> bool:
    return sum(word in mine for mine in labels) == 1


def _words(text: str) -> list[str]:
    return [stem(word) for word in re.findall(r"\w+", same_words(text)) if word not in FUNCTION]
