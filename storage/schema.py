"""The tables of the store: their columns with DuckDB types, and the same as Arrow schemas.

Every table also has `created` (seconds since the epoch), which `append` fills. Columns of type JSON hold JSON
text, marked as JSON in Parquet, so `value->>'x'` works in SQL. Views over these tables live in
`storage.views`; how an older store becomes this one, in `storage.migrations`.
"""

from collections.abc import Mapping

import pyarrow as pa

TABLES: Mapping[str, Mapping[str, str]] = {
    "samples": {
        "sample_id": "VARCHAR",
        "sample_key": "VARCHAR",
        "source": "VARCHAR",
        "question": "VARCHAR",
        "reference": "VARCHAR",
        "kind": "VARCHAR",
        "options": "JSON",
        "image": "VARCHAR",
        "context": "VARCHAR",
        "text_question": "VARCHAR",
        "given_caption": "VARCHAR",
        "solution": "VARCHAR",
        "difficulty": "VARCHAR",
        "licence": "VARCHAR",
        "meta": "JSON",
        "parent": "VARCHAR",
        "created": "DOUBLE",
    },
    "images": {
        "sha256": "VARCHAR",
        "format": "VARCHAR",
        "width": "INTEGER",
        "height": "INTEGER",
        "size": "BIGINT",
        "pixels": "VARCHAR",
        "phash": "UBIGINT",
        "inspected": "VARCHAR",
        "created": "DOUBLE",
    },
    "members": {
        "run_id": "VARCHAR",
        "sample_id": "VARCHAR",
        "sample_key": "VARCHAR",
        "position": "BIGINT",
        "created": "DOUBLE",
    },
    "runs": {
        "run_id": "VARCHAR",
        "event": "VARCHAR",
        "recipe": "VARCHAR",
        "recipe_fingerprint": "VARCHAR",
        "source": "VARCHAR",
        "seed": "BIGINT",
        "settings": "JSON",
        "teachers": "JSON",
        "detail": "VARCHAR",
        "cut": "BIGINT",
        "created": "DOUBLE",
    },
    "run_steps": {
        "run_id": "VARCHAR",
        "idx": "INTEGER",
        "step": "VARCHAR",
        "fingerprint": "VARCHAR",
        "scope": "VARCHAR",
        "in_draws": "BOOLEAN",
        "created": "DOUBLE",
    },
    "outcomes": {
        "sample_id": "VARCHAR",
        "sample_key": "VARCHAR",
        "step": "VARCHAR",
        "fingerprint": "VARCHAR",
        "draw": "INTEGER",
        "status": "VARCHAR",
        "reason": "VARCHAR",
        "detail": "VARCHAR",
        "value": "JSON",
        "calls": "VARCHAR[]",
        "seconds": "DOUBLE",
        "run_id": "VARCHAR",
        "created": "DOUBLE",
    },
    "calls": {
        "key": "VARCHAR",
        "teacher": "VARCHAR",
        "model": "VARCHAR",
        "status": "VARCHAR",
        "request": "VARCHAR",
        "reply": "VARCHAR",
        "reasoning": "VARCHAR",
        "finish": "VARCHAR",
        "prompt_tokens": "BIGINT",
        "completion_tokens": "BIGINT",
        "cost": "DOUBLE",
        "seconds": "DOUBLE",
        "attempts": "INTEGER",
        "draw": "INTEGER",
        "error": "VARCHAR",
        "run_id": "VARCHAR",
        "created": "DOUBLE",
    },
    "reviews": {
        "review_id": "VARCHAR",
        "sample_id": "VARCHAR",
        "sample_key": "VARCHAR",
        "annotator": "VARCHAR",
        "decision": "VARCHAR",
        "reason": "VARCHAR",
        "edited_answer": "VARCHAR",
        "first_wrong_step": "INTEGER",
        "note": "VARCHAR",
        "undoes": "VARCHAR",
        "created": "DOUBLE",
    },
    "pass_rates": {
        "sample_id": "VARCHAR",
        "sample_key": "VARCHAR",
        "model": "VARCHAR",
        "k": "INTEGER",
        "temperature": "DOUBLE",
        "verifier": "VARCHAR",
        "correct": "INTEGER",
        "stopped": "VARCHAR",
        "low": "DOUBLE",
        "high": "DOUBLE",
        "run_id": "VARCHAR",
        "created": "DOUBLE",
    },
    "exports": {
        "export_id": "VARCHAR",
        "format": "VARCHAR",
        "path": "VARCHAR",
        "generation": "VARCHAR",
        "segments": "JSON",
        "counts": "JSON",
        "created": "DOUBLE",
    },
}

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "VARCHAR[]": pa.list_(pa.string()),
    "JSON": pa.json_(),
    "BOOLEAN": pa.bool_(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UBIGINT": pa.uint64(),
    "DOUBLE": pa.float64(),
}


def arrow_schema(table: str) -> pa.Schema:
    """The Arrow schema that segments of `table` are written with."""
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in TABLES[table].items()])


def columns_sql(table: str) -> str:
    """The column list of `CREATE TABLE`, for example `"sample_id" VARCHAR, "idx" INTEGER`."""
    return ", ".join(f'"{name}" {kind}' for name, kind in TABLES[table].items())
