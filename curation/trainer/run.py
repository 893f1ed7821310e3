"""A training run from its configuration: load, cold start, gate, GRPO stage after stage, evaluate, save, record.

Everything that happened goes to `out`: `run.json` (settings, scores before and after, versions), `curve.jsonl` (a line
a logged step), checkpoints, and the model as a folder that Auto classes load. A killed run goes on from its last
checkpoint when it is started again with the same configuration.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import ConfigError, RunStopped
from curation.trainer import models, rewards
from curation.trainer.config import Grpo, Stage, Training
from curation.trainer.data import grpo_rows, sft_rows
from curation.trainer.evaluate import Score, evaluate
from curation.trainer.grpo import Attached
from curation.trainer.replay import Buffer

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, ProcessorMixin

Say = Callable[[str], None]
TELL_SECONDS = 15.0


@dataclass
class Record:
    """What happened so far; written to `run.json` after every part."""

    out: Path
    settings: Mapping[str, Any]
    started: float = field(default_factory=time.time)
    scores: list[dict[str, Any]] = field(default_factory=list)
    finished: float | None = None
    stopped: str = ""

    def score(self, at: str, step: int, greedy: Score | None, sampled: Score | None) -> None:
        """Keep an evaluation, named by what was trained before it."""
        both = {name: asdict(s) for name, s in (("greedy", greedy), ("sampled", sampled)) if s is not None}
        self.scores.append({"at": at, "step": step, **both})
        self.write()

    def write(self) -> None:
        """`run.json`, whole or not at all."""
        values = {
            "settings": self.settings, "started": self.started, "finished": self.finished, "stopped": self.stopped,
            "scores": self.scores, "versions": {name: version(name) for name in ("trl", "transformers", "torch")},
        }  # fmt: skip
        part = self.out / "run.json.part"
        part.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        part.replace(self.out / "run.json")


def train(training: Training, say: Say = print) -> Record:
    """Run it; the record. Raises `ConfigError` before anything is trained, `RunStopped` when it must not go on."""
    for name in training.rewards.names if training.grpo else ():
        rewards.named(name)
    data, held_out = _data(training)
    out = Path(training.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("out", training.out, f"cannot be made ({error.strerror})") from None
    model, processor = models.load(training.model)
    record = Record(out, asdict(training))
    record.write()
    try:
        _parts(training, model, processor, data, held_out, record, say)
    except RunStopped as error:
        record.stopped = str(error)
        record.write()
        raise
    record.finished = time.time()
    record.write()
    return record


def _data(training: Training) -> "tuple[dict[str, Dataset], Dataset | None]":
    data = training.data
    found: dict[str, Dataset] = {}
    if training.sft is not None:
        found["sft"] = sft_rows(data.sft, data.sft_split)
    if training.grpo is not None:
        found["grpo"] = grpo_rows(data.grpo, data.grpo_split)
    held_out = grpo_rows(data.held_out, data.held_out_split, "data.held_out") if data.held_out else None
    if held_out is not None and data.held_out_rows:
        held_out = held_out.select(range(min(data.held_out_rows, len(held_out))))
    return found, held_out


def _parts(
    training: Training, model: "PreTrainedModel", processor: "ProcessorMixin", data: "dict[str, Dataset]",
    held_out: "Dataset | None", record: Record, say: Say,
) -> None:  # fmt: skip
    if training.sft is not None:
        _cold_start(training, model, processor, data["sft"], record, say)
        _evaluated(training, model, processor, held_out, record, "sft", training.sft.steps, say)
        _save(model, processor, record.out / "sft")
    elif held_out is not None:
        _evaluated(training, model, processor, held_out, record, "start", 0, say)
    if training.grpo is None:
        return
    _gate(training.grpo, record, say)
    for number, stage in enumerate(training.grpo.stages, 1):
        model = _stage(training, training.grpo, stage, number, model, processor, data["grpo"], record, say)
        _evaluated(training, model, processor, held_out, record, f"grpo-{number}", stage.steps, say)
    _save(model, processor, record.out / "model")


def _gate(grpo: Grpo, record: Record, say: Say) -> None:
    """Stop before GRPO when too few sampled completions have the form: no reward would ever be seen."""
    sampled = record.scores[-1].get("sampled") if record.scores else None
    if sampled is None:
        say("no held-out rows: whether the model's form is good enough for GRPO was not looked at")
    elif sampled["format"] < grpo.least_format:
        raise RunStopped(
            f"only {sampled['format']:.2f} of sampled completions have one think and one answer block, below "
            f"grpo.least_format = {grpo.least_format}: train the cold start longer, or lower the limit"
        )


def _evaluated(
    training: Training,
    model: Any,
    processor: Any,
    held_out: "Dataset | None",
    record: Record,
    at: str,
    step: int,
    say: Say,
) -> None:
    if held_out is None:
        return
    greedy = evaluate(model, processor, held_out, training.evaluation, sampled=False, seed=training.seed)
    sampled = evaluate(model, processor, held_out, training.evaluation, sampled=True, seed=training.seed)
    record.score(at, step, greedy, sampled)
    say(f"{at}: held-out accuracy {greedy.accuracy:.3f} greedy, {sampled.accuracy:.3f} sampled; "
        f"format {sampled.format:.3f} sampled; {greedy.rows} rows")  # fmt: skip


def _common(
    training: Training, out: Path, steps: int, learning_rate: float, schedule: str, warmup: int
) -> dict[str, Any]:
    """What TRL's two configurations share; bf16 and activation checkpointing are off on a CPU, where they cost time."""
    import torch

    cpu = training.device == "cpu" or not torch.cuda.is_available()
    save = training.save_every
    return {
        "output_dir": str(out), "max_steps": steps, "learning_rate": learning_rate, "lr_scheduler_type": schedule,
        "warmup_steps": warmup, "seed": training.seed, "bf16": not cpu, "use_cpu": cpu,
        "gradient_checkpointing": not cpu,
        "report_to": "none", "disable_tqdm": True, "dataloader_pin_memory": not cpu,
        "logging_steps": max(1, steps // 50),
        "save_strategy": "steps" if save else "no", "save_steps": save or 500, "save_total_limit": 2,
    }  # fmt: skip


def _cold_start(training: Training, model: Any, processor: Any, rows: "Dataset", record: Record, say: Say) -> None:
    from trl import SFTConfig, SFTTrainer

    sft = training.sft
    assert sft is not None, "called with an [sft] table only"
    out = record.out / "checkpoints-sft"
    args = SFTConfig(
        **_common(training, out, sft.steps, sft.learning_rate, sft.schedule, sft.warmup),
        per_device_train_batch_size=sft.batch, max_length=None,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=model, processing_class=processor, train_dataset=rows, args=args, peft_config=models.lora(training.model),
        callbacks=[_curve(record, "sft", say)],
    )  # fmt: skip
    _trained(trainer, out)


def _stage(
    training: Training,
    grpo: Grpo,
    stage: Stage,
    number: int,
    model: Any,
    processor: Any,
    rows: "Dataset",
    record: Record,
    say: Say,
) -> Any:
    """One stage of GRPO; the group size is baked into TRL's sampler, so every stage has a trainer of its own."""
    from trl import GRPOConfig

    out = record.out / f"checkpoints-grpo-{number}"
    functions, weights = _rewards(training)
    engine = training.generation.engine
    args = GRPOConfig(
        **_common(training, out, stage.steps, grpo.learning_rate, grpo.schedule, grpo.warmup),
        per_device_train_batch_size=grpo.prompts * stage.completions, num_generations=stage.completions,
        max_completion_length=stage.tokens, temperature=grpo.temperature, beta=grpo.beta, epsilon=grpo.epsilon,
        epsilon_high=grpo.epsilon_high, loss_type=grpo.loss, scale_rewards=grpo.scale_rewards, reward_weights=weights,
        steps_per_generation=grpo.steps_per_generation, mask_truncated_completions=grpo.mask_truncated,
        use_vllm=engine != "transformers", vllm_mode="server" if engine == "vllm-server" else "colocate",
        vllm_server_base_url=training.generation.server or None,
    )  # fmt: skip
    trainer = Attached(
        model=model, processing_class=processor, train_dataset=rows, reward_funcs=functions, args=args,
        callbacks=[_curve(record, f"grpo-{number}", say)],
        peft_config=models.lora(training.model) if number == 1 else None,
        resample=training.resample.rounds if training.resample else 0,
        replay=Buffer(training.replay, training.seed) if training.replay else None,
        rethink=training.rethink, critical=training.critical,
    )  # fmt: skip
    _trained(trainer, out)
    return trainer.accelerator.unwrap_model(trainer.model)


def _rewards(training: Training) -> tuple[list[Any], list[float]]:
    functions: list[Any] = [rewards.named(name) for name in training.rewards.names]
    weights = list(training.rewards.weights)
    if training.overlong is not None:
        functions.append(rewards.overlong(training.overlong))
        weights.append(training.overlong.weight)
    if training.progressive is not None:
        functions.append(rewards.progressive(training.progressive))
        weights.append(1.0)
    return functions, weights


def _trained(trainer: Any, out: Path) -> None:
    """Train, from the last whole checkpoint where there is one. Raises `RunStopped` for a loss that is no number."""
    from transformers.trainer_callback import PrinterCallback
    from transformers.trainer_utils import get_last_checkpoint

    trainer.remove_callback(PrinterCallback)
    last = get_last_checkpoint(str(out)) if out.is_dir() else None
    result = trainer.train(resume_from_checkpoint=last)
    if not math.isfinite(result.training_loss):
        raise RunStopped(f"the loss became {result.training_loss}: lower the learning rate, or raise the batch")


def _curve(record: Record, part: str, say: Say) -> Any:
    """A callback that appends every logged step to `curve.jsonl`, tells how far it is, and stops at a loss that is no
    number.
    """
    from transformers import TrainerCallback

    began = time.monotonic()
    told, first = began, 0

    class Curve(TrainerCallback):  # type: ignore[misc]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            values = {name: value for name, value in (logs or {}).items() if isinstance(value, int | float)}
            with (record.out / "curve.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"part": part, "step": state.global_step, **values}) + "\n")
            if not math.isfinite(values.get("loss", 0.0)):
                raise RunStopped(
                    f"{part}, step {state.global_step}: the loss is {values['loss']}: lower the learning rate"
                )
            nonlocal told
            if time.monotonic() - told >= TELL_SECONDS and state.global_step < state.max_steps:
                told = time.monotonic()
                say(f"{part}: {_told(state, values, (told - began) / max(1, state.global_step - first))}")

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            nonlocal first
            first = state.global_step

    return Curve()


def _told(state: Any, values: Mapping[str, float], pace: float) -> str:
    """How far a training is, at `pace` seconds a step."""
    seen = [f"{name} {values[name]:.3f}" for name in ("loss", "reward") if name in values]
    left = pace * (state.max_steps - state.global_step)
    where = f"step {state.global_step} of {state.max_steps}"
    return " · ".join([where, f"{pace:.2f} s a step", f"{left:.0f} s left", *seen])


def _save(model: Any, processor: Any, folder: Path) -> None:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
