"""Questions on coloured shapes; where they lie and how they are painted is in `counting`."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from curation.records import Json
from curation.sources.figures.asking import Ask, Menu, as_choice, fraction, listed, near, plural
from curation.sources.figures.words import COLOURS

SHAPES = {"circle": 0, "square": 4, "triangle": 3, "star": 10, "hexagon": 6, "cross": 12}  # name, corners
PLACES = ("at the top", "at the middle", "at the bottom")
POLYGONS = ("square", "triangle", "hexagon")


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape with its middle, the radius of the circle round it (pixels) and its turn in degrees."""

    kind: str
    colour: str
    size: str
    x: float
    y: float
    radius: float
    turn: int

    def __str__(self) -> str:
        return f"{self.size} {self.colour} {self.kind}"


@dataclass(frozen=True, slots=True)
class Scene:
    """Shapes in painting order on a picture of `width` x `height` pixels; `marks` says there is grey clutter."""

    shapes: tuple[Shape, ...]
    marks: bool
    width: int
    height: int

    def colours(self) -> list[str]:
        return sorted({shape.colour for shape in self.shapes})

    def kinds(self) -> list[str]:
        return sorted({shape.kind for shape in self.shapes})

    @property
    def facts(self) -> dict[str, Json]:
        return {
            "shapes": [
                {
                    "kind": s.kind,
                    "colour": s.colour,
                    "size": s.size,
                    "x": s.x,
                    "y": s.y,
                    "radius": s.radius,
                    "turn": s.turn,
                }
                for s in self.shapes
            ],
            "marks": self.marks,
        }

    @property
    def context(self) -> str:
        seen = "; ".join(f"a {shape} {self.where(shape)}" for shape in self.shapes)
        marks = " Faint grey marks in the background are not shapes." if self.marks else ""
        return f"The picture shows these coloured shapes: {seen}.{marks}"

    def where(self, shape: Shape) -> str:
        """The ninth of the picture a shape's middle lies in, in words."""
        row = min(2, int(3 * shape.y / self.height))
        column = ("left", "centre", "right")[min(2, int(3 * shape.x / self.width))]
        return f"in the {column}" if row == 1 and column == "centre" else f"{PLACES[row]} {column}"


def _count(scene: Scene, test: Callable[[Shape], bool], what: str) -> tuple[int, str]:
    """How many shapes pass, and the sentence that lists them."""
    hits = [shape for shape in scene.shapes if test(shape)]
    found = listed([f"the {shape} {scene.where(shape)}" for shape in hits]) if hits else "none"
    return len(hits), f"{what}: {found}."


def _chosen(scene: Scene, rng: Random) -> tuple[dict[str, str], str]:
    """A description to count by: colour, kind or both; now and then one that fits nothing."""
    colour = rng.choice(scene.colours() if rng.random() < 0.92 else list(COLOURS))
    kind = rng.choice(scene.kinds())
    return rng.choice(
        (
            ({"colour": colour}, f"{colour} shapes"),
            ({"kind": kind}, _many(kind)),
            ({"colour": colour, "kind": kind}, f"{colour} {_many(kind)}"),
            ({"size": "large", "colour": colour}, f"large {colour} shapes"),
        )
    )


def _many(kind: str) -> str:
    return "crosses" if kind == "cross" else f"{kind}s"


def fits(shape: Shape, by: dict[str, str]) -> bool:
    """Whether a shape has every attribute named."""
    return all(getattr(shape, field) == value for field, value in by.items())


def count(scene: Scene, rng: Random) -> Ask | None:
    by, what = _chosen(scene, rng)
    number, found = _count(scene, lambda shape: fits(shape, by), what.capitalize())
    if number > 9:
        return None
    steps = (found, f"That makes {number}.")
    return Ask("count", f"How many {what} are in the picture?", str(number), steps, {"by": by}, len(scene.shapes))


def left_over(scene: Scene, rng: Random) -> Ask | None:
    by, what = _chosen(scene, rng)
    gone, found = _count(scene, lambda shape: fits(shape, by), what.capitalize())
    number = len(scene.shapes) - gone
    if number > 9:
        return None
    question = f"If all {what} were taken away, how many coloured shapes would be left?"
    steps = (f"There are {len(scene.shapes)} shapes.", found, f"{len(scene.shapes)} - {gone} = {number}.")
    return Ask("left_over", question, str(number), steps, {"by": by}, len(scene.shapes), 1)


def everything(scene: Scene, rng: Random) -> Ask:
    number, found = _count(scene, lambda shape: True, "The shapes are")
    question = "How many coloured shapes are in the picture?"
    return Ask("count_all", question, str(number), (found, f"That makes {number}."), {}, number)


def everything_digit(scene: Scene, rng: Random) -> Ask | None:
    return everything(scene, rng) if len(scene.shapes) <= 9 else None


def corners(scene: Scene, rng: Random) -> Ask | None:
    kinds = [kind for kind in POLYGONS if any(shape.kind == kind for shape in scene.shapes)]
    if not kinds:
        return None
    kind = rng.choice(kinds)
    many, found = _count(scene, lambda shape: shape.kind == kind, _many(kind).capitalize())
    total = many * SHAPES[kind]
    question = f"How many corners do all the {_many(kind)} have together?"
    last = (
        f"There {'is' if many == 1 else 'are'} {plural(many, kind)} with "
        f"{SHAPES[kind]} corners each: {many} * {SHAPES[kind]} = {total}."
    )
    return Ask("corners", question, str(total), (found, last), {"kind": kind}, len(scene.shapes), 1)


def both(scene: Scene, rng: Random) -> Ask | None:
    if len(scene.colours()) < 2:
        return None
    a, b = rng.sample(scene.colours(), 2)
    x, found_a = _count(scene, lambda shape: shape.colour == a, a.capitalize())
    y, found_b = _count(scene, lambda shape: shape.colour == b, b.capitalize())
    question = f"How many shapes are {a} or {b}?"
    steps = (found_a, found_b, f"{x} + {y} = {x + y}.")
    return Ask("either", question, str(x + y), steps, {"of": [a, b]}, len(scene.shapes), 1)


def share(scene: Scene, rng: Random) -> Ask:
    by, what = _chosen(scene, rng)
    number, found = _count(scene, lambda shape: fits(shape, by), what.capitalize())
    whole = len(scene.shapes)
    answer = fraction(Fraction(number, whole))
    question = f"What fraction of all the coloured shapes are {what}? Give it in lowest terms."
    steps = (found, f"That makes {number} of {whole} shapes.", f"{number} / {whole} in lowest terms is {answer}.")
    return Ask("shape_share", question, answer, steps, {"by": by}, whole, 2)


def commonest(scene: Scene, rng: Random) -> Ask | None:
    field = rng.choice(("colour", "kind"))
    tally = Counter(getattr(shape, field) for shape in scene.shapes).most_common()
    if len(tally) > 1 and tally[0][1] == tally[1][1]:
        return None
    word = "colour" if field == "colour" else "kind of shape"
    counts = ", ".join(f"{name} {number}" for name, number in tally)
    steps = (f"Counting each {word}: {counts}.", f"The most are {tally[0][0]}.")
    question = f"Which {word} occurs most often?"
    return Ask("commonest", question, tally[0][0], steps, {"field": field}, len(scene.shapes))


def only_one(scene: Scene, rng: Random) -> Ask | None:
    known, wanted = rng.choice((("kind", "colour"), ("colour", "kind")))
    tally = Counter(getattr(shape, known) for shape in scene.shapes)
    single = sorted(name for name, number in tally.items() if number == 1)
    if not single:
        return None
    name = rng.choice(single)
    shape = next(shape for shape in scene.shapes if getattr(shape, known) == name)
    answer = getattr(shape, wanted)
    question = f"What colour is the {name}?" if known == "kind" else f"What kind of shape is the {name} one?"
    steps = (f"The only {name}{' shape' if known == 'colour' else ''} is the {shape} {scene.where(shape)}.",)
    return Ask("only_one", question, answer, steps, {"known": known, "value": name, "wanted": wanted})


def outermost(scene: Scene, rng: Random) -> Ask | None:
    side = rng.choice(("left", "right"))
    ordered = sorted(scene.shapes, key=lambda shape: shape.x, reverse=side == "right")
    if abs(ordered[0].x - ordered[1].x) < scene.width * 0.03:
        return None
    wanted = rng.choice(("colour", "kind"))
    word = "colour" if wanted == "colour" else "kind of shape"
    question = f"What {word} is the one whose middle is furthest to the {side}?"
    steps = (f"Furthest to the {side} is the {ordered[0]}.",)
    return Ask("outermost", question, getattr(ordered[0], wanted), steps, {"side": side, "wanted": wanted})


def larger_half(scene: Scene, rng: Random) -> Ask:
    """Always possible: whether there are more large or small shapes, or the same number."""
    large = sum(shape.size == "large" for shape in scene.shapes)
    small = len(scene.shapes) - large
    answer = "large" if large > small else "small" if small > large else "the same number"
    question = (
        "Are there more large shapes, more small shapes, or the same number? Answer large, small or the same number."
    )
    steps = (f"There are {large} large and {small} small shapes.",)
    return Ask("larger_half", question, answer, steps, {}, len(scene.shapes))


def which(scene: Scene, rng: Random) -> Ask | None:
    ask = rng.choice((commonest, only_one, outermost))(scene, rng)
    if ask is None:
        return None
    pool = list(COLOURS) if ask.answer in COLOURS else list(SHAPES)
    return as_choice(ask, rng.sample(pool, len(pool)), rng)


def which_number(scene: Scene, rng: Random) -> Ask | None:
    ask = rng.choice((count, everything))(scene, rng)
    return ask and as_choice(ask, near(int(ask.answer), rng), rng)


def which_size(scene: Scene, rng: Random) -> Ask | None:
    return as_choice(larger_half(scene, rng), ("large", "small", "the same number"), rng, 3)


MENU: Menu[Scene] = {
    "digit": ((6, count), (2, everything_digit), (2, left_over)),
    "number": ((3, everything), (2, corners), (2, both)),
    "math": ((1, share),),
    "mcq": ((3, which), (2, which_number), (1, which_size)),
    "text": ((3, commonest), (3, only_one), (3, outermost), (1, larger_half)),
}
