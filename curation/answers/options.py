"""The options of a choice, with their letters: as a source gives them, or as a question lists them itself."""

import re
from collections.abc import Sequence
from functools import lru_cache

from curation.answers.normal import plain
from curation.answers.spellings import same_words
from curation.records import Option

INLINE = re.compile(r"(?:^|(?<=\s))[(\[]?([A-Z])[).:\]]\s*(.+?)(?=\s*(?:\n|(?<=\s)[(\[]?[A-Z][).:\]]\s|$))")
LABEL = re.compile(r"^\s*[(\[]?([A-Z])[)\].:]\s*(\S.*)$", re.DOTALL)
HEADING = re.compile(r"\W{0,4}([A-Z])\W?[).:]\s*(.{1,200}?)[\s.*]{0,4}")
ENTRY = re.compile(r"\W{0,4}[A-Z]\W?[).:]\s")
IN_BRACKETS = re.compile(r"^([^()]{2,60}?)\s\(([^()]{2,40})\)$")  # `water (H2O)`
UNLIMITED = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def lettered(options: Sequence[Option | str]) -> tuple[Option, ...]:
    """Options with letters A, B, C … where the source gave only texts; "A. text" gives both."""
    if not options:
        return ()
    named = _labelled(options) or [one if isinstance(one, Option) else Option("", one) for one in options]
    return tuple(Option(one.letter or UNLIMITED[place % 26], one.text) for place, one in enumerate(named))


def _labelled(options: Sequence[Option | str]) -> list[Option] | None:
    """Options that are texts beginning with their own letters, in order; None when they are not."""
    texts = [one for one in options if isinstance(one, str)]
    found = [one for text in texts if (one := LABEL.match(text))]
    if len(found) < max(2, len(options)) or [one[1] for one in found] != list(UNLIMITED[: len(found)]):
        return None
    return [Option(one[1], one[2].strip()) for one in found]


def options_in(question: str) -> tuple[Option, ...]:
    """The options a question lists itself (`(A) 5 (B) 6` or one a line); none unless the letters run A, B, C
    …
    """
    found = [(one[1], one[2].strip()) for one in INLINE.finditer(question[-4000:])]
    start = max((place for place, one in enumerate(found) if one[0] == "A"), default=len(found))
    run = found[start:]
    in_order = len(run) >= 2 and [letter for letter, _ in run] == list(UNLIMITED[: len(run)])
    return tuple(Option(letter, text) for letter, text in run) if in_order else ()


@lru_cache(maxsize=256)
def names_of(options: tuple[Option, ...]) -> tuple[tuple[str, str], ...]:
    """(words, letter) of every option; of `water (H2O)` both parts too, where no other option has the same."""
    whole = [(same_words(one.text), one.letter) for one in options]
    parts = [
        (same_words(part), one.letter)
        for one in options
        if "\\" not in one.text and (found := IN_BRACKETS.match(plain(one.text)))
        for part in found.groups()
        if re.search(r"[^\W\d_]{2}|[^\W\d_]\d", part)
    ]
    known = [name for name, _ in (*whole, *parts)]
    return tuple(pair for pair in (*whole, *parts) if len(pair[0]) > 1 and (pair in whole or known.count(pair[0]) == 1))


def heading(text: str, options: Sequence[Option]) -> str | None:
    """The letter of a first line that is an option as it is listed, letter and all, with an explanation below it."""
    line, _, rest = text.strip().partition("\n")
    found = HEADING.fullmatch(line.strip())
    if not found or not rest.strip() or ENTRY.match(rest.strip()):  # or the options are listed once more
        return None
    said = same_words(found[2])
    return next((one.letter for one in options if one.letter == found[1] and same_words(one.text) == said), None)
