"""Passes over a whole corpus that keep samples out of its splits: duplicates, contamination, balance, findings of
audits, pass rates.

Each is reversible. A pass writes its rows first and then the event that makes them count, so a crash leaves nothing
half done. Undoing is one more event. What the splits make of it is the view `excluded`'s business
(`storage.views_people`).
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import orjson
import pyarrow as pa

from curation.errors import ConfigError
from curation.records import Json
from storage.snapshot import Snapshot
from storage.store import Store

Purpose = Literal["dedup", "decontaminate", "balance", "audit", "passrate"]
ROWS = 50_000  # of one segment


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One sample of a pass: kept out because of `of` (a sample id or a benchmark's row), or `kept` of its cluster."""

    sample_id: str
    sample_key: str
    method: str
    cluster: str
    kept: bool
    of: str
    score: float
    reason: str
    detail: str = ""


def record_pass(store: Store, purpose: Purpose, rows: Sequence[Exclusion], *, settings: Json, counts: Json) -> str:
    """Write a pass; its id. From then on its samples are in no split, until the pass is undone."""
    now = time.time()
    pass_id = f"{purpose}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}-{secrets.token_hex(3)}"
    for start in range(0, len(rows), ROWS):
        store.append("exclusions", [asdict(row) | {"pass_id": pass_id} for row in rows[start : start + ROWS]])
    event = {"pass_id": pass_id, "event": "made", "purpose": purpose, "settings": settings, "counts": counts}
    store.append("passes", [event | {"created": now}])
    return pass_id


def undo_pass(store: Store, pass_id: str, purpose: Purpose) -> int:
    """Take a pass back; how many samples it had kept out. ConfigError when there is no such pass, or no longer."""
    found = store.query("SELECT pass_id, undone FROM passes WHERE purpose = $1 ORDER BY created", [purpose]).to_pylist()
    standing = [row["pass_id"] for row in found if not row["undone"]]
    if pass_id not in standing:
        known = ", ".join(standing) or "none"
        why = "is undone already" if any(row["pass_id"] == pass_id for row in found) else f"is no {purpose} pass"
        raise ConfigError("--undo", pass_id, f"{why}; standing: {known}")
    store.append("passes", [{"pass_id": pass_id, "event": "undone", "purpose": purpose, "created": time.time()}])
    count = "SELECT count(DISTINCT (sample_id, sample_key)) FROM exclusions WHERE pass_id = $1 AND NOT kept"
    return int(store.query(count, [pass_id]).column(0)[0].as_py())


def alike(snapshot: Snapshot, purpose: Purpose, settings: Json) -> list[str]:
    """The standing passes that were made with these very settings, oldest first."""
    sql = "SELECT pass_id, settings FROM passes WHERE purpose = $1 AND NOT undone ORDER BY created, pass_id"
    wanted = orjson.loads(orjson.dumps(settings))
    return [row["pass_id"] for row in snapshot.query(sql, [purpose]).to_pylist()
            if orjson.loads(row["settings"]) == wanted]  # fmt: skip


def positions(snapshot: Snapshot, run_id: str, passes: Sequence[str]) -> list[int]:
    """Where in the run the samples are that these passes keep out, ascending."""
    sql = """
        SELECT DISTINCT m.position FROM exclusions e JOIN members m USING (sample_id, sample_key)
        WHERE m.run_id = $1 AND NOT e.kept AND e.pass_id IN (SELECT unnest($2::VARCHAR[])) ORDER BY m.position
    """
    return [int(place) for place in snapshot.query(sql, [run_id, list(passes)])["position"].to_pylist()]


POOL = """
SELECT c.sample_id, c.sample_key,
    bool_or(c.verified AND c.fate = 'kept') AS verified, coalesce(max(length(c.trace)), 0) AS length,
    any_value(c.source) AS source, any_value(c.kind) AS kind, any_value(c.question) AS question,
    any_value(c.options) AS options, any_value(c.reference) AS reference, any_value(c.context) AS context,
    any_value(s.text_question) AS text_question, coalesce(arg_max(c.trace, length(c.trace)), '') AS trace,
    any_value(c.image) AS image, any_value(s.meta) AS meta, any_value(c.difficulty) AS difficulty
FROM corpus c JOIN sample_versions s USING (sample_id, sample_key)
WHERE c.sample_key <> '' AND c.excluded IS NULL AND ($1 OR c.fate = 'kept')
GROUP BY c.sample_id, c.sample_key
"""
# Without what runs found out, the traces and verdicts need not be joined: half the time, a third of the memory.
LEAN_POOL = """
SELECT s.* FROM sample_versions s
SEMI JOIN (SELECT sample_id, sample_key FROM fates WHERE $1 OR fate = 'kept') f USING (sample_id, sample_key)
ANTI JOIN excluded x USING (sample_id, sample_key)
"""
FOUND_OUT = frozenset({"verified", "length", "trace"})
STREAM_LIMITS = {"memory_limit": "400MB", "threads": 1}
POOL_FIELDS = (
    "sample_id", "sample_key", "verified", "length", "source", "kind", "question", "options", "reference", "context",
    "text_question", "trace", "image", "meta", "difficulty",
)  # fmt: skip


def pool(snapshot: Snapshot, fields: Sequence[str], *, every: bool = False) -> pa.Table:
    """One row a sample of the latest runs that is kept and in no standing pass (`every`: lost ones too), by id.

    `fields` are of `POOL_FIELDS` or of images: `pixels`, `phash`, `format`, `width`, `height`, `size`.
    """
    asked = ", ".join(f"p.{name}" if name in POOL_FIELDS else f"i.{name}" for name in fields)
    rows = f"SELECT {asked} FROM ({_pool(fields)}) p LEFT JOIN images i ON i.sha256 = p.image"  # noqa: S608 names are constants
    sql = f"{rows} ORDER BY p.sample_id, p.sample_key"
    return snapshot.query(sql, [every])


def _pool(fields: Sequence[str]) -> str:
    return POOL if FOUND_OUT & set(fields) else LEAN_POOL


def pool_texts(
    snapshot: Snapshot, to_text: Callable[[dict[str, Any]], str], fields: Sequence[str], *, every: bool = False
) -> Iterator[str]:
    """`to_text` of those fields of every row of `pool`, in its order, a batch in memory at a time.

    Over `Snapshot(root, STREAM_LIMITS)` DuckDB sorts on disk what it cannot hold.
    """
    sql = f"SELECT {', '.join(fields)} FROM ({_pool(fields)}) ORDER BY sample_id, sample_key"  # noqa: S608 names are constants
    reader = snapshot.run(lambda connection: connection.sql(sql, params=[every]).to_arrow_reader(8192))
    for batch in reader:
        yield from (to_text(row) for row in batch.to_pylist())
