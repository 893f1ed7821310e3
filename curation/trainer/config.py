"""What a training run is, as frozen data read from a TOML file: `vistill train grpo.toml`.

Every key is a field below; a misspelt one, a wrong type or a figure out of range stops before anything is loaded. A
variation is off unless its table is there.
"""

import difflib
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from curation.errors import ConfigError
from curation.step import check_type

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A vision-language model by folder or hub name, loaded by Auto classes.

    `freeze` and `train` are parts of parameter names: with `freeze`, parameters that contain one do not learn; with
    `train`, only those that contain one do. A part that fits no parameter is refused. `lora_rank` 0 trains the weights.
    """

    path: str
    freeze: tuple[str, ...] = ()
    train: tuple[str, ...] = ()
    lora_rank: int = 0
    lora_alpha: int = 32
    lora_targets: tuple[str, ...] = ("q_proj", "v_proj")
    trust_remote_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Folders that `vistill export` wrote: `sft` for the cold start, `grpo` for GRPO, `held_out` for evaluation.

    `held_out_rows` rows of `held_out` are used, the first ones; 0 for all.
    """

    grpo: str = ""
    sft: str = ""
    held_out: str = ""
    sft_split: str = "train"
    grpo_split: str = "train"
    held_out_split: str = "train"
    held_out_rows: int = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Sft:
    """The cold start. `batch` is rows a step."""

    steps: int
    batch: int = 32
    learning_rate: float = 2e-5
    schedule: str = "cosine"
    warmup: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of GRPO: the longest completion in tokens, completions a prompt, and steps (PTST, arXiv 2503.06749)."""

    tokens: int
    completions: int
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grpo:
    """GRPO in one stage or several, each continuing from the model the one before it left.

    `prompts` are questions a step. `epsilon_high` above `epsilon` is DAPO's clip-higher (arXiv 2503.14476 §3.1). `beta`
    is the KL weight; above 0 the reference is the model as loaded.
    """

    stages: tuple[Stage, ...]
    prompts: int = 16
    learning_rate: float = 1e-6
    schedule: str = "cosine"
    warmup: int = 5
    temperature: float = 1.0
    beta: float = 0.0
    epsilon: float = 0.2
    epsilon_high: float = 0.2
    loss: str = "dapo"
    scale_rewards: str = "group"
    steps_per_generation: int = 1
    mask_truncated: bool = False
    least_format: float = 0.5
    """Sampled format below this stops before the first step: such a run learns nothing or collapses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewards:
    """Reward names of `curation.trainer.rewards` with their weights, in order."""

    names: tuple[str, ...] = ("accuracy", "format")
    weights: tuple[float, ...] = (1.0, 0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resample:
    """DAPO's dynamic sampling (arXiv 2503.14476 §3.2): groups all right or all wrong are drawn anew, `rounds` times."""

    rounds: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Selective sample replay of VL-Rethinker (arXiv 2504.08837, Alg. 1): `alpha` weighs |advantage|.

    `episode` is how many queries a buffer lives for, then it is cleared; `size` caps it, since rows carry pixels.
    """

    size: int = 512
    alpha: float = 1.0
    episode: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Rethink:
    """Forced rethinking of VL-Rethinker (arXiv 2504.08837 §3.3): `trigger` is appended to the share `share` of first
    responses, which go on from there; continuations are kept when their final answer is right, at most `most` a query.
    `imitation` weighs an added likelihood loss on those kept.
    """

    trigger: str = "\nWait, let me check that again."
    share: float = 0.25
    most: int = 2
    imitation: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlong:
    """DAPO's soft overlong punishment (arXiv 2503.14476 §3.4): 0 up to `tokens - buffer`, down to -1 at `tokens`."""

    tokens: int
    buffer: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressive:
    """Thresholds that tighten (Vision-R1 of Griffon, arXiv 2503.18013 §3.3): (training share, threshold), ascending."""

    at: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Critical:
    """Entropy where one of `words` begins, logged as `entropy/critical` (Skywork-R1V3, arXiv 2507.06167).

    With `choose`, the checkpoint is kept whose held-out critical entropy is `max` or `min`; "" only logs.
    """

    words: tuple[str, ...] = ("wait", "alternatively")
    choose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Greedy and sampled accuracy on held-out rows: every `every` steps (0: only before and after), `batch` at once."""

    every: int = 0
    batch: int = 64
    tokens: int = 256
    temperature: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """How completions are drawn: transformers in the process, or vLLM beside (`server`) or inside (`colocate`) it."""

    engine: str = "transformers"
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A whole run. `device` is `auto`, or `cpu`, where bf16 is off since it is three times slower there.

    `label` is kept with the record, for finding runs that belong together.
    """

    out: str
    model: Model
    data: Data
    sft: Sft | None = None
    grpo: Grpo | None = None
    rewards: Rewards = field(default_factory=Rewards)
    evaluation: Evaluation = field(default_factory=Evaluation)
    generation: Generation = field(default_factory=Generation)
    resample: Resample | None = None
    replay: Replay | None = None
    rethink: Rethink | None = None
    overlong: Overlong | None = None
    progressive: Progressive | None = None
    critical: Critical | None = None
    seed: int = 0
    label: str = ""
    device: str = "auto"
    save_every: int = 0


def read(path: Path) -> Training:
    """The run a TOML file describes; relative folders are relative to the file. Raises `ConfigError`."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("CONFIG", str(path), f"cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("CONFIG", str(path), f"is not TOML ({error})") from None
    training = build(Training, values)
    check(training)
    return training


def build(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """A dataclass from a TOML table, tables within it included. Raises `ConfigError` for a key it does not have."""
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"{where}{name}", values[name], f"no such key; there are {', '.join(known)}{hint}")
    missing = [f.name for f in known.values() if f.default is MISSING and f.default_factory is MISSING]
    if absent := [name for name in missing if name not in values]:
        raise ConfigError(f"{where}{absent[0]}", None, "is needed")
    return kind(**{name: _value(hints[name], value, f"{where}{name}") for name, value in values.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    choices = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    table = next((choice for choice in choices if is_dataclass(choice)), None)
    if table is not None:
        if not isinstance(value, Mapping):
            raise ConfigError(where, value, "must be a table")
        return build(typing.cast(type[Any], table), value, f"{where}.")
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and isinstance(value, list):
        of = inner[0]
        return tuple(_value(of, item, f"{where}[{at}]") for at, item in enumerate(value))
    check_type(where, value, hint)
    return value


def check(training: Training) -> None:
    """Refuse figures out of range, and parts that do not go together. Raises `ConfigError`."""
    if training.sft is None and training.grpo is None:
        raise ConfigError("sft, grpo", None, "give one of the two tables, or both")
    for name, wanted in (("sft", training.sft), ("grpo", training.grpo)):
        if wanted is not None and not getattr(training.data, name):
            raise ConfigError(f"data.{name}", "", f"names no folder, and there is a [{name}] table")
    if training.grpo is not None:
        _check_grpo(training, training.grpo)
    _one_of("device", training.device, ("auto", "cpu"))
    _one_of("generation.engine", training.generation.engine, ("transformers", "vllm-server", "vllm-colocate"))
    if training.generation.engine == "vllm-server" and not training.generation.server:
        raise ConfigError("generation.server", "", "name the server: http://host:8000")
    if training.critical is not None:
        _one_of("critical.choose", training.critical.choose, ("", "max", "min"))


def _check_grpo(training: Training, grpo: Grpo) -> None:
    for at, stage in enumerate(grpo.stages):
        for name, least in (("tokens", 1), ("completions", 2), ("steps", 1)):
            if getattr(stage, name) < least:
                raise ConfigError(f"grpo.stages[{at}].{name}", getattr(stage, name), f"at least {least}")
    if not grpo.stages:
        raise ConfigError("grpo.stages", [], "give at least one [[grpo.stages]]")
    if grpo.epsilon_high < grpo.epsilon:
        raise ConfigError("grpo.epsilon_high", grpo.epsilon_high, f"at least epsilon ({grpo.epsilon})")
    if len(training.rewards.names) != len(training.rewards.weights):
        raise ConfigError("rewards.weights", list(training.rewards.weights), "one for each name")
    if training.replay is not None and grpo.steps_per_generation < 2:
        raise ConfigError(
            "grpo.steps_per_generation", grpo.steps_per_generation,
            "replayed rows need the log-probabilities they were drawn with, which TRL keeps from 2 on",
        )  # fmt: skip
    if training.rethink is not None and not 0 < training.rethink.share <= 1:
        raise ConfigError("rethink.share", training.rethink.share, "above 0, at most 1")
    if training.overlong is not None and not 0 < training.overlong.buffer <= training.overlong.tokens:
        raise ConfigError("overlong.buffer", training.overlong.buffer, "above 0, at most overlong.tokens")
    if training.progressive is not None:
        shares = [share for share, _ in training.progressive.at]
        if not shares or shares[0] != 0 or shares != sorted(shares):
            raise ConfigError("progressive.at", list(training.progressive.at), "start at 0.0 and ascend")


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(name, value, f"one of {', '.join(repr(choice) for choice in known)}")


def with_seed(training: Training, seed: int) -> Training:
    """The same run with another seed, in a folder of its own."""
    return replace(training, seed=seed, out=str(Path(training.out) / f"seed-{seed}"))
