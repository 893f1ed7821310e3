"""Drawn figures: their answers follow from the scene, their pictures show the scene, and drawing is repeatable."""

import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations, islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curation.answers import check
from curation.errors import ConfigError
from curation.records import Kind
from curation.sources.figures import FAMILIES, FIGURE_KINDS, Figure, figure, figures
from tests.curation.figure_truth import ALL, number, truth

SEEDS = (0, 7)
Colour = tuple[int, int, int]


@cache
def sample(count: int = 480) -> tuple[Figure, ...]:
    """Every family and kind many times over, small enough to draw fast and large enough to measure."""
    return tuple(fig for seed in SEEDS for fig in figures(seed=seed, limit=count // len(SEEDS), size=(320, 240)))


@cache
def tiny(count: int = 960) -> tuple[Figure, ...]:
    return tuple(figures(seed=3, limit=count, size=(64, 64)))


def of(family: str, count: int = 12, size: tuple[int, int] = (640, 480), **settings: Any) -> list[Figure]:
    return list(figures(families=[family], limit=count, size=size, seed=11, **settings))


def picture(fig: Figure) -> Image.Image:
    return Image.open(io.BytesIO(fig.png)).convert("RGB")


def extent(pixels: Any) -> tuple[int, int, int, int]:
    (x1, y1), (x2, y2) = np.min(pixels, axis=0), np.max(pixels, axis=0)
    return int(x1), int(y1), int(x2) + 1, int(y2) + 1


def coloured(image: Image.Image, colour: Any) -> Any:
    """Where the picture has exactly this colour: x and y, one pixel a row."""
    return np.argwhere((np.asarray(image) == tuple(colour)).all(axis=2))[:, ::-1]


def patches(pixels: Any) -> Iterator[list[tuple[int, int]]]:
    """Pixels in pieces that hang together; specks at the tips of shapes do not count."""
    left = {(int(x), int(y)) for x, y in pixels}
    while left:
        stack, piece = [left.pop()], []
        while stack:
            x, y = stack.pop()
            piece.append((x, y))
            beside = {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)} & left
            left -= beside
            stack.extend(beside)
        if len(piece) > 12:
            yield piece


def close(box: Any, other: Any, within: float) -> bool:
    return all(abs(a - b) <= within for a, b in zip(box, other, strict=True))


# --- the answers


def test_the_answers_follow_from_the_scenes() -> None:
    for fig in (*sample(), *tiny()):
        check_answer(fig)


def check_answer(fig: Figure) -> None:
    if fig.kind == "box":
        box, (width, height) = fig.meta["boxes"][fig.meta["ask"]["element"]], fig.meta["size"]
        shares = [box[0] / width, box[1] / height, box[2] / width, box[3] / height]
        assert close(json.loads(fig.answer), shares, 0.0006)
        return
    given = fig.options["ABCDEFGH".index(fig.answer)] if fig.kind == "mcq" else fig.answer
    expected = truth(fig.meta["scene"], fig.meta["ask"])
    if isinstance(expected, str):
        assert given == expected, fig.id
    else:
        assert number(given) == pytest.approx(float(expected), abs=1e-9), fig.id


def test_every_sort_of_question_comes_up() -> None:
    more = of("geometry", 250, (64, 64), kinds=["number"])
    asked = {fig.meta["ask"]["name"] for fig in (*sample(), *tiny(), *more)} - {"box"}
    assert asked == set(ALL)


@pytest.mark.parametrize("kind", FIGURE_KINDS)
def test_answers_have_the_form_of_their_kind(kind: Kind) -> None:
    for fig in (fig for fig in sample() if fig.kind == kind):
        if kind == "digit":
            assert fig.answer in set("0123456789")
        elif kind in ("number", "math"):
            assert number(fig.answer) is not None
        elif kind == "mcq":
            assert fig.answer in "ABCD"[: len(fig.options)]
        elif kind == "text":
            assert number(fig.answer) is None or fig.answer.isdigit() or "-" in fig.answer
        else:
            x1, y1, x2, y2 = json.loads(fig.answer)
            assert 0 <= x1 < x2 <= 1
            assert 0 <= y1 < y2 <= 1


def test_options_differ_in_text_and_in_value_so_one_letter_is_right() -> None:
    chosen = [fig for fig in (*sample(), *tiny()) if fig.kind == "mcq"]
    assert len(chosen) > 200
    for fig in chosen:
        assert 3 <= len(fig.options) <= 4
        assert len(set(fig.options)) == len(fig.options)
        values = [value for value in map(number, fig.options) if value is not None]
        assert all(abs(a - b) > 1e-9 for a, b in combinations(values, 2)), fig.options
    assert set(Counter(fig.answer for fig in chosen)) == set("ABCD")


def test_only_multiple_choice_has_options() -> None:
    assert all(bool(fig.options) == (fig.kind == "mcq") for fig in sample())


@pytest.mark.parametrize("kind", FIGURE_KINDS)
def test_our_own_answer_check_accepts_the_answer(kind: Kind) -> None:
    for fig in islice((fig for fig in sample() if fig.kind == kind), 12):
        reply = f"<think>{fig.solution}</think><answer>{fig.answer}</answer>"
        verdict = check(reply, fig.answer, kind=kind, options=fig.options, question=fig.question)
        assert verdict.correct is True, (fig.question, fig.answer, verdict)


def test_the_solution_counts_its_lines_and_ends_in_the_answer() -> None:
    for fig in sample():
        lines = fig.solution.split("\n")
        assert [line.split(". ")[0] for line in lines] == [str(n) for n in range(1, len(lines) + 1)]
        assert len(lines) >= 2
        assert lines[-1].endswith(f"So the answer is {fig.answer}.")


SUM = re.compile(r"(?<![+*/(-] )(?<![\d.])(\d+(?:\.\d+)?(?: [+-] \d+(?:\.\d+)?)+) = (-?\d+(?:\.\d+)?)")


def test_sums_written_out_in_solutions_hold() -> None:
    seen = 0
    for fig in sample():
        for left, right in SUM.findall(fig.solution):
            terms = left.replace("- ", "-").replace("+ ", "").split(" ")
            assert sum(map(float, terms)) == pytest.approx(float(right)), fig.solution
            seen += 1
    assert seen > 50


def test_the_context_states_facts_and_no_answer() -> None:
    for fig in sample():
        assert len(fig.context) > 20
        assert "answer" not in fig.context.lower()
        assert fig.solution.split("\n")[-1][3:] not in fig.context
        if fig.kind == "box":
            assert fig.answer not in fig.context


def test_what_is_printed_in_a_chart_stands_in_its_context() -> None:
    for family, keys in (("bar", "values"), ("pie", "counts")):
        for fig in of(family, 8, (320, 240)):
            scene = fig.meta["scene"]
            shown = [text for text, *_ in fig.meta["texts"]]
            assert all(name in fig.context and name in shown for name in scene["names"])
            if scene.get("labelled"):
                assert all(str(value) in fig.context and str(value) in shown for value in scene[keys])


def test_a_geometry_problem_is_whole_in_words() -> None:
    for fig in sample():
        assert bool(fig.text_question) == (fig.family == "geometry")
        if fig.family == "geometry":
            assert fig.text_question.startswith(fig.context)
            assert fig.text_question.endswith(fig.question)
            shown = [text.rstrip("°") for text, *_ in fig.meta["texts"] if text[0].isdigit()]
            assert all(text in fig.text_question for text in shown), (shown, fig.text_question)


def test_values_that_are_not_printed_lie_on_lines_of_the_grid() -> None:
    bare = [fig for fig in (*sample(), *tiny()) if fig.meta["scene"].get("labelled") is False]
    assert len(bare) > 20
    for fig in bare:
        scene = fig.meta["scene"]
        values = scene.get("values") or [value for row in scene["rows"] for value in row]
        ticks = sorted(int(text) for text, *_ in fig.meta["texts"] if text.isdigit() and len(text) < 5)
        step = 2 * scene["unit"]
        assert set(range(0, max(values), step)) <= set(ticks)
        assert all(value % scene["unit"] == 0 for value in values)
        assert fig.difficulty != "easy" or fig.meta["ask"]["name"] in ("count_marks", "count_series", "trend")


# --- variety


@pytest.mark.parametrize("start", [0, 5, 96])
def test_eight_neighbours_cover_all_families(start: int) -> None:
    assert {figure(n, size=(64, 64)).family for n in range(start, start + 8)} == set(FAMILIES)


def test_every_family_asks_every_kind() -> None:
    for family in FAMILIES:
        assert {fig.kind for fig in sample() if fig.family == family} == set(FIGURE_KINDS)


def test_about_half_of_the_questions_are_easy() -> None:
    levels = Counter(fig.difficulty for fig in sample())
    assert set(levels) == {"easy", "medium", "hard"}
    assert 0.4 <= levels["easy"] / levels.total() <= 0.6
    assert levels["medium"] >= 60
    assert levels["hard"] >= 60


def test_pictures_and_scenes_do_not_repeat() -> None:
    assert len({fig.png for fig in sample()}) == len(sample())
    scenes = [json.dumps([fig.question, fig.meta["scene"], fig.meta["texts"]]) for fig in tiny()]
    assert len(set(scenes)) == len(scenes)
    assert len({fig.id for fig in tiny()}) == len(tiny())


def test_the_same_arguments_give_the_same_figure_wherever_it_is_drawn_from() -> None:
    first = list(figures(seed=4, limit=16, size=(240, 180)))
    assert first == [figure(n, seed=4, size=(240, 180)) for n in range(16)]
    assert figure(3, seed=5, size=(240, 180)).png != first[3].png


def test_size_changes_the_drawing_and_not_the_question() -> None:
    for n in range(48):
        small, large = figure(n, size=(200, 160)), figure(n, size=(420, 360))
        assert picture(large).size == (420, 360)
        if small.kind != "box" and small.family != "counting":
            assert (small.question, small.answer, small.options) == (large.question, large.answer, large.options)


def test_figures_go_on_without_a_limit() -> None:
    endless = figures(size=(64, 64), families=["pie"], kinds=["text"])
    assert [fig.id for fig in islice(endless, 2)] == ["figures-0-000000", "figures-0-000001"]
    assert [fig.id for fig in figures(seed=9, limit=1, size=(64, 64))] == ["figures-9-000000"]


def test_asking_for_some_families_and_kinds_gives_only_those() -> None:
    some = list(figures(families=("table", "line"), kinds=("text",), limit=6, size=(100, 100)))
    assert [fig.family for fig in some] == ["table", "line"] * 3
    assert {fig.kind for fig in some} == {"text"}


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("families", {"families": ["bars"]}),
        ("families", {"families": []}),
        ("families", {"families": "bar"}),
        ("kinds", {"kinds": ["open"]}),
        ("kinds", {"kinds": ()}),
        ("size", {"size": (63, 100)}),
        ("size", {"size": (640, 4097)}),
        ("size", {"size": (640.0, 480)}),
        ("size", {"size": (640,)}),
        ("limit", {"limit": -1}),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_the_first_figure(field: str, settings: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        figures(**settings)
    assert caught.value.field == field


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.integers(-5, 10**6), st.integers(64, 700), st.integers(64, 700))
def test_any_index_seed_and_size_draws(index: int, seed: int, width: int, height: int) -> None:
    fig = figure(index, seed=seed, size=(width, height))
    assert picture(fig).size == (width, height)
    assert all(0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height for x1, y1, x2, y2 in fig.meta["boxes"].values())


@pytest.mark.parametrize("size", [(64, 64), (4096, 64), (64, 1200), (2000, 1500)])
def test_the_ends_of_the_range_of_sizes_draw(size: tuple[int, int]) -> None:
    for n, fig in enumerate(figures(size=size, limit=8)):
        assert picture(fig).size == size, n


# --- the pictures


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (480, 800), (900, 360)])
def test_no_text_leaves_the_picture_or_touches_another(size: tuple[int, int]) -> None:
    for fig in sample() if size == (320, 240) else figures(limit=48, size=size, seed=2):
        texts = fig.meta["texts"]
        assert all(0 <= x1 < x2 <= size[0] and 0 <= y1 < y2 <= size[1] for _, x1, y1, x2, y2 in texts)
        for (a, *one), (b, *two) in combinations(texts, 2):
            apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
            assert apart, (fig.id, a, b)


def test_bars_are_as_long_as_their_values_and_as_coloured_as_stated() -> None:
    for fig in of("bar", 16):
        scene, image = fig.meta["scene"], picture(fig)
        boxes = [fig.meta["boxes"][name] for name in scene["names"]]
        longs = [b[2] - b[0] if scene["sideways"] else b[3] - b[1] for b in boxes]
        per = max(longs) / max(scene["values"])
        for box, value, long, colour in zip(boxes, scene["values"], longs, scene["colours"], strict=True):
            assert long == pytest.approx(value * per, abs=1.6)
            around = image.crop((box[0] - 3, box[1] - 3, box[2] + 3, box[3] + 3))
            piece = [
                side + shift for side, shift in zip(extent(coloured(around, colour)), (*box[:2], *box[:2]), strict=True)
            ]
            piece = [side - 3 for side in piece]
            assert close(piece, box, 2.1), (fig.id, piece, box)


def test_the_legend_has_the_colours_of_the_bars() -> None:
    for fig in of("grouped_bar", 12):
        scene, image = fig.meta["scene"], picture(fig)
        for series, colour in zip(scene["series"], scene["colours"], strict=True):
            x1, y1, _, y2 = next(box for text, *box in fig.meta["texts"] if text == series)
            assert image.getpixel((x1 - 12, (y1 + y2) // 2)) == tuple(colour)
            for group in scene["groups"]:
                left, top, right, bottom = fig.meta["boxes"][f"{series}, {group}"]
                assert image.getpixel(((left + right) // 2, (top + bottom) // 2)) == tuple(colour)
                assert image.getpixel(((left + right) // 2, top - 2)) != tuple(colour)


def test_points_of_lines_stand_at_their_values() -> None:
    for fig in of("line", 16):
        scene, image = fig.meta["scene"], picture(fig)
        rows = scene.get("rows") or [scene["values"]]
        values = [value for row in rows for value in row]
        boxes = list(fig.meta["boxes"].values())
        heights = [(box[1] + box[3]) / 2 for box in boxes]
        low, high = values.index(min(values)), values.index(max(values))
        per = (heights[low] - heights[high]) / (values[high] - values[low])
        for k, (value, box) in enumerate(zip(values, boxes, strict=True)):
            assert heights[k] == pytest.approx(heights[low] - (value - values[low]) * per, abs=1.6)
            middle = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
            assert image.getpixel(middle) in {tuple(colour) for colour in scene["colours"]}


def test_slices_are_as_large_as_their_shares() -> None:
    for fig in of("pie", 12):
        scene, image = fig.meta["scene"], picture(fig)
        areas = [len(coloured(image, colour)) for colour in scene["colours"]]
        for area, count in zip(areas, scene["counts"], strict=True):
            assert area / sum(areas) == pytest.approx(count / sum(scene["counts"]), abs=0.015)
        for name, colour in zip(scene["names"], scene["colours"], strict=True):
            assert close(extent(coloured(image, colour)), fig.meta["boxes"][name], 8.5), fig.id


def test_table_cells_are_bounded_by_rules_and_hold_their_number() -> None:
    for fig in of("table", 10):
        scene, image = fig.meta["scene"], picture(fig)
        for i, row in enumerate(scene["rows"]):
            for j, column in enumerate(scene["columns"]):
                x1, y1, x2, y2 = fig.meta["boxes"][f"{row}, {column}"]
                inside = [text for text, a, b, c, d in fig.meta["texts"] if x1 < a < c < x2 and y1 < b < d < y2]
                assert inside == [str(scene["cells"][i][j])]
                quiet = image.getpixel((x1 + 4, y1 + 4))
                for x, y in ((x1, y1 + 6), (x2, y1 + 6), (x1 + 6, y1), (x1 + 6, y2)):
                    assert image.getpixel((x, y)) != quiet


def test_printed_texts_lie_in_their_boxes() -> None:
    for fig in of("form", 10):
        image = picture(fig).convert("L")
        for text, x1, y1, x2, y2 in fig.meta["texts"]:
            ground = image.getpixel((max(0, x1 - 2), max(0, y1 - 2)))
            frame = image.crop((x1 - 3, y1 - 3, x2 + 3, y2 + 3))
            ink = extent(np.argwhere(np.asarray(frame) < ground - 60)[:, ::-1])
            assert close(ink, (3, 3, 3 + x2 - x1, 3 + y2 - y1), 2), (fig.id, text, ink)


def test_shapes_that_lie_apart_can_be_counted_by_their_colours() -> None:
    apart = [fig for fig in of("counting", 24) if not fig.meta["scene"]["overlap"]]
    assert len(apart) >= 10
    for fig in apart:
        scene, image = fig.meta["scene"], picture(fig)
        boxes = list(fig.meta["boxes"].values())
        colours = {shape["colour"] for shape in scene["shapes"]}
        found = {colour: list(patches(coloured(image, PAINT[colour]))) for colour in colours}
        assert {colour: len(found[colour]) for colour in colours} == Counter(s["colour"] for s in scene["shapes"])
        for colour in colours:
            mine = [box for box, shape in zip(boxes, scene["shapes"], strict=True) if shape["colour"] == colour]
            for piece in found[colour]:
                assert any(close(extent(piece), box, 4.6) for box in mine), fig.id


PAINT: dict[str, Colour] = {
    "blue": (52, 101, 164),
    "orange": (230, 126, 34),
    "green": (62, 142, 76),
    "red": (196, 58, 58),
    "purple": (126, 87, 158),
    "yellow": (234, 183, 42),
}


def test_overlapping_shapes_keep_most_of_themselves_in_sight() -> None:
    over = [fig for fig in of("counting", 40) if fig.meta["scene"]["overlap"]]
    assert len(over) >= 6
    for fig in over:
        shapes = fig.meta["scene"]["shapes"]
        for a, b in combinations(shapes, 2):
            assert math.dist((a["x"], a["y"]), (b["x"], b["y"])) >= 0.79 * (a["radius"] + b["radius"])
            assert image_has(fig, a)


def image_has(fig: Figure, shape: dict[str, Any]) -> bool:
    """The middle of every shape is in its colour: nothing lies over it."""
    return picture(fig).getpixel((round(shape["x"]), round(shape["y"]))) == PAINT[shape["colour"]]


def opening(points: dict[str, Any], a: str, vertex: str, b: str) -> float:
    """The angle a-vertex-b in degrees, measured in the picture."""
    (x, y), p, q = points[vertex], points[a], points[b]
    turn = math.atan2(p[1] - y, p[0] - x) - math.atan2(q[1] - y, q[0] - x)
    return abs((math.degrees(turn) + 180) % 360 - 180)


def test_angles_in_the_picture_measure_what_is_marked() -> None:
    seen: Counter[str] = Counter()
    for fig in of("geometry", 200, (240, 180), kinds=["number"]):
        scene = fig.meta["scene"]
        points, names, shape = scene["points"], scene.get("names", ""), scene["shape"]
        seen[shape] += 1
        if shape in ("triangle", "quadrilateral"):
            measured = [opening(points, names[k - 1], names[k], names[(k + 1) % len(names)]) for k in range(len(names))]
            assert close(measured[: len(scene["angles"])], scene["angles"], 0.5)
            assert sum(measured) == pytest.approx(180 * (len(names) - 2), abs=0.5)
            assert measured[len(scene["angles"])] == pytest.approx(float(fig.answer), abs=0.5)
        elif shape == "isosceles":
            p, q, r = names
            assert opening(points, q, p, r) == pytest.approx(scene["base"], abs=0.5)
            assert opening(points, p, r, q) == pytest.approx(scene["top"], abs=0.5)
        elif shape == "exterior":
            assert opening(points, names[2], names[1], names[3]) == pytest.approx(float(fig.answer), abs=0.5)
        elif shape == "parallels":
            arms = ("M", "Q", "P") if scene["equal"] else ("m", "Q", "P")
            assert opening(points, *arms) == pytest.approx(float(fig.answer), abs=0.5)
    assert {"triangle", "quadrilateral", "isosceles", "exterior", "parallels"} <= set(seen)


def test_sides_in_the_picture_are_in_proportion_to_their_lengths() -> None:
    for fig in of("geometry", 160, (240, 180), kinds=["number", "text"]):
        scene = fig.meta["scene"]
        if scene["shape"] == "sides":
            p, q, r = (scene["points"][name] for name in scene["names"])
            drawn = (math.dist(q, r), math.dist(p, r), math.dist(p, q))
            per = sum(drawn) / sum(scene["sides"])
            assert close([side / per for side in drawn], scene["sides"], 0.15)
            assert 2 * max(scene["sides"]) < sum(scene["sides"])
        elif scene["shape"] == "right triangle":
            p, q, r = (scene["points"][name] for name in scene["names"])
            assert opening(scene["points"], *(scene["names"][k] for k in (1, 0, 2))) == pytest.approx(90, abs=0.3)
            assert math.dist(p, q) / math.dist(p, r) == pytest.approx(scene["legs"][0] / scene["legs"][1], rel=0.02)


FILLED = (
    "triangle",
    "sides",
    "rectangle",
    "trapezium",
    "ell",
    "polygon",
    "fan",
    "quadrilateral",
    "isosceles",
    "circle",
)


def test_the_box_of_a_filled_figure_is_where_its_tint_is() -> None:
    seen = 0
    for fig in of("geometry", 70, kinds=["number", "digit"]):
        if fig.meta["scene"]["shape"] not in FILLED:
            continue
        image = picture(fig)
        [box] = fig.meta["boxes"].values()
        ground = image.getpixel((2, 2))
        common = sorted(image.crop(tuple(box)).getcolors(100_000), reverse=True)
        tint = next(colour for _, colour in common if colour != ground)
        assert close(extent(coloured(image, tint)), box, 9), (fig.id, fig.meta["scene"]["shape"])
        seen += 1
    assert seen > 30
