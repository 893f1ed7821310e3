"""Number words as digits: `twenty-one` is 21, `half` is 1/2, `a dozen` is 12, `十二` is 12; English and Chinese."""

import re

ONES = (
    "zero one two three four five six seven eight nine ten "
    "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
VALUES = {word: value for value, word in enumerate(ONES.split())} | {
    word: 10 * value for value, word in enumerate(TENS.split(), start=2)
}
MULTIPLIERS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
WORD = "|".join(sorted([*VALUES, *MULTIPLIERS], key=len, reverse=True))
RUN = re.compile(rf"\b(?:{WORD})(?:(?:[\s-]+and[\s-]+|[\s-]+)(?:{WORD}))*\b", re.IGNORECASE)
NEGATIVE = re.compile(r"\b(?:minus|negative)\s+(?=[\d$.])", re.IGNORECASE)
ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
PARTS = {"half": 2, "halves": 2, "quarter": 4} | {word: below for below, word in enumerate(ORDINALS.split(), start=3)}
FRACTION = re.compile(
    rf"\b(?:(?P<whole>{WORD}|\d{{1,6}})\s+and\s+)?(?:(?P<above>a|an|{WORD}|\d{{1,3}})[\s-]+(?:of\s+a\s+)?)?"
    rf"(?P<part>{'|'.join(PARTS)})s?\b(?!\s*(?:past|to)\b)",
    re.IGNORECASE,
)
OF_A = re.compile(
    r"(?<=\d/\d)\s+of\s+an?\s+(?=(?:hour|minute|day|week|year|mile|kilomet|met|inch|foot|gallon|lit|pound|cup)[a-z]*\b)",
    re.IGNORECASE,
)
DOZEN = re.compile(rf"\b(?:(half)\s+)?(?:(a|{WORD}|\d{{1,6}})\s+)?dozens?\b", re.IGNORECASE)
MIXED = re.compile(r"\b(\d{1,6})\s+and\s+(?=\d{1,3}\s?/\s?\d)")
HAN_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
HAN_POWERS = {"十": 10, "百": 100, "千": 1000}
HAN_RUN = re.compile("[零〇一二两三四五六七八九十百千]+")


def in_digits(text: str) -> str:
    """The text with its number words replaced by digits."""
    text = OF_A.sub(" ", MIXED.sub(r"\1 ", DOZEN.sub(_dozen, FRACTION.sub(_part, text))))
    text = NEGATIVE.sub("-", RUN.sub(lambda run: _value(run[0]), text))
    return text if text.isascii() else HAN_RUN.sub(lambda run: _han(run[0]), text)


def _count(word: str | None) -> int:
    """`three`, `3`, `a` or nothing as a number."""
    if not word or word.lower() in ("a", "an"):
        return 1
    return int(word) if word.isdigit() else int(_value(word))


def _part(found: re.Match[str]) -> str:
    """`three quarters` is `3/4`, `two and a half` is `2 1/2`; `a second` and `the third` are no fractions."""
    part = found["part"].lower()
    if not found["above"] and part not in ("half", "halves"):
        return found[0]
    if found["above"] and found["above"].isdigit() and not found["whole"] and part not in ("half", "halves"):
        return found[0]
    whole = f"{_count(found['whole'])} " if found["whole"] else ""
    return f"{whole}{_count(found['above'])}/{PARTS[part]}"


def _dozen(found: re.Match[str]) -> str:
    return str(12 * _count(found[2]) // (2 if found[1] else 1))


def _han(run: str) -> str:
    """`十二` is 12, `一百零五` is 105, `二〇二〇` is 2020."""
    if not any(sign in HAN_POWERS for sign in run):
        return "".join(str(HAN_DIGITS[sign]) for sign in run)
    total, digit = 0, 0
    for sign in run:
        if sign in HAN_POWERS:
            total, digit = total + (digit or 1) * HAN_POWERS[sign], 0
        else:
            digit = HAN_DIGITS[sign]
    return str(total + digit)


def _value(run: str) -> str:
    """`one two three` is not one number: words that do not build on each other stay as they are."""
    total, group, last = 0, 0, 1000
    for word in re.split(r"[\s-]+", run.lower()):
        if word in VALUES:
            if VALUES[word] >= last:
                return run
            group, last = group + VALUES[word], 10 if VALUES[word] >= 20 else 1
        elif word == "hundred":
            group, last = max(1, group) * 100, 100
        elif word in MULTIPLIERS:
            total, group, last = total + max(1, group) * MULTIPLIERS[word], 0, 1000
    return str(total + group)
