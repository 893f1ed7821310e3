"""Rows in the exact column layouts of the published Vision-R1 files."""

import io

import pytest
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Pil

from curation.errors import ConfigError
from curation.exports.vision_r1 import COLD, Row, dataset_info, llava_cot, mulberry, rl, row_of
from curation.records import Option

RESPONSE = "<think> I count. </think><answer> Final Answer:B </answer>"
ROW = Row("s-1", "coco/7.png", "How many dots?", "four", (Option("A", "three"), Option("B", "four")), RESPONSE)


def png() -> bytes:
    out = io.BytesIO()
    Pil.new("RGB", (12, 8), "red").save(out, "PNG")
    return out.getvalue()


def test_the_llava_cot_style_has_id_image_and_human_gpt_turns() -> None:
    assert llava_cot(ROW) == {
        "id": "s-1",
        "image": "llava_cot_images/coco/7.png",
        "conversations": [
            {"from": "human", "value": "<image>\nHow many dots?\nA. three\nB. four"},
            {"from": "gpt", "value": RESPONSE},
        ],
    }


def test_the_mulberry_style_has_images_as_a_text_user_assistant_turns_and_no_id() -> None:
    made = mulberry(ROW, instruction='End with "Final Answer:option".')
    assert made == {
        "images": "mulberry_images/coco/7.png",
        "conversations": [
            {"from": "user", "value": '<image>\nHow many dots?\nA. three\nB. four\nEnd with "Final Answer:option".'},
            {"from": "assistant", "value": RESPONSE},
        ],
    }


def test_rl_rows_are_geometry3ks_and_answer_a_choice_by_its_letter() -> None:
    made = rl(ROW, [b"png"])
    assert made == {
        "problem": "<image>\nHow many dots?\nA. three\nB. four",
        "images": [{"bytes": b"png", "path": None}],
        "answer": "B",
    }
    free = Row("s-2", "a.png", "How many?", "12 cm")
    assert rl(free, [b"x"])["answer"] == "12 cm"


def test_rl_rows_load_with_their_pictures_through_datasets() -> None:
    features = Features({"problem": Value("string"), "images": List(Image()), "answer": Value("string")})
    [loaded] = Dataset.from_list([rl(ROW, [png()])], features=features)
    assert loaded["images"][0].size == (12, 8)
    assert loaded["problem"].count("<image>") == len(loaded["images"])


@pytest.mark.parametrize("style", COLD)
def test_markers_in_question_or_response_do_not_count_as_pictures(style: str) -> None:
    hostile = Row("s", "a.png", "<image> What is <image>?", "x", (), "<think> <image> </think>x")
    turns = COLD[style](hostile)["conversations"]  # type: ignore[index]
    assert "".join(turn["value"] for turn in turns).count("<image>") == 1
    assert rl(hostile, [b"1", b"2"])["problem"].count("<image>") == 2


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "a/../../b.png", ""])
def test_an_image_path_cannot_leave_its_folder(path: str) -> None:
    for make in COLD.values():
        with pytest.raises(ConfigError, match="image"):
            make(Row("s", path, "q", "a"))


@pytest.mark.parametrize("style", COLD)
def test_llama_factorys_mapping_names_the_columns_and_roles_that_are_there(style: str) -> None:
    info = dataset_info(style, "cold.json")  # type: ignore[arg-type]
    made = COLD[style](ROW)  # type: ignore[index]
    assert set(info["columns"].values()) <= set(made)
    roles = [turn[info["tags"]["role_tag"]] for turn in made["conversations"]]
    assert roles == [info["tags"]["user_tag"], info["tags"]["assistant_tag"]]
    assert all(info["tags"]["content_tag"] in turn for turn in made["conversations"])


def test_a_row_of_the_store_becomes_one_of_ours() -> None:
    corpus = {
        "sample_id": "s-1", "question": "How many dots?", "reference": "four",
        "options": [{"letter": "A", "text": "three"}, {"letter": "B", "text": "four"}],
    }  # fmt: skip
    assert row_of(corpus, {"response": RESPONSE, "answer": "B"}, "coco/7.png") == ROW
    assert row_of({**corpus, "options": []}, None, "x.png").response == ""
