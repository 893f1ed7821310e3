"""`vistill verify`: one verdict a line in the input's order, whatever the file holds."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from curation.answers.rows import verdict_of_line
from flows.cli import main
from flows.verify import verify

GOOD = [
    ({"response": "<think>3</think>\\boxed{4}", "answer": 4}, True),
    ({"response": "B", "answer": "8 cm", "options": ["6 cm", "8 cm"]}, True),
    ({"response": "8 cm", "answer": "B", "options": ["A. 6 cm", "B. 8 cm"]}, True),
    ({"response": "blue", "answer": "A", "options": {"A": "red", "B": "blue"}}, False),
    ({"response": "No.", "answer": True}, False),
    ({"response": "3 and 5", "answer": [3, 5]}, True),
    ({"response": "[0.1, 0.1, 0.5, 0.5]", "answer": [0.1, 0.1, 0.5, 0.5], "kind": "box"}, True),
    ({"response": "A rider by the sea", "answer": "A man rides a brown horse along the beach.", "kind": "open"}, None),
    ({"response": 5, "answer": "5", "options": None, "kind": None, "question": None, "extra": [1]}, True),
]
BROKEN = [
    (b"", "row_malformed"), (b"{", "row_malformed"), (b"[1]", "row_malformed"), (b"\xff{}", "row_encoding"),
    (b"[" * 200_000, "row_malformed"), (b'{"response": "5"}', "field_missing"), (b'{"answer": "5"}', "field_missing"),
    (b'{"response": "5", "answer": null}', "answer_missing"), (b'{"response": "5", "answer": {}}', "answer_malformed"),
    (b'{"response": null, "answer": "5"}', "row_malformed"),
    (b'{"response": "5", "answer": 5, "kind": "x"}', "row_malformed"),
    (b'{"response": "5", "answer": 5, "options": 3}', "options_malformed"),
    (b'{"response": "5", "answer": 5, "options": {"long": "a", "b": "c"}}', "options_malformed"),
    (b'{"response": "5", "answer": 1' + b"0" * 5000 + b"}", "row_malformed"), (b"\x00\x01", "row_malformed"),
]  # fmt: skip


def written(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_every_line_gets_its_verdict_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps(row).encode() for row, _ in GOOD] + [line for line, _ in BROKEN]
    rows, out = written(tmp_path / "rows.jsonl", lines * 40), tmp_path / "out.jsonl"
    assert main(["verify", str(rows), "--out", str(out), "--json"]) == 0
    verdicts = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    expected = [correct for _, correct in GOOD] + [None] * len(BROKEN)
    assert [verdict["correct"] for verdict in verdicts] == expected * 40
    assert [verdict["reason"] for verdict in verdicts[len(GOOD) : len(lines)]] == [reason for _, reason in BROKEN]
    assert all({"correct", "extracted", "kind", "reason", "source"} <= set(verdict) for verdict in verdicts)
    summary = json.loads(capsys.readouterr().out)
    assert summary["rows"] == len(lines) * 40
    assert (summary["undecided"], summary["broken"]) == (40, len(BROKEN) * 40)
    assert [row["line"] for row in summary["undecided_rows"]][:2] == [8, 10]


def test_the_summary_shows_undecided_rows_and_nothing_that_steers_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "response": "\x1b[31mred or so\x07 \ud800 blue",
        "answer": "a long sentence that only a judge can compare",
        "kind": "open",
    }
    rows, out = written(tmp_path / "rows.jsonl", [json.dumps(row).encode()] * 3), tmp_path / "out.jsonl"
    assert main(["verify", str(rows), "--out", str(out), "--show", "2"]) == 0
    said = capsys.readouterr().out
    assert "3 rows: 0 correct" in said
    assert "line 2: undecided (open)" in said
    assert "and 1 more" in said
    assert not set(said) & {"\x1b", "\x07"}
    assert json.loads(out.read_text(encoding="utf-8").splitlines()[0])["extracted"] == row["response"]


def test_bad_use_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = written(tmp_path / "rows.jsonl", [b"{}"])
    for arguments in (
        [str(tmp_path / "none.jsonl")], [str(tmp_path)], [str(rows), "--out", str(rows)],
        [str(rows), "--out", str(tmp_path / "no" / "out.jsonl")], [str(rows), "--out", str(tmp_path)],
    ):  # fmt: skip
        assert main(["verify", *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert rows.read_bytes() == b"{}\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "not found"),
        ("folder", "a folder"),
        ('[{"response": "5", "answer": "5"}]', "one JSON array; verify reads JSON lines"),
        ('\ufeff [\n  {"response": "5",\n "answer": "5"}\n]', "one JSON array; verify reads JSON lines"),
        ("[" + '{"response": "5", "answer": "5"},' * 400_000, "jq -c '.[]'"),
    ],
)
def test_a_file_that_is_no_json_lines_is_told_what_it_is(
    content: str | None, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my rows.json"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_text(content, encoding="utf-8")
    assert main(["verify", str(path)]) == 2
    assert says in capsys.readouterr().err


def test_a_list_among_lines_is_a_broken_row(tmp_path: Path) -> None:
    rows = written(tmp_path / "rows.jsonl", [b"[1, 2]", b"[" * 9, b'{"response": "5", "answer": "5"}'])
    summary = verify(str(rows), None)
    assert (summary.broken, summary.correct) == (2, 1)


@pytest.mark.parametrize(
    "row",
    [{"response": None, "answer": 1}, {"response": [], "answer": 1}, {"response": "1", "answer": 1, "question": 3},
     {"response": {}, "answer": 1}, None, 3, "text", [1], {"response": "1", "answer": [[1], [2]]}],
)  # fmt: skip
def test_messages_name_json_and_no_type_of_python(row: object) -> None:
    verdict, detail = verdict_of_line(json.dumps(row).encode())
    assert verdict.correct is None
    assert not re.search(r"NoneType|\b(?:int|str|dict|float|bool)\b", detail), detail


def test_one_box_in_a_list_is_read_and_several_are_told_where_to_go() -> None:
    one = {"response": "<answer>[0, 0, 1, 1]</answer>", "kind": "box", "answer": [[0, 0, 1, 0.9]]}
    assert verdict_of_line(json.dumps(one).encode())[0].correct is True
    verdict, detail = verdict_of_line(json.dumps({**one, "answer": [[0, 0, 1, 0.9], [0.5, 0.5, 0.9, 0.9]]}).encode())
    assert (verdict.reason, "detection_map" in detail) == ("answer_malformed", True)


def test_an_empty_file_has_no_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty, out = tmp_path / "empty.jsonl", tmp_path / "out.jsonl"
    empty.write_bytes(b"")
    assert main(["verify", str(empty), "--out", str(out)]) == 0
    assert out.read_bytes() == b""
    assert "0 rows" in capsys.readouterr().out


def test_a_kind_may_be_given_for_rows_that_name_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = written(tmp_path / "rows.jsonl", [b'{"response": "5.0", "answer": "5"}'])
    assert main(["verify", str(rows), "--kind", "open", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["by_kind"] == {"open": 1}


def test_memory_does_not_follow_the_file(tmp_path: Path) -> None:
    """120 MB of rows, one of them a single line of 60 MB, in under 300 MB."""
    rows = tmp_path / "rows.jsonl"
    with rows.open("wb") as file:
        for _ in range(60):
            file.write(json.dumps({"response": "word " * 200_000 + "5", "answer": 5}).encode() + b"\n")
        file.write(b'{"response": "' + b"x" * 60_000_000 + b'"}\n')
        file.write(b'{"response": "5", "answer": 5}\n')
    code = (
        "import sys; from flows.cli import main; main(['verify', sys.argv[1], '--json']); "
        "print(open('/proc/self/status').read(), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(rows)], check=True, capture_output=True, text=True)
    assert json.loads(ran.stdout)["rows"] == 62
    assert json.loads(ran.stdout)["broken"] == 1
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", ran.stderr)
    assert int(peak) < 300 * 1024
