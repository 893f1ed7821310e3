"""Which of a reply's last lines the question asks about.

Of "Red apples: 9 / Green apples: 4 / Total: 13" a question for the red apples means the first. Where a perimeter is
asked for, "Its area is 92 cm²" at the end adds something else. Only replies that neither box nor mark their answer are
read so.
"""

import re

from curation.answers.extract import sentences, without_remark
from curation.answers.normal import plain
from curation.answers.quantity import mentions, quantity

LINE = re.compile(r"^[\s*\-•]{0,6}(?:\d{1,2}[.)]\s)?([^\n:=]{3,60}?)[\s*]*[:=]\s*([^\n]{1,60}?)[\s*]*$")
ARTICLES = frozenset(["the", "of", "an", "in", "for"])  # not "a": it may be an angle's name
LEAST_WORDS = 2  # a label of one word ("Price: $2") is often a step on the way
MEASURES = frozenset(
    ["area", "perimeter", "volume", "circumference", "radius", "diameter", "mean", "median", "mode", "average"]
)
OTHER = re.compile(
    r"^(?:and\s|also,?\s)?(?:its|the|their)\s(?:\w+\s)?(\w+)\s(?:is|are|was|would\sbe|=)\s", re.IGNORECASE
)


def asked_part(answer: str, question: str | None) -> str:
    """The text, or the part of its end that the question is about."""
    if not question:
        return answer
    answer = without_remark(answer)
    return _labelled(answer, question) or _same_measure(answer, question)


def _labelled(answer: str, question: str) -> str | None:
    """The value of the one label that consists of the question's words, of the labelled lines at the end."""
    found = []
    for line in reversed(answer.rstrip().split("\n")):
        if not (one := LINE.match(line)):
            break
        found.append(one)
    wanted = frozenset(_words(question))
    mine = [one for one in found if len(words := _words(one[1])) >= LEAST_WORDS and wanted.issuperset(words)]
    if len(found) < 2 or len(mine) != 1 or quantity(mine[0][2]) is None:
        return None
    return mine[0][2]


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w°]+", plain(text).lower()) if word not in ARTICLES]


def _same_measure(answer: str, question: str) -> str:
    """Without a last sentence about another measure than the one asked for, where something is stated before it."""
    asked = MEASURES & frozenset(question.lower().replace("?", " ").replace(",", " ").split())
    last = sentences(answer.rstrip().rsplit("\n", 1)[-1])[-1]
    other = OTHER.match(plain(last)) if asked else None
    if not other or other[1].lower() not in MEASURES - asked:
        return answer
    rest = answer.rstrip().removesuffix(last).rstrip()
    return rest if mentions(plain(rest[-300:])) else answer
