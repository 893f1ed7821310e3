"""SQL over the store, for looking only: a schema browser, examples, at most so many rows in so many seconds, downloads.

What may run is decided by `storage.query`: one statement that reads, on a connection that can open no other file.
"""

from typing import Any

import pyarrow as pa
import streamlit as st

from curation.errors import ConfigError, StoreError
from storage import earlier
from storage.desk import Desk
from storage.query import read_only
from storage.render import distinct, render
from storage.segments import parquet_bytes
from storage.store import Store
from ui.markup import label
from ui.people import Person

LIMITS = (100, 1_000, 10_000, 100_000)
SECONDS = 30.0
MEMORY = "500MB"  # of one query; the desk keeps as much again
LARGEST = 100_000_000  # bytes of one answer, which is kept for as long as its tab is open
SHOWN = 1_000  # rows drawn; downloads have all
CELL = 2_000  # characters of a cell drawn

EXAMPLES = {
    "Where every sample went": "SELECT step, input, kept, dropped, failed, pending FROM funnel",
    "Why samples were lost": "SELECT step, status, reason, samples FROM reasons ORDER BY samples DESC",
    "Yield by source and kind": "SELECT source, kind, samples, verified, sft, rl, round(yield, 2) AS yield\n"
    "FROM yield_by_source ORDER BY samples DESC",
    "What calls cost": "SELECT teacher, model, step, calls, prompt_tokens, completion_tokens, cost FROM cost",
    "What people decided": "SELECT decision, count(*) AS decisions, count(DISTINCT annotator) AS people,\n"
    "    median(seconds) AS median_seconds\nFROM reviews WHERE standing GROUP BY decision ORDER BY decisions DESC",
    "What decisions moved": "SELECT split_before, split_after, reason, count(*) AS samples\n"
    "FROM review_effects GROUP BY ALL ORDER BY samples DESC",
    "Reviewed in earlier runs": earlier.LOOK,
    "Words of kept traces": "SELECT sample_id, split, coalesce(rewrite, trace) AS trace\n"
    "FROM corpus WHERE split IN ('sft', 'rl') LIMIT 20",
}
SCHEMA = """
SELECT table_name, column_name, data_type FROM duckdb_columns()
WHERE database_name = 'views' AND NOT starts_with(table_name, 'raw_') ORDER BY table_name, column_index
"""


def page(desk: Desk, person: Person) -> None:
    """Editor at the left, tables and examples at the right."""
    left, right = st.columns([7, 3], gap="medium")
    with right:
        _examples()
        _schema(str(desk.store.root))
    with left:
        with st.form("sql-form", border=False):
            sql = st.text_area("One statement that reads", key="sql", height=180, max_chars=20_000,
                               placeholder=EXAMPLES["Where every sample went"])  # fmt: skip
            with st.container(horizontal=True, vertical_alignment="bottom"):
                limit = st.selectbox("Rows at most", LIMITS, index=1, format_func=lambda n: f"{n:,}", width=140)
                asked = st.form_submit_button("Run", type="primary", shortcut="Ctrl+Enter")
        if asked and sql.strip():
            st.session_state["sql-answer"] = answer(desk.store, sql, limit)
        _answer()


def answer(store: Store, sql: str, limit: int) -> pa.Table | str:
    """Rows, or in words why there are none."""
    try:
        found = read_only(store, sql, limit=limit, timeout=SECONDS, memory=MEMORY)
    except (ConfigError, StoreError) as error:
        return str(error)
    if found.nbytes > LARGEST:
        return f"the answer is {found.nbytes / 1e6:,.0f} MB: name fewer columns or ask for fewer rows"
    return found.rename_columns(distinct(found.column_names))


def _answer() -> None:
    found = st.session_state.get("sql-answer")
    if found is None:
        st.text(f"Nothing can be changed from here. A query may take {SECONDS:g} seconds.")
        return
    if isinstance(found, str):
        st.error("This was not run, or did not end.")
        st.text(found)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(f"{found.num_rows:,} rows" + (f", {SHOWN:,} of them drawn" if found.num_rows > SHOWN else ""))
        st.download_button("CSV", lambda: render(found, "csv").encode(), "answer.csv", "text/csv", on_click="ignore")
        st.download_button("Parquet", lambda: bytes(parquet_bytes(found)), "answer.parquet", on_click="ignore",
                           mime="application/vnd.apache.parquet")  # fmt: skip
    if found.num_columns:
        rows = [{name: _cell(value) for name, value in row.items()} for row in found.slice(0, SHOWN).to_pylist()]
        st.dataframe(rows or {name: [] for name in found.column_names}, hide_index=True)


def _cell(value: Any) -> Any:
    """A value as the table draws it: numbers as they are, the rest as text of bearable length."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= CELL else f"{text[:CELL]}… ({len(text):,} characters)"


def _examples() -> None:
    with st.container(gap="xsmall"):
        st.html(label("Examples"))
        for name, sql in EXAMPLES.items():
            st.button(name, key=f"example-{name}", on_click=_use, args=(sql,), type="tertiary")


def _use(sql: str) -> None:
    st.session_state["sql"] = sql


def _schema(root: str) -> None:
    st.html(label("Tables and views"))
    columns = schema(root)
    picked = st.selectbox("Table", list(columns), index=None, key="sql-table", label_visibility="collapsed",
                          placeholder="Columns of …")  # fmt: skip
    if picked:
        st.dataframe([{"Column": name, "Type": kind} for name, kind in columns[picked]], hide_index=True)


@st.cache_data(ttl=3600, show_spinner=False)
def schema(root: str) -> dict[str, list[tuple[str, str]]]:
    """Relations that people ask, each with its columns and their types."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in Store.open(root, create=False).query(SCHEMA).to_pylist():
        found.setdefault(row["table_name"], []).append((row["column_name"], row["data_type"]))
    return found
