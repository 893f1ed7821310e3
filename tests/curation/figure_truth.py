"""The answer of every figure question worked out a second time, from the scene's facts alone.

Shares no code with `curation.sources.figures`: it reads `meta["scene"]` and `meta["ask"]` and does its own arithmetic.
"""

import math
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

Scene = dict[str, Any]
Truth = str | float | Fraction
TERM = re.compile(
    r"(?P<sign>-?)(?:(?P<plain>\d+(?:\.\d+)?)|\\frac\{(?P<top>-?\d+)\}\{(?P<low>\d+)\})?"
    r"(?:\\sqrt\{(?P<root>\d+)\})?(?P<pi>\\pi)?"
)


def number(text: str) -> float | None:
    r"""The value of an answer as we write them (`12`, `-\frac{3}{4}`, `2\sqrt{3}`, `36 - 9\pi`); None if it is none."""
    total, sign = 0.0, 1
    for part in text.split(" "):
        if part in ("+", "-"):
            sign = 1 if part == "+" else -1
            continue
        match = TERM.fullmatch(part)
        if not part or match is None or part == "-":
            return None
        total += sign * _term(match)
    return total


def _term(match: re.Match[str]) -> float:
    value = float(match["plain"]) if match["plain"] else 1.0
    if match["top"]:
        value = int(match["top"]) / int(match["low"])
    value *= math.sqrt(int(match["root"])) if match["root"] else 1
    value *= math.pi if match["pi"] else 1
    return -value if match["sign"] else value


def truth(scene: Scene, ask: Scene) -> Truth:
    """What the question's answer must be."""
    return ALL[ask["name"]](scene, ask)


def _map(s: Scene) -> dict[str, int]:
    return dict(zip(s["names"], s["values"], strict=True))


def _steps(s: Scene) -> dict[str, int]:
    values = s["values"]
    return {s["names"][k]: values[k] - values[k - 1] for k in range(1, len(values))}


def _best(values: dict[str, int], pick: Callable[..., str] = max) -> str:
    return pick(values, key=lambda name: values[name])


def _above(values: dict[str, int], bound: int, above: bool = True) -> int:
    return sum(value > bound if above else value < bound for value in values.values())


Truths = dict[str, Callable[[Scene, Scene], Truth]]

SERIES: Truths = {
    "read": lambda s, a: _map(s)[a["of"]],
    "difference": lambda s, a: _map(s)[a["of"][0]] - _map(s)[a["of"][1]],
    "together": lambda s, a: sum(_map(s)[name] for name in a["of"]),
    "total": lambda s, a: sum(s["values"]),
    "mean": lambda s, a: Fraction(sum(s["values"]), len(s["values"])),
    "percent": lambda s, a: (Fraction(_map(s)[a["of"][1]], _map(s)[a["of"][0]]) - 1) * 100,
    "most": lambda s, a: _best(_map(s)),
    "fewest": lambda s, a: _best(_map(s), min),
    "second": lambda s, a: sorted(s["names"], key=_map(s).get)[-2],
    "lookup": lambda s, a: {value: name for name, value in _map(s).items()}[a["value"]],
    "count_above": lambda s, a: _above(_map(s), a["bound"], a["above"]),
    "count_marks": lambda s, a: len(s["names"]),
    "share": lambda s, a: Fraction(_map(s)[a["of"]], sum(s["values"])),
    "ratio": lambda s, a: Fraction(_map(s)[a["of"][0]], _map(s)[a["of"][1]]),
    "rises": lambda s, a: _above(_steps(s), 0),
    "steepest": lambda s, a: _best(_steps(s)),
    "per_step": lambda s, a: Fraction(s["values"][-1] - s["values"][0], len(s["values"]) - 1),
    "trend": lambda s, a: "It rises" if _steps(s)[a["of"][1]] > 0 else "It falls",
}


def _at(s: Scene, group: str, series: str) -> int:
    return s["rows"][s["series"].index(series)][s["groups"].index(group)]


def _row(s: Scene, series: str) -> dict[str, int]:
    return {group: _at(s, group, series) for group in s["groups"]}


def _group(s: Scene, group: str) -> dict[str, int]:
    return {series: _at(s, group, series) for series in s["series"]}


GRIDS: Truths = {
    "grid_read": lambda s, a: _at(s, a["group"], a["series"]),
    "between_series": lambda s, a: _at(s, a["group"], a["of"][0]) - _at(s, a["group"], a["of"][1]),
    "series_total": lambda s, a: sum(_row(s, a["series"]).values()),
    "group_total": lambda s, a: sum(_group(s, a["group"]).values()),
    "grid_most": lambda s, a: _best(_row(s, a["series"])),
    "grid_fewest": lambda s, a: _best(_row(s, a["series"]), min),
    "leader": lambda s, a: _best(_group(s, a["group"])),
    "count_lead": lambda s, a: sum(_at(s, g, a["of"][0]) > _at(s, g, a["of"][1]) for g in s["groups"]),
    "grid_count_above": lambda s, a: _above(_row(s, a["series"]), a["bound"]),
    "count_series": lambda s, a: len(s["series"]),
    "grid_share": lambda s, a: Fraction(_at(s, a["group"], a["series"]), sum(_group(s, a["group"]).values())),
    "grid_ratio": lambda s, a: Fraction(*(_at(s, group, a["series"]) for group in a["of"])),
}


def _slices(s: Scene) -> dict[str, int]:
    return dict(zip(s["names"], s["counts"], strict=True))


def _parts(s: Scene) -> dict[str, Fraction]:
    """What is printed at each slice: a percentage or a count."""
    whole = sum(s["counts"]) if s["printed"] == "percent" else 100
    return {name: Fraction(100 * count, whole) for name, count in _slices(s).items()}


def _printed(s: Scene) -> dict[str, str]:
    return {name: f"{part}{'%' if s['printed'] == 'percent' else ''}" for name, part in _parts(s).items()}


PIES: Truths = {
    "slice": lambda s, a: _parts(s)[a["of"]],
    "people": lambda s, a: _slices(s)[a["of"]],
    "share_percent": lambda s, a: Fraction(100 * _slices(s)[a["of"]], sum(s["counts"])),
    "slice_angle": lambda s, a: Fraction(360 * _slices(s)[a["of"]], sum(s["counts"])),
    "slice_gap": lambda s, a: _parts(s)[a["of"][0]] - _parts(s)[a["of"][1]],
    "slice_most": lambda s, a: _best(_slices(s)),
    "slice_fewest": lambda s, a: _best(_slices(s), min),
    "slice_find": lambda s, a: {shown: name for name, shown in _printed(s).items()}[a["shown"]],
    "count_slices": lambda s, a: len(s["names"]),
    "count_over": lambda s, a: sum(part > a["bound"] for part in _parts(s).values()),
    "slice_share": lambda s, a: Fraction(_slices(s)[a["of"]], sum(s["counts"])),
}


def _cells(s: Scene, row: str) -> dict[str, int]:
    return dict(zip(s["columns"], s["cells"][s["rows"].index(row)], strict=True))


def _column(s: Scene, column: str) -> dict[str, int]:
    return {row: _cells(s, row)[column] for row in s["rows"]}


TABLES: Truths = {
    "cell": lambda s, a: _cells(s, a["row"])[a["column"]],
    "cell_gap": lambda s, a: _column(s, a["column"])[a["of"][0]] - _column(s, a["column"])[a["of"][1]],
    "row_total": lambda s, a: sum(_cells(s, a["row"]).values()),
    "column_total": lambda s, a: sum(_column(s, a["column"]).values()),
    "row_mean": lambda s, a: Fraction(sum(_cells(s, a["row"]).values()), len(s["columns"])),
    "row_highest": lambda s, a: _best(_column(s, a["column"])),
    "row_lowest": lambda s, a: _best(_column(s, a["column"]), min),
    "top_column": lambda s, a: _best(_cells(s, a["row"])),
    "find_row": lambda s, a: {value: row for row, value in _column(s, a["column"]).items()}[a["value"]],
    "best_sum": lambda s, a: _best({row: sum(_cells(s, row).values()) for row in s["rows"]}),
    "rows_above": lambda s, a: _above(_column(s, a["column"]), a["bound"]),
    "count_rows": lambda s, a: len(s["rows"]),
    "row_part": lambda s, a: Fraction(_cells(s, a["row"])[a["column"]], sum(_cells(s, a["row"]).values())),
    "cell_ratio": lambda s, a: Fraction(*(_column(s, a["column"])[row] for row in a["of"])),
}


def _cents(s: Scene) -> dict[str, int]:
    return {name: quantity * price for name, quantity, price in s["items"]}


def _dollars(cents: int) -> Fraction:
    return Fraction(cents, 100)


RECEIPTS: Truths = {
    "quantity": lambda s, a: next(quantity for name, quantity, _ in s["items"] if name == a["of"]),
    "count_items": lambda s, a: len(s["items"]),
    "count_pricey": lambda s, a: _above(_cents(s), a["bound"]),
    "item_price": lambda s, a: _dollars(next(price for name, _, price in s["items"] if name == a["of"])),
    "item_amount": lambda s, a: _dollars(_cents(s)[a["of"]]),
    "receipt_total": lambda s, a: _dollars(sum(_cents(s).values())),
    "change": lambda s, a: _dollars(s["given"] - sum(_cents(s).values())),
    "amount_gap": lambda s, a: _dollars(_cents(s)[a["of"][0]] - _cents(s)[a["of"][1]]),
    "more_of": lambda s, a: _dollars(a["count"] * next(p for name, _, p in s["items"] if name == a["of"])),
    "detail": lambda s, a: s[a["of"]],
    "item_highest": lambda s, a: _best(_cents(s)),
    "item_lowest": lambda s, a: _best(_cents(s), min),
    "amount_share": lambda s, a: Fraction(_cents(s)[a["of"]], sum(_cents(s).values())),
}


def _field(s: Scene, label: str) -> str:
    return dict(map(tuple, s["fields"]))[label]


FORMS: Truths = {
    "field": lambda s, a: _field(s, a["of"]),
    "ticks": lambda s, a: sum((box in s["ticked"]) != a["empty"] for box in s["boxes"]),
    "fee_times": lambda s, a: int(_field(s, "Fee in dollars")) * int(_field(s, a["of"])),
    "field_sum": lambda s, a: sum(int(_field(s, label)) for label in a["of"]),
    "tick_share": lambda s, a: Fraction(len(s["ticked"]), len(s["boxes"])),
    "field_ratio": lambda s, a: Fraction(*(int(_field(s, label)) for label in a["of"])),
    "which_tick": lambda s, a: next(box for box in s["ticked"] if box == a["choice"]),
}


def _matching(s: Scene, by: dict[str, str]) -> int:
    return sum(all(shape[key] == value for key, value in by.items()) for shape in s["shapes"])


def _majority(s: Scene) -> str:
    sizes = Counter(shape["size"] for shape in s["shapes"])
    return "the same number" if sizes["large"] == sizes["small"] else sizes.most_common(1)[0][0]


def _outermost(s: Scene, a: Scene) -> str:
    pick = min if a["side"] == "left" else max
    return str(pick(s["shapes"], key=lambda shape: shape["x"])[a["wanted"]])


COUNTS: Truths = {
    "count": lambda s, a: _matching(s, a["by"]),
    "left_over": lambda s, a: len(s["shapes"]) - _matching(s, a["by"]),
    "count_all": lambda s, a: len(s["shapes"]),
    "corners": lambda s, a: {"triangle": 3, "square": 4, "hexagon": 6}[a["kind"]] * _matching(s, {"kind": a["kind"]}),
    "either": lambda s, a: sum(shape["colour"] in a["of"] for shape in s["shapes"]),
    "shape_share": lambda s, a: Fraction(_matching(s, a["by"]), len(s["shapes"])),
    "commonest": lambda s, a: Counter(shape[a["field"]] for shape in s["shapes"]).most_common(1)[0][0],
    "only_one": lambda s, a: next(shape[a["wanted"]] for shape in s["shapes"] if shape[a["known"]] == a["value"]),
    "outermost": _outermost,
    "larger_half": lambda s, a: _majority(s),
}


def _heron(a: float, b: float, c: float) -> float:
    half = (a + b + c) / 2
    return math.sqrt(half * (half - a) * (half - b) * (half - c))


def _part(s: Scene) -> float:
    return s["degrees"] / 360


SHAPES: Truths = {
    "angle_sum": lambda s, a: 180 - sum(s["angles"]),
    "isosceles": lambda s, a: 180 - 2 * s["base"] if s["find"] == "top" else Fraction(180 - s["top"], 2),
    "exterior": lambda s, a: 180 - (180 - sum(s["angles"])),
    "right_corner": lambda s, a: s["names"][0],
    "hypotenuse": lambda s, a: math.hypot(*s["legs"]),
    "right_area": lambda s, a: _heron(*s["legs"], math.hypot(*s["legs"])),
    "sine": lambda s, a: math.sin(math.atan2(s["legs"][1], s["legs"][0])),
    "triangle_kind": lambda s, a: {1: "equilateral", 2: "isosceles", 3: "scalene"}[len(set(s["sides"]))],
    "one_side": lambda s, a: s["sides"][a["side"]],
    "perimeter": lambda s, a: sum(s["sides"]),
    "height_area": lambda s, a: s["base"] * s["height"] / 2,
    "equilateral_area": lambda s, a: _heron(s["side"], s["side"], s["side"]),
    "rect_area": lambda s, a: math.prod(s["sides"]),
    "rect_perimeter": lambda s, a: 2 * sum(s["sides"]),
    "diagonal": lambda s, a: math.hypot(*s["sides"]),
    "para_area": lambda s, a: s["base"] * s["height"],
    "trap_area": lambda s, a: s["height"] * (sum(s["parallel"]) / 2),
    "count_right": lambda s, a: s["right_angles"],
    "ell_sides": lambda s, a: 6,
    "ell_area": lambda s, a: s["a"] * s["b"] - (s["a"] - s["c"]) * (s["b"] - s["e"]),
    "ell_perimeter": lambda s, a: s["a"] + s["b"] + s["c"] + s["e"] + (s["a"] - s["c"]) + (s["b"] - s["e"]),
    "fourth_angle": lambda s, a: 360 - sum(s["angles"]),
    "quad_name": lambda s, a: s["shape"],
    "diameter": lambda s, a: s["radius"] * 2,
    "radius": lambda s, a: s["radius"],
    "circle_area": lambda s, a: math.pi * s["radius"] ** 2,
    "circumference": lambda s, a: math.tau * s["radius"],
    "sector_area": lambda s, a: math.pi * s["radius"] ** 2 * _part(s),
    "arc": lambda s, a: math.tau * s["radius"] * _part(s),
    "ring_area": lambda s, a: math.pi * (s["outer"] ** 2 - s["inner"] ** 2),
    "square_less_circle": lambda s, a: s["side"] ** 2 - math.pi * (s["side"] / 2) ** 2,
    "on_a_line": lambda s, a: 180 - sum(s["angles"]),
    "crossing": lambda s, a: s["angle"] if s["opposite"] else 180 - s["angle"],
    "parallels": lambda s, a: s["angle"] if s["equal"] else 180 - s["angle"],
    "polygon_sides": lambda s, a: s["sides"],
    "polygon_name": lambda s, a: {5: "pentagon", 6: "hexagon", 7: "heptagon", 8: "octagon"}[s["sides"]],
    "polygon_angle": lambda s, a: 180 - Fraction(360, s["sides"]),
    "polygon_perimeter": lambda s, a: s["sides"] * s["side"],
    "fan_triangles": lambda s, a: s["corners"] - 2,
    "fan_diagonals": lambda s, a: s["corners"] - 3,
}

ALL: Truths = {**SERIES, **GRIDS, **PIES, **TABLES, **RECEIPTS, **FORMS, **COUNTS, **SHAPES}
