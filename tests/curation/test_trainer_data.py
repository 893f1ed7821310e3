"""What the trainer reads of an export: a cold start learns the last turn of a conversation and nothing before it."""

from datasets import Dataset

from curation.trainer.data import taught

ASKED = [{"role": "system", "content": "Think first."}, {"role": "user", "content": "How many circles?"}]
SAID = {"role": "assistant", "content": "<think>2 0 1</think>\n<answer>3</answer>"}


def test_the_last_turn_is_the_completion_and_all_before_it_the_prompt() -> None:
    rows = taught(Dataset.from_list([{"messages": [*ASKED, SAID], "images": ["a.png"]}]))
    assert rows.column_names == ["images", "prompt", "completion"]
    assert rows[0] == {"images": ["a.png"], "prompt": ASKED, "completion": [SAID]}


def test_rows_that_say_prompt_and_completion_themselves_stay_as_they_are() -> None:
    rows = Dataset.from_list([{"prompt": ASKED, "completion": [SAID], "images": ["a.png"]}])
    assert taught(rows)[0] == rows[0]
