"""`vistill calls`: what was asked of which model, what it answered and what that cost; and failures as a histogram.

Reading only. Anything these commands cannot say, SQL over the view `calls` can.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import ConfigError
from flows.report import table
from storage.batch_book import StoredBatches
from storage.files import os_errors, temporary
from storage.store import Store

BLOCK = 500
"""Calls read at a time by an export."""
LONGEST_BAR = 30

SUMMARY = """
select teacher, model, status, count(*) calls, sum(prompt_tokens)::bigint tokens_in,
       sum(completion_tokens)::bigint tokens_out,
       sum(cost) cost, count(*) - count(cost) unpriced, round(median(seconds), 3) median_s,
       sum(attempts - 1)::bigint retries
from calls {where} group by all order by teacher, model, calls desc
"""
LISTED = """
select key, strftime(to_timestamp(created), '%Y-%m-%d %H:%M:%S') created, teacher, model, status, finish,
       prompt_tokens tokens_in, completion_tokens tokens_out, cost, seconds, attempts, run_id
from calls {where} order by calls.created desc, key limit {limit}
"""
EVERY = "select * from calls {where} order by created, key"
FAILURES = r"""
select status, regexp_extract(error, '^(HTTP \d+ \w+|[^:.(]{1,60})') as class, count(*) calls, any_value(key) example
from calls where run_id = ? and status <> 'ok' group by all order by calls desc, status
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which calls: each field is an exact value, or the start of a key; None is any."""

    teacher: str | None = None
    model: str | None = None
    status: str | None = None
    run: str | None = None
    key: str | None = None

    def where(self) -> tuple[str, list[str]]:
        """A WHERE clause with its parameters."""
        columns = {"teacher": self.teacher, "model": self.model, "status": self.status, "run_id": self.run}
        asked = {f"{column} = ?": value for column, value in columns.items() if value is not None}
        if self.key is not None:
            asked["starts_with(key, ?)"] = self.key
        return ("where " + " and ".join(asked) if asked else ""), list(asked.values())


def summary(store: Store, wanted: Filter) -> list[dict[str, Any]]:
    """Calls, tokens, cost, median seconds and retries of each teacher, model and status."""
    where, values = wanted.where()
    rows: list[dict[str, Any]] = store.query(SUMMARY.format(where=where), values).to_pylist()
    return rows


def listed(store: Store, wanted: Filter, limit: int) -> list[dict[str, Any]]:
    """The newest calls, without their texts. Raises `ConfigError` for a limit below 1."""
    if limit < 1:
        raise ConfigError("--limit", limit, "must be at least 1")
    where, values = wanted.where()
    rows: list[dict[str, Any]] = store.query(LISTED.format(where=where, limit=int(limit)), values).to_pylist()
    return rows


def one(store: Store, key: str) -> list[dict[str, Any]]:
    """Every row of the call whose key starts so, newest first. Raises `ConfigError` when there is none or several."""
    rows: list[dict[str, Any]] = store.query(
        "select * from calls where starts_with(key, ?) order by created desc limit 50", [key]
    ).to_pylist()
    keys = sorted({row["key"] for row in rows})
    if len(keys) != 1:
        near = "no call has it; `vistill calls list` shows keys" if not keys else f"it begins {', '.join(keys[:5])}"
        raise ConfigError("KEY", key, near)
    return rows


def export(store: Store, file: Path, wanted: Filter) -> int:
    """Write the calls as JSON lines, oldest first; how many. The file appears whole or not at all."""
    if file.exists():
        raise ConfigError("FILE", str(file), "exists already: choose another name or remove it")
    partial, count = temporary(file), 0
    with os_errors("write", file):
        try:
            with partial.open("w", encoding="utf-8") as out:
                for row in _all(store, wanted):
                    out.write(json.dumps(row, ensure_ascii=False) + "\n")
                    count += 1
            os.replace(partial, file)
        finally:
            partial.unlink(missing_ok=True)
    return count


def batches(store: Store) -> list[dict[str, Any]]:
    """Offline batches under way, oldest first: where, since when, and what is known of them here."""
    found = sorted(StoredBatches(store).list_all(), key=lambda batch: batch.created)
    return [
        {
            "batch": batch.id or "(not sent yet)",
            "endpoint": batch.place,
            "model": batch.model,
            "requests": batch.requests,
            "created": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(batch.created)),
            "token": batch.token,
        }
        for batch in found
    ]


def _all(store: Store, wanted: Filter) -> Iterator[dict[str, Any]]:
    where, values = wanted.where()
    sql = EVERY.format(where=where)
    with store.snapshot() as snapshot:
        reader = snapshot.run(lambda connection: connection.sql(sql, params=values).to_arrow_reader(BLOCK))
        for batch in reader:
            yield from batch.to_pylist()


def failures(store: Store, run_id: str) -> list[dict[str, Any]]:
    """Failed calls of one run by reason code and class of error, with one key each to look at."""
    rows: list[dict[str, Any]] = store.query(FAILURES, [run_id]).to_pylist()
    return rows


def failures_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The failed calls as a histogram, at most ten bars; empty when none failed."""
    if not rows:
        return ""
    most = max(row["calls"] for row in rows)
    bars = [
        [row["status"], row["class"] or "(no text)", row["calls"],
         "█" * max(1, round(LONGEST_BAR * row["calls"] / most)), row["example"][:12]]
        for row in rows[:10]
    ]  # fmt: skip
    rest = f"\n… and {len(rows) - 10} more classes" if len(rows) > 10 else ""
    head = "failed calls (`vistill calls show KEY` tells one):\n"
    return head + table(["reason", "class", "calls", "", "example"], bars, right=(2,)) + rest


def one_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """A call's rows as a page of text, without control characters."""
    blocks = []
    for row in rows:
        facts = [f"{name}: {value}" for name, value in row.items() if name not in ("request", "reply", "reasoning")]
        texts = [f"--- {name}\n{_printable(row[name])}" for name in ("request", "reasoning", "reply") if row.get(name)]
        blocks.append("\n".join([*map(_printable, facts), *texts]))
    return "\n\n".join(blocks)


def _printable(text: str) -> str:
    """Stored text cannot drive a terminal."""
    if text.startswith("{"):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    return "".join(c if c.isprintable() or c == "\n" else "·" for c in text)
