"""GUI actions, forgeries, lengths and repetition: the traps the specification measured, each as a case."""

import json

import pytest

from curation.rewards.gui import gui_action, token_f1
from curation.rewards.length import cosine, cosine_length, soft_overlong
from curation.rewards.repetition import repetition
from curation.rewards.so_fake import so_fake

NO = "no input text"


def step(action: str, point: tuple[float, float] = (-100, -100), text: str = NO, **quirks: bool) -> str:
    one = {"action": action, "point": list(point), "input_text": text}
    return f"<think>a</think><answer>{json.dumps([one]) if quirks.get('as_json') else repr([one])}</answer>"


BOX = "[10, 20, 110, 60]"


@pytest.mark.parametrize(
    ("response", "row", "total"),
    [
        (step("click", (50, 40)), ("click", BOX), 1.0),
        (step("click", (50, 40), as_json=True), ("click", BOX), 1.0),
        (step("Click", (50, 40)), ("click", BOX), 1.0),
        (step("click", (10, 20)), ("click", BOX), 1.0),
        (step("click", (9, 20)), ("click", BOX), 0.2),
        (step("close/delete"), ("close/delete",), 1.0),
        (step("complete"), ("close/delete",), 0.2),
        (step("press_home"), ("press_home",), 1.0),
        (step("click", (-100, -100)), ("click", "[5, 5]"), 0.2),
        (step("click", (100, 5)), ("click", "[5, 5]"), 1.0),
        (step("click", (145, 5)), ("click", "[5, 5]"), 0.2),
        (step("long_press", (500, 500)), ("long_press", BOX), 0.2),
        (step("type", text="it's late"), ("type", "", "it's late"), 1.0),
        (step("type", text="m"), ("type", "", "marmalade"), 0.2),
        (step("type", text="marmalad"), ("type", "", "marmalade"), 1.0),
        (step("type", text="red shoes size 8"), ("type", "", "red shoes"), 1.0),
        (step("scroll", text="down"), ("scroll", "", "down"), 1.0),
        (step("scroll", text="DOWN"), ("scroll", "", "down"), 0.8),
        (step("scroll", text="up"), ("scroll", "", "down"), 0.2),
        (step("type"), ("type", "", NO), 0.8),
        (step("click", (50.5, 40)), ("click", BOX), 0.8),
        ("[{'action': 'click', 'point': [50, 40], 'input_text': 'no input text'}]", ("click", BOX), 0.8),
        ("<think>a</think><answer>__import__('os')</answer>", ("click", BOX), 0.0),
        ("<think>a</think><answer>click (50, 40)</answer>", ("click", BOX), 0.0),
        ("<think>a</think><answer>[{'action': 'click'}]</answer>", ("click", BOX), 0.0),
    ],
)
def test_one_gui_step_is_all_or_nothing(response: str, row: tuple[str, ...], total: float) -> None:
    assert gui_action(response, *row).total == pytest.approx(total)


def test_the_papers_sum_pays_each_term() -> None:
    missed = gui_action(step("click", (500, 500)), "click", BOX, mode="sum")
    assert missed.total == pytest.approx(0.2 + 0.8 * 1)
    assert gui_action(step("click", (50, 40)), "click", BOX, mode="sum").total == pytest.approx(0.2 + 0.8 * 2)
    assert gui_action(step("enter"), "enter", mode="sum").total == pytest.approx(1.0)
    near = gui_action(step("long_press", (50, 40)), "click", BOX, mode="sum")
    assert (near.components["action"], near.components["point"], near.components["text"]) == (0, 1, None)


def test_the_first_of_several_actions_counts_whole() -> None:
    two = [
        {"action": "click", "point": [500, 500], "input_text": NO},
        {"action": "click", "point": [50, 40], "input_text": NO},
    ]
    got = gui_action(f"<think>a</think><answer>{two}</answer>", "click", BOX)
    assert (got.components["point"], got.components["further"]) == (0, 1)


def test_a_row_whose_target_is_no_box_is_not_scored() -> None:
    assert gui_action(step("click", (1, 1)), "click", "somewhere").total is None
    assert gui_action(step("click", (1, 1)), "click", f"[{'9' * 400}, 1]").total is None
    assert gui_action(step("click", (1, 1)), " ").total is None


def test_token_f1_compares_sets() -> None:
    assert token_f1("a b c d", "a b") == pytest.approx(2 / 3)
    assert token_f1("[Red] shoes", "red SHOES") == 1
    assert token_f1("", "") == 1
    assert token_f1("", "x") == 0


FORGED = ("TAMPERED", "[50, 50, 150, 150]")


@pytest.mark.parametrize(
    ("answer", "row", "total", "box"),
    [
        ("REAL", ("REAL",), 2, None),
        ("real.", ("REAL",), 2, None),
        ("FULL_SYNTHETIC", ("REAL",), 1, None),
        ("TAMPERED,(50,50),(150,150)", FORGED, 3, 1),
        ("TAMPERED,(50,50),(100,150).", FORGED, 2.5, 0.5),
        ("REAL", FORGED, 1, 0),
        ("TAMPERED", FORGED, 1, 0),
        ("TAMPERED,(150,150),(50,50)", FORGED, 1, 0),
        ("TAMPERED,(50,50),(150,500)", FORGED, 1, 0),
        ("REAL,(50,50),(150,150)", ("REAL",), 1, None),
        ("It looks fine", ("REAL",), 0, None),
        ("REALISTIC", ("REAL",), 0, None),
    ],
)
def test_so_fake_adds_grammar_label_and_box(answer: str, row: tuple[str, ...], total: float, box: float | None) -> None:
    got = so_fake(f"<think>The edge is odd.</think><answer>{answer}</answer>", *row)
    assert (got.total, got.components["box"]) == (pytest.approx(total), box)


def test_so_fake_can_ask_for_half_an_overlap() -> None:
    response = "<think>a</think><answer>TAMPERED,(50,50),(100,150)</answer>"
    assert so_fake(response, *FORGED, at_least=0.5).total == 3
    assert so_fake(response, "TAMPERED").total is None
    assert so_fake(response, "BLURRED").total is None


@pytest.mark.parametrize(("tokens", "value"), [(0, 0), (16_384, 0), (18_432, -0.5), (20_480, -1), (40_000, -1)])
def test_soft_overlong_falls_over_the_buffer(tokens: int, value: float) -> None:
    assert soft_overlong("any", tokens).total == value


@pytest.mark.parametrize(
    ("tokens", "right", "wrong"), [(0, 1, -0.5), (512, 0.75, -0.25), (1024, 0.5, 0), (2048, 0.5, 0)]
)
def test_the_cosine_follows_the_answer_and_stays_at_its_end(tokens: int, right: float, wrong: float) -> None:
    assert cosine_length("<answer>5</answer>", "5", tokens).total == pytest.approx(right)
    assert cosine_length("<answer>6</answer>", "5", tokens).total == pytest.approx(wrong)
    assert cosine(tokens, 1.0, 0.5, longest=1024) == pytest.approx(right)


def test_an_undecided_answer_has_no_length_reward() -> None:
    assert cosine_length("a long answer that no rule can tell", "another text", 10, "open").total is None


def test_repetition_counts_ngrams_and_boxes() -> None:
    assert repetition("one two three").total == 0
    assert repetition("").total == 0
    assert repetition("a b c d e f g").total == 0
    assert repetition("wait " * 16).total == pytest.approx(-(1 - 1 / 11))
    assert repetition("a b a b a b", n=2).total == pytest.approx(-(1 - 2 / 5))
    item = '{"bbox_2d": [0, 0, 9, 9], "label": "x"}'
    assert repetition(f"<answer>[{item}, {item}, {item}, {item}]</answer>").total == -0.75
    assert repetition(f"[{item}]").total == 0
    assert repetition("wait " * 16, most=0.5).total == pytest.approx(-0.5 * (1 - 1 / 11))
