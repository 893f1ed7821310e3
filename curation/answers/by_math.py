"""Compares formulas: symbol by symbol first, as constants next, and by Math-Verify in a worker process last.

A constant that differs is wrong at once, by the rules of `curation.answers.by_number`. What Math-Verify
cannot read is undecided, and so is what it cannot finish in time.
"""

import re
from collections.abc import Iterable
from typing import Literal

from curation.answers import math_workers, structured
from curation.answers.by_number import Reading
from curation.answers.by_number import agrees as same_number
from curation.answers.extract import Extracted, formulas
from curation.answers.normal import latex, plain, powers
from curation.answers.quantity import quantity
from curation.answers.rational import same_formula

LONGEST = 500  # characters; no final answer is longer, and SymPy's time grows fast
ASSIGNED = re.compile(r"^\s*((?:[a-zA-Z]|[A-Z]{2,3})(?:_\{?\w+\}?)?'?(?:\s*\([a-z]\))?)\s*=(?!=)\s*(.+)$", re.DOTALL)
PROSE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{4,}(?![a-zA-Z{])")
FUNCTIONS = frozenset(["sqrt", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "frac", "log", "infty"])
LEAD = re.compile(
    r"^(?:the\s+)?(?:(?:final|correct)\s+)?(?:answer|solution|result|value|expression|equation|function|vertex"
    r"|point|slope)?\s*(?:(?:is|are)\b|:)\s*(?:given\s+by\s*)?(?:(?:located\s+)?at\b\s*)?|^at\b\s*",
    re.IGNORECASE,
)
SO = re.compile(r"^(?:so|thus|therefore|hence)\b,?\s+", re.IGNORECASE)
UNKNOWN = re.compile(r"(?<![a-zA-Z])[a-zA-Z]\s*(?:[<>]=?|=)|[<>]=?\s*[a-zA-Z](?![a-zA-Z])|\b(?:oo|or|and)\b")
NAMED = re.compile(r"\\(?:text|mathrm|begin|end)\s*\{[^{}]*\}")
SPELLED = (
    (re.compile(r"(?<![\\a-zA-Z])oo(?![a-zA-Z])"), r"\\infty "),
    (re.compile(r"(?<![\\a-zA-Z])pi(?![a-zA-Z])"), r"\\pi "),
    (re.compile(r"(?<![\\a-zA-Z])sqrt\s?\(([^()]{1,60})\)|√\s?\(([^()]{1,60})\)|√\s?(\w+)"), r"\\sqrt{\1\2\3}"),
    (re.compile(r"(?<![\\a-zA-Z])(ln|log|sin|cos|tan|exp)(?![a-zA-Z])"), r"\\\1 "),
    (re.compile(r"\^\s?\(([^()]{1,60})\)"), r"^{\1}"),
)
BEFORE = re.compile(
    r"^.*(?:\b(?:factor(?:s|ed|ised|ized)?|simplif(?:y|ies|ied)|reduces?d?|expand(?:s|ed)?|written|rewritten|expressed)\s(?:in)?(?:to|as)\b:?|\b(?:is|are|be|equals|gives|get|have|has|takes|needs|at|equation|formula|expression|rule|giving|yields|means|so)\b:?|\w:\s|[a-zA-Z]{4,}\s*=)\s*",
    re.DOTALL | re.IGNORECASE,
)
OPEN = re.compile(r"([(\[])\s*([^,()\[\]]{1,20}?)\s*,\s*([^,()\[\]]{1,20}?)\s*([)\]])")
SPAN = re.compile(  # "decreasing from x = 2 to x = 5", in the groups of OPEN
    r"\b(from|between)\s(?:x\s?=\s?)?([-\w./]{1,20})\s(?:to|and)\s(?:x\s?=\s?)?([-\w./]{1,20}?)\.?$", re.IGNORECASE
)
CHARGE = re.compile(r"\^?\{?(?P<many>\d?)(?P<sign>[+-])\}?")  # of an ion: `2+`
ON = re.compile(
    r"^.*\b(?:on|for|when|where|over|if|all)\s(?:the\s(?:open\s|closed\s)?interval\s|all\s|real\s|values\sof\s)*\$?"
    r"(?=[^<>≤≥\w]{0,3}(?:[\w.]+|\\[a-z]+)\s?(?:<|>|≤|≥|\\[lg]eq?)|[(\[][^()\[\]]{1,40},[^()\[\]]{1,40}[)\]]\W*$)",
    re.DOTALL | re.IGNORECASE,
)  # "it is increasing on -1 < x < 3"
IMPLIES = re.compile(r"\\(?:Rightarrow|implies|Longrightarrow)(?![a-zA-Z])|[⇒⟹]|\s=>\s")
REALS = re.compile(
    r"\b(?:all|any)\sreal\s(?:numbers?|values?)(?:\s(?:of\s)?\$?([a-z])\$?(?!\w))?[\s,:$]*(?:(?:such\sthat|where|with|for\swhich"
    r"|that\sare)\s)?(?!except|but)",
    re.IGNORECASE,
)
COUNTED = re.compile(r"(?<=[\w)}])(?:\s+[a-z]{3,}){1,3}$")
UNITS = re.compile(r"(?<=[\w)}])\s+(?:(?:square|cubic|sq\.?)\s[a-z]+|units?)(?:\s?\^\s?\{?[23]\}?|[²³])?$")
DOLLARS = re.compile(r"\$+|\\[\[\]()]")


def reading(found: Iterable[Extracted]) -> str:
    """The formula that stands as the answer: the first place without prose, else the formula inside the most
    explicit one.
    """
    fallback = ""
    for each in found:
        formula = trimmed(each.text)
        if formula and not is_prose(formula):
            return formula
        inside = formulas(each.text)
        tail = trimmed(BEFORE.sub("", formula))
        if is_prose(tail) and not is_prose(on := ON.sub("", formula)):
            tail = trimmed(on)
        tail = COUNTED.sub("", tail) if re.search(r"[\d=^+*/\\]", tail) else tail
        fallback = fallback or (inside[-1] if inside else tail if tail and not is_prose(tail) else "")
    return fallback


def spanned(reference: str, found: Iterable[Extracted]) -> bool | None:
    """Whether "from x = 2 to x = 5" has the ends of an interval; None where it has and the interval is not open."""
    wanted = OPEN.fullmatch(plain(reference))
    for each in found if wanted else ():
        if said := SPAN.search(plain(each.text)):
            ends = [structured.equal_parts(wanted[at], said[at]) for at in (2, 3)]  # type: ignore[index]
            return False if not all(ends) else True if wanted[1] + wanted[4] == "()" else None  # type: ignore[index]
    return None


def listed(reference: str, found: Iterable[Extracted], ordered: bool | None = None) -> str:
    """The first text that gives the same several values as a reference with several; "" when none does."""
    if len(structured.items(plain(reference))) < 2:
        return ""
    for each in found:
        if structured.compare(reference, each.text, structured.equal_parts, ordered=ordered):
            return each.text
        if each.how in ("boxed", "stated", "answer_tag"):
            break
    return ""


def trimmed(text: str) -> str:
    """A formula without its delimiters, lead words and the full stop; of a chain of implications the last."""
    text = IMPLIES.split(text)[-1]
    bare = _real(LEAD.sub("", SO.sub("", powers(text.strip().strip("*`").strip()))))
    bare = DOLLARS.sub(" ", bare) if "\\$" not in bare else bare
    bare = bare if "=" in bare else re.sub(r"^\s*-\s+", "-", bare)  # without an equation no bullet but a sign
    return UNITS.sub("", bare.strip().rstrip(".,;").strip())


def _real(text: str) -> str:
    """`x ≥ 2` of "all real numbers greater than or equal to 2", the whole line of "all real numbers"."""
    found = REALS.search(text)
    if not found:
        return text
    rest = structured.signed(f" {text[found.end() :].strip(' .*')} ").strip()
    name, rest = found[1] or "x", rest or "in (-oo, oo)"
    return rest.removeprefix("in ") if rest.startswith("in ") else f"{name} {rest}" if rest[0] in "<>≤≥\\" else rest


def is_prose(text: str) -> bool:
    """Whether a text has words that are neither functions nor LaTeX commands."""
    return any(word.lower() not in FUNCTIONS for word in PROSE.findall(NAMED.sub(" ", text)))


def cheap(reference: str, answer: str, ordered: bool | None = None) -> bool | Literal["ask"] | None:
    """What needs no Math-Verify: equal symbols, and constants (undecided ones too); else `ask`."""
    if latex(reference) == latex(answer):
        return True
    if charge := CHARGE.fullmatch(latex(reference)):
        said = CHARGE.fullmatch(latex(answer))
        return (said["sign"], said["many"] or "1") == (charge["sign"], charge["many"] or "1") if said else None
    left, right = _sides(reference, answer)
    if latex(left) == latex(right):
        return True
    parts = structured.compare(reference, answer, structured.equal_parts, ordered=ordered)
    if parts is True or (parts is False and _numbers(plain(reference))):
        return parts
    number, got = quantity(left), quantity(right)
    if number and got:
        return same_number(number, Reading(right, got), None)
    equal = same_formula(reference, answer) if "=" in left and "=" in right else same_formula(left, right)
    if equal is None and "=" in reference and "=" in answer:
        equal = same_formula(reference, answer)
    return "ask" if equal is None else equal


def _numbers(reference: str) -> bool:
    """Whether a reference with parts has nothing but numbers in them, so that what differs is wrong."""
    values = structured.items(reference)
    no_letters = not re.search(r"[a-zA-Z]", UNKNOWN.sub("", reference))
    return no_letters or (len(values) > 1 and all(quantity(value) for value in values))


def _sides(reference: str, answer: str) -> tuple[str, str]:
    """Both without `x =` when both say the same name or only one says any: `x = 5` answers `5`, `y = 5` does
    not answer `x = 5`.
    """
    left, right = ASSIGNED.match(reference), ASSIGNED.match(answer)
    if left and right:
        names = {latex(left[1]), latex(right[1])}
        same_name = len(names) == 1 or ("y" in names and any(re.fullmatch(r"[fgh]\(x\)", name) for name in names))
        return (_last_side(left[2]), _last_side(right[2])) if same_name else (reference, answer)
    if left or "=" not in reference:
        return (left[2] if left else reference), _last_side(right[2] if right else answer)
    return reference, (right[2] if right else answer)


def _last_side(text: str) -> str:
    """What a chain of equal formulas comes to: `(x+1)^2` of `x^2 + 2x + 1 = (x+1)^2`."""
    return text.rsplit("=", 1)[-1].strip() if "=" in text and not re.search(r"[<>!,]", text) else text


def agrees(reference: str, answer: str, *, seconds: float, ordered: bool | None = None) -> tuple[bool | None, str]:
    """(verdict, how it was reached): `exact`, `math_verify`, `undecided` or `timeout`."""
    quick = cheap(reference, answer, ordered)
    if quick != "ask":
        return quick, "exact" if quick else "undecided" if quick is None else "wrong_answer"
    if max(len(reference), len(answer)) > LONGEST or is_prose(answer):
        return None, "undecided"
    left, right = _sides(reference, answer)
    try:
        found = math_workers.equal(_readable(left), _readable(right), seconds=seconds)
    except math_workers.LateError:
        return None, "timeout"
    return found, "undecided" if found is None else "math_verify" if found else "wrong_answer"


def _readable(text: str) -> str:
    """LaTeX for Math-Verify: Unicode signs spelled in ASCII, no delimiters."""
    text = plain(text) if not text.isascii() else text.strip()
    for pattern, spelled in SPELLED:
        text = pattern.sub(spelled, text)
    return text
