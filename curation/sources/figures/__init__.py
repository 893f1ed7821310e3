"""The `figures` source: textbook pictures drawn to order, each with one question whose answer is known exactly.

A real synthetic source in the way CLEVR-Math and Math-PUMA are. Every figure depends only on its index, the seed, the
size and the families and kinds asked for. Turning figures into samples is the intake's business.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from random import Random

from curation.errors import ConfigError
from curation.records import Json, Kind
from curation.sources.figures import bar, counting, form, geometry, grouped_bar, line, pie, table, tray
from curation.sources.figures.asking import Drawn
from curation.sources.figures.axes import Style
from curation.sources.figures.canvas import Canvas

DRAW: dict[str, Callable[[Canvas, Random, Kind, Style], Drawn]] = {
    "bar": bar.draw,
    "grouped_bar": grouped_bar.draw,
    "line": line.draw,
    "pie": pie.draw,
    "table": table.draw,
    "form": form.draw,
    "counting": counting.draw,
    "geometry": geometry.draw,
}
FAMILIES = tuple(DRAW)
BY_NAME: dict[str, Callable[[Canvas, Random, Kind, Style], Drawn]] = {"tray": tray.draw}
"""Drawn only when asked for, so that the figures of a seed stay what they were; a tray knows one kind, `digit`."""
FIGURE_KINDS: tuple[Kind, ...] = ("digit", "math", "number", "text", "mcq", "box")
SMALLEST, LARGEST = 64, 4096


@dataclass(frozen=True, slots=True)
class Figure:
    """One question about one drawn picture.

    For `mcq` the answer is a letter and `options` holds the texts in order. `box` answers are `[x1, y1, x2, y2]` as
    fractions of the picture. `text_question` states the whole problem in words (geometry only). `meta` holds family,
    seed, index, size, `scene` (ground truth as data), `ask` (what was asked, in terms of the scene), `boxes` (of named
    elements, pixels) and `texts` (every printed text with its pixel box).
    """

    id: str
    family: str
    png: bytes
    question: str
    answer: str
    kind: Kind
    options: tuple[str, ...]
    context: str
    text_question: str
    solution: str
    difficulty: str
    meta: dict[str, Json]


def figure(
    index: int,
    *,
    seed: int = 0,
    size: tuple[int, int] = (640, 480),
    families: Sequence[str] = FAMILIES,
    kinds: Sequence[Kind] = FIGURE_KINDS,
) -> Figure:
    """Figure number `index`; the same arguments always give the same bytes.

    Families take turns, and kinds take turns within a family. Raises ConfigError for what cannot be drawn.
    """
    _check(index, size, families, kinds)
    turn, place = divmod(index, len(families))
    family, kind = families[place], kinds[(turn + place) % len(kinds)]
    rng = Random(f"figures/{seed}/{index}/{family}/{kind}")
    style = Style.roll(rng)
    canvas = Canvas(size, style.ground)
    drawn = (DRAW | BY_NAME)[family](canvas, rng, kind, style)
    return _figure(f"figures-{seed}-{index:06d}", family, kind, canvas, drawn, {"seed": seed, "index": index})


def figures(
    *,
    seed: int = 0,
    limit: int | None = None,
    size: tuple[int, int] = (640, 480),
    families: Sequence[str] = FAMILIES,
    kinds: Sequence[Kind] = FIGURE_KINDS,
) -> Iterator[Figure]:
    """Figures 0, 1, 2 … up to `limit`; without one, for ever. Settings are checked before the first is asked for."""
    if limit is not None and limit < 0:
        raise ConfigError("limit", limit, "use 0 or more, or None for no end")
    _check(0, size, families, kinds)
    drawn = (figure(n, seed=seed, size=size, families=families, kinds=kinds) for n in count())
    return islice(drawn, limit)


def _figure(name: str, family: str, kind: Kind, canvas: Canvas, drawn: Drawn, meta: dict[str, Json]) -> Figure:
    ask = drawn.ask
    return Figure(
        id=name,
        family=family,
        png=canvas.png(),
        question=ask.question,
        answer=ask.answer,
        kind=kind,
        options=ask.options,
        context=drawn.context,
        text_question=drawn.text_question,
        solution=ask.solution,
        difficulty=ask.difficulty,
        meta={
            "family": family,
            **meta,
            "size": [canvas.width, canvas.height],
            "scene": drawn.facts,
            "ask": {"name": ask.name, **ask.args},
            "boxes": {element: list(canvas.clip(box)) for element, box in drawn.boxes.items()},
            "texts": [[label.text, *label.box] for label in canvas.labels],
        },
    )


def _check(index: int, size: tuple[int, int], families: Sequence[str], kinds: Sequence[Kind]) -> None:
    if index < 0:
        raise ConfigError("index", index, "use 0 or more")
    if len(size) != 2 or not all(isinstance(side, int) and SMALLEST <= side <= LARGEST for side in size):
        raise ConfigError("size", size, f"give width and height as whole numbers from {SMALLEST} to {LARGEST}")
    _check_names("families", families, (*FAMILIES, *BY_NAME))
    _check_names("kinds", kinds, FIGURE_KINDS)
    if set(families) & BY_NAME.keys() and tuple(kinds) != ("digit",):
        raise ConfigError("kinds", list(kinds), f"{', '.join(BY_NAME)} has one kind of question: give kinds=digit")


def _check_names(field: str, given: Sequence[str], known: Sequence[str]) -> None:
    if isinstance(given, str) or not given:
        raise ConfigError(field, given, f"give a list with at least one of {', '.join(known)}")
    for name in given:
        if name not in known:
            raise ConfigError(field, name, f"use one of {', '.join(known)}")
