"""English number words as digits: `twenty-one` is 21, `two hundred and five` is 205, `half` is 1/2."""

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
HALVES = re.compile(
    r"\b(?:one[\s-]|a\s)?half\b|\b(?:one|a)[\s-](?:third|quarter|fourth)\b|\bthree[\s-](?:quarters|fourths)\b|\btwo[\s-]thirds\b",
    re.IGNORECASE,
)
PARTS = {
    "half": "1/2",
    "third": "1/3",
    "quarter": "1/4",
    "fourth": "1/4",
    "quarters": "3/4",
    "fourths": "3/4",
    "thirds": "2/3",
}


def in_digits(text: str) -> str:
    """The text with its number words replaced by digits."""
    text = HALVES.sub(lambda found: PARTS[re.split(r"[\s-]", found[0].lower())[-1]], text)
    return NEGATIVE.sub("-", RUN.sub(lambda run: _value(run[0]), text))


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
