"""What audits read from a store and write back: rows in chunks, and findings with the samples they name."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

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

# What dropped a sample as another's duplicate; only its question and answer matter, so the wide view is not needed.
REPEATS = """
SELECT f.sample_id, s.source, s.kind, s.question, s.options, s.reference, s.image, i.pixels,
    coalesce(nullif(f.reason, ''), x.reason) AS reason
FROM fates f JOIN sample_versions s USING (sample_id, sample_key)
LEFT JOIN images i ON i.sha256 = s.image
LEFT JOIN excluded x USING (sample_id, sample_key)
WHERE ($1 IS NULL OR f.recipe = $1) AND CASE f.fate
    WHEN 'dropped' THEN x.reason IS NULL AND f.reason IN (SELECT unnest($2))
    WHEN 'kept' THEN x.purpose = 'dedup'
END
"""
DUPLICATES = ("exact_question", "exact_image", "near_image", "near_text", "near_meaning", "near_look")


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
    yield from _rows(snapshot.query(COLUMNS, [recipe, everything]))


def repeats(snapshot: Snapshot, recipe: str | None) -> Iterator[dict[str, Any]]:
    """The samples that a run's dedup step or a standing dedup pass took out as repeats, with the `reason`: two answers
    to one question can only be seen beside them.
    """
    yield from _rows(snapshot.query(REPEATS, [recipe, list(DUPLICATES)]))


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
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
