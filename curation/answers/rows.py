"""Reads rows `{response, answer, options?, kind?, question?}` as people keep them, and gives each its verdict.

An answer may be a text, a number, a truth value (yes or no) or a list (four numbers are a box, anything else a list of
which every item is asked for). Options may be a list of texts, a list of "A. text" strings, or a dict from letter to
text. A row that cannot be read gets a verdict too: `correct` None and a reason of `curation.reasons`. Files and what is
printed are `flows.verify`'s.
"""

import json
from collections.abc import Mapping

from curation.answers.fields import answer_text, options_of, text_of
from curation.answers.verdicts import check
from curation.errors import SampleError
from curation.records import KINDS, Json, Kind, Verdict, json_name

LONGEST_LINE = 8 << 20  # bytes; a longer line is no row of anybody's


def verdict_of_line(line: bytes, kind: Kind | None = None) -> tuple[Verdict, str]:
    """(verdict, detail) of one line of JSONL; the detail says what is wrong with a broken one. Raises nothing for it.

    `kind` holds for rows that name none. `RunStopped` is raised when Math-Verify cannot be started.
    """
    try:
        return verdict_of(row_of(line), kind), ""
    except SampleError as error:
        return Verdict(None, "", kind or "", error.reason), error.detail


def row_of(line: bytes) -> Mapping[str, Json]:
    """One line as a mapping; `SampleError` when it is not UTF-8, not JSON, or not an object."""
    if len(line) > LONGEST_LINE:
        raise SampleError("row_malformed", f"the line is longer than {LONGEST_LINE:,} bytes")
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SampleError("row_encoding", str(error)) from error
    except (ValueError, RecursionError) as error:
        raise SampleError("row_malformed", str(error)[:200]) from error
    if not isinstance(row, dict):
        raise SampleError("row_malformed", f"the line is {json_name(row)}, not an object")
    return row


def verdict_of(row: Mapping[str, Json], kind: Kind | None = None) -> Verdict:
    """The verdict of one row; `SampleError` for a field that is missing or of a wrong type."""
    for name in ("response", "answer"):
        if name not in row:
            raise SampleError("field_missing", name)
    response, question = text_of(row["response"], "response"), row.get("question")
    if row["answer"] is None or row["answer"] == "" or row["answer"] == []:
        raise SampleError("answer_missing")
    if question is not None and not isinstance(question, str):
        raise SampleError("row_malformed", f"question is {json_name(question)}, not text")
    named = _kind(row.get("kind")) or kind
    return check(
        response, answer_text(row["answer"]), kind=named, options=options_of(row.get("options")), question=question
    )


def _kind(value: Json) -> Kind | None:
    if value is None or value == "":
        return None
    for kind in KINDS:
        if value == kind:
            return kind
    raise SampleError("row_malformed", f"kind {str(value)[:40]!r} is none of {', '.join(KINDS)}")
