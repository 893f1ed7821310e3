"""Options that say how something changes ("It increases", "It decreases", "It stays the same"), and a response that
says so in another form: "their population would increase".

Only for "What happens to X …?", whose last sentence ends in a clause about X or about "it"; where the change is said of
anything else, is denied or is one of two, nobody decides.
"""

import re
from collections.abc import Sequence

from curation.answers.by_choice import COMMON
from curation.answers.choices import Choice
from curation.answers.denied import DENIED
from curation.answers.extract import sentences
from curation.answers.normal import plain
from curation.answers.spellings import same_words
from curation.records import Option

CHANGES = {
    "up": re.compile(r"\bincreas(?:e|es|ed|ing)\b", re.IGNORECASE),
    "down": re.compile(r"\bdecreas(?:e|es|ed|ing)\b", re.IGNORECASE),
    "none": re.compile(
        r"\b(?:stay|remain)(?:s|ed|ing)?\s(?:the\ssame|constant|unchanged)\b|\bdo(?:es)?\snot\schange\b", re.IGNORECASE
    ),
}
ASKS = re.compile(
    r"\bhappen(?:s|ed)?\sto\s([^.?!,]{2,60}?)(?:\s(?:if|when|as|after|once|during|while)\b|[?,])", re.IGNORECASE
)
CLAUSE = re.compile(r"[,;:]\s|\s(?:so|and|but|because|since|while|whereas|which|that|if|when|as|then)\s", re.IGNORECASE)
THEY_WORDS = "it its they their them this would will should must also therefore thus hence so"
THEY = frozenset(THEY_WORDS.split())
UNSURE = re.compile(r"\b(?:may|might|could|either|or|if)\b|\?", re.IGNORECASE)


def changed(text: str, options: Sequence[Option], question: str | None) -> Choice | None:
    """The option whose change a text states; all of them (a conflict) where it names one without saying of what."""
    sides = [_sides(one.text) for one in options]
    if len(options) < 2 or any(len(each) != 1 for each in sides) or len(set(map(tuple, sides))) != len(options):
        return None
    last = sentences(plain(text).strip().rsplit("\n", 1)[-1])[-1]
    every = frozenset(one.letter for one in options)
    if not _sides(last):
        return None
    clause = CLAUSE.split(last)[-1]
    said, asked = _sides(clause), ASKS.search(plain(question or ""))
    if len(said) != 1 or said not in sides or not asked or DENIED.search(last) or UNSURE.search(clause):
        return Choice(last, every, "conflict")
    subject = clause[: CHANGES[said[0]].search(clause).start()]  # type: ignore[union-attr]
    about = frozenset(same_words(subject).split()) - COMMON - THEY
    if not about <= frozenset(same_words(asked[1]).split()) or not subject.strip():
        return Choice(last, every, "conflict")
    return Choice(last, frozenset({options[sides.index(said)].letter}), "option_text")


def _sides(text: str) -> list[str]:
    return [name for name, words in CHANGES.items() if words.search(text)]
