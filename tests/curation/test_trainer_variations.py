"""Each variation of the trainer by what it changes (`-m train`): every test here fails when its variation is off.

TRL's own steps are scripted where that makes the effect exact; whole runs are in `test_trainer`.
"""

from pathlib import Path
from typing import Any

import pytest

from curation.trainer.config import Critical, Grpo, Overlong, Progressive, Replay, Resample, Rethink, Stage
from tests.curation.test_trainer import ground, trained

__all__ = ["ground"]  # a fixture
pytestmark = pytest.mark.train


def right_row() -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": "How many circles?"}],
        "images": [],
        "solution": "4",
        "kind": "digit",
    }


def attached(
    ground: Path, tmp_path: Path, size: int = 4, settings: Any = None, functions: Any = None, **more: Any
) -> Any:
    """Our trainer on the tiny model, two questions a step, before any step."""
    from trl import GRPOConfig

    from curation.trainer import rewards
    from curation.trainer.config import Model
    from curation.trainer.data import grpo_rows
    from curation.trainer.grpo import Attached
    from curation.trainer.models import load

    model, processor = load(Model(path=str(ground / "tiny")))
    args = GRPOConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=2 * size, num_generations=size, max_completion_length=8,
        bf16=False, use_cpu=True, report_to="none", gradient_checkpointing=False, **(settings or {}),
    )  # fmt: skip
    return Attached(
        model=model, processing_class=processor, train_dataset=grpo_rows(str(ground / "grpo"), "train"),
        reward_funcs=functions or [rewards.named("accuracy"), rewards.named("format")], args=args, **more,
    )  # fmt: skip


def a_batch(advantages: list[float], first: int = 5) -> dict[str, Any]:
    """A batch as TRL scores it; the completion's first token tells its rows apart."""
    import torch

    size = len(advantages)
    ids = torch.arange(first, first + size)
    return {
        "prompt_ids": torch.full((size, 3), 4), "prompt_mask": torch.ones(size, 3, dtype=torch.long),
        "completion_ids": torch.stack([ids, ids], dim=1), "completion_mask": torch.ones(size, 2, dtype=torch.long),
        "advantages": torch.tensor(advantages), "num_items_in_batch": torch.tensor(2 * size),
    }  # fmt: skip


def scripted(monkeypatch: pytest.MonkeyPatch, batches: list[tuple[list[float], dict[str, Any]]]) -> list[int]:
    """TRL's generation and scoring give these accuracies and batches, in order; how often it was asked."""
    import torch
    from trl import GRPOTrainer

    asked: list[int] = []

    def scored(self: Any, inputs: Any) -> dict[str, Any]:
        accuracy, batch = batches[len(asked)]
        asked.append(len(inputs))
        self._accuracy = torch.tensor(accuracy)
        return dict(batch)

    monkeypatch.setattr(GRPOTrainer, "_generate_and_score_completions", scored)
    return asked


def test_resampling_looks_at_accuracy_and_not_at_the_shaped_reward(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group all wrong has advantages by its format; it is drawn anew all the same."""
    trainer = attached(ground, tmp_path, resample=2)
    shaped = a_batch([0.5, -0.5, 0.5, -0.5, 1.0, -1.0, 1.0, -1.0])
    fresh = a_batch([1.0, -1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0], first=20)
    asked = scripted(monkeypatch, [
        ([0, 0, 0, 0, 1, 0, 1, 0], shaped), ([1, 0, 1, 0, 1, 1, 1, 1], fresh),
    ])  # fmt: skip
    trainer.model.train()
    batch = trainer._generate_and_score_completions([right_row()] * 8)
    assert batch["completion_ids"][:, 0].tolist() == [9, 10, 11, 12, 20, 21, 22, 23]
    assert asked == [8, 8]


def test_resampling_ends_after_its_rounds_and_keeps_the_shape(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = attached(ground, tmp_path, resample=2)
    none = ([0.0] * 8, a_batch([0.0] * 8))
    asked = scripted(monkeypatch, [none] * 5)
    trainer.model.train()
    assert len(trainer._generate_and_score_completions([right_row()] * 8)["advantages"]) == 8
    assert len(asked) == 3


def test_accuracy_is_there_for_resampling_when_it_is_no_reward(tmp_path: Path) -> None:
    from curation.trainer.config import Data, Model, Rewards, Training
    from curation.trainer.rewards import of_training

    run = Training(out="out", model=Model(path="m"), data=Data(), rewards=Rewards(names=("hfrrf",), weights=(1.0,)),
                   resample=Resample(), overlong=Overlong(tokens=8, buffer=4, weight=0.5),
                   progressive=Progressive(at=((0.0, 0.5),)))  # fmt: skip
    functions, weights = of_training(run)
    assert [function.__name__ for function in functions] == ["hfrrf", "accuracy", "soft_overlong", "progressive_iou"]
    assert weights == [1.0, 0.0, 0.5, 1.0]


def test_replay_fills_the_places_of_rows_that_teach_nothing(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curation.trainer.replay import Buffer

    trainer = attached(ground, tmp_path, replay=Buffer(Replay()))
    scripted(monkeypatch, [([0.0] * 8, a_batch([1.0, -3.0, 0, 0, 0, 0, 0, 0]))])
    trainer.model.train()
    batch = trainer._generate_and_score_completions([right_row()] * 8)
    assert set(batch["advantages"].tolist()) == {1.0, -3.0}
    assert len(batch["advantages"]) == 8


def test_a_buffer_lives_for_an_episode_and_an_empty_one_leaves_rows_as_they_were() -> None:
    from curation.trainer.replay import Buffer
    from curation.trainer.rows import to_rows

    buffer = Buffer(Replay(size=3, episode=4))
    idle = to_rows(a_batch([0.0] * 4))
    assert buffer.fill(idle, 1)[1] == 0
    rows, drawn = buffer.fill(to_rows(a_batch([1.0, -1.0, 2.0, 0.0])), 1)
    assert (len(rows), drawn, len(buffer.rows)) == (4, 1, 3)
    rows, drawn = buffer.fill(idle, 1)
    assert (len(rows), drawn, len(buffer.rows)) == (4, 4, 3)
    assert buffer.fill(idle, 1)[1] == 4
    assert buffer.rows == []


def test_a_large_alpha_replays_the_largest_advantage_alone_and_zero_all_of_them() -> None:
    from curation.trainer.replay import Buffer
    from curation.trainer.rows import advantage, to_rows

    for alpha, found in ((200.0, {-3.0}), (0.0, {1.0, -3.0, 0.5})):
        buffer = Buffer(Replay(alpha=alpha))
        buffer.fill(to_rows(a_batch([1.0, -3.0, 0.5])), 1)
        assert {advantage(row) for row in buffer.draw(60)} == found


def test_rethinking_replaces_with_right_continuations_only_at_most_two_a_query(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl import GRPOTrainer

    trainer = attached(ground, tmp_path, rethink=Rethink(trigger="<think>", share=1.0, most=2))
    trainer.max_completion_length = 40
    token = trainer._ids
    first, answers = token("<think>1</think><answer>5</answer>"), iter([4, 4, 4, 5, 5, 5, 5, 4])
    wrong = [*first, trainer._tokenizer.eos_token_id]
    calls: list[list[list[int]]] = []

    def generated(self: Any, prompts: Any, images: Any, fields: Any, count: int, **_: Any) -> Any:
        calls.append(prompts)
        if len(calls) == 1:
            return [list(wrong) for _ in prompts], None
        return [token(f"2</think><answer>{next(answers)}</answer>") for _ in prompts], None

    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", generated)
    trainer._asked = [right_row()] * 8
    trainer.model.train()
    ids, _ = trainer._generate_single_turn([[4, 4]] * 8, None, {}, 4)
    said = [trainer._say(each) for each in ids]
    again = "<think>1</think><answer>5</answer><think>2</think><answer>4</answer>"
    assert [text == again for text in said] == [True, True, False, False, False, False, False, True]
    assert calls[1][0] == [4, 4, *first, *token("<think>")]
    assert sorted(trainer._splices) == [0, 1, 7]


def test_imitation_adds_the_likelihood_of_kept_rethinking_with_advantage(ground: Path, tmp_path: Path) -> None:
    import torch

    losses = {}
    for weight in (0.0, 0.05):
        trainer = attached(ground, tmp_path, rethink=Rethink(imitation=weight))
        trainer.model.eval()
        batch = a_batch([1.0, -1.0])
        logps, _, _ = trainer._get_per_token_logps_and_entropies(
            trainer.model, torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
            torch.ones(2, 5, dtype=torch.long), 2,
        )  # fmt: skip
        trainer.current_gradient_accumulation_steps = 1
        losses[weight] = trainer._compute_loss(trainer.model, {**batch, "imitate": torch.tensor([1.0, 1.0])}).item()
    assert losses[0.05] - losses[0.0] == pytest.approx(-0.05 * logps[0].mean().item(), rel=1e-3)


def test_clip_higher_lets_a_likelier_token_learn_further(ground: Path, tmp_path: Path) -> None:
    """A ratio of 1.25 with advantage: no gradient at 0.2, some at 0.28."""
    import math

    import torch

    from curation.trainer.config import Data, Model, Training
    from curation.trainer.parts import grpo_settings

    for high, learns in ((0.2, False), (0.28, True)):
        run = Training(out="out", model=Model(path="m"), data=Data(), device="cpu",
                       grpo=Grpo(stages=(Stage(tokens=8, completions=4, steps=1),), epsilon_high=high))  # fmt: skip
        assert run.grpo is not None
        told = grpo_settings(run, run.grpo, run.grpo.stages[0], tmp_path, [1.0, 1.0])
        trainer = attached(ground, tmp_path, settings={n: told[n] for n in ("epsilon", "epsilon_high", "loss_type")})
        trainer.current_gradient_accumulation_steps = 1
        logps = torch.full((2, 2), -1.0, requires_grad=True)
        trainer._get_per_token_logps_and_entropies = lambda *a, logps=logps, **k: (logps, torch.zeros(2, 2), None)
        batch = {**a_batch([1.0, 1.0]), "old_per_token_logps": torch.full((2, 2), -1.0 - math.log(1.25))}
        trainer._compute_loss(trainer.model, batch).backward()
        assert logps.grad is not None
        assert bool(logps.grad.abs().sum() > 0) is learns


def test_critical_words_are_found_by_their_first_token_and_their_entropy_is_that_of_the_draw(ground: Path) -> None:
    import torch
    from transformers import AutoProcessor

    from curation.trainer.critical import Entropies, first_ids

    tokenizer = AutoProcessor.from_pretrained(ground / "tiny").tokenizer
    wanted = first_ids(tokenizer, ["1", "nowhere"])
    assert [tokenizer.decode([i]) for i in wanted.tolist()] == ["1"]
    watch = Entropies()
    watch(torch.zeros(1, 1), torch.zeros(1, 4))
    watch(torch.zeros(1, 1), torch.tensor([[0.0, -float("inf"), -float("inf"), -float("inf")]]))
    one = wanted[0].item()
    assert watch.at(torch.tensor([[one, one]]), wanted) == pytest.approx([1.386294, 0.0], abs=1e-5)
    assert watch.at(torch.tensor([[one, one + 1]]), wanted) == pytest.approx([1.386294], abs=1e-5)


@pytest.mark.parametrize("choose", ["max", "min"])
def test_the_model_with_the_wanted_critical_entropy_is_kept(ground: Path, tmp_path: Path, choose: str) -> None:
    from curation.trainer.config import Evaluation, Model
    from curation.trainer.data import grpo_rows
    from curation.trainer.evaluate import evaluate
    from curation.trainer.models import load

    more = f'every = 1\n[critical]\nwords = ["1", "2", "3"]\nchoose = "{choose}"\nleast = 1\nmargin = 1.0\n'
    record, _ = trained(ground, tmp_path / "out", more=more, rate="5e-3", steps=4)
    seen = [entry for entry in record.scores if entry["at"] == "grpo-1"]
    assert [entry["step"] for entry in seen] == [1, 2, 3, 4]
    best = {"max": max, "min": min}[choose](seen, key=lambda entry: entry["sampled"]["entropy"])
    assert record.chosen["model"]["step"] == best["step"]
    assert not (tmp_path / "out" / "candidates").exists()
    model, processor = load(Model(path=str(tmp_path / "out" / "model")))
    rows = grpo_rows(str(ground / "grpo"), "train").select(range(16))
    again = evaluate(model, processor, rows, Evaluation(tokens=24), sampled=True, seed=0, words=("1", "2", "3"))
    assert again.entropy == pytest.approx(best["sampled"]["entropy"], rel=1e-5)
    others = [entry["sampled"]["entropy"] for entry in seen if entry["step"] != best["step"]]
    assert again.entropy not in [pytest.approx(other, rel=1e-5) for other in others]


def test_a_choice_is_never_by_entropy_alone(tmp_path: Path) -> None:
    from curation.trainer.choice import Choice
    from curation.trainer.record import Record

    record = Record(tmp_path, {})
    for step, accuracy, entropy, critical in (
        (1, 0.50, 0.9, 20),
        (2, 0.80, 0.5, 20),
        (3, 0.79, 0.6, 20),
        (4, 0.8, 2, 3),
    ):
        sampled = {"accuracy": accuracy, "entropy": entropy, "critical": critical}
        record.scores.append({"at": "grpo-1", "step": step, "sampled": sampled})
    choice = Choice(Critical(choose="max", least=8, margin=0.02), record)
    assert [each.step for each in choice.eligible()] == [2, 3]


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(folder / "model.safetensors"))


@pytest.mark.parametrize("lora", ["", 'lora_rank = 4\nlora_targets = ["q_proj"]\n'])
def test_frozen_parts_do_not_change_and_the_others_do_with_and_without_adapters(
    ground: Path, tmp_path: Path, lora: str
) -> None:
    trained(ground, tmp_path / "out", model_more=f'freeze = ["vision"]\n{lora}')
    before, after = weights(ground / "tiny"), weights(tmp_path / "out" / "model")
    assert before.keys() == after.keys()
    changed = {name for name in before if not before[name].equal(after[name])}
    assert changed
    assert not any("vision" in name for name in changed)
    assert all("q_proj" in name for name in changed) is bool(lora)


def test_grpo_with_a_frozen_connector_is_refused_unless_it_is_meant(ground: Path, tmp_path: Path) -> None:
    from curation.errors import ConfigError

    with pytest.raises(ConfigError, match="frozen_connector"):
        trained(ground, tmp_path / "out", model_more='freeze = ["connector"]\n')
    trained(ground, tmp_path / "out", model_more='freeze = ["connector"]\nfrozen_connector = true\n')
    before, after = weights(ground / "tiny"), weights(tmp_path / "out" / "model")
    assert all(before[name].equal(after[name]) for name in before if "connector" in name)


def test_a_stage_has_its_own_group_and_length_in_what_trl_is_told() -> None:
    from curation.trainer.config import Data, Model, Training
    from curation.trainer.parts import grpo_settings

    stages = (Stage(tokens=4096, completions=16, steps=100), Stage(tokens=8192, completions=8, steps=50))
    run = Training(out="o", model=Model(path="m"), data=Data(), grpo=Grpo(stages=stages, prompts=4))
    assert run.grpo is not None
    told = [grpo_settings(run, run.grpo, stage, Path("o"), [1.0]) for stage in stages]
    assert [(t["max_completion_length"], t["num_generations"], t["max_steps"], t["per_device_train_batch_size"])
            for t in told] == [(4096, 16, 100, 64), (8192, 8, 50, 32)]  # fmt: skip


@pytest.mark.parametrize(
    ("engine", "told"),
    [
        ("vllm-server", {"vllm_mode": "server", "vllm_server_base_url": "http://h:8000"}),
        (
            "vllm-colocate",
            {"vllm_mode": "colocate", "vllm_gpu_memory_utilization": 0.4, "vllm_tensor_parallel_size": 2},
        ),
    ],
)
def test_vllm_settings_reach_trls_configuration(tmp_path: Path, engine: str, told: dict[str, Any]) -> None:
    from trl import GRPOConfig

    from curation.trainer.config import Data, Generation, Model, Training
    from curation.trainer.parts import grpo_settings

    run = Training(out="o", model=Model(path="m"), data=Data(), device="cpu",
                   grpo=Grpo(stages=(Stage(tokens=64, completions=4, steps=2),)),
                   generation=Generation(engine=engine, server="http://h:8000", memory=0.4, parallel=2))  # fmt: skip
    assert run.grpo is not None
    args = GRPOConfig(**grpo_settings(run, run.grpo, run.grpo.stages[0], tmp_path, [1.0]))
    assert args.use_vllm
    assert {name: getattr(args, name) for name in told} == told
