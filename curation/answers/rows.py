"""Reads rows `{response, answer, options?, kind?, question?}` as people keep them, and gives each its verdict.

An answer may be a text, a number, a truth value (yes or no) or a list (four numbers are a box, anything else a list of
which every item is asked for). Options may be a list of texts, a list of "A. text" strings, or a dict from letter to
text. A row that cannot be read gets a verdict too: `correct` None and a reason of `curation.reasons`. Files and what is
printed are `flows.verify`'s.
"""

import json
from collections.abc import Mapping, Sequence

from curation.answers.verdicts import check
from curation.errors import SampleError
from curation.records import KINDS, Json, Kind, Option, Verdict, json_name

MOST_OPTIONS = 26
LISTS = "a list of lists, objects or nulls; of several boxes the rewards `criterion` and `detection_map` tell"
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
    response, question = _text(row["response"], "response"), row.get("question")
    if row["answer"] is None or row["answer"] == "" or row["answer"] == []:
        raise SampleError("answer_missing")
    if question is not None and not isinstance(question, str):
        raise SampleError("row_malformed", f"question is {json_name(question)}, not text")
    named = _kind(row.get("kind")) or kind
    return check(
        response, answer_text(row["answer"]), kind=named, options=options_of(row.get("options")), question=question
    )


def _text(value: Json, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value)
    raise SampleError("row_malformed", f"{name} is {json_name(value)}, not text")


def _number(value: float) -> str:
    """A number as it stands in JSON; Python refuses to spell integers of thousands of digits."""
    try:
        return repr(value)
    except ValueError as error:
        raise SampleError("row_malformed", str(error)) from error


def answer_text(value: Json) -> str:
    """A reference as text: `true` is yes, four numbers are a box (also as the only item of a list), other lists are
    joined by commas.
    """
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if isinstance(value, Mapping):
        raise SampleError("answer_malformed", "an object")
    if not isinstance(value, list):
        return _text(value, "answer")
    if any(isinstance(item, list | Mapping) or item is None for item in value):
        raise SampleError("answer_malformed", LISTS)
    items = [_text(item, "answer") for item in value]
    numbers = all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
    box = numbers and len(value) == 4 and value[0] < value[2] and value[1] < value[3]
    return f"[{', '.join(items)}]" if box else ", ".join(items)


def options_of(value: Json) -> Sequence[Option | str]:
    """Options as `check` takes them; none for null, "" and an empty list."""
    if value is None or value == "" or value == [] or value == {}:
        return ()
    if isinstance(value, Mapping):
        return _lettered(value)
    if not isinstance(value, list) or not 2 <= len(value) <= MOST_OPTIONS:
        raise SampleError("options_malformed", "neither a list of 2 to 26 texts nor a dict from letter to text")
    if any(isinstance(one, list | Mapping) or one is None for one in value):
        raise SampleError("options_malformed", "an option is not text")
    return [_text(one, "options") for one in value]


def _lettered(value: Mapping[str, Json]) -> Sequence[Option]:
    letters = [key.strip(" ().:").upper() for key in value]
    if not 2 <= len(letters) <= MOST_OPTIONS or len(set(letters)) < len(letters):
        raise SampleError("options_malformed", "2 to 26 different letters are possible")
    if not all(len(letter) == 1 and letter.isascii() and letter.isalnum() for letter in letters):
        raise SampleError("options_malformed", f"keys {list(value)[:5]} are not letters")
    if any(isinstance(one, list | Mapping) or one is None for one in value.values()):
        raise SampleError("options_malformed", "an option is not text")
    named = [chr(ord("A") + "123456789".index(letter)) if letter in "123456789" else letter for letter in letters]
    return [Option(letter, _text(one, "options")) for letter, one in zip(named, value.values(), strict=True)]


def _kind(value: Json) -> Kind | None:
    if value is None or value == "":
        return None
    for kind in KINDS:
        if value == kind:
            return kind
    raise SampleError("row_malformed", f"kind {str(value)[:40]!r} is none of {', '.join(KINDS)}")
