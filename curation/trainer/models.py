"""Models and processors by Auto classes, LoRA, and which weights learn."""

import copy
import os
import shutil
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import ConfigError
from curation.trainer.config import Model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

PART = "vistill-part.txt"
END = 1 << 20  # bytes
NOWHERE = "is no folder here, and no model of that name is in the cache or could be had from the Hub"


def load(wanted: Model) -> "tuple[PreTrainedModel, ProcessorMixin]":
    """The model and its processor. Raises `ConfigError` when either cannot be had."""
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText, AutoProcessor, ProcessorMixin

    if wanted.path.startswith((".", "/", "~")) and not Path(wanted.path).is_dir():
        raise ConfigError("model.path", wanted.path, "is no folder")
    try:
        processor = AutoProcessor.from_pretrained(wanted.path, trust_remote_code=wanted.trust_remote_code)
        model = AutoModelForImageTextToText.from_pretrained(wanted.path, trust_remote_code=wanted.trust_remote_code)
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        what = "cannot be loaded" if _is_there(wanted.path) else NOWHERE
        raise ConfigError("model.path", wanted.path, f"{what} ({str(error).splitlines()[0]})") from error
    if not isinstance(processor, ProcessorMixin):
        raise ConfigError(
            "model.path", wanted.path, f"has no processor (AutoProcessor gave {type(processor).__name__}), so pictures "
            "would be left out: save the processor beside the model, or install what its video part needs",
        )  # fmt: skip
    if not (getattr(processor, "chat_template", None) or processor.tokenizer.chat_template):
        raise ConfigError("model.path", wanted.path, "has no chat template: take a model that was taught to follow one")
    choose(model, wanted)
    return model, processor


def _is_there(path: str) -> bool:
    """Whether it is a folder, or a model of the Hub whose configuration was had."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(path).is_dir() or isinstance(try_to_load_from_cache(path, "config.json"), str)
    except HFValidationError:
        return False


GROUPS: Mapping[str, tuple[str, ...]] = {
    "connector": ("connector", "multi_modal_projector", "mm_projector", "merger", "mlp1"),
    "vision": ("vision", "visual"),
    "language": ("language_model", "text_model", "lm_head"),
}
"""Parts of parameter names in the families of Idefics, LLaVA, Qwen and InternVL; the first group that fits has it."""


def group_of(name: str) -> str:
    """The group of a parameter, "" for none."""
    return next((group for group, parts in GROUPS.items() if any(part in name for part in parts)), "")


def fits(name: str, part: str) -> bool:
    """Whether a parameter is of a group, or has this part in its name."""
    return group_of(name) == part if part in GROUPS else part in name


def learns(name: str, wanted: Model) -> bool:
    """Whether the configuration lets a parameter learn."""
    if any(fits(name, part) for part in wanted.freeze):
        return False
    return not wanted.train or any(fits(name, part) for part in wanted.train)


def choose(model: "PreTrainedModel", wanted: Model) -> int:
    """Let only the wanted weights learn; how many there are. Raises `ConfigError` for a part that fits none."""
    names = [name for name, _ in model.named_parameters()]
    for field, parts in (("freeze", wanted.freeze), ("train", wanted.train)):
        for part in parts:
            if not any(fits(name, part) for name in names):
                raise ConfigError(f"model.{field}", part, f"fits no parameter; they are like {names[0]}, {names[-1]}")
    for name, weights in model.named_parameters():
        weights.requires_grad_(learns(name, wanted))
    learning: int = sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
    if not learning:
        raise ConfigError("model.freeze", list(wanted.freeze), "leaves no weight that learns")
    return learning


def guard_connector(model: "PreTrainedModel", wanted: Model) -> None:
    """Refuse GRPO of a model whose connector does not learn: `ConfigError` unless `frozen_connector`."""
    connector = {name: weights for name, weights in model.named_parameters() if group_of(name) == "connector"}
    if connector and not wanted.frozen_connector and not any(weights.requires_grad for weights in connector.values()):
        raise ConfigError(
            "model.frozen_connector", False, "GRPO with the connector frozen collapses (Skywork-R1V3, arXiv 2507.06167)"
            f": {_thaw(list(connector), wanted)}, or set this to true",
        )  # fmt: skip


def _thaw(connector: Sequence[str], wanted: Model) -> str:
    """What lets the connector learn: parts of names reach further than groups (Qwen's is `model.visual.merger`)."""
    part = next((part for part in wanted.freeze if any(fits(name, part) for name in connector)), "")
    if not part:
        return 'add "connector" to model.train'
    if part == "connector":
        return 'take "connector" out of model.freeze'
    return f'{part!r} of model.freeze also fits {connector[0]}: write the groups "vision" or "language", which do not'


def finite(model: "PreTrainedModel", wanted: Model) -> None:
    """Refuse weights that are no numbers: `ConfigError`. A cold start stops at its first loss by itself."""
    import torch

    for name, weights in model.named_parameters():
        if not torch.isfinite(weights).all():
            raise ConfigError("model.path", wanted.path, f"its weights {name} are no numbers: take another, or save it "
                              "again")  # fmt: skip


def hold(model: Any, wanted: Model) -> None:
    """Freeze again what adapters have put into frozen parts. Raises `ConfigError` when nothing is left to learn."""
    for name, weights in model.named_parameters():
        if weights.requires_grad and not learns(name, wanted):
            weights.requires_grad_(False)
    if not any(weights.requires_grad for weights in model.parameters()):
        raise ConfigError("model.lora_targets", list(wanted.lora_targets), "are all in parts that are frozen")


def merged(model: Any) -> Any:
    """The plain model, with LoRA adapters in its weights."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model


def plain(model: Any) -> Any:
    """The model as it would be saved: adapters are merged into a copy, so that training can go on."""
    return copy.deepcopy(model).merge_and_unload() if hasattr(model, "merge_and_unload") else model


def save(model: Any, processor: Any, folder: Path, of: str = "") -> None:
    """A folder that Auto classes load, whole or not at all; a kill may leave the one before as `.old`. `of` is the part
    of the run that it is the result of.
    """
    part, old = (folder.with_name(f"{folder.name}{end}") for end in (".part", ".old"))
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    processor.save_pretrained(part)
    if of:
        (part / PART).write_text(of, encoding="utf-8")
    if folder.is_dir():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def digest_of(path: str) -> str:
    """What a model in a folder is known by: its configuration, and size and ends of each file of weights; "" for one
    of the Hub. Training changes a matrix as a whole, so the ends tell, and a large model is not read twice.
    """
    folder = Path(path)
    if not folder.is_dir():
        return ""
    seen = sha256()
    for file in sorted(each for each in folder.iterdir() if each.suffix in (".safetensors", ".bin", ".json")):
        with file.open("rb") as content:
            size = content.seek(0, os.SEEK_END)
            seen.update(repr((file.name, size)).encode())
            for at in {0, max(0, size - END)}:
                content.seek(at)
                seen.update(content.read(END))
    return seen.hexdigest()


def part_in(folder: Path) -> str:
    """Which part of a run the model in a folder is the result of, "" where that is not said."""
    said = folder / PART
    return said.read_text(encoding="utf-8") if said.is_file() else ""


def lora(wanted: Model) -> Any:
    """The LoRA configuration, or None. Raises `ConfigError` without peft."""
    if not wanted.lora_rank:
        return None
    try:
        from peft import LoraConfig
    except ImportError:
        raise ConfigError("model.lora_rank", wanted.lora_rank, "needs peft: pip install 'vistill[train]'") from None
    return LoraConfig(
        r=wanted.lora_rank,
        lora_alpha=wanted.lora_alpha,
        target_modules=list(wanted.lora_targets),
        task_type="CAUSAL_LM",
    )


def check_targets(model: "PreTrainedModel", wanted: Model) -> None:
    """Refuse adapters for what the model has not, or for what is no layer of weights. Raises `ConfigError`."""
    layers = {name for name, module in model.named_modules() if _has_matrix(module)}
    for target in wanted.lora_targets if wanted.lora_rank else ():
        named = {name for name, _ in model.named_modules() if f".{name}".endswith(f".{target}")}
        if not named or not named <= layers:
            there = sorted({name.rpartition(".")[2] for name in layers} - set(map(str, range(1000))))
            raise ConfigError("model.lora_targets", target,
                              f"names no layer that takes adapters; there are {', '.join(there)}")  # fmt: skip


def _has_matrix(module: Any) -> bool:
    own = (*module.parameters(recurse=False), *module.buffers(recurse=False))
    return any(weights.ndim > 1 for weights in own)
