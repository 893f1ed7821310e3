"""The recipe `worked`: the solution a source brings becomes a trace whose answer is the solution's own conclusion."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.answers import check, parse
from curation.records import Option
from curation.sources.figures import figures
from curation.step import Drop
from curation.steps import worked
from tests.storage.hand_built import an_image


def trace(solution: str, kind: Any = "digit", options: tuple[Option, ...] = ()) -> Any:
    return asyncio.run(worked.distill(solution, "How many?", "", kind, options))


def test_lines_are_the_think_block_and_the_last_one_the_answer() -> None:
    assert trace("1. 1 2 2\n2. So the answer is 5.") == "<think>1 2 2</think>\n<answer>5</answer>"


@pytest.mark.parametrize("family", ["bar", "pie", "table", "geometry", "tray"])
def test_the_answer_of_every_drawn_solution_is_right(family: str) -> None:
    kinds: Any = ("digit",) if family == "tray" else ("digit", "number", "mcq")
    drawn = list(figures(seed=11, limit=12, size=(256, 256), families=(family,), kinds=kinds))
    for figure in drawn:
        options = tuple(Option("ABCDEFGH"[at], text) for at, text in enumerate(figure.options))
        text = trace(figure.solution, figure.kind, options)
        assert isinstance(text, str), (figure.solution, text)
        assert check(text, figure.answer, kind=figure.kind, options=options).correct is True, (text, figure.answer)


def test_the_answer_comes_from_the_solution_so_a_wrong_one_is_found_out_by_verification() -> None:
    text = trace("1. Two and two.\n2. So the answer is 5.")
    assert check(text, "4", kind="digit").correct is False


@pytest.mark.parametrize(
    ("solution", "reason"),
    [("", "trace_missing"), ("2. So the answer is 5.", "trace_missing"), ("One.\nIt is plain.", "answer_not_found")],
)
def test_a_solution_without_steps_or_conclusion_is_dropped_with_its_text(solution: str, reason: str) -> None:
    found = trace(solution)
    assert isinstance(found, Drop)
    assert (found.reason, found.value) == (reason, solution)


@given(st.text(max_size=200))
def test_any_text_is_a_well_formed_trace_or_dropped(solution: str) -> None:
    found = trace(solution)
    assert isinstance(found, Drop) or not parse(found).faults


@given(st.integers(0, 30), st.integers(0, 40), st.integers(0, 5))
def test_exactly_so_many_pictures_teach_by_sft_whatever_their_order(pictures: int, wanted: int, seed: int) -> None:
    ids = [f"s{at}" for at in range(2 * pictures)]
    images: list[Any] = [replace(an_image(), pixels=f"p{at // 2}") for at in range(2 * pictures)]  # two questions each
    placed = worked.split(ids, images, ["digit"] * len(ids), sft_pictures=wanted, seed=seed)
    sides = {image.pixels: row["split"] for image, row in zip(images, placed, strict=True)}
    assert [sides[image.pixels] for image in images] == [row["split"] for row in placed]
    assert Counter(sides.values())["sft"] == min(wanted, pictures)
    other = worked.split(ids[::-1], images[::-1], ["digit"] * len(ids), sft_pictures=wanted, seed=seed)
    assert other[::-1] == placed
