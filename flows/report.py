"""Terminal texts about what a run did: the funnel and the status, as aligned columns."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

Row = Mapping[str, Any]


def table(header: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> str:
    """Aligned columns; those numbered in `right` are right-aligned."""
    texts = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in texts
    )
    return "\n".join(line.rstrip() for line in lines)


def funnel_text(rows: Sequence[Row]) -> str:
    """The funnel of one run: where every sample went, and where a step made rows of rows, how many of how many."""
    shown = [
        [row["step"], row["input"], row["kept"], row["dropped"], row["failed"], row["pending"], _remarks(row)]
        for row in rows
    ]
    return table(["step", "input", "kept", "dropped", "failed", "pending", "reasons"], shown, right=range(1, 6))


def _remarks(row: Row) -> str:
    made = f"{row['born']} rows made of {row['expanded']}" if row.get("born") or row.get("expanded") else ""
    return "; ".join(filter(None, (made, _reasons(row))))


def _reasons(row: Row) -> str:
    both = {**_counts(row["dropped_by_reason"]), **_counts(row["failed_by_reason"])}
    return ", ".join(f"{reason} {count}" for reason, count in sorted(both.items(), key=lambda item: -item[1]))


def _counts(value: Any) -> dict[str, int]:
    if isinstance(value, str):
        value = orjson.loads(value)
    return dict(value or {})


def status_text(rows: Sequence[Row]) -> str:
    """Runs, newest first."""
    if not rows:
        return "no runs yet; try: vistill run vlaa-thinking --source figures --limit 24 --teacher local"
    shown = [
        [
            row["run_id"],
            row["status"],
            _when(row["started"]),
            row["samples"],
            row["kept"],
            row["dropped"],
            row["failed"],
            row["pending"],
            row["detail"] or "",
        ]
        for row in rows
    ]
    return table(
        ["run", "status", "started (UTC)", "samples", "kept", "dropped", "failed", "pending", "detail"],
        shown,
        right=range(3, 8),
    )


def _when(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)) if seconds else ""
