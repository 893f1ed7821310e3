"""Rows in the shapes of published files are read; rows that cannot be are not scored, and stop nothing."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.records import Option
from curation.rewards import REWARDS, declared, score, score_async
from curation.rewards.columns import READ
from curation.trainer.rewards import named

A = [0, 0, 100, 100]


def test_every_column_that_a_reward_reads_has_a_reader() -> None:
    assert all(declared(name).columns.keys() <= READ.keys() for name in REWARDS)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "column_missing"),
        ({"reference": None}, "column_missing"),
        ({"reference": b"5"}, "column_malformed"),
        ({"reference": "5", "kind": "digits"}, "column_malformed"),
        ({"reference": "5", "options": 7}, "column_malformed"),
        ({"reference": "5", "options": "{"}, "column_malformed"),
        ({"reference": "5", "options": [None]}, "column_malformed"),
    ],
)
def test_a_row_that_does_not_fit_is_not_scored(row: dict[str, object], reason: str) -> None:
    got = score("accuracy", "5", row)
    assert (got.total, got.reason) == (None, reason)
    assert got.detail


@pytest.mark.parametrize(
    "options",
    [
        ["red", "blue"],
        [Option("A", "red"), Option("B", "blue")],
        {"A": "red", "B": "blue", "C": None},
        [{"letter": "A", "text": "red"}, {"letter": "B", "text": "blue"}],
        '["red", "blue"]',
    ],
)
def test_options_come_in_the_shapes_of_published_rows(options: object) -> None:
    assert score("accuracy", "blue", {"reference": "B", "kind": "MCQ", "options": options}).total == 1


def test_references_and_boxes_may_be_lists() -> None:
    boxes = [{"bbox_2d": A, "label": "cat"}]
    listed = '<answer>[{"bbox_2d": [0, 0, 100, 100], "label": "cat"}]</answer>'
    click = "<think>a</think><answer>[{'action': 'click', 'point': [5, 5], 'input_text': 'no input text'}]</answer>"
    forged = "<think>a</think><answer>TAMPERED,(0,0),(100,100)</answer>"
    assert score("rec", "<answer>[0, 0, 100, 100]</answer>", {"reference": A}).total == 1
    assert score("detection_map", listed, {"reference": boxes}).total == 1
    assert score("gui_action", click, {"action": "click", "target": A}).total == 1
    assert score("so_fake", forged, {"label": "TAMPERED", "box": A}).total == 3


@pytest.mark.parametrize("tokens", [-1, True, "12", 1.5])
def test_a_length_is_a_count(tokens: object) -> None:
    assert score("soft_overlong", "x", {"completion_tokens": tokens}).reason == "column_malformed"


def turn(content: object, role: str = "assistant") -> dict[str, object]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    "response",
    [
        [turn("<answer>5</answer>")],
        turn("<answer>5</answer>"),
        [turn("What is it?", "user"), turn("4"), turn("Sure?", "user"), turn("5")],
        [turn("5"), turn("and 6?", "user")],
        [turn([{"type": "text", "text": "<answer>"}, {"type": "image"}, {"type": "text", "text": "5</answer>"}])],
        [{"content": "5"}],
    ],
)
def test_a_conversational_completion_is_read(response: object) -> None:
    assert score("accuracy", response, {"reference": "5"}).total == 1
    assert score("accuracy", response, {"reference": "7"}).total == 0


@pytest.mark.parametrize(
    "response",
    [None, 5, True, b"5", [], {}, ["5"], [turn("5", "user")], [turn(None)], [turn([{"type": "image"}])], object()],
)
@pytest.mark.parametrize("name", ["accuracy", "format", "repetition"])
def test_a_response_that_is_no_text_is_not_scored(name: str, response: object) -> None:
    got = score(name, response, {"reference": "5"})
    assert (got.total, got.reason) == (None, "response_malformed")
    assert got.detail
    assert "NoneType" not in got.detail


@pytest.mark.parametrize("row", [None, 5, "row", [("reference", "5")]])
def test_a_row_that_is_no_object_is_not_scored(row: Any) -> None:
    assert (score("accuracy", "5", row).total, score("accuracy", "5", row).reason) == (None, "row_malformed")


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
JSON = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "text", "type", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)
COLUMNS = sorted({column for name in REWARDS for column in declared(name).columns})


@pytest.mark.parametrize("name", REWARDS)
@settings(max_examples=60, deadline=None)
@given(response=JSON, row=st.dictionaries(st.sampled_from(COLUMNS), JSON) | JSON)
def test_no_json_at_all_makes_a_reward_raise(name: str, response: Any, row: Any) -> None:
    async def half(**_: Any) -> float:
        return 0.5

    for said in (response, [turn(response)], "<think>a</think><answer>[0, 0, 1, 1]</answer>"):
        asyncio.run(score_async(name, said, row, judge=half, scorer=half))
        if not declared(name).waits:
            score(name, said, row)


def test_a_completion_without_text_is_left_out_of_its_group_and_stops_no_step() -> None:
    async def half(**_: object) -> float:
        return 0.5

    completions: list[Any] = ["5", [turn("5")], None, [], [turn("5", "user")]]
    columns = {"answer": ["5"] * 5, "question": ["?"] * 5}
    assert named("accuracy")(completions, **columns) == [1.0, 1.0, None, None, None]
    judged = asyncio.run(named("wethink_hybrid", judge=half)(completions, **columns))
    assert [value is None for value in judged] == [False, False, True, True, True]
