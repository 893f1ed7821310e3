"""What the views say of small stores, worked out by hand, row by whole row."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import orjson
import pytest

from curation.records import Outcome, Sample
from storage import corpus
from storage import funnel as funnel_module
from storage.store import Store
from tests.storage.hand_built import (
    STEPS,
    a_call,
    a_sample,
    a_store,
    add_calls,
    an_image,
    an_outcome,
    rows,
    start,
    take_in,
    tuples,
    verdict,
)

FUNNEL = "SELECT step_no, step, input, kept, dropped, failed, pending, dropped_by_reason, failed_by_reason FROM funnel"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return a_store(tmp_path)


@pytest.fixture
def finished(store: Store) -> Store:
    """s0 kept by its second draw, s1 wrong in both, s2 a duplicate, s3 without a reply, s4 over quota; two bad rows."""
    kept, wrong, twin, silent, surplus = samples = [a_sample(n) for n in range(5)]
    start(store)
    take_in(store, samples)
    corpus.add_members(store, "r1", [("line-6", "", 5), ("s0", "", 6)])
    bad = [Outcome(id, "", "intake", "f-intake", "failed", reason=why) for id, why in BAD_ROWS]
    draws = {"drawn": 2, "k": 2, "stop": "first_verified"}
    corpus.add_outcomes(
        store,
        "r1",
        [
            *bad,
            *(an_outcome(s, "dedup", value={"cluster": s.id}) for s in (kept, wrong, silent, surplus)),
            an_outcome(twin, "dedup", "dropped", {"cluster": "s0"}, reason="exact_image"),
            *(an_outcome(s, "caption", value=f"dots of {s.id}") for s in (kept, wrong, silent, surplus)),
            an_outcome(kept, "distill", value="<think>two</think>2", draw=0),
            an_outcome(kept, "verify", "dropped", verdict(False, "2"), reason="wrong_answer", draw=0),
            an_outcome(kept, "distill", value="<think>none</think>0", draw=1),
            an_outcome(kept, "verify", value=verdict(True, "0"), draw=1),
            an_outcome(kept, "draws", value=draws | {"chosen": 1, "correct": 1}),
            *(an_outcome(wrong, "distill", value=f"<think>{n}</think>9", draw=n) for n in (0, 1)),
            *(
                an_outcome(
                    wrong, "verify", "dropped", verdict(False, "9"), reason="wrong_answer", detail="9, not 1", draw=n
                )
                for n in (0, 1)
            ),
            an_outcome(wrong, "draws", "dropped", draws | {"chosen": 0, "correct": 0}, reason="wrong_answer"),
            *(an_outcome(silent, "distill", "failed", {"raw": " "}, reason="reply_empty", draw=n) for n in (0, 1)),
            an_outcome(silent, "draws", "failed", draws | {"chosen": 0, "correct": 0}, reason="reply_empty"),
            an_outcome(surplus, "distill", value="<think>four</think>4", draw=0),
            an_outcome(surplus, "verify", value=verdict(True, "4"), draw=0),
            an_outcome(surplus, "draws", value=draws | {"drawn": 1, "chosen": 0, "correct": 1}),
            an_outcome(kept, "split", value={"split": "rl"}),
            an_outcome(surplus, "split", "dropped", reason="over_quota", detail="quota is 1"),
        ],
    )
    corpus.end_run(store, "r1", event="finished")
    return store


BAD_ROWS = (("line-6", "row_malformed"), ("s0", "duplicate_id"))


def test_the_funnel_accounts_for_every_row_of_the_source(finished: Store) -> None:
    assert tuples(finished, FUNNEL) == [
        (0, "intake", 7, 5, 0, 2, 0, "{}", '{"duplicate_id":1,"row_malformed":1}'),
        (1, "dedup", 5, 4, 1, 0, 0, '{"exact_image":1}', "{}"),
        (2, "caption", 4, 4, 0, 0, 0, "{}", "{}"),
        (3, "distill", 4, 3, 0, 1, 0, "{}", '{"reply_empty":1}'),
        (4, "verify", 3, 2, 1, 0, 0, '{"wrong_answer":1}', "{}"),
        (5, "split", 2, 1, 1, 0, 0, '{"over_quota":1}', "{}"),
    ]


def test_each_sample_leaves_at_one_step_or_is_kept(finished: Store) -> None:
    sql = "SELECT sample_id, fate, step_no, step, reason, detail FROM fates ORDER BY position"
    assert tuples(finished, sql) == [
        ("s0", "kept", None, None, "", ""),
        ("s1", "dropped", 4, "verify", "wrong_answer", "9, not 1"),
        ("s2", "dropped", 1, "dedup", "exact_image", ""),
        ("s3", "failed", 3, "distill", "reply_empty", ""),
        ("s4", "dropped", 5, "split", "over_quota", "quota is 1"),
        ("line-6", "failed", 0, "intake", "row_malformed", ""),
        ("s0", "failed", 0, "intake", "duplicate_id", ""),
    ]


def test_splits_hold_what_reached_the_split_and_why_it_is_in_none(finished: Store) -> None:
    sql = "SELECT sample_id, split, reason, source, recipe, run_id, detail FROM splits ORDER BY sample_id"
    assert tuples(finished, sql) == [
        ("s0", "rl", "", "figures", "vlaa", "r1", ""),
        ("s4", "none", "over_quota", "figures", "vlaa", "r1", "quota is 1"),
    ]


def test_reasons_list_what_the_funnel_sums_up(finished: Store) -> None:
    assert tuples(finished, "SELECT step, status, reason, samples FROM reasons") == [
        ("intake", "failed", "duplicate_id", 1),
        ("intake", "failed", "row_malformed", 1),
        ("dedup", "dropped", "exact_image", 1),
        ("distill", "failed", "reply_empty", 1),
        ("verify", "dropped", "wrong_answer", 1),
        ("split", "dropped", "over_quota", 1),
    ]


def test_the_corpus_shows_the_draw_that_speaks_for_the_sample(finished: Store) -> None:
    sql = """
        SELECT sample_id, caption, trace, answer, verdict, verdict_by, verified,
            fate, left_at, reason, split, draw, drawn, drawn_correct
        FROM corpus WHERE sample_key <> ''
    """
    caption = "dots of {}".format
    assert tuples(finished, sql) == [
        ("s0", caption("s0"), "<think>none</think>0", "0", "correct", "rule", True, "kept", None, "", "rl", 1, 2, 1),
        ("s1", caption("s1"), "<think>0</think>9", "9", "wrong", "rule", False,
            "dropped", "verify", "wrong_answer", None, 0, 2, 0),
        ("s2", None, None, None, None, None, False, "dropped", "dedup", "exact_image", None, None, None, None),
        ("s3", caption("s3"), " ", None, None, None, False, "failed", "distill", "reply_empty", None, 0, 2, 0),
        ("s4", caption("s4"), "<think>four</think>4", "4", "correct", "rule", True,
            "dropped", "split", "over_quota", "none", 0, 1, 1),
    ]  # fmt: skip


def test_the_yield_counts_each_source_and_kind(finished: Store) -> None:
    sql = "SELECT source, kind, samples, verified, kept, dropped, failed, pending, sft, rl, yield FROM yield_by_source"
    assert tuples(finished, sql) == [
        ("figures", "digit", 5, 2, 1, 3, 1, 0, 0, 1, 0.2),
        ("figures", None, 2, 0, 0, 0, 2, 0, 0, 0, 0.0),
    ]


def test_an_interrupted_run_is_pending_where_it_stopped(store: Store) -> None:
    done, waiting, halfway, unread = samples = [a_sample(n) for n in range(4)]
    start(store)
    take_in(store, samples)
    outcomes = [an_outcome(s, "dedup") for s in (done, waiting, halfway)]
    outcomes += [an_outcome(s, "caption", value="") for s in (done, halfway)]
    outcomes += [an_outcome(done, "distill", value="x"), an_outcome(done, "verify", value=verdict(True, "0"))]
    outcomes += [an_outcome(done, "draws", value={"chosen": 0}), an_outcome(halfway, "distill", value="x")]
    outcomes += [an_outcome(halfway, "verify", "dropped", reason="wrong_answer")]  # but a second draw is to come
    corpus.add_outcomes(store, "r1", outcomes)
    corpus.end_run(store, "r1", event="interrupted")
    assert [(row[1], *row[2:7]) for row in tuples(store, FUNNEL)] == [
        ("intake", 4, 4, 0, 0, 0),
        ("dedup", 4, 3, 0, 0, 1),
        ("caption", 3, 2, 0, 0, 1),
        ("distill", 2, 1, 0, 0, 1),
        ("verify", 1, 1, 0, 0, 0),
        ("split", 1, 0, 0, 0, 1),
    ]
    assert unread.id in [row["sample_id"] for row in rows(store, "FROM fates WHERE step = 'dedup'")]


def test_what_an_earlier_run_learnt_of_later_steps_does_not_count(store: Store) -> None:
    sample = a_sample(0)
    start(store, steps=STEPS)
    take_in(store, [sample])
    corpus.add_outcomes(store, "r1", [an_outcome(sample, "split", value={"split": "sft"})])
    corpus.add_outcomes(store, "r1", [an_outcome(sample, "dedup", "dropped", reason="near_image")])
    assert [row[2:6] for row in tuples(store, FUNNEL)] == [(1, 1, 0, 0), (1, 0, 1, 0), *[(0, 0, 0, 0)] * 4]
    assert rows(store, "FROM splits") == []
    assert tuples(store, "SELECT split, left_at FROM corpus") == [(None, "dedup")]


def test_a_later_run_reuses_outcomes_it_did_not_compute(store: Store) -> None:
    steps = STEPS[:3]
    sample = a_sample(0)
    start(store, "r1", steps=steps)
    take_in(store, [sample])
    corpus.add_outcomes(store, "r1", [an_outcome(sample, "dedup"), an_outcome(sample, "caption", value="old")])
    changed = (*steps[:2], ("caption", "f-caption-2", "row", False))
    start(store, "r2", steps=changed)
    corpus.add_members(store, "r2", [(sample.id, sample.key, 0)])
    assert tuples(store, "SELECT run_id, step, kept, pending FROM funnel") == [
        ("r2", "intake", 1, 0),
        ("r2", "dedup", 1, 0),
        ("r2", "caption", 0, 1),
    ]
    assert tuples(store, "SELECT kept FROM funnel_all WHERE run_id = 'r1'") == [(1,), (1,), (1,)]


def test_each_recipe_has_its_own_latest_run(store: Store) -> None:
    for run_id, recipe in (("a1", "a"), ("b1", "b"), ("a2", "a")):
        start(store, run_id, recipe)
    corpus.end_run(store, "a1", event="failed", detail="disk full")
    assert tuples(store, "SELECT recipe, run_id, status FROM latest_runs ORDER BY recipe") == [
        ("a", "a2", "running"),
        ("b", "b1", "running"),
    ]
    assert tuples(store, "SELECT status, detail, ended >= started FROM runs WHERE run_id = 'a1'") == [
        ("failed", "disk full", True)
    ]


def test_a_run_started_again_runs_again_and_keeps_its_first_start(store: Store) -> None:
    start(store)
    corpus.end_run(store, "r1", event="interrupted")
    start(store)
    [run] = rows(store, "FROM runs")
    assert (run["status"], run["ended"], run["started"] < run["resumed"]) == ("running", None, True)


def test_two_recipes_do_not_mix_in_the_funnel(store: Store) -> None:
    for run_id, recipe, samples in (("a1", "a", 2), ("b1", "b", 3)):
        start(store, run_id, recipe, STEPS[:1])
        take_in(store, [a_sample(n) for n in range(samples)], run_id)
    assert tuples(store, "SELECT recipe, step, input, kept FROM funnel") == [
        ("a", "intake", 2, 2),
        ("b", "intake", 3, 3),
    ]


def test_a_run_without_rows_has_a_funnel_of_zeros(store: Store) -> None:
    start(store, steps=STEPS[:2])
    assert [row[2:7] for row in tuples(store, FUNNEL)] == [(0, 0, 0, 0, 0)] * 2


def test_every_view_can_be_asked_of_an_empty_store(store: Store) -> None:
    names = [name for [name] in tuples(store, "SELECT view_name FROM duckdb_views() WHERE NOT internal")]
    assert {"corpus", "funnel", "lineage"} <= set(names)
    assert [rows(store, f'FROM "{name}"') for name in names] == [[]] * len(names)


@pytest.mark.parametrize(
    ("first", "second", "seen"),
    [("failed", "ok", "ok"), ("ok", "failed", "ok"), ("ok", "dropped", "dropped"), ("failed", "failed", "failed")],
)
def test_of_two_outcomes_with_one_key_the_later_counts_unless_it_failed(
    store: Store, first: str, second: str, seen: str
) -> None:
    sample = a_sample(0)
    for run_id, status in (("r1", first), ("r2", second)):
        corpus.add_outcomes(store, run_id, [an_outcome(sample, "caption", status, reason=f"{run_id}-{status}")])
    [row] = rows(store, "FROM outcomes")
    assert row["status"] == seen
    assert row["run_id"] == ("r1" if (first, second) == ("ok", "failed") else "r2")


def test_an_answered_call_wins_over_a_later_failure_and_a_later_failure_over_an_earlier(store: Store) -> None:
    add_calls(store, a_call(1, created=5.0), a_call(1, status="call_timeout", created=9.0))
    add_calls(store, a_call(2, status="call_failed", created=5.0), a_call(2, status="call_timeout", created=9.0))
    assert tuples(store, "SELECT status, created FROM calls ORDER BY status") == [("call_timeout", 9.0), ("ok", 5.0)]


def test_cost_counts_a_call_once_under_its_step(store: Store) -> None:
    sample, twin = a_sample(0), a_sample(1)
    priced = a_call(1, prompt_tokens=10, completion_tokens=5, cost=0.5, seconds=2.0, attempts=3)
    free, lost = a_call(2, seconds=1.0, prompt_tokens=1), a_call(3, status="call_timeout", seconds=4.0)
    add_calls(store, priced, free, lost)
    corpus.add_outcomes(
        store,
        "r1",
        [
            an_outcome(sample, "caption", calls=(priced.key,)),
            an_outcome(twin, "caption", calls=(priced.key,)),
            an_outcome(sample, "distill", calls=(free.key,)),
        ],
    )
    assert tuples(store, "FROM cost") == [
        ("local", "smol", "caption", 1, 1, 0, 10, 5, 0.5, 0, 2.0, 3),
        ("local", "smol", "distill", 1, 1, 0, 1, None, None, 1, 1.0, 1),
        ("local", "smol", None, 1, 0, 1, None, None, None, 1, 4.0, 1),
    ]


def test_the_corpus_sums_calls_of_all_draws_once(finished: Store) -> None:
    calls = [a_call(n, prompt_tokens=10, completion_tokens=n, cost=0.25) for n in (1, 2)]
    add_calls(finished, *calls)
    sample = a_sample(0)
    keys = (calls[0].key,), (calls[1].key, calls[0].key)
    for draw in (0, 1):
        again = an_outcome(sample, "distill", value=f"again {draw}", draw=draw, calls=keys[draw])
        corpus.add_outcomes(finished, "r2", [again])
    sql = """
        SELECT trace, calls, prompt_tokens, completion_tokens, cost, unknown_cost_calls
        FROM corpus WHERE verified AND split = 'rl'
    """
    assert tuples(finished, sql) == [("again 1", 2, 20, 3, 0.5, 0)]


def test_lineage_leads_from_a_sample_through_calls_to_its_split(finished: Store) -> None:
    call = a_call(1)
    add_calls(finished, call)
    corpus.add_outcomes(finished, "r2", [an_outcome(a_sample(0), "caption", value="new", calls=(call.key,))])
    sql = "SELECT step, draw, chosen, call_key, model, split FROM lineage WHERE sample_id = 's0' AND sample_key <> ''"
    assert sorted(tuples(finished, sql), key=str) == sorted(
        [
            ("intake", 0, True, None, None, "rl"),
            ("dedup", 0, True, None, None, "rl"),
            ("caption", 0, True, call.key, "smol", "rl"),
            ("distill", 0, False, None, None, "rl"),
            ("verify", 0, False, None, None, "rl"),
            ("distill", 1, True, None, None, "rl"),
            ("verify", 1, True, None, None, "rl"),
            ("draws", 0, True, None, None, "rl"),
            ("split", 0, True, None, None, "rl"),
        ],
        key=str,
    )


def review(store: Store, review_id: str, decision: str, number: int = 0, **rest: str) -> None:
    sample = a_sample(number)
    row = {"review_id": review_id, "sample_id": sample.id, "sample_key": sample.key, "annotator": "ann"}
    store.append("reviews", [row | {"decision": decision} | rest])


def test_draws_that_answer_differently_disagree(finished: Store) -> None:
    assert tuples(finished, "SELECT sample_id, disagree, answers, verdict, rule, judge FROM disagreement") == [
        ("s0", ["draws"], ["0", "2"], True, True, None)
    ]


def test_rule_judge_and_reviewers_can_disagree_about_one_sample(finished: Store) -> None:
    judged = an_outcome(a_sample(4), "verify", "dropped", verdict(False, "4", "judge"), reason="wrong_answer", draw=1)
    corpus.add_outcomes(finished, "r2", [judged])
    review(finished, "v1", "reject", 4)
    sql = "SELECT disagree, verdict, rule, judge, review FROM disagreement WHERE sample_id = 's4'"
    assert tuples(finished, sql) == [(["rule_judge", "verdict_review"], True, True, False, "reject")]


def test_an_undone_decision_no_longer_stands(finished: Store) -> None:
    review(finished, "v1", "reject", 4)
    review(finished, "v2", "undo", 4, undoes="v1")
    assert tuples(finished, "SELECT review_id, standing FROM reviews ORDER BY review_id") == [
        ("v1", False),
        ("v2", False),
    ]
    assert rows(finished, "FROM disagreement WHERE sample_id = 's4'") == []


def test_samples_show_the_version_the_latest_run_read(store: Store) -> None:
    old, new = a_sample(0, image=an_image()), a_sample(0, question="How many squares?")
    for run_id, version in (("r1", old), ("r2", new), ("r3", old)):
        start(store, run_id)
        take_in(store, [version], run_id)
    [sample] = rows(store, "FROM samples")
    shown = (sample["question"], sample["width"], sample["height"], sample["format"])
    assert shown == ("How many dots are in picture 0?", 640, 480, "png")
    assert len(rows(store, "FROM sample_versions")) == 2


def test_values_that_are_not_what_a_step_writes_break_no_view(store: Store) -> None:
    odd = [[1, 2], "text", {"correct": "maybe", "extracted": None}, {"chosen": "first"}, 7, None]
    samples = [a_sample(n) for n in range(len(odd))]
    start(store)
    take_in(store, samples)
    corpus.add_outcomes(
        store,
        "r1",
        [an_outcome(s, step, value=value) for s, value in zip(samples, odd, strict=True) for step, *_ in STEPS[1:]],
    )
    assert [row["verdict"] for row in rows(store, "FROM corpus")] == ["undecided"] * len(odd)
    assert [row["kept"] for row in rows(store, "FROM funnel")] == [len(odd)] * 6
    assert rows(store, "FROM disagreement") == []


def test_pass_rates_keep_their_provenance_and_reach_the_corpus(finished: Store) -> None:
    sample = a_sample(0)
    rate = corpus.PassRate(sample.id, sample.key, "smol", 2, 0.7, "rule_first", 1, "first_verified", 0.06, 0.94)
    corpus.add_pass_rates(finished, "r1", [rate])
    corpus.add_pass_rates(finished, "r1", [rate])
    assert len(rows(finished, "FROM pass_rates")) == 1
    sql = "SELECT pass_rate, pass_rate_low, pass_rate_high FROM corpus WHERE sample_id = 's0' AND sample_key <> ''"
    assert tuples(finished, sql) == [(0.5, 0.06, 0.94)]


def test_a_rejected_row_may_name_its_own_source(store: Store) -> None:
    start(store, steps=STEPS[:1])
    corpus.add_members(store, "r1", [("line-1", "", 0)])
    bad = Outcome("line-1", "", "intake", "f-intake", "failed", {"source": "tabmwp"}, "row_malformed")
    corpus.add_outcomes(store, "r1", [bad])
    assert tuples(store, "SELECT source, failed FROM yield_by_source") == [("tabmwp", 1)]


def test_compaction_changes_no_view(finished: Store) -> None:
    views = ("funnel", "corpus", "splits", "reasons", "yield_by_source", "disagreement", "runs")
    before = {view: sorted(map(orjson.dumps, rows(finished, f"FROM {view}"))) for view in views}
    finished.compact(force=True)
    assert {view: sorted(map(orjson.dumps, rows(finished, f"FROM {view}"))) for view in views} == before


def happenings(dice: Random, run_id: str, samples: list[Sample]) -> list[Outcome]:
    """Outcomes of one run in any order, at any step, of either draw: more than an engine would ever write."""
    return [
        replace(
            an_outcome(dice.choice(samples), step, status, {"chosen": dice.randrange(2)}, draw=dice.randrange(2)),
            fingerprint=f"{run_id}-{step}",
            reason="" if status == "ok" else f"{step}_{status}",
        )
        for _ in range(dice.randrange(300))
        for step in [dice.choice(STEPS)[0]]
        for status in dice.choices(("ok", "dropped", "failed"), (20, 1, 1))
    ]


def test_the_funnel_adds_up_whatever_happened(store: Store) -> None:
    samples = [a_sample(n) for n in range(6)]
    for seed in range(25):
        run_id = f"r{seed}"
        start(store, run_id, steps=[(step, f"{run_id}-{step}", *rest) for step, _, *rest in STEPS])
        corpus.add_members(store, run_id, [(sample.id, sample.key, sample.position) for sample in samples])
        corpus.add_outcomes(store, run_id, happenings(Random(seed), run_id, samples))
    steps = rows(store, "FROM funnel_all")
    assert [step["step"] for step in steps] == ["intake", "dedup", "caption", "distill", "verify", "split"] * 25
    assert sum(step["kept"] for step in steps if step["step"] == "split") > 0
    for step, after in pairwise([*steps, steps[0]]):
        assert step["input"] == step["kept"] + step["dropped"] + step["failed"] + step["pending"]
        assert after["input"] == (step["kept"] if after["step_no"] else 6)
        assert step["dropped"] == sum(orjson.loads(step["dropped_by_reason"]).values())
        assert step["failed"] == sum(orjson.loads(step["failed_by_reason"]).values())


@pytest.mark.parametrize("together", [8, 1000])
def test_a_funnel_counted_in_parts_is_that_of_the_view(
    finished: Store, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(funnel_module, "OUTCOMES_A_PART", together)
    found = funnel_module.funnel(finished, "r1")
    assert found == rows(finished, "SELECT * FROM funnel WHERE run_id = 'r1' ORDER BY step_no")
    assert sum(row["dropped"] for row in found) > 1
    assert funnel_module.funnel(finished, "unknown") == []
