"""The trainer on a tiny Idefics3: opt-in (`pytest -m train`), since it needs torch and TRL. Minutes on one core.

Each variation is shown by a metric or an effect that is absent when it is off.
"""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.train

WORDS = ["How many circles?", "0 1 2 3 4 5 6 7 8 9"]
BASE = """
out = "{out}"
device = "cpu"
[model]
path = "{model}"
{model_more}
[data]
seed = "{seed}"
sft = "{sft}"
grpo = "{grpo}"
held_out = "{grpo}"
held_out_rows = 16
[sft]
steps = {sft_steps}
batch = 16
learning_rate = 2e-3
[grpo]
prompts = 4
learning_rate = {rate}
least_format = {least}
{grpo_more}
[[grpo.stages]]
tokens = 24
completions = 4
steps = {steps}
[evaluation]
tokens = 24
{more}
"""
PLAIN: dict[str, Any] = {
    "grpo_more": "", "more": "", "model_more": "", "seed": "", "sft_steps": 30, "rate": "1e-4", "steps": 2,
    "least": 0.0,
}  # fmt: skip
"""What fills the places of `BASE` unless something else is wanted."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, and exports in the columns of `vistill export grpo` and `sft_trl`, drawn from trays."""
    from datasets import Dataset, Features, Image, List, Value

    from curation.sources.figures import figures
    from curation.trainer import tiny

    folder = tmp_path_factory.mktemp("trainer")
    text = Value("string")
    message = [{"role": text, "content": text}]
    rows: dict[str, list[dict[str, Any]]] = {"sft": [], "grpo": []}
    for figure in figures(seed=5, limit=64, size=(64, 64), families=("tray",), kinds=("digit",)):
        think = figure.solution.split("\n")[0].removeprefix("1. ")
        shown = {"images": [{"bytes": figure.png, "path": None}]}
        ask = {"role": "user", "content": figure.question}
        said = f"<think>{think}</think>\n<answer>{figure.answer}</answer>"
        rows["sft"].append({**shown, "messages": [ask, {"role": "assistant", "content": said}]})
        rows["grpo"].append({**shown, "prompt": [ask], "solution": figure.answer, "kind": "digit", "options": []})
    types: dict[str, Any] = {
        "sft": {"messages": message},
        "grpo": {"prompt": message, "solution": text, "kind": text, "options": [{"letter": text, "text": text}]},
    }  # fmt: skip
    for name, found in rows.items():
        (folder / name).mkdir()
        features = Features({"images": List(Image()), **types[name]})
        Dataset.from_list(found, features=features).to_parquet(folder / name / "train-00000-of-00001.parquet")
    tiny.build(WORDS, folder / "tiny")
    return folder


def trained(
    ground: Path, out: Path, grpo_more: str = "", more: str = "", said: list[str] | None = None, **places: Any
) -> tuple[Any, list[dict[str, Any]]]:
    """The record and the logged steps of a run with these tables added; what it says goes to `said`."""
    from curation.trainer.config import read
    from curation.trainer.run import train

    paths = {"model": ground / "tiny", "sft": ground / "sft", "grpo": ground / "grpo"}
    given = {**PLAIN, **paths, "out": out, "grpo_more": grpo_more, "more": more, **places}
    text = BASE.format(**given)
    (out.parent / "run.toml").write_text(text)
    record = train(read(out.parent / "run.toml"), say=[].append if said is None else said.append)
    steps = [json.loads(line) for line in (out / "curve.jsonl").read_text().splitlines()]
    return record, [step for step in steps if step["part"].startswith("grpo")]


def logged(steps: list[dict[str, Any]]) -> set[str]:
    return {name for step in steps for name in step}


def test_a_cold_start_and_a_stage_of_grpo_end_with_scores_and_a_model_that_loads(ground: Path, tmp_path: Path) -> None:
    from curation.trainer.config import Model
    from curation.trainer.models import load

    record, steps = trained(ground, tmp_path / "out")
    assert [score["at"] for score in record.scores] == ["sft", "grpo-1"]
    assert record.finished is not None
    assert {"components/accuracy/accuracy", "rewards/format/mean"} <= logged(steps)
    assert not logged(steps) & {"sampling/rounds", "replay/drawn", "rethink/kept", "entropy/critical"}
    load(Model(path=str(tmp_path / "out" / "model")))


@pytest.mark.parametrize(
    ("grpo_more", "more", "metric"),
    [
        ("", "[resample]\nrounds = 1\n", "sampling/rounds"),
        ("steps_per_generation = 2", "[replay]\nsize = 64\n", "replay/size"),
        ("", '[rethink]\ntrigger = "<think>"\nshare = 0.5\n', "rethink/tried"),
        ("", '[critical]\nwords = ["1", "2"]\n', "entropy/critical"),
        ("", "[overlong]\ntokens = 24\nbuffer = 8\n", "rewards/soft_overlong/mean"),
    ],
)
def test_a_variation_logs_what_it_did(ground: Path, tmp_path: Path, grpo_more: str, more: str, metric: str) -> None:
    _, steps = trained(ground, tmp_path / "out", grpo_more, more)
    assert metric in logged(steps)


def test_stages_are_chained_with_their_own_group_and_length(ground: Path, tmp_path: Path) -> None:
    second = "[[grpo.stages]]\ntokens = 12\ncompletions = 8\nsteps = 2\n"
    record, steps = trained(ground, tmp_path / "out", more=second)
    assert [score["at"] for score in record.scores] == ["sft", "grpo-1", "grpo-2"]
    lengths = [step["completions/max_length"] for step in steps if step["part"] == "grpo-2" and "reward" in step]
    assert lengths
    assert max(lengths) <= 12


def test_too_little_format_stops_before_grpo(ground: Path, tmp_path: Path) -> None:
    from curation.errors import RunStopped

    with pytest.raises(RunStopped, match="least_format"):
        trained(ground, tmp_path / "out", sft_steps=1, least=1.0)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["stopped"]


def test_a_part_that_fits_no_weight_is_refused_and_a_frozen_one_does_not_learn(ground: Path) -> None:
    from curation.errors import ConfigError
    from curation.trainer.config import Model
    from curation.trainer.models import load

    model, _ = load(Model(path=str(ground / "tiny"), freeze=("vision",)))
    frozen = [name for name, weights in model.named_parameters() if not weights.requires_grad]
    assert frozen
    assert all("vision" in name for name in frozen)
    with pytest.raises(ConfigError, match="fits no parameter"):
        load(Model(path=str(ground / "tiny"), freeze=("visoin",)))


def test_a_model_without_a_processor_is_refused(ground: Path, tmp_path: Path) -> None:
    import shutil

    from curation.errors import ConfigError
    from curation.trainer.config import Model
    from curation.trainer.models import load

    shutil.copytree(ground / "tiny", tmp_path / "bare")
    for name in ("processor_config.json", "preprocessor_config.json"):
        (tmp_path / "bare" / name).unlink(missing_ok=True)
    with pytest.raises(ConfigError, match=r"model\.path"):
        load(Model(path=str(tmp_path / "bare")))


def test_rows_come_back_from_surgery_as_they_went(ground: Path) -> None:
    import torch

    from curation.trainer.rows import from_rows, to_rows

    batch = {
        "prompt_ids": torch.tensor([[0, 5, 6], [7, 8, 9]]), "prompt_mask": torch.tensor([[0, 1, 1], [1, 1, 1]]),
        "completion_ids": torch.tensor([[3, 4], [3, 0]]), "completion_mask": torch.tensor([[1, 1], [1, 0]]),
        "advantages": torch.tensor([0.5, -0.5]), "pixel_values": torch.arange(8.0).reshape(2, 4),
        "num_items_in_batch": torch.tensor(3),
    }  # fmt: skip
    again = from_rows(to_rows(batch), 0)
    assert all(torch.equal(again[name], batch[name]) for name in batch)


def test_progress_says_where_it_is_how_fast_and_how_long_still() -> None:
    from curation.trainer.parts import progress

    told = progress(60, 300, 0.5, {"loss": 0.25, "reward": 0.75, "entropy": 1.0})
    assert told == "step 60 of 300 · 0.50 s a step · 120 s left · loss 0.250 · reward 0.750"


def test_a_cold_start_trains_on_the_answer_alone(ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.trainer import parts
    from curation.trainer.config import read
    from curation.trainer.data import sft_rows
    from curation.trainer.models import load
    from curation.trainer.record import Record

    given = {"out": tmp_path / "out", "model": ground / "tiny", "sft": ground / "sft", "grpo": ground / "grpo"}
    (tmp_path / "run.toml").write_text(BASE.format(**PLAIN | given))
    training = read(tmp_path / "run.toml")
    model, processor = load(training.model)
    monkeypatch.setattr(parts, "trained", lambda trainer, *rest: trainer)
    trainer = parts.cold_start(training, model, processor, sft_rows(training.data.sft, "train"),
                               Record(tmp_path, {}), "sft")  # fmt: skip
    batch = next(iter(trainer.get_train_dataloader()))
    learnt = [processor.decode(ids[labels != -100])
              for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True)]  # fmt: skip
    assert all("<think>" in text and "How many" not in text for text in learnt)
