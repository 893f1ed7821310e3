"""Reviews that the latest runs leave without effect are told of, by pages and commands alike."""

from contextlib import closing
from pathlib import Path

import pytest

from flows.cli import main
from flows.review import without_effect
from storage import review_index
from storage.desk import Desk
from storage.earlier import LOOK
from storage.query import read_only
from storage.reviews import Decision, decide
from storage.store import Store
from tests.storage.hand_built import a_sample, rows
from tests.ui.built import a_picture, many, run_again


def judged(path: Path) -> Store:
    """Five samples, of which 0 is accepted, 1 rejected and 2 skipped, all for the trace of run r1."""
    store = many(path, 5)
    words = rows(store, "SELECT sample_id, sample_key, md5(coalesce(rewrite, trace)) AS judged FROM corpus ORDER BY 1")
    for row, word in zip(words, ("accept", "reject", "skip"), strict=False):
        decide(store, Decision(row["sample_id"], row["sample_key"], "ann", word, "r1", row["judged"]))
    return store


def told_twice(store: Store) -> list[str]:
    """What the desk tells, which is what the views tell."""
    assert review_index.live(store.root) is None
    told = without_effect(store)
    review_index.build(store.root)
    with closing(Desk(store)) as desk:
        assert told == without_effect(store) == desk.without_effect()
    return told


def test_reviews_that_count_are_not_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = judged(tmp_path)
    assert told_twice(store) == []
    assert main(["status", "--store", str(store.root)]) == 0
    assert "reviewed" not in capsys.readouterr().out


def test_samples_that_a_later_run_did_not_take_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = judged(tmp_path)
    run_again(store, [a_sample(n) for n in (7, 8, 9)])
    assert [row["sample_id"] for row in rows(store, "FROM splits ORDER BY 1")] == ["s7", "s8", "s9"]
    [told] = told_twice(store)
    assert told.startswith("2 reviewed samples are in no latest run of a recipe, so in no split: 2 judged in r1.")
    assert main(["status", "--store", str(store.root)]) == 0
    assert told in capsys.readouterr().out
    found = read_only(store, LOOK).to_pylist()
    assert {(row["sample_id"], row["decision"]) for row in found} == {
        ("s0", "accept"),
        ("s1", "reject"),
        ("s2", "skip"),
    }


def test_decisions_on_a_trace_that_is_no_more_are_told_of(tmp_path: Path) -> None:
    store = judged(tmp_path)
    run_again(store, [a_sample(n, image=a_picture()[0]) for n in range(5)])
    assert {row["split"] for row in rows(store, "FROM splits WHERE sample_id = 's1'")} == {"sft"}
    [told] = told_twice(store)
    assert told.startswith("2 samples were accepted or rejected for a trace that the latest run does not have")
