"""Which kind of answer a reference is, judged by its text alone; a mapping or a recipe may overrule it.

Comparing answers is `curation.answers`; here we only choose by which rule they will be compared.
"""

import re

from curation.records import Kind

LONGEST_SHORT_TEXT = 5  # words
LONGEST_JUDGED = 200  # characters; longer answers are `open` unread, which also bounds the patterns' time

_SIGN = r"[-+−–]?"
_DIGITS = r"(\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?|\.\d+)(e[+-]?\d{1,3})?"
_CURRENCY = r"(US)?(\\?\$|\\textdollar|[£€¥₹])"
_PREFIXED = rf"({_SIGN}\s*({_CURRENCY}\s*)?|{_CURRENCY}\s*{_SIGN})"
_UNITS = r"""
    \\?% | percent | °\s*[CF]? | \^\\?circ | \\degree | degrees?(\s+(celsius|fahrenheit))?
    | ¢ | cents? | dollars? | euros? | pounds?
    | [kcmµn]?m | (kilo|centi|milli)?met(er|re)s? | miles? | mi | ft | foot | feet | in | inch(es)?
    | yd | yards?
    | [km]?g | (kilo|milli)?grams? | tons? | tonnes? | lbs? | oz | ounces?
    | [mc]?l | (milli|centi)?lit(er|re)s? | gal(lons?)? | cups? | pints? | quarts?
    | [mµn]?s | secs? | seconds? | mins? | minutes? | h | hrs? | hours? | days? | weeks? | months? | years?
    | [kMG]?Hz | [kM]?W | [kM]?J | N | k?Pa | k?V | m?A | K | mph | [kMGT]B | units?
"""
_UNIT = rf"({_UNITS})(\s*(\^?[23²³]))?(\s*(/|per)\s*({_UNITS})(\^?[23²³])?)?"
_UNIT_BEFORE = r"((square|cubic|sq\.?|cu\.?)\s+)?"

DIGIT = re.compile(r"[0-9]")
NUMBER = re.compile(rf"{_PREFIXED}{_DIGITS}(\s*{_UNIT_BEFORE}{_UNIT}\.?)?", re.IGNORECASE | re.VERBOSE | re.ASCII)
_COORDINATE = rf"\s*{_SIGN}\d+(\.\d+)?(e[+-]?\d+)?\s*"
BOX = re.compile(rf"\[{_COORDINATE}(,{_COORDINATE}){{3}}\]", re.IGNORECASE)
_LATEX = re.compile(r"\$.*\$|.*\\([a-zA-Z]+|[()\[\]]).*", re.DOTALL)
_FUNCTIONS = re.compile(r"\b(arc)?(sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|pi|mod|max|min|lim)\b", re.IGNORECASE)
_FORMULA = re.compile(r"[0-9a-zA-Z\s+\-−*/^=<>≤≥≠±·×÷√π∞θαβγ°%!|,.:(){}\[\]²³]+")
_OPERATOR = re.compile(
    r"[+*/^=<>≤≥≠±·×÷√π∞²³]|[0-9a-zA-Z)]\s*[-−]\s*[0-9a-zA-Z(]|\d[a-z]\b|\d:\d|\d!|[(\[{].*[\d,].*[)\]}]"
)
_CLOCK_OR_DATE = re.compile(r"\d{1,2}:\d\d(:\d\d)?(\s*[ap]\.?m\.?)?|\d{1,4}([-/.])\d{1,2}\3\d{1,4}", re.IGNORECASE)
_WORD = re.compile(r"[a-zA-Z]{2,}")


def infer_kind(answer: str) -> Kind:
    """The kind of a reference answer that is not an option.

    digit: one of 0..9; number: a number with its separators, currency, percent or unit; box: four bracketed
    numbers; math: LaTeX, a fraction, ratio, point or formula; text: up to five words; open: anything longer.
    """
    if len(answer) > LONGEST_JUDGED:
        return "open"
    if DIGIT.fullmatch(answer):
        return "digit"
    if NUMBER.fullmatch(answer):
        return "number"
    if BOX.fullmatch(answer):
        return "box"
    if _is_formula(answer):
        return "math"
    return "text" if len(answer.split()) <= LONGEST_SHORT_TEXT else "open"


def is_number(answer: str) -> bool:
    """Whether it is a number, possibly with separators, currency, percent or unit."""
    return len(answer) <= LONGEST_JUDGED and NUMBER.fullmatch(answer) is not None


def _is_formula(answer: str) -> bool:
    """LaTeX, or signs of arithmetic and no words among them."""
    if _LATEX.fullmatch(answer):
        return True
    if _CLOCK_OR_DATE.fullmatch(answer):
        return False
    bare = _FUNCTIONS.sub(" ", answer)
    return bool(_FORMULA.fullmatch(answer) and _OPERATOR.search(answer) and not _WORD.search(bare))
