"""How often the rules decide, and how often they agree with a person: rows graded by hand before the rules saw them.

Each file was graded before its first run and served to mend the rules afterwards, so these tests keep what was reached;
what the first runs gave, which is the honest estimate for rows nobody has seen, stands in docs/answers.md. `correct`
null is a row on which a careful person would not decide; a row of kind `open` is a judge's. Neither counts.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from curation.answers.rows import verdict_of
from curation.records import Verdict

DATA = Path(__file__).parent / "data"
FILES = (
    "answers_graded",
    "answers_held_out",
    "answers_unseen",
    "answers_last",
    "answers_rounds",
    "answers_independent",
    "answers_sentences",
    "answers_grader",
    "answers_grader_b",
    "answers_grader_c",
    "answers_grader_d",
    "answers_grader_e",
    "answers_grader_f",
    "answers_grader_g",
    "answers_grader_h",
    "answers_grader_i",
    "answers_grader_p",
    "answers_grader_r",
    "answers_grader_s",
    "answers_grader_u",
    "answers_grader_v",
    "answers_grader_w",
    "answers_grader_y",
    "answers_grader_z",
    "answers_grader_aa",
    "answers_grader_ab",
    "answers_grader_ac",
    "answers_grader_ad",
    "answers_grader_af",
    "answers_grader_ag",
    "answers_grader_ah",
    "answers_grader_ai",
)
LATEST = tuple(f"answers_grader_{each}" for each in "jklmn")
"""Graded for version 8; what they found wrong is not all mended."""
FREER = tuple(f"answers_grader_{each}" for each in ("q", "t", "x", "ae", "aj", "ak"))
"""Long replies with remarks behind the answer, on questions of the graders' own; not all of it is mended either."""
AGREEMENT, DECIDED = 0.99, 0.95


def graded(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@cache
def judged(name: str) -> list[tuple[dict[str, Any], Verdict]]:
    """Rows that count and their verdicts, which several tests look at."""
    return [(row, verdict_of(row)) for row in graded(name) if row["correct"] is not None and row.get("kind") != "open"]


@pytest.mark.parametrize("name", FILES)
def test_the_rules_agree_with_a_person_and_decide_nearly_always(name: str) -> None:
    rows = judged(name)
    decided = [(row, verdict) for row, verdict in rows if verdict.correct is not None]
    wrong = [
        (row["response"][-60:], row["answer"]) for row, verdict in decided if verdict.correct is not row["correct"]
    ]
    assert len(decided) / len(rows) >= DECIDED
    assert 1 - len(wrong) / len(decided) >= AGREEMENT, wrong


@pytest.mark.parametrize("name", LATEST)
def test_the_latest_rows_are_not_read_worse_than_at_first(name: str) -> None:
    rows = judged(name)
    decided = [(row, verdict) for row, verdict in rows if verdict.correct is not None]
    assert len(decided) / len(rows) >= DECIDED
    assert sum(verdict.correct is row["correct"] for row, verdict in decided) / len(decided) >= 0.98


@pytest.mark.parametrize("name", FREER)
def test_freer_rows_are_not_read_worse_than_after_the_mends(name: str) -> None:
    rows = judged(name)
    decided = [(row, verdict) for row, verdict in rows if verdict.correct is not None]
    assert len(decided) / len(rows) >= {"answers_grader_aj": 0.8}.get(name, 0.88)
    assert sum(verdict.correct is row["correct"] for row, verdict in decided) / len(decided) >= 0.97


@pytest.mark.parametrize("name", FILES)
def test_nothing_a_person_calls_wrong_is_called_right(name: str) -> None:
    """The costly mistake: a wrong trace kept in a corpus, or rewarded."""
    rows = judged(name)
    assert [row["response"] for row, verdict in rows if verdict.correct and not row["correct"]] == []


def test_the_rows_are_many_and_of_both_sorts() -> None:
    rows = [row for name in FILES for row in graded(name)]
    assert len(rows) >= 1000
    assert sum(row["correct"] is False for row in rows) > 300
    assert len({row["group"] for row in rows}) >= 15
