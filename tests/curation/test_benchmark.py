"""Contamination: what a benchmark contains is found by question, answer and picture; fingerprints hold no content."""

import random

import numpy as np
import orjson
import pytest

from curation.dedup.benchmark import (
    Item,
    Match,
    Matches,
    Settings,
    by_meaning,
    confirmed,
    fingerprint,
    from_json,
    match,
)
from curation.dedup.likeness import SIDE, look, same_picture
from curation.errors import ConfigError, SampleError
from curation.pictures import grey, inspect
from tests.curation.test_dedup import encoded, table

LONG = (
    "A rectangular garden is twelve metres long and its fence costs nine coins a metre, what does the whole fence cost"
)
BENCH = [
    Item("b1", f"<image1> {LONG}?", "378"),
    Item("b2", "How large is angle ABC?", "45"),
    Item("b3", "What is the area?", "12"),
]


def found(items: list[Item], benchmark: list[Item] = BENCH, **settings: float) -> list[tuple[str, str, str]]:
    """(corpus id, benchmark id, method)."""
    prints = fingerprint("bench", benchmark)
    matches = match(items, prints, Settings(**settings).checked())  # type: ignore[arg-type]
    return sorted((items[m.at].id, prints.ids[m.of], m.method) for m in matches.found)


def test_a_question_is_found_when_reworded_at_its_ends_and_not_when_it_is_another() -> None:
    reworded = f"Please read carefully. {LONG.upper()} in total?"
    other = "A rectangular garden is four metres wide; how many roses can be planted along its border in the summer"
    assert found([Item("s1", reworded), Item("s2", other), Item("s3", "")]) == [("s1", "b1", "question")]


def test_a_short_question_that_everybody_asks_proves_nothing_alone() -> None:
    assert found([Item("s1", "What is the area?", "12"), Item("s2", "How large is angle ABC?", "60")]) == []


def test_question_and_answer_together_prove_what_a_short_question_does_not() -> None:
    assert found([Item("s1", "how large is angle  ABC", "45")]) == [("s1", "b2", "answer")]


def test_the_benchmark_row_that_overlaps_most_is_named() -> None:
    nearly = Item("b0", LONG.replace("nine coins a metre", "seven"), "1")
    assert found([Item("s1", LONG)], [nearly, *BENCH]) == [("s1", "b1", "question")]


def test_boilerplate_of_a_benchmark_is_searched_in_bounded_time() -> None:
    draw = random.Random(0)
    head = "Choose the best answer to the following question about the picture and explain your choice"
    bench = [Item(f"b{n}", f"{head} {' '.join(draw.choices('abcdefghijklmnop', k=25))}") for n in range(2_000)]
    mine = [Item("s1", bench[7].question), Item("s2", f"{head} {' '.join(draw.choices('qrstuvw', k=25))}")]
    assert found(mine, bench) == [("s1", "b7", "question")]


def picture_item(id: str, data: bytes) -> Item:
    seen = inspect(data)
    return Item(id, f"what is shown in {id}", "", seen.pixels, seen.phash)


def test_pictures_are_found_by_content_and_near_ones_after_a_look() -> None:
    theirs = [encoded(table(seed)) for seed in range(4)]
    mine = [encoded(table(2), "BMP"), encoded(table(3), "JPEG", quality=60), encoded(table(9))]
    items = [picture_item(f"s{n}", data) for n, data in enumerate(mine)]
    prints = fingerprint("bench", [picture_item(f"b{n}", data) for n, data in enumerate(theirs)])
    raw = match(items, prints, Settings(radius=8))

    def small(pictures: list[bytes]):  # type: ignore[no-untyped-def]
        return lambda at: grey(pictures[at], SIDE)

    def same(one, other):  # type: ignore[no-untyped-def]
        return same_picture(look(one), look(other))

    looked = confirmed(raw, small(mine), small(theirs), same)
    assert {(m.at, m.of, m.method) for m in looked.found} == {(0, 2, "image"), (1, 3, "near")}
    blind = confirmed(raw, small(mine), None, same)
    assert [(m.at, m.of, m.method) for m in blind.found] == [(0, 2, "image")]
    assert blind.unverified >= 1


def test_a_damaged_picture_is_no_match_and_no_crash() -> None:
    def broken(at: int) -> np.ndarray:
        raise SampleError("image_unreadable")

    near = Matches([Match(0, 0, "near", 0.9, "contaminated_image")])
    assert confirmed(near, broken, broken, lambda one, other: True).found == []


def test_a_benchmark_without_pictures_works_and_matches_no_picture() -> None:
    mine = picture_item("s1", encoded(table(1)))
    assert found([Item("s1", LONG, "", mine.pixels, mine.phash)]) == [("s1", "b1", "question")]


def test_fingerprints_hold_hashes_and_ids_only_and_find_the_same_once_read_back() -> None:
    prints = fingerprint("bench", BENCH)
    text = orjson.dumps(prints.to_json())
    for word in (b"garden", b"fence", b"angle", b"378", b"area"):
        assert word not in text
    again = from_json(orjson.loads(text), "file")
    assert again == prints
    assert match([Item("s1", LONG)], again, Settings()).found == match([Item("s1", LONG)], prints, Settings()).found


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"ids": "b1"}, {"ids": [1, 2, 3]}, {"grams": [["x"], [], []]}, {"answers": []}, {"shingle": 0},
        {"phashes": [-1, 0, 0]}, {"phashes": [2**64, 0, 0]}, {"name": None},
    ],
)  # fmt: skip
def test_a_file_that_is_no_fingerprints_is_refused(change: dict[str, object]) -> None:
    value = orjson.loads(orjson.dumps(fingerprint("bench", BENCH).to_json())) | change
    with pytest.raises(ConfigError, match="is no file of fingerprints"):
        from_json(value, "file")
    with pytest.raises(ConfigError, match="is no file of fingerprints"):
        from_json([], "file")


def test_meanings_match_the_nearest_row_and_sick_embeddings_nothing() -> None:
    mine = np.array([[1, 0], [0, 1], [np.nan, 1]], dtype=np.float32)
    theirs = np.array([[np.nan, 0], [1, 0.01], [1, 0.3]], dtype=np.float32)
    matches = by_meaning(mine, theirs, 0.9, "meaning", "contaminated_meaning")
    assert [(m.at, m.of) for m in matches] == [(0, 1)]
    assert by_meaning(mine, theirs[:1], 0.9, "meaning", "contaminated_meaning") == []
    assert by_meaning(mine[:0], theirs, 0.9, "meaning", "contaminated_meaning") == []


@pytest.mark.parametrize("bad", [Settings(overlap=0), Settings(shingle=0), Settings(radius=17), Settings(cosine=1.2)])
def test_settings_that_cannot_work_are_refused(bad: Settings) -> None:
    with pytest.raises(ConfigError):
        bad.checked()
