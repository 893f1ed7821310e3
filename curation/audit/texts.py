"""Questions as templates and words: what the checks that never look at a picture go by."""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

NUMBER = re.compile(r"[-+−]?\$?\d[\d,.:/]*%?")
QUOTED = re.compile(r"\"[^\"]{1,80}\"|“[^”]{1,80}”|'[^']{1,80}'(?!\w)")
NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)*")
WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=65_536)
def template(question: str) -> str:
    """The question with numbers, quotations and names taken out: what questions made by one template share."""
    text = QUOTED.sub("~", question)
    text = NAME.sub("~", text)
    text = NUMBER.sub("#", text)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(" ?.!:")


def words(text: str) -> list[str]:
    """Lower-case words of letters and digits."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=65_536)
def grams(text: str) -> tuple[str, ...]:
    """Words and pairs of neighbouring words, each once."""
    found = words(text)
    return tuple(dict.fromkeys([*found, *(f"{a} {b}" for a, b in pairwise(found))]))
