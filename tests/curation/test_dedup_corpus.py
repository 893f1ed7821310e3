"""A corpus with planted copies of every kind is reported exactly; one without raises nothing."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from curation.dedup import Columns, Found, Settings, find_all, rank_of
from curation.dedup.likeness import SIDE, Grey
from curation.errors import ConfigError, SampleError
from curation.pictures import grey, inspect
from curation.step import Drop
from curation.steps.near_text import near_text
from tests.curation.test_dedup import encoded, table

Edit = Callable[[Image.Image], bytes]


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(picture, "JPEG", quality=quality))).convert("RGB")


def photo(seed: int) -> Image.Image:
    """Coloured shapes to the very edge: nothing is margin."""
    draw = np.random.default_rng(seed)
    rough = Image.fromarray(draw.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize(
        (480, 360), Image.Resampling.BICUBIC
    )
    pen = ImageDraw.Draw(rough)
    for _ in range(14):
        x, y, r = (int(draw.integers(low, high)) for low, high in ((0, 480), (0, 360), (10, 60)))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=tuple(int(v) for v in draw.integers(0, 255, 3)))
    return rough.filter(ImageFilter.GaussianBlur(0.7))


SAME_FRAME: dict[str, Edit] = {
    "as JPEG": lambda p: encoded(p, "JPEG", quality=60),
    "as WebP": lambda p: encoded(p, "WEBP", quality=50),
    "half as large": lambda p: encoded(p.resize((p.width // 2, p.height // 2), Image.Resampling.LANCZOS)),
    "brighter": lambda p: encoded(p.point(lambda level: min(255, int(level * 1.1)))),
}
OTHER_FRAME: dict[str, Edit] = {
    "cropped": lambda p: encoded(
        p.crop((round(p.width * 0.03), round(p.height * 0.03), round(p.width * 0.97), round(p.height * 0.97)))
    ),
    "cropped at one side": lambda p: encoded(p.crop((round(p.width * 0.05), 0, p.width, p.height))),
    "in a white border": lambda p: encoded(ImageOps.expand(p, 14, "white")),
    "in a black border": lambda p: encoded(ImageOps.expand(p, 20, "black")),
    "in a border, as JPEG": lambda p: encoded(jpeg(ImageOps.expand(p, 16, "grey"), 70)),
}  # fmt: skip


def columns(pictures: list[bytes | None], questions: list[str]) -> Columns:
    seen = [inspect(data) if data else None for data in pictures]

    def picture(row: int) -> bytes:
        data = pictures[row]
        if data is None:
            raise SampleError("image_missing")
        return data

    def small(row: int) -> Grey:
        return grey(picture(row), SIDE)

    return Columns(
        ids=[f"s{row:03d}" for row in range(len(pictures))],
        pixels=[image.pixels if image else "" for image in seen],
        phashes=[image.phash if image else 0 for image in seen],
        questions=questions, texts=lambda: questions, grey=small, picture=picture,
    )  # fmt: skip


def told(rows: Columns, found: Found) -> dict[str, tuple[str, str]]:
    """Removed id to (kept id, reason)."""
    return {rows.ids[row]: (rows.ids[of], found.reason[row]) for row, of in enumerate(found.of.tolist()) if of >= 0}


def test_a_planted_corpus_is_reported_exactly(capsys: pytest.CaptureFixture[str]) -> None:
    originals = [table(seed) for seed in range(4)] + [photo(seed) for seed in range(4)]
    pictures: list[bytes | None] = [encoded(one) for one in originals]
    questions = [f"What does picture number {n} of this corpus show in its third row?" for n in range(8)]
    expected: dict[str, tuple[str, str]] = {}

    def plant(data: bytes, question: str, of: int, reason: str) -> None:
        expected[f"s{len(pictures):03d}"] = (f"s{of:03d}", reason)
        pictures.append(data)
        questions.append(question)

    for n, one in enumerate(originals):
        plant(encoded(one, "BMP"), f"  <image>{questions[n].upper()}", n, "exact_question")
        for edit in SAME_FRAME.values():
            plant(edit(one), questions[n], n, "near_image")
        for edit in OTHER_FRAME.values():
            plant(edit(one), questions[n], n, "near_image")
    rows = columns(pictures, questions)
    found = told(rows, find_all(rows, Settings(("exact", "perceptual", "framed", "text"))))
    right = {row for row in found if found[row][0] == expected.get(row, ("",))[0]}
    with capsys.disabled():
        print(f"\nplanted pictures: precision {len(right) / len(found):.4f}, recall {len(right) / len(expected):.4f}")
    assert set(found) - right == set(), "nothing is removed that was not planted"
    assert len(right) / len(expected) >= 0.98
    assert sum(found[row][1] == "exact_question" for row in right) == 8


def test_a_clean_corpus_raises_nothing() -> None:
    pictures: list[bytes | None] = [encoded(table(seed)) for seed in range(12)] + [
        encoded(photo(seed)) for seed in range(12)
    ]
    pictures += [encoded(table(seed, changed=True)) for seed in range(4)]
    rows = columns(pictures, ["What is the sum of the numbers in the second column of this table?"] * len(pictures))
    assert told(rows, find_all(rows, Settings(("exact", "perceptual", "framed", "text")))) == {}


def test_near_texts_count_only_about_the_same_picture() -> None:
    one, other = encoded(table(1)), encoded(table(2))
    long = "Read the table of the school shop and say how many books were sold in the third month of the year"
    texts = [f"{long}, Anna", f"{long}, Berta", f"{long}, Carla"]
    rows = columns([one, one, other], texts)
    assert told(rows, find_all(rows, Settings(("text",)))) == {"s001": ("s000", "near_text")}
    both = told(rows, find_all(rows, Settings(("text",), any_picture=True)))
    assert both == {"s001": ("s000", "near_text"), "s002": ("s000", "near_text")}


def test_a_corrupt_or_lost_picture_resembles_nothing_and_stops_nobody() -> None:
    good = encoded(table(1))
    rows = columns([good, encoded(table(1), "JPEG", quality=60), good], ["q"] * 3)
    lost = Columns(
        rows.ids, [*rows.pixels[:2], "lost"], rows.phashes, rows.questions, rows.texts,
        lambda row: rows.grey(row) if row < 2 else grey(b"\x89PNG\r\n\x1a\n broken", SIDE), rows.picture,
    )  # fmt: skip
    found = find_all(lost, Settings(("exact", "perceptual", "framed")))
    assert told(lost, found) == {"s001": ("s000", "near_image")}


def test_rows_without_picture_and_question_are_no_duplicates() -> None:
    rows = columns([None, None, None, None], ["", "", "Why?", "why"])
    assert told(rows, find_all(rows, Settings(("exact", "text")))) == {"s003": ("s002", "exact_question")}


def test_a_row_removed_by_one_method_may_point_to_one_removed_by_the_next_and_the_cluster_says_who_stays() -> None:
    data = encoded(table(1))
    long = "Read the table of the school shop and say how many books were sold in the third month of the year"
    rows = columns([data] * 3, [f"{long} Anna", f"{long} Berta", f"{long} Berta?"])
    found = find_all(rows, Settings())
    assert told(rows, found) == {"s001": ("s000", "near_text"), "s002": ("s001", "exact_question")}
    assert found.cluster().tolist() == [0, 0, 0]


def test_meanings_need_an_embedder_and_a_sick_embedding_marks_its_row_only() -> None:
    data = encoded(table(1))
    rows = columns([data] * 4, ["one", "two", "three", "four"])
    vectors = np.array([[1, 0], [1, 0.01], [np.nan, 1], [0, 1]], dtype=np.float32)
    found = find_all(rows, Settings(("semantic",)), embed=lambda texts: vectors)
    assert told(rows, found) == {"s001": ("s000", "near_meaning")}
    assert found.refused == {2: "embedding_unusable"}
    assert found.notes["semantic"] == {"index": "flat", "recall": 1.0, "refused": 1}
    with pytest.raises(ConfigError, match="needs an embedder"):
        find_all(rows, Settings(("semantic",)))


def test_pictures_that_look_alike_join_when_a_model_is_given() -> None:
    rows = columns([encoded(table(1)), encoded(table(2)), encoded(table(3))], ["what?"] * 3)
    looks = np.array([[1, 0], [1, 0.01], [0, 1]], dtype=np.float32)
    found = find_all(
        rows,
        Settings(("semantic",)),
        embed=lambda texts: np.eye(len(texts), dtype=np.float32),
        embed_pictures=lambda _: looks,
    )
    assert told(rows, found) == {"s001": ("s000", "near_look")}


def test_kept_is_the_verified_one_then_the_longer_trace_then_the_lower_id() -> None:
    assert rank_of([False, True, True, True], [9, 5, 7, 7], ["a", "b", "d", "c"]) == [3, 2, 1, 0]


@pytest.mark.parametrize("bad", [Settings(()), Settings(("pixels",)), Settings(threshold=0), Settings(cosine=2)])  # type: ignore[arg-type]
def test_settings_that_cannot_work_are_refused(bad: Settings) -> None:
    with pytest.raises(ConfigError):
        bad.checked()


def test_the_step_drops_near_texts_about_one_picture_and_keeps_one() -> None:
    seen = inspect(encoded(table(1)))
    long = "Read the table of the school shop and say how many books were sold in the third month of the year"
    ids, questions = ["a", "b", "c"], [f"{long} Anna", f"{long} Berta", "How many pens?"]
    verdicts = near_text(ids, questions, [()] * 3, [""] * 3, [seen] * 3, [False, True, False])
    assert verdicts[1] == {"cluster": "b"}
    assert verdicts[2] == {"cluster": "c"}
    dropped = verdicts[0]
    assert isinstance(dropped, Drop)
    assert (dropped.reason, dropped.value["of"], dropped.value["cluster"]) == ("near_text", "b", "b")
    assert near_text.scope == "all"
