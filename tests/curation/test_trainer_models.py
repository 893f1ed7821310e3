"""Models that GRPO cannot begin with (`-m train`): a frozen connector, weights that are no numbers."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from curation.errors import ConfigError, RunStopped
from curation.trainer.config import Evaluation, Model
from tests.curation.test_trainer import BASE, PLAIN, ground

__all__ = ["ground"]  # a fixture
pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def qwen() -> Any:
    """Qwen2.5-VL's parameters under its own names, none of them allocated."""
    import torch
    from transformers import AutoModelForImageTextToText, Qwen2_5_VLConfig

    text = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4,
            "num_key_value_heads": 2, "vocab_size": 64}  # fmt: skip
    seen = {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 32}
    with torch.device("meta"):
        return AutoModelForImageTextToText.from_config(Qwen2_5_VLConfig(text_config=text, vision_config=seen))


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"freeze": ("visual",)}, "'visual' of model.freeze also fits model.visual.merger.ln_q.weight: write"),
        ({"freeze": ("vision", "connector")}, 'take "connector" out of model.freeze'),
        ({"train": ("language",)}, 'add "connector" to model.train'),
    ],
)  # fmt: skip
def test_a_connector_that_is_frozen_is_told_with_what_lets_it_learn(
    qwen: Any, wanted: dict[str, Any], says: str
) -> None:
    from curation.trainer.models import choose, guard_connector

    choose(qwen, Model(path="q", **wanted))
    with pytest.raises(ConfigError, match=re.escape(says)):
        guard_connector(qwen, Model(path="q", **wanted))


def test_what_the_docs_freeze_is_vision_without_the_connector(qwen: Any) -> None:
    from curation.trainer.models import choose, group_of, guard_connector

    docs = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    [part] = re.findall(r'path = "Qwen/Qwen2\.5-VL.*freeze = \["(\w+)"\]', docs)
    choose(qwen, Model(path="q", freeze=(part,)))
    guard_connector(qwen, Model(path="q", freeze=(part,)))
    frozen = {group_of(name) for name, weights in qwen.named_parameters() if not weights.requires_grad}
    assert frozen == {"vision"}


@pytest.fixture
def spoilt(ground: Path, tmp_path: Path) -> Path:
    from safetensors.torch import load_file, save_file

    shutil.copytree(ground / "tiny", tmp_path / "nan")
    path = tmp_path / "nan" / "model.safetensors"
    weights = load_file(path)
    weights[next(name for name in weights if "text_model.layers.0" in name)].fill_(float("nan"))
    save_file(weights, path, metadata={"format": "pt"})
    return tmp_path / "nan"


def test_weights_that_are_no_numbers_are_refused_by_grpo_alone(ground: Path, tmp_path: Path, spoilt: Path) -> None:
    from curation.trainer.config import read
    from curation.trainer.run import train

    given = {"out": tmp_path / "out", "model": spoilt, "sft": ground / "sft", "grpo": ground / "grpo"}
    text = BASE.format(**PLAIN | given)
    (tmp_path / "run.toml").write_text(text[: text.index("[sft]")] + text[text.index("[grpo]") :])
    with pytest.raises(ConfigError, match=r"model\.path = .*its weights .*text_model\.layers\.0.* are no numbers"):
        train(read(tmp_path / "run.toml"), say=print)


def test_a_model_that_came_to_give_no_numbers_stops_in_one_line(ground: Path, spoilt: Path) -> None:
    from curation.trainer.data import grpo_rows
    from curation.trainer.evaluate import evaluate
    from curation.trainer.models import load

    model, processor = load(Model(path=str(spoilt)))
    rows = grpo_rows(str(ground / "grpo"), "train").select(range(2))
    with pytest.raises(RunStopped, match="the model's probabilities are no numbers"):
        evaluate(model, processor, rows, Evaluation(tokens=4), sampled=True, seed=0)


def test_drawing_in_grpo_stops_in_one_line_too(ground: Path, tmp_path: Path) -> None:
    import torch

    from tests.curation.test_trainer_variations import attached

    trainer = attached(ground, tmp_path)
    with torch.no_grad():
        next(w for name, w in trainer.model.named_parameters() if "text_model.layers.0" in name).fill_(float("nan"))
    with pytest.raises(RunStopped, match="the model's probabilities are no numbers"):
        trainer.train()
