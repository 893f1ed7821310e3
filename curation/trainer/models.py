"""Models and processors by Auto classes, LoRA, and which weights learn."""

from typing import TYPE_CHECKING, Any

from curation.errors import ConfigError
from curation.trainer.config import Model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin


def load(wanted: Model) -> "tuple[PreTrainedModel, ProcessorMixin]":
    """The model and its processor. Raises `ConfigError` when either cannot be had."""
    from transformers import AutoModelForImageTextToText, AutoProcessor, ProcessorMixin

    try:
        processor = AutoProcessor.from_pretrained(wanted.path, trust_remote_code=wanted.trust_remote_code)
        model = AutoModelForImageTextToText.from_pretrained(wanted.path, trust_remote_code=wanted.trust_remote_code)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ConfigError("model.path", wanted.path, f"cannot be loaded ({str(error).splitlines()[0]})") from error
    if not isinstance(processor, ProcessorMixin):
        raise ConfigError(
            "model.path", wanted.path, f"has no processor (AutoProcessor gave {type(processor).__name__}), so pictures "
            "would be left out: save the processor beside the model, or install what its video part needs",
        )  # fmt: skip
    choose(model, wanted)
    return model, processor


def choose(model: "PreTrainedModel", wanted: Model) -> int:
    """Let only the wanted weights learn; how many there are. Raises `ConfigError` for a part that fits none."""
    names = [name for name, _ in model.named_parameters()]
    for field, parts in (("freeze", wanted.freeze), ("train", wanted.train)):
        for part in parts:
            if not any(part in name for name in names):
                raise ConfigError(f"model.{field}", part, f"fits no parameter; they are like {names[0]}, {names[-1]}")
    for name, weights in model.named_parameters():
        frozen = any(part in name for part in wanted.freeze)
        weights.requires_grad_(not frozen and (not wanted.train or any(part in name for part in wanted.train)))
    learning: int = sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
    if not learning and not wanted.lora_rank:
        raise ConfigError("model.freeze", list(wanted.freeze), "leaves no weight that learns")
    return learning


def lora(wanted: Model) -> Any:
    """The LoRA configuration, or None; its targets are checked by peft when it is put in."""
    if not wanted.lora_rank:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=wanted.lora_rank,
        lora_alpha=wanted.lora_alpha,
        target_modules=list(wanted.lora_targets),
        task_type="CAUSAL_LM",
    )
