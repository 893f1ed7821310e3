"""Quadrilaterals and L-shapes: areas, perimeters, diagonals, missing angles, names and right angles to count."""

import math
from fractions import Fraction
from random import Random

from curation.records import Kind
from curation.sources.figures.asking import Ask, plain
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import Canvas, Point
from curation.sources.figures.drafting import UNITS, Diagram, letters, turned
from curation.sources.figures.problems import Maker, Problem, root

NAMES = ("square", "rectangle", "parallelogram", "trapezium", "rhombus")


def _named(names: str, points: list[Point], degrees: float) -> dict[str, Point]:
    return turned(dict(zip(names, points, strict=True)), degrees)


def rectangle(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """A rectangle with two sides marked: area, perimeter, or the exact diagonal."""
    a, b, unit, names = rng.randint(7, 24), rng.randint(3, 16), rng.choice(UNITS), letters(rng, 4)
    a = a + 1 if a == b else a
    corners: list[Point] = [(0.0, 0.0), (float(a), 0.0), (float(a), float(b)), (0.0, float(b))]
    d = Diagram(canvas, style, _named(names, corners, rng.choice((0, 0, rng.randint(-20, 20)))))
    box = d.shape(names)
    d.corners(names)
    for k in range(4):
        d.right(names[k - 1], names[k], names[(k + 1) % 4])
    d.length(names[0], names[1], f"{a} {unit}", names[2])
    d.length(names[1], names[2], f"{b} {unit}", names[0])
    given = f"In rectangle {names}, {names[:2]} = {a} {unit} and {names[1:3]} = {b} {unit}."
    facts = {"shape": "rectangle", "sides": [a, b]}
    boxes = {f"rectangle {names}": box}
    if kind == "math":
        d.line(names[0], names[2], dashed=True)
        return Problem(facts, boxes, given, *_diagonal(a, b, names, unit))
    if rng.random() < 0.5:
        steps = ("The area of a rectangle is length times width.", f"{a} * {b} = {a * b}.")
        ask = Ask("rect_area", f"What is the area of the rectangle, in square {unit}?", str(a * b), steps, {}, 2, 2)
        return Problem(facts, boxes, given, ask, (str(2 * (a + b)), str(a + b), str(a * b + a), str(a * b - b)))
    steps = ("The perimeter is twice length plus width.", f"2 * ({a} + {b}) = {2 * (a + b)}.")
    ask = Ask(
        "rect_perimeter", f"What is the perimeter of the rectangle, in {unit}?", str(2 * (a + b)), steps, {}, 2, 2
    )
    return Problem(facts, boxes, given, ask)


def _diagonal(a: int, b: int, names: str, unit: str) -> tuple[Ask, tuple[str, ...]]:
    square = a * a + b * b
    answer = root(square)
    steps = (
        f"The diagonal is the hypotenuse of a right triangle with legs {a} and {b}.",
        f"Its square is {a}² + {b}² = {a * a} + {b * b} = {square}.",
        f"The root of {square} is {answer}.",
    )
    question = f"What is the exact length of the diagonal {names[0]}{names[2]}, in {unit}?"
    return Ask("diagonal", question, answer, steps, {}, 2, 4), (
        root(square + b),
        str(a + b),
        root(a * a - b * b or 3) if a > b else root(square + a),
        root(a + b),
        root(2 * square),
    )


def parallelogram(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    base, height, unit, names = rng.randint(7, 18), rng.randint(4, 10), rng.choice(UNITS), letters(rng, 5)
    slant = rng.uniform(0.2, 0.34) * base
    p, q, r, s, h = tuple(names)
    points = {
        p: (0.0, 0.0),
        q: (float(base), 0.0),
        r: (base + slant, float(height)),
        s: (slant, float(height)),
        h: (slant, 0.0),
    }
    d = Diagram(canvas, style, points)
    box = d.shape((p, q, r, s))
    d.corners((p, q, r, s))
    d.line(s, h, dashed=True)
    d.right(q, h, s)
    d.length(p, q, f"{base} {unit}", r)
    d.length(h, s, f"{height} {unit}", p, inside=True)
    given = f"In parallelogram {p}{q}{r}{s}, side {p}{q} is {base} {unit} long and the height on it is {height} {unit}."
    steps = ("The area of a parallelogram is base times height.", f"{base} * {height} = {base * height}.")
    question = f"What is the area of the parallelogram, in square {unit}?"
    ask = Ask("para_area", question, str(base * height), steps, {}, 2, 2)
    wrong = (plain(Fraction(base * height, 2)), str(2 * (base + height)), str(base * height + base), str(base + height))
    facts = {"shape": "parallelogram", "base": base, "height": height}
    return Problem(facts, {f"parallelogram {p}{q}{r}{s}": box}, given, ask, wrong)


def trapezium(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """A right trapezium: its area, or (as a digit) how many right angles are marked."""
    short, extra, height, unit = rng.randint(4, 10), rng.randint(3, 7), rng.randint(4, 9), rng.choice(UNITS)
    long, names = short + extra, letters(rng, 4)
    p, q, r, s = tuple(names)
    points = _named(names, [(0.0, 0.0), (float(long), 0.0), (float(short), float(height)), (0.0, float(height))], 0)
    if rng.random() < 0.5:
        points = {name: (-x, y) for name, (x, y) in points.items()}
    d = Diagram(canvas, style, points)
    box = d.shape(names)
    d.corners(names)
    d.right(q, p, s)
    d.right(p, s, r)
    d.length(p, q, f"{long} {unit}", s)
    d.length(s, r, f"{short} {unit}", p)
    d.length(p, s, f"{height} {unit}", q)
    given = (
        f"Trapezium {names} has right angles at {p} and {s}; the parallel sides are {p}{q} = {long} {unit} and "
        f"{s}{r} = {short} {unit}, and {p}{s} = {height} {unit}."
    )
    facts = {"shape": "trapezium", "parallel": [long, short], "height": height, "right_angles": 2}
    boxes = {f"trapezium {names}": box}
    if kind == "digit":
        return Problem(facts, boxes, given, _count_right(2))
    answer = plain(Fraction((long + short) * height, 2))
    steps = (
        "The area of a trapezium is half the sum of the parallel sides times the height.",
        f"({long} + {short}) * {height} / 2 = {long + short} * {height} / 2 = {answer}.",
    )
    ask = Ask("trap_area", f"What is the area of the trapezium, in square {unit}?", answer, steps, {}, 3, 4)
    wrong = (str((long + short) * height), str(long * height), str(short * height), str(long + short + height))
    return Problem(facts, boxes, given, ask, wrong)


def _count_right(number: int) -> Ask:
    steps = (f"A small square in a corner marks a right angle; {number} corners have one.",)
    return Ask("count_right", "How many right angles are marked in the figure?", str(number), steps, {})


def ell(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """An L-shape: area, perimeter, or the number of its sides."""
    a, b, unit = rng.randint(8, 16), rng.randint(7, 13), rng.choice(UNITS)
    a = a + 1 if a == b else a
    c, e = rng.randint(3, a - 4), rng.randint(3, b - 3)
    names = "uvwxyz"
    points: list[Point] = [(0, 0), (a, 0), (a, e), (c, e), (c, b), (0, b)]
    d = Diagram(canvas, style, _named(names, points, rng.choice((0, 90, 180, 270))))
    box = d.shape(names)
    for k in range(6):
        if k != 3:
            d.right(names[k - 1], names[k], names[(k + 1) % 6])
    for one, two, other, text in (("u", "v", "z", a), ("u", "z", "v", b), ("v", "w", "u", e), ("z", "y", "u", c)):
        d.length(one, two, f"{text} {unit}", other)
    given = (
        f"An L-shaped figure has only right angles. Its two longest sides are {a} {unit} and {b} {unit} and meet at a "
        f"corner; the other end of the {a} {unit} side has a side of {e} "
        f"{unit}, the other end of the {b} {unit} side one of {c} {unit}."
    )
    facts = {"shape": "ell", "a": a, "b": b, "c": c, "e": e, "right_angles": 5}
    if kind == "digit":
        ask = _sides_of_ell() if rng.random() < 0.5 else _count_right(5)
    else:
        ask = _ell_area(a, b, c, e, unit) if rng.random() < 0.6 else _ell_perimeter(a, b, unit)
    return Problem(facts, {"the L-shaped figure": box}, given, ask)


def _sides_of_ell() -> Ask:
    steps = ("Going round, the figure has 6 corners and so 6 sides.",)
    return Ask("ell_sides", "How many sides does the L-shaped figure have?", "6", steps, {})


def _ell_area(a: int, b: int, c: int, e: int, unit: str) -> Ask:
    area = a * e + c * (b - e)
    steps = (
        f"Cut the figure into a rectangle of {a} by {e} and one of {c} by {b} - {e} = {b - e}.",
        f"{a} * {e} = {a * e} and {c} * {b - e} = {c * (b - e)}.",
        f"{a * e} + {c * (b - e)} = {area}.",
    )
    return Ask("ell_area", f"What is the area of the L-shaped figure, in square {unit}?", str(area), steps, {}, 4, 4)


def _ell_perimeter(a: int, b: int, unit: str) -> Ask:
    steps = (
        "Pushing the two inner sides outwards makes a rectangle with the same perimeter.",
        f"2 * ({a} + {b}) = {2 * (a + b)}.",
    )
    question = f"What is the perimeter of the L-shaped figure, in {unit}?"
    return Ask("ell_perimeter", question, str(2 * (a + b)), steps, {}, 2, 3)


def fourth_angle(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """Four corners on a circle by their arcs, so the angles are exact: each is half of the two arcs opposite."""
    arcs = [2 * rng.randint(28, 58) for _ in range(3)]
    arcs.append(360 - sum(arcs))
    while not 50 <= arcs[3] <= 140:
        arcs = [2 * rng.randint(28, 58) for _ in range(3)]
        arcs.append(360 - sum(arcs))
    names = letters(rng, 4)
    turn, points = float(rng.randrange(360)), {}
    for name, arc in zip(names, arcs, strict=True):
        points[name] = (math.cos(math.radians(turn)), math.sin(math.radians(turn)))
        turn += arc
    angles = [(arcs[(k + 1) % 4] + arcs[(k + 2) % 4]) // 2 for k in range(4)]
    d = Diagram(canvas, style, points)
    box = d.shape(names)
    d.corners(names)
    for k in range(4):
        d.angle(names[k - 1], names[k], names[(k + 1) % 4], f"{angles[k]}°" if k < 3 else "x", radius=26)
    p, q, r, s = tuple(names)
    given = (
        f"In quadrilateral {names}, the angles at {p}, {q} and {r} are "
        f"{angles[0]}°, {angles[1]}° and {angles[2]}°, and the angle at {s} is x."
    )
    steps = (
        "The angles of a quadrilateral add up to 360 degrees.",
        f"{angles[0]} + {angles[1]} + {angles[2]} = {sum(angles[:3])}.",
        f"x = 360 - {sum(angles[:3])} = {angles[3]}.",
    )
    ask = Ask("fourth_angle", "What is the size of x, in degrees?", str(angles[3]), steps, {}, 3, 4)
    return Problem(
        {"shape": "quadrilateral", "names": names, "angles": angles[:3]}, {f"quadrilateral {names}": box}, given, ask
    )


def name_it(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """A quadrilateral with its equal sides and right angles marked, to be named."""
    sort, names = rng.choice(NAMES), letters(rng, 4)
    d = Diagram(canvas, style, _named(names, _outline(rng, sort), rng.choice((0, rng.randint(-25, 25)))))
    box = d.shape(names)
    d.corners(names)
    pairs = [(names[k], names[(k + 1) % 4]) for k in range(4)]
    if sort in ("square", "rhombus"):
        for one, two in pairs:
            d.equal(one, two)
    if sort in ("square", "rectangle"):
        for k in range(4):
            d.right(names[k - 1], names[k], names[(k + 1) % 4])
    words = {
        "square": "four equal sides and four right angles",
        "rectangle": "four right angles and two different side lengths",
        "parallelogram": "two pairs of parallel sides, no right angles and two different side lengths",
        "trapezium": "exactly one pair of parallel sides",
        "rhombus": "four equal sides and no right angles",
    }
    given = f"Quadrilateral {names} has {words[sort]}."
    question = "What is the quadrilateral called: square, rectangle, parallelogram, trapezium or rhombus?"
    ask = Ask("quad_name", question, sort, (f"The figure has {words[sort]}.", f"That is a {sort}."), {})
    return Problem({"shape": sort, "names": names}, {f"quadrilateral {names}": box}, given, ask, NAMES)


def _outline(rng: Random, sort: str) -> list[Point]:
    wide, slant = rng.uniform(1.5, 2.1), rng.uniform(0.35, 0.7)
    if sort == "square":
        return [(0, 0), (1, 0), (1, 1), (0, 1)]
    if sort == "rectangle":
        return [(0, 0), (wide, 0), (wide, 1), (0, 1)]
    if sort == "parallelogram":
        return [(0, 0), (wide, 0), (wide + slant, 1), (slant, 1)]
    if sort == "trapezium":
        return [(0, 0), (wide, 0), (wide - slant * 0.6, 1), (slant * 0.9, 1)]
    angle = rng.uniform(52, 72)
    x, y = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return [(0, 0), (1, 0), (1 + x, y), (x, y)]


MAKERS: tuple[tuple[int, Maker], ...] = (
    (3, Maker(("number", "math"), rectangle)),
    (1, Maker(("number",), parallelogram)),
    (2, Maker(("number", "digit"), trapezium)),
    (2, Maker(("number", "digit"), ell)),
    (1, Maker(("number",), fourth_angle)),
    (3, Maker(("text",), name_it)),
)
