"""SQL from people and tools that cannot change or leave the store: what `vistill sql` and the SQL page run.

Two walls. DuckDB's own parse of the statement must consist of SELECTs over relations and a few harmless table
functions; and the connection may open the segments of its snapshot and no other file. One wall is not enough
in DuckDB 2.0: `with x as (copy … to …)` counts as a SELECT, `allowed_directories` lets `/store/../x` through,
and `parquet_metadata()` and `read_duckdb()` pass by it. Printing results is `storage.render`.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import duckdb
import orjson
import pyarrow as pa

from curation.errors import ConfigError
from curation.records import Json
from storage.render import render
from storage.snapshot import Snapshot, query_error
from storage.sql import first_line
from storage.store import Store

__all__ = ["check_condition", "check_read_only", "read_only", "render"]

# No spilling to disk: DuckDB adds the temporary directory, and all that `/../` reaches from it, to what SQL may read.
LIMITS = {"memory_limit": "4GB", "threads": 2, "temp_directory": ""}

QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
TABLE_FUNCTIONS = {
    *("range", "generate_series", "unnest", "repeat", "json_each", "json_tree"),
    *("duckdb_columns", "duckdb_databases", "duckdb_functions", "duckdb_keywords", "duckdb_schemas"),
    *(
        "duckdb_settings",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "pragma_table_info",
        "pragma_version",
    ),
}
EXPLAIN = re.compile(r"\s*explain\s*(?:analyze\b\s*)?(?:\(\s*(?:analyze|format)\b[^()]*\)\s*)?", re.IGNORECASE)
FIX = "give one SELECT, WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN"


def read_only(
    store: Store, sql: str, *, limit: int | None = None, timeout: float | None = None, memory: str | None = None
) -> pa.Table:
    """Rows of one reading statement, at most `limit`, within `timeout` seconds and `memory` ("500MB"; 4 GB).

    Fields of JSON columns carry the metadata `{"type": "json"}`. ConfigError when the statement does more
    than read, is wrong SQL or takes too long; StoreError when the store fails.
    """
    statement = check_read_only(sql)
    limits = LIMITS if memory is None else {**LIMITS, "memory_limit": memory}
    with Snapshot(store.root, limits, sealed=True) as snapshot, _interrupted_after(snapshot, timeout):
        try:
            return snapshot.run(lambda connection: _fetch(connection, statement, limit))
        except duckdb.InterruptException as error:
            raise ConfigError("timeout", timeout, "the query took longer: narrow it or allow more") from error
        except duckdb.IOException as error:
            raise query_error(error) from error
        except (duckdb.Error, UnicodeEncodeError) as error:
            raise ConfigError("sql", _shown(sql), first_line(error)) from error


def check_read_only(sql: str) -> str:
    """The statement as it may be run; ConfigError when it is not one statement that only reads."""
    if "\0" in sql:
        raise ConfigError("sql", _shown(sql), "contains a NUL character: remove it")
    with duckdb.connect() as parser:
        kind, statement = _single(parser, sql)
        inner = statement
        if kind == "EXPLAIN":
            kind, inner = _single(parser, EXPLAIN.sub("", statement, count=1))
        if kind != "SELECT":
            raise ConfigError("sql", _shown(sql), f"this is {kind}, which does more than read: {FIX}")
        tree = _parse_tree(parser, inner)
    for node in _objects(tree):
        if refusal := _refusal(node):
            raise ConfigError("sql", _shown(sql), f"{refusal}: {FIX}")
    return statement


@lru_cache(1024)  # a page asks it again for every count, page and lease; parsing takes 20 ms
def check_condition(condition: str, table: str) -> str:
    """A condition as a person writes it after WHERE, over `table` alone; ConfigError when it is anything else."""
    with duckdb.connect() as parser:
        tree = _parse_tree(parser, check_read_only(f"select ({condition}\n)"))
    [statement] = tree["statements"]
    node = statement["node"]
    alone = (
        node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1 and not node["modifiers"]
        and node["from_table"]["type"] == "EMPTY" and not node["where_clause"] and not node["cte_map"]["map"]
    )  # fmt: skip
    if not alone:
        raise ConfigError("where", _shown(condition), "write one condition, as after WHERE: verdict = 'wrong'")
    for found in _objects(tree):
        name = found.get("table_name")
        if found.get("type") in ("BASE_TABLE", "TABLE_FUNCTION") and name != table:
            raise ConfigError("where", _shown(condition), f"it may read {table} and nothing else")
    return condition


def _single(parser: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, str]:
    try:
        statements = parser.extract_statements(sql.encode().decode())  # refuses lone surrogates
    except (duckdb.Error, UnicodeEncodeError) as error:
        raise ConfigError("sql", _shown(sql), first_line(error)) from error
    if len(statements) != 1:
        raise ConfigError("sql", _shown(sql), f"there are {len(statements)} statements: {FIX}")
    try:
        return statements[0].type.name, statements[0].query
    except ValueError:  # duckdb-python 2.0 has no name for CONNECT and other new statements
        return "of a new kind", statements[0].query


def _parse_tree(parser: duckdb.DuckDBPyConnection, select: str) -> Json:
    try:
        row = parser.execute("select json_serialize_sql(?::varchar)", [select]).fetchone()
        tree = orjson.loads(row[0] if row else "")
    except (duckdb.Error, orjson.JSONDecodeError) as error:
        raise ConfigError("sql", _shown(select), f"cannot be checked: {first_line(error)}") from error
    if tree.get("error") is not False:
        raise ConfigError("sql", _shown(select), f"cannot be checked: {tree.get('error_message')}")
    return tree


def _objects(tree: Json) -> Iterator[dict[str, Json]]:
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _refusal(node: dict[str, Json]) -> str | None:
    """Why this node of the parse tree may not run, or None."""
    kind = node.get("type")
    if not isinstance(kind, str):
        return None
    if kind.endswith("_NODE") and kind not in QUERY_NODES:
        return f"{kind.removesuffix('_NODE').removesuffix('_QUERY')} does more than read"
    if kind == "TABLE_FUNCTION":
        name = str(node["function"]["function_name"]).lower()
        return None if name in TABLE_FUNCTIONS else f"{name}() is not for reading this store"
    if kind == "BASE_TABLE" and re.search(r"[./\\:]", node["table_name"]):
        return f"{node['table_name']!r} is a file, not a table of the store"
    return None


@contextmanager
def _interrupted_after(snapshot: Snapshot, seconds: float | None) -> Iterator[None]:
    timer = threading.Timer(seconds or 0.0, lambda: snapshot.connection.interrupt())
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _fetch(con: duckdb.DuckDBPyConnection, statement: str, limit: int | None) -> pa.Table:
    relation = con.sql(statement)
    types = [str(kind) for kind in relation.types]
    table = (relation if limit is None else relation.limit(limit)).to_arrow_table()
    fields = [
        field.with_metadata({"type": "json"}) if kind == "JSON" else field
        for field, kind in zip(table.schema, types, strict=True)
    ]
    return table.cast(pa.schema(fields))


def _shown(sql: str) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= 120 else f"{text[:119]}…"
