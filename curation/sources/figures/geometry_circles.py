"""Circles: area and circumference as multiples of pi, sectors, rings, and a circle in a square."""

from fractions import Fraction
from random import Random

from curation.records import Kind
from curation.sources.figures.asking import Ask
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import Canvas, mix, polar
from curation.sources.figures.drafting import UNITS, Diagram, letters
from curation.sources.figures.problems import Maker, Problem, pi_times


def circle(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """A circle with its radius or diameter marked: area or circumference, or the other of the two lengths."""
    radius, unit, by_radius = rng.randint(2, 30), rng.choice(UNITS), rng.random() < 0.5
    centre = rng.choice("OMCK")
    d = Diagram(canvas, style, {centre: (0.0, 0.0)}, reach=1)
    box = d.circle(centre, 1)
    _spoke(d, centre, rng.randrange(-60, 60), f"{radius if by_radius else 2 * radius} {unit}", across=not by_radius)
    word = "radius" if by_radius else "diameter"
    given = f"A circle with centre {centre} has a {word} of {radius if by_radius else 2 * radius} {unit}."
    facts = {"shape": "circle", "radius": radius, "marked": word}
    if kind == "number":
        ask = _other_length(radius, by_radius, unit)
        return Problem(facts, {"the circle": box}, given, ask)
    ask = _circle_area(radius, by_radius, unit) if rng.random() < 0.6 else _circumference(radius, unit)
    wrong = tuple(
        pi_times(k) for k in (radius, 2 * radius, 4 * radius, radius * radius, 4 * radius * radius, 2 * radius * radius)
    )
    return Problem(facts, {"the circle": box}, given, ask, wrong)


def _spoke(d: Diagram, centre: str, degrees: float, text: str, *, across: bool) -> None:
    """A radius (or a diameter) with its length beside it and a dot in the middle."""
    at, r = d.at[centre], d.scale
    d.at["rim"] = polar(at, r, degrees)
    d.at["back"] = polar(at, r, degrees + 180)
    d.at["side"] = polar(at, r, degrees + 90)
    start = "back" if across else centre
    d.line(start, "rim")
    d.dot(centre)
    d.label(at, (d.at["side"][0] - at[0], d.at["side"][1] - at[1]), centre, bold=True)
    middle = ((d.at[centre][0] + d.at["rim"][0]) / 2, (d.at[centre][1] + d.at["rim"][1]) / 2)
    d.label(middle, (at[0] - d.at["side"][0], at[1] - d.at["side"][1]), text, beside=True, clear=d.tint)


def _other_length(radius: int, by_radius: bool, unit: str) -> Ask:
    if by_radius:
        steps = ("The diameter is twice the radius.", f"2 * {radius} = {2 * radius}.")
        return Ask("diameter", f"What is the diameter of the circle, in {unit}?", str(2 * radius), steps, {}, 1, 1)
    steps = ("The radius is half the diameter.", f"{2 * radius} / 2 = {radius}.")
    return Ask("radius", f"What is the radius of the circle, in {unit}?", str(radius), steps, {}, 1, 1)


def _circle_area(radius: int, by_radius: bool, unit: str) -> Ask:
    answer = pi_times(radius * radius)
    half = () if by_radius else (f"The radius is half of {2 * radius}: {radius}.",)
    steps = (
        *half,
        "The area of a circle is pi times the radius squared.",
        f"{radius}² = {radius * radius}, so the area is {answer}.",
    )
    question = f"What is the exact area of the circle, in square {unit}? Answer in terms of pi."
    return Ask("circle_area", question, answer, steps, {}, 1, 2 if by_radius else 3)


def _circumference(radius: int, unit: str) -> Ask:
    answer = pi_times(2 * radius)
    steps = (
        "The circumference is pi times the diameter, which is twice the radius.",
        f"2 * {radius} = {2 * radius}, so it is {answer}.",
    )
    question = f"What is the exact circumference of the circle, in {unit}? Answer in terms of pi."
    return Ask("circumference", question, answer, steps, {}, 1, 2)


def sector(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """A sector with radius and central angle: its area or its arc."""
    radius, degrees, unit = (
        rng.randint(2, 18),
        rng.choice((40, 45, 60, 72, 80, 90, 100, 120, 135, 150)),
        rng.choice(UNITS),
    )
    start = rng.randrange(-80, 10)
    d = Diagram(canvas, style, {"O": (0.0, 0.0)}, reach=1)
    d.circle("O", 1, mix(d.tint, (255, 255, 255), 0.7))
    d.at["A"], d.at["B"] = polar(d.at["O"], d.scale, start), polar(d.at["O"], d.scale, start + degrees)
    box = _slice(d, start, degrees)
    d.angle("A", "O", "B", f"{degrees}°", radius=34)
    d.at["opposite"] = polar(d.at["O"], d.scale, start + degrees / 2)
    d.length("O", "A", f"{radius} {unit}", "opposite")
    d.dot("O")
    d.label(d.at["O"], (d.at["O"][0] - d.at["opposite"][0], d.at["O"][1] - d.at["opposite"][1]), "O", bold=True)
    given = (
        f"In a circle with centre O and a radius of {radius} {unit}, "
        f"a sector with a central angle of {degrees}° is shaded."
    )
    facts = {"shape": "sector", "radius": radius, "degrees": degrees}
    ask = _sector_area(radius, degrees, unit) if rng.random() < 0.6 else _arc(radius, degrees, unit)
    part = Fraction(degrees, 360)
    wrong = tuple(
        pi_times(k)
        for k in (
            part * radius**2,
            part * 2 * radius,
            part * radius,
            part * 4 * radius**2,
            Fraction(radius**2),
            part * radius**2 / 2,
        )
    )
    return Problem(facts, {"the shaded sector": box}, given, ask, wrong)


def _slice(d: Diagram, start: float, degrees: float) -> tuple[int, int, int, int]:
    at, r = d.at["O"], d.scale - d.canvas.px(1.1)
    shade = mix(d.tint, d.style.palette[0], 0.5)
    d.canvas.sector(at, r, start, start + degrees, shade, d.edge, d.canvas.px(2.2))
    d.canvas.arc(at, d.scale, start, start + degrees, d.edge, d.canvas.px(2.2))
    turns = [a for a in range(-360, 721, 90) if start < a < start + degrees]
    rim = [polar(at, d.scale, a) for a in (start, *turns, start + degrees)]
    xs, ys = [at[0], *(x for x, _ in rim)], [at[1], *(y for _, y in rim)]
    return round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys))


def _sector_area(radius: int, degrees: int, unit: str) -> Ask:
    part = Fraction(degrees, 360)
    answer = pi_times(part * radius * radius)
    steps = (
        f"The sector is {degrees} / 360 = {part} of the circle.",
        f"The whole circle has the area {pi_times(radius * radius)}.",
        f"{part} of it is {answer}.",
    )
    question = f"What is the exact area of the shaded sector, in square {unit}? Answer in terms of pi."
    return Ask("sector_area", question, answer, steps, {}, 2, 4)


def _arc(radius: int, degrees: int, unit: str) -> Ask:
    part = Fraction(degrees, 360)
    answer = pi_times(part * 2 * radius)
    steps = (
        f"The arc is {degrees} / 360 = {part} of the circumference.",
        f"The whole circumference is {pi_times(2 * radius)}.",
        f"{part} of it is {answer}.",
    )
    question = f"What is the exact length of the arc of the shaded sector, in {unit}? Answer in terms of pi."
    return Ask("arc", question, answer, steps, {}, 2, 4)


def ring(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """Two circles with one centre: the area between them."""
    outer = rng.randint(5, 16)
    inner, unit = rng.randint(max(2, round(outer * 0.35)), round(outer * 0.68)), rng.choice(UNITS)
    d = Diagram(canvas, style, {"O": (0.0, 0.0)}, reach=1)
    box = d.circle("O", 1, mix(d.tint, style.palette[0], 0.25))
    d.circle("O", inner / outer, style.ground)
    turn, at = rng.randrange(-50, 50), d.at["O"]
    d.at["R"], d.at["r"] = polar(at, d.scale, turn), polar(at, d.scale * inner / outer, turn + 180)
    for end in "Rr":
        d.line("O", end)
    d.dot("O")
    side = polar((0.0, 0.0), 1, turn + 90)
    d.label(d.at["R"], polar((0.0, 0.0), 1, turn), f"R = {outer} {unit}")
    d.label(polar(at, d.scale * inner / outer / 2, turn + 180), side, f"r = {inner} {unit}", beside=True)
    d.label(at, (-side[0], -side[1]), "O", bold=True)
    given = (
        f"Two circles have the same centre O. The larger has the radius R = {outer} {unit}, "
        f"the smaller the radius r = {inner} {unit}; the ring between them is shaded."
    )
    area = outer**2 - inner**2
    steps = (
        f"The larger circle has the area {pi_times(outer**2)}, the smaller {pi_times(inner**2)}.",
        f"{outer**2} - {inner**2} = {area}, so the ring has the area {pi_times(area)}.",
    )
    question = f"What is the exact area of the shaded ring, in square {unit}? Answer in terms of pi."
    ask = Ask("ring_area", question, pi_times(area), steps, {}, 2, 4)
    wrong = tuple(
        pi_times(k) for k in (outer**2, inner**2, outer**2 + inner**2, (outer - inner) ** 2, 2 * (outer - inner))
    )
    return Problem({"shape": "ring", "outer": outer, "inner": inner}, {"the outer circle": box}, given, ask, wrong)


def in_square(canvas: Canvas, rng: Random, style: Style, kind: Kind) -> Problem:
    """A circle touching all four sides of a square: the area outside the circle."""
    radius, unit = rng.randint(1, 12), rng.choice(UNITS)
    side = 2 * radius
    names = letters(rng, 4)
    corners = dict(zip(names, ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)), strict=True))
    d = Diagram(canvas, style, {**corners, "middle": (0.0, 0.0)})
    square = d.shape(names, mix(d.tint, style.palette[0], 0.3))
    inner = d.circle("middle", 1, style.ground)
    d.corners(names)
    d.length(names[0], names[1], f"{side} {unit}", names[2])
    answer = rf"{side * side} - {pi_times(radius * radius)}"
    given = (
        f"A circle touches all four sides of the square {names} with sides of "
        f"{side} {unit}. The part of the square outside the circle is shaded."
    )
    steps = (
        f"The square has the area {side}² = {side * side}.",
        f"The radius is half the side, {radius}, so the circle has the area {pi_times(radius * radius)}.",
        f"The shaded area is {answer}.",
    )
    question = f"What is the exact shaded area, in square {unit}? Answer in terms of pi."
    ask = Ask("square_less_circle", question, answer, steps, {}, 1, 4)
    wrong = (
        rf"{side * side} - {pi_times(side * side)}",
        rf"{side * side} - {pi_times(side)}",
        rf"{4 * side} - {pi_times(radius * radius)}",
        rf"{side * side} + {pi_times(radius * radius)}",
    )
    boxes = {"the square": square, "the circle": inner}
    return Problem({"shape": "circle in square", "side": side}, boxes, given, ask, wrong)


MAKERS: tuple[tuple[int, Maker], ...] = (
    (3, Maker(("math", "number"), circle)),
    (2, Maker(("math",), sector)),
    (1, Maker(("math",), ring)),
    (1, Maker(("math",), in_square)),
)
