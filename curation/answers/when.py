"""Reads clock times, calendar dates and durations, so that `2:10 P.M.` is `14:10` and `1 hour and 15 minutes`
is `75 minutes`.
"""

import re
from fractions import Fraction

from curation.answers.normal import plain
from curation.answers.spelled import in_digits
from curation.answers.units import UNITS

CLOCK = re.compile(
    r"^(?:at\s)?(\d{1,2})(?:[:.h](\d{2}))?(?::(\d{2}))?\s*([ap])?\.?\s?(m)?\.?$|^(noon|midnight)$",
    re.IGNORECASE,
)
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
MONTH = "|".join(sorted({*MONTHS, *(month[:3] for month in MONTHS), "sept"}, key=len, reverse=True))
MONTH_FIRST = re.compile(
    rf"^(?P<month>{MONTH})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year>\d{{4}}))?$", re.IGNORECASE
)
DAY_FIRST = re.compile(
    rf"^(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<month>{MONTH})\.?(?:,?\s+(?P<year>\d{{4}}))?$",
    re.IGNORECASE,
)
ISO = re.compile(r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})$")
SLASHED = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$")
MONTH_YEAR = re.compile(
    rf"^(?:(?P<name>{MONTH})(?:\.?,?\s+(?:of\s)?|-)(?P<year>\d{{4}})|(?P<number>\d{{1,2}}(?=[/-])|0\d)[/.-](?P<year2>(?:19|20)\d\d)"
    r"|(?P<year3>(?:19|20)\d\d)[/-](?P<number2>\d\d))$",
    re.IGNORECASE,
)
WEEKDAY = re.compile(r"^(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+(?=\w)", re.IGNORECASE)
HALF = re.compile(r"(?<=\w)\s+in\sthe\s(morning|afternoon|evening)\b", re.IGNORECASE)
HALF_SAID = re.compile(
    r"(?<![a-z])[ap]\.?\s?m\b|\b(?:0|00|1[3-9]|2[0-3])[:.h]\d{2}\b|\b(?:noon|midnight|night|evening|morning|afternoon)\b",
    re.IGNORECASE,
)
SPOKEN = re.compile(
    r"^(?:at\s)?(?:a\s)?(half|quarter|\d{1,2})(?:\sminutes)?\s(past|after|to|before)\s(\d{1,2})(?:\s?([ap])\.?m\.?)?$",
    re.IGNORECASE,
)
SPOKEN_SIGN = re.compile(r"\b(?:half|quarter|past)\b", re.IGNORECASE)
SPOKEN_INSIDE = re.compile(
    r"\b(?:(?:half|quarter)\s(?:past|after|to|before)|\d{1,2}(?:\sminutes)?\spast)\s\d{1,2}(?:\s?[ap]\.?m\b\.?)?",
    re.IGNORECASE,
)
CLOCK_INSIDE = re.compile(
    r"\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?\s?m\b\.?)?|\b\d{1,2}\s?[ap]\.?m\b\.?", re.IGNORECASE
)
DATE_INSIDE = re.compile(
    rf"\b(?:{MONTH})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?(?:\s+of)?\s+(?:{MONTH})\b\.?(?:,?\s+\d{{4}}\b)?|\b\d{{4}}-\d{{2}}-\d{{2}}\b"
    rf"|\b(?:{MONTH})\b(?:\.?,?\s(?:of\s)?|-)(?:19|20)\d\d\b|(?<![\d/.-])(?:(?:\d{{1,2}}/|0\d\.)(?:19|20)\d\d|(?:19|20)\d\d-\d\d)(?![\d/-]|\.\d)",
    re.IGNORECASE,
)
PART = re.compile(
    r"(\d{1,6}(?:\.\d{1,6})?)\s*-?\s*(hours?|hrs?|h|minutes?|mins?|min|seconds?|secs?|s|days?|weeks?)(?![a-z])",
    re.IGNORECASE,
)
DECADE = re.compile(r"(?:1[0-9]|20)\d0s$")
HOURS = re.compile(r"\b(\d{1,3})\s?h(?:rs?|ours?)?[\s:]?(\d{1,2})\s?m\b", re.IGNORECASE)
SPAN_INSIDE = re.compile(
    r"\b\d{1,3}\s?(?:hours?|hrs?|h)(?:,?\s(?:and\s)?|,)?\d{1,2}\s?(?:minutes?|mins?|m)\b", re.IGNORECASE
)
LONGEST = 60  # characters
BETWEEN = re.compile(r"[\s,]*(?:and)?[\s,]*")

NUMERIC_DATE = re.compile(r"(?<![\d/.-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\d/-]|\.\d)")

When = tuple[str, tuple[int, ...]] | tuple[str, Fraction]


def when(text: str) -> When | None:
    """A time, date or duration in one comparable form, or None: ("clock", (14, 10, 0)), ("date", (2020, 3,
    5)), ("month", (2020, 3)), ("span", s).
    """
    bare = WEEKDAY.sub("", _with_half(plain(text)).strip(" .,").replace(" o'clock", ":00"))
    if len(bare) > LONGEST or DECADE.match(bare):
        return None
    return _clock(bare) or _date(bare) or _month(bare) or _span(bare) or _spoken(bare)


def _with_half(text: str) -> str:
    """`2:15 in the afternoon` as `2:15 pm`."""
    return (
        HALF.sub(lambda found: " am" if found[1].lower() == "morning" else " pm", text)
        if "in the" in text.lower()
        else text
    )


def half(text: str) -> bool:
    """Whether a text says which half of the day it means: `am`, `pm`, `15:45`, "in the morning", noon."""
    return bool(HALF_SAID.search(_with_half(plain(text)[-2000:])))


def moments(text: str) -> set[When]:
    """The clock times, dates and durations in hours and minutes a sentence names."""
    bare = _with_half(plain(text)[-2000:])
    named = [found[0] for pattern in (CLOCK_INSIDE, DATE_INSIDE, SPAN_INSIDE) for found in pattern.finditer(bare)]
    named += [found[0] for found in SPOKEN_INSIDE.finditer(in_digits(bare))] if SPOKEN_SIGN.search(bare) else []
    return {moment for each in named if (moment := when(each))}


def _spoken(text: str) -> When | None:
    """`half past seven`, `quarter to 4`, `ten past ten`."""
    found = SPOKEN.match(in_digits(text))
    if not found:
        return None
    minutes = {"half": 30, "quarter": 15}.get(found[1].lower()) or int(found[1])
    hour, later = int(found[3]), found[2].lower() in ("past", "after")
    if not (1 <= hour <= 12 and 0 < minutes < 60):
        return None
    half = found[4].lower() if found[4] else None
    total = (hour % 12 + (12 if half == "p" else 0)) * 60 + (minutes if later else -minutes)
    total = total % (24 * 60)
    if half is None and total < 60:
        total += 12 * 60
    return "clock", (total // 60, total % 60, 0)


def _clock(text: str) -> When | None:
    """Needs minutes, or `am`/`pm`: a bare `5` is a number. `3.45` without either is one too."""
    found = CLOCK.match(text)
    if not found:
        return None
    if found[6]:
        return "clock", (12 if found[6].lower() == "noon" else 0, 0, 0)
    hour, minute, second = int(found[1]), int(found[2] or 0), int(found[3] or 0)
    half = found[4].lower() if found[4] and found[5] else None
    if (found[4] and not found[5]) or (not half and (not found[2] or "." in text)):
        return None
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    return ("clock", (hour, minute, second)) if hour < 24 and minute < 60 and second < 60 else None


def _date(text: str) -> When | None:
    """Day and month, with or without the year (0). `3/5/2020` is ambiguous and stays text; `3/25/2020` is
    not.
    """
    if found := MONTH_FIRST.match(text) or DAY_FIRST.match(text):
        return _checked(int(found["year"] or 0), _of_name(found["month"]), int(found["day"]))
    if found := ISO.match(text):
        return _checked(int(found["year"]), int(found["month"]), int(found["day"]))
    if found := SLASHED.match(text):
        first, second = int(found[1]), int(found[2])
        if max(first, second) > 12 or first == second:
            return _checked(int(found[3]), min(first, second), max(first, second))
    return None


def _month(text: str) -> When | None:
    """A month with its year: `08/2025`, `2025-08`, `Aug. 2025`."""
    if not (found := MONTH_YEAR.match(text)):
        return None
    month = _of_name(found["name"]) if found["name"] else int(found["number"] or found["number2"])
    year = int(found["year"] or found["year2"] or found["year3"])
    season = bool(found["year3"]) and month == year % 100 + 1  # "2010-11"
    return ("month", (year, month)) if 1 <= month <= 12 and not season else None


def _of_name(name: str) -> int:
    return next(place for place, month in enumerate(MONTHS, start=1) if month[:3] == name.lower()[:3])


def _checked(year: int, month: int, day: int) -> When | None:
    return ("date", (year, month, day)) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _span(text: str) -> When | None:
    """Seconds of `1 hour and 15 minutes`, `3h 41m`; the whole text must be parts of a duration."""
    seconds, at, text = Fraction(0), 0, HOURS.sub(r"\1h \2min", text)
    for part in PART.finditer(text):
        if not BETWEEN.fullmatch(text[at : part.start()]):
            return None
        name = part[2].lower().rstrip("s") or "s"
        seconds, at = seconds + Fraction(part[1]) * UNITS[name][1], part.end()
    return ("span", seconds) if at and at == len(text) else None


def numeric_dates(text: str) -> list[tuple[int, int, int]]:
    """The dates written in figures alone, year last, as (first, second, year): nobody knows which is the month."""
    found = (one for one in NUMERIC_DATE.finditer(plain(text)) if one[2] == "/" or len(one[4]) == 4)
    return [(int(one[1]), int(one[3]), int(one[4])) for one in found]


def same_date(one: str, other: str) -> bool | None:
    """Whether two texts, of which one has a date in figures, name one date; None where only the order of day and month
    could tell, or where one names no single date.
    """
    left, right = numeric_dates(one), numeric_dates(other)
    if len(left) == len(right) == 1 and _year(left[0][2], right[0][2]) and left[0][:2] == right[0][:2]:
        return True
    mine, got = _dates(one, left), _dates(other, right)
    if not mine or not got or not (left or right):
        return None
    shared = [(a, b) for a in mine for b in got if a[1:] == b[1:] and _year(a[0], b[0])]
    return False if not shared else True if len(mine) == len(got) == 1 else None


def _dates(text: str, numeric: list[tuple[int, int, int]]) -> set[tuple[int, int, int]]:
    """Every (year, month, day) the one date of a text may be; none when it has several or none."""
    named = {(int(one[1][0]), int(one[1][1]), int(one[1][2])) for one in moments(text) if one[0] == "date"}  # type: ignore[index]
    if len(numeric) == 1 and not named:
        first, second, year = numeric[0]
        return {(year, *pair) for pair in ((first, second), (second, first)) if pair[0] <= 12 and pair[1] <= 31}
    return named if len(named) == 1 and not numeric else set()


def _year(one: int, other: int) -> bool:
    """Equal years, one of which may be cut to two digits."""
    return one == other or (min(one, other) < 100 and one % 100 == other % 100)
