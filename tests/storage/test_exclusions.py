"""Passes that keep samples out of the splits: they count once whole, for one version of a sample, until undone."""

from pathlib import Path

import pytest

from curation.errors import ConfigError
from storage import corpus
from storage.exclusions import Exclusion, pool, pool_texts, record_pass, undo_pass
from storage.migrations import MIGRATIONS, migrate
from storage.store import Store
from tests.storage.hand_built import a_sample, a_store, an_outcome, start, take_in, tuples, verdict

SPLITS = "SELECT sample_id, split, reason FROM splits ORDER BY sample_id"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """s0 and s1 in split sft, s2 lost at verify; s1 has the longer trace."""
    store = a_store(tmp_path)
    samples = [a_sample(n) for n in range(3)]
    start(store)
    take_in(store, samples)
    for n, sample in enumerate(samples):
        right = n != 2
        end = ("ok", "") if right else ("dropped", "wrong_answer")
        outcomes = [
            an_outcome(sample, "dedup", value={"cluster": sample.id}),
            an_outcome(sample, "caption", value="dots"),
            an_outcome(sample, "distill", value=f"<think>{'because ' * n}</think>{n}"),
            an_outcome(sample, "verify", end[0], verdict(right, "1"), reason=end[1]),
            an_outcome(
                sample, "draws", end[0], {"chosen": 0, "drawn": 1, "k": 1, "correct": int(right)}, reason=end[1]
            ),
            *([an_outcome(sample, "split", value={"split": "sft"})] if right else []),
        ]
        corpus.add_outcomes(store, "r1", outcomes)
    return store


def gone(number: int, of: str = "s1", reason: str = "near_text") -> Exclusion:
    sample = a_sample(number)
    return Exclusion(sample.id, sample.key, "text", of, False, of, 0.9, reason, f"repeats {of}")


def test_a_pass_takes_effect_in_every_view_of_splits_and_undoing_takes_it_back(store: Store) -> None:
    before = tuples(store, SPLITS)
    pass_id = record_pass(store, "dedup", [gone(0)], settings={}, counts={"removed": 1})
    assert tuples(store, SPLITS) == [("s0", "none", "near_text"), ("s1", "sft", "")]
    assert tuples(store, "SELECT sample_id, split, excluded FROM corpus WHERE fate = 'kept' ORDER BY 1") == [
        ("s0", "none", "near_text"), ("s1", "sft", None),
    ]  # fmt: skip
    assert tuples(store, "SELECT sft FROM yield_by_source") == [(1,)]
    assert tuples(store, "SELECT fate FROM fates WHERE sample_id = 's0'") == [("kept",)], "what the run did stays true"
    assert undo_pass(store, pass_id, "dedup") == 1
    assert tuples(store, SPLITS) == before
    assert tuples(store, "SELECT purpose, undone FROM passes") == [("dedup", True)]


def test_rows_without_the_event_of_their_pass_do_not_count(store: Store) -> None:
    before = tuples(store, SPLITS)
    row = {
        "pass_id": "dedup-cut-short",
        "sample_id": "s0",
        "sample_key": a_sample(0).key,
        "kept": False,
        "reason": "near_text",
    }
    store.append("exclusions", [row])
    assert tuples(store, SPLITS) == before
    assert tuples(store, "SELECT * FROM exclusions") == []


def test_undoing_one_of_two_passes_leaves_the_other_standing(store: Store) -> None:
    first = record_pass(store, "dedup", [gone(0)], settings={}, counts={})
    second = record_pass(store, "decontaminate", [gone(0, "b7", "contaminated_question")], settings={}, counts={})
    assert tuples(store, SPLITS)[0] == ("s0", "none", "near_text")
    undo_pass(store, first, "dedup")
    assert tuples(store, SPLITS)[0] == ("s0", "none", "contaminated_question")
    with pytest.raises(ConfigError, match=f"standing: {second}"):
        undo_pass(store, first, "decontaminate")


def test_a_changed_sample_is_another_and_not_excluded(store: Store) -> None:
    other = a_sample(0, question="Changed?")
    stale = Exclusion("s0", other.key, "text", "s1", False, "s1", 0.9, "near_text")
    record_pass(store, "dedup", [stale], settings={}, counts={})
    assert tuples(store, SPLITS)[0] == ("s0", "sft", "")


def test_a_sample_that_matches_several_benchmark_rows_is_one_row_in_the_splits(store: Store) -> None:
    record_pass(store, "decontaminate", [gone(0, "b1"), gone(0, "b2")], settings={}, counts={})
    assert len(tuples(store, SPLITS)) == 2
    assert len(tuples(store, "SELECT * FROM contaminated")) == 2


def test_the_pool_is_what_is_kept_and_not_excluded_yet(store: Store) -> None:
    def ids(every: bool = False) -> list[tuple[str, bool, bool]]:
        with store.snapshot() as snapshot:
            rows = pool(snapshot, ["sample_id", "verified", "length", "pixels"], every=every).to_pylist()
        return [(row["sample_id"], row["verified"], row["length"] > 20) for row in rows]

    assert ids() == [("s0", True, False), ("s1", True, True)]
    assert ids(every=True) == [("s0", True, False), ("s1", True, True), ("s2", False, True)]
    record_pass(store, "dedup", [gone(0)], settings={}, counts={})
    assert ids() == [("s1", True, True)]
    with store.snapshot() as snapshot:
        assert list(pool_texts(snapshot, lambda row: row["question"], ["question"])) == [
            "How many dots are in picture 1?"
        ]


def test_a_store_of_version_2_gains_the_tables(tmp_path: Path) -> None:
    import duckdb

    with duckdb.connect(str(tmp_path / "old.duckdb")) as old:
        for earlier in MIGRATIONS[:2]:
            earlier(old)
        for table in ("passes", "exclusions"):
            old.execute(f"drop table {table}")
        old.execute("create table _version as select 2 as applied")
        migrate(old)
        assert {"passes", "exclusions"} <= {
            name for (name,) in old.execute("select table_name from duckdb_tables()").fetchall()
        }
