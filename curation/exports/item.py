"""One sample as every format takes it: checked, its texts made harmless, its options lettered, its trace taken apart.

Pure: rows come from the caller, pictures are values that the caller puts into the column of pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from curation.errors import SampleError
from curation.exports.texts import asked, choices, harmless, harmless_parts, question_of
from curation.records import Json, Option
from curation.steps.split import VERIFIER_TYPES

Placeholders = Literal["escape", "refuse"]


@dataclass(frozen=True, slots=True)
class Item:
    """A sample ready to be written. `prompt` is the question with its options; `path` the picture's path below the
    export, "" without one; `response` is what the recipe assembled, where it did; `record` the row it was made from.
    """

    id: str
    source: str
    kind: str
    verifier_type: str
    question: str
    prompt: str
    options: tuple[Option, ...]
    reference: str
    path: str
    think: str
    answer: str
    record: Mapping[str, Json]
    response: str = ""
    rejected_think: str = ""
    rejected_answer: str = ""
    escaped: int = 0


def item(row: Mapping[str, Any], *, placeholders: Placeholders = "escape", traced: bool = True) -> Item:
    """An item from a row of `storage.exports.rows`, JSON decoded.

    Raises `SampleError`: `placeholder_text`, `options_malformed`, `answer_missing`, and `think_missing` or
    `answer_empty` where a trace is needed (`traced`).
    """
    question, found = harmless(question_of(row["question"]))
    options, seen = _options(row["options"] or ())
    options, reference = choices(options, row["reference"])
    if not reference:
        raise SampleError("answer_missing", "no reference answer to reward or to check against")
    (think, answer), counted = _trace((row["trace"] if traced else "") or "", traced)
    (worse_think, worse_answer), more = _trace(row.get("rejected") or "", traced and "rejected" in row)
    whole, last = harmless((row.get("assembled") if traced else "") or "")
    escaped = found + seen + counted + more + last
    if escaped and placeholders == "refuse":
        raise SampleError("placeholder_text", f"{escaped} of them in the question, its options or the trace")
    return Item(
        id=row["sample_id"], source=row["source"] or "", kind=row["kind"], question=question, options=options,
        verifier_type=row.get("verifier_type") or VERIFIER_TYPES[row["kind"]], prompt=asked(question, options),
        reference=reference, path=picture_path(row), think=think, answer=answer, record=row, response=whole,
        rejected_think=worse_think, rejected_answer=worse_answer, escaped=escaped,
    )  # fmt: skip


def unchecked(row: Mapping[str, Any]) -> Item:
    """An item that is nothing but its row, for formats that show what there is, whatever it is."""
    return Item(
        id=row["sample_id"], source=row["source"] or "", kind=row["kind"] or "", verifier_type="", question="",
        prompt="", options=(), reference="", path=picture_path(row), think="", answer="", record=row,
    )  # fmt: skip


def picture_path(row: Mapping[str, Any]) -> str:
    """Where the picture lies below an export that keeps pictures as files; "" without one."""
    return f"images/{row['image'][:2]}/{row['image']}.{row['format']}" if row["image"] and row["format"] else ""


def options_json(options: Sequence[Option]) -> list[Json]:
    """Options as JSON, the same fields in every row."""
    return [{"letter": option.letter, "text": option.text} for option in options]


def _options(given: Sequence[Any]) -> tuple[tuple[Option, ...], int]:
    texts = [harmless(str(option["text"])) for option in given]
    return tuple(
        Option(str(option.get("letter") or ""), text) for option, (text, _) in zip(given, texts, strict=True)
    ), sum(count for _, count in texts)


def _trace(text: str, needed: bool) -> tuple[tuple[str, str], int]:
    (think, answer), count = harmless_parts(text)
    if needed and not think:
        raise SampleError("think_missing", "no trace to learn from", text)
    if needed and not answer:
        raise SampleError("answer_empty", "the trace gives no answer", text)
    return (think, answer), count
