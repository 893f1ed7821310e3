"""Layouts, accuracy and the rewards that combine the two: golden vectors of the papers, and where they were wrong."""

import asyncio
import math

import pytest

from curation.errors import RunStopped, SampleError
from curation.rewards.answer import format_and_accuracy
from curation.rewards.format import format_reward
from curation.rewards.judge import TIERS, teacher_judge, tier_of
from curation.rewards.med_r1 import med_r1
from curation.rewards.patho_r1 import patho_dapo, patho_grpo
from curation.rewards.skywork import rule_or_judge
from curation.rewards.vision_r1 import hfrrf
from curation.rewards.vlaa import mixed, mixed_rules, open_value
from curation.rewards.wethink import hybrid
from tests.curation.scripted import Scripted

GOOD = "<think>2 and 3 make 5.</think><answer>5</answer>"


@pytest.mark.parametrize(
    ("layout", "response", "value"),
    [
        ("think", GOOD, 1),
        ("think", f"  \n{GOOD}\n", 1),
        ("think", "<think>a</think>\n\n<answer>5</answer>", 1),
        ("think", f"{GOOD} So it is.", 0),
        ("think", f"Well. {GOOD}", 0),
        ("think", "<think>a</think> so <answer>5</answer>", 0),
        ("think", "<think>a</think><answer>5</answer> or <answer>6</answer>", 0),
        ("think", "<think>a</think><answer>5</answer><answer>5</answer>", 0),
        ("think", "<think>a</think><think>b</think><answer>5</answer>", 0),
        ("think", "<think></think><answer>5</answer>", 0),
        ("think", "<think>a</think><answer> </answer>", 0),
        ("think", "<think>a</think>5", 0),
        ("think", "<think>a</think><answer>5", 0),
        ("think", "<answer>5</answer>", 0),
        ("think", "<answer>5</answer><think>a</think>", 0),
        ("think", "", 0),
        ("think_text", "<think>a</think>The answer is 5.", 1),
        ("think_text", GOOD, 1),
        ("think_text", "The answer is 5.", 0),
        ("no_think", "<answer>B</answer>", 1),
        ("no_think", " \n<answer>B</answer>\n", 1),
        ("no_think", "It is <answer>B</answer>", 0),
        ("no_think", GOOD, 0),
        ("no_think", "<answer>B<think></answer>", 0),
        ("no_think", "B", 0),
        ("think_after", "<answer>B</answer><think>Since …</think>", 1),
        ("think_after", "<answer>B</answer>\n<think>Since …</think>\n", 1),
        ("think_after", "<think>Since …</think><answer>B</answer>", 0),
        ("think_after", "<answer>B</answer> then <think>Since …</think>", 0),
        ("think_after", "<answer>B</answer><think>Since …", 0),
        ("think_after", "<answer>B</answer>", 0),
    ],
)
def test_the_whole_response_must_have_its_layout(layout: str, response: str, value: int) -> None:
    assert format_reward(response, layout=layout).total == value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("response", "reference", "total"),
    [
        ("<think>a</think><answer>B</answer>", "B", 1),
        ("<answer>B</answer>", "B", 0),
        ("<think>a</think><answer>C</answer>", "B", 0),
        ("<think>a</think><answer>B</answer> Done.", "B", 0),
        ("<think>a</think><answer>Final Answer:option B.</answer>", "B", 1),
        ("<think>a</think><answer>Final Answer:40.1</answer>", "40.10", 1),
        ("<think>a</think><answer>\n40.1\n</answer>", "40.10", 1),
        ("<think>a</think><answer>B", "B", 0),
    ],
)
def test_hfrrf_wants_format_and_answer(response: str, reference: str, total: float) -> None:
    assert hfrrf(response, reference).total == total


def test_hfrrf_knows_no_undecided_answer_in_a_broken_layout() -> None:
    vague = "a long free answer nobody can compare by rule"
    assert hfrrf(f"<think>a</think><answer>{vague}</answer>", "another long text", "open").total is None
    assert hfrrf(vague, "another long text", "open").total == 0


def test_the_zero_baseline_pays_each_half_alone() -> None:
    assert format_and_accuracy(GOOD, "5").total == 1
    assert format_and_accuracy(GOOD, "6").total == 0.5
    assert format_and_accuracy("5", "5").total == 0.5
    assert format_and_accuracy("6", "5").total == 0


@pytest.mark.parametrize(
    ("answer", "reference", "kind", "total"),
    [
        ("3", "3", "digit", 1),
        ("4", "3", "digit", 0),
        ("(b)", "B", "mcq", 1),
        ("B and C", "B", "mcq", 0),
        ("A: red", "A", "mcq", 1),
        ("\\frac{1}{2}", "0.5", "math", 1),
        ("[0.1, 0.1, 0.5, 0.5]", "[0.1, 0.1, 0.5, 0.5]", "box", 1),
        ("[0.1, 0.1, 0.3, 0.5]", "[0.1, 0.1, 0.5, 0.5]", "box", 0.5),
        ("[0.6, 0.6, 0.9, 0.9]", "[0.1, 0.1, 0.5, 0.5]", "box", 0),
        ("[0.5, 0.1, 0.1, 0.5]", "[0.1, 0.1, 0.5, 0.5]", "box", 0),
        ("[10, 10, 50, 50]", "[0.1, 0.1, 0.5, 0.5]", "box", 0),
        ("no idea", "[0.1, 0.1, 0.5, 0.5]", "box", 0),
    ],
)
def test_vlaa_scores_each_kind_by_its_rule(answer: str, reference: str, kind: str, total: float) -> None:
    got = mixed_rules(f"<think>a</think><answer>{answer}</answer>", reference, kind)  # type: ignore[arg-type]
    assert got.total == pytest.approx(total)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("<think>a</think>The answer is B.", "answer_untagged"),
        ("<think>a</think><answer>B", "answer_unclosed"),
        ("<think>a</think><answer></answer>", "answer_empty"),
        ("<think><answer>B</answer></think>", "answer_untagged"),
    ],
)
def test_without_an_answer_block_vlaa_pays_nothing_even_for_the_right_text(response: str, reason: str) -> None:
    got = mixed_rules(response, "B", "mcq")
    assert (got.total, got.reason) == (0, reason)


def test_vlaa_does_not_ask_for_a_think_block() -> None:
    assert mixed_rules("<answer>B</answer>", "B", "mcq").total == 1


def test_an_unreadable_reference_scores_nobody() -> None:
    for reference in ("somewhere", "[0.5, 0.5, 0.1, 0.1]", "[1, 2, 30, 40]"):
        assert mixed_rules("<answer>[0, 0, 1, 1]</answer>", reference, "box").total is None


@pytest.mark.parametrize(("margin", "value"), [(0.1, 0.095), (0.5, 0.393), (1, 0.632), (2, 0.865), (0, 0), (-3, 0)])
def test_the_open_reward_saturates_with_the_margin(margin: float, value: float) -> None:
    assert open_value(margin) == pytest.approx(value, abs=5e-4)


async def length_scorer(*, question: str, image: object, answer: str) -> float:
    return len(answer) / 10


async def broken(**_: object) -> float:
    raise SampleError("call_timeout", "nobody answered")


async def nonsense(**_: object) -> float:
    return math.nan


async def slow(**_: object) -> float:
    await asyncio.sleep(60)
    return 1.0


async def buggy(**_: object) -> float:
    raise KeyError("choices")


async def dead(**_: object) -> float:
    raise RunStopped("the endpoint is gone")


def test_open_answers_are_scored_against_the_reference() -> None:
    got = asyncio.run(
        mixed("<answer>ten letter</answer>", "five!", "open", question="What?", image=None, scorer=length_scorer)
    )
    assert got.total == pytest.approx(1 - math.exp(-0.5))
    assert (got.components["margin"], got.source) == (0.5, "scorer")
    same = asyncio.run(mixed("<answer>five?</answer>", "five!", "open", scorer=length_scorer))
    assert same.total == 0
    choice = asyncio.run(mixed("<answer>B</answer>", "B", "mcq", scorer=broken))
    assert choice.total == 1


@pytest.mark.parametrize(
    ("scorer", "reason"),
    [(broken, "call_timeout"), (nonsense, "scorer_failed"), (slow, "scorer_failed"), (buggy, "scorer_failed")],
)
def test_a_scorer_that_fails_is_not_a_zero(scorer: object, reason: str) -> None:
    got = asyncio.run(mixed("<answer>hello</answer>", "five", "open", scorer=scorer, scorer_seconds=0.05))  # type: ignore[arg-type]
    assert (got.total, got.reason) == (None, reason)
    assert got.detail


def test_a_dead_endpoint_stops_the_training_instead_of_scoring_nothing_for_days() -> None:
    with pytest.raises(RunStopped):
        asyncio.run(mixed("<answer>hello</answer>", "five", "open", scorer=dead))


def says(value: float):  # type: ignore[no-untyped-def]
    async def judge(*, question: str, reference: str, answer: str) -> float:
        return value

    return judge


@pytest.mark.parametrize(
    ("response", "tier", "total"),
    [
        ("<think>a</think><answer>A dog runs on grass</answer>", 1.0, 1.0),
        ("<think>a</think><answer>A dog runs on grass</answer>", 0.5, 0.65),
        ("<think>a</think><answer>A dog runs on grass</answer>", 0.0, 0.3),
        ("A dog runs on grass", 1.0, 0.7),
        ("", 1.0, 0.0),
    ],
)
def test_wethink_mixes_the_judges_tier_with_the_format(response: str, tier: float, total: float) -> None:
    got = asyncio.run(hybrid(response, "A brown dog is running over a lawn.", "open", judge=says(tier)))
    assert got.total == pytest.approx(total)


def test_wethink_asks_no_judge_where_a_rule_decides() -> None:
    for response, total in ((GOOD, 1.0), ("5", 0.7), ("<think>a</think><answer>6</answer>", 0.3)):
        got = asyncio.run(hybrid(response, "5", "number", judge=broken))
        assert (got.total, got.source) == (pytest.approx(total), "rule")


@pytest.mark.parametrize("judge", [broken, nonsense, slow, buggy, says(0.4)])
def test_a_judge_that_fails_or_names_no_tier_is_not_a_zero(judge: object) -> None:
    response = "<think>a</think><answer>A dog</answer>"
    got = asyncio.run(hybrid(response, "A cat on a mat.", "open", judge=judge, judge_seconds=0.05))  # type: ignore[arg-type]
    assert (got.total, got.components["accuracy"], got.components["format"]) == (None, None, 1)


def test_skywork_asks_the_judge_only_when_the_rule_does_not_say_yes() -> None:
    right = asyncio.run(rule_or_judge("<think>a</think>5", "5", "number", judge=broken))
    assert (right.total, right.source, right.components["judge"]) == (1, "rule", None)
    saved = asyncio.run(rule_or_judge("<think>a</think>five apples less one", "4", "number", judge=says(1)))
    assert (saved.total, saved.source, saved.components["rule"]) == (1, "judge", 0)
    wrong = asyncio.run(rule_or_judge("<think>a</think>6", "5", "number", judge=says(0)))
    assert wrong.total == pytest.approx(0.2)
    unknown = asyncio.run(rule_or_judge("<think>a</think>6", "5", "number", judge=broken))
    assert (unknown.total, unknown.reason) == (None, "call_timeout")
    silent = asyncio.run(rule_or_judge("<think>a</think>", "5", "number", judge=broken))
    assert silent.total == 0


@pytest.mark.parametrize(("reply", "tier"), [("0.5", 0.5), (" 1.\n", 1.0), ("**0**", 0.0), ("1.0", 1.0)])
def test_a_tier_is_one_number(reply: str, tier: float) -> None:
    assert tier_of(reply) == tier


@pytest.mark.parametrize("reply", ["", "I would say 1", "0.7", "1 0.5", "yes", "nan", "grade: 1 </answer>"])
def test_anything_else_is_no_tier(reply: str) -> None:
    with pytest.raises(SampleError, match="judge_unclear"):
        tier_of(reply)


def test_a_teacher_can_be_the_judge() -> None:
    teacher = Scripted(lambda messages, _: "0.5" if "A dog" in messages[-1].text else "no grade")
    judge = teacher_judge(teacher)
    response = "<think>a</think><answer>{}</answer>"
    half = asyncio.run(hybrid(response.format("A dog"), "A cat on a mat.", "open", judge=judge))
    assert half.total == pytest.approx(0.65)
    unclear = asyncio.run(hybrid(response.format("A cow"), "A cat on a mat.", "open", judge=judge))
    assert (unclear.total, unclear.reason) == (None, "judge_unclear")
    assert TIERS == (0.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("response", "layout", "total"),
    [
        ("<think>a</think><answer>C</answer>", "think", 2),
        ("<think>a</think><answer>\nC) CT\n</answer>", "think", 2),
        ("<think>a</think><answer>c.</answer>", "think", 2),
        ("C", "think", 1),
        ("<think>a</think><answer>B</answer>", "think", 1),
        ("B", "think", 0),
        ("<answer>C</answer>", "no_think", 2),
        ("<answer>C</answer><think>Bone is white.</think>", "think_after", 2),
        ("<answer>C</answer><think>Bone is wh", "think_after", 1),
    ],
)
def test_med_r1_adds_letter_and_format(response: str, layout: str, total: float) -> None:
    assert med_r1(response, "C", ("MRI", "PET", "CT"), layout=layout).total == total  # type: ignore[arg-type]


def test_med_r1_strict_pays_nothing_for_text_outside_the_tags() -> None:
    assert med_r1("It is <answer>C</answer>", "C", layout="no_think").total == 1
    assert med_r1("It is <answer>C</answer>", "C", layout="no_think", strict=True).total == 0


@pytest.mark.parametrize(
    ("response", "none", "both"),
    [
        ("<think>a</think><answer>C</answer>", 1.0, 1.0),
        ("C", 0.9, 0.0),
        ("<think>a</think><answer>B</answer>", 0.1, 0.0),
        ("B", 0.0, 0.0),
    ],
)
def test_patho_r1_mixes_or_gates(response: str, none: float, both: float) -> None:
    assert patho_grpo(response, "C").total == pytest.approx(none)
    assert patho_grpo(response, "C", gate="both").total == pytest.approx(both)


@pytest.mark.parametrize(("answer", "tokens", "total"), [("C", 100, 1), ("C", 101, -1), ("B", 10, -1), ("B", 500, -1)])
def test_patho_dapo_wants_the_letter_in_time(answer: str, tokens: int, total: int) -> None:
    got = patho_dapo(f"<think>a</think><answer>{answer}</answer>", "C", tokens, expected=100, buffer=50)
    assert got.total == total
