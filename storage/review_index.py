"""The review index: one slim row a sample of the latest runs, with what queues are filtered and ordered by.

Asking the views costs seconds on a million samples and an annotator waits a quarter of one, so the views are asked once
and their answer is kept in `review/index-<digest>.duckdb`. The digest is that of the code, the generation and the
segments, so an index is never wrong about what it covers, only older than the store. Texts are not in it, reviews
neither: `storage.desk` puts those beside it. `python -m storage.review_index STORE` builds one.
"""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from curation.errors import StoreError
from curation.records import digest
from storage.files import discard, lock, make_directories, os_errors, write_durably
from storage.generations import current
from storage.segments import list_segments
from storage.snapshot import Snapshot
from storage.sql import quoted
from storage.store import Store
from storage.views import VIEWS
from storage.views_reviews import SPOKEN

READS = ("samples", "images", "members", "runs", "run_steps", "outcomes", "calls", "pass_rates")
MEMORY = "1500MB"

ITEMS = """
WITH small AS (
    SELECT o.run_id, o.sample_id, o.sample_key, o.step, o.draw, o.chosen, o.status, o.created, o.calls,
        CASE WHEN o.step = 'verify' THEN o.value ->> '$.extracted' END AS answer,
        CASE WHEN o.step = 'verify' THEN TRY_CAST(o.value ->> '$.correct' AS BOOLEAN) END AS correct,
        CASE WHEN o.step = 'verify' THEN o.value ->> '$.source' END AS verdict_by,
        CASE WHEN o.step = 'verify' THEN o.value ->> '$.reason' END AS verdict_reason,
        CASE WHEN o.step = 'split' THEN o.value ->> '$.split' END AS split,
        CASE WHEN o.step = 'draws' THEN TRY_CAST(o.value ->> '$.drawn' AS INTEGER) END AS drawn,
        CASE WHEN o.step = 'draws' THEN TRY_CAST(o.value ->> '$.correct' AS INTEGER) END AS drawn_correct,
        CASE WHEN o.step = 'cues' THEN TRY_CAST(o.value ->> '$.reflective' AS BOOLEAN) END AS reflective,
        CASE WHEN o.step = 'rewrite' THEN json_array_length(o.value, '$.leaks') END AS leaks,
        CASE WHEN o.step = 'dedup' THEN o.value ->> '$.cluster' END AS cluster,
        CASE WHEN o.step IN ('rewrite', 'distill') AND o.chosen THEN {spoken} END AS text
    FROM latest_outcomes o
),
said AS (
    SELECT run_id, sample_id, sample_key,
        any_value(answer) FILTER (WHERE step = 'verify' AND chosen) AS answer,
        any_value(correct) FILTER (WHERE step = 'verify' AND chosen) AS correct,
        any_value(verdict_by) FILTER (WHERE step = 'verify' AND chosen) AS verdict_by,
        any_value(verdict_reason) FILTER (WHERE step = 'verify' AND chosen) AS verdict_reason,
        bool_or(step = 'verify' AND chosen) AS verified_at_all,
        count(*) FILTER (WHERE step = 'verify') AS verdicts,
        list(answer) FILTER (WHERE step = 'verify') AS answers,
        any_value(split) AS split, any_value(drawn) AS drawn, any_value(drawn_correct) AS drawn_correct,
        any_value(reflective) AS reflective, any_value(leaks) FILTER (WHERE step = 'rewrite' AND chosen) AS leaks,
        any_value(cluster) AS cluster,
        coalesce(max(md5(text)) FILTER (WHERE step = 'rewrite' AND text <> ''),
            max(md5(text)) FILTER (WHERE step = 'distill' AND text <> '')) AS judged,
        coalesce(max(length(text)) FILTER (WHERE step = 'rewrite' AND text <> ''),
            max(length(text)) FILTER (WHERE step = 'distill'), 0) AS trace_chars,
        sum(len(calls)) AS calls, max(created) AS made
    FROM small GROUP BY ALL
),
priced AS (
    SELECT u.run_id, sample_id, sample_key, sum(cost) AS cost, sum(tokens)::BIGINT AS tokens
    FROM (SELECT DISTINCT run_id, sample_id, sample_key, unnest(calls) AS key FROM small) u
    JOIN (SELECT key, any_value(cost) AS cost, any_value(completion_tokens) AS tokens FROM raw_calls GROUP BY key)
    USING (key) GROUP BY ALL
),
texts AS (
    SELECT sample_id, sample_key, any_value(source) AS source, any_value(kind) AS kind,
        any_value(difficulty) AS difficulty, any_value(left(question, 300)) AS question,
        any_value(left(reference, 200)) AS reference, any_value(image) AS image
    FROM raw_samples GROUP BY ALL
),
pictures AS (
    SELECT sha256, any_value(format) AS format, any_value(width) AS width, any_value(height) AS height
    FROM raw_images GROUP BY ALL
)
SELECT f.recipe, f.run_id, f.position, f.sample_id, f.sample_key, t.source, t.kind, t.difficulty, t.question,
    t.reference, left(s.answer, 200) AS answer,
    CASE WHEN s.correct THEN 'correct' WHEN NOT s.correct THEN 'wrong' WHEN s.verified_at_all THEN 'undecided'
    END AS verdict,
    s.verdict_by, s.verdict_reason, f.fate, f.step AS left_at, f.reason,
    CASE WHEN f.fate = 'kept' THEN coalesce(s.split, 'none') ELSE 'none' END AS split,
    s.drawn, s.drawn_correct, s.drawn_correct / nullif(s.drawn, 0) AS pass_rate,
    CASE WHEN s.verdicts > 0 THEN 1 - len(list_filter(s.answers, lambda a: a = s.answer)) / s.verdicts END
        AS disagreement,
    CASE WHEN NOT s.verified_at_all THEN NULL WHEN s.correct IS NULL THEN 0
        ELSE len(list_filter(s.answers, lambda a: a = s.answer)) / s.verdicts
            * CASE WHEN s.verdict_by = 'judge' THEN 0.75 ELSE 1 END
    END AS confidence,
    s.reflective, coalesce(s.leaks, 0)::INTEGER AS leaks, s.trace_chars::INTEGER AS trace_chars, s.cluster,
    coalesce(s.calls, 0)::INTEGER AS calls, p.cost, p.tokens, t.image, i.format, i.width, i.height, s.judged,
    s.made
FROM fates f
LEFT JOIN said s USING (run_id, sample_id, sample_key)
LEFT JOIN priced p USING (run_id, sample_id, sample_key)
LEFT JOIN texts t USING (sample_id, sample_key)
LEFT JOIN pictures i ON i.sha256 = t.image
WHERE f.sample_key <> ''
""".replace(
    "{spoken}",
    SPOKEN.replace("o_rewrite", "CASE WHEN o.step = 'rewrite' THEN o.value END").replace(
        "o_distill", "CASE WHEN o.step = 'distill' THEN o.value END"
    ),
)


TALLIED = ("recipe", "source", "kind", "difficulty", "verdict", "verdict_by", "fate", "left_at", "reason", "split")
TALLIES = " UNION ALL ".join(
    "(SELECT '{name}' AS name, {name}::VARCHAR AS value, count(*) AS samples FROM made.items "
    "GROUP BY 2 ORDER BY 3 DESC LIMIT 50)".replace("{name}", name)
    for name in TALLIED
)
"""Frequent values of the columns that filters offer: the same for everybody, so counted once."""

CUES = """
SELECT recipe, cue, count(*) AS samples FROM (
    SELECT o.recipe, unnest(json_keys(o.value, '$.cues')) AS cue
    FROM latest_outcomes o JOIN made.items i USING (run_id, sample_id, sample_key)
    WHERE o.step = 'cues' AND o.status = 'ok' AND o.chosen AND i.fate = 'kept'
) GROUP BY ALL ORDER BY samples DESC, cue
"""
"""Reflection cues of kept traces, each with the samples that have it."""


@dataclass(frozen=True, slots=True)
class Index:
    """A built index: its file, which generation it was built from, how many samples, when and in how many seconds."""

    path: Path
    stamp: str
    samples: int
    built: float
    seconds: float


def stamp(root: Path) -> str:
    """Names what an index built now would cover; equal stamps, equal rows."""
    listed = {table: list_segments(root, table) for table in READS}
    return digest([ITEMS, TALLIES, CUES, [list(view) for view in VIEWS], current(root), listed])


def live(root: Path) -> Index | None:
    """The newest index, or None when none was built, or its file is gone."""
    pointer = root / "review" / "INDEX"
    with os_errors("read", pointer):
        try:
            said = orjson.loads(pointer.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
    path = root / "review" / Path(said["file"]).name
    return Index(path, said["stamp"], said["samples"], said["built"], said["seconds"]) if path.exists() else None


def build(root: Path) -> Index:
    """An index of this moment; the one there is when nothing has changed. One process builds, the others wait."""
    folder = root / "review"
    with os_errors("write", folder):
        make_directories([folder])
    with lock(folder / "index.lock", exclusive=True, seconds=3600.0) as mine:
        if not mine:
            raise StoreError(f"cannot index {root}: another process has been at it for an hour")
        now = stamp(root)
        there = live(root)
        return there if there and there.stamp == now else _build(root, now, there)


def _build(root: Path, now: str, before: Index | None) -> Index:
    started = time.monotonic()
    path = root / "review" / f"index-{now}.duckdb"
    scratch = root / "review" / "scratch"
    config = {"memory_limit": MEMORY, "threads": 2, "temp_directory": str(scratch), "preserve_insertion_order": "false"}
    made = path.with_suffix(".new")
    discard(made)
    with Snapshot(root, config) as snapshot:
        con = snapshot.connection
        con.execute(f"attach {quoted(made)} as made")
        con.execute(f"create table made.items as from ({ITEMS}) order by recipe, position")
        con.execute(f"create table made.tallies as {TALLIES}")
        con.execute(f"create table made.cues as {CUES}")
        row = con.execute("select count(*) from made.items").fetchone()
        con.execute("detach made")
    with os_errors("write", path):
        os.replace(made, path)
    index = Index(path, now, row[0] if row else 0, time.time(), time.monotonic() - started)
    said = {"file": path.name, "stamp": now, "samples": index.samples, "built": index.built, "seconds": index.seconds}
    with os_errors("write", path):
        write_durably(root / "review" / "INDEX", orjson.dumps(said))
    _sweep(root, {path, before.path if before else path})
    return index


def _sweep(root: Path, kept: set[Path]) -> None:
    """Delete indexes older than the one before; whoever has one open keeps its file."""
    for path in (root / "review").glob("index-*.duckdb"):
        if path not in kept:
            discard(path)


def main(arguments: list[str]) -> int:
    """Build, and say what was built as JSON."""
    index = build(Store.open(arguments[0], create=False).root)
    print(orjson.dumps({"samples": index.samples, "seconds": round(index.seconds, 2)}).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
