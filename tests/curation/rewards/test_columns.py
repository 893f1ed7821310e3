"""Rows in the shapes of published files are read; rows that cannot be are not scored, and stop nothing."""

import pytest

from curation.records import Option
from curation.rewards import REWARDS, declared, score
from curation.rewards.columns import READ

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
