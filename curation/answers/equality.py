"""Whether two quantities are the same number.

Rules, for two numbers in one unit:
- equal values agree: `8.2` and `8.20`, `1/2` and `0.5`, `6 cm` and `60 mm`, `25%` and `0.25` (and `25`, when
  only one of the two has the sign);
- with a stated tolerance, |got - reference| <= tolerance * |reference| agrees (relative; absolute when the
  reference is 0) and nothing else counts;
- without one, numbers written to the same number of decimals, integers among them, must be equal;
- a reference rounded to two or more decimals agrees with any number that rounds to it (`3.33` and `10/3`),
  unless it ends in 0 (`8.20` was probably not rounded: undecided);
- a measure rounded to one decimal against one with more digits that rounds to it (`11.48 m` for `11.5 m`) is
  undecided; without a unit, and of money, it is wrong;
- an exact reference (fraction, root, pi) agrees with a decimal that is its correct rounding to 3 or more
  significant digits; to 2 digits, or cut instead of rounded, it is undecided;
- a decimal reference against a coarser rounding of it is undecided from 3 significant digits on;
- decimals within one millionth of the reference agree.
Another currency or dimension is wrong, be the figures equal. Anything else is wrong.
"""

import math
from dataclasses import replace
from fractions import Fraction

from curation.answers.quantity import Quantity
from curation.answers.units import SCALES, UNITS

RELATIVE = Fraction(1, 10**6)
PI_AS_314 = Fraction(6, 10**4)  # an answer this near an exact reference may come from 3.14 for pi: a person would look
FLOATING = Fraction(1, 10**12)  # two evaluations of the same root differ by less
MONEYS = frozenset(("dollar", "euro", "sterling", "yen"))
DERIVED = ("force", "energy", "power", "voltage", "current", "resistance", "frequency", "pressure")
AMBIGUOUS = {"farad or fahrenheit": ("capacitance", "fahrenheit"), "coulomb or celsius": ("charge", "celsius")}
ROUNDED_WHOLE = Fraction(1, 200)  # 28.1 for 28: the reference may be a rounding; 4.4 is no 4
LB = UNITS["pound"][1]
LARGEST_DENOMINATOR = 10**6  # a float that is no whole number has one of a power of two beyond this


def same(reference: Quantity, got: Quantity, tolerance: float | None = None) -> bool | None:
    """Whether two quantities are the same number, by the rules at the top of this module."""
    reference, got = _settled(reference, got.scale), _settled(got, reference.scale)
    if reference.scale and got.scale and (reference.scale, reference.factor) != (got.scale, got.factor):
        if {reference.scale, got.scale} in ({"angle", "celsius"}, {"angle", "fahrenheit"}):  # "25 degrees" is either
            return _near(reference, got, tolerance)
        return _converted(reference, got, tolerance)
    figures = _near(reference, got, tolerance)
    if figures is not True and reference.percent != got.percent:
        parts = _near(_fraction(reference), _fraction(got), tolerance)
        return parts if parts is not False else figures
    if figures is False and {reference.scale, got.scale} == {"", "angle"} and _radians(reference, got):
        return True
    if figures is False and bool(reference.scale) != bool(got.scale):
        return None if _in_another_unit(reference, got) else False
    return figures


def _settled(number: Quantity, other: str) -> Quantity:
    """A number in `F` as farads beside farads, as degrees beside degrees, else as it stands; so with `C`."""
    if number.scale not in AMBIGUOUS or other == number.scale:
        return number
    measure, degrees = AMBIGUOUS[number.scale]
    known = {measure: measure, "celsius": degrees, "fahrenheit": degrees, "angle": degrees}
    return replace(number, scale=known.get(other, number.scale if other else ""))


def _converted(reference: Quantity, got: Quantity, tolerance: float | None) -> bool | None:
    if reference.scale != got.scale:
        if {reference.scale, got.scale} == {"celsius", "fahrenheit"}:
            return _near(_celsius(reference), _celsius(got), tolerance)
        if {reference.scale, got.scale} == {"volume", "length^3"}:
            return _converted(_cubic(reference), _cubic(got), tolerance)
        if "/" in reference.scale + got.scale and any(name in reference.scale + got.scale for name in DERIVED):
            return None if reference.value == got.value else False  # N/kg is m/s²
        pounds = {reference.scale, got.scale} == {"mass", "sterling"} and LB in (reference.factor, got.factor)
        return pounds and reference.value == got.value  # "5 pounds" is £5 as well
    left, right = reference.value * reference.factor, got.value * got.factor
    slack = Fraction(tolerance) if tolerance is not None else RELATIVE
    close = abs(left - right) <= slack * abs(left)
    return close or (tolerance is None and (_rounded_unit(reference, got) or _rounded_unit(got, reference)))


def _rounded_unit(one: Quantity, other: Quantity) -> bool:
    """`5 kg` as `11.02 lb`: converted by a factor that is no power of ten, then rounded to three digits or more."""
    ratio = one.factor / other.factor
    if other.digits < 3 or not other.decimals or set(str(max(ratio, 1 / ratio))) <= set("10"):
        return False
    return abs(one.value * ratio - other.value) <= Fraction(1, 2 * 10**other.decimals)


def _celsius(number: Quantity) -> Quantity:
    """Degrees Fahrenheit as degrees Celsius."""
    if number.scale == "celsius":
        return number
    return replace(number, value=(number.value - 32) * Fraction(5, 9), decimals=None, scale="celsius")


def _cubic(number: Quantity) -> Quantity:
    """Litres as cubic metres."""
    return replace(number, scale="length^3", factor=number.factor / 1000) if number.scale == "volume" else number


def _radians(one: Quantity, other: Quantity) -> bool:
    """`120°` and `2\\pi/3`: an exact number without a unit may be an angle in radians."""
    angle, bare = (one, other) if one.scale else (other, one)
    degrees = angle.value * angle.factor
    return bare.decimals is None and abs(bare.value * Fraction(180 / math.pi) - degrees) <= RELATIVE * abs(degrees)


def _in_another_unit(one: Quantity, other: Quantity) -> bool:
    """Whether the one with a unit has the other's figure in a related unit (`90 minutes`, `1.5`): only the
    question knows.
    """
    united, bare = (one, other) if one.scale else (other, one)
    base = united.value * united.factor
    return any(
        abs(base - bare.value * factor) <= FLOATING * abs(base) for factor in SCALES.get(united.scale, {}).values()
    )


def _fraction(number: Quantity) -> Quantity:
    if not number.percent:
        return number
    decimals = None if number.decimals is None else number.decimals + 2
    return Quantity(number.value / 100, decimals, number.digits)


def _near(reference: Quantity, got: Quantity, tolerance: float | None) -> bool | None:
    gap = abs(reference.value - got.value)
    if gap == 0:
        return True
    if tolerance is not None:
        return gap <= Fraction(tolerance) * (abs(reference.value) or 1)
    if reference.decimals == got.decimals:
        return _same_constant(reference.value, got.value, gap) if reference.decimals is None else False
    if reference.decimals != 0 and got.decimals != 0 and gap <= RELATIVE * abs(reference.value):
        return True
    if reference.decimals is not None and (got.decimals is None or got.decimals > reference.decimals):
        return _rounded_reference(reference, got, gap)
    return _rounded_answer(reference, got, gap)


def _same_constant(reference: Fraction, got: Fraction, gap: Fraction) -> bool | None:
    """Two evaluated constants: exact ones must be equal; roots and pi were computed as floats and may differ a bit."""
    if gap > FLOATING * abs(reference):
        return False
    if max(reference.denominator, got.denominator) > LARGEST_DENOMINATOR:
        return True
    return False if max(abs(reference), abs(got)) < 2**53 else None


def _rounded_reference(reference: Quantity, got: Quantity, gap: Fraction) -> bool | None:
    decimals = reference.decimals or 0
    if 2 * gap * 10**decimals > 1:
        return False
    if decimals == 0:
        return None if gap <= ROUNDED_WHOLE * abs(reference.value) else False
    if decimals == 1:
        measured = {reference.scale, got.scale} - {""}
        return None if got.decimals is None or (measured and not measured & MONEYS) else False
    return None if (reference.value * 10**decimals) % 10 == 0 else True


def _rounded_answer(reference: Quantity, got: Quantity, gap: Fraction) -> bool | None:
    unit = Fraction(1, 10 ** (got.decimals or 0))
    if reference.decimals is None and got.decimals and gap >= unit / 2 and gap <= PI_AS_314 * abs(reference.value):
        return None
    if gap >= unit or got.digits < 2:
        return False
    rounded = 2 * gap <= unit
    if reference.decimals is not None:
        return None if rounded and got.digits >= 3 else False
    return True if rounded and got.digits >= 3 and got.decimals else None
