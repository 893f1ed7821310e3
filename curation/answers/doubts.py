"""Whether a reply that was called wrong may be right after all, which makes it undecided.

Models put remarks behind their answer ("Payment is due within 30 days.", "Los Angeles follows with 3.9 million."), more
than any list of remarks knows. Where the last sentence draws no conclusion, and one of those before it takes up more of
the question's words and says what the reference says, nobody but a person can tell which of them is the answer.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from curation.answers.by_choice import correct_letter
from curation.answers.clauses import FUNCTION, stem
from curation.answers.equality import same
from curation.answers.extract import LONGEST, last_sentence, sentences
from curation.answers.normal import plain
from curation.answers.quantity import Quantity, mentions, quantity
from curation.answers.spellings import same_words
from curation.records import Option, Verdict

CONCLUDES = re.compile(
    r"\W*(?:(?:so|therefore|thus|hence|then|altogether|in\s(?:total|all)|that\sis|this\s(?:means|is|gives)|it\s(?:is|was)"
    r"|(?:the\s)?(?:final\s)?answer|there\s(?:is|are|were))\b|[a-z]\s?=|[\W\d]+$)",
    re.IGNORECASE,
)
BEFORE = 3  # sentences before the last that are looked at
ENOUGH = 2  # words of the question that one of them must take up


def doubtful(answer: str, verdict: Verdict, reference: str, options: Sequence[Option], question: str | None) -> bool:
    """Whether a reply that marks no answer, and was called wrong, may say the reference after all."""
    answer = answer[-LONGEST:]
    match verdict.kind:
        case "digit" | "number":
            wanted = quantity(reference)
            return wanted is not None and of_number(answer, wanted, quantity(verdict.extracted), question)
        case "mcq":
            letter = correct_letter(reference, options)
            return any(of_words(answer, one.text, question) for one in options if one.letter == letter)
        case "text":
            return of_words(answer, reference, question)
    return False


def of_number(answer: str, wanted: Quantity, got: Quantity | None, question: str | None) -> bool:
    """Of a number: also where the last sentence gives it with either sign ("releases 183 kJ (ΔH = −183 kJ)")."""
    last = {each.quantity.value for each in mentions(plain(last_sentence(answer)))}
    if got is not None and got.value == -wanted.value and {got.value, wanted.value} <= last:
        return True
    if any(same(wanted, each.quantity) for each in mentions(plain(question or ""))):
        return False
    return _earlier(answer, question, lambda text: any(same(wanted, each.quantity) for each in mentions(plain(text))))


def of_words(answer: str, wanted: str, question: str | None) -> bool:
    """Of an option's text, or of words; not where the last sentence has them too, which was read then."""
    words = f" {same_words(wanted)} "
    if not words.strip() or words in f" {same_words(last_sentence(answer))} ":
        return False
    return _earlier(answer, question, lambda text: words in f" {same_words(text)} ")


def _earlier(answer: str, question: str | None, says: Callable[[str], bool]) -> bool:
    asked = _content(question or "")
    found = list(_sentences(answer))
    if len(found) < 2 or len(asked) < ENOUGH or CONCLUDES.match(found[-1]):
        return False
    last = len(_content(found[-1]) & asked)
    return any(len(_content(one) & asked) >= max(ENOUGH, last + 1) and says(one) for one in found[-1 - BEFORE : -1])


def _sentences(answer: str) -> Iterator[str]:
    for line in answer.split("\n"):
        if line.strip():
            yield from sentences(line)


def _content(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"[a-z]{3,}", same_words(text)) if word not in FUNCTION}
