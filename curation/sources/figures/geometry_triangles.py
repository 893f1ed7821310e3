"""Triangles: missing angles, Pythagoras, area, perimeter, sine, and what kind of triangle it is."""

import math
from fractions import Fraction
from random import Random

from curation.records import Kind
from curation.sources.figures.asking import Ask, fraction, plain
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import Canvas, Point
from curation.sources.figures.drafting import UNITS, Diagram, letters, triangle, turned
from curation.sources.figures.problems import Maker, Problem, root

TRIPLES = (
    (3, 4, 5),
    (5, 12, 13),
    (8, 15, 17),
    (7, 24, 25),
    (20, 21, 29),
    (6, 8, 10),
    (9, 12, 15),
    (12, 16, 20),
    (10, 24, 26),
)
Triangle = tuple[Point, Point, Point]


def _diagram(canvas: Canvas, style: Style, rng: Random, names: str, points: Triangle) -> Diagram:
    flipped = [(-x, y) for x, y in points] if rng.random() < 0.5 else list(points)
    placed = turned(dict(zip(names, flipped, strict=True)), rng.choice((0, rng.randrange(360), rng.randint(-30, 30))))
    return Diagram(canvas, style, placed)


def _sides(a: float, b: float, c: float) -> Triangle:
    """Corners with the side c from first to second, b from first to third, a from second to third."""
    x = (b * b + c * c - a * a) / (2 * c)
    return (0.0, 0.0), (c, 0.0), (x, math.sqrt(max(1e-9, b * b - x * x)))


def _from(d: Diagram, start: str, end: str) -> Point:
    return d.at[end][0] - d.at[start][0], d.at[end][1] - d.at[start][1]


def angle_sum(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    a, b = rng.randint(32, 85), rng.randint(32, 85)
    names = letters(rng, 3)
    p, q, r = tuple(names)
    d = _diagram(canvas, style, rng, names, triangle(a, b))
    box = d.shape(names)
    d.corners(names)
    for arms, text in (((q, p, r), f"{a}°"), ((p, q, r), f"{b}°"), ((p, r, q), "x")):
        d.angle(*arms, text)
    answer = 180 - a - b
    steps = ("The angles of a triangle add up to 180 degrees.", f"x = 180 - {a} - {b} = {answer}.")
    given = f"In triangle {names}, the angle at {p} is {a}°, the angle at {q} is {b}° and the angle at {r} is x."
    ask = Ask("angle_sum", "What is the size of x, in degrees?", str(answer), steps, {}, 2, 2)
    return Problem({"shape": "triangle", "names": names, "angles": [a, b]}, {f"triangle {names}": box}, given, ask)


def isosceles(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    base, find_top = rng.randint(33, 74), rng.random() < 0.5
    top, names = 180 - 2 * base, letters(rng, 3)
    p, q, r = tuple(names)
    d = _diagram(canvas, style, rng, names, triangle(base, base))
    box = d.shape(names)
    d.corners(names)
    d.equal(p, r)
    d.equal(q, r)
    d.angle(q, p, r, f"{base}°" if find_top else "x")
    d.angle(p, r, q, "x" if find_top else f"{top}°")
    known, asked = (p, r) if find_top else (r, p)
    given = (
        f"In triangle {names}, side {p}{r} equals side {q}{r}. The angle at {known} is {base if find_top else top}° "
        f"and the angle at {asked} is x."
    )
    if find_top:
        steps = (f"The base angles at {p} and {q} are equal: {base} degrees each.", f"x = 180 - 2 * {base} = {top}.")
    else:
        steps = (
            f"The two base angles are equal and make 180 - {top} = {180 - top} degrees.",
            f"x = {180 - top} / 2 = {base}.",
        )
    ask = Ask("isosceles", "What is the size of x, in degrees?", str(top if find_top else base), steps, {}, 1, 3)
    facts = {"shape": "isosceles", "names": names, "base": base, "top": top, "find": "top" if find_top else "base"}
    return Problem(facts, {f"triangle {names}": box}, given, ask)


def exterior(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    a, c = rng.randint(35, 70), rng.randint(35, 70)
    names = letters(rng, 4)
    p, q, r, s = tuple(names)
    first, second, third = triangle(a, 180 - a - c)
    placed = turned(dict(zip(names, (first, second, third, (1.45, 0.0)), strict=True)), rng.randint(-25, 25))
    d = Diagram(canvas, style, placed)
    box = d.shape((p, q, r))
    d.line(q, s)
    for corner, other in ((p, q), (r, q), (s, q)):
        d.label(d.at[corner], _from(d, other, corner), corner, bold=True)
    along_base, up = _from(d, p, q), _from(d, q, r)
    side = along_base[0] * up[1] - along_base[1] * up[0]
    d.label(d.at[q], (along_base[1] * side, -along_base[0] * side), q, bold=True)
    d.angle(q, p, r, f"{a}°")
    d.angle(p, r, q, f"{c}°")
    d.angle(r, q, s, "x")
    given = (
        f"In triangle {p}{q}{r}, the angle at {p} is {a}° and the angle at {r} is {c}°. Side {p}{q} is extended "
        f"beyond {q} to {s}, and the angle {r}{q}{s} outside the triangle is x."
    )
    steps = ("An exterior angle equals the sum of the two opposite interior angles.", f"x = {a} + {c} = {a + c}.")
    ask = Ask("exterior", "What is the size of x, in degrees?", str(a + c), steps, {}, 2, 2)
    return Problem({"shape": "exterior", "names": names, "angles": [a, c]}, {f"triangle {p}{q}{r}": box}, given, ask)


def right_angled(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """A right triangle with two sides given: the third, a sine, the area, or the right angle's corner."""
    unit, names = rng.choice(UNITS), letters(rng, 3)
    p, q, r = tuple(names)
    sine = kind == "math" and rng.random() < 0.35
    legs = _legs(rng, whole=kind == "number" or sine)
    d = _diagram(canvas, style, rng, names, ((0.0, 0.0), (float(legs[0]), 0.0), (0.0, float(legs[1]))))
    box = d.shape(names)
    d.corners(names)
    d.right(q, p, r)
    d.length(p, q, f"{legs[0]} {unit}", r)
    d.length(p, r, f"{legs[1]} {unit}", q)
    facts = {"shape": "right triangle", "legs": list(legs), "unit": unit, "names": names}
    given = (
        f"In triangle {names}, the angle at {p} is a right angle, "
        f"{p}{q} = {legs[0]} {unit} and {p}{r} = {legs[1]} {unit}."
    )
    if sine:
        long = math.isqrt(legs[0] ** 2 + legs[1] ** 2)
        d.length(q, r, f"{long} {unit}", p)
        given = f"{given[:-1]}, and {q}{r} = {long} {unit}."
        return Problem({**facts, "hypotenuse": long}, {f"triangle {names}": box}, given, *_sine(legs, long, names))
    if kind == "text":
        steps = (f"The small square marks the right angle; it stands at {p}.",)
        ask = Ask("right_corner", "At which corner of the triangle is the right angle?", p, steps, {})
        return Problem(facts, {f"triangle {names}": box}, given, ask, tuple(names))
    d.length(q, r, "x", p)
    ask, wrong = rng.choice((_hypotenuse, _area))(legs, unit) if kind == "number" else _hypotenuse(legs, unit)
    return Problem(facts, {f"triangle {names}": box}, f"{given[:-1]}, and {q}{r} = x.", ask, wrong)


def _legs(rng: Random, *, whole: bool) -> tuple[int, int]:
    """Two legs whose hypotenuse is a whole number, or is not."""
    if whole:
        a, b, _ = rng.choice(TRIPLES)
        return (a, b) if rng.random() < 0.5 else (b, a)
    while True:
        a, b = rng.randint(2, 12), rng.randint(2, 12)
        if max(a, b) <= 4 * min(a, b) and math.isqrt(a * a + b * b) ** 2 != a * a + b * b:
            return a, b


def _hypotenuse(legs: tuple[int, int], unit: str) -> tuple[Ask, tuple[str, ...]]:
    a, b = legs
    square = a * a + b * b
    answer = root(square)
    steps = (
        f"By Pythagoras, x² is {a}² + {b}² = {a * a} + {b * b} = {square}.",
        f"x is the square root of {square}, which is {answer}.",
    )
    ask = Ask("hypotenuse", f"What is the length x, in {unit}?", answer, steps, {}, 2, 4)
    off = (a + b, square) if math.isqrt(square) ** 2 == square else ()
    wrong = (root(square + a), root(square + 4), root(abs(a * a - b * b) or 2), root(a + b), *map(str, off))
    return ask, wrong


def _area(legs: tuple[int, int], unit: str) -> tuple[Ask, tuple[str, ...]]:
    a, b = legs
    answer = plain(Fraction(a * b, 2))
    steps = ("The legs are base and height of the triangle.", f"The area is {a} * {b} / 2 = {answer}.")
    ask = Ask("right_area", f"What is the area of the triangle, in square {unit}?", answer, steps, {}, 2, 2)
    return ask, (str(a * b), str(a + b), plain(Fraction(a * b, 4)), str(2 * a * b))


def _sine(legs: tuple[int, int], long: int, names: str) -> tuple[Ask, tuple[str, ...]]:
    q, r = names[1], names[2]
    answer = fraction(Fraction(legs[1], long))
    steps = (
        f"Opposite the angle at {q} lies the side of {legs[1]}; the hypotenuse {q}{r} is {long}.",
        f"The sine is opposite over hypotenuse: {legs[1]} / {long}, in lowest terms {answer}.",
    )
    ask = Ask(
        "sine", f"What is the sine of the angle at {q}? Give a fraction in lowest terms.", answer, steps, {}, 2, 2
    )
    wrong = (Fraction(legs[0], long), Fraction(legs[1], legs[0]), Fraction(legs[0], legs[1]), Fraction(long, legs[1]))
    return ask, tuple(fraction(value) for value in wrong)


def sides(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """Three marked sides: read one, add them up, or say what kind of triangle it is."""
    unit, names = rng.choice(UNITS), letters(rng, 3)
    p, q, r = tuple(names)
    sort = rng.choice(("scalene", "isosceles", "equilateral"))
    a, b, c = _lengths(rng, sort)
    d = _diagram(canvas, style, rng, names, _sides(a, b, c))
    box = d.shape(names)
    d.corners(names)
    for one, two, other, text in ((p, q, r, c), (p, r, q, b), (q, r, p, a)):
        d.length(one, two, f"{text} {unit}", other)
    given = f"Triangle {names} has the sides {p}{q} = {c} {unit}, {p}{r} = {b} {unit} and {q}{r} = {a} {unit}."
    facts = {"shape": "sides", "sides": [a, b, c], "names": names, "unit": unit}
    if kind == "text":
        said = {
            "scalene": "All three sides differ",
            "isosceles": "Exactly two sides are equal",
            "equilateral": "All three sides are equal",
        }
        steps = (f"The sides are {a}, {b} and {c}.", f"{said[sort]}, so it is {sort}.")
        question = "By its sides, is the triangle scalene, isosceles or equilateral?"
        ask = Ask("triangle_kind", question, sort, steps, {}, 3)
        return Problem(facts, {f"triangle {names}": box}, given, ask, ("scalene", "isosceles", "equilateral"))
    ask = _one_side(rng, names, (a, b, c), unit) if rng.random() < 0.65 else _perimeter((a, b, c), unit)
    return Problem(facts, {f"triangle {names}": box}, given, ask)


def _lengths(rng: Random, sort: str) -> tuple[int, int, int]:
    """Three whole sides of a triangle that is not too flat; `isosceles` here means exactly two equal."""
    while True:
        a, b, c = (rng.randint(4, 15) for _ in range(3))
        a, b = (a, a) if sort == "isosceles" else (c, c) if sort == "equilateral" else (a, b)
        wanted = {"scalene": 3, "isosceles": 2, "equilateral": 1}[sort]
        if len({a, b, c}) == wanted and 2 * max(a, b, c) < 0.88 * (a + b + c) and min(a, b, c) > 0.4 * max(a, b, c):
            return a, b, c


def _one_side(rng: Random, names: str, lengths: tuple[int, int, int], unit: str) -> Ask:
    p, q, r = tuple(names)
    k = rng.randrange(3)
    name = (q + r, p + r, p + q)[k]
    steps = (f"Beside side {name} stands {lengths[k]} {unit}.",)
    return Ask("one_side", f"How long is side {name}, in {unit}?", str(lengths[k]), steps, {"side": k})


def _perimeter(lengths: tuple[int, int, int], unit: str) -> Ask:
    total = sum(lengths)
    steps = ("The perimeter is the sum of the sides.", f"{lengths[0]} + {lengths[1]} + {lengths[2]} = {total}.")
    return Ask("perimeter", f"What is the perimeter of the triangle, in {unit}?", str(total), steps, {}, 3, 2)


def with_height(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    height, unit = rng.randint(4, 14), rng.choice(UNITS)
    base = height + rng.randint(-1, 8)
    foot = base * rng.uniform(0.28, 0.62)
    names = letters(rng, 4)
    p, q, r, h = tuple(names)
    points = {p: (0.0, 0.0), q: (float(base), 0.0), r: (foot, float(height)), h: (foot, 0.0)}
    d = Diagram(canvas, style, points)
    box = d.shape((p, q, r))
    d.corners((p, q, r))
    d.line(r, h, dashed=True)
    d.right(q, h, r)
    d.length(p, q, f"{base} {unit}", r)
    d.length(h, r, f"{height} {unit}", p, share=0.38, inside=True)
    answer = plain(Fraction(base * height, 2))
    given = (
        f"In triangle {p}{q}{r}, side {p}{q} is {base} {unit} long and the height on it from {r} is {height} {unit}."
    )
    steps = ("The area of a triangle is half of base times height.", f"{base} * {height} / 2 = {answer}.")
    ask = Ask("height_area", f"What is the area of the triangle, in square {unit}?", answer, steps, {}, 2, 2)
    wrong = (str(base * height), plain(Fraction(base * height, 4)), str(base + height), str(base * height + base))
    return Problem({"shape": "height", "base": base, "height": height}, {f"triangle {p}{q}{r}": box}, given, ask, wrong)


def equilateral(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    side, unit, names = rng.randrange(2, 25, 2), rng.choice(UNITS), letters(rng, 3)
    d = _diagram(canvas, style, rng, names, triangle(60, 60))
    box = d.shape(names)
    d.corners(names)
    for a, b in zip(names, names[1:] + names[0], strict=True):
        d.equal(a, b)
    d.length(names[0], names[1], f"{side} {unit}", names[2])
    k = side * side // 4
    answer = root(3 * k * k)
    given = f"Triangle {names} is equilateral with sides of {side} {unit}."
    steps = (
        "Half the side and the height make a right triangle with the side as hypotenuse.",
        rf"The height is the root of {side}² - {side // 2}² = "
        rf"{side * side - side * side // 4}, which is {root(side * side - side * side // 4)}.",
        rf"The area is half of {side} * {root(side * side - side * side // 4)}, which is {answer}.",
    )
    ask = Ask("equilateral_area", f"What is the exact area of the triangle, in square {unit}?", answer, steps, {}, 1, 4)
    wrong = (root(3 * 4 * k * k), root(2 * k * k), str(2 * k), root(3 * side * side), str(side * side))
    return Problem({"shape": "equilateral", "side": side}, {f"triangle {names}": box}, given, ask, wrong)


MAKERS: tuple[tuple[int, Maker], ...] = (
    (3, Maker(("number",), angle_sum)),
    (2, Maker(("number",), isosceles)),
    (2, Maker(("number",), exterior)),
    (4, Maker(("number", "math", "text"), right_angled)),
    (6, Maker(("number", "text"), sides)),
    (2, Maker(("number",), with_height)),
    (2, Maker(("math",), equilateral)),
)
