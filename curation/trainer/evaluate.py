"""Accuracy and format on held-out rows, greedy and sampled, by the checks that curation uses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from curation.trainer.config import Evaluation
from curation.trainer.critical import Entropies, first_ids
from curation.trainer.guard import drawing
from curation.trainer.rewards import verdict, well_formed

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, ProcessorMixin


@dataclass(frozen=True, slots=True)
class Score:
    """Shares from 0 to 1 over `rows` rows; `undecided` rows are not counted in accuracy. `entropy` is the mean over
    `critical` tokens, in nats; None without any, or when nobody asked for it.
    """

    accuracy: float
    format: float
    rows: int
    undecided: int = 0
    critical: int = 0
    entropy: float | None = None


@torch.no_grad()  # type: ignore[untyped-decorator]
def evaluate(
    model: "PreTrainedModel", processor: "ProcessorMixin", rows: "Dataset", how: Evaluation, *, sampled: bool,
    seed: int, words: Sequence[str] = (),
) -> Score:  # fmt: skip
    """One completion a row: the likeliest, or one drawn at `how.temperature`. `words` are those of critical tokens.

    Neither the model's mode nor the random numbers of the training are changed by it.
    """
    wanted = first_ids(processor.tokenizer, words) if words else None
    right = formed = undecided = 0
    entropies: list[float] = []
    for at, part in enumerate(in_batches(rows, how.batch)):
        watch = Entropies() if wanted is not None else None
        texts, ids = said(model, processor, part, how, sampled=sampled, seed=1000 * seed + at, watch=watch)
        if watch is not None and wanted is not None:
            entropies += watch.at(ids, wanted)
        for text, row in zip(texts, part, strict=True):
            correct = verdict(text, row).correct
            right += correct is True
            undecided += correct is None
            formed += well_formed(text)
    told, mean = max(1, len(rows) - undecided), sum(entropies) / len(entropies) if entropies else None
    return Score(right / told, formed / max(1, len(rows)), len(rows), undecided, len(entropies), mean)


def in_batches(rows: "Dataset", size: int) -> Iterator[list[dict[str, Any]]]:
    """Rows with their pictures decoded, `size` at a time."""
    for start in range(0, len(rows), size):
        yield [rows[at] for at in range(start, min(start + size, len(rows)))]


@torch.no_grad()  # type: ignore[untyped-decorator]
def said(
    model: Any, processor: Any, part: list[dict[str, Any]], how: Evaluation, *, sampled: bool, seed: int,
    watch: Entropies | None = None,
) -> tuple[list[str], torch.Tensor]:  # fmt: skip
    """A completion for each row, and its tokens (B, T), padded on the right."""
    messages = [with_images(row) for row in part]
    batch = processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True,
        processor_kwargs={"return_tensors": "pt", "padding": True},
    ).to(model.device)  # fmt: skip
    image_token = getattr(model.config, "image_token_id", None)
    training = model.training
    model.eval()
    try:
        with torch.random.fork_rng(), drawing():
            torch.manual_seed(seed)
            drawn = model.generate(
                **batch, max_new_tokens=how.tokens, do_sample=sampled,
                **({"temperature": how.temperature, "top_k": 0} if sampled else {}),
                suppress_tokens=[image_token] if image_token is not None else None,
                logits_processor=[watch] if watch is not None else None,
            )  # fmt: skip
    finally:
        model.train(training)
    ids_B_T = drawn[:, batch["input_ids"].shape[1] :]
    texts: list[str] = processor.batch_decode(ids_B_T, skip_special_tokens=True)
    return texts, ids_B_T


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
