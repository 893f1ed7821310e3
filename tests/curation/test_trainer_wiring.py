"""The way from a table of the file to what TRL does with it (`-m train`): every test here fails when a setting, a part
of the method or the link to the part before it is left out on that way.

Found by switching each off by hand (2026-11-26); the methods themselves are in `test_trainer_variations`.
"""

from pathlib import Path
from typing import Any

import pytest

from curation.errors import ConfigError, RunStopped
from curation.trainer.config import Critical, Model, Replay, Rethink
from tests.curation.test_trainer import BASE, PLAIN, ground, trained
from tests.curation.test_trainer_variations import a_batch, attached, right_row, scripted

__all__ = ["ground"]  # a fixture
pytestmark = pytest.mark.train


def spied(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """What every part of a run begins with and leaves: {part: before, after (weights), rows}; all of it really runs."""
    from curation.trainer import parts

    seen: dict[str, dict[str, Any]] = {}
    train = parts.trained

    def watched(trainer: Any, training: Any, out: Any, record: Any, part: str) -> Any:
        before = copied(trainer.model)
        model = train(trainer, training, out, record, part)
        seen[part] = {"before": before, "after": copied(model), "rows": trainer.train_dataset}
        return model

    monkeypatch.setattr(parts, "trained", watched)
    return seen


def copied(model: Any) -> dict[str, Any]:
    return {name: weights.detach().clone() for name, weights in model.state_dict().items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def turn(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


RIGHT, WRONG = turn("<think>a</think><answer>4</answer>"), turn("<think>a</think><answer>5</answer>")


def test_a_stage_begins_with_what_the_one_before_it_left_and_thresholds_go_by_all_stages(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = spied(monkeypatch)
    second = "[[grpo.stages]]\ntokens = 12\ncompletions = 8\nsteps = 2\n"
    _, steps = trained(ground, tmp_path / "out", more=f"{second}[progressive]\nat = [[0.0, 0.1], [0.5, 0.9]]\n",
                       rate="5e-3")  # fmt: skip
    assert list(seen) == ["sft", "grpo-1", "grpo-2"]
    assert same(seen["sft"]["after"], seen["grpo-1"]["before"])
    assert not same(seen["grpo-1"]["before"], seen["grpo-1"]["after"])
    assert same(seen["grpo-1"]["after"], seen["grpo-2"]["before"])
    least = [(step["part"], round(step["reward_threshold"], 6)) for step in steps if "reward_threshold" in step]
    assert least == [("grpo-1", 0.1)] * 2 + [("grpo-2", 0.9)] * 2


def test_rewards_are_summed_by_the_weights_of_the_file(ground: Path, tmp_path: Path) -> None:
    more = '[rewards]\nnames = ["format"]\nweights = [0.25]\n[overlong]\ntokens = 21\nbuffer = 20\nweight = 0.5\n'
    _, steps = trained(ground, tmp_path / "out", more=more)
    told = [step for step in steps if "reward" in step]
    for step in told:
        form, long = step["rewards/format/mean"], step["rewards/soft_overlong/mean"]
        assert form > 0 > long
        assert step["reward"] == pytest.approx(0.25 * form + 0.5 * long, abs=1e-5)
    assert told


def test_the_accuracy_that_sampling_looks_at_is_accuracy_alone(ground: Path, tmp_path: Path) -> None:
    trainer = attached(ground, tmp_path, resample=1)
    texts = [RIGHT, turn("4"), WRONG, turn("<think>a</think><answer>")]
    trainer._calculate_rewards([right_row()] * 4, [right_row()["prompt"]] * 4, texts, [[5]] * 4)
    assert trainer._accuracy.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_every_round_of_sampling_asks_further_prompts_round_and_round(ground: Path, tmp_path: Path) -> None:
    trainer = attached(ground, tmp_path, resample=3)
    trainer.train_dataset = ["a", "b", "c", "d", "e"]
    assert [trainer._more(2) for _ in range(3)] == [["e", "d"], ["c", "b"], ["a", "e"]]


def test_a_replayed_row_keeps_the_log_probabilities_it_was_drawn_with(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An episode is counted in queries, two a step here; so the buffer is still there for the second step."""
    import torch

    from curation.trainer.replay import Buffer

    trainer = attached(ground, tmp_path, replay=Buffer(Replay(episode=4)))
    first, second = a_batch([1.0, -3.0, 0, 0, 0, 0, 0, 0]), a_batch([0.0] * 8, first=20)
    for batch, start in ((first, 0.0), (second, -100.0)):
        batch["old_per_token_logps"] = start - torch.arange(8.0)[:, None].repeat(1, 2)
    scripted(monkeypatch, [([0.0] * 8, first), ([0.0] * 8, second)])
    trainer.model.train()
    trainer._generate_and_score_completions([right_row()] * 8)
    assert len(trainer.replay.rows) == 2
    batch = trainer._generate_and_score_completions([right_row()] * 8)
    old = {(ids[0].item(), logp[0].item(), a.item()) for ids, logp, a in zip(
        batch["completion_ids"], batch["old_per_token_logps"], batch["advantages"], strict=True)}  # fmt: skip
    assert old == {(5, 0.0, 1.0), (6, -1.0, -3.0)}
    assert trainer.replay.rows == []


def test_the_draws_of_a_buffer_are_those_of_the_seed(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from curation.trainer import parts
    from curation.trainer.config import read
    from curation.trainer.data import grpo_rows
    from curation.trainer.models import load
    from curation.trainer.record import Record
    from curation.trainer.rewards import of_training
    from curation.trainer.rows import to_rows

    given = {"out": tmp_path / "out", "model": ground / "tiny", "sft": ground / "sft", "grpo": ground / "grpo"}
    more = {"more": "[replay]\nsize = 9\n", "grpo_more": "steps_per_generation = 2"}
    (tmp_path / "run.toml").write_text(BASE.format(**PLAIN | given | more))
    monkeypatch.setattr(parts, "trained", lambda trainer, *rest: trainer)
    draws = []
    for seed in (1, 1, 2):
        run = replace(read(tmp_path / "run.toml"), seed=seed)
        assert run.grpo is not None
        model, processor = load(run.model)
        stage, rows = run.grpo.stages[0], grpo_rows(run.data.grpo, "train")
        trainer: Any = parts.stage_of(run, run.grpo, stage, "grpo-1", model, processor, rows, Record(tmp_path, {}),
                                      of_training(run), print)  # fmt: skip
        trainer.replay.fill(to_rows(a_batch([1.0, -1.0, 2.0, -2.0])), 1)
        draws.append([int(row["completion_ids"][0]) for row in trainer.replay.draw(40)])
    assert draws[0] == draws[1] != draws[2]


def test_a_full_buffer_keeps_the_newest_rows() -> None:
    from curation.trainer.replay import Buffer
    from curation.trainer.rows import advantage, to_rows

    buffer = Buffer(Replay(size=2))
    buffer.fill(to_rows(a_batch([1.0, -1.0, 2.0])), 1)
    assert [advantage(row) for row in buffer.rows] == [-1.0, 2.0]


def rethought(trainer: Any, monkeypatch: pytest.MonkeyPatch, first: list[str], more: list[str]) -> list[str]:
    """TRL generates these first responses, then these continuations; what comes of them, as texts."""
    from trl import GRPOTrainer

    texts = iter([first, more])

    def generated(self: Any, prompts: Any, *rest: Any, **_: Any) -> Any:
        return [self._tokenizer(text, add_special_tokens=False)["input_ids"] for text in next(texts)], None

    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", generated)
    trainer._asked = [right_row()] * len(first)
    trainer.model.train()
    ids, _ = trainer._generate_single_turn([[4, 4]] * len(first), None, {}, 4)
    return [trainer._tokenizer.decode(each) for each in ids]


END = "<|im_end|>"
SECOND = f"2</think><answer>4</answer>{END}"


def test_the_share_of_responses_that_look_again_is_that_of_the_file(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = attached(ground, tmp_path, rethink=Rethink(trigger="<think>", share=0.25, most=4))
    trainer.max_completion_length = 40
    said = rethought(trainer, monkeypatch, [f"<answer>5</answer>{END}"] * 8, [SECOND] * 8)
    assert said.count(f"<answer>5</answer><think>{SECOND}") == 2
    assert said.count(f"<answer>5</answer>{END}") == 6


def test_only_responses_that_ended_with_room_left_look_again_and_a_continuation_must_answer_itself(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A right first answer with a trigger and nothing, or only half an answer, after it would be kept otherwise."""
    trainer = attached(ground, tmp_path, rethink=Rethink(trigger="<think>", share=1.0, most=4))
    trainer.max_completion_length = 12
    right = f"<answer>4</answer>{END}"
    cut = "<answer>4</answer>"
    full = f"<answer>4</answer>{'1' * 8}{END}"
    long = f"{'1' * 9}<answer>4</answer>{END}"
    first = [right, right, right, right, cut, full, f"1{right}", f"1{right}"]
    more = [SECOND, END, "", long, SECOND, SECOND, SECOND, SECOND]
    said = rethought(trainer, monkeypatch, first, more)
    second = "<answer>4</answer><think>2</think><answer>4</answer>"
    assert said == [f"{second}{END}", *first[1:6], f"1{second}{END}", f"1{second}{END}"]
    assert trainer._metrics["train"]["rethink/tried"] == [6 / 8]


def test_kept_rethinking_is_marked_and_it_alone_is_imitated(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRL scores a real batch: of each group the third and fourth answer rightly, the fourth by rethinking."""
    from trl import GRPOTrainer

    trainer = attached(ground, tmp_path, rethink=Rethink(trigger="<think>", share=1.0, most=1, imitation=0.5))
    trainer.max_completion_length, trainer.current_gradient_accumulation_steps = 40, 1
    rows = [trainer.train_dataset[at] for at in (0, 1) for _ in range(4)]
    ids = trainer._ids
    calls: list[int] = []

    def generated(self: Any, prompts: Any, *rest: Any, **_: Any) -> Any:
        calls.append(len(prompts))
        end = self._tokenizer.eos_token_id
        if len(calls) == 1:
            answers = [row["solution"] if at % 4 == 2 else "x" for at, row in enumerate(rows)]
        else:
            answers = [row["solution"] if at % 4 == 3 else "x" for at, row in enumerate(rows)]
        return [[*ids(f"1</think><answer>{answer}</answer>"), end] for answer in answers], None

    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", generated)
    trainer.model.train()
    batch = trainer._generate_and_score_completions(rows)
    assert calls == [8, 8]
    assert batch["imitate"].tolist() == [0, 0, 0, 1, 0, 0, 0, 1]
    assert (batch["advantages"] > 0).tolist() == [False, False, True, True] * 2
    kept = trainer._likelihood(trainer.model, batch, batch["imitate"] > 0).item()
    plain = {name: value for name, value in batch.items() if name != "imitate"}
    without = trainer._compute_loss(trainer.model, plain).item()
    assert trainer._compute_loss(trainer.model, batch).item() - without == pytest.approx(0.5 * kept, rel=1e-3)


def test_the_logged_entropy_is_that_of_critical_tokens_alone(ground: Path, tmp_path: Path) -> None:
    import torch

    trainer = attached(ground, tmp_path, critical=Critical(words=("1",)))
    trainer.model.train()
    ids = torch.tensor([trainer._ids("3 4 1 2 1"), trainer._ids("1 3 1 2 4")])
    _, entropies, _ = trainer._get_per_token_logps_and_entropies(
        trainer.model, ids, torch.ones_like(ids), 7, compute_entropy=True
    )
    wanted = (entropies[0, 2] + entropies[0, 6] + entropies[1, 2]) / 3
    assert trainer._metrics["train"]["entropy/critical"] == [pytest.approx(wanted.item(), rel=1e-5)]
    assert wanted.item() != pytest.approx(entropies.mean().item(), rel=1e-5)


def test_only_the_named_parts_learn_when_some_are_named(ground: Path) -> None:
    from curation.trainer.models import load

    model, _ = load(Model(path=str(ground / "tiny"), train=("connector",)))
    learning = {name for name, weights in model.named_parameters() if weights.requires_grad}
    assert learning
    assert all("connector" in name for name in learning)
    with pytest.raises(ConfigError, match=r"model\.train"):
        load(Model(path=str(ground / "tiny"), train=("conector",)))


def test_adapters_have_the_rank_scale_and_places_of_the_file() -> None:
    from curation.trainer.models import lora

    found = lora(Model(path="m", lora_rank=4, lora_alpha=12, lora_targets=("k_proj",)))
    assert (found.r, found.lora_alpha, set(found.target_modules)) == (4, 12, {"k_proj"})
    assert lora(Model(path="m")) is None


def test_each_row_is_rewarded_by_its_own_kind(ground: Path, tmp_path: Path) -> None:
    """One batch of the same two references and answers: right, wrong and nobody's to tell, by the kind alone."""
    import torch

    trainer = attached(ground, tmp_path)
    box, near = "[0, 0, 1, 1]", turn("<think>a</think><answer>[0, 0, 1, 0.9]</answer>")
    kinds = [("box", box, near), ("text", box, near), ("digit", "4", WRONG), ("open", "4", WRONG)]
    rows = [{**right_row(), "kind": kind, "solution": solution} for kind, solution, _ in kinds]
    found = trainer._calculate_rewards(rows, [row["prompt"] for row in rows], [text for *_, text in kinds], [[5]] * 4)
    assert found[:3, 0].tolist() == [1.0, 0.0, 0.0]
    assert torch.isnan(found[3, 0])
    assert found[:, 1].tolist() == [1.0] * 4


@pytest.mark.parametrize(("spoilt", "says"), [("loss", "the loss is nan"), ("gradient", "the gradient's norm is nan")])
def test_grpo_stops_before_a_loss_or_a_gradient_that_is_no_number_reaches_the_weights(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str, says: str
) -> None:
    """The root of zero is finite, and its slope is not."""
    from trl import GRPOTrainer

    trainer = attached(ground, tmp_path)

    def loss(self: Any, model: Any, inputs: Any) -> Any:
        nothing = 0.0 * next(weights for weights in model.parameters() if weights.requires_grad).sum()
        return nothing + float("nan") if spoilt == "loss" else nothing.sqrt()

    monkeypatch.setattr(GRPOTrainer, "_compute_loss", loss)
    before = copied(trainer.model)
    with pytest.raises(RunStopped, match=f"step 1: {says}"):
        trainer.train()
    assert same(before, copied(trainer.model))


def test_the_schedules_that_are_taken_need_nothing_besides() -> None:
    import torch
    from transformers import get_scheduler
    from transformers.trainer_utils import SchedulerType

    from curation.trainer.config_checks import POLYNOMIAL_END, SCHEDULES

    assert set(SCHEDULES) <= {each.value for each in SchedulerType}
    for name, rate in [*((name, 1e-6) for name in SCHEDULES), ("polynomial", 1.01 * POLYNOMIAL_END)]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
        schedule = get_scheduler(name, optimizer, num_warmup_steps=2, num_training_steps=8)
        for _ in range(8):
            optimizer.step()
            schedule.step()


@pytest.mark.parametrize("target", ["nothing", "roj", "self_attn", "input_layernorm", ""])
def test_adapters_for_what_is_no_layer_are_refused_before_anything_is_trained(
    ground: Path, tmp_path: Path, target: str
) -> None:
    targets = f'lora_rank = 4\nlora_targets = ["q_proj", "{target}"]\n'
    with pytest.raises(ConfigError, match=rf"model\.lora_targets = '{target}': names no layer.*there are .*q_proj"):
        trained(ground, tmp_path / "out", model_more=targets)
    assert not (tmp_path / "out" / "run.json").exists()
