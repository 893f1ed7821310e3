"""`vistill verify`: one verdict a line for any JSONL of responses and answers; needs no store and no model.

A line is `{response, answer, options?, kind?, question?}`. Verdicts come in the order of the lines, one each, also for
lines that cannot be read, which get a reason and are undecided. Lines are read, judged and written a block at a time,
so memory does not grow with the file.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from curation.answers import check
from curation.answers.math_workers import WORKERS
from curation.errors import ConfigError, SampleError
from curation.records import KINDS, Json, Kind, Option
from curation.sources.normalise import number_text, read_options

BLOCK = 512
LONGEST_LINE = 4_000_000
"""Bytes; a longer line is malformed, whatever it holds."""
SHOWN = 20
"""Undecided rows shown at the end; all of them are in `--out`."""


@dataclass
class Summary:
    """What the lines came to: counts by outcome, kind and reason, and the first undecided rows."""

    rows: int = 0
    correct: int = 0
    wrong: int = 0
    undecided: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    shown: list[dict[str, Json]] = field(default_factory=list)

    def add(self, verdict: Mapping[str, Json]) -> None:
        """Count one verdict."""
        self.rows += 1
        self.reasons[verdict["reason"]] += 1
        self.kinds[verdict["kind"]] += 1
        match verdict["correct"]:
            case True:
                self.correct += 1
            case False:
                self.wrong += 1
            case _:
                self.undecided += 1
                if len(self.shown) < SHOWN:
                    self.shown.append({"line": self.rows, **verdict})

    def as_json(self) -> dict[str, Json]:
        """The summary as JSON types; `decided` and `accuracy` are shares from 0 to 1, null of nothing."""
        told = self.correct + self.wrong
        return {
            "rows": self.rows, "correct": self.correct, "wrong": self.wrong, "undecided": self.undecided,
            "decided": told / self.rows if self.rows else None, "accuracy": self.correct / told if told else None,
            "kinds": dict(sorted(self.kinds.items())), "reasons": dict(self.reasons.most_common()),
            "undecided_rows": self.shown,
        }  # fmt: skip


def verify(source: Path, out: Path | None, kind: str | None = None) -> Summary:
    """Judge every line of `source`. Raises `ConfigError` for files that cannot be opened, or an unknown kind."""
    if kind is not None and kind not in KINDS:
        raise ConfigError("--kind", kind, f"one of {', '.join(KINDS)}")
    summary = Summary()
    with ExitStack() as stack:
        lines = _lines(stack.enter_context(_open(source, "rb", "FILE")))
        if out is not None and out.resolve() == source.resolve():
            raise ConfigError("--out", str(out), "is the file that is read")
        sink = stack.enter_context(_open(out, "wb", "--out")) if out is not None else None
        pool = stack.enter_context(ThreadPoolExecutor(WORKERS, thread_name_prefix="verify"))
        while block := list(islice(lines, BLOCK)):
            for verdict in pool.map(lambda line: judge(line, kind), block):
                summary.add(verdict)
                if sink is not None:
                    _write(sink, orjson.dumps(verdict) + b"\n", out)
    return summary


def _write(sink: IO[bytes], data: bytes, out: Path | None) -> None:
    try:
        sink.write(data)
    except OSError as error:
        raise ConfigError("--out", str(out), f"cannot be written ({error.strerror})") from None


def _open(path: Path, mode: str, field: str) -> IO[Any]:
    try:
        return path.open(mode)
    except OSError as error:
        raise ConfigError(field, str(path), f"cannot be opened ({error.strerror})") from None


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines that hold something, cut at the longest allowed; a byte order mark is passed over."""
    first = True
    while line := file.readline(LONGEST_LINE + 1):
        whole = len(line) <= LONGEST_LINE
        while not whole and not line.endswith(b"\n") and (more := file.readline(LONGEST_LINE)):
            line = line[:1] + more  # its end is all that is still looked for
        if first:
            line, first = line.removeprefix(b"\xef\xbb\xbf"), False
        if not whole:
            yield b"too long"
        elif line.strip():
            yield line


def judge(line: bytes, kind: str | None = None) -> dict[str, Json]:
    """The verdict on one line as JSON types; no line makes it raise."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        reason = "row_malformed" if _utf8(line) else "row_encoding"
        return _untold(reason, "")
    if not isinstance(row, dict) or not isinstance(row.get("response"), str):
        return _untold("row_malformed" if not isinstance(row, dict) else "field_missing", "")
    wanted = row.get("kind") or kind
    if wanted not in (None, *KINDS):
        return _untold("kind_unknown", str(wanted)[:40])
    answer = _answer(row.get("answer"))
    if answer is None:
        return _untold("answer_missing" if row.get("answer") is None else "answer_malformed", wanted or "")
    question = row.get("question") if isinstance(row.get("question"), str) else None
    try:
        options = _options(row.get("options"))
    except SampleError as error:
        return _untold(error.reason, wanted or "")
    return _checked(row["response"], answer, wanted, options, question)


def _checked(
    response: str, answer: str, kind: Kind | None, options: tuple[Option, ...], question: str | None
) -> dict[str, Json]:
    found = check(response, answer, kind=kind, options=options, question=question)
    return {
        "correct": found.correct, "extracted": found.extracted.encode("utf-8", "replace").decode(),
        "kind": found.kind, "reason": found.reason, "source": found.source,
    }  # fmt: skip


def _untold(reason: str, kind: str) -> dict[str, Json]:
    return {"correct": None, "extracted": "", "kind": kind, "reason": reason, "source": "rule"}


def _utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _answer(value: Json) -> str | None:
    """The reference as text: numbers and yes or no are written out, a list of them is joined by commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, list) and value:
        parts = [_answer(item) for item in value]
        numbers = all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
        text = ", ".join(part for part in parts if part is not None)
        return None if None in parts else f"[{text}]" if numbers and len(value) == 4 else text
    return None


def _options(value: Json) -> tuple[Option, ...]:
    """Options as the sources read them; two of the same text stay, since here the letter decides."""
    try:
        return read_options(value)
    except SampleError as error:
        if error.reason != "options_duplicate" or not isinstance(value, list):
            raise
        return tuple(Option("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[at], str(text)) for at, text in enumerate(value[:26]))


def lines(summary: Summary) -> Iterator[str]:
    """The summary for a terminal."""
    found = summary.as_json()
    if not summary.rows:
        yield "no row"
        return
    accuracy = "" if found["accuracy"] is None else f", {found['accuracy']:.1%} of those decided"
    yield (
        f"{summary.rows:,} rows: {summary.correct:,} correct{accuracy}, {summary.wrong:,} wrong, "
        f"{summary.undecided:,} undecided"
    )
    yield "by kind: " + ", ".join(f"{kind or 'unread'} {count:,}" for kind, count in found["kinds"].items())
    yield "by reason: " + ", ".join(f"{reason} {count:,}" for reason, count in found["reasons"].items())
    for row in summary.shown:
        yield f"undecided, row {row['line']}: {row['reason']} {row['kind']} {str(row['extracted'])[:80]!r}"
    if summary.undecided > len(summary.shown):
        yield f"… and {summary.undecided - len(summary.shown):,} more undecided rows; --out has them all"
