"""Boxes in the coordinate frames models answer in, and the one converter between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.answers import check, convert, frame_of
from curation.answers.frames import FRAMES, Frame, resized_size
from curation.errors import ConfigError

SIZE = (640, 480)
SHARE = st.floats(0, 1, allow_nan=False)


@pytest.mark.parametrize(
    ("frame", "box"),
    [
        ("norm01", (0.25, 0.5, 0.5, 0.75)),
        ("norm1000", (250, 500, 500, 750)),
        ("abs", (160, 240, 320, 360)),
        ("resized", (161, 238, 322, 357)),  # 640 x 480 becomes 644 x 476: 23 and 17 times 28
    ],
)
def test_one_box_in_every_frame(frame: Frame, box: tuple[float, ...]) -> None:
    assert convert((0.25, 0.5, 0.5, 0.75), "norm01", frame, size=SIZE) == pytest.approx(box)


@given(st.tuples(SHARE, SHARE, SHARE, SHARE), st.sampled_from(FRAMES), st.sampled_from(FRAMES))
def test_there_and_back_is_the_same_box(box: tuple[float, float, float, float], one: Frame, other: Frame) -> None:
    there = convert(box, one, other, size=SIZE)
    assert convert(there, other, one, size=SIZE) == pytest.approx(box, abs=1e-9)


def test_a_box_that_counts_pixels_needs_the_size() -> None:
    with pytest.raises(ConfigError, match="size"):
        convert((0, 0, 1, 1), "abs", "norm01")
    with pytest.raises(ConfigError, match="size"):
        check("[1,2,3,4]", "[0.1,0.2,0.3,0.4]", kind="box", answer_frame="abs")
    assert convert((0, 0, 28, 28), "resized", "norm01", resized=(56, 56)) == (0, 0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("model", "frame"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct", "resized"), ("qwen2_5_vl_3b", "resized"), ("Qwen2-VL-2B", "norm1000"),
        ("OpenGVLab/InternVL2_5-8B", "norm1000"), ("gpt-4o", None),
    ],
)  # fmt: skip
def test_models_have_their_frames(model: str, frame: Frame | None) -> None:
    assert frame_of(model) == frame


def test_a_response_is_converted_before_it_is_compared() -> None:
    reference = "[160, 240, 320, 360]"
    said = {"norm1000": "[250, 500, 500, 750]", "resized": "[161, 238, 322, 357]", "norm01": "[0.25, 0.5, 0.5, 0.75]"}
    for frame, box in said.items():
        right = check(box, reference, kind="box", frame="abs", answer_frame=frame, size=SIZE, iou=0.99)  # type: ignore[arg-type]
        assert right.correct is True
    assert check("[250, 500, 500, 750]", reference, kind="box", frame="abs").correct is False


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_resized_pictures_have_whole_patches_and_about_the_same_shape(width: int, height: int) -> None:
    if max(width, height) > 200 * min(width, height):
        with pytest.raises(ConfigError):
            resized_size((width, height))
        return
    wide, high = resized_size((width, height))
    assert wide % 28 == high % 28 == 0
    assert min(wide, high) >= 28
    assert wide * high <= max(12_845_056, 28 * 28 * 200)


@pytest.mark.parametrize("text", ["x1=0.1, y1=0.2, x2=0.5, y2=0.6", '{"x1": 0.1, "y1": 0.2, "x2": 0.5, "y2": 0.6}'])
def test_corners_may_have_names(text: str) -> None:
    assert check(text, "[0.1, 0.2, 0.5, 0.6]", kind="box").correct is True
