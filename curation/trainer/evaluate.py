"""Accuracy and format on held-out rows, greedy and sampled, by the checks that curation uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from curation.trainer.config import Evaluation
from curation.trainer.rewards import verdict, well_formed

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, ProcessorMixin


@dataclass(frozen=True, slots=True)
class Score:
    """Shares from 0 to 1 over `rows` rows; `undecided` rows are counted in none of them."""

    accuracy: float
    format: float
    rows: int
    undecided: int = 0


@torch.no_grad()  # type: ignore[untyped-decorator]
def evaluate(
    model: "PreTrainedModel", processor: "ProcessorMixin", rows: "Dataset", how: Evaluation, *, sampled: bool, seed: int
) -> Score:
    """One completion a row: the likeliest, or one drawn at `how.temperature`. The generator's state is put back."""
    training, state = model.training, torch.get_rng_state()
    torch.manual_seed(seed)
    model.eval()
    right = formed = undecided = 0
    try:
        for start in range(0, len(rows), how.batch):
            part = [rows[at] for at in range(start, min(start + how.batch, len(rows)))]
            for text, row in zip(_said(model, processor, part, how, sampled), part, strict=True):
                correct = verdict(text, row).correct
                right += correct is True
                undecided += correct is None
                formed += well_formed(text)
    finally:
        torch.set_rng_state(state)
        model.train(training)
    told = max(1, len(rows) - undecided)
    return Score(right / told, formed / max(1, len(rows)), len(rows), undecided)


def _said(model: Any, processor: Any, part: list[Mapping[str, Any]], how: Evaluation, sampled: bool) -> list[str]:
    messages = [with_images(row) for row in part]
    batch = processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True,
        processor_kwargs={"return_tensors": "pt", "padding": True},
    ).to(model.device)  # fmt: skip
    image_token = getattr(model.config, "image_token_id", None)
    drawn = model.generate(
        **batch, max_new_tokens=how.tokens, do_sample=sampled,
        **({"temperature": how.temperature, "top_k": 0} if sampled else {}),
        suppress_tokens=[image_token] if image_token is not None else None,
    )  # fmt: skip
    texts: list[str] = processor.batch_decode(drawn[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    return texts


def with_images(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row's prompt as blocks, its images before the first user text as TRL puts them."""
    messages, left = [], list(row["images"])
    for message in row["prompt"]:
        blocks: list[dict[str, Any]] = []
        if message["role"] == "user" and left:
            blocks = [{"type": "image", "image": image} for image in left]
            left = []
        messages.append({"role": message["role"], "content": [*blocks, {"type": "text", "text": message["content"]}]})
    return messages
