"""OpenVLThinker's rounds (`-m train`): what each begins with, what it learns from, and what `rounds.json` says."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from curation.trainer.config import Data, Model, Rounds, Training
from tests.curation.test_trainer import ground, trained
from tests.curation.test_trainer_wiring import same, spied

__all__ = ["ground"]  # a fixture
pytestmark = pytest.mark.train


def test_rounds_train_the_base_again_on_what_the_model_before_it_answered_rightly(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    from curation.trainer.rewards import right

    seen = spied(monkeypatch)
    more = "[rounds]\ncount = 2\ndraws = 8\n"
    record, _ = trained(ground, tmp_path / "out", more=more, seed=str(ground / "grpo"), sft_steps=60)
    out = tmp_path / "out"
    assert [entry["at"] for entry in record.scores] == [
        "round-1-sft", "round-1-grpo-1", "round-2-sft", "round-2-grpo-1",
    ]  # fmt: skip
    [first, second] = json.loads((out / "rounds.json").read_text())
    assert (first["initial"], second["initial"]) == (str(ground / "tiny"),) * 2
    made = second["sft"]
    rows = datasets.load_dataset("parquet", data_files={"t": str(out / "round-2-data" / "*.parquet")}, split="t")
    assert (made["generator"], made["draws"], made["asked"], made["rows"]) == ("round-1-model", 8, 64, len(rows))
    assert 0 < len(rows) <= made["right"]
    asked = datasets.load_dataset("parquet", data_files={"t": str(ground / "grpo" / "*.parquet")}, split="t")
    solutions = {row["images"][0].tobytes(): row for row in asked}
    assert all(right(row["messages"][-1]["content"], solutions[row["images"][0].tobytes()]) for row in rows)
    assert same(seen["round-1-sft"]["before"], seen["round-2-sft"]["before"])
    assert same(seen["round-2-sft"]["after"], seen["round-2-grpo-1"]["before"])
    assert made["sha256"] == sha256((out / "round-2-data" / "train-00000-of-00001.parquet").read_bytes()).hexdigest()
    said = [row["completion"][0]["content"] for row in seen["round-2-sft"]["rows"]]
    assert said == [row["messages"][-1]["content"] for row in rows]


def test_the_answer_to_learn_from_is_the_shortest_or_the_second_longest() -> None:
    from curation.trainer.config import Rounds
    from curation.trainer.rounds import selected

    texts = ["a b c", "a", "a b c d", "a b"]
    assert selected(texts, Rounds()) == "a"
    assert selected(texts, Rounds(select="second_longest")) == "a b c"
    assert selected(["a b"], Rounds(select="second_longest")) == "a b"
    assert selected(texts, Rounds(select="second_longest", longest=2)) == "a"
    assert selected(texts[:1], Rounds(longest=2)) is None


def test_a_round_draws_differently_each_time_at_its_own_temperature_and_takes_the_answer_of_its_rule(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from curation.trainer import rounds
    from curation.trainer.data import grpo_rows

    asked: list[tuple[int, float]] = []

    def said(model: Any, processor: Any, part: Any, how: Any, *, sampled: bool, seed: int) -> Any:
        asked.append((seed, how.temperature))
        think = ["one two three", "one", "one two"][len(asked) - 1]
        return [f"<think>{think}</think><answer>{row['solution']}</answer>" for row in part], torch.zeros(0)

    monkeypatch.setattr(rounds, "said", said)
    run = Training(out="o", model=Model(path="m"), data=Data(), rounds=Rounds(draws=3, temperature=0.7))
    rows = grpo_rows(str(ground / "grpo"), "train").select(range(2))
    made = rounds.regenerated(run, tmp_path, 2, None, None, rows, "round-1-model")
    assert [row["messages"][-1]["content"].split("<answer>")[0] for row in made] == ["<think>one</think>"] * 2
    assert len({seed for seed, _ in asked}) == 3
    assert {temperature for _, temperature in asked} == {0.7}
