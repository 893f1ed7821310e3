"""Crossing and parallel lines, angles on a line and round a point, and regular polygons."""

import math
from random import Random

from curation.records import Kind
from curation.sources.figures.asking import Ask, plain
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import Canvas, Point, around, polar
from curation.sources.figures.drafting import UNITS, Diagram, letters, turned
from curation.sources.figures.problems import Maker, Problem

POLYGONS = {4: "square", 5: "pentagon", 6: "hexagon", 7: "heptagon", 8: "octagon"}


def _arm(degrees: float) -> Point:
    """One unit out at an angle counted against the clock from three o'clock (y upwards)."""
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


def on_a_line(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """Two or three angles on one side of a straight line; the last is x."""
    parts = [rng.randint(38, 130)] if rng.random() < 0.5 else [rng.randint(35, 65), rng.randint(35, 65)]
    x, turn, names = 180 - sum(parts), float(rng.randint(-25, 25)), letters(rng, 4 if len(parts) == 1 else 5)
    a, b, o, *rays = tuple(names)
    points: dict[str, Point] = {o: (0.0, 0.0), a: _arm(turn), b: _arm(turn + 180)}
    for k, ray in enumerate(rays):
        points[ray] = _arm(turn + sum(parts[: k + 1]))
    d = Diagram(canvas, style, points, reach=0.08)
    d.line(a, b)
    ends = [a, *rays, b]
    for ray in rays:
        d.line(o, ray)
    for k, text in enumerate([*(f"{part}°" for part in parts), "x"]):
        d.angle(ends[k], o, ends[k + 1], text, radius=40)
    for end in ends:
        d.label(d.at[end], (d.at[end][0] - d.at[o][0], d.at[end][1] - d.at[o][1]), end, bold=True)
    d.label(d.at[o], (0.0, 1.0), o, bold=True)
    d.dot(o)
    known = " and ".join(f"angle {ends[k]}{o}{ends[k + 1]} is {part}°" for k, part in enumerate(parts))
    given = f"Points {a}, {o} and {b} lie on a straight line; {known}, and angle {rays[-1]}{o}{b} is x."
    steps = ("Angles on a straight line add up to 180 degrees.", f"x = 180 - {' - '.join(map(str, parts))} = {x}.")
    ask = Ask("on_a_line", "What is the size of x, in degrees?", str(x), steps, {}, len(parts), 1 + len(parts))
    box = around([d.at[end] for end in (*ends, o)])
    return Problem({"shape": "line", "angles": parts}, {"the drawing of all the lines": box}, given, ask)


def crossing(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """Two straight lines crossing: the angle opposite or beside the one given."""
    a, turn, opposite = rng.randint(38, 82), float(rng.randint(-30, 30)), rng.random() < 0.5
    p, q, r, s, o = tuple(letters(rng, 5))
    points = {p: _arm(turn), r: _arm(turn + a), q: _arm(turn + 180), s: _arm(turn + a + 180), o: (0.0, 0.0)}
    d = Diagram(canvas, style, points, reach=0.08)
    d.line(p, q)
    d.line(r, s)
    d.angle(p, o, r, f"{a}°", radius=40)
    d.angle(*((q, o, s) if opposite else (r, o, q)), "x", radius=34)
    for end in (p, q, r, s):
        d.label(d.at[end], (d.at[end][0] - d.at[o][0], d.at[end][1] - d.at[o][1]), end, bold=True)
    d.label(d.at[o], polar((0.0, 0.0), 1, 90 - turn - a / 2), o, bold=True, gap=12)
    asked = f"{q}{o}{s}" if opposite else f"{r}{o}{q}"
    given = f"The straight lines {p}{q} and {r}{s} cross at {o}. Angle {p}{o}{r} is {a}° and angle {asked} is x."
    if opposite:
        steps = ("Opposite angles at a crossing are equal.", f"x = {a}.")
    else:
        steps = ("The two angles lie on a straight line and add up to 180 degrees.", f"x = 180 - {a} = {180 - a}.")
    answer = str(a if opposite else 180 - a)
    ask = Ask("crossing", "What is the size of x, in degrees?", answer, steps, {}, 1, 1 if opposite else 2)
    box = around([d.at[end] for end in (p, q, r, s)])
    return Problem(
        {"shape": "crossing", "angle": a, "opposite": opposite}, {"the drawing of all the lines": box}, given, ask
    )


def parallels(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """Two parallel lines cut by a third; x is equal to the marked angle or makes 180 degrees with it."""
    a, equal = rng.randint(42, 80), rng.random() < 0.5
    lean = 1 / math.tan(math.radians(a))
    points = {
        "l": (-1.6, 0.55), "L": (1.6, 0.55), "m": (-1.6, -0.55), "M": (1.6, -0.55),
        "t": (lean * 1.1, 1.1), "T": (-lean * 1.1, -1.1), "P": (lean * 0.55, 0.55), "Q": (-lean * 0.55, -0.55),
    }  # fmt: skip
    d = Diagram(canvas, style, turned(points, rng.randint(-16, 16)))
    for one, two in (("l", "L"), ("m", "M"), ("t", "T")):
        d.line(one, two)
    d.angle("L", "P", "t", f"{a}°", radius=34)
    d.angle(*(("M", "Q", "P") if equal else ("m", "Q", "P")), "x", radius=30)
    for line, name in (("L", "g"), ("M", "h")):
        d.label(d.at[line], (1.0, 0.0), name, bold=True)
    d.label(d.at["t"], (1.0, 0.0), "t", bold=True)
    side = "the same side" if equal else "the other side"
    given = (
        f"Lines g and h are parallel and line t cuts both. Above g, "
        f"to the right of t, the angle between t and g is {a}°. "
        f"Above h, on {side} of t, the angle between t and h is x."
    )
    first = f"At parallel lines, corresponding angles are equal, so to the right of t line h also makes {a} degrees."
    steps = (
        (first, f"x = {a}.") if equal else (first, f"x lies beside it on a straight line: x = 180 - {a} = {180 - a}.")
    )
    answer = str(a if equal else 180 - a)
    ask = Ask("parallels", "What is the size of x, in degrees?", answer, steps, {}, 1, 1 if equal else 3)
    box = around([d.at[end] for end in ("l", "L", "m", "M", "t", "T")])
    return Problem(
        {"shape": "parallels", "angle": a, "equal": equal}, {"the drawing of all the lines": box}, given, ask
    )


def polygon(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """A regular polygon: count its sides, name it, find an angle or its perimeter."""
    n, side, unit = rng.choice((5, 6, 7, 8)), rng.randint(2, 15), rng.choice(UNITS)
    start = rng.randrange(360)
    names = [f"v{k}" for k in range(n)]
    d = Diagram(canvas, style, {name: _arm(start + 360 * k / n) for k, name in enumerate(names)})
    box = d.shape(names)
    for one, two in zip(names, names[1:] + names[:1], strict=True):
        d.equal(one, two)
    d.length(names[0], names[1], f"{side} {unit}", names[n // 2])
    given = f"A polygon has {n} corners, all angles are equal and all sides measure {side} {unit}."
    facts = {"shape": "polygon", "sides": n, "side": side}
    boxes = {"the polygon": box}
    if kind == "digit":
        return Problem(facts, boxes, given, _sides_of(n))
    if kind == "text":
        return Problem(facts, boxes, given, _name_of(n), tuple(POLYGONS.values()))
    return Problem(facts, boxes, given, _angle_of(n) if n != 7 and rng.random() < 0.5 else _round(n, side, unit))


def _sides_of(n: int) -> Ask:
    steps = (f"Going round, the polygon has {n} corners and so {n} sides.",)
    return Ask("polygon_sides", "How many sides does the polygon have?", str(n), steps, {})


def _name_of(n: int) -> Ask:
    steps = (f"The polygon has {n} sides.", f"A polygon with {n} sides is a {POLYGONS[n]}.")
    return Ask("polygon_name", "What is a polygon with this number of sides called?", POLYGONS[n], steps, {})


def _angle_of(n: int) -> Ask:
    total = 180 * (n - 2)
    answer = plain(total // n)
    steps = (
        f"The angles of a polygon with {n} sides add up to ({n} - 2) * 180 = {total} degrees.",
        f"All {n} are equal: {total} / {n} = {answer}.",
    )
    return Ask(
        "polygon_angle", "What is the size of one interior angle of the polygon, in degrees?", answer, steps, {}, 1, 4
    )


def _round(n: int, side: int, unit: str) -> Ask:
    steps = (f"The polygon has {n} equal sides of {side} {unit}.", f"{n} * {side} = {n * side}.")
    return Ask("polygon_perimeter", f"What is the perimeter of the polygon, in {unit}?", str(n * side), steps, {}, 2, 1)


def diagonals(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """A polygon cut by all diagonals from one corner: how many triangles, or how many diagonals."""
    n = rng.choice((4, 5, 6, 7, 8))
    turn, names = rng.randrange(360), [f"v{k}" for k in range(n)]
    wobble = [rng.uniform(-0.22, 0.22) * 360 / n for _ in range(n)]
    d = Diagram(canvas, style, {name: _arm(turn + 360 * k / n + wobble[k]) for k, name in enumerate(names)})
    box = d.shape(names)
    for name in names[2:-1]:
        d.line(names[0], name)
    d.dot(names[0])
    triangles = rng.random() < 0.55
    given = (
        f"A convex polygon with {n} corners is cut along all diagonals "
        f"that start from one of its corners, marked with a dot."
    )
    answer = n - 2 if triangles else n - 3
    what = "triangles is the polygon cut into" if triangles else "diagonals are drawn"
    formula = f"From one corner of {n} there are {n} - 3 = {n - 3} diagonals" + (
        f", which cut off {n} - 2 = {n - 2} triangles." if triangles else "."
    )
    ask = Ask("fan_triangles" if triangles else "fan_diagonals", f"How many {what}?", str(answer), (formula,), {}, 1)
    return Problem({"shape": "fan", "corners": n}, {"the polygon": box}, given, ask)


MAKERS: tuple[tuple[int, Maker], ...] = (
    (2, Maker(("number",), on_a_line)),
    (2, Maker(("number",), crossing)),
    (2, Maker(("number",), parallels)),
    (4, Maker(("digit", "text", "number"), polygon)),
    (3, Maker(("digit",), diagonals)),
)
