"""Options whose words a reply cuts short, or spells with a letter less or more where one is doubled.

"customer service rep" for "customer service representative", "Lemon and cherry" for "Lemmon and cherry".
"""

import re
from collections.abc import Sequence

from curation.answers.choices import Choice
from curation.answers.denied import DENIED
from curation.answers.spellings import same_words
from curation.records import Option

OFFERS = re.compile(r"\b(?:or|than|nor|unlike)\b", re.IGNORECASE)
DOUBLED = re.compile(r"(\w)\1")
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
    """Whether the words of a name stand in a row, and at least one of them cut short."""
    rows = (said[at : at + len(name)] for at in range(len(said) - len(name) + 1))
    return any(row != name and all(map(_short_for, row, name)) for row in rows)


def _short_for(word: str, whole: str) -> bool:
    cut = len(word) >= SHORTEST and len(whole) >= CUT_FROM and whole.startswith(word)
    return word == whole or cut or DOUBLED.sub(r"\1", word) == DOUBLED.sub(r"\1", whole)


def beside_shortened(choice: Choice, options: Sequence[Option]) -> Choice:
    """A choice by an option's whole text; a conflict where the sentence names another option cut short."""
    other = shortened(choice.text, options) if choice.how == "option_text" else None
    if other is None or other.letters <= choice.letters:
        return choice
    return Choice(choice.text, choice.letters | other.letters, "conflict")
