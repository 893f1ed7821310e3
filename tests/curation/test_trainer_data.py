"""What the trainer reads of an export: a cold start learns the last turn of a conversation and nothing before it."""

from pathlib import Path

from datasets import Dataset

from curation.trainer.data import shared, taught

ASKED = [{"role": "system", "content": "Think first."}, {"role": "user", "content": "How many circles?"}]
SAID = {"role": "assistant", "content": "<think>2 0 1</think>\n<answer>3</answer>"}


def test_the_last_turn_is_the_completion_and_all_before_it_the_prompt() -> None:
    rows = taught(Dataset.from_list([{"messages": [*ASKED, SAID], "images": ["a.png"]}]))
    assert rows.column_names == ["images", "prompt", "completion"]
    assert rows[0] == {"images": ["a.png"], "prompt": ASKED, "completion": [SAID]}


def test_rows_that_say_prompt_and_completion_themselves_stay_as_they_are() -> None:
    rows = Dataset.from_list([{"prompt": ASKED, "completion": [SAID], "images": ["a.png"]}])
    assert taught(rows)[0] == rows[0]


def test_held_out_rows_that_are_also_taught_are_counted_by_their_id(tmp_path: Path) -> None:
    def split(name: str, **columns: list[str]) -> str:
        (tmp_path / name).mkdir()
        Dataset.from_dict(columns).to_parquet(tmp_path / name / "train-00000-of-00001.parquet")
        return str(tmp_path / name)

    held_out = Dataset.from_dict({"id": ["a", "b", "c"]})
    assert shared(held_out, split("taught", id=["b", "c", "d"]), "train", "data.grpo") == 2
    assert shared(held_out, split("other", id=["x"]), "train", "data.grpo") == 0
    assert shared(held_out, split("bare", text=["b"]), "train", "data.grpo") == 0
