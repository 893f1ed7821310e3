"""Rewards by name: what a trainer's file may say, and what a row that does not fit becomes."""

import asyncio
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from curation.errors import ConfigError
from curation.reasons import REASONS
from curation.records import Option
from curation.rewards import REWARDS, Reward, bind, combined, from_tables, not_applicable, score, score_async
from curation.rewards.registry import READ, reads, settings_of

ROOT = Path(__file__).resolve().parents[3]
GOOD = "<think>a</think><answer>{}</answer>"


async def judge(*, question: str, reference: str, answer: str) -> float:
    return 1.0


def test_every_reward_reads_columns_that_can_be_read_and_is_documented() -> None:
    page = (ROOT / "docs" / "rewards.md").read_text(encoding="utf-8")
    for name, function in REWARDS.items():
        assert reads(function).keys() <= READ.keys(), name
        assert f"| `{name}` |" in page
        assert all(f"`{setting}`" in page for setting in settings_of(function).model_fields), name


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("hfrff", {}, "one of accuracy, format"),
        ("hfrrf", {"layuot": "think"}, "it has: layout"),
        ("hfrrf", {"layout": "thought"}, "'think'"),
        ("patho_grpo", {"accuracy_weight": -1}, "greater than or equal to 0"),
        ("patho_grpo", {"accuracy_weight": float("nan")}, "greater than or equal to 0|finite"),
        ("soft_overlong", {"buffer": 0}, "greater than or equal to 1"),
        ("criterion", {"schedule": []}, "phases start at 0"),
        ("criterion", {"schedule": [[0, 0.5, 0.75, 0.5]]}, "ξ1 <= ξ2"),
        ("criterion", {"schedule": [[0, 0.5, 0.5, 0.75], [0, 0.5, 0.5, 0.75]]}, "rising"),
        ("repetition", {"n": "six"}, "integer"),
        ("wethink_hybrid", {}, "judge"),
        ("vlaa_mixed", {}, "scorer"),
    ],
)
def test_a_bad_setting_is_refused_before_the_first_completion(name: str, settings: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ConfigError, match=message):
        bind(name, settings)


def test_tiers_are_a_setting_and_must_rise() -> None:
    assert bind("wethink_hybrid", {"tiers": [0, 0.25, 1]}, judge=judge).settings["tiers"] == (0, 0.25, 1)
    with pytest.raises(ConfigError, match="rising"):
        bind("wethink_hybrid", {"tiers": [1, 0]}, judge=judge)


def test_columns_can_have_the_names_of_the_data_set() -> None:
    reward = bind("hfrrf", columns={"reference": "answer"})
    assert reward.required == ("answer",)
    assert score(reward, GOOD.format(5), {"answer": 5, "kind": "digit"}).total == 1
    with pytest.raises(ConfigError, match="it reads reference"):
        bind("hfrrf", columns={"refrence": "answer"})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "field_missing"),
        ({"reference": None}, "field_missing"),
        ({"reference": b"5"}, "field_malformed"),
        ({"reference": "5", "kind": "digits"}, "field_malformed"),
        ({"reference": "5", "options": 7}, "field_malformed"),
        ({"reference": "5", "options": "{"}, "field_malformed"),
        ({"reference": "5", "options": [None]}, "field_malformed"),
    ],
)
def test_a_row_that_does_not_fit_is_not_scored(row: dict, reason: str) -> None:  # type: ignore[type-arg]
    got = score(bind("accuracy"), "5", row)
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
    assert score(bind("accuracy"), "blue", {"reference": "B", "kind": "MCQ", "options": options}).total == 1


def test_a_reference_may_be_a_list_of_numbers() -> None:
    assert score(bind("rec"), "<answer>[0, 0, 10, 10]</answer>", {"reference": [0, 0, 10, 10]}).total == 1


def test_rules_are_scored_at_once_and_judges_are_not() -> None:
    with pytest.raises(ConfigError, match="score_async"):
        score(bind("wethink_hybrid", judge=judge), "x", {"reference": "y"})
    row = {"reference": "(x+1)^2", "kind": "math"}
    assert asyncio.run(score_async(bind("hfrrf"), GOOD.format("x^2+2x+1"), row)).total == 1


TOML = """
[[rewards]]
name = "rec"
weight = 2.0
where = { kind = ["box"] }
columns = { reference = "answer" }
settings = { narrowest = 1.0 }

[[rewards]]
name = "accuracy"
where = { kind = ["mcq", "digit"] }
columns = { reference = "answer" }

[[rewards]]
name = "format"
weight = 0.5
"""


def test_a_trainers_file_routes_rows_by_kind() -> None:
    chosen = from_tables(tomllib.loads(TOML)["rewards"])
    rows = [
        ({"kind": "box", "answer": "[0, 0, 10, 10]"}, GOOD.format("[0, 0, 10, 5]"), 2 * 0.5 + 0.5),
        ({"kind": "mcq", "answer": "B"}, GOOD.format("B"), 1.5),
        ({"kind": "mcq", "answer": "B"}, "B", 1.0),
        ({"kind": "open", "answer": "B"}, GOOD.format("B"), 0.5),
        ({"kind": "box", "answer": "somewhere"}, GOOD.format("[0, 0, 10, 5]"), None),
    ]
    for row, response, total in rows:
        got = [(one, score(one.reward, response, row) if one.applies(row) else not_applicable(one)) for one in chosen]
        assert combined(got).total == total
    assert combined([(chosen[0], not_applicable(chosen[0]))]).total is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"weight": 1.0}, "the name of a reward"),
        ({"name": "rec", "wieght": 1.0}, "a reward has name, weight"),
        ({"name": "rec", "weight": "1"}, "a finite number"),
        ({"name": "rec", "where": {"kind": "box"}}, "a list of texts"),
        ({"name": "rec", "where": ["box"]}, "a table"),
        ({"name": "rec", "columns": {"reference": 3}}, "names of columns"),
    ],
)
def test_a_misspelt_table_is_refused(table: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ConfigError, match=message):
        from_tables([table])


def test_no_rewards_are_no_training() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        from_tables([])


def test_components_keep_their_rewards_names() -> None:
    [one] = from_tables([{"name": "format"}])
    got = combined([(one, Reward(1.0, {"format": 1.0}))])
    assert got.components == {"format/format": 1.0}


def test_rewards_bring_neither_torch_nor_duckdb_nor_scipy() -> None:
    heavy = {"torch", "duckdb", "scipy", "trl"}
    code = f"import sys, curation.rewards; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_the_codes_rewards_write_are_listed() -> None:
    for code in ("format_invalid", "answer_untagged", "box_not_found", "judge_failed", "not_applicable"):
        assert code in REASONS
