"""Options whose words a reply cuts short: "customer service rep" for "customer service representative"."""

import re
from collections.abc import Sequence

from curation.answers.choices import Choice
from curation.answers.denied import DENIED
from curation.answers.spellings import same_words
from curation.records import Option

OFFERS = re.compile(r"\b(?:or|than|nor|unlike)\b", re.IGNORECASE)
SHORTEST, CUT_FROM = 3, 6  # letters: of a word cut short, and of one worth cutting


def shortened(text: str, options: Sequence[Option]) -> Choice | None:
    """The one option of two words or more that stands in a sentence with words cut short; a conflict of several."""
    names = [(one.letter, same_words(one.text).split()) for one in options]
    names = [(letter, name) for letter, name in names if len(name) > 1 and all(word.isalpha() for word in name)]
    said = same_words(text).split() if names else []
    letters = frozenset(letter for letter, name in names if _stands(name, said))
    if not letters or DENIED.search(text):
        return None
    if OFFERS.search(text):
        return Choice(text, frozenset(one.letter for one in options), "conflict")
    return Choice(text, letters, "option_text" if len(letters) == 1 else "conflict")


def _stands(name: list[str], said: list[str]) -> bool:
    places = range(len(said) - len(name) + 1)
    return any(all(map(_short_for, said[at : at + len(name)], name)) for at in places)


def _short_for(word: str, whole: str) -> bool:
    return word == whole or (len(word) >= SHORTEST and len(whole) >= CUT_FROM and whole.startswith(word))
