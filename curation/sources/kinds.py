"""Which kind of answer a reference is, judged by its text alone; a mapping or a recipe may overrule it.

Comparing answers is `curation.answers`; here we only choose by which rule they will be compared.
"""

import re

from curation.answers.kinds import infer_kind as kind_of
from curation.answers.quantity import quantity
from curation.records import Kind

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


def infer_kind(answer: str) -> Kind:
    """The kind of a reference answer that is not an option: `curation.answers.infer_kind`, so that intake and
    comparison agree. A lone letter has no options here to choose from and stays a text; an answer longer than
    `LONGEST_JUDGED` characters is open.
    """
    if len(answer) > LONGEST_JUDGED:
        return "open"
    kind = kind_of(answer)
    return "text" if kind == "mcq" else kind


def is_number(answer: str) -> bool:
    """Whether it is one number, possibly with separators, currency, percent or unit, or a fraction."""
    return len(answer) <= LONGEST_JUDGED and (NUMBER.fullmatch(answer) is not None or quantity(answer) is not None)
