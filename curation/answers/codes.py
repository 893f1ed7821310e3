"""Phone numbers, postal codes, ISBNs, plates and room numbers: texts compared by their letters and digits.

They look like sums and numbers and are neither: `(212) 555-0187` is `212-555-0187` and `+1 212 555 0187`. A reference
is one by its own shape, or, having letters and digits, by what the question asks for.
"""

import re

from curation.answers.normal import plain

PHONE = re.compile(
    r"\+?1?[\s.-]?\(\d{2,5}\)[\s.-]?\d{3,4}[\s.-]?\d{3,4}|\+\d{1,3}(?:[\s.-]?\(?\d{1,5}\)?){2,5}"
    r"|(?:1[\s.-])?\d{3}([-.\s])\d{3}\1\d{4}|\d{3}-\d{4}|0\d{1,4}(?:[\s-]\d{2,4}){2,4}"
)
ISBN = re.compile(r"97[89][-\s]?\d{1,5}[-\s]\d{1,7}[-\s]\d{1,7}[-\s]\d|\d{1,5}-\d{1,7}-\d{1,7}-[\dX]")
ZIP = re.compile(r"0\d{4}|\d{5}-\d{4}|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|[A-Z]\d[A-Z]\s?\d[A-Z]\d")
ASKED = re.compile(
    r"\b(?:phone|telephone|fax|mobile|zip|postal|post\s?code|isbn|licen[cs]e|plate|registration|serial|barcode"
    r"|id\b|code\b|(?:room|flight|order|invoice|account|model|part|tracking|reference|id|gate|ticket)\s(?:number|code|no\b|id\b))",
    re.IGNORECASE,
)
ADDRESS = re.compile(
    r"(?<![\w.@/-])(?:https?://)?(?:www\.)?([a-z\d][a-z\d-]*(?:\.[a-z\d-]+)*\.[a-z]{2,12}(?:/[\w./~%-]*[\w~%-])?)/?(?![\w@])",
    re.IGNORECASE,
)
MAIL = re.compile(r"(?<![\w.+-])([\w.+-]{1,64}@[a-z\d-]+(?:\.[a-z\d-]+)+)", re.IGNORECASE)
SHAPED = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z\d]+(?:[\s./-][A-Za-z\d]+){0,4}")
WORDS = re.compile(r"[a-z]{3}")
LABEL = re.compile(r"\b[A-Za-z]*[a-z]{2,}\b[:#]?")  # "is", "Room": no part of a code
RUN = re.compile(r"\+?\(?[A-Za-z\d]+\)?(?:[\s./-]{1,2}\(?[A-Z\d]+\)?)*")


def is_code(reference: str, question: str | None = None) -> bool:
    """Whether a reference is a code: by its shape alone, or by the question and letters beside digits."""
    text = plain(reference).strip()
    if len(text) > 40:
        return False
    if any(shape.fullmatch(text) for shape in (PHONE, ISBN, ZIP)):
        return True
    return bool(ASKED.search(question or "") and SHAPED.fullmatch(text) and not WORDS.search(text))


def address(text: str) -> str:
    """An Internet address without scheme, `www.` and closing slash, or a mail address; "" for anything else."""
    bare = plain(text).strip(" .<>")
    found = MAIL.fullmatch(bare) or ADDRESS.fullmatch(bare)
    return found[1].lower() if found else ""


def addresses(text: str) -> set[str]:
    """The Internet and mail addresses a text names."""
    bare = plain(text)[-2000:]
    return {found[1].lower() for pattern in (MAIL, ADDRESS) for found in pattern.finditer(bare)}


def compare(reference: str, text: str) -> bool | None:
    """Whether a text gives this code and no other; None where it gives none, several, or a part of it."""
    wanted, bare = _key(plain(reference)), plain(text)
    if len(bare) > 400:
        return None
    found = {
        key for run in RUN.finditer(LABEL.sub("", bare)) if len(key := _key(run[0])) >= 3 and any(map(str.isdigit, key))
    }
    if any(_same(wanted, key) for key in (_key(bare), *found)):
        return True if len(found) <= 1 else None
    return False if len(found) == 1 and len(next(iter(found))) >= len(wanted) else None


def _same(one: str, other: str) -> bool:
    """Equal, or equal but for a label before the code ("ISBN", "Room") or a country's number."""
    short, long = sorted((one, other), key=len)
    if short == long or (long.endswith(short) and len(short) > 2 and long[: -len(short)].isalpha() and one == short):
        return True
    national = short.removeprefix("0")
    return (
        short.isdigit()
        and len(national) >= 9
        and len(long) > len(short)
        and len(long) - len(national) <= 3
        and long.endswith(national)
    )


def _key(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())
