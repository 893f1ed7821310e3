"""Golden vectors of the published rewards, their edge cases, and what holds for any response."""

import asyncio
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import ConfigError, RunStopped, SampleError
from curation.rewards import REWARDS, checked, columns_of, score, score_async
from curation.rewards.boxes import Labelled, giou, iou
from curation.rewards.detection import detection_map, weighted_sum
from curation.rewards.gui import gui_action, token_f1
from curation.rewards.judge import tier_of
from curation.rewards.length import cosine, overlong
from curation.rewards.repetition import repetition
from curation.rewards.vlaa import open_value

A, B = [0, 0, 100, 100], [200, 200, 300, 300]


def formed(answer: str, think: str = "I look.") -> str:
    return f"<think>{think}</think>\n<answer>{answer}</answer>"


def listing(*items: tuple[list[float], str]) -> str:
    return json.dumps([{"bbox_2d": box, "label": label} for box, label in items])


def total(name: str, response: str, **row: Any) -> float | None:
    return score(name, response, row).total


@pytest.mark.parametrize(
    ("response", "layout", "value"),
    [
        (formed("4"), "think", 1.0),
        (formed("4") + "\n", "think", 1.0),
        ("So: " + formed("4"), "think", 0.0),
        (formed("4") + " indeed", "think", 0.0),
        (formed("4") + "<answer>5</answer>", "think", 0.0),
        ("<think>a</think>4", "think", 0.0),
        ("<think>a</think>4", "think_text", 1.0),
        ("<answer>4</answer>", "no_think", 1.0),
        (formed("4"), "no_think", 0.0),
        ("<answer>4</answer><think>a</think>", "think_after", 1.0),
        (formed("4"), "think_after", 0.0),
        (formed(""), "think", 0.0),
        ("", "think", 0.0),
    ],
)
def test_a_layout_is_met_as_a_whole_or_not_at_all(response: str, layout: Any, value: float) -> None:
    assert score("format", response, {}, layout=layout).total == value


@pytest.mark.parametrize(
    ("truth", "got", "plain", "penalised"),
    [
        ([(A, "x")], [(A, "x")], 1.0, 1.0),
        ([(A, "x")], [(A, "x")] * 5, 1.0, 0.2),
        ([(A, "x")], [(B, "x"), (A, "x")], 0.5, 0.25),
        ([(A, "x")], [(A, "x"), (B, "y"), (B, "z"), (B, "w")], 1.0, 0.25),
        ([(A, "x"), (B, "x")], [(A, "x")], 0.505, 0.505),
        ([(A, "x"), (B, "y")], [(A, "x")], 0.5, 0.5),
        ([(A, "x")], [([10, 0, 110, 100], "x")], 0.7, 0.7),
    ],
)
def test_map_and_odlength_are_vlm_r1s(truth: Any, got: Any, plain: float, penalised: float) -> None:
    """Measured in the released code (specs/rewards.md §1.2)."""
    reference, response = listing(*truth), formed(f"```json\n{listing(*got)}\n```")
    assert detection_map(response, reference, penalty=False).total == pytest.approx(plain, abs=5e-4)
    assert detection_map(response, reference).total == pytest.approx(penalised, abs=5e-4)


@pytest.mark.parametrize(
    ("reference", "answer", "value"),
    [
        ("None", "None", 1.0),
        ("[]", "[]", 1.0),
        ("None", "rubbish {", 0.0),
        ("None", listing((A, "x")), 0.0),
        (listing((A, "x")), "None", 0.0),
        ("rubbish", "None", None),
    ],
)
def test_nothing_to_find_is_only_found_by_saying_so(reference: str, answer: str, value: float | None) -> None:
    assert detection_map(formed(answer), reference).total == value


@pytest.mark.parametrize(
    ("got", "value"),
    [([([0, 0, 80, 100], "x")], 0.86), ([([0, 0, 80, 100], "y")], 0.3), ([([0, 0, 80, 100], "x"), (B, "x")], 0.785)],
)
def test_weighted_sum_is_vlm_r1s(got: Any, value: float) -> None:
    assert weighted_sum(formed(listing(*got)), listing((A, "x"))).total == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("truth", "got", "progress", "value"),
    [
        ([(A, "x"), (B, "x")], [(A, "x")], 0.0, 2.5),
        ([(A, "x"), (B, "x")], [(A, "x"), ([500, 500, 600, 600], "x")], 0.0, 2.0),
        ([(A, "x")], [(A, "x"), (B, "x")], 0.0, 2.5),
        ([(A, "x")], [([0, 0, 60, 100], "x")], 0.0, 2.6),
        ([(A, "x")], [([0, 0, 60, 100], "x")], 0.6, 1.0),
        ([(A, "x")], [([0, 0, 80, 100], "x")], 0.0, 3.0),
        ([(A, "x")], [([0, 0, 80, 100], "x")], 0.6, 2.8),
    ],
)
def test_criterion_rewards_are_the_papers(truth: Any, got: Any, progress: float, value: float) -> None:
    """Test vectors of specs/rewards.md §2.3, in both phases."""
    row = {"reference": listing(*truth), "progress": progress}
    assert total("criterion", listing(*got), **row) == pytest.approx(value, abs=1e-9)


def test_surplus_boxes_cost_nothing_where_only_matches_are_counted() -> None:
    row = {"reference": listing((A, "x"))}
    found = score("criterion", listing((A, "x"), (B, "x")), row, precision_denominator="matched")
    assert found.total == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("response", "value"),
    [
        (formed("Final Answer: option B."), 1.0),
        ("B", 0.0),
        (formed("A"), 0.0),
        (formed("B") + " trailing", 0.0),
    ],
)
def test_hfrrf_wants_format_and_answer(response: str, value: float) -> None:
    assert total("hfrrf", response, answer="B", options=["3 cm", "6 cm"], kind="mcq") == value


@pytest.mark.parametrize(
    ("kind", "answer", "response", "value"),
    [
        ("digit", "4", formed("4"), 1.0),
        ("digit", "4", "<think>a</think>4", 0.0),
        ("digit", "4", formed("5"), 0.0),
        ("mcq", "B", formed("(b)"), 1.0),
        ("box", "[0.0, 0.0, 0.5, 0.5]", formed("[0.0, 0.0, 0.5, 0.25]"), 0.5),
        ("box", "[0.0, 0.0, 0.5, 0.5]", formed("[0.5, 0.5, 0.0, 0.0]"), 0.0),
        ("box", "[0.0, 0.0, 0.5, 0.5]", formed("[0, 0, 50, 50]"), 0.0),
        ("open", "a harbour", formed("a port"), None),
    ],
)
def test_vlaas_mixed_reward_by_kind(kind: str, answer: str, response: str, value: float | None) -> None:
    assert total("vlaa_rules", response, kind=kind, answer=answer) == value


@pytest.mark.parametrize(("margin", "value"), [(0.1, 0.095), (0.5, 0.393), (1, 0.632), (2, 0.865), (0, 0), (-3, 0)])
def test_the_open_reward_at_beta_one(margin: float, value: float) -> None:
    assert open_value(margin) == pytest.approx(value, abs=5e-4)


async def likes_long(*, question: str, image: object, answer: str) -> float:
    return len(answer) / 10


def test_an_open_answer_is_scored_by_its_margin_over_the_reference() -> None:
    row = {"answer": "short", "kind": "open", "question": "?", "image": None}
    found = asyncio.run(score_async("vlaa_mixed", formed("a longer answer"), row, scorer=likes_long))
    assert found.total == pytest.approx(1 - math.exp(-1.0))
    assert (found.source, found.components["margin"]) == ("scorer", pytest.approx(1.0))


@pytest.mark.parametrize(
    ("name", "response", "tier", "value"),
    [
        ("wethink_hybrid", formed("a port at dusk"), 0.5, 0.65),
        ("wethink_hybrid", "a port at dusk", 1.0, 0.7),
        ("skywork", formed("a port at dusk"), 1.0, 1.0),
        ("skywork", formed("a port at dusk"), 0.0, 0.2),
    ],
)
def test_judged_rewards_are_weighted_sums(name: str, response: str, tier: float, value: float) -> None:
    async def judge(*, question: str, reference: str, answer: str) -> float:
        return tier

    row = {"answer": "A harbour in the evening light, with many boats at rest", "kind": "open", "question": "What?"}
    assert asyncio.run(score_async(name, response, row, judge=judge)).total == pytest.approx(value)


@pytest.mark.parametrize("error", [SampleError("call_timeout", "late"), ValueError("bad"), OSError("gone")])
def test_a_judge_that_fails_is_not_a_zero(error: Exception) -> None:
    async def judge(*, question: str, reference: str, answer: str) -> float:
        raise error

    row = {"answer": "A harbour in the evening light, with many boats", "kind": "open", "question": "What?"}
    found = asyncio.run(score_async("wethink_hybrid", formed("a port"), row, judge=judge))
    assert found.total is None


def test_a_run_that_must_stop_is_not_swallowed_by_a_judge() -> None:
    async def judge(*, question: str, reference: str, answer: str) -> float:
        raise RunStopped("the budget is spent")

    row = {"answer": "A harbour in the evening light, with many boats", "kind": "open", "question": "What?"}
    with pytest.raises(RunStopped):
        asyncio.run(score_async("wethink_hybrid", formed("a port"), row, judge=judge))


@pytest.mark.parametrize("reply", ["0.7", "I give it 1", "", "1 because it is right", "nan"])
def test_a_reply_that_is_no_tier_is_no_verdict(reply: str) -> None:
    with pytest.raises(SampleError):
        tier_of(reply)


def test_tiers_may_come_dressed() -> None:
    assert [tier_of(reply) for reply in ("1", " 0.5. ", "**0**", '"1.0"')] == [1, 0.5, 0, 1]


@pytest.mark.parametrize(
    ("answer", "mode", "value"),
    [
        ('[{"action": "click", "point": [50, 50], "input_text": "no input text"}]', "all", 1.0),
        ('[{"action": "click", "point": [500, 50], "input_text": "no input text"}]', "all", 0.2),
        ('[{"action": "click", "point": [500, 50], "input_text": "no input text"}]', "sum", 1.0),
        ("[{'action': 'click', 'point': [50, 50], 'input_text': 'no input text'}]", "all", 1.0),
        ("__import__('os').system('true')", "all", 0.0),
    ],
)
def test_gui_actions_in_both_modes(answer: str, mode: Any, value: float) -> None:
    assert gui_action(formed(answer), "click", "[0, 0, 100, 100]", mode=mode).total == pytest.approx(value)


def test_one_letter_of_a_word_is_not_the_word() -> None:
    assert (token_f1("a", "apple"), token_f1("Apple", "apple"), token_f1("", "")) == (0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("response", "layout", "value"),
    [(formed("C"), "think", 2.0), ("C", "think", 1.0), (formed("C) CT"), "think", 2.0), (formed("A"), "think", 1.0),
     ("<answer>C</answer>", "no_think", 2.0), ("<answer>C</answer><think>x</think>", "think_after", 2.0)],
)  # fmt: skip
def test_med_r1_adds_letter_and_format(response: str, layout: Any, value: float) -> None:
    assert score("med_r1", response, {"answer": "C", "options": ["MR", "US", "CT"]}, layout=layout).total == value


def test_patho_r1_weighs_gates_and_minds_the_length() -> None:
    row = {"answer": "C", "options": ["a b", "c d", "e f"]}
    assert score("patho_grpo", "C", row).total == pytest.approx(0.9)
    assert score("patho_grpo", "C", row, gate="both").total == 0.0
    assert total("patho_dapo", formed("C"), completion_tokens=100, **row) == 1.0
    assert total("patho_dapo", formed("C"), completion_tokens=20_000, **row) == -1.0
    assert total("patho_dapo", formed("A"), completion_tokens=100, **row) == -1.0


def test_so_fake_wants_a_box_exactly_when_tampered() -> None:
    tampered = {"label": "TAMPERED", "box": "[0, 0, 100, 100]"}
    assert total("so_fake", formed("TAMPERED,(0,0),(100,50)"), **tampered) == pytest.approx(2.5)
    assert total("so_fake", formed("REAL"), **tampered) == pytest.approx(1.0)
    assert total("so_fake", formed("REAL"), label="REAL") == pytest.approx(2.0)
    assert total("so_fake", formed("REAL,(0,0),(9,9)"), label="REAL") == pytest.approx(1.0)


@pytest.mark.parametrize(("tokens", "value"), [(0, 0.0), (100, 0.0), (125, -0.5), (150, -1.0), (900, -1.0)])
def test_soft_overlong_falls_over_its_buffer(tokens: int, value: float) -> None:
    assert overlong(tokens, 100, 50) == pytest.approx(value)


@pytest.mark.parametrize(("tokens", "value"), [(0, 1.0), (512, 0.75), (1024, 0.5), (2048, 0.5)])
def test_the_cosine_ends_where_it_is_meant_to(tokens: int, value: float) -> None:
    assert cosine(tokens, 1.0, 0.5, longest=1024) == pytest.approx(value)


def test_repeating_oneself_costs_and_different_boxes_do_not() -> None:
    assert repetition("one two three four five six " * 20).total == pytest.approx(-(1 - 6 / 115))
    assert repetition("short").total == 0.0
    assert repetition(formed(listing(*[([n, 0, n + 9, 9], "x") for n in range(9)]))).total == 0.0
    assert repetition(formed(listing(*[(A, "x")] * 4))).total == pytest.approx(-0.75)


def test_a_missing_column_and_a_bad_setting_are_told() -> None:
    assert score("accuracy", "4", {}).reason == "column_missing"
    assert checked("criterion", {"score": "giou"}) == {"score": "giou"}
    for name, given_ in (
        ("criterion", {"score": "area"}), ("criterion", {"skore": 1}), ("wethink_hybrid", {"tiers": [1.0, 0.5]}),
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            checked(name, given_)
    with pytest.raises(ConfigError, match="needs a judge"):
        asyncio.run(score_async("skywork", "4", {"answer": "4"}))


TEXT = st.text(max_size=120) | st.sampled_from(
    ["<think>", "</answer>", formed("4"), formed("[1,2,3,4]"), "\\boxed{", "[[["]
)
RESPONSE = st.lists(TEXT, max_size=4).map("".join)
RANGES = {
    "accuracy": (0, 1), "format": (0, 1), "format_and_accuracy": (0, 1), "vlaa_rules": (0, 1), "vlaa_mixed": (0, 1),
    "hfrrf": (0, 1), "wethink_hybrid": (0, 1), "skywork": (0, 1), "box_overlap": (0, 1), "rec": (0, 1),
    "criterion": (0, 3), "detection_map": (0, 1), "weighted_sum": (0, 1), "gui_action": (0, 1), "med_r1": (0, 2),
    "patho_grpo": (0, 1), "patho_dapo": (-1, 1), "so_fake": (0, 3), "soft_overlong": (-1, 0),
    "cosine_length": (-0.5, 1), "repetition": (-1, 0),
}  # fmt: skip


def test_every_reward_has_its_range_here_and_names_its_columns() -> None:
    assert RANGES.keys() == REWARDS.keys()
    assert all(isinstance(columns_of(name), tuple) for name in REWARDS)


@pytest.mark.parametrize("name", REWARDS)
@settings(max_examples=60, deadline=None)
@given(response=RESPONSE, reference=RESPONSE, kind=st.sampled_from(["digit", "mcq", "box", "open", "text", None]))
def test_no_response_makes_a_reward_raise_or_leave_its_range(
    name: str, response: str, reference: str, kind: Any
) -> None:
    async def half(**_: Any) -> float:
        return 0.5

    row = {
        "reference": reference, "kind": kind, "question": "?", "completion_tokens": len(response), "action": "click",
        "target": reference, "text": reference, "label": "REAL", "box": reference, "progress": 0.7,
    }  # fmt: skip
    found = asyncio.run(score_async(name, response, row, judge=half, scorer=half))
    low, high = RANGES[name]
    assert found.total is None or low - 1e-9 <= found.total <= high + 1e-9
    json.dumps({**found.components, "extracted": found.extracted.encode("utf-8", "replace").decode()})


SIDE = st.floats(0, 100, allow_nan=False)
BOX = st.tuples(SIDE, SIDE, SIDE, SIDE).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]) + 1, max(c[1], c[3]) + 1)
)


@given(BOX, BOX)
def test_overlap_is_symmetric_and_bounded(a: Any, b: Any) -> None:
    assert iou(a, b) == pytest.approx(iou(b, a))
    assert giou(a, b) == pytest.approx(giou(b, a))
    assert -1 <= giou(a, b) <= iou(a, b) + 1e-9 <= 1 + 2e-9
    assert iou(a, a) == pytest.approx(1.0)


@given(st.integers(0, 40_000), st.integers(0, 40_000), st.floats(-5, 5), st.floats(-5, 5))
def test_lengths_and_margins_are_monotone(one: int, other: int, a: float, b: float) -> None:
    assert overlong(min(one, other), 16_384, 4_096) >= overlong(max(one, other), 16_384, 4_096)
    assert open_value(min(a, b)) <= open_value(max(a, b))


@given(st.lists(BOX, min_size=1, max_size=4), st.integers(1, 5))
def test_naming_the_same_boxes_again_never_pays(boxes: Any, times: int) -> None:
    items = [Labelled(box, "x") for box in boxes]
    once = listing(*[(list(one.box), one.label) for one in items])
    again = listing(*[(list(one.box), one.label) for one in items * times])
    assert (detection_map(formed(again), once).total or 0) <= (detection_map(formed(once), once).total or 0) + 1e-9
