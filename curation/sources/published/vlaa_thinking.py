"""VLAA-Thinking (arXiv 2504.11468): the SFT and GRPO files and version 1's `train.json`, whose columns differ.

Documented: id, image (one source with a leading slash), question with its options inline, gt (an integer, a letter, a
whole worked solution or a long text), ds_answer, caption, meta. The final SFT file has the trace in `answer`; GRPO rows
add `verifier_type`, whose values are not published: the table below is ours (specs/corpora.md §1.7).
"""

import re
from collections.abc import Iterator, Mapping

from curation.answers import parse
from curation.errors import SampleError
from curation.records import Json, Kind, json_name
from curation.sources.kinds import DIGIT
from curation.sources.published.shared import (
    REFERENCE_FROM,
    Format,
    Record,
    Row,
    asked,
    escaped,
    folder_of,
    image_path,
    needed,
    reference,
    text_in,
)

SOURCES = (
    "clevr_math", "geoqa170k", "synthesis", "arxivqa", "allava_laion", "allava", "docvqa", "vizwiz", "coco", "vg",
    "chartqa",
)  # fmt: skip
NAMES = {"allava": "allava_laion"}
LETTERED = frozenset({"geoqa170k", "arxivqa"})
"""Sources whose answers are option letters (Table 2 of the paper)."""

VERIFIER_KINDS: Mapping[str, Kind] = {
    "digit": "digit", "mcq": "mcq", "math": "math", "iou": "box", "general": "open",
}  # fmt: skip
TAKEN = frozenset({"id", "image", "question", "gt", "answer", "ds_answer", "caption", "meta"})
INTO_CONTEXT, PROBLEM = "rationale", "text_question"
_DAGGER = re.compile(r"†\s*Answer\s*:\s*", re.IGNORECASE)
_BARE_LETTER = re.compile(r"[(\[]?[A-Za-z][)\].:]?(?:\s|$)|option ", re.IGNORECASE)


def read(record: Record) -> Iterator[Row]:
    """One row. Everything in `meta` and any further column stays in the sample's `meta`."""
    question = asked(text_in(record, "question"))
    meta = _meta(record)
    source = _source(record)
    trace = text_in(record, "ds_answer") or _traced(text_in(record, "answer"))
    given, where = _given(record, trace)
    answer, kind = _answer(given, question, source, str(record.get("verifier_type") or ""))
    meta |= {REFERENCE_FROM: where} if where else {}
    meta |= {"gt": record["gt"]} if record.get("gt") is not None and str(record["gt"]) != answer else {}
    yield {
        "id": _own_id(record, source), "source": source or None, "image": image_path(record.get("image")),
        "question": question, "answer": answer, "kind": kind, "caption": text_in(record, "caption"),
        "context": str(meta.get(INTO_CONTEXT) or ""), "text_question": str(meta.get(PROBLEM) or ""),
        "solution": escaped(trace), "licence": "apache-2.0", "meta": meta,
    }  # fmt: skip


FORMAT = Format("vlaa-thinking", (("question", "gt"), ("question", "answer"), ("question", "ds_answer")), read)


def _meta(record: Record) -> Row:
    given = record.get("meta") or {}
    if not isinstance(given, Mapping):
        raise SampleError("row_malformed", f"meta is {json_name(given)}, not an object")
    further = {name: value for name, value in record.items() if name not in TAKEN and value is not None}
    return {"corpus": "vlaa-thinking", **given, **further}


def _source(record: Record) -> str:
    """The source that the id, else the picture's folder, begins with."""
    id, folder = str(record.get("id") or ""), folder_of(record.get("image"))
    found = next((name for name in SOURCES if id.startswith((f"{name}-", f"{name}_"))), folder)
    return NAMES.get(found, found)


def _own_id(record: Record, source: str) -> Json:
    """The id without its source, which the gate puts before it again."""
    id = needed(record, "id")
    return id.removeprefix(f"{source}-") if isinstance(id, str) else id


def _traced(answer: str) -> str:
    """The SFT file's `answer` when it is a response and not just an answer."""
    return answer if "<think>" in answer or "<answer>" in answer else ""


def _given(record: Record, trace: str) -> tuple[Json, str]:
    """The reference as published, and `trace` where only the trace states one."""
    gt = record.get("gt")
    if gt is not None and str(gt).strip():
        return gt, ""
    if (plain := text_in(record, "answer")) and not _traced(plain):
        return plain, ""
    return (parse(trace).answer, "trace") if trace else (None, "")


def _answer(given: Json, question: str, source: str, verifier: str) -> tuple[Json, str | None]:
    """(answer, kind): a worked solution's last answer, a letter, or what was given with the verifier's kind."""
    if isinstance(given, list) or given is None:
        return given, "box" if given else None
    text = _DAGGER.split(given)[-1] if isinstance(given, str) else given
    mcq = verifier == "mcq" or (source in LETTERED and isinstance(text, str) and bool(_BARE_LETTER.match(text)))
    answer, kind = reference(text, question, mcq=mcq)
    kind = kind or VERIFIER_KINDS.get(verifier, "")
    if kind == "digit" and not DIGIT.fullmatch(answer):
        kind = ""
    return answer, kind or None
