"""Samples, runs and outcomes go into the store and come back as they were."""

from pathlib import Path

import pytest

from curation.errors import StoreError
from curation.records import Image, Option, Outcome, Sample
from storage import corpus
from storage.store import Store
from tests.storage.hand_built import (
    PICTURE,
    STEPS,
    a_sample,
    a_store,
    an_image,
    an_outcome,
    rows,
    start,
    take_in,
    tuples,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return a_store(tmp_path)


def files(store: Store, table: str) -> int:
    return len(list((store.root / "segments" / table).glob("*.parquet")))


FULL = Sample(
    id="tab/0007 ü",
    source="tabmwp",
    question='What is "the" range?\n\0\u2028 漢',
    reference="3/4",
    kind="mcq",
    image=an_image(),
    options=(Option("A", "1/2"), Option("B", "3/4")),
    context="a | table",
    text_question="whole",
    given_caption="",
    solution="4 - 1",
    difficulty="easy",
    licence="CC BY-SA 4.0",
    meta={"grade": 4, "nested": {"list": [1, 2.5, None, True, "x"]}, "big": 2**53},
    position=12,
)


def test_a_sample_comes_back_with_the_same_key(store: Store) -> None:
    plain = a_sample(0, reference=None)
    corpus.add_samples(store, [FULL, plain], [(an_image(), PICTURE)])
    corpus.add_members(store, "r1", [(s.id, s.key, s.position) for s in (FULL, plain)])
    with store.snapshot() as snapshot:
        back = corpus.read_samples(snapshot, "r1")
    assert back == [plain, FULL]
    assert [sample.key for sample in back] == [plain.key, FULL.key]
    assert store.read_image(an_image().sha256, "png") == PICTURE


def test_adding_the_same_again_adds_nothing(store: Store) -> None:
    for _ in range(2):
        corpus.add_samples(store, [FULL, a_sample(1), FULL], [(an_image(), PICTURE)])
        corpus.add_members(store, "r1", [(FULL.id, FULL.key, 12)] * 2)
        corpus.add_outcomes(store, "r1", [an_outcome(FULL, "caption", value="x")])
    assert [files(store, table) for table in ("samples", "images", "members", "outcomes")] == [1, 1, 1, 1]
    assert tuples(store, "SELECT count(*) FROM raw_samples") == [(2,)]


def test_batches_that_overlap_show_each_sample_and_member_once(store: Store) -> None:
    samples = [a_sample(n) for n in range(4)]
    for some in (samples[:3], samples[1:]):
        take_in(store, some)
    assert tuples(store, "SELECT sample_id FROM samples ORDER BY 1") == [("s0",), ("s1",), ("s2",), ("s3",)]
    assert len(rows(store, "FROM members")) == 4
    with store.snapshot() as snapshot:
        assert corpus.read_samples(snapshot, "r1") == samples


def test_samples_are_read_page_by_page_in_order_of_position(store: Store) -> None:
    samples = [a_sample(n, position=10 * (5 - n)) for n in range(5)]
    take_in(store, samples)
    corpus.add_members(store, "r1", [("bad", "", 25)])
    ordered = samples[::-1]
    with store.snapshot() as snapshot:
        first = corpus.read_samples(snapshot, "r1", count=2)
        rest = corpus.read_samples(snapshot, "r1", after=first[-1].position)
        some = corpus.read_samples(snapshot, "r1", positions=[10, 40, 99])
        assert corpus.read_samples(snapshot, "other") == []
        assert corpus.read_samples(snapshot, "r1", positions=[]) == []
    assert first + rest == ordered
    assert some == [samples[4], samples[1]]


def test_a_run_reads_the_version_of_a_sample_that_its_source_gave(store: Store) -> None:
    old, new = a_sample(0), a_sample(0, question="changed")
    take_in(store, [old], "r1")
    take_in(store, [new], "r2")
    with store.snapshot() as snapshot:
        assert corpus.read_samples(snapshot, "r1") == [old]
        assert corpus.read_samples(snapshot, "r2") == [new]


def test_a_sample_whose_image_row_is_lost_is_a_clear_error(store: Store) -> None:
    take_in(store, [FULL])
    for path in (store.root / "segments" / "images").glob("*.parquet"):
        path.unlink()
    with store.snapshot() as snapshot, pytest.raises(StoreError, match="names image"):
        corpus.read_samples(snapshot, "r1")


def test_columns_hold_one_row_a_sample_with_just_the_asked_fields(store: Store) -> None:
    take_in(store, [a_sample(0, position=3), a_sample(1, position=2, image=an_image())])
    with store.snapshot() as snapshot:
        table = corpus.columns(snapshot, "r1", ["question", "image", "phash", "width"])
    assert table.column_names == ["sample_id", "sample_key", "position", "question", "image", "phash", "width"]
    assert [tuple(row.values())[3:] for row in table.to_pylist()] == [
        ("How many dots are in picture 1?", an_image().sha256, 2**64 - 1, 640),
        ("How many dots are in picture 0?", None, None, None),
    ]


def test_a_field_that_samples_do_not_have_is_refused(store: Store) -> None:
    with store.snapshot() as snapshot, pytest.raises(StoreError, match="no field"):
        corpus.columns(snapshot, "r1", ['x" FROM samples; --'])


@pytest.mark.parametrize(
    "value", [None, "", "text\0é", 0, 1.5, True, [], {}, {"a": [None, {"b": "c"}]}, "null", '{"a":1}']
)
def test_an_outcome_comes_back_as_it_was(store: Store, value: object) -> None:
    outcome = Outcome("s", "k", "verify", "f", "dropped", value, "wrong_answer", "é", 3, ("c1", "c2"), 1.25)
    corpus.add_outcomes(store, "r1", [outcome])
    with store.snapshot() as snapshot:
        assert corpus.known_outcomes(snapshot, ["s"], ["f"]) == [outcome]


def test_known_outcomes_are_those_of_the_asked_samples_and_steps_once_a_key(store: Store) -> None:
    one, two = a_sample(1), a_sample(2)
    first, again = an_outcome(one, "caption", "failed"), an_outcome(one, "caption", value="better")
    corpus.add_outcomes(store, "r1", [first, an_outcome(two, "caption"), an_outcome(one, "split")])
    corpus.add_outcomes(store, "r2", [again])
    with store.snapshot() as snapshot:
        assert corpus.known_outcomes(snapshot, ["s1", "s9"], ["f-caption", "f-none"]) == [again]
        assert corpus.known_outcomes(snapshot, [], ["f-caption"]) == []
        assert corpus.known_fingerprints(snapshot, ["f-caption", "f-none"]) == {"f-caption"}


def test_text_that_is_not_unicode_does_not_stop_a_batch(store: Store) -> None:
    broken = Outcome("s", "k", "distill", "f", "failed", {"raw": "a\ud800b"}, "step_error", "x\udfff", 0)
    corpus.add_outcomes(store, "r1", [broken])
    assert tuples(store, "SELECT value ->> '$.raw', detail FROM outcomes") == [("a?b", "x?")]


def test_status_tells_of_each_run_how_far_it_is(store: Store) -> None:
    start(store, "r1", steps=STEPS[:3])
    take_in(store, [a_sample(n) for n in range(3)])
    corpus.add_outcomes(
        store,
        "r1",
        [an_outcome(a_sample(0), "dedup"), an_outcome(a_sample(1), "dedup", "dropped", reason="near_image")],
    )
    corpus.add_outcomes(store, "r1", [an_outcome(a_sample(0), "caption", "failed", reason="call_timeout")])
    corpus.end_run(store, "r1", event="interrupted", detail="Ctrl-C")
    start(store, "r2", "other", steps=STEPS[:1])
    newest, run = corpus.status(store)
    assert (newest["run_id"], newest["status"], newest["samples"], newest["kept"]) == ("r2", "running", 0, 0)
    assert (run["run_id"], run["status"], run["detail"]) == ("r1", "interrupted", "Ctrl-C")
    assert [run[name] for name in ("samples", "kept", "dropped", "failed", "pending")] == [3, 0, 1, 1, 1]
    assert run["settings"] == {"draws": 2}
    assert [step["step"] for step in run["funnel"]] == ["intake", "dedup", "caption"]
    assert run["funnel"][2]["failed_by_reason"] == {"call_timeout": 1}
    assert corpus.status(store, limit=1)[0]["run_id"] == "r2"


def test_failures_name_sample_step_and_reason(store: Store) -> None:
    start(store, steps=STEPS[:3])
    take_in(store, [a_sample(n) for n in range(3)])
    lost = [an_outcome(a_sample(n), "dedup", "failed", reason="step_error", detail=f"E{n}") for n in (2, 1)]
    corpus.add_outcomes(store, "r1", [*lost, an_outcome(a_sample(0), "dedup", "dropped", reason="near_image")])
    expected = [
        {"position": n, "sample_id": f"s{n}", "step": "dedup", "reason": "step_error", "detail": f"E{n}"}
        for n in (1, 2)
    ]
    assert corpus.failures(store, "r1") == expected
    assert corpus.failures(store, "r1", limit=1) == expected[:1]
    assert corpus.failures(store, "r0") == []


def test_images_named_by_several_samples_are_stored_once(store: Store) -> None:
    other = Image("b" * 64, "jpeg", 1, 2, 3, "q", 0)
    corpus.add_samples(store, [a_sample(0, image=an_image()), a_sample(1, image=an_image()), a_sample(2, image=other)])
    assert tuples(store, "SELECT format, width, phash FROM images ORDER BY format") == [
        ("jpeg", 1, 0),
        ("png", 640, 2**64 - 1),
    ]
