"""What a response to a choice denies: "not B", "isn't a function", "although it looks like Paris, …".

Of two options the one that is denied leaves the other. An option that itself denies something (`not a function`) is
named by saying just that.
"""

import re
from collections.abc import Sequence, Set

from curation.answers.extract import sentences
from curation.answers.normal import plain
from curation.records import Option

DENIED = re.compile(
    r"\b(?:not|isn't|aren't|neither|nor|except|rather than|instead of|incorrect|wrong|eliminate[ds]?)\b",
    re.IGNORECASE,
)
CONCEDED = re.compile(r"^(?:although|though|even though|while|despite|unlike)\b[^,]{1,120},\s*", re.IGNORECASE)
OTHERS = re.compile(r"\b(?:the\s)?other\s(?:options|choices|answers)\b|\bless\slikely\b", re.IGNORECASE)
NEITHER = re.compile(r"\bneither\b.{1,80}\bnor\b", re.IGNORECASE)
SHORTENED = re.compile(r"\b(is|are|was|were|do|does|did|has|have|will|would|could|should)n't\b", re.IGNORECASE)


def denies(sentence: str, texts: Sequence[str]) -> bool:
    """Whether a sentence denies more than the one option text it names does itself."""
    own = len(DENIED.findall(texts[0])) if len(texts) == 1 else 0
    return len(DENIED.findall(sentence)) > own


def spelled_out(sentence: str, options: Sequence[Option]) -> str:
    """`isn't` as `is not`, where no option is written so."""
    if "n't" not in sentence or any("n't" in one.text for one in options):
        return sentence
    return SHORTENED.sub(r"\1 not", sentence)


def without_denied(bare: str, options: Sequence[Option]) -> str:
    """The sentence without "not B", "not Paris" and "although it looks like …,".

    As it is, where an option itself denies something.
    """
    if any(DENIED.search(one.text) for one in options):
        return bare
    bare = CONCEDED.sub("", bare)
    names = sorted(
        {re.escape(plain(one.text)) for one in options if len(one.text) > 1} | {r"(?-i:[(\[]?[A-Z]\b[)\]]?)"}, key=len
    )
    name = r"(?:(?:in|at|on|by|to|a|an|the)\s+){0,2}(?:option\s+|choice\s+)?" rf"(?:{'|'.join(reversed(names))})(?!\w)"
    denied = rf",?\s*\b(?:not|rather than|instead of)\s+{name}(?:\s+n?or\s+{name}){{0,3}}"
    return re.sub(denied, " ", bare, flags=re.IGNORECASE)


def other_of_two(bare: str, kept: str, named: Set[str], options: Sequence[Option]) -> str:
    """The letter of the other of two options where a sentence only denies one ("It is not linear."), else ""."""
    if kept == bare or len(options) != 2 or len(named) != 1 or len(DENIED.findall(bare)) != 1 or DENIED.search(kept):
        return ""
    return next((one.letter for one in options if one.letter not in named), "")


def without_others(text: str) -> str:
    """A text without its sentences about "the other options"."""
    if not OTHERS.search(text):
        return text
    lines = (" ".join(one for one in sentences(line) if not OTHERS.search(one)) for line in text.split("\n"))
    return "\n".join(lines).strip()
