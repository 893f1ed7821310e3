"""Compares answers that have parts: lists and sets, points, intervals and inequalities, ranges, ratios.

`compare` says True or False where it can read both sides as the same sort of thing, and None where it cannot. Lists
and sets agree in any order (`red, blue` and `blue and red`) unless the question asks for an order; the same items too
few or too many are wrong. Points (`(3, -4)`) have an order. `x <= 3`, `3 >= x` and `(-oo, 3]` are one interval.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from curation.answers.equality import same
from curation.answers.normal import folded, latex, plain
from curation.answers.quantity import quantity
from curation.answers.spelled import in_digits

LONGEST = 400  # characters
SIGNED = r"[-+]?\s*(?:\d(?:[\d,]*\d)?(?:\.\d+)?|\.\d+)(?:\s?%)?"
RATIO = re.compile(r"^(\d+(?:\.\d+)?)\s*(?::|\bto\b)\s*(\d+(?:\.\d+)?)(?:\s*(?::|\bto\b)\s*(\d+(?:\.\d+)?))?$")
EQUALS = re.compile(r"[=≈]|\\approx")
TO_ONE = re.compile(r"\s?(?::|\bto\b)\s?1$")
RANGE = re.compile(
    rf"^(?:from\s+|between\s+)?({SIGNED})\s*(?:-|\bto\b|\band\b|\bthrough\b)\s*({SIGNED})$", re.IGNORECASE
)
POINT = re.compile(r"([(\[])([^()\[\]]{1,120})([)\]])")
NAMED_POINT = re.compile(
    r"^(?:the\s)?(?:[A-Za-z]\w{0,8}'?\s*=?\s*|\([a-z](?:\s*,\s*[a-z]){1,2}\)\s*=\s*)?([(\[][^()\[\]]{1,120}[)\]])$"
)
COORDINATES = re.compile(
    r"^x\s*=\s*([^,;=]{1,40}?)\s*(?:,|;|\band\b)\s*y\s*=\s*([^,;=]{1,40}?)(?:\s*(?:,|;"
    r"|\band\b)\s*z\s*=\s*([^,;=]{1,40}))?$"
)
INEQUALITY = re.compile(
    r"^(?:([^<>=!]{1,40}?)\s*(<=?|>=?)\s*)?([a-zA-Z])\s*(<=?|>=?)\s*([^<>=!]{1,40})$|^([^<>=!]{1,40}?)\s*(<=?"
    r"|>=?)\s*([a-zA-Z])$"
)
CHAIN = re.compile(
    r"=|→|⟶|\s?->\s?|\\(?:long)?(?:right|maps)?(?:arrow|to)(?![a-z])|\b(?:becomes|(?:maps|goes|moves)\s(?:on)?to)\b"
)  # "(3,4) → (3,-4)"
ANGLED = re.compile(r"[<⟨]\s*([^<>⟨⟩=]{1,60},[^<>⟨⟩=]{1,60})[>⟩]")  # a vector
COLUMN = re.compile(r"\\begin\{[pb]matrix\}([^&]{1,120}?)\\end\{[pb]matrix\}")
ROW = re.compile(r"\s*\\\\\s*")
SET = re.compile(
    r"^(?:[A-Za-z]\s*=\s*|[A-Z](?:\s?(?:∩|∪|\\cap|\\setminus)\s?[A-Z]){1,3}\s?=\s?)?\\?[{\[]\s*(.{1,300}?)\s*\\?[}\]]$",
    re.DOTALL,
)
ITEM = re.compile(
    r"\s*(?:,\s*(?:and|or|(?:and\s)?then|followed\sby)\s|,|;|\n|、|\band\sthen\b|\band\b|\bor\b|\s&\s|≅|\s和\s|→|\s->\s"
    r"|\s(?:then|followed\sby)\s)\s*",
    re.IGNORECASE,
)
BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+", re.MULTILINE)
BUILDER = re.compile(r"^\\?\{\s*[a-z]\s*(?:∈\s*R\s*)?(?:\||:|\\mid)\s*([^{}]{1,80}?)\\?\}$")
UNION = re.compile(r"\s*(?:∪|\bor\b|\bU\b)\s*")
MEMBER = re.compile(r"^[a-zA-Z]\s*(?:∈|\\in\b)\s*")
VARIABLE = re.compile(r"^([a-zA-Z](?:_?\d)?)\s*=\s*")
LEAD = re.compile(
    r"^(?:(?:so|thus|therefore|hence)\b,?\s*)?(?:the\s+)?(?:(?:final|correct)\s+)?(?:answers?|solutions?|values?"
    r"|roots?|items?|colou?rs?|they|these|it)?"
    r"\s*(?:(?:is|are|were)\b|:)\s*:?\s*",
    re.IGNORECASE,
)
PLUS_MINUS = re.compile(r"^(?:±|\\pm|\+/-|\+-)\s*(.{1,40})$")
INNER_PM = re.compile(r"±|\\pm(?![a-zA-Z])")
WORDED = (
    (re.compile(r"\s(?:is\s|must\sbe\s)?(?:greater|larger|more)\sthan\sor\sequal\sto\s|\sis\sat\sleast\s"), " >= "),
    (re.compile(r"\s(?:is\s|must\sbe\s)?(?:less|smaller)\sthan\sor\sequal\sto\s|\sis\sat\smost\s"), " <= "),
    (re.compile(r"\s(?:is\s|must\sbe\s)?(?:greater|larger|more)\sthan\s"), " > "),
    (re.compile(r"\s(?:is\s|must\sbe\s)?(?:less|smaller)\sthan\s"), " < "),
)
Same = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of the number line; ends as folded texts (`oo` and `-oo` where it has none)."""

    low: str
    low_in: bool
    high: str
    high_in: bool


def compare(reference: str, text: str, same: Same, *, ordered: bool | None = None) -> bool | None:
    """Whether two texts with parts agree; None when the reference has none or the text cannot be read so.

    `same` compares two parts. `ordered` says whether a list's order matters; None: nobody knows, and then lists of
    numbers in another order are left undecided (None).
    """
    if max(len(reference), len(text)) > LONGEST:
        return None
    one, other = _bare(reference), _bare(text)
    for reads in (_ratios, _ranges, _unions, _intervals, _points):
        if (found := reads(one, other, same)) is not None:
            return found
    return _lists(one, other, same, ordered)


def _bare(text: str) -> str:
    if "<" in text or "⟨" in text or "matrix" in text:
        text = ANGLED.sub(r"(\1)", COLUMN.sub(lambda found: f"({', '.join(ROW.split(found[1].strip()))})", text))
    bare = BULLET.sub("", text) if "\n" in text else text
    bare = bare if "than" not in bare and "at " not in bare else signed(bare)
    return (
        MEMBER.sub("", BUILDER.sub(r"\1", LEAD.sub("", plain(bare))))
        .strip()
        .rstrip(".,;")
        .replace("\\{", "{")
        .replace("\\}", "}")
        .strip()
    )


def signed(text: str) -> str:
    """`x is greater than or equal to 2` as `x >= 2`."""
    for pattern, sign in WORDED:
        text = pattern.sub(sign, text)
    return text


def _ratios(one: str, other: str, _same: Same) -> bool | None:
    if not (left := RATIO.match(one)) or ":" not in one + other:
        return None
    other = in_digits(other) if " to " in other else other
    number = quantity(other)
    other = other if quantity(other) or "=" not in other else other.rsplit("=", 1)[-1].strip()
    right = [part for part in found.groups() if part] if (found := RATIO.match(other)) else None
    number = number or quantity(other)
    if right is None and number is not None and not number.scale and number.value > 0:
        right = [str(number.value.numerator), str(number.value.denominator)]
    if right is None:
        return None
    mine = [float(part) for part in left.groups() if part]
    got = [float(part) for part in right]
    if len(mine) != len(got):
        return False
    return all(
        abs(a * got[0] - b * mine[0]) <= 1e-9 * max(1.0, abs(a * got[0])) for a, b in zip(mine, got, strict=True)
    )


def rounded_ratio(reference: str, text: str) -> bool:
    """Whether a text is the decimal, of two digits or more, to which a ratio of two numbers rounds: 0.67 of 2:3."""
    last = TO_ONE.sub("", plain(EQUALS.split(text)[-1]).strip(" ."))
    left, got = RATIO.match(plain(reference)), quantity(last)
    if left is None or left[3] or got is None or not got.decimals or got.digits < 2 or not float(left[2]):
        return False
    exact = Fraction(left[1]) / Fraction(left[2])
    return 0 < abs(exact - got.value) <= Fraction(1, 2 * 10**got.decimals)


def _ranges(one: str, other: str, same: Same) -> bool | None:
    left, right = RANGE.match(one), RANGE.match(other)
    if not left or not right or not re.match(r"^\S+?\s*(?:-|to|through)", one):
        return None
    return same(left[1], right[1]) and same(left[2], right[2])


def _intervals(one: str, other: str, same: Same) -> bool | None:
    """Only when one side cannot be a point: an inequality, an infinite end, or two different brackets."""
    left, right = _interval(one), _interval(other)
    if left is None or right is None or (POINT.fullmatch(one) and POINT.fullmatch(other) and not _must_be(one)):
        return None
    if POINT.fullmatch(one) and not _must_be(one) and "oo" in other:
        return None
    return _same_interval(left, right, same)


def _unions(one: str, other: str, same: Same) -> bool | None:
    """`x <= -1 or x >= 3` and `(-oo, -1] ∪ [3, oo)`: the same intervals, in any order."""
    mine, got = ([_interval(part.strip()) for part in UNION.split(text)] for text in (one, other))
    if len(mine) < 2 or None in mine or None in got:
        return None
    left, right = [part for part in mine if part], [part for part in got if part]
    return len(left) == len(right) and all(any(_same_interval(a, b, same) for b in right) for a in left)


def is_union(text: str) -> bool:
    """Whether a text is several intervals of one line."""
    parts = UNION.split(_bare(text)) if len(text) <= LONGEST else []
    return len(parts) > 1 and all(_interval(part.strip()) for part in parts)


def _same_interval(one: Interval, other: Interval, same: Same) -> bool:
    bounds = (one.low_in, one.high_in) == (other.low_in, other.high_in)
    return bounds and _end(one.low, other.low, same) and _end(one.high, other.high, same)


def _must_be(text: str) -> bool:
    return "oo" in text or text[0] + text[-1] in ("(]", "[)")


def _end(one: str, other: str, same: Same) -> bool:
    return one == other if "oo" in one + other else same(one, other)


def _interval(text: str) -> Interval | None:
    found = POINT.fullmatch(text)
    if found and len(parts := found[2].split(",")) == 2:
        return Interval(_plain_end(parts[0]), found[1] == "[", _plain_end(parts[1]), found[3] == "]")
    if not (found := INEQUALITY.match(text)):
        return None
    if found[8]:
        return _one_sided(found[6], _turned(found[7]))
    if found[1] is None:
        return _one_sided(found[5], found[4])
    low, high = _one_sided(found[1], _turned(found[2])), _one_sided(found[5], found[4])
    if (low.low == "-oo") == (high.low == "-oo"):
        return None
    low, high = (high, low) if low.low == "-oo" else (low, high)
    return Interval(low.low, low.low_in, high.high, high.high_in)


def _turned(sign: str) -> str:
    return sign.translate(str.maketrans("<>", "><"))


def _one_sided(end: str, sign: str) -> Interval:
    """What `x SIGN end` allows."""
    within = sign.endswith("=")
    if sign[0] == "<":
        return Interval("-oo", False, _plain_end(end), within)
    return Interval(_plain_end(end), within, "oo", False)


def _plain_end(text: str) -> str:
    bare = text.replace(" ", "").lstrip("+")
    return {"infinity": "oo", "-infinity": "-oo", "inf": "oo", "-inf": "-oo"}.get(bare, bare)


def _points(one: str, other: str, same: Same) -> bool | None:
    left = _point(one, bare=False)
    if left is None:
        return None
    right = _point(other, bare=True)
    if right is None and not CHAIN.search(one):
        right = _point(CHAIN.split(other)[-1].strip(), bare=False)
    if right is None:
        inside = {found[0] for found in POINT.finditer(other) if "," in found[2]}
        right = _point(inside.pop(), bare=False) if len(inside) == 1 else None
    if right is None:
        return None
    if left[0] == right[0] == "(" and len(left[1]) != len(right[1]):
        return False
    return len(left[1]) == len(right[1]) and all(same(a, b) for a, b in zip(left[1], right[1], strict=True))


def _point(text: str, *, bare: bool) -> tuple[str, list[str]] | None:
    """`(3, 4)`, `A(3, 4)`, `(x, y) = (3, 4)`, `x = 3, y = 4` and, where `bare`, `3, 4`."""
    if found := COORDINATES.match(text):
        return "(", [part for part in found.groups() if part]
    if found := NAMED_POINT.match(text):
        text = found[1]
    elif not bare or not re.fullmatch(r"[^,()\[\]]{1,40}(?:,[^,()\[\]]{1,40}){1,2}", text):
        return None
    inner = text.strip("()[]")
    parts = [part.strip() for part in re.split(r",(?!\d{3}(?!\d))|,(?=\d{3},)", inner)]
    if len(parts) < 2 or not all(parts) or text[0] + text[-1] in ("(]", "[)") or text.startswith("["):
        return None
    return "(", parts


def _lists(one: str, other: str, same: Same, ordered: bool | None) -> bool | None:
    left, right = items(one), items(other)
    if len(left) < 2 or not right:
        return None
    if len(left) != len(right):
        return False if _all_short(left) and _all_short(right) and _shares(left, right, same) else None
    if all(same(a, b) for a, b in zip(left, right, strict=True)):
        return True
    rest = list(right)
    for item in left:
        found = next((each for each in rest if same(item, each)), None)
        if found is None:
            return False if _all_short(right) else None
        rest.remove(found)
    if SET.match(one) and not ordered:
        return True
    numbers = len(left) > 2 and all(quantity(item) for item in left)
    return not ordered if ordered is not None else None if numbers else True


def _shares(left: list[str], right: list[str], same: Same) -> bool:
    """Whether the two lists have an item in common, or are all numbers: then one has too many or too few."""
    return any(same(a, b) for a in left for b in right)


def _all_short(texts: list[str]) -> bool:
    return all(len(text.split()) <= 3 for text in texts)


def items(text: str) -> list[str]:
    """The items of a list or set, `x =` before each dropped, `±2` as two; one item when it is no list."""
    found = SET.match(text)
    inner = found[1] if found else text
    parts = [
        part for part in ITEM.split(re.sub(r"(?<=\d),(?=\d{3}(?!\d))(?!\d{3},\d{1,2}\b)", "", inner)) if part.strip()
    ]
    names = {name[1][0] for part in parts if (name := VARIABLE.match(part))}
    if len(names) == 1:
        parts = [VARIABLE.sub("", part) for part in parts]
    out: list[str] = []
    for part in parts:
        both = PLUS_MINUS.match(part.strip())
        if both:
            out += [both[1], f"-{both[1]}"]
        else:
            out += [INNER_PM.sub(sign, part).strip(" \"'`") for sign in ("+-" if INNER_PM.search(part) else "+")]
    return out


def equal_parts(one: str, other: str) -> bool:
    """Two parts are the same number, the same symbols or the same words."""
    left, right = quantity(one), quantity(other)
    if left is not None and right is not None:
        return same(left, right) is True
    if latex(one) == latex(other):
        return True
    return bool(folded(one)) and folded(one) == folded(other)
