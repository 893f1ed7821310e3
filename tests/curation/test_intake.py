"""The intake: which rows become samples, in what form, and with which reason the others are refused."""

import io
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pil

from curation.intake import SeenIds, _together, intake, prepare, samples
from curation.pictures import DEFAULT_LIMITS, Limits
from curation.reasons import INTAKE
from curation.records import Json, Rejected, Sample
from curation.sources import RawRow, Source, open_source
from curation.sources.files import Folder, NoFiles
from tests.curation.sourced import write_lines


def png(shade: int = 0, size: tuple[int, int] = (16, 12)) -> bytes:
    target = io.BytesIO()
    Pil.new("RGB", size, (shade % 256, shade // 256, 0)).save(target, "PNG")
    return target.getvalue()


PICTURE = png()


def row(files: Any = None, **values: Json) -> RawRow:
    given = {"image": PICTURE, "question": "How many?", "answer": "3", **values}
    return RawRow("shop", 0, given, given, files or NoFiles())


def taken(**values: Json) -> Sample:
    found = intake(row(**values), seen_ids=SeenIds())
    assert isinstance(found, tuple), found
    return found[0]


def reason(files: Any = None, **values: Json) -> str:
    found = intake(row(files, **values), seen_ids=SeenIds())
    assert isinstance(found, Rejected), found
    assert found.reason in INTAKE
    orjson.dumps([found.id, found.detail, found.raw])
    return found.reason


def test_a_row_becomes_a_sample_with_its_pictures_original_bytes() -> None:
    given = row(id=7, context={"towns": 3}, difficulty=2, licence="MIT", caption=" a chart ", **{"meta.unit": "kg"})
    sample, data = intake(given, seen_ids=SeenIds())  # type: ignore[misc]
    assert data is PICTURE
    assert (sample.id, sample.source, sample.reference, sample.kind) == ("shop-7", "shop", "3", "digit")
    assert (sample.context, sample.difficulty, sample.licence) == ('{"towns": 3}', "2", "MIT")
    assert (sample.given_caption, sample.meta) == ("a chart", {"unit": "kg"})
    assert sample.image.width == 16
    assert sample.key


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"question": None}, "question_empty"),
        ({"question": " \n"}, "question_empty"),
        ({"question": "<image>"}, "question_empty"),
        ({"question": "x" * 100_000}, "question_too_long"),
        ({"text_question": "x" * 100_000}, "question_too_long"),
        ({"question": "half \ud800 a pair"}, "row_encoding"),
        ({"question": "zero \0 byte"}, "row_encoding"),
        ({"context": {"deep": ["\0"]}, "answer": "\0"}, "row_encoding"),
        ({"question": b"bytes"}, "row_malformed"),
        ({"context": "x" * 300_000}, "row_malformed"),
        ({"answer": None}, "answer_missing"),
        ({"answer": "  "}, "answer_missing"),
        ({"answer": ["3", "4"]}, "answer_malformed"),
        ({"answer": [1, 2, 3]}, "answer_malformed"),
        ({"answer": [1, 2, 3, None]}, "answer_malformed"),
        ({"answer": {"value": 3}}, "answer_malformed"),
        ({"answer": float("nan")}, "answer_malformed"),
        ({"answer": float("inf")}, "answer_malformed"),
        ({"answer": "x" * 30_000}, "answer_malformed"),
        ({"answer": "blue", "kind": "number"}, "answer_malformed"),
        ({"answer": "[1, 2]", "kind": "box"}, "answer_malformed"),
        ({"kind": "digt"}, "row_malformed"),
        ({"options": "not json"}, "options_malformed"),
        ({"options": "7"}, "options_malformed"),
        ({"options": 7}, "options_malformed"),
        ({"options": ["3"]}, "options_malformed"),
        ({"options": ["3", None]}, "options_malformed"),
        ({"options": ["3", ""]}, "options_malformed"),
        ({"options": ["3", ["4"]]}, "options_malformed"),
        ({"options": {"1": "3", "2": "4"}}, "options_malformed"),
        ({"options": {"A": "3", "a": "4"}}, "options_malformed"),
        ({"options": [str(n) for n in range(27)]}, "options_malformed"),
        ({"options": ["3", "four", "Four "]}, "options_duplicate"),
        ({"options": ["two  words", "Two words", "3"]}, "options_duplicate"),
        ({"options": ["1", "2"]}, "answer_not_in_options"),
        ({"options": ["1", "2"], "answer": "C"}, "answer_not_in_options"),
        ({"options": ["1", "2"], "answer": "A. 2"}, "answer_not_in_options"),
        ({"options": ["1", "2"], "answer": 0}, "answer_not_in_options"),
        ({"kind": "mcq", "answer": "blue"}, "answer_not_in_options"),
        ({"id": ["a"]}, "row_malformed"),
        ({"id": True}, "row_malformed"),
        ({"id": "x" * 201}, "row_malformed"),
        ({"meta": ["not an object"]}, "row_malformed"),
        ({"image": None}, "field_missing"),
        ({"image": 7}, "row_malformed"),
        ({"image": [PICTURE, PICTURE]}, "row_malformed"),
        ({"image": {"bytes": None, "path": None}}, "row_malformed"),
        ({"image": "data:image/png;base64,@@"}, "image_unreadable"),
        ({"image": b""}, "image_empty"),
        ({"image": PICTURE[:40]}, "image_truncated"),
        ({"image": b"no picture"}, "image_unreadable"),
        ({"image": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, "image_format"),
        ({"image": png(size=(1, 1))}, "image_too_small"),
        ({"image": "a.png"}, "image_outside"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_reason(values: dict[str, Json], expected: str) -> None:
    assert reason(**values) == expected


def test_a_refused_row_keeps_the_beginning_of_what_it_was() -> None:
    found = intake(row(id="a", question="", context="x" * 9_000), seen_ids=SeenIds())
    assert isinstance(found, Rejected)
    assert (found.id, found.source) == ("shop-a", "shop")
    assert found.raw.startswith('{"image": "<')
    assert len(found.raw) == 2_000


def test_mapped_fields_that_the_row_lacks_are_named() -> None:
    for target in ("question", "image", "id"):
        lacking = row()
        values = {name: value for name, value in lacking.values.items() if name != target}
        found = intake(RawRow("shop", 0, values, values, NoFiles(), {target: "col"}), seen_ids=SeenIds())
        assert isinstance(found, Rejected)
        assert (found.reason, found.detail) == ("field_missing", f"{target}: the row has no col")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(PICTURE)
    (tmp_path / "outside.png").write_bytes(PICTURE)
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "outside.png")
    (tmp_path / "in" / "inner.png").symlink_to("a.png")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    (tmp_path / "in" / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "in" / "pipe.png")
    return Folder(tmp_path / "in")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("../outside.png", "image_outside"),
        ("link.png", "image_outside"),
        ("up/outside.png", "image_outside"),
        ("/etc/passwd", "image_outside"),
        ("/dev/zero", "image_outside"),
        ("https://example.org/a.png", "image_outside"),
        ("missing.png", "image_missing"),
        ("a.png/b.png", "image_missing"),
        ("x" * 5_000, "image_missing"),
        (" ", "image_missing"),
        ("pipe.png", "image_unreadable"),
        ("loop.png", "image_unreadable"),
        (".", "image_unreadable"),
        ("a.png\0", "row_encoding"),
    ],
)
def test_paths_that_lead_nowhere_or_elsewhere_are_refused(folder: Folder, path: str, expected: str) -> None:
    assert reason(folder, image=path) == expected


def test_pictures_are_found_by_path_bytes_or_both(folder: Folder) -> None:
    import base64

    text = base64.b64encode(PICTURE).decode()
    absolute = str(folder.path / "a.png")
    inside = ["a.png", "./a.png", "inner.png", absolute, ["a.png"], {"path": "a.png", "bytes": None}]
    carried = [PICTURE, {"bytes": PICTURE, "path": "../x"}, {"bytes": text}, f"data:image/png;base64,{text}"]
    for value in [*inside, *carried]:
        found = intake(row(folder, image=value), seen_ids=SeenIds())
        assert isinstance(found, tuple), found
        assert found[1] == PICTURE


def test_words_may_stand_in_for_a_picture() -> None:
    sample = taken(image=None, text_question="A square has side 2. Find its area.")
    assert sample.image is None
    assert taken(image=None, caption="A square").given_caption == "A square"


def test_a_missing_answer_is_kept_only_where_none_is_needed() -> None:
    sample, _ = intake(row(answer=None), seen_ids=SeenIds(), need_answer=False)  # type: ignore[misc]
    assert (sample.reference, sample.kind) == (None, "open")


UNREAD = ("question", "options", "reference")


@pytest.mark.parametrize(
    ("values", "left"),
    [
        ({"answer": "E", "options": ["red", "blue"]}, {"answer"}),
        ({"options": "junk"}, {"options"}),
        ({"options": ["red", "red"], "answer": "red"}, {"options"}),
        ({"answer": {"a": 1}}, {"answer"}),
        ({"answer": b"3"}, {"answer"}),
        ({"kind": "riddle"}, {"answer"}),
        ({"kind": "riddle", "answer": None}, {"answer"}),
        ({"question": "x" * 30_000}, {"question"}),
        ({"question": ["How", "many?"], "answer": 3}, set()),
        ({"question": None, "answer": None}, set()),
    ],
)
def test_what_the_run_never_reads_costs_no_picture(values: dict[str, Json], left: set[str]) -> None:
    found = prepare(row(**values), need_answer=True, unread=UNREAD, limits=DEFAULT_LIMITS)
    assert isinstance(found, tuple), found
    sample = found[0]
    assert sample.image is not None
    assert set(sample.meta.get("left_aside", {})) == left
    orjson.dumps(sample.meta)


def test_what_was_left_aside_keeps_rows_of_one_picture_apart_and_can_be_looked_up() -> None:
    one, other = (
        prepare(row(question=None, answer={"a": n}), need_answer=True, unread=UNREAD, limits=DEFAULT_LIMITS)
        for n in (1, 2)
    )
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    assert one[0].id != other[0].id
    assert one[0].meta["left_aside"] == {"answer": '{"answer": {"a": 1}}'}


@pytest.mark.parametrize("unread", [("question",), ("question", "options"), ("options",)])
def test_an_answer_that_is_read_must_be_one_of_the_options(unread: tuple[str, ...]) -> None:
    given = row(answer="E", options=["red", "blue"])
    found = prepare(given, need_answer=True, unread=unread, limits=DEFAULT_LIMITS)
    assert isinstance(found, Rejected)
    assert found.reason == "answer_not_in_options"


@pytest.mark.parametrize(
    ("answer", "reference", "kind"),
    [
        (6, "6", "digit"),
        (6.0, "6", "digit"),
        (-0.0, "0", "digit"),
        (12, "12", "number"),
        (3.50, "3.5", "number"),
        (1e22, "1e+22", "number"),
        (10**30, "1" + "0" * 30, "number"),
        (True, "yes", "text"),
        (False, "no", "text"),
        (" <answer> 42 </answer> ", "42", "number"),
        ([1, 2.0, 30.5, 40], "[1, 2, 30.5, 40]", "box"),
        ("[1,2,30.50,40]", "[1, 2, 30.5, 40]", "box"),
        ("\\frac{1}{2}", "\\frac{1}{2}", "number"),
        ("(3, -4)", "(3, -4)", "math"),
        ("C", "C", "text"),
        ("Riverwalk Bank", "Riverwalk Bank", "text"),
        ("because the two lines never cross", "because the two lines never cross", "open"),
    ],
)
def test_answers_are_texts_of_an_inferred_kind(answer: Json, reference: str, kind: str) -> None:
    sample = taken(answer=answer)
    assert (sample.reference, sample.kind) == (reference, kind)


def test_a_given_kind_beats_the_inferred_one() -> None:
    assert taken(kind="math").kind == "math"
    assert taken(kind="digit", answer="10").kind == "digit"
    kept = taken(kind="text", options=["red", "blue"], answer="blue")
    assert (kept.kind, kept.reference, len(kept.options)) == ("text", "blue", 2)


@pytest.mark.parametrize(
    ("options", "answer", "letter", "text"),
    [
        (["red", "blue"], "blue", "B", "blue"),
        (["red", "blue"], " BLUE ", "B", "blue"),
        (("red", "blue"), "b", "B", "blue"),
        (["red", "blue"], "(B)", "B", "blue"),
        (["red", "blue"], "B.", "B", "blue"),
        (["red", "blue"], "B. blue", "B", "blue"),
        (["A. red", "B. blue"], "blue", "B", "blue"),
        (["(a) red", "(b) blue"], "B", "B", "blue"),
        (["B) blue", "A) red"], "B", "B", "blue"),
        (["A)red", "B)blue"], "A", "A", "red"),
        ({"B": "blue", "A": "red"}, "B", "B", "blue"),
        ('["red", "blue"]', "blue", "B", "blue"),
        ('{"a": "red", "b": "blue"}', "b", "B", "blue"),
        ([2, 2.5], 2.5, "B", "2.5"),
        (["yes", "no"], False, "B", "no"),
        (["A", "B", "C", "D", "E"], "D", "D", "D"),
        (["(A)", "(B)", "(C)"], "C", "C", "C"),
        (["A", "B", "D", "F", "G"], "D", "C", "D"),
        (["A", "B", "D", "F", "G"], "E", "E", "G"),
        (["J. Smith", "A. Jones"], "J. Smith", "A", "J. Smith"),
        (["U.S.", "U.K."], "U.K.", "B", "U.K."),
    ],
)
def test_options_get_letters_and_the_answer_is_one(options: Json, answer: Json, letter: str, text: str) -> None:
    sample = taken(options=options, answer=answer)
    assert (sample.kind, sample.reference) == ("mcq", letter)
    assert {option.letter: option.text for option in sample.options}[letter] == text


def test_the_answer_as_given_is_kept_beside_the_letter() -> None:
    assert taken(options=["red", "blue"], answer="blue").meta == {"answer_as_given": "blue"}
    assert taken(options=["red", "blue"], answer="B").meta == {}
    assert taken(kind="mcq", answer="(c)").reference == "C"


@pytest.mark.parametrize("options", [None, [], {}, "", "[]", "null"])
def test_no_options_are_no_multiple_choice(options: Json) -> None:
    assert taken(options=options).kind == "digit"


def test_the_marker_of_the_pictures_place_is_taken_out_of_the_question() -> None:
    assert taken(question="<image>\nHow many?").question == "How many?"
    assert taken(question="See here.\n<image1>\nHow many?").question == "See here.\n\nHow many?"
    assert taken(question="Compare <image1> and <image2>").question == "Compare\nand <image2>"


def test_ids_without_a_column_follow_the_content_and_not_the_place() -> None:
    assert taken().id == taken(context="more").id
    assert taken().id != taken(question="How much?").id
    assert taken().id != taken(image=png(5)).id


def test_a_repeated_id_is_refused_under_a_name_of_its_own() -> None:
    seen = SeenIds()
    found = [intake(row(id=id), seen_ids=seen) for id in ("a", "a#2", "a", "a", "b")]
    names = [(x.id, x.reason) if isinstance(x, Rejected) else x[0].id for x in found]
    expected = ["shop-a", "shop-a#2", ("shop-a#3", "duplicate_id"), ("shop-a#4", "duplicate_id"), "shop-b"]
    assert names == expected


def test_every_row_has_its_own_id_even_when_refused(tmp_path: Path) -> None:
    lines = [{"id": 1, "question": ""}] * 3 + [b"{broken"] * 3
    found = list(samples(open_source(write_lines(tmp_path / "rows.jsonl", *lines))))
    assert len({item.id for item in found if isinstance(item, Rejected)}) == 6


def test_integers_and_numbers_no_store_can_hold_are_kept_as_text_or_null() -> None:
    meta = taken(meta={"big": 10**30, "nan": float("nan"), "deep": [{"x": (1, None)}]}).meta
    assert meta == {"big": str(10**30), "nan": None, "deep": [{"x": [1, None]}]}


def many(tmp_path: Path, count: int) -> Source:
    for n in range(count):
        (tmp_path / f"{n}.png").write_bytes(png(n))
    lines = [{"id": n, "image": f"{n}.png", "question": "q", "answer": n} for n in range(count)]
    return open_source(write_lines(tmp_path / "rows.jsonl", *lines))


def test_order_is_kept_and_only_a_few_rows_are_held(tmp_path: Path) -> None:
    source, threads_before = many(tmp_path, 60), threading.active_count()
    stream = samples(source, threads=3)
    first = next(stream)
    (tmp_path / "59.png").unlink()
    rest = list(stream)
    ids = [item.id if isinstance(item, Rejected) else item[0].id for item in [first, *rest]]
    assert ids == [f"{source.name}-{n}" for n in range(60)]
    assert rest[-1].reason == "image_missing"  # type: ignore[union-attr]
    assert threading.active_count() == threads_before


def test_a_stream_left_early_stops_its_threads(tmp_path: Path) -> None:
    before = threading.active_count()
    stream = samples(many(tmp_path, 20))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_a_bad_row_never_stops_the_good_ones(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    good = {"image": "a.png", "question": "q", "answer": "1"}
    bad = [b"{", b'{"question": "caf\xe9"}', {**good, "image": "../a.png"}, {**good, "answer": None}, b"7"]
    lines = [good, *bad, {**good, "question": "q2"}]
    found = list(samples(open_source(write_lines(tmp_path / "rows.jsonl", *lines))))
    kinds = [item.reason if isinstance(item, Rejected) else "sample" for item in found]
    expected = ["sample", "row_malformed", "row_encoding", "image_outside", "answer_missing", "row_malformed", "sample"]
    assert kinds == expected
    assert [item.position if isinstance(item, Rejected) else item[0].position for item in found] == list(range(7))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(st.characters(), max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
TARGETS = ("id", "image", "question", "answer", "options", "kind", "context", "source", "meta", "caption", "solution")


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(TARGETS), JSON, max_size=6))
def test_whatever_a_row_holds_it_becomes_storable(values: dict[str, Json]) -> None:
    found = intake(row(**values), seen_ids=SeenIds())
    if isinstance(found, Rejected):
        assert found.reason in INTAKE
        orjson.dumps([found.id, found.source, found.detail, found.raw])
    else:
        assert found[0].key
        assert found[0].id.encode()


TABMWP = Path("/work/shared/data/tabmwp/problems.json")
MATHVISION = Path("/work/shared/data/mathvision/testmini.jsonl")


def counted(source: Source) -> Counter[str]:
    return Counter(item.reason if isinstance(item, Rejected) else item[0].kind for item in samples(source))


@pytest.mark.skipif(not TABMWP.exists(), reason="the shared data is not here")
def test_tabmwp_is_taken_in_whole() -> None:
    source = open_source(f"json:{TABMWP}", maps=["image=images/{key}.png", "options=choices"])
    assert source.name == "tabmwp"
    assert counted(source) == {"mcq": 275, "number": 461, "digit": 264}


@pytest.mark.skipif(not MATHVISION.exists(), reason="the shared data is not here")
def test_mathvision_is_taken_in_but_for_one_row_with_two_equal_options() -> None:
    found = counted(open_source(f"jsonl:{MATHVISION}"))
    assert found == {"mcq": 189, "digit": 69, "number": 43, "text": 1, "math": 1, "options_duplicate": 1}


def test_a_picture_seen_before_is_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_lines(
        tmp_path / "rows.jsonl", *({"image": f"{n}.png", "question": "?", "answer": "3"} for n in (0, 1))
    )
    for number in (0, 1):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    first = [taken for taken in samples(open_source(file)) if not isinstance(taken, Rejected)]
    known = {sample.image.sha256: sample.image for sample, _ in first if sample.image}
    monkeypatch.setattr("curation.intake.inspect", lambda *_, **__: pytest.fail("it was decoded"))
    assert [*samples(open_source(file), known=known.get)] == first


def test_a_picture_seen_before_is_still_held_to_the_limits(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "rows.jsonl", {"image": "0.png", "question": "?", "answer": "3"})
    (tmp_path / "0.png").write_bytes(png(0))
    source = open_source(file)
    [(sample, _)] = [taken for taken in samples(source) if not isinstance(taken, Rejected)]
    [refused] = samples(source, known=lambda _: sample.image, limits=Limits(smallest_side=13))
    assert isinstance(refused, Rejected)
    assert refused.reason == "image_too_small"


def test_small_pictures_are_handed_over_many_at_a_time_and_large_ones_one_by_one() -> None:
    def of(size: int) -> Any:
        return (None, b"x" * size)

    assert _together([of(2_000), of(300)]) == 16
    assert _together([of(300_000)]) == 3
    assert _together([of(2_000), of(5_000_000)]) == 1
    assert _together([]) == 16
