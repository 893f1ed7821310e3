"""Which training runs cannot be: figures out of range, and parts that do not go together. No torch."""

import math
from typing import TYPE_CHECKING, Any

from curation.errors import ConfigError
from curation.rewards import REWARDS, checked, declared
from curation.teachers.spec import assign, parse_teacher

if TYPE_CHECKING:
    from curation.trainer.config import Grpo, Training

RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "sft": {"steps": (1, 1e9), "batch": (1, 1e6), "learning_rate": (0, 10), "warmup": (0, 1e9)},
    "grpo": {
        "prompts": (1, 1e6), "learning_rate": (0, 10), "warmup": (0, 1e9), "temperature": (1e-3, 10), "beta": (0, 100),
        "epsilon": (0, 10), "steps_per_generation": (1, 1e4), "least_format": (0, 1),
    },
    "evaluation": {"every": (0, 1e9), "batch": (1, 1e6), "tokens": (1, 1e6), "temperature": (1e-3, 10)},
    "judge": {"concurrency": (0, 4096), "timeout": (1e-3, 86_400)},
    "resample": {"rounds": (1, 1000)},
    "replay": {"size": (1, 1e9), "alpha": (0, 1000), "episode": (1, 1e9)},
    "overlong": {"weight": (0, 1000)},
    "rethink": {"most": (1, 1e6), "imitation": (0, 100)},
    "critical": {"least": (1, 1e9), "margin": (0, 1)},
    "rounds": {"count": (1, 1000), "draws": (1, 1000), "temperature": (1e-3, 10), "longest": (0, 1e9)},
    "generation": {"memory": (0.01, 1), "parallel": (1, 1024)},
    "model": {"lora_rank": (0, 1e5), "lora_alpha": (1, 1e6)},
    "data": {"held_out_rows": (0, 1e9)},
}  # fmt: skip
"""Table, key: the least and the largest figure that is allowed."""
LOSSES = ("grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo")
"""Of TRL 1.16; luspo and vespo want other settings besides, which are not ours to give."""
SCHEDULES = (
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt",
)  # fmt: skip
"""Of transformers' `SchedulerType`; the others want settings besides."""
SCALES = ("group", "batch", "none")
"""Of TRL 1.16."""
POLYNOMIAL_END = 1e-7
"""The learning rate that transformers' polynomial schedule ends with; it must begin above it."""
JUDGES = {"judge": "a [judge] table", "scorer": "a reward model, which only `curation.trainer.rewards.named` takes"}


def check(training: "Training") -> None:
    """Refuse what cannot be trained. Raises `ConfigError` naming the key."""
    if not training.out.strip():
        raise ConfigError("out", training.out, 'name the folder that the run may fill, as in out = "runs/first"')
    if not training.model.path.strip():
        raise ConfigError("model.path", training.model.path, "name a folder, or a model of the Hub as OWNER/NAME")
    if training.sft is None and training.grpo is None:
        raise ConfigError("sft, grpo", None, "give one of the two tables, or both")
    for name, wanted in (("sft", training.sft), ("grpo", training.grpo), ("seed", training.rounds)):
        if wanted is not None and not getattr(training.data, name):
            table = "rounds" if name == "seed" else name
            raise ConfigError(f"data.{name}", "", f"names no folder, and there is a [{table}] table")
    for table, ranges in RANGES.items():
        _within(table, getattr(training, table), ranges)
    check_seed("seed", training.seed)
    _check_paths(training)
    for table, part in (("sft", training.sft), ("grpo", training.grpo)):
        if part is not None:
            _check_schedule(table, part.schedule, part.learning_rate)
    if training.model.lora_rank and not training.model.lora_targets:
        raise ConfigError("model.lora_targets", [], 'name the layers that adapters go to, as in ["q_proj", "v_proj"]')
    if training.save_every < 0:
        raise ConfigError("save_every", training.save_every, "at least 0, which saves between parts only")
    if training.grpo is not None:
        _check_grpo(training, training.grpo)
        _check_rewards(training)
    _one_of("device", training.device, ("auto", "cpu"))
    _one_of("generation.engine", training.generation.engine, ("transformers", "vllm-server", "vllm-colocate"))
    if training.generation.engine == "vllm-server" and not training.generation.server:
        raise ConfigError("generation.server", "", "name the server: http://host:8000")
    _check_after(training)


def check_seed(name: str, seed: int) -> None:
    """Raises `ConfigError` for one that numpy or torch would not take."""
    if not 0 <= seed < 2**32:
        raise ConfigError(name, seed, "from 0 to 2^32 - 1")


def _check_paths(training: "Training") -> None:
    folders = {f"data.{name}": getattr(training.data, name) for name in ("sft", "grpo", "held_out", "seed")}
    for name, path in {"out": training.out, "model.path": training.model.path, **folders}.items():
        if "\0" in path:
            raise ConfigError(name, path, "holds a NUL character, which no path can")


def _check_schedule(table: str, schedule: str, learning_rate: float) -> None:
    _one_of(f"{table}.schedule", schedule, SCHEDULES)
    if schedule == "polynomial" and learning_rate <= POLYNOMIAL_END:
        raise ConfigError(f"{table}.learning_rate", learning_rate, f"above {POLYNOMIAL_END:g}, where polynomial ends")


def _within(table: str, values: Any, ranges: dict[str, tuple[float, float]]) -> None:
    for name, (least, most) in ranges.items() if values is not None else ():
        value = getattr(values, name)
        if not least <= value <= most:  # a NaN is not
            raise ConfigError(f"{table}.{name}", value, f"from {least:g} to {most:g}")


def _check_after(training: "Training") -> None:
    """Choosing a checkpoint, and rounds, which need what comes before them."""
    critical, rounds = training.critical, training.rounds
    if critical is not None:
        _one_of("critical.choose", critical.choose, ("", "max", "min"))
        if critical.choose and (training.grpo is None or not training.data.held_out):
            raise ConfigError("critical.choose", critical.choose, "needs a [grpo] table and data.held_out")
    if rounds is not None:
        _one_of("rounds.select", rounds.select, ("shortest", "second_longest"))
        if training.sft is None or training.grpo is None:
            raise ConfigError("rounds", None, "a round is SFT and then GRPO: give both tables")


def _check_grpo(training: "Training", grpo: "Grpo") -> None:
    for at, stage in enumerate(grpo.stages):
        for name, least in (("tokens", 1), ("completions", 2), ("steps", 1)):
            if getattr(stage, name) < least:
                raise ConfigError(f"grpo.stages[{at}].{name}", getattr(stage, name), f"at least {least}")
    if not grpo.stages:
        raise ConfigError("grpo.stages", [], "give at least one [[grpo.stages]]")
    _one_of("grpo.loss", grpo.loss, LOSSES)
    _one_of("grpo.scale_rewards", grpo.scale_rewards, SCALES)
    if not grpo.epsilon_high >= grpo.epsilon:
        raise ConfigError("grpo.epsilon_high", grpo.epsilon_high, f"at least epsilon ({grpo.epsilon})")
    if training.replay is not None and grpo.steps_per_generation < 2:
        raise ConfigError(
            "grpo.steps_per_generation", grpo.steps_per_generation,
            "replayed rows need the log-probabilities they were drawn with, which TRL keeps from 2 on",
        )  # fmt: skip
    if training.rethink is not None and not 0 < training.rethink.share <= 1:
        raise ConfigError("rethink.share", training.rethink.share, "above 0, at most 1")
    if training.rethink is not None and training.generation.engine != "transformers":
        raise ConfigError("generation.engine", training.generation.engine, "[rethink] needs transformers")
    if training.overlong is not None and not 0 < training.overlong.buffer < training.overlong.tokens:
        raise ConfigError("overlong.buffer", training.overlong.buffer, "above 0, below overlong.tokens")
    longest = max(stage.tokens for stage in grpo.stages)
    if training.overlong is not None and longest <= training.overlong.tokens - training.overlong.buffer:
        raise ConfigError("overlong.tokens", training.overlong.tokens,
                          f"punishes nothing: no stage is longer than {longest} tokens")  # fmt: skip
    if training.progressive is not None:
        _check_progressive(training.progressive.at)


def _check_progressive(at: tuple[tuple[float, float], ...]) -> None:
    """Shares of all steps and the thresholds that hold from there on."""
    for place, (share, threshold) in enumerate(at):
        if not 0 <= share <= 1 or not 0 <= threshold <= 1:  # a NaN is not
            raise ConfigError(
                f"progressive.at[{place}]", [share, threshold], "a share and a threshold, each from 0 to 1"
            )
    shares = [share for share, _ in at]
    if not shares or shares[0] != 0 or shares != sorted(shares):
        raise ConfigError("progressive.at", [list(pair) for pair in at], "start at 0.0 and ascend")


def _check_rewards(training: "Training") -> None:
    """Rewards that there are, and a judge for those that ask one."""
    names, weights = training.rewards.names, training.rewards.weights
    if len(names) != len(weights) or not names:
        raise ConfigError("rewards.weights", list(weights), "one for each name, and at least one name")
    if not all(map(math.isfinite, weights)):
        raise ConfigError("rewards.weights", list(weights), "each a finite number")
    for name in names:
        if name not in REWARDS:
            raise ConfigError("rewards.names", name, f"no such reward; there are {', '.join(sorted(REWARDS))}")
        model = declared(name).model
        if model and (model != "judge" or training.judge is None):
            raise ConfigError("rewards.names", name, f"asks a {model}: it needs {JUDGES[model]}")
    if training.judge is not None:
        if not any(declared(name).model == "judge" for name in names):
            raise ConfigError("judge", training.judge.teacher, "no reward of rewards.names asks a judge")
        assign([parse_teacher(training.judge.teacher)], ["judge"])
        checked("wethink_hybrid", {"tiers": list(training.judge.tiers)})


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(name, value, f"one of {', '.join(repr(choice) for choice in known)}")
