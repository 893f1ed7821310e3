"""Duplicates: copies are found, look-alikes are not, and the kept row does not depend on the order of rows."""

import io
import json
import random
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from curation.dedup import (
    SIDE,
    Duplicate,
    clusters,
    exact_images,
    exact_questions,
    find_duplicates,
    near_images,
    normal_question,
)
from curation.dedup.likeness import Grey, look, same_picture, small
from curation.errors import ConfigError
from curation.pictures import grey, inspect

TABMWP = Path("/work/shared/data/tabmwp")
FLAT_GREY: Grey = np.full((SIDE, SIDE), 255, dtype=np.uint8)


def never(row: int) -> Grey:
    raise AssertionError(f"no picture was needed, but {row} was asked for")


def encoded(picture: Image.Image, format: str = "PNG", **options: int) -> bytes:
    target = io.BytesIO()
    picture.save(target, format, **options)
    return target.getvalue()


def table(seed: int, *, changed: bool = False, header: str = "steelblue") -> Image.Image:
    """A table of 5 x 3 numbers; `changed` alters one digit."""
    rng = random.Random(seed)
    picture = Image.new("RGB", (420, 260), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    pen.rectangle((0, 0, 419, 43), fill=header)
    for row in range(6):
        for column in range(3):
            x, y = column * 140, row * 43
            text = ("Month", "Books", "Pens")[column] if row == 0 else str(rng.randint(100, 999))
            text = f"{text[:-1]}{(int(text[-1]) + 5) % 10}" if changed and (row, column) == (3, 1) else text
            pen.rectangle((x, y, x + 140, y + 43), outline="grey")
            pen.text((x + 40, y + 10), text, fill="black" if row else "white", font=font)
    return picture


def copies(picture: Image.Image) -> list[bytes]:
    sizes = [(round(picture.width * scale), round(picture.height * scale)) for scale in (0.5, 0.75, 1.5)]
    return [
        *(encoded(picture.resize(size, Image.Resampling.LANCZOS)) for size in sizes),
        *(encoded(picture, "JPEG", quality=quality) for quality in (30, 60, 90)),
        *(encoded(picture.point(lambda level, by=by: min(255, int(level * by)))) for by in (0.9, 1.1)),
        encoded(picture, "WEBP", quality=50),
    ]


def greys(pictures: list[bytes]) -> list[Grey]:
    return [grey(data, SIDE) for data in pictures]


def test_resized_reencoded_and_brightened_copies_are_copies() -> None:
    original = look(grey(encoded(table(1)), SIDE))
    assert [same_picture(original, look(one)) for one in greys(copies(table(1)))] == [True] * 9


def test_one_layout_with_other_numbers_is_another_picture() -> None:
    looks = [look(one) for one in greys([encoded(table(seed)) for seed in range(12)])]
    assert not any(same_picture(one, other) for at, one in enumerate(looks) for other in looks[at + 1 :])


def test_one_changed_digit_is_another_picture() -> None:
    for seed in range(12):
        one, other = greys([encoded(table(seed)), encoded(table(seed, changed=True))])
        assert not same_picture(look(one), look(other))


def test_likeness_is_symmetric_and_reflexive() -> None:
    looks = [look(one) for one in greys([encoded(table(1)), *copies(table(1)), encoded(table(2))])]
    for one in looks:
        assert same_picture(one, one)
        assert all(same_picture(one, other) == same_picture(other, one) for other in looks)


def test_flat_pictures_are_copies_when_about_equally_bright() -> None:
    white, light, black = FLAT_GREY, FLAT_GREY - 20, FLAT_GREY - 255
    assert same_picture(look(white), look(light))
    assert not same_picture(look(white), look(black))
    assert not same_picture(look(white), look(grey(encoded(table(1)), SIDE)))
    assert float(small(white) @ small(black)) == pytest.approx(1.0)


def test_a_grey_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="256 x 256"):
        look(np.zeros((64, 64), dtype=np.uint8))


def test_planted_copies_are_found_among_look_alikes() -> None:
    pictures = [encoded(table(seed)) for seed in range(8)] + copies(table(0)) + copies(table(3))
    hashes = np.array([inspect(data).phash for data in pictures], dtype=np.uint64)
    labels = clusters(len(pictures), near_images(hashes, lambda place: grey(pictures[place], SIDE), radius=8))
    assert labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, *[0] * 9, *[3] * 9]


@pytest.mark.parametrize("radius", [-1, 17])
def test_a_radius_out_of_range_is_refused(radius: int) -> None:
    with pytest.raises(ConfigError, match="0 to 16"):
        near_images(np.zeros(2, dtype=np.uint64), never, radius=radius)


def test_the_radius_is_exact() -> None:
    hashes = np.array([0, 0b111111, 0b1111111 << 20], dtype=np.uint64)
    for radius, found in ((5, []), (6, [(0, 1)]), (7, [(0, 1), (0, 2)])):
        assert near_images(hashes, lambda _: FLAT_GREY, radius=radius) == found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=14), st.integers(0, 16), st.randoms(use_true_random=False))
def test_neighbours_are_those_of_a_plain_comparison(hashes: list[int], radius: int, rng: random.Random) -> None:
    """With every picture alike, groups are the components of the plain Hamming graph."""
    near = [one ^ sum(1 << bit for bit in rng.sample(range(64), rng.randint(0, 9))) for one in hashes]
    both = np.array(hashes + near, dtype=np.uint64)
    every = [(i, j) for j in range(len(both)) for i in range(j) if (int(both[i]) ^ int(both[j])).bit_count() <= radius]
    found = near_images(both, lambda _: FLAT_GREY, radius=radius)
    assert clusters(len(both), found).tolist() == clusters(len(both), every).tolist()


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_clusters_are_connected_components_named_by_their_first_member(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, pairs = case
    labels = clusters(n, pairs).tolist()
    assert all(labels[one] == labels[other] for one, other in pairs)
    assert all(label <= member and labels[label] == label for member, label in enumerate(labels))
    assert clusters(n, pairs[::-1]).tolist() == labels


def test_a_chain_of_copies_points_to_the_row_kept() -> None:
    """A ~ B ~ C by hash, A and C too far apart: one row is kept and both others name it."""
    found = find_duplicates(
        ["a", "b", "c"], ["1", "2", "3"], [0, 0b1111, 0b11111111], ["p", "q", "r"], [0, 1, 2],
        unique_image=True, radius=4, grey=lambda _: FLAT_GREY,
    )  # fmt: skip
    assert found == [None, Duplicate("near_image", "a", "a", 4), Duplicate("near_image", "a", "a", 8)]


def test_reasons_say_what_repeats() -> None:
    ids, pixels = ["a", "b", "c", "d", "e"], ["1", "1", "1", "2", "3"]
    questions = ["How many?", "how  many", "Which one?", "How many?", "How many?"]
    one = find_duplicates(
        ids, pixels, [0, 0, 0, 1, 255], questions, [0] * 5, unique_image=True, radius=None, grey=never
    )
    assert [row and (row.reason, row.of) for row in one] == [
        None,
        ("exact_question", "a"),
        ("exact_image", "a"),
        None,
        None,
    ]
    many = find_duplicates(
        ids, pixels, [0, 0, 0, 1, 255], questions, [0] * 5, unique_image=False, radius=2, grey=lambda _: FLAT_GREY
    )
    assert [row and (row.reason, row.of) for row in many] == [
        None,
        ("exact_question", "a"),
        None,
        ("near_image", "a"),
        None,
    ]


def test_the_lowest_rank_is_kept() -> None:
    found = find_duplicates(
        ["a", "b", "c"], ["1"] * 3, [0] * 3, ["q"] * 3, [2, 0, 1], unique_image=True, radius=None, grey=never
    )
    assert [row and row.of for row in found] == ["b", None, "b"]
    assert exact_images(["1", "1", "2"], [1, 0, 0]) == [1, None, None]
    assert exact_questions(["1", "1", "1"], ["Q?", "q", "other"], [0, 1, 0]) == [None, 0, None]


def test_rows_without_a_picture_repeat_only_by_question() -> None:
    found = find_duplicates(
        ["a", "b", "c"],
        ["", "", ""],
        [0, 0, 0],
        ["q", "Q?", "other"],
        [0, 1, 2],
        unique_image=True,
        radius=6,
        grey=never,
    )
    assert [row and (row.reason, row.of) for row in found] == [None, ("exact_question", "a"), None]


def test_no_rows_are_no_duplicates() -> None:
    assert find_duplicates([], [], [], [], [], unique_image=True, radius=6, grey=never) == []


def test_questions_are_the_same_without_markers_case_and_closing_marks() -> None:
    assert normal_question("<image>\nHow  Many apples ?") == normal_question("how many apples")
    assert normal_question("x < 3?") != normal_question("x > 3?")
    assert normal_question("Is it -4?") != normal_question("Is it 4?")


ROWS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["p", "q", "P?"]), st.integers(0, 3)), max_size=14)


@given(ROWS, st.booleans(), st.sampled_from([None, 0, 1, 3]), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(
    rows: list[tuple[int, str, int]], unique_image: bool, radius: int | None, rng: random.Random
) -> None:
    named = [(f"id{place:02d}", *row) for place, row in enumerate(rows)]

    def found(given: list[tuple[str, int, str, int]]) -> dict[str, Duplicate | None]:
        ids, pixels = [row[0] for row in given], [str(row[1]) for row in given]
        hashes, questions, rank = (
            [(1 << row[1]) - 1 for row in given],
            [row[2] for row in given],
            [row[3] for row in given],
        )
        out = find_duplicates(
            ids, pixels, hashes, questions, rank, unique_image=unique_image, radius=radius, grey=lambda _: FLAT_GREY
        )
        return dict(zip(ids, out, strict=True))

    first = found(named)
    assert found(rng.sample(named, len(named))) == first
    assert all(first[row.of] is None for row in first.values() if row)


def test_fifty_thousand_identical_rows_and_ten_thousand_hashes_are_quick() -> None:
    n = 50_000
    started = time.process_time()
    ids = [f"{row:05d}" for row in range(n)]
    found = find_duplicates(ids, ["1"] * n, [7] * n, ["q"] * n, [0] * n, unique_image=True, radius=6, grey=never)
    assert sum(row is None for row in found) == 1
    hashes = np.random.default_rng(0).integers(0, 2**63, 10_000, dtype=np.uint64)
    assert near_images(hashes, never, radius=3) == []
    assert time.process_time() - started < 5


def test_a_thousand_look_alikes_with_one_hash_do_not_compare_all_with_all() -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (SIDE, SIDE), dtype=np.uint8) for _ in range(400)]
    started = time.process_time()
    assert near_images(np.zeros(400, dtype=np.uint64), lambda place: noise[place]) == []
    copies_of_one = near_images(np.zeros(300, dtype=np.uint64), lambda place: noise[0])
    assert len(copies_of_one) == 299
    assert time.process_time() - started < 20


@pytest.mark.skipif(not TABMWP.exists(), reason="the shared pictures are not here")
def test_real_tables_repeat_only_where_their_text_does() -> None:
    problems = json.loads((TABMWP / "problems.json").read_text())
    names = sorted(problems)[:300]
    data = [(TABMWP / f"images/{name}.png").read_bytes() for name in names]
    seen = [inspect(one) for one in data]
    found = find_duplicates(
        names, [one.pixels for one in seen], [one.phash for one in seen],
        [problems[name]["question"] for name in names], list(range(300)), unique_image=True, radius=6,
        grey=lambda row: grey(data[row], SIDE),
    )  # fmt: skip
    repeated = {name: row.of for name, row in zip(names, found, strict=True) if row}
    texts = {name: (problems[name]["table"], problems[name]["table_title"]) for name in names}
    assert all(texts[name] == texts[of] for name, of in repeated.items())
    assert len(names) - len(repeated) == len(set(texts.values()))
