"""Units of measure we convert, so that `6 cm` and `60 mm` agree and `6 cm` and `6 m` do not.

Everything else after a number (`12 apples`, `7 games per year`) is a noun: it names what was counted and is
not compared.
"""

import math
import re
from fractions import Fraction

F = Fraction
SCALES: dict[str, dict[str, Fraction]] = {
    "length": {
        "nm": F(1, 10**9), "mm": F(1, 1000), "millimeter": F(1, 1000), "cm": F(1, 100),
        "centimeter": F(1, 100), "dm": F(1, 10), "m": F(1), "meter": F(1), "km": F(1000),
        "kilometer": F(1000), "inch": F(254, 10000),
        "ft": F(3048, 10000), "foot": F(3048, 10000), "feet": F(3048, 10000), "yd": F(9144, 10000),
        "yard": F(9144, 10000), "mi": F(1609344, 1000), "mile": F(1609344, 1000),
        "μm": F(1, 10**6), "micrometer": F(1, 10**6), "micron": F(1, 10**6), "nanometer": F(1, 10**9),
        "light-year": F(9460730472580800), "lightyear": F(9460730472580800), "ly": F(9460730472580800),
        "parsec": F(30856775814913673),
    },
    "length^2": {"acre": F(40468564224, 10**7), "hectare": F(10000)},
    "mass": {
        "mcg": F(1, 10**9), "μg": F(1, 10**9), "ug": F(1, 10**9), "microgram": F(1, 10**9),
        "milligram": F(1, 10**6),
        "mg": F(1, 10**6), "g": F(1, 1000), "gram": F(1, 1000), "kg": F(1), "kilogram": F(1),
        "lb": F(45359237, 10**8), "pound": F(45359237, 10**8), "oz": F(45359237, 16 * 10**8),
        "ounce": F(45359237, 16 * 10**8),
    },
    "time": {
        "ms": F(1, 1000), "s": F(1), "sec": F(1), "second": F(1), "min": F(60), "minute": F(60), "h": F(3600),
        "hr": F(3600), "hour": F(3600), "day": F(86400), "week": F(604800),
    },
    "calendar": {"month": F(1), "year": F(12), "yr": F(12), "decade": F(120), "century": F(1200), "centurie": F(1200)},
    "volume": {
        "ml": F(1, 1000), "milliliter": F(1, 1000), "cl": F(1, 100), "dl": F(1, 10), "μl": F(1, 10**6), "l": F(1),
        "liter": F(1),
        "pint": F(473176473, 10**9), "quart": F(946352946, 10**9), "gallon": F(3785411784, 10**9),  # American
    },
    "angle": {"°": F(1), "degree": F(1), "deg": F(1), "radian": F(180 / math.pi), "rad": F(180 / math.pi)},
    "length/time": {"kmh": F(5, 18), "kph": F(5, 18), "mph": F(44704, 100000)},
    "celsius": {"°c": F(1), "celsius": F(1), "℃": F(1)},
    "kelvin": {"kelvin": F(1)},
    "fahrenheit": {"°f": F(1), "fahrenheit": F(1), "℉": F(1)},
    "force": {"newton": F(1), "kn": F(1000)},
    "energy": {"joule": F(1), "kj": F(1000), "kilojoule": F(1000), "kwh": F(3600000), "wh": F(3600)},
    "power": {"watt": F(1), "kw": F(1000), "kilowatt": F(1000)},
    "voltage": {"volt": F(1)},
    "current": {"amp": F(1), "ampere": F(1), "ma": F(1, 1000)},
    "resistance": {"ohm": F(1), "ω": F(1)},
    "inductance": {"henry": F(1), "henrie": F(1)},
    "flux density": {"tesla": F(1)},
    "charge": {"coulomb": F(1)},
    "capacitance": {"farad": F(1)},
    "frequency": {"hz": F(1), "hertz": F(1), "khz": F(1000)},
    "pressure": {"pa": F(1), "pascal": F(1), "kpa": F(1000), "mpa": F(10**6), "mmhg": F(133322387415, 10**9)},
    "amount": {"mol": F(1), "mole": F(1)},
    "dollar": {"$": F(1), "dollar": F(1), "usd": F(1), "cent": F(1, 100), "¢": F(1, 100)},
    "euro": {"€": F(1), "euro": F(1), "eur": F(1)},
    "sterling": {"£": F(1), "gbp": F(1)},
    "yen": {"¥": F(1), "yen": F(1)},
}  # fmt: skip
UNITS = {name: (scale, factor) for scale, members in SCALES.items() for name, factor in members.items()}
CAPITALS = {
    "N": "newton",
    "J": "joule",
    "W": "watt",
    "V": "volt",
    "A": "amp",
    "Ω": "ohm",
    "H": "henry",
    "T": "tesla",
}  # in small letters: variables
PREFIXES = {"n": F(1, 10**9), "μ": F(1, 10**6), "m": F(1, 1000), "k": F(1000), "M": F(10**6), "G": F(10**9)}
PREFIXED: dict[str, tuple[str, Fraction]] = {  # as written: a mW is no MW
    f"{prefix}{symbol}": (UNITS[name][0], UNITS[name][1] * factor)
    for symbol, name in {**CAPITALS, "Pa": "pascal", "Hz": "hz", "ohm": "ohm"}.items()
    for prefix, factor in PREFIXES.items()
}
SMALL = {**PREFIXES, "p": F(1, 10**12)}
PREFIXED |= {"F": ("farad or fahrenheit", F(1)), "C": ("coulomb or celsius", F(1)), "eV": ("electronvolt", F(1))}
PREFIXED |= {f"{prefix}F": ("capacitance", factor) for prefix, factor in SMALL.items()}
PREFIXED |= {f"{prefix}C": ("charge", factor) for prefix, factor in SMALL.items()}
PREFIXED |= {f"{prefix}eV": ("electronvolt", factor) for prefix, factor in PREFIXES.items()}
BRITISH = (("metre", "meter"), ("litre", "liter"))
HAN = {
    "厘米": "cm", "毫米": "mm", "分米": "dm", "千米": "km", "公里": "km", "米": "m", "千克": "kg",
    "公斤": "kg", "克": "g", "小时": "h", "分钟": "min", "秒": "s", "天": "day", "升": "l", "毫升": "ml", "度": "°",
    "美元": "$", "元": "¥", "平方": "square ", "立方": "cubic ",
}  # fmt: skip
HAN_NAME = re.compile("|".join(sorted(HAN, key=len, reverse=True)))
POWER = re.compile(
    r"^(?:(square|sq|cubic|cu)\.?\s+)?(light-?years?|[a-zωμ°$€£¥¢℃℉]+)\.?\s*(?:\^\s*\{?([23])\}?|([23])(?!\w))?$"
)
POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
DEGREES = re.compile(r"^(?:°|deg(?:ree)?s?)\s*([cf])(?:elsius|ahrenheit)?$")


def unit(words: str) -> tuple[str, Fraction] | None:
    """What the words after a number measure, as (scale such as `length^2`, factor to its base unit); None for
    a noun.
    """
    if exact := PREFIXED.get(words.strip().replace("µ", "μ").removesuffix(".")):
        return exact
    head, _, tail = words.partition("/")
    top = PREFIXED.get(head.strip().replace("µ", "μ")) or UNITS.get(CAPITALS.get(head.strip(), ""))
    if tail and top:
        bottom = _single(tail.strip().lower())
        return (f"{top[0]}/{bottom[0]}", top[1] / bottom[1]) if bottom else None
    said = CAPITALS.get(words.strip(), words.strip()).lower().replace("light year", "light-year").replace("µ", "μ")
    said = said.replace(" squared", "^2").replace(" cubed", "^3")
    said = said if said.isascii() else HAN_NAME.sub(lambda name: HAN[name[0]], said)
    if found := DEGREES.match(said):
        return UNITS["celsius" if found[1] == "c" else "fahrenheit"]
    above, per, below = said.replace(" per ", "/").partition("/")
    if not per:
        return _single(said)
    one, other = _single(above.strip()), _single(below.strip())
    return (f"{one[0]}/{other[0]}", one[1] / other[1]) if one and other else None


def _single(said: str) -> tuple[str, Fraction] | None:
    found = POWER.match(said)
    if not found:
        return None
    power = POWERS.get(found[1] or "", 1) if found[1] else int(found[3] or found[4] or 1)
    known = UNITS["inch"] if found[2] == "in" and power > 1 else _known(found[2])  # alone it is a preposition
    if known is None:
        return None
    scale, factor = known
    return (scale, factor) if power == 1 else (f"{scale}^{power}", factor**power)


def _known(name: str) -> tuple[str, Fraction] | None:
    for british, american in BRITISH:
        name = name.replace(british, american)
    if name in UNITS:
        return UNITS[name]
    singular = name.removesuffix("es") if name == "inches" else name.removesuffix("s")
    return UNITS.get(singular) if len(singular) > 1 else None
