"""Words with one meaning and several spellings: yes and no in several languages, weekdays and months cut short, British
and American English, a few names everybody abbreviates.

`same_words` rewrites a folded text so that two spellings come out equal. Synonyms are not spellings: `big` and `large`
stay apart, and a judge may join them.
"""

import re
import unicodedata
from functools import lru_cache

from curation.answers.normal import REMEMBERED, folded, plain

YES = "yes yeah yep yup y true oui si sí ja sim да 是 是的 对 对的 正确 はい 네 예"
NO = "no nope nah n false non nein nee não нет 否 不是 不 不对 错误 いいえ 아니요"
POLAR = dict.fromkeys(YES.split(), "yes") | dict.fromkeys(NO.split(), "no")
SAID = re.compile(
    r"^\W*(?:(?:so|therefore|thus|hence|well|ok|okay|and)\b[\s,:]*)*(?:the\s+(?:answer"
    r"|statement)\s+is\s+)?([^\W\d]+)(?![\w'-])(.{0,60})",
    re.IGNORECASE | re.DOTALL,
)
BOTH = re.compile(r"^\s*(?:and|or|/|&|,?\s*but)\s*(?:also\s)?(?:yes|no|true|false)\b", re.IGNORECASE)
NO_WHAT = re.compile(
    r"^\s+(?:answer|idea|one|clue|information|solution|way|problem|matter|change|effect|image|option|data|number"
    r"|need|\w+s)\b",
    re.IGNORECASE,
)
SHORT_POLAR = frozenset(["y", "n", "si", "non", "ja", "nee", "不", "对"])  # only as the whole answer or before a comma
DAYS = "sunday monday tuesday wednesday thursday friday saturday"
MONTHS = "january february march april june july august september october november december"
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
ONE_WORD = {
    **{word: f"{at}{['th', 'st', 'nd', 'rd', *['th'] * 9][at]}" for at, word in enumerate(ORDINALS.split(), start=1)},
    **{word[:3]: word for word in (DAYS + " " + MONTHS).split()},
    "sept": "september", "tues": "tuesday", "thur": "thursday", "thurs": "thursday",
    "grey": "gray", "anticlockwise": "counterclockwise", "mt": "mount", "mum": "mom", "maths": "math",
    "programme": "program", "usa": "united states", "us": "united states", "u.s": "united states",
    "u.s.a": "united states", "america": "united states",
    "uk": "united kingdom", "u.k": "united kingdom", "infinity": "oo", "infinite": "oo", "tv": "television",
    "ave": "avenue", "blvd": "boulevard", "rd": "road", "ltd": "limited", "corp": "corporation", "dept": "department",
}  # fmt: skip
IRREGULAR = {
    "leaves": "leaf", "wolves": "wolf", "knives": "knife", "halves": "half", "men": "man", "women": "woman",
    "children": "child", "feet": "foot", "teeth": "tooth", "mice": "mouse",
    "vertices": "vertex", "radii": "radius", "axes": "axis", "mitochondria": "mitochondrion",
    "bacteria": "bacterium", "geese": "goose", "people": "person",
}  # fmt: skip
OUR = re.compile(r"\b(\w{3,})our(s|ed|ing)?\b")
RE = re.compile(r"\b(\w{3,}[bt])re\b")
STATES = re.compile(r"\bunited states of america\b")
STREET = re.compile(r" st$")
ATTACHED = re.compile(r"(?<=[a-z]{2})-(?=\d)")  # `ABC-1234` and `ABC 1234`; ` -5` keeps its sign
TITLE = re.compile(r"^(?:dr|mr|mrs|ms|prof)\.? (?=\w+ \w)")  # "Dr. Helen Park" is Helen Park
INITIALS = re.compile(r"(?<=\b[a-z])\.(?=[a-z]\b)")  # "T.S. Eliot" and "T. S. Eliot"
IES = re.compile(r"\b(\w{3,})ies?\b")  # `carries` and `carry`, `movies` and `movie`
PLURAL = re.compile(r"\b(\w{3,}(?<![sui]))s\b")
INNER = re.compile(r"(?<=[^\W\d])[\s-]+(?=[^\W\d])|(?<=[^\W\d]{2})[\s-](?=\d)")
ACCENT = re.compile("[\u0300-\u036f]")


@lru_cache(maxsize=REMEMBERED)
def same_words(text: str) -> str:
    """The folded text in one spelling, plurals made singular."""
    if not text.isascii():
        text = text.replace("∠", "angle ").replace("△", "triangle ")
        text = unicodedata.normalize("NFC", ACCENT.sub("", unicodedata.normalize("NFD", text)))
    said = STREET.sub(" street", STATES.sub("united states", folded(text)))
    words = " ".join(IRREGULAR.get(word) or ONE_WORD.get(word, word) for word in said.split())
    words = TITLE.sub("", INITIALS.sub(" ", words))
    words = ATTACHED.sub(" ", words)
    words = IES.sub(r"\1y", words)
    return PLURAL.sub(r"\1", RE.sub(r"\1er", OUR.sub(r"\1or\2", words)))


def same_spelling(one: str, other: str) -> bool:
    """Whether two texts are the same words, however spelled; `north-east` is `northeast`, `1 2` is not `12`."""
    left, right = same_words(one), same_words(other)
    if left == right or not left:
        return bool(left)
    return left.count(" ") != right.count(" ") and INNER.sub("", left) == INNER.sub("", right)


def polar(text: str) -> str | None:
    """`yes` or `no` when the text begins by saying so, else None; `both` for "yes and no" and "yes or no"."""
    found = SAID.match(plain(text))
    if not found or (side := POLAR.get(word := found[1].lower())) is None:
        return None
    if BOTH.match(found[2]):
        return "both"
    alone = not found[2].strip() or re.match(r"\s*[.,;:!)\n]", found[2])
    if not alone and (word in SHORT_POLAR or (side == "no" and NO_WHAT.match(found[2]))):
        return None
    return side
