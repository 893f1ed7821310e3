"""Decisions as events: what stands, what annotators say together, and where it puts a sample."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from curation.errors import ConfigError, StoreError
from curation.records import Sample
from storage import corpus, review_index, taken_in
from storage.desk import Desk, Wanted
from storage.leases import Leases
from storage.liveness import alive
from storage.reviews import Decision, annotator_name, decide, decide_all, pseudonyms, undo
from storage.store import Store
from tests.storage.hand_built import a_sample, a_store, an_image, an_outcome, rows, start, take_in, tuples, verdict

TRACE = "<think>I count.</think><answer>{}</answer>"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """s0 sft, s1 rl, s2 wrong (dropped at verify), s3 wrong in its first draw and right in its second."""
    store = a_store(tmp_path)
    start(store)
    samples = [a_sample(n) for n in range(4)]
    take_in(store, samples)
    for n, split in ((0, "sft"), (1, "rl")):
        go_through(store, samples[n], str(n), split)
    lost = samples[2]
    said = [an_outcome(lost, "distill", value=TRACE.format(9)), an_outcome(lost, "dedup", value={}),
            an_outcome(lost, "caption", value="dots"),
            an_outcome(lost, "verify", "dropped", verdict(False, "9"), reason="wrong_answer"),
            an_outcome(lost, "draws", "dropped", {"chosen": 0, "drawn": 1}, reason="wrong_answer")]  # fmt: skip
    corpus.add_outcomes(store, "r1", said)
    go_through(store, samples[3], "3", "rl", draw=1)
    wrong = [an_outcome(samples[3], "distill", value=TRACE.format(8)),
             an_outcome(samples[3], "verify", "dropped", verdict(False, "8"), reason="wrong_answer")]  # fmt: skip
    corpus.add_outcomes(store, "r1", wrong)
    return store


def go_through(store: Store, sample: Sample, answer: str, split: str, draw: int = 0) -> None:
    values: dict[str, Any] = {
        "dedup": {}, "caption": "dots", "distill": TRACE.format(answer), "verify": verdict(True, answer),
        "draws": {"chosen": draw, "drawn": draw + 1}, "split": {"split": split},
    }  # fmt: skip
    drawn = ("distill", "verify")
    made = [an_outcome(sample, step, value=value, draw=draw if step in drawn else 0) for step, value in values.items()]
    corpus.add_outcomes(store, "r1", made)


def judge(store: Store, number: int, decision: str, annotator: str = "ann", **rest: Any) -> str:
    sample = a_sample(number)
    return decide(store, Decision(sample.id, sample.key, annotator, decision, **rest))


def splits(store: Store) -> dict[str, tuple[str, str]]:
    found = tuples(store, "SELECT sample_id, split, reason FROM splits")
    return {sample: (split, reason) for sample, split, reason in found}


def final(store: Store, number: int) -> str | None:
    found = tuples(store, "SELECT verdict FROM review_verdicts WHERE sample_id = $1", f"s{number}")
    return found[0][0] if found else None


def test_without_reviews_splits_are_what_the_run_planned(store: Store) -> None:
    assert splits(store) == {"s0": ("sft", ""), "s1": ("rl", ""), "s3": ("rl", "")}


def test_a_rejected_sample_leaves_its_split_and_undoing_brings_it_back(store: Store) -> None:
    event = judge(store, 0, "reject", reason="picture unreadable")
    assert splits(store)["s0"] == ("none", "review_rejected")
    undo(store, event, "ann")
    undo(store, event, "ann")
    assert splits(store)["s0"] == ("sft", "")


def test_an_accepted_sample_that_verification_dropped_joins_sft(store: Store) -> None:
    judge(store, 2, "accept")
    assert splits(store)["s2"] == ("sft", "review_accepted")
    judge(store, 0, "accept")
    assert splits(store)["s0"] == ("sft", "")


def test_an_edited_answer_keeps_the_question_and_the_trace_only_if_it_agrees(store: Store) -> None:
    judge(store, 2, "edit", edited_answer=" 9 ")
    judge(store, 0, "edit", edited_answer="5")
    assert splits(store)["s2"] == ("sft", "review_edited")
    assert splits(store)["s0"] == ("rl", "review_edited")
    assert tuples(store, "SELECT edited_answer FROM splits WHERE sample_id = 's0'") == [("5",)]


def test_a_wrong_step_takes_the_trace_out_of_sft_but_keeps_the_question(store: Store) -> None:
    judge(store, 0, "first_wrong_step", first_wrong_step=2)
    assert splits(store)["s0"] == ("rl", "review_wrong_step")
    judge(store, 0, "first_wrong_step", first_wrong_step=0)
    assert splits(store)["s0"] == ("sft", "")


def test_a_review_never_brings_a_picture_into_both_splits(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    start(store)
    image = an_image()
    samples = [a_sample(n, image=image) for n in range(2)]
    store.put_images([(image, b"not decoded by the store")])
    take_in(store, samples)
    for n, sample in enumerate(samples):
        go_through(store, sample, str(n), "sft")
    decide(store, Decision(samples[0].id, samples[0].key, "ann", "edit", edited_answer="7"))
    assert splits(store) == {"s0": ("none", "image_in_other_split"), "s1": ("sft", "")}


def test_a_decision_on_a_trace_holds_for_that_trace_alone(store: Store) -> None:
    judge(store, 2, "accept", judged="0" * 32)
    assert "s2" not in splits(store)
    [effect] = rows(store, "SELECT holds, split_before, split_after FROM review_effects")
    assert effect == {"holds": False, "split_before": "none", "split_after": "none"}


def test_the_majority_decides_and_a_tie_waits_for_a_lead(store: Store) -> None:
    judge(store, 0, "accept", "ann")
    judge(store, 0, "reject", "bob")
    assert final(store, 0) == "conflict"
    assert tuples(store, "SELECT disagree FROM disagreement WHERE sample_id = 's0'") == [(["reviewers"],)]
    judge(store, 0, "reject", "eve")
    assert final(store, 0) == "reject"
    judge(store, 0, "accept", "lea", adjudicates=True)
    assert final(store, 0) == "accept"


def test_the_latest_word_of_an_annotator_counts_and_a_skip_takes_it_away(store: Store) -> None:
    judge(store, 0, "reject")
    judge(store, 0, "accept")
    assert final(store, 0) == "accept"
    judge(store, 0, "skip")
    assert final(store, 0) is None


def test_a_bulk_is_one_event_that_counts_when_it_is_whole(store: Store) -> None:
    keys = [(s.id, s.key, "r1", "") for s in map(a_sample, (0, 1, 3))]
    bulk, count = decide_all(store, Decision("", "", "lea", "reject", reason="blurred"), keys)
    assert count == 3
    assert {split for split, _ in splits(store).values()} == {"none"}
    undo(store, bulk, "lea")
    assert splits(store)["s0"] == ("sft", "")


def test_a_bulk_whose_process_was_killed_decides_nothing(store: Store) -> None:
    def broken() -> Any:
        yield ("s0", a_sample(0).key, "r1", "")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decide_all(store, Decision("", "", "lea", "reject"), broken())
    row = {"review_id": "b.0", "bulk": "b", "sample_id": "s0", "sample_key": a_sample(0).key, "annotator": "lea",
           "decision": "reject"}  # fmt: skip
    store.append("reviews", [row])
    assert splits(store)["s0"] == ("sft", "")
    assert tuples(store, "SELECT standing FROM reviews") == [(False,)]


def test_preference_pairs_come_from_draws_edits_and_mended_traces(store: Store) -> None:
    pairs = "SELECT sample_id, origin, chosen, rejected FROM preference ORDER BY sample_id, origin"
    assert tuples(store, pairs) == [("s3", "draws", TRACE.format(3), TRACE.format(8))]
    judge(store, 3, "edit", edited_answer="8", edited_trace="<think>mended</think>8")
    assert tuples(store, pairs) == [
        ("s3", "edited_answer", TRACE.format(8), TRACE.format(3)),
        ("s3", "edited_trace", "<think>mended</think>8", TRACE.format(3)),
    ]
    judge(store, 3, "reject")
    assert tuples(store, pairs) == []


@pytest.mark.parametrize(
    ("decision", "rest"),
    [("approve", {}), ("edit", {}), ("first_wrong_step", {"first_wrong_step": -1}), ("reject", {"note": "x" * 5000})],
)
def test_a_malformed_decision_is_refused_before_anything_is_written(store: Store, decision: str, rest: Any) -> None:
    with pytest.raises(ConfigError):
        judge(store, 0, decision, **rest)
    assert rows(store, "FROM reviews") == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x1b[31mb"])
def test_annotators_have_names_that_can_be_printed(name: str) -> None:
    with pytest.raises(ConfigError, match="annotator"):
        annotator_name(name)


def test_exports_know_annotators_by_a_hash_of_the_store(store: Store, tmp_path: Path) -> None:
    once = pseudonyms(store, ["ann", "bob"])
    assert pseudonyms(store, ["ann"]) == {"ann": once["ann"]}
    assert once["ann"] != once["bob"]
    other = Store.open(tmp_path / "other", create=True)
    assert pseudonyms(other, ["ann"]) != {"ann": once["ann"]}


def test_a_press_saved_twice_is_one_event(store: Store) -> None:
    judge(store, 0, "reject", review_id="press-1")
    judge(store, 0, "reject", review_id="press-1")
    assert len(rows(store, "FROM reviews")) == 1


def test_no_sample_is_leased_to_two_annotators_unless_two_are_wanted(store: Store) -> None:
    leases = Leases(store)
    keys = [(f"s{n}", "k") for n in range(3)]
    assert leases.take("tab1", "ann", keys) == [keys[0]]
    assert leases.take("tab2", "ann", keys) == [keys[1]]
    assert leases.take("tab3", "bob", keys, many=3) == [keys[2]]
    assert leases.take("tab4", "eve", keys, many=3, annotators=2) == keys
    assert leases.take("tab5", "ann", keys, annotators=3) == [keys[2]]
    assert not leases.holds("tab6", "zoe", keys[0])
    leases.give_back("tab1")
    leases.give_back("tab4")
    assert leases.holds("tab6", "zoe", keys[0])


def test_a_lease_ends_by_itself(store: Store) -> None:
    leases = Leases(store)
    assert leases.take("tab1", "ann", [("s0", "k")], seconds=-1.0)
    assert leases.take("tab2", "bob", [("s0", "k")])
    assert not leases.holds("tab1", "ann", ("s0", "k"))


def test_many_threads_never_get_one_sample_twice(store: Store) -> None:
    leases, got = Leases(store), []
    keys = [(f"s{n}", "k") for n in range(40)]

    def work(name: str) -> None:
        got.extend(leases.take(name, name, keys, many=5))

    threads = [threading.Thread(target=work, args=(f"a{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(keys)


def test_the_desk_sees_decisions_of_other_processes_and_agrees_with_the_views(store: Store) -> None:
    desk = Desk(store)
    judge(store, 2, "accept", judged=desk.one("s2", a_sample(2).key)["judged"])
    judge(store, 0, "edit", edited_answer="5")
    judge(store, 1, "reject")
    event = judge(store, 3, "reject", "bob")
    desk.take_in(at_once=True)
    undo(store, event, "bob")
    desk.take_in(at_once=True)
    views = tuples(store, "SELECT sample_id, split_before, split_after, reason FROM review_effects ORDER BY sample_id")
    effects = [desk.effect(f"s{n}", a_sample(n).key) for n in range(3)]
    assert [(e["sample_id"], e["before"], e["after"], e["reason"]) for e in effects] == views
    assert desk.effect("s3", a_sample(3).key) is None
    assert [row["sample_id"] for row in desk.page(Wanted(annotator="ann"), limit=9)] == ["s3"]
    assert desk.count(Wanted(queue="mine", annotator="ann")) == 3


def test_the_desk_survives_a_compaction(store: Store) -> None:
    desk = Desk(store)
    judge(store, 0, "reject")
    store.compact(force=True)
    judge(store, 1, "reject")
    desk.take_in(at_once=True)
    assert desk.count(Wanted(queue="mine", annotator="ann")) == 2


def test_queues_hold_what_they_say(store: Store) -> None:
    judge(store, 0, "accept", "ann")
    judge(store, 0, "reject", "bob")
    judge(store, 1, "flag", "ann")
    desk = Desk(store)

    def found(queue: str, **rest: Any) -> list[str]:
        wanted = Wanted(queue=queue, annotator="ann", order="source", **rest)
        return [row["sample_id"] for row in desk.page(wanted, limit=9)]

    assert found("pending") == ["s1", "s2", "s3"]
    assert found("pending", annotators=3) == ["s1", "s2", "s3"]
    assert found("mine") == ["s0", "s1"]
    assert found("flagged") == ["s1"]
    assert found("conflicts") == ["s0"]
    assert found("everything", equal=(("verdict", ("wrong",)),)) == ["s2"]
    assert found("everything", where="answer = '9' or disagreement > 0") == ["s2", "s3"]
    assert desk.tally("split")[0] == {"value": "rl", "samples": 2}


@pytest.mark.parametrize(
    "clause",
    [
        "1 = 1) union select (1", "1), (2", "1) from events where (1", "1) --", "drop table events",
        "exists (select 1 from events)", "exists (from read_csv('/etc/passwd'))", "no_such = 1",
        "1); drop table events",
        "exists (from '/etc/passwd')", "1) limit (1", "\0", "getenv('HOME') is not null and no_such",
    ],
)  # fmt: skip
def test_a_condition_that_is_more_than_one_is_refused(store: Store, clause: str) -> None:
    desk = Desk(store)
    with pytest.raises(ConfigError):
        desk.count(Wanted(queue="everything", where=clause))


def test_a_condition_that_fails_on_a_sample_is_found_out_before_it_is_used(store: Store) -> None:
    with pytest.raises(ConfigError, match="Could not convert"):
        Desk(store).check(Wanted(queue="everything", where="cast(question as int) = 2"))


def test_a_condition_that_never_ends_is_stopped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.desk.TIMEOUT", 0.3)
    many = "".join(f", items i{n}" for n in range(14))
    clause = f"(select count(*) from items a{many} where a.position + i0.position * i13.position <> -1) > 1"
    with pytest.raises(ConfigError, match="took longer"):
        Desk(store).count(Wanted(queue="everything", where=clause))


def test_leases_of_a_server_that_is_gone_are_nobodys(store: Store) -> None:
    leases, key = Leases(store), ("s1", "k1")
    with alive(store, "review-one"):
        assert leases.take("one.tab", "ann", [key]) == [key]
        assert leases.take("two.tab", "bob", [key]) == []
    assert leases.take("two.tab", "bob", [key]) == [key]
    assert not leases.holds("one.tab", "ann", key)


def test_who_asks_while_decisions_are_taken_in_never_finds_a_decided_sample_pending(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(store, 0, "accept")
    office, found = Desk(store), []
    work_out = taken_in._work_out

    def somebody_asks_halfway(con: duckdb.DuckDBPyConnection, events: str, rest: str) -> None:
        con.execute(f"delete from verdicts {rest}")
        found.append({row["sample_id"] for row in office.page(Wanted(annotator="bob"), limit=9)})
        work_out(con, events, rest)

    monkeypatch.setattr(taken_in, "_work_out", somebody_asks_halfway)
    judge(store, 0, "flag")
    office.take_in(at_once=True)
    assert found == [{"s1", "s2", "s3"}]
    assert office.count(Wanted(queue="flagged")) == 1


def test_those_who_wait_for_the_desk_are_served_by_one_look(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    office, looks = Desk(store), []
    live = review_index.live
    monkeypatch.setattr(review_index, "live", lambda root: looks.append(root) or live(root))
    threads = [threading.Thread(target=lambda: office.take_in(at_once=True)) for _ in range(12)]
    judge(store, 0, "accept")
    with office._lock:
        for thread in threads:
            thread.start()
        time.sleep(0.5)  # all have asked by now
    for thread in threads:
        thread.join()
    assert 1 <= len(looks) < len(threads) / 2
    assert office.one("s0", a_sample(0).key)["review"] == "accept"


def test_a_snapshot_of_some_tables_has_their_newest_rows_and_refuses_the_rest(store: Store) -> None:
    with store.snapshot(tables=("samples", "outcomes")) as moment:
        assert moment.query("SELECT count(*) AS n FROM raw_samples").to_pylist() == [{"n": 4}]
        assert set(moment.segments) == {"samples", "outcomes"}
        with pytest.raises(StoreError, match="run_id"):
            moment.query("SELECT run_id FROM raw_members")
        with pytest.raises(StoreError, match="members is not among the tables"):
            moment.query("SELECT count(*) FROM raw_members")


def test_an_index_that_cannot_be_opened_leaves_the_desk_as_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Desk(store)
    before = office.index
    broken = store.root / "review" / "index-broken.duckdb"
    broken.write_bytes(b"cut short")
    newer = replace(before, path=broken, stamp="newer")
    with monkeypatch.context() as context:
        context.setattr(review_index, "live", lambda root: newer)
        with pytest.raises(StoreError, match="cannot open"):
            office.take_in(at_once=True)
        assert office.index == before
    judge(store, 0, "accept")
    office.take_in(at_once=True)
    assert office.one("s0", a_sample(0).key)["review"] == "accept"
