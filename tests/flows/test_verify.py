"""`vistill verify`: a verdict a line, in order, whatever the lines hold."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.verify import judge, verify

ROOT = Path(__file__).resolve().parents[2]


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "verify", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_verdicts_come_in_the_order_of_the_lines_with_a_summary(tmp_path: Path) -> None:
    file = lines(
        tmp_path / "rows.jsonl",
        {"response": "<think>2 and 2</think><answer>4</answer>", "answer": 4},
        {"response": "So \\boxed{\\frac{2}{4}}.", "answer": "\\frac{1}{2}", "kind": "math"},
        {"response": "The answer is (b).", "answer": "B", "options": ["3 cm", "6 cm"]},
        {"response": "It is C.", "answer": "A", "options": {"A": "x", "B": "y", "C": "z"}},
        {"response": "A calm harbour at dusk.", "answer": "Boats in a harbour in the evening light", "kind": "open"},
    )
    done = ran(str(file), "--out", str(tmp_path / "out.jsonl"))
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [verdict["correct"] for verdict in verdicts] == [True, True, True, False, None]
    assert [set(verdict) for verdict in verdicts] == [{"correct", "extracted", "kind", "reason", "source"}] * 5
    assert "5 rows: 3 correct, 75.0% of those decided, 1 wrong, 1 undecided" in done.stdout
    assert "undecided, row 5" in done.stdout


def test_the_summary_as_json(tmp_path: Path) -> None:
    file = lines(tmp_path / "rows.jsonl", {"response": "4", "answer": "4"}, {"response": "5", "answer": "4"})
    found = json.loads(ran(str(file), "--json").stdout)
    assert (found["rows"], found["correct"], found["wrong"], found["accuracy"]) == (2, 1, 1, 0.5)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{broken", "row_malformed"),
        (b"[1, 2]", "row_malformed"),
        (b'{"response": "caf\xe9", "answer": "4"}', "row_encoding"),
        (b'{"answer": "4"}', "field_missing"),
        (b'{"response": 4, "answer": "4"}', "field_missing"),
        (b'{"response": "4"}', "answer_missing"),
        (b'{"response": "4", "answer": null}', "answer_missing"),
        (b'{"response": "4", "answer": {"a": 1}}', "answer_malformed"),
        (b'{"response": "4", "answer": "4", "kind": "riddle"}', "kind_unknown"),
        (b'{"response": "4", "answer": "4", "options": "one"}', "options_malformed"),
    ],
)
def test_a_line_that_cannot_be_judged_is_undecided_with_its_reason(line: bytes, reason: str) -> None:
    found = judge(line)
    assert (found["correct"], found["reason"]) == (None, reason)


def test_every_line_keeps_its_place_when_some_are_broken_or_huge(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    good = b'{"response": "4", "answer": "4"}\n'
    file.write_bytes(b"\xef\xbb\xbf" + good + b"{broken\n\n" + b'{"response": "' + b"x" * 5_000_000 + b'"}\n' + good)
    verify(file, tmp_path / "out.jsonl")
    verdicts = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(v["correct"], v["reason"]) for v in verdicts] == [
        (True, "number"), (None, "row_malformed"), (None, "row_malformed"), (True, "number"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "response", "correct"),
    [
        (True, "<answer>Yes</answer>", True),
        (3.5, "It costs $3.50.", True),
        ([0.1, 0.1, 0.5, 0.5], "<answer>[0.1, 0.1, 0.5, 0.5]</answer>", True),
        (["3", "5"], "<answer>3, 5</answer>", True),
    ],
)
def test_answers_that_are_no_text_are_written_out(answer: Any, response: str, correct: bool) -> None:
    found = judge(json.dumps({"response": response, "answer": answer}).encode())
    assert found["correct"] is correct


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.jsonl"], "cannot be opened"),
        (["{file}", "--kind", "riddle"], "one of digit"),
        (["{file}", "--out", "{file}"], "is the file that is read"),
        (["{file}", "--out", "/nowhere/x.jsonl"], "cannot be opened"),
    ],
)
def test_bad_use_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    file = lines(tmp_path / "rows.jsonl", {"response": "4", "answer": "4"})
    done = ran(*(argument.replace("{file}", str(file)) for argument in arguments))
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert said in done.stderr
    assert file.read_text()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_line_makes_it_raise(line: bytes) -> None:
    assert judge(line)["source"] == "rule"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(response=st.text(max_size=80), answer=JSON, options=JSON, kind=st.none() | st.text(max_size=6), question=JSON)
def test_no_row_makes_it_raise(response: str, answer: Any, options: Any, kind: str | None, question: Any) -> None:
    row = {"response": response, "answer": answer, "options": options, "kind": kind, "question": question}
    found = judge(json.dumps(row).encode())
    assert found["correct"] in (True, False, None)
    json.dumps(found).encode()
