"""What a training run is, as frozen data read from a TOML file: `vistill train grpo.toml`.

Every key is a field below; a misspelt one, a wrong type or a figure out of range stops before anything is loaded. A
variation is off unless its table is there.
"""

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

from curation.errors import ConfigError
from curation.trainer.config_build import build
from curation.trainer.config_checks import check, check_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A vision-language model by folder or hub name, loaded by Auto classes.

    `freeze` and `train` are groups (`vision`, `connector`, `language`) or parts of parameter names: with `freeze`,
    parameters that fit one do not learn; with `train`, only those that fit one do. One that fits no parameter is
    refused, and so is GRPO with the connector frozen, which collapsed in Skywork-R1V3 (arXiv 2507.06167), unless
    `frozen_connector`. `lora_rank` 0 trains the weights; adapters are merged into the model at the end of each part.
    """

    path: str
    freeze: tuple[str, ...] = ()
    train: tuple[str, ...] = ()
    lora_rank: int = 0
    lora_alpha: int = 32
    lora_targets: tuple[str, ...] = ("q_proj", "v_proj")
    frozen_connector: bool = False
    trust_remote_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Folders that `vistill export` wrote: `sft` for the cold start, `grpo` for GRPO, `held_out` for evaluation, `seed`
    for the questions of [rounds].

    `held_out_rows` rows of `held_out` are used, the first ones; 0 for all.
    """

    grpo: str = ""
    sft: str = ""
    held_out: str = ""
    seed: str = ""
    sft_split: str = "train"
    grpo_split: str = "train"
    held_out_split: str = "train"
    seed_split: str = "train"
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
    is the KL weight; above 0 the reference is the model that the stage begins with.
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
    """Names of docs/rewards.md with their weights, in order; those that ask a judge need a [judge] table."""

    names: tuple[str, ...] = ("accuracy", "format")
    weights: tuple[float, ...] = (1.0, 0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Who judged rewards ask: `teacher` as `--teacher` takes it, `https://host/v1#MODEL`, keys in the environment.

    `concurrency` calls at once (0: as the teacher says), `timeout` seconds for a verdict; a late or failed one is no
    score. Verdicts are kept in the ledger of the store `cache`, or of `--store`, or of a store of its own in `out`.
    """

    teacher: str
    concurrency: int = 0
    timeout: float = 120.0
    tiers: tuple[float, ...] = (0.0, 0.5, 1.0)
    cache: str = ""


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
    responses that ended with room to go on; continuations are kept that end in a right answer, at most `most` a query.
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
    """Thresholds that tighten (Vision-R1 of Griffon, arXiv 2503.18013 §3.3): (share of all stages' steps, threshold),
    ascending.
    """

    at: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Critical:
    """Entropy where one of `words` begins, logged as `entropy/critical` (Skywork-R1V3, arXiv 2507.06167).

    With `choose`, `model/` is, of the models evaluated during GRPO, the one whose held-out critical entropy is `max`
    or `min`, among those with at least `least` critical tokens and a sampled accuracy within `margin` of the best;
    "" only logs. The paper gives no aggregation: the mean over tokens, in nats, is ours.
    """

    words: tuple[str, ...] = ("wait", "alternatively")
    choose: str = ""
    least: int = 8
    margin: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """OpenVLThinker's rounds (arXiv 2503.17352): SFT, GRPO, then the next round's SFT data from the model itself.

    Every round trains the base model anew. Of `draws` answers a question of `data.seed` (a `grpo` export), the right
    and well-formed ones with at most `longest` words are candidates (0: any length); `select` is `shortest`, or
    `second_longest` as the released code has it. Round 1 trains on `data.sft`.
    """

    count: int = 2
    draws: int = 4
    temperature: float = 1.0
    select: str = "shortest"
    longest: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Greedy and sampled accuracy on held-out rows, `batch` at once: after each part, and every `every` steps of GRPO
    where that is not 0.
    """

    every: int = 0
    batch: int = 64
    tokens: int = 256
    temperature: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """How completions are drawn: `transformers`, `vllm-server` (at the URL `server`) or `vllm-colocate`.

    `memory` is the share of a GPU's memory that a colocated vLLM takes, `parallel` over how many GPUs it is spread.
    """

    engine: str = "transformers"
    server: str = ""
    memory: float = 0.3
    parallel: int = 1


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
    judge: Judged | None = None
    evaluation: Evaluation = field(default_factory=Evaluation)
    generation: Generation = field(default_factory=Generation)
    resample: Resample | None = None
    replay: Replay | None = None
    rethink: Rethink | None = None
    overlong: Overlong | None = None
    progressive: Progressive | None = None
    critical: Critical | None = None
    rounds: Rounds | None = None
    seed: int = 0
    label: str = ""
    device: str = "auto"
    save_every: int = 0


def read(path: Path) -> Training:
    """The run a TOML file describes; its relative folders are relative to where it is run. Raises `ConfigError`."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("CONFIG", str(path), f"cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("CONFIG", str(path), f"is not TOML ({error})") from None
    training = build(Training, values)
    check(training)
    return training


def with_seed(training: Training, seed: int) -> Training:
    """The same run with another seed, in a folder of its own. Raises `ConfigError` for one that is out of range."""
    check_seed("--seed", seed)
    return replace(training, seed=seed, out=str(Path(training.out) / f"seed-{seed}"))
