"""The engine: one failing sample is data, known outcomes are not computed again, and draws stop when they should."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from curation.engine import Engine, Result
from curation.errors import RunStopped, SampleError
from curation.recipe import Draws, Recipe, bind
from curation.records import Outcome, Sample
from curation.step import Drop, step
from curation.teachers.protocol import Message, Teacher
from tests.curation.scripted import Scripted, sample


@step
async def think(question: str, *, reasoner: Teacher) -> str:
    """One completion."""
    return (await reasoner.ask([Message("user", question)])).text


@step
def right(think: str, reference: str) -> bool | Drop:
    """Whether it says the reference."""
    return reference in think or Drop("wrong_answer", f"said {think}")


@step
def shout(think: str) -> str:
    return think.upper()


def run(
    steps: Sequence[Any], teacher: Scripted, samples: Sequence[Sample], known: Sequence[Outcome] = ()
) -> tuple[list[Result], list[Outcome], list[Outcome]]:
    """Results, fresh outcomes, and outcomes taken from `known`."""
    plan = bind(Recipe("test", "", "", tuple(steps), {}, {}), {"reasoner": teacher})
    fresh: list[Outcome] = []
    reused: list[Outcome] = []
    engine = Engine(plan.stages[0].parts, {"reasoner": teacher})
    emit = lambda outcome, is_fresh: (fresh if is_fresh else reused).append(outcome)  # noqa: E731
    return asyncio.run(engine.run(samples, {o.key: o for o in known}, emit)), fresh, reused


def test_a_kept_sample_carries_every_column_and_the_calls_behind_it() -> None:
    [result], fresh, _ = run([think, right, shout], Scripted(["it is 4"]), [sample()])
    assert result.kept
    assert result.columns["shout"] == "IT IS 4"
    assert [(o.step, o.status, o.calls) for o in fresh] == [
        ("think", "ok", ("key-1",)),
        ("right", "ok", ()),
        ("shout", "ok", ()),
    ]


def test_a_dropped_sample_says_where_and_why_and_goes_no_further() -> None:
    [result], fresh, _ = run([think, right, shout], Scripted(["it is 5"]), [sample()])
    assert (result.last.step, result.last.status, result.last.reason, result.last.detail) == (
        "right",
        "dropped",
        "wrong_answer",
        "said it is 5",
    )
    assert [o.step for o in fresh] == ["think", "right"]


def test_a_sample_error_marks_that_sample_and_keeps_the_raw_text() -> None:
    teacher = Scripted(
        lambda messages, draw: (
            SampleError("call_bad_request", "HTTP 400", '{"error": 1}') if "bad" in messages[0].text else "4"
        )
    )
    bad, good = run([think, right], teacher, [sample("bad", question="bad"), sample("good")])[0]
    assert (bad.last.status, bad.last.reason, bad.last.value) == (
        "failed",
        "call_bad_request",
        {"raw": '{"error": 1}'},
    )
    assert good.kept


def test_an_unexpected_error_belongs_to_its_sample() -> None:
    @step
    def broken(question: str) -> int:
        return 1 // (len(question) - 3)

    crash, fine = run([broken], Scripted([]), [sample("a", question="abc"), sample("b")])[0]
    assert (crash.last.reason, crash.last.detail) == (
        "step_error",
        "ZeroDivisionError: integer division or modulo by zero",
    )
    assert fine.kept


def test_a_stopped_run_stops_every_sample() -> None:
    with pytest.raises(RunStopped, match="no key"):
        run([think], Scripted(lambda messages, draw: RunStopped("no key")), [sample("a"), sample("b")])


def test_known_outcomes_are_used_and_make_no_call() -> None:
    _, known, _ = run([think, right], Scripted(["4"]), [sample()])
    teacher = Scripted([])
    [result], fresh, reused = run([think, right], teacher, [sample()], known)
    assert (result.kept, fresh, len(reused), teacher.asked) == (True, [], 2, [])


def test_a_changed_sample_under_the_same_id_is_computed_anew() -> None:
    _, known, _ = run([think], Scripted(["4"]), [sample()])
    teacher = Scripted(["5"])
    run([think], teacher, [sample(question="How many squares?")], known)
    assert len(teacher.asked) == 1


def draws(k: int, replies: list[str], stop: str = "first_verified") -> tuple[Result, list[Outcome], Scripted]:
    teacher = Scripted(list(replies))
    [result], fresh, _ = run([Draws(k, (think, right), stop), shout], teacher, [sample()])
    return result, fresh, teacher


def test_draws_stop_at_the_first_verified_one() -> None:
    result, fresh, teacher = draws(4, ["3", "is 4", "4"])
    assert [draw for _, draw in teacher.asked] == [0, 1]
    assert result.columns["shout"] == "IS 4"
    summary = next(o for o in fresh if o.step == "draws")
    assert summary.value == {
        "chosen": 1,
        "drawn": 2,
        "k": 4,
        "correct": 1,
        "undecided": 0,
        "stop": "first_verified",
    }


def test_draws_that_never_stop_count_every_success_and_keep_the_first() -> None:
    result, fresh, _ = draws(4, ["3", "4 b", "4 c", "5"], stop="never")
    assert result.columns["think"] == "4 b"
    assert next(o for o in fresh if o.step == "draws").value["correct"] == 2


def test_draws_that_all_fail_are_represented_by_the_one_that_got_furthest() -> None:
    teacher = Scripted([SampleError("call_timeout"), "5", SampleError("call_timeout")])
    [result], fresh, _ = run([Draws(3, (think, right)), shout], teacher, [sample()])
    assert (result.last.step, result.last.status, result.last.reason, result.last.value["chosen"]) == (
        "draws",
        "dropped",
        "wrong_answer",
        1,
    )
    assert "shout" not in {o.step for o in fresh}


def test_more_draws_later_only_add_the_new_ones() -> None:
    _, known, _ = run([Draws(2, (think, right))], Scripted(["1", "2"]), [sample()])
    teacher = Scripted(["3", "4"])
    [result], _, _ = run([Draws(4, (think, right))], teacher, [sample()], known)
    assert ([draw for _, draw in teacher.asked], result.kept) == ([2, 3], True)


def test_a_draw_tried_again_writes_the_new_summary() -> None:
    teacher = Scripted([SampleError("call_timeout"), "5"])
    _, first, _ = run([Draws(2, (think, right)), shout], teacher, [sample()])
    known = [outcome for outcome in first if outcome.reason != "call_timeout"]
    [result], fresh, _ = run([Draws(2, (think, right)), shout], Scripted(["4"]), [sample()], known)
    assert result.kept
    assert [(o.status, o.value["chosen"], o.value["correct"]) for o in fresh if o.step == "draws"] == [("ok", 0, 1)]


def test_an_unchanged_summary_is_not_written_again() -> None:
    _, known, _ = run([Draws(2, (think, right))], Scripted(["1", "2"]), [sample()])
    _, fresh, _ = run([Draws(2, (think, right))], Scripted([]), [sample()], known)
    assert fresh == []
