"""`vistill verify`: a JSONL file of responses and answers in, one verdict a line out, in the same order.

The file is streamed: at most `WINDOW` rows are in memory, however long it is. Rows are judged in a few threads, so that
formulas that Math-Verify has to compare (in its own processes) do not hold up the rest. Reading and judging a row is
`curation.answers.rows`'.
"""

import codecs
import json
import os
import re
import shlex
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from curation.answers.rows import LONGEST_LINE, verdict_of_line
from curation.errors import ConfigError, StoreError
from curation.records import Kind, Verdict

WINDOW = 512  # chunks of rows read ahead at most
CHUNK = 8  # rows a task: threads are told of work that often
THREADS = 3  # two wait for the two maths workers while one applies rules
BROKEN = frozenset(
    ["row_malformed", "row_encoding", "field_missing", "answer_missing", "answer_malformed", "options_malformed"]
)
KEPT = 1000  # undecided rows named in the summary; all are in --out


@dataclass(slots=True)
class Summary:
    """Counts over a file; `undecided` holds the first rows nobody could decide, with their line numbers from 1."""

    rows: int = 0
    correct: int = 0
    wrong: int = 0
    undecided: int = 0
    broken: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)


def verify(file: str, out: str | None, kind: Kind | None = None) -> Summary:
    """Judge every line of `file` and write the verdicts to `out`, which appears when all are there.

    Raises `ConfigError` for paths that cannot be used, `StoreError` when the disk refuses.
    """
    path, target = _input(file), _output(file, out)
    summary = Summary()
    part = target.with_name(target.name + ".part") if target else None
    try:
        with ExitStack() as stack:
            lines = stack.enter_context(path.open("rb"))
            sink = stack.enter_context(part.open("wb")) if part else None
            for verdict, detail in judged(lines, kind):
                _count(summary, verdict, detail)
                if sink:
                    sink.write(line_of(verdict, detail))
        if part and target:
            os.replace(part, target)
    except OSError as error:
        raise StoreError(f"cannot finish {part or path}: {error.strerror or error}") from error
    finally:
        if part:
            part.unlink(missing_ok=True)
    return summary


def _input(file: str) -> Path:
    path = Path(file)
    if not path.exists():
        raise ConfigError("FILE", file, "not found; name a file of JSON lines")
    if path.is_dir():
        raise ConfigError("FILE", file, "a folder; name a file of JSON lines")
    if not os.access(path, os.R_OK):
        raise ConfigError("FILE", file, "not readable by you")
    if path.is_file() and _is_array(path):
        fix = f"jq -c '.[]' {shlex.quote(file)} > rows.jsonl"
        raise ConfigError("FILE", file, f"one JSON array; verify reads JSON lines, one row each: {fix}")
    return path


def _is_array(path: Path) -> bool:
    """Whether the file is one array: its first line opens one that goes on below, or is all there is.

    A list among lines is a broken row like any other.
    """
    with path.open("rb") as file:
        lines = (line.removeprefix(codecs.BOM_UTF8).strip() for line in whole_lines(file))
        filled = (line for line in lines if line)
        first = next(filled, b"")
        if not re.match(rb"\[\s*(?:\{|\Z)", first):
            return False
        try:
            return isinstance(json.loads(first), list) and next(filled, None) is None
        except (ValueError, RecursionError):
            return True


def _output(file: str, out: str | None) -> Path | None:
    if out is None:
        return None
    target = Path(out)
    if target.is_dir() or not target.parent.is_dir():
        raise ConfigError("--out", out, "a file in a folder that exists")
    if target.exists() and target.samefile(file):
        raise ConfigError("--out", out, "another file than the one read")
    return target


def judged(lines: IO[bytes], kind: Kind | None) -> Iterator[tuple[Verdict, str]]:
    """(verdict, detail) of each line, in order; at most `WINDOW` chunks are read ahead."""
    waiting: deque[Future[list[tuple[Verdict, str]]]] = deque()
    rows = whole_lines(lines)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="verify") as threads:
        while chunk := list(islice(rows, CHUNK)):
            waiting.append(threads.submit(_chunk, chunk, kind))
            if len(waiting) >= WINDOW // CHUNK:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _chunk(lines: list[bytes], kind: Kind | None) -> list[tuple[Verdict, str]]:
    return [verdict_of_line(line, kind) for line in lines]


def whole_lines(lines: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; of one longer than `LONGEST_LINE` only so much (and a byte more) is kept."""
    while line := lines.readline(LONGEST_LINE + 1):
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = lines.readline(LONGEST_LINE + 1)
        yield line.rstrip(b"\r\n") if len(line) <= LONGEST_LINE else line


def line_of(verdict: Verdict, detail: str) -> bytes:
    """One verdict as a line of JSON; a lone surrogate of the input stays the escape it was."""
    said = {
        "correct": verdict.correct, "extracted": verdict.extracted, "kind": verdict.kind, "reason": verdict.reason,
        "source": verdict.source, **({"detail": detail} if detail else {}),
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _count(summary: Summary, verdict: Verdict, detail: str) -> None:
    summary.rows += 1
    summary.by_kind[verdict.kind] += 1
    summary.by_reason[verdict.reason] += 1
    if verdict.correct is not None:
        summary.correct += verdict.correct
        summary.wrong += not verdict.correct
        return
    if verdict.reason in BROKEN:
        summary.broken += 1
    else:
        summary.undecided += 1
    if len(summary.examples) < KEPT:
        said = {"line": summary.rows, "kind": verdict.kind, "reason": verdict.reason}
        summary.examples.append({**said, "extracted": verdict.extracted[:200], "detail": detail})


def summary_json(summary: Summary) -> dict[str, Any]:
    """The summary as JSON: counts, and the first undecided and broken rows under `undecided_rows`."""
    return {
        "rows": summary.rows, "correct": summary.correct, "wrong": summary.wrong, "undecided": summary.undecided,
        "broken": summary.broken, "by_kind": dict(summary.by_kind.most_common()),
        "by_reason": dict(summary.by_reason.most_common()), "undecided_rows": summary.examples,
    }  # fmt: skip


def summary_text(summary: Summary, show: int) -> str:
    """The summary for people, with the first `show` rows that were not decided."""
    decided = summary.correct + summary.wrong
    share = f", {summary.correct / decided:.1%} of the {decided:,} decided" if decided else ""
    lines = [
        f"{summary.rows:,} rows: {summary.correct:,} correct{share}, {summary.wrong:,} wrong, "
        f"{summary.undecided:,} undecided, {summary.broken:,} broken",
        "kinds    " + _counts(summary.by_kind),
        "reasons  " + _counts(summary.by_reason),
    ]
    for row in summary.examples[:show]:
        said = row["detail"] or row["extracted"]
        lines.append(f"line {row['line']}: {row['reason']} ({row['kind'] or 'no kind'}) {printable(said)}")
    if (more := summary.undecided + summary.broken - show) > 0:
        lines.append(f"… and {more:,} more: --show N, --json or --out lists them")
    return "\n".join(lines)


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name or 'none'} {count:,}" for name, count in counter.most_common()) or "none"


def printable(text: str) -> str:
    """One line without control characters: rows come from anywhere and are shown in a terminal."""
    shown = "".join(char if char.isprintable() else " " for char in text[:120])
    return shown.encode("utf-8", "backslashreplace").decode()
