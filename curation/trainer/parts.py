"""The two parts of a run on TRL's trainers: a cold start by SFT, and a stage of GRPO.

Both stop before an optimiser's step that a loss or a gradient would spoil, both go on from the last checkpoint that was
written whole, and both leave a plain model: LoRA adapters are merged at the end of each.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback
from trl import GRPOConfig, SFTConfig, SFTTrainer

from curation.trainer import models
from curation.trainer.config import Grpo, Stage, Training
from curation.trainer.data import taught
from curation.trainer.grpo import Attached
from curation.trainer.guard import Guarded
from curation.trainer.record import Record, last_checkpoint, mark_whole
from curation.trainer.replay import Buffer

if TYPE_CHECKING:
    from datasets import Dataset

TELL_SECONDS = 15.0
Look = Callable[[Any, int], None]
"""Called with the model and the step, between parts or every so many steps."""


class GuardedSft(Guarded, SFTTrainer):  # type: ignore[misc]
    """TRL's SFT, stopped by a loss that is no number."""


def common(training: Training, out: Path, steps: int, learning_rate: float, schedule: str, warmup: int,
           every: int = 1) -> dict[str, Any]:  # fmt: skip
    """What TRL's two configurations share; bf16 and activation checkpointing are off on a CPU, where they cost time.

    Checkpoints are at multiples of `every` steps, and logged means never reach over one: what follows a resumed run is
    what would have followed.
    """
    cpu = training.device == "cpu" or not torch.cuda.is_available()
    save = math.ceil(training.save_every / every) * every
    log = max(1, steps // 50)
    return {
        "output_dir": str(out), "max_steps": steps, "learning_rate": learning_rate, "lr_scheduler_type": schedule,
        "warmup_steps": warmup, "seed": training.seed, "bf16": not cpu, "use_cpu": cpu,
        "gradient_checkpointing": not cpu,
        "report_to": "none", "disable_tqdm": True, "dataloader_pin_memory": not cpu,
        "logging_steps": max(n for n in range(1, log + 1) if not save % n),
        "save_strategy": "steps" if save else "no", "save_steps": save or 500, "save_total_limit": 2,
    }  # fmt: skip


def cold_start(training: Training, model: Any, processor: Any, rows: "Dataset", record: Record, part: str) -> Any:
    """SFT; the model."""
    sft = training.sft
    assert sft is not None, "called with an [sft] table only"
    out = record.out / f"checkpoints-{part}"
    args = SFTConfig(
        **common(training, out, sft.steps, sft.learning_rate, sft.schedule, sft.warmup),
        per_device_train_batch_size=sft.batch, max_length=None,
    )  # fmt: skip
    trainer = GuardedSft(
        model=model, processing_class=processor, train_dataset=taught(rows), args=args,
        peft_config=models.lora(training.model), callbacks=[Curve(record, part)],
    )  # fmt: skip
    return trained(trainer, training, out, record, part)


def grpo_settings(training: Training, grpo: Grpo, stage: Stage, out: Path, weights: Sequence[float]) -> dict[str, Any]:
    """The arguments of TRL's `GRPOConfig` for a stage."""
    how = training.generation
    vllm: dict[str, Any] = {}
    if how.engine == "vllm-server":
        vllm = {"use_vllm": True, "vllm_mode": "server", "vllm_server_base_url": how.server}
    elif how.engine == "vllm-colocate":
        vllm = {"use_vllm": True, "vllm_mode": "colocate", "vllm_gpu_memory_utilization": how.memory,
                "vllm_tensor_parallel_size": how.parallel}  # fmt: skip
    return {
        **common(training, out, stage.steps, grpo.learning_rate, grpo.schedule, grpo.warmup, grpo.steps_per_generation),
        "per_device_train_batch_size": grpo.prompts * stage.completions, "num_generations": stage.completions,
        "max_completion_length": stage.tokens, "temperature": grpo.temperature, "beta": grpo.beta,
        "epsilon": grpo.epsilon, "epsilon_high": grpo.epsilon_high, "loss_type": grpo.loss,
        "scale_rewards": grpo.scale_rewards, "reward_weights": list(weights),
        "steps_per_generation": grpo.steps_per_generation, "mask_truncated_completions": grpo.mask_truncated, **vllm,
    }  # fmt: skip


def stage_of(
    training: Training, grpo: Grpo, stage: Stage, part: str, model: Any, processor: Any, rows: "Dataset",
    record: Record, scored: tuple[list[Any], list[float]], look: Look, before: int = 0,
) -> Any:  # fmt: skip
    """One stage of GRPO; the model. The group size is baked into TRL's sampler, so a stage has its own trainer;
    `before` are the steps of the stages before it.
    """
    out = record.out / f"checkpoints-{part}"
    functions, weights = scored
    trainer = Attached(
        model=model, processing_class=processor, train_dataset=rows, reward_funcs=functions,
        args=GRPOConfig(**grpo_settings(training, grpo, stage, out, weights)),
        callbacks=[Curve(record, part, look, training.evaluation.every)], peft_config=models.lora(training.model),
        resample=training.resample.rounds if training.resample else 0,
        replay=Buffer(training.replay, training.seed) if training.replay else None,
        rethink=training.rethink, critical=training.critical,
        span=(before, sum(each.steps for each in grpo.stages)), say=record.say,
    )  # fmt: skip
    return trained(trainer, training, out, record, part)


def trained(trainer: Any, training: Training, out: Path, record: Record, part: str) -> Any:
    """Train, from the last whole checkpoint where there is one; the plain model. Raises `RunStopped`."""
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Whole(trainer))
    models.hold(trainer.model, training.model)
    last = last_checkpoint(out, record.say)
    record.rewind(part, int(last.name[11:]) if last else 0)
    if last is not None and isinstance(trainer, Attached):
        trainer.take_up(last)
    elif last is not None:
        trainer._total_train_tokens = int(record.last(part, "num_tokens"))  # TRL's SFT keeps it in no checkpoint
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return models.merged(trainer.accelerator.unwrap_model(trainer.model))


class Curve(TrainerCallback):  # type: ignore[misc]
    """Appends every logged step to `curve.jsonl`, and looks at the model every `every` steps (0: never)."""

    def __init__(self, record: Record, part: str, look: Look | None = None, every: int = 0) -> None:
        self.record, self.part, self.look, self.every = record, part, look, every
        self.first, self.began, self.told = 0, 0.0, 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A run that goes on has some steps behind it."""
        self.first, self.began, self.told = state.global_step, time.monotonic(), time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """TRL's and our metrics of the steps since the last line."""
        self.record.log(self.part, state.global_step, logs or {})
        if time.monotonic() - self.told >= TELL_SECONDS and self.first < state.global_step < state.max_steps:
            self.told = time.monotonic()
            pace = (self.told - self.began) / (state.global_step - self.first)
            self.record.say(f"{self.part}: {progress(state.global_step, state.max_steps, pace, logs or {})}")

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """The last step is looked at when the part has ended."""
        if self.look and self.every and not state.global_step % self.every and state.global_step < state.max_steps:
            self.look(model, state.global_step)


def progress(step: int, steps: int, pace: float, logs: Mapping[str, float]) -> str:
    """How far a training is, at `pace` seconds a step."""
    seen = [f"{name} {logs[name]:.3f}" for name in ("loss", "reward") if name in logs]
    return " · ".join([f"step {step} of {steps}", f"{pace:.2f} s a step", f"{pace * (steps - step):.0f} s left", *seen])


class Whole(TrainerCallback):  # type: ignore[misc]
    """Marks a checkpoint once all of it is on disk, with the state of the attachments in it."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Called after TRL has written the checkpoint."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if isinstance(self.trainer, Attached):
            self.trainer.put_down(folder)
        mark_whole(folder)
