"""Which option a whole text is, in the forms an answer takes: a letter, an option's text, its figure, formula or ratio.

A sentence that names options among other things is the business of `curation.answers.by_choice`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from curation.answers import by_math, structured
from curation.answers.denied import DENIED
from curation.answers.equality import same
from curation.answers.extract import Extracted, sentences
from curation.answers.normal import folded, plain
from curation.answers.options import LABEL
from curation.answers.quantity import quantity
from curation.answers.spellings import same_spelling
from curation.answers.when import when
from curation.records import Option

How = Literal["letter", "option_text", "option_number", "several", "conflict"]
WORDED = r"(?:(?:the\s+)?(?:correct\s+)?(?:option|choice|answer)(?:\s+is)?\s*:?\s*)?"
LETTER = re.compile(rf"^{WORDED}[(\[{{]?\s*([A-Za-z])\s*[)\]}}.:,]*$", re.IGNORECASE)
LEADING = re.compile(
    r"^(?:(?:option|choice|answer)\s+)?(?:[(\[]?([A-Za-z])[)\]][.:]?|([A-Z])(?:[).:;\]]|\s*[-:=]\s|,|\s(?=\()"
    r"|\s+(?=(?:because|since|as|is|which|with|for|fits|matches|completes|works|\W)\b)))\s*(.*)$",
    re.DOTALL,
)
LISTED = re.compile(
    r"^(?:(?:[Oo]ptions?|[Cc]hoices?|[Bb]oth)\s+){0,2}[(\[]?([A-Z])[)\].]?(?:\s*(?:,|/|;|&|、|和|与|或|and|or|,\s*and"
    r"|,\s*or)\s*[(\[]?([A-Z])[)\].]?)+(?:\s+(?:are|both).{0,60})?[\s.]*$"
)
PICTURES = (
    "[Pp]iece|[Pp]icture|[Dd]iagram|[Ff]igure|[Ii]mage|[Ss]hape|[Ss]olid|[Nn]et|[Dd]rawing|[Gg]raph|[Cc]ard|[Bb]ox"
    "|[Pp]attern"
)
SHOWS = (
    "shows?|is|matches|fits|has|represents|depicts|corresponds|completes|must|can|cannot|uses|contains|gives|satisfies|works"
    "|does|would|could|should"
)
NAMED = re.compile(
    r"[(\[]([A-Z])[)\]]|\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer(?:\s+is)?:?)\s+[(\[]?([A-Z])\b"
    r"|(?<![\w'.-])([B-HJ-Z])(?![\w'-])(?!\.\w)"
    rf"|(?:\b(?:is|be|go(?:ing)?\swith|pick|choose|select|leaves|leaving|[Ss]olution|{PICTURES})|'s)\s(A)[\s.!]*$"
    rf"|\b(?:{PICTURES})\s(A)\s(?=(?:{SHOWS})\b)"  # elsewhere an article
)
FORMULAS = re.compile(r"\\|\^|=|\d[a-z]\b|[<>√π]")
GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "theta": "θ", "pi": "π", "phi": "φ", "lambda": "λ"}
ASSIGNED = re.compile(r"[A-Z]\s?=\s")
PLACE = re.compile(r"^(?:(?:option|choice|answer)\s*)?#?\s*(\d{1,2})[.)]?$", re.IGNORECASE)
LETTER_IS = re.compile(r"[A-Z]\s+(?:is|which|with|for)\b")  # "X is the nucleus" is about a label in the picture
REJECTED = re.compile(  # "B is too large; A …"
    r"(?:is\s(?:not\b(?!\sonly)|wrong|incorrect|impossible|too\s|ruled\sout|excluded)|isn't\b|does\snot\s|cannot\s|can't\s|fails\s)",
    re.IGNORECASE,
)
ALSO = re.compile(r"\b(?:also|too|as\swell|equally)\b", re.IGNORECASE)
NONE = re.compile(r"^(?:neither|none)\b", re.IGNORECASE)
LATEX_SHAPE = re.compile(r"\\(?:left|right|mathrm|operatorname|text|,|;|!|quad)\b|\\[,;!]|[\s${}]")
LONG_FORMULA = 12  # characters; shorter ones are compared by what they mean
RATIO = re.compile(r"(?<![\d.:])(\d{1,6})\s?:\s?(\d{1,6})(?!\d|\.\d|\s?:)")
QUOTED = re.compile(r"[\"“]([^\"“”]{3,80})[\"”]")
IN_BRACKETS = re.compile(r"\s?\((?![A-Z]\))[^()]{1,60}\)")
OFFERED = re.compile(r"[(\[]?\b([A-Z])[)\]]?\s*(?:\bor\b|/|或)\s*(?:option\s+)?[(\[]?\b([A-Z])\b")


@dataclass(frozen=True, slots=True)
class Choice:
    """The options a text names: one letter, several, or none that can be told apart (`conflict`)."""

    text: str
    letters: frozenset[str]
    how: How


def _tight(text: str) -> str:
    """The text with letters that a figure multiplies beside it: `3 X` is `3X`."""
    return re.sub(r"(?<=\d) (?=[A-Za-z]\b)", "", text)


def by_form(bare: str, options: Sequence[Option]) -> Choice | None:
    """The option that a text without marks is, by its letter or its words; several where letters are listed."""
    whole = _tight(bare.rstrip(" ."))
    exact = [one.letter for one in options if len(one.text) > 1 and _tight(plain(one.text)) in (_tight(bare), whole)]
    if len(exact) == 1:
        return Choice(bare, frozenset(exact), "option_text")
    if bare[:7].lower() == "neither" and len(none := [one.letter for one in options if NONE.match(one.text)]) == 1:
        return Choice(bare, frozenset(none), "option_text")
    if (found := LABEL.match(bare)) and any(one.letter == found[1] for one in options) and not LISTED.match(bare):
        return _leading(found[1], found[2], bare, options)
    if found := LETTER.match(bare):
        return _lone(found[1].upper(), bare, options)
    if LISTED.match(bare):
        return Choice(bare, frozenset(re.findall(r"\b[A-Z]\b", bare)), "several")
    if by_text := with_text(bare, options):
        return by_text
    known = {one.letter for one in options}
    if known and ASSIGNED.match(bare) and bare[0] not in known:
        return None  # "P = 6π"
    if (found := LEADING.match(bare)) and not (known and LETTER_IS.match(bare) and found[2] not in known):
        return _leading((found[1] or found[2]).upper(), found[3], bare, options)
    return None


def _lone(letter: str, bare: str, options: Sequence[Option]) -> Choice:
    """A single letter: an option's, or an option's text (`x`, `y`, `z`); undecided where it is both, of two options."""
    by_text = with_text(bare, options)
    if by_text and letter not in by_text.letters and any(one.letter == letter for one in options):
        return Choice(bare, by_text.letters | {letter}, "conflict")
    return by_text or Choice(bare, frozenset(letter), "letter")


def with_text(text: str, options: Sequence[Option]) -> Choice | None:
    """The options whose text this is, word for word after folding, or as the same time, date or duration."""
    said, moment = folded(text), when(text)
    letters = frozenset(one.letter for one in options if said and folded(one.text) == said)
    letters = letters or frozenset(one.letter for one in options if same_spelling(one.text, text))
    if not letters and len(mine := structured.items(plain(text))) > 1:
        letters = frozenset(one.letter for one in options if structured.items(plain(one.text)) == mine)
    if not letters and moment:
        letters = frozenset(one.letter for one in options if when(one.text) == moment)
    return Choice(text, letters, "option_text" if len(letters) == 1 else "conflict") if letters else None


def _leading(letter: str, rest: str, bare: str, options: Sequence[Option]) -> Choice | None:
    """A letter with words behind it, unless those words are another option's text."""
    if REJECTED.match(rest):
        return Choice(bare, frozenset(one.letter for one in options) | {letter}, "conflict")
    bracketed = re.match(r"^\(([^()]+)\)[\s.]*$", rest)
    for said in (rest, sentences(rest)[0], *([bracketed[1]] if bracketed else [])):
        other = with_text(said, options) or by_figure(plain(said), options, places=False)
        if other and letter not in other.letters and ASSIGNED.match(bare):
            return other  # "C = 94°", of a triangle
        if other and letter not in other.letters:
            return Choice(bare, frozenset({letter, *other.letters}), "conflict")
    first = sentences(rest)[0]
    too = [next(filter(None, found.groups())) for found in NAMED.finditer(first)] if ALSO.search(first) else []
    also = {found[1] or found[2] for found in NAMED.finditer(first)} - {None, letter} | ({*too} - {letter})
    listed = too or (also and re.match(r"(?:and|or|,|/|&)", rest))
    return (
        Choice(bare, frozenset({letter, *also}), "several") if listed else Choice(bare, frozenset({letter}), "letter")
    )


def by_figure(bare: str, options: Sequence[Option], *, places: bool = True) -> Choice | None:
    """The one option with this number; where no option holds digits, the option at this place."""
    number = quantity(bare)
    if number is None or not options:
        return None
    figures = [(one.letter, quantity(one.text)) for one in options]
    letters = frozenset(letter for letter, figure in figures if figure and same(figure, number) is True)
    if letters:
        return Choice(bare, letters, "option_text" if len(letters) == 1 else "conflict")
    place = PLACE.match(bare)
    if (
        places
        and place
        and not any(char.isdigit() for one in options for char in one.text)
        and 1 <= int(place[1]) <= len(options)
    ):
        return Choice(bare, frozenset({options[int(place[1]) - 1].letter}), "option_number")
    return None


def by_formula(text: str, options: Sequence[Option]) -> Choice | None:
    """The one option that is the same formula, of options that are formulas."""
    if not any(FORMULAS.search(one.text) for one in options) or offered(text, options):
        return None
    formula = by_math.reading([Extracted(text, "text")])
    if not formula or len(formula) > by_math.LONGEST:
        return None
    mine = [(one.letter, by_math.trimmed(one.text)) for one in options]
    letters = frozenset(letter for letter, text in mine if by_math.cheap(text, formula) is True)
    letters = letters or frozenset(letter for letter, text in mine if _flat(text) == _flat(formula))
    return Choice(text, letters, "option_text") if len(letters) == 1 else None


def _flat(formula: str) -> str:
    """A formula as it is typed: `\\frac{1}{\\cos ^{2} \\beta}` is `1/cos²β`."""
    said = plain(formula).rsplit("=", 1)[-1]
    for name, letter in GREEK.items():
        said = said.replace(letter, name)
    return re.sub(r"[\s\\{}]" if "+" in said or "-" in said else r"[\s\\{}()]", "", said)


def by_ratio(bare: str, options: Sequence[Option]) -> Choice | None:
    """The one option that is the last ratio stated, where all options are ratios: 5 : 8 is no 8 : 5."""
    mine = [(one.letter, RATIO.fullmatch(plain(one.text).strip())) for one in options]
    stated = list(RATIO.finditer(bare))
    if not stated or not mine or not all(found for _, found in mine):
        return None
    said = stated[-1]
    letters = frozenset(
        letter for letter, one in mine if one and int(one[1]) * int(said[2]) == int(one[2]) * int(said[1]) != 0
    )
    return Choice(bare, letters, "option_text") if len(letters) == 1 else None


def by_latex(text: str, options: Sequence[Option]) -> Choice | None:
    """The one option that is a long formula and stands in the text, spaces and the size of brackets aside."""
    if "\\" not in text:
        return None
    said = LATEX_SHAPE.sub("", text)
    mine = [(one.letter, LATEX_SHAPE.sub("", one.text)) for one in options if "\\" in one.text]
    letters = frozenset(letter for letter, formula in mine if len(formula) > LONG_FORMULA and formula in said)
    return Choice(text, letters, "option_text") if len(letters) == 1 else None


def quoted(bare: str, options: Sequence[Option]) -> Choice | None:
    """The option that is the one thing a sentence quotes: `the statement "c < 0" could be false`."""
    inside = QUOTED.findall(bare)
    if len(inside) != 1 or DENIED.search(bare):
        return None
    said = inside[0].replace(" ", "")
    letters = frozenset(one.letter for one in options if plain(one.text).replace(" ", "") == said)
    return Choice(bare, letters, "option_text") if len(letters) == 1 else None


def offered(text: str, options: Sequence[Option]) -> frozenset[str]:
    """The two letters that a sentence offers, whatever stands in brackets behind each: "either A ($x$) or D ($y$)"."""
    bare = plain(text)
    found = None if DENIED.search(bare) else OFFERED.search(IN_BRACKETS.sub("", bare))
    letters = frozenset(found.groups()) if found else frozenset[str]()
    return letters if len(letters) == 2 and letters <= {one.letter for one in options} else frozenset()
