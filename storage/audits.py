"""What audits read from a store and write back: rows in chunks, and findings with the samples they name."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from curation.records import Json
from storage.snapshot import Snapshot
from storage.store import Store

CHUNK = 4096
"""Rows in memory at a time while texts are looked at."""
ROWS_A_SEGMENT = 100_000

COLUMNS = """
SELECT c.sample_id, c.source, c.question, c.reference, c.kind, c.options, c.split, c.caption,
    coalesce(c.rewrite, c.trace) AS trace, c.answer, c.image, c.format, c.width, c.height, i.size, i.pixels, i.phash,
    c.licence, c.meta
FROM corpus c LEFT JOIN images i ON i.sha256 = c.image
WHERE ($1 IS NULL OR c.recipe = $1) AND ($2 OR (c.fate = 'kept' AND c.excluded IS NULL))
"""


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding as the store keeps it."""

    check: str
    severity: str
    title: str
    samples: int
    of: int
    measures: Json
    sql: str
    fix: str
    rows: Sequence[tuple[str, str]]


def rows_to_audit(snapshot: Snapshot, recipe: str | None, *, everything: bool) -> Iterator[dict[str, Any]]:
    """The samples of a recipe's latest run (of every recipe's when None) that were kept and are in no
    standing pass (dedup, decontaminate …), or all with `everything`.
    """
    table = snapshot.query(COLUMNS, [recipe, everything])
    for batch in table.to_batches(max_chunksize=CHUNK):
        yield from batch.to_pylist()


def record(store: Store, audit_id: str, scope: str, findings: Sequence[Noted]) -> None:
    """Store an audit's findings; rows first, so that a finding that is there has them."""
    now = time.time()
    rows = [
        {"audit_id": audit_id, "check_name": f.check, "title": f.title, "sample_id": id, "detail": detail,
         "created": now}
        for f in findings for id, detail in f.rows
    ]  # fmt: skip
    for start in range(0, len(rows), ROWS_A_SEGMENT):
        store.append("finding_rows", rows[start : start + ROWS_A_SEGMENT], name=f"{audit_id}-{start}")
    store.append("findings", [
        {"audit_id": audit_id, "check_name": f.check, "severity": f.severity, "title": f.title, "samples": f.samples,
         "looked_at": f.of, "measures": f.measures, "sql": f.sql, "fix": f.fix, "scope": scope, "created": now}
        for f in findings
    ], name=audit_id)  # fmt: skip
