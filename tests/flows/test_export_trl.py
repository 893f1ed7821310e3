"""Exports go through TRL's own preparation: its collators, with the tiny model's processor."""

from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from tests.flows.test_export import loaded, store, wrote

pytestmark = pytest.mark.train
__all__ = ["store"]  # fixture

WORDS = ["How many dots are in picture The shows", "0 1 2 3 9 10 11 12", "<think> </think> <answer> </answer>"]


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoProcessor

    from curation.trainer import tiny

    folder = tmp_path_factory.mktemp("tiny")
    tiny.build(WORDS, folder)
    return AutoProcessor.from_pretrained(folder)


def exported(store: Store, folder: Path, format: str) -> list[dict[str, Any]]:
    wrote(store, folder / format, format)
    return list(loaded(folder / format, folder / "cache"))


def pictures_in(processor: Any, ids: Any) -> list[int]:
    """How many placeholders of a picture each row of tokens has; every picture here is of the same size."""
    return [int((row == processor.image_token_id).sum()) for row in ids]


def test_grpo_prompts_become_tokens_with_one_picture_each(store: Store, tmp_path: Path, processor: Any) -> None:
    from trl.data_utils import is_conversational, prepare_multimodal_messages

    rows = exported(store, tmp_path, "grpo")
    assert all(is_conversational({"prompt": row["prompt"]}) for row in rows)
    prompts = [prepare_multimodal_messages(row["prompt"], images=row["images"]) for row in rows]
    made = processor.apply_chat_template(prompts, tokenize=True, return_dict=True, return_tensors="pt", padding=True)
    counts = pictures_in(processor, made["input_ids"])
    assert len(set(counts)) == 1
    assert counts[0] > 0
    assert made["pixel_values"].shape[0] == len(rows) == 2


def test_sft_conversations_go_through_the_collator(store: Store, tmp_path: Path, processor: Any) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    rows = exported(store, tmp_path, "sft_trl")
    batch = DataCollatorForVisionLanguageModeling(processor)(rows)
    counts = pictures_in(processor, batch["input_ids"])
    assert len(set(counts)) == 1
    assert counts[0] > 0
    said = processor.tokenizer.batch_decode(batch["input_ids"])
    for text, row in zip(said, rows, strict=True):
        assert row["messages"][-1]["content"].split()[-1].split("<")[0] in text
    assert batch["labels"].shape == batch["input_ids"].shape


def test_preferences_go_through_the_collator_as_pairs(store: Store, tmp_path: Path, processor: Any) -> None:
    from trl.trainer.dpo_trainer import DataCollatorForVisionPreference

    rows = exported(store, tmp_path, "preference")
    batch = DataCollatorForVisionPreference(processor)(rows)
    assert batch["input_ids"].shape[0] == 2 * len(rows) == 8
    counts = pictures_in(processor, batch["input_ids"])
    assert len(set(counts)) == 1
    assert counts[0] > 0
    assert (batch["completion_mask"].sum(dim=1) > 0).all()
    better, worse = batch["input_ids"][: len(rows)], batch["input_ids"][len(rows) :]
    assert all((one != other).any() for one, other in zip(better, worse, strict=True))
