"""`vistill sql` reads the store and nothing else, and prints what it read."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import ConfigError, VistillError
from storage.query import check_read_only, read_only, render
from storage.store import Store
from storage.views import VIEWS

OUTSIDE = "/etc/passwd"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Rows in the generation and in the tail, and a file next door that nobody may read."""
    folder = tmp_path_factory.mktemp("sql")
    (folder / "secret.csv").write_text("a\n1\n")
    store = Store.open(folder / "store")
    store.append("outcomes", [{"sample_id": f"s{i}", "draw": i, "value": {"n": i, "text": "x"}} for i in range(5)])
    store.compact(force=True)
    store.append("outcomes", [{"sample_id": "tail", "draw": 9, "value": "a caption"}])
    return store


def tree(store: Store) -> dict[str, tuple[int, int]]:
    """Every file around the store but the views, which any reader may make."""
    paths = [path for path in store.root.parent.rglob("*") if path.is_file() and path.parent.name != "views"]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def test_a_query_sees_generation_and_tail(store: Store) -> None:
    table = read_only(store, "select sample_id, value->>'n' as n from raw_outcomes order by draw")
    assert table["sample_id"].to_pylist() == ["s0", "s1", "s2", "s3", "s4", "tail"]
    assert table["n"].to_pylist() == ["0", "1", "2", "3", "4", None]


READING = [
    "select count(*) from raw_outcomes",
    "from raw_outcomes;",
    "  -- a comment\n with x as (select 1 as a) from x  /* and another */ ;",
    "values (1), (2)",
    "table raw_outcomes",
    "describe raw_outcomes",
    "describe select 1",
    "show tables",
    "summarize raw_outcomes",
    "explain select 1",
    "EXPLAIN ANALYZE select count(*) from raw_outcomes",
    "explain (format json) select 1",
    "with recursive r as (select 1 as a union all select a + 1 from r where a < 3) from r",
    "select unnest([1, 2]), list_transform([1], lambda x: x + 1)",
    "from range(3) t(a), generate_series(1, 2) u(b)",
    "from raw_outcomes, json_each(value) as e",
    "from raw_outcomes pivot (count(*) for draw in (1, 2))",
    "unpivot (select 1 as a, 2 as b) on a, b",
    "(select 1) union all (select 2) order by 1 limit 1",
    "from duckdb_views() select view_name",
    "select 'copy x to y; drop table z', 'read_csv(''/etc/passwd'')'",
]


@pytest.mark.parametrize("sql", READING)
def test_reading_statements_run(store: Store, sql: str) -> None:
    assert read_only(store, sql).num_columns > 0


def test_every_view_can_be_read(store: Store) -> None:
    for name, _ in VIEWS:
        read_only(store, f'from "{name}"', limit=1)


ATTACKS = [
    # other files
    "select * from read_csv('{outside}')",
    "select * from '{outside}'",
    "from '{store}/../secret.csv'",
    'from "{store}/../secret.csv"',
    "from read_text('{store}/../secret.csv')",
    "from read_text('{store}/VERSION')",
    "from read_blob('/proc/self/environ')",
    "select (select content from read_text('{outside}'))",
    "select 1 where exists (from glob('/etc/*'))",
    "from raw_outcomes limit (select count(*) from glob('/*'))",
    "from raw_outcomes order by (from read_text('{outside}'))",
    "with x as materialized (from read_csv('{outside}')) from x",
    "select 1 union all select count(*) from read_csv('{outside}')",
    "from raw_outcomes semi join read_text('{outside}') on true",
    "describe from read_csv('{outside}')",
    "summarize from read_csv('{outside}')",
    "explain select * from read_csv('{outside}')",
    "from parquet_metadata('{segment}')",
    "from parquet_scan('{segment}')",
    "from read_duckdb('{generation}')",
    "from sniff_csv('{outside}')",
    "from query('select * from read_csv(''{outside}'')')",
    "from query_table('{outside}')",
    "from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "from read_json('http://127.0.0.1:9/x')",
    "from read_parquet('s3://bucket/x')",
    # writing
    "copy (select 1) to '{store}/x.csv'",
    "copy raw_outcomes to '{segment}'",
    "with x as (copy (select 1) to '{store}/x.csv') from x",
    "with x as (with y as (copy (select 1) to '{segment}') from y) from x",
    "explain analyze copy (select 1) to '{store}/x.csv'",
    "explain analyze with x as (copy (select 1) to '{store}/x.csv') from x",
    "explain (analyze, format json) copy (select 1) to '{store}/x.csv'",
    "explain /* ( */ analyze copy (select 1) to '{store}/x.csv'",
    "with x as (insert into generation.outcomes (step) values ('x') returning *) from x",
    "with x as (delete from generation.outcomes returning *) from x",
    "with x as (update generation.outcomes set step = 'x' returning *) from x",
    "insert into generation.outcomes (step) values ('x')",
    "delete from generation.outcomes",
    "update generation.outcomes set step = 'x'",
    "merge into generation.outcomes using (select 1) on true when matched then delete",
    "truncate generation.outcomes",
    "drop view views.main.outcomes",
    "create table t as select 1",
    "create or replace temp view raw_outcomes as select 1",
    "create macro f(x) as x",
    "alter table generation.outcomes add column x int",
    "export database '{store}/dump'",
    "import database '{store}/dump'",
    "vacuum",
    "checkpoint generation",
    # settings, extensions, other databases
    "attach '{store}/new.duckdb'",
    "attach '{generation}' as again",
    "detach generation",
    "use generation",
    "set enable_external_access = true",
    "reset lock_configuration",
    "set variable x = 1",
    "pragma enable_profiling",
    "pragma database_list",
    "install httpfs",
    "load httpfs",
    "call enable_logging(storage = 'file', storage_path = '{store}/log')",
    "from enable_logging(storage = 'file', storage_path = '{store}/log')",
    "from duckdb_secrets()",
    "create secret (type s3)",
    "select getenv('HOME')",
    "connect 'quack:127.0.0.1'",
    "prepare p as select 1",
    "execute p",
    "begin",
    # Python objects
    "from secret_frame",
    "from pandas_scan(1)",
    "from arrow_scan(1, 2, 3)",
    "from python_map_function((select 1))",
    # more or less than one statement
    "",
    "-- nothing",
    "select 1; drop table raw_outcomes",
    "select 1; select 2",
    "select 1\0; select 2",
    "select '\ud800'",
    "select " + "(" * 3000 + "1" + ")" * 3000,
    "selct 1",
]


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_anything_else_is_refused_and_touches_nothing(store: Store, attack: str) -> None:
    secret_frame = pa.table({"a": [1]})
    segment = next((store.root / "segments" / "outcomes").iterdir())
    generation = store.root / "generations" / (store.root / "CURRENT").read_text().strip()
    names = {"{outside}": OUTSIDE, "{store}": store.root, "{segment}": segment, "{generation}": generation}
    for name, path in names.items():
        attack = attack.replace(name, str(path))
    before = tree(store)
    with pytest.raises(ConfigError) as caught:
        read_only(store, attack)
    assert "\n" not in str(caught.value)
    assert tree(store) == before
    assert secret_frame.num_rows == 1


FILE_ATTACKS = [
    attack for attack in ATTACKS if attack.startswith(("from '", "from read", "select * from read", "from glob"))
]


@pytest.mark.parametrize("attack", FILE_ATTACKS)
def test_the_second_wall_holds_when_the_first_is_climbed(
    store: Store, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    monkeypatch.setattr("storage.query.check_read_only", lambda sql: sql)
    attack = attack.replace("{outside}", OUTSIDE).replace("{store}", str(store.root))
    if "read_duckdb" in attack:
        pytest.skip("DuckDB 2.0 lets read_duckdb pass: the first wall is the only one")
    with pytest.raises(VistillError, match=r"(?i)permission|does not exist"):
        read_only(store, attack)


def test_settings_stay_locked_behind_the_first_wall(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.query.check_read_only", lambda sql: sql)
    for sql in ("set enable_external_access = true", "set allowed_paths = ['/etc/passwd']", "reset lock_configuration"):
        with pytest.raises(ConfigError, match="configuration"):
            read_only(store, sql)


WORDS = [
    "select",
    "1",
    "from",
    "raw_outcomes",
    "(",
    ")",
    "with x as",
    "copy",
    "to",
    "'/tmp/x'",
    ";",
    "explain",
    ",",
    "*",
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*WORDS, "analyze", "insert into", "values", "x", "union all", "attach"]), max_size=9))
def test_a_salad_of_words_is_read_or_refused(words: list[str]) -> None:
    sql = " ".join(words)
    try:
        statement = check_read_only(sql)
    except ConfigError:
        return
    inner = re.sub(r"^(?:explain(?: analyze)?\s+)+", "", statement.strip())  # `select copy` names a column
    assert [one.type for one in duckdb.extract_statements(inner)] == [duckdb.StatementType.SELECT], statement


def test_a_long_query_is_stopped_in_time(store: Store) -> None:
    started = time.monotonic()
    with pytest.raises(ConfigError, match=r"timeout = 0\.3: the query took longer"):
        read_only(store, "select count(*) from range(100000000000) a, range(1000) b", timeout=0.3)
    assert time.monotonic() - started < 10


def test_a_quick_query_is_not_disturbed_by_its_time_limit(store: Store) -> None:
    assert read_only(store, "select 1 as a", timeout=60)["a"].to_pylist() == [1]


def test_a_limit_cuts_without_computing_the_rest(store: Store) -> None:
    table = read_only(store, "select a from range(1000000000000) t(a)", limit=3, timeout=30)
    assert table["a"].to_pylist() == [0, 1, 2]
    assert read_only(store, "show tables", limit=2).num_rows == 2


def test_a_mistake_shows_duckdbs_words(store: Store) -> None:
    with pytest.raises(ConfigError, match=r"Referenced column \"nope\" not found"):
        read_only(store, "select nope from raw_outcomes")
    with pytest.raises(ConfigError, match="Could not convert string 'x' to INT32"):
        read_only(store, "select 'x'::int")


def test_a_damaged_segment_does_not_stop_the_query(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.append("calls", [{"key": "good"}])
    name = store.append("calls", [{"key": "bad"}])
    (store.root / "segments" / "calls" / f"{name}.parquet").write_bytes(b"")
    assert read_only(store, "select key from raw_calls")["key"].to_pylist() == ["good"]


# Printing


def test_a_table_is_aligned_cut_and_harmless(store: Store) -> None:
    sql = (
        "select '漢字' as name, 1.5 as n union all select 'a' || chr(27) || '[31m' || chr(10) || repeat('x', 99), null"
    )
    text = render(read_only(store, f"from ({sql}) order by n nulls last"), "table")
    assert text.splitlines() == [
        "name" + " " * 56 + "    n",
        "─" * 60 + "  " + "───",
        "漢字" + " " * 56 + "  1.5",
        "a·[31m⏎" + "x" * 52 + "…",
        "(2 rows)",
    ]
    assert "\x1b" not in text


def test_json_output_nests_json_columns_and_keeps_values_whole(store: Store) -> None:
    text = render(
        read_only(store, "select sample_id, value from raw_outcomes where draw in (3, 9) order by draw"), "json"
    )
    assert json.loads(text) == [
        {"sample_id": "s3", "value": {"n": 3, "text": "x"}},
        {"sample_id": "tail", "value": "a caption"},
    ]


def test_csv_output_is_what_rfc_4180_says(store: Store) -> None:
    sql = """select 'a,"b"' as q, 'two' || chr(10) || 'lines' as l, null as n, true as t, [1, 2] as list, value
             from raw_outcomes where draw = 3"""
    text = render(read_only(store, sql), "csv")
    assert text == 'q,l,n,t,list,value\n"a,""b""","two\nlines",,true,"[1, 2]","{""n"": 3, ""text"": ""x""}"\n'


def test_every_type_has_a_json_form() -> None:
    table = pa.table(
        {
            "decimal": [Decimal("7.00")],
            "fraction": [Decimal("7.25")],
            "huge": pa.array([Decimal(2**90)], pa.decimal128(38, 0)),
            "time": [datetime(2026, 1, 2, 3, 4, tzinfo=UTC)],
            "bytes": [b"\x00\xff"],
            "nan": [float("nan")],
            "struct": [{"a": [1.5, None]}],
        }
    )
    assert json.loads(render(table, "json")) == [
        {
            "decimal": 7,
            "fraction": 7.25,
            "huge": 2**90,
            "time": "2026-01-02T03:04:00+00:00",
            "bytes": "00ff",
            "nan": None,
            "struct": {"a": [1.5, None]},
        }
    ]


def test_columns_of_one_name_are_told_apart() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], ["a", "a", "a_1"])
    assert json.loads(render(table, "json")) == [{"a": 1, "a_1": 2, "a_1_1": 3}]


@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_no_rows_and_no_columns_print(format: str) -> None:
    for table in (pa.table({"a": pa.array([], pa.int64())}), pa.table({})):
        assert render(table, format).endswith("\n")


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="choose one of table, csv, json"):
        render(pa.table({"a": [1]}), "xml")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=4))
def test_csv_and_json_give_any_text_back(texts: list[str]) -> None:
    table = pa.table({"n": list(range(len(texts))), "text": texts})
    assert [row["text"] for row in json.loads(render(table, "json"))] == texts
    rows = list(csv.reader(io.StringIO(render(table, "csv"), newline="")))
    assert [row[1] for row in rows[1:]] == texts
    assert len(render(table, "table").splitlines()) == len(texts) + 3


def test_the_working_directory_stays_clean(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    read_only(store, "select count(*) from raw_outcomes")
    assert os.listdir(tmp_path) == []


def test_no_progress_bar_is_drawn_over_the_output_of_a_process_that_looks_like_a_shell(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from storage.store import Store; "
        "store = Store.open(Path(sys.argv[1])); "
        "print(store.query(\"select current_setting('enable_progress_bar') as bar\").to_pylist())"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "[{'bar': False}]\n"
