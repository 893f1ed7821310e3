"""What exports read of a store and leave in it: rows of a split in order, overlaps, digests, and the record.

An export reads rows created up to one moment (`as_of`), so that the same rows can be read again later, whatever came
since and however the store was compacted. Formats are the business of `curation.exports`, files of `flows`.
"""

import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from curation.errors import ConfigError, StoreError
from curation.records import Json, digest
from storage.decode import decoded
from storage.files import os_errors
from storage.one_run import piece, pieces, settle
from storage.schema import TABLES
from storage.snapshot import Snapshot, query_error
from storage.sql import first_line
from storage.store import Store
from storage.views_people import REFERENCE, SAID, TEXTS

LIMITS = {"memory_limit": "900MB", "threads": 2}
"""Beyond that DuckDB spills to the temporary directory. With 600 MB reading 188,000 samples takes a quarter longer."""
CHUNK = 512
UNREAD = ("exports", "calls", "findings", "finding_rows", "trainings")
"""Tables that decide nothing about an export's rows: an export must not change what the next one reads."""

# What an earlier run found out about steps after the one where the sample stopped does not count.
STEPS = (
    "caption", "describe", "distill", "answer_text", "rewrite", "shorten", "verify", "settle", "route", "split",
    "assemble",
)  # fmt: skip
SPLIT_ROWS = f"""
WITH d AS (
    SELECT p.sample_id, p.sample_key,
        {SAID},
        any_value(o.value) FILTER (WHERE o.step = 'route') AS routed,
        any_value(o.value ->> '$.verifier_type') FILTER (WHERE o.step = 'split') AS verifier_type,
        any_value(o.value ->> '$.response') FILTER (WHERE o.step = 'assemble') AS assembled
    FROM latest_outcomes o JOIN placed p USING (sample_id, sample_key)
    WHERE o.run_id = $1 AND o.chosen AND o.step IN {STEPS}
        AND p.split <> 'none' AND ($2 = '' OR p.split = $2) AND p.position BETWEEN $3 AND $4
        AND (p.step_no IS NULL OR o.step_no IS NULL OR o.step_no <= p.step_no)
    GROUP BY ALL
),
said AS (
    SELECT d.sample_id, d.sample_key, d.verifier_type, d.assembled, d.routed, {TEXTS}, {REFERENCE}
    FROM d JOIN sample_versions s USING (sample_id, sample_key)
)
SELECT p.sample_id, p.sample_key, p.position, s.source, s.kind, s.difficulty, s.question, s.options, s.image, s.format,
    t.caption, s.licence, s.meta, t.verifier_type, t.routed,
    coalesce(nullif(p.edited_answer, ''), t.reference, s.reference) AS reference,
    {{texts}}
FROM placed p JOIN sample_versions s USING (sample_id, sample_key)
LEFT JOIN said t USING (sample_id, sample_key) LEFT JOIN edited v USING (sample_id, sample_key){{joins}}
WHERE p.split <> 'none' AND ($2 = '' OR p.split = $2) AND p.position BETWEEN $3 AND $4
ORDER BY p.position, p.sample_id{{order}}
"""  # noqa: S608 constants of this package
TRACES = {
    "texts": "coalesce(v.edited_trace, t.rewrite, t.trace) AS trace, "
    "CASE WHEN v.edited_trace IS NULL THEN t.assembled END AS assembled", "joins": "", "order": "",
}  # fmt: skip
PAIRS = {
    "texts": "q.chosen AS trace, NULL::VARCHAR AS assembled, q.rejected AS rejected",
    "joins": "\nJOIN preference q ON q.run_id = $1 AND q.sample_id = p.sample_id AND q.sample_key = p.sample_key",
    "order": ", q.chosen_draw, q.rejected_draw",
}
RAW_ROWS = """
WITH said AS (
    SELECT sample_id, sample_key, to_json(list({
        'annotator': annotator, 'decision': decision, 'reason': reason, 'edited_answer': edited_answer,
        'first_wrong_step': first_wrong_step, 'note': note, 'created': created
    } ORDER BY created, review_id)) AS reviews
    FROM reviews WHERE standing GROUP BY ALL
),
e AS (
    SELECT sample_id, sample_key,
        any_value(value ->> '$.verifier_type') FILTER (WHERE step = 'split') AS verifier_type,
        any_value(value ->> '$.response') FILTER (WHERE step = 'assemble') AS assembled
    FROM latest_outcomes WHERE run_id = $1 AND chosen AND step IN ('split', 'assemble') GROUP BY ALL
)
SELECT c.* EXCLUDE (split), coalesce(p.split, 'none') AS split, p.reason AS split_reason,
    e.verifier_type, e.assembled, s.reviews
FROM corpus c LEFT JOIN placed p USING (sample_id, sample_key)
LEFT JOIN e USING (sample_id, sample_key)
LEFT JOIN said s USING (sample_id, sample_key)
WHERE c.run_id = $1 AND c.position BETWEEN $2 AND $3 ORDER BY c.position, c.sample_id
"""
OVERLAPS = """
WITH found AS (
    SELECT p.sample_id, p.split, i.pixels, coalesce(nullif(s.parent, ''), s.meta ->> '$.parent') AS parent
    FROM placed p JOIN sample_versions s USING (sample_id, sample_key) LEFT JOIN images i ON i.sha256 = p.image
    WHERE p.split <> 'none'
),
keyed AS (
    SELECT 'image' AS what, pixels AS shared, split, sample_id FROM found WHERE coalesce(pixels, '') <> ''
    UNION ALL
    SELECT 'parent', parent, split, sample_id FROM found WHERE coalesce(parent, '') <> ''
)
SELECT what, shared, list(DISTINCT split ORDER BY split) AS splits, min(sample_id) AS one, max(sample_id) AS other
FROM keyed GROUP BY what, shared HAVING count(DISTINCT split) > 1 ORDER BY what, shared
"""


def latest_moment(snapshot: Snapshot) -> float:
    """When the latest row was created that an export reads, in seconds since the epoch; 0.0 for an empty store."""
    tables = [f'SELECT max(created) AS t FROM "raw_{name}"' for name in TABLES if name not in UNREAD]  # noqa: S608
    return float(snapshot.query(f"SELECT max(t) AS t FROM ({' UNION ALL '.join(tables)})").to_pylist()[0]["t"] or 0.0)  # noqa: S608


def moment(seconds: float) -> str:
    """Seconds since the epoch as a person reads them; a figure that is no moment as it is."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    except (ValueError, OverflowError, OSError):
        return repr(seconds)


def frozen(store: Store, as_of: float | None = None, run: str | None = None) -> Snapshot:
    """A snapshot of the rows created up to `as_of`, the latest row's moment unless given; `run` as in `Snapshot`."""
    if as_of is None:
        with store.snapshot() as snapshot:
            as_of = latest_moment(snapshot)
    return Snapshot(store.root, LIMITS, as_of=as_of, run=run)


def chosen_run(snapshot: Snapshot, recipe: str | None, run_id: str | None) -> dict[str, Any]:
    """The run to export: the latest of its recipe, or the snapshot's. Raises `ConfigError` when that is not one."""
    runs = snapshot.query("SELECT * FROM latest_runs ORDER BY recipe").to_pylist()
    found = [run for run in runs if recipe in (None, run["recipe"]) and run_id in (None, run["run_id"])]
    names = ", ".join(run["recipe"] for run in runs)
    if not runs:
        then = f"holds no run among the rows up to {moment(snapshot.as_of)}" if snapshot.as_of else "holds no run yet"
        raise ConfigError("--store", str(snapshot.root), f"{then}: `vistill run` makes one")
    if run_id and not found:
        of = f" of {recipe}" if recipe else ""
        raise ConfigError("--run", run_id, f"is no run{of} among the rows up to {moment(snapshot.as_of or 0.0)}")
    if not found:
        raise ConfigError("--recipe", recipe, f"has no run here; there are {names}")
    if len(found) > 1:
        raise ConfigError("--recipe", None, f"say which: there are {names}")
    one: dict[str, Any] = found[0]
    return one


def rows(snapshot: Snapshot, run_id: str, split: str | None) -> Iterator[list[dict[str, Any]]]:
    """The rows of `batches`, a chunk at a time."""
    return map(decoded, batches(snapshot, run_id, split))


def batches(
    snapshot: Snapshot, run_id: str, split: str | None, *, paired: bool = False, size: int = CHUNK
) -> Iterator[pa.RecordBatch]:
    """The samples of a split in order of position, `size` at a time; the last may be fewer.

    `split` is "" for every sample in any split, None for every sample of the run with everything about it; `paired`
    gives one row a pair of traces (`trace`, `rejected`). What reviewers decided is in it, as far as the view `splits`
    says so.
    """
    if split is None:
        sql, params, positions = RAW_ROWS, [run_id], "SELECT position FROM fates"
    else:
        sql, params = SPLIT_ROWS.format(**(PAIRS if paired else TRACES)), [run_id, split]
        positions = "SELECT position FROM placed WHERE split <> 'none' AND ($1 = '' OR split = $1)"
    try:
        connection = snapshot.run(lambda connection: settle(connection, run_id, costs=split is None))
        found = _pieces(connection, sql, params, pieces(connection, positions, params[1:]), size)
        yield from _sized(found, size)
    except (duckdb.Error, pa.ArrowException) as error:
        raise StoreError(f"cannot read the samples to export: {first_line(error)}") from error


def _pieces(
    connection: duckdb.DuckDBPyConnection, sql: str, params: Sequence[Any], edges: Sequence[tuple[int, int]], size: int
) -> Iterator[pa.RecordBatch]:
    for first, last in edges:
        with piece(connection, first, last):
            found = list(connection.sql(sql, params=[*params, first, last]).to_arrow_reader(size))
        yield from found


def _sized(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows, `size` at a time; batches of that size pass as they are."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        while sum(map(len, held)) + len(batch) >= size:
            wanted = size - sum(map(len, held))
            yield pa.concat_batches([*held, batch.slice(0, wanted)]) if held else batch.slice(0, wanted)
            held, batch = [], batch.slice(wanted)
        if len(batch):
            held.append(batch)
    if held:
        yield pa.concat_batches(held)


def size(snapshot: Snapshot, run_id: str, split: str | None) -> int:
    """How many samples `batches` gives, pairs aside."""
    everyone = "SELECT count(*) AS n FROM members WHERE run_id = $1"
    some = "SELECT count(*) AS n FROM placed WHERE split <> 'none' AND ($1 = '' OR split = $1)"
    sql, params = (everyone, [run_id]) if split is None else (some, [split])
    return int(_asked(snapshot, run_id, sql, params)["n"][0].as_py())


def at_most(snapshot: Snapshot, run_id: str) -> int:
    """No more samples than this are in the run; known at once, where `size` takes seconds of a large store."""
    sql = "SELECT count(*) AS n FROM raw_members WHERE run_id = $1"
    return int(snapshot.query(sql, [run_id])["n"][0].as_py())


def _asked(snapshot: Snapshot, run_id: str, sql: str, params: Sequence[Any] = ()) -> pa.Table:
    try:
        return snapshot.run(lambda connection: settle(connection, run_id).sql(sql, params=params).to_arrow_table())
    except duckdb.Error as error:
        raise query_error(error) from error


def overlaps(snapshot: Snapshot, run_id: str) -> list[dict[str, Any]]:
    """What two splits share, an image or a parent: what, shared, splits, and two sample ids."""
    found: list[dict[str, Any]] = _asked(snapshot, run_id, OVERLAPS).to_pylist()
    return found


def split_state(snapshot: Snapshot, run_id: str, splits: Sequence[str | None]) -> dict[str, Json]:
    """{samples, digest} of who is in these splits, in which version and with which edits, to notice a change."""
    sql = """
        SELECT p.sample_id, p.sample_key, p.split, p.edited_answer AS edited FROM placed p
        WHERE ($1 OR p.split <> 'none') AND ($2 OR p.split IN (SELECT unnest($3::VARCHAR[]))) ORDER BY ALL
    """
    everything, some = None in splits, [name for name in splits if name]
    table = _asked(snapshot, run_id, sql, [everything, everything or "" in splits, some])
    seen = sha256()
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            seen.update(orjson.dumps(list(row.values())))
    return {"samples": table.num_rows, "digest": seen.hexdigest()}


def funnel(snapshot: Snapshot, run_id: str) -> list[dict[str, Any]]:
    """The run's funnel, as the card shows it."""
    names = "step, input, kept, dropped, failed, pending, expanded, born"
    sql = f"SELECT {names} FROM funnel WHERE run_id = $1 ORDER BY step_no"  # noqa: S608 names are constants
    steps: list[dict[str, Any]] = _asked(snapshot, run_id, sql, [run_id]).to_pylist()
    return steps


def fingerprints(snapshot: Snapshot, run_id: str) -> dict[str, str]:
    """Fingerprint of each step of the run: what its code, settings, prompt and teacher were."""
    table = snapshot.query("SELECT step, fingerprint FROM run_steps WHERE run_id = $1 ORDER BY idx", [run_id])
    return {row["step"]: row["fingerprint"] for row in table.to_pylist()}


def audit_findings(snapshot: Snapshot) -> list[dict[str, Any]]:
    """What the latest audit found: severity, check, title and how many samples of how many."""
    sql = """
        SELECT severity, check_name, title, samples, looked_at FROM findings
        WHERE audit_id = (SELECT arg_max(audit_id, created) FROM findings)
        ORDER BY severity = 'info', severity = 'warning', check_name, title
    """
    found: list[dict[str, Any]] = snapshot.query(sql).to_pylist()
    return found


def annotator_secret(store: Store) -> bytes:
    """The secret that makes pseudonyms of annotators' names: made once, kept in the store, never exported."""
    path = store.root / "annotators.key"
    with os_errors("keep the annotators' secret in", path):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with os.fdopen(handle, "wb") as file:
            file.write(secret := secrets.token_bytes(32))
    return secret


def record(store: Store, *, format: str, path: str, manifest: Mapping[str, Json], sha: str) -> str:
    """Note an export in the table `exports`; its id."""
    export_id = digest([sha, path])
    known = {name: manifest[name] for name in ("recipe", "run_id", "as_of", "counts")}
    row = {"export_id": export_id, "format": format, "path": path, "manifest": sha, **manifest["store"], **known}
    store.append("exports", [{**row, "created": time.time()}])
    return export_id


def is_recorded(store: Store, *, format: str, before: str, after: str, sha: str) -> bool:
    """Whether an export of this very manifest is noted for a path that begins and ends so."""
    sql = """
        SELECT count(*) AS n FROM raw_exports
        WHERE format = $1 AND manifest = $2 AND starts_with(path, $3) AND ends_with(path, $4)
    """
    return bool(store.query(sql, [format, sha, before, after])["n"][0].as_py())
