"""Builds a store as a finished run of very many samples leaves it, to measure the review pages on.

`python -m tests.benchmarks.review_store STORE --samples 1000000` writes samples, members, nine outcomes and one call a
sample, and a few hundred pictures, then compacts and builds the review index. Texts are made in SQL: a trace is about
450 characters, one in five is wrong, one in three reflects.
"""

import argparse
import io
import time
from hashlib import sha256
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
from PIL import Image as Picture
from PIL import ImageDraw

from curation.records import Image
from storage import corpus, review_index
from storage.files import write_durably
from storage.schema import arrow_schema
from storage.segments import parquet_bytes, segment_path
from storage.store import Store

SLICE = 50_000
PICTURES = 400
STEPS = (
    ("intake", "row", False), ("dedup", "all", False), ("caption", "row", False), ("distill", "row", True),
    ("rewrite", "row", True), ("verify", "row", True), ("draws", "row", False), ("cues", "row", False),
    ("split", "all", False),
)  # fmt: skip

BASE = """
CREATE OR REPLACE TABLE base AS
SELECT n AS position, format('made-{{:07d}}', n) AS sample_id, md5('key' || n) AS sample_key,
    hash(n) % 5 = 0 AS wrong, hash(n + 7) % 3 = 0 AS reflects, (100 + hash(n) % 900)::INT AS number,
    ['charts', 'tables', 'scenes', 'receipts'][(1 + hash(n) % 4)::INT] AS source,
    ['digit', 'number', 'mcq', 'text'][(1 + hash(n + 1) % 4)::INT] AS kind, md5('call' || n) AS call,
    pictures.sha256 AS image, $at + n AS created
FROM range($first, $last) r(n) JOIN pictures ON pictures.id = {which}
"""

TRACE = """
'<think>The picture shows a chart with ' || number || ' units in its highest bar. I compare the bars one by one, '
|| 'beginning at the left, and write down each value before I add them. The first bar ends at ' || number % 37
|| ' and the second at ' || number % 41 || ', which leaves the others below. '
|| CASE WHEN reflects THEN 'Wait, let me check that again: the third bar is ' || number % 43 || '. ' ELSE '' END
|| 'Adding what I read gives the total that is asked for, and it fits the scale.</think><answer>'
|| CASE WHEN wrong THEN number + 1 ELSE number END || '</answer>'
"""

TABLES = {
    "samples": """
        SELECT sample_id, sample_key, source, 'How many units does the highest bar of picture ' || position || ' show?'
            AS question, number::VARCHAR AS reference, kind, '[]' AS options, image, '' AS context, '' AS text_question,
            NULL AS given_caption, '' AS solution, 'medium' AS difficulty, 'CC0' AS licence, '{}' AS meta,
            NULL AS parent, created
        FROM base
    """,
    "members": "SELECT 'big' AS run_id, sample_id, sample_key, position, created FROM base",
    "calls": f"""
        SELECT call AS key, 'fake' AS teacher, 'thinker' AS model, 'ok' AS status,
            '{{"messages": [{{"role": "user", "content": "How many?"}}]}}' AS request, {TRACE} AS reply,
            '' AS reasoning, 'stop' AS finish, 700 AS prompt_tokens, 120 AS completion_tokens, 0.0004 AS cost,
            1.2 AS seconds, 1 AS attempts, 0 AS draw, '' AS error, 'big' AS run_id, created
        FROM base
    """,
    "outcomes": f"""
        SELECT sample_id, sample_key, s.step, 'f-' || s.step AS fingerprint, 0 AS draw,
            CASE WHEN s.step = 'verify' AND wrong THEN 'dropped' ELSE 'ok' END AS status,
            CASE WHEN s.step = 'verify' AND wrong THEN 'wrong_answer' ELSE '' END AS reason, '' AS detail,
            CASE s.step
                WHEN 'dedup' THEN '{{"cluster": "made-' || format('{{:07d}}', position - position % 7) || '"}}'
                WHEN 'caption' THEN to_json('A bar chart with a highest bar of ' || number || ' units.')
                WHEN 'distill' THEN to_json({TRACE})
                WHEN 'rewrite' THEN json_object('text', {TRACE}, 'asked', false, 'leaks', [], 'diff', [])
                WHEN 'verify' THEN json_object('correct', NOT wrong, 'extracted',
                    (CASE WHEN wrong THEN number + 1 ELSE number END)::VARCHAR, 'kind', kind, 'reason', 'compared',
                    'source', CASE WHEN number % 5 = 0 THEN 'judge' ELSE 'rule' END)
                WHEN 'draws' THEN json_object('chosen', 0, 'drawn', 1, 'k', 1, 'correct', (NOT wrong)::INT)
                WHEN 'cues' THEN json_object('reflective', reflects, 'cues', CASE WHEN reflects
                    THEN '{{"wait": 1, "again": 1, "check": 1}}'::JSON ELSE '{{}}'::JSON END)
                WHEN 'split' THEN json_object('split', CASE WHEN reflects THEN 'rl' ELSE 'sft' END)
                ELSE '{{}}'
            END::VARCHAR AS value,
            CASE WHEN s.step = 'distill' THEN [call] ELSE [] END AS calls, 0.5 AS seconds, 'big' AS run_id, created
        FROM base, steps s WHERE NOT (wrong AND s.step IN ('cues', 'split')) ORDER BY position
    """,
}


def make(root: Path, samples: int, *, side: int = 0) -> None:
    """The whole store; with `side`, a picture of noise for every sample, so many pixels wide and high."""
    store = Store.open(root, create=True)
    steps = [(step, f"f-{step}", scope, in_draws) for step, scope, in_draws in STEPS]
    corpus.start_run(
        store, run_id="big", recipe="made", recipe_fingerprint="rf", source="made", seed=0, settings={},
        teachers={"reasoner": "fake"}, steps=steps,
    )  # fmt: skip
    con = duckdb.connect(config={"threads": 2, "memory_limit": "2GB"})
    con.execute("CREATE TABLE pictures (id UBIGINT, sha256 VARCHAR)")
    con.executemany(
        "INSERT INTO pictures VALUES (?, ?)",
        list(enumerate(noise(store, samples, side) if side else pictures(store))),
    )
    con.execute("CREATE TABLE steps (step VARCHAR)")
    con.executemany("INSERT INTO steps VALUES (?)", [[step] for step, *_ in STEPS])
    base = BASE.format(which="n" if side else f"hash(n) % {PICTURES}")
    for first in range(0, samples, SLICE):
        given = {"first": first, "last": min(samples, first + SLICE), "at": time.time() - samples}
        con.execute(base, given)
        for table, sql in TABLES.items():
            write(store, table, con.sql(sql).to_arrow_table(), f"made-{first:08d}")
        print(f"{given['last']:,} samples", flush=True)
    corpus.end_run(store, "big", event="finished")


def write(store: Store, table: str, rows: pa.Table, name: str) -> None:
    """One segment, in the store's own types."""
    schema = arrow_schema(table)
    columns = [column(rows[field.name].combine_chunks(), field.type) for field in schema]
    write_durably(segment_path(store.root, table, name), parquet_bytes(pa.Table.from_arrays(columns, schema=schema)))


def column(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values in a type of the store; JSON is text that is marked."""
    if isinstance(kind, pa.JsonType):
        return pa.ExtensionArray.from_storage(kind, values.cast(pa.string()))
    return values.cast(kind)


def pictures(store: Store) -> list[str]:
    """Bar charts of 800 by 600 pixels; their hashes."""
    made = []
    for number in range(PICTURES):
        picture = Picture.new("RGB", (800, 600), "white")
        draw = ImageDraw.Draw(picture)
        for bar in range(8):
            height = 60 + (number * 37 + bar * 71) % 460
            draw.rectangle((60 + bar * 90, 580 - height, 120 + bar * 90, 580), fill=(40 + bar * 25, 90, 200 - bar * 20))
        out = io.BytesIO()
        picture.save(out, "PNG")
        content = out.getvalue()
        made.append((Image(sha256(content).hexdigest(), "png", 800, 600, len(content), "p" * 32, number), content))
    store.put_images(made)
    store.append("images", [{name: getattr(image, name) for name in Image.__dataclass_fields__} for image, _ in made])
    return [image.sha256 for image, _ in made]


def noise(store: Store, count: int, side: int) -> list[str]:
    """Grey noise, which no codec shortens: 9 KB each for a side of 96 pixels, 64 KB for one of 256."""
    random, hashes = Random(7), []
    for first in range(0, count, 1000):
        made = []
        for number in range(first, min(count, first + 1000)):
            out = io.BytesIO()
            Picture.frombytes("L", (side, side), random.randbytes(side * side)).save(out, "PNG", compress_level=1)
            content = out.getvalue()
            sha = sha256(content).hexdigest()
            made.append((Image(sha, "png", side, side, len(content), sha[:32], number), content))
        store.put_images(made)
        names = list(Image.__dataclass_fields__)
        store.append("images", [{name: getattr(image, name) for name in names} for image, _ in made])
        hashes += [image.sha256 for image, _ in made]
    return hashes


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("store", type=Path)
    arguments.add_argument("--samples", type=int, default=1_000_000)
    given = arguments.parse_args()
    started = time.monotonic()
    make(given.store, given.samples)
    print(f"written in {time.monotonic() - started:.0f} s", flush=True)
    while report := Store.open(given.store).compact(force=True):
        print(report, flush=True)
    print(review_index.build(given.store), flush=True)


if __name__ == "__main__":
    main()
