"""`docs/sql.md` describes the database that is there: every view, table and column, and queries that run."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from curation.records import Outcome
from storage import corpus
from storage.query import read_only
from storage.store import Store
from tests.storage.hand_built import (
    STEPS,
    a_call,
    a_sample,
    a_store,
    add_calls,
    an_outcome,
    start,
    take_in,
    tuples,
    verdict,
)

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "sql.md").read_text()
COLUMNS = """
SELECT table_name, list(c ORDER BY i) AS columns FROM (
    SELECT DISTINCT table_name, [column_name, data_type] AS c, column_index AS i FROM duckdb_columns()
    WHERE NOT internal AND table_name {} 'raw\\_%' ESCAPE '\\' AND database_name IN ('views', 'temp')
) GROUP BY ALL
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_sql_page", DOCS / "make_sql_page.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A finished run in which every query has something to say."""
    store = a_store(tmp_path_factory.mktemp("docs"))
    samples = [a_sample(n) for n in range(3)]
    start(
        store,
        steps=(
            *STEPS[:4],
            ("rewrite", "f-rewrite", "row", True),
            *STEPS[4:6],
            ("cues", "f-cues", "row", False),
            STEPS[6],
        ),
    )
    take_in(store, samples)
    call = a_call(1, prompt_tokens=10, completion_tokens=5, seconds=2.0)
    add_calls(store, call)
    for n, sample in enumerate(samples):
        corpus.add_outcomes(store, "r1", path_of(sample, n != 1, call.key))
        corpus.add_pass_rates(
            store,
            "r1",
            [corpus.PassRate(sample.id, sample.key, "smol", 2, 0.7, "rule_first", int(n != 1), "never", 0.1, 0.9)],
        )
    corpus.end_run(store, "r1", event="finished")
    return store


def path_of(sample: Any, right: bool, call: str) -> list[Outcome]:
    rewritten = {
        "text": "<think>wait</think>1",
        "asked": True,
        "leaks": ["the caption"],
        "word_gap": 0,
        "diff": [["caption", "picture"]],
    }
    drawn = {"chosen": 0, "drawn": 2, "k": 2, "correct": int(right), "stop": "never"}
    last = ("ok", "") if right else ("dropped", "wrong_answer")
    return [
        an_outcome(sample, "dedup", value={"cluster": sample.id}),
        an_outcome(sample, "caption", value="three dots", calls=(call,)),
        *(an_outcome(sample, "distill", value="<think>wait</think>1", draw=draw) for draw in (0, 1)),
        *(an_outcome(sample, "rewrite", value=rewritten, draw=draw) for draw in (0, 1)),
        an_outcome(sample, "verify", last[0], verdict(right, "1"), reason=last[1], draw=0),
        an_outcome(sample, "verify", "dropped", verdict(False, "7"), reason="wrong_answer", draw=1),
        an_outcome(sample, "draws", last[0], drawn, reason=last[1]),
        *([an_outcome(sample, "cues", value={"reflective": True, "cues": {"wait": 1}})] if right else []),
        *([an_outcome(sample, "split", value={"split": "rl"})] if right else []),
    ]


def documented_views() -> dict[str, list[list[str]]]:
    sections = re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", PAGE, re.DOTALL | re.MULTILINE)
    return {
        name: [[*row] for row in re.findall(r"^\| `(\w+)` \| ([\w\[\]]+) \| \S.*\|$", text, re.MULTILINE)]
        for name, text in sections
    }


def documented_tables() -> dict[str, list[str]]:
    return {
        name: re.findall(r"`(\w+)`", columns)
        for name, columns in re.findall(r"^\| `(raw_\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    }


def test_every_view_is_described_with_every_column_and_no_other(store: Store) -> None:
    found = dict(tuples(store, COLUMNS.format("NOT LIKE")))
    assert found
    assert documented_views() == found


def test_every_table_is_described_with_every_column_and_no_other(store: Store) -> None:
    found = dict(tuples(store, COLUMNS.format("LIKE")))
    assert found
    assert documented_tables() == {name: [column for column, _ in columns] for name, columns in found.items()}


def test_the_page_shows_twelve_queries_and_every_one_answers(script: ModuleType, store: Store) -> None:
    queries = script.queries(PAGE)
    assert len(queries) == PAGE.count("```sql") == 12
    assert [read_only(store, sql).num_rows > 0 for sql in queries] == [True] * 12


def test_outputs_are_written_between_their_markers_again_and_again(script: ModuleType, store: Store) -> None:
    with_outputs: Callable[[str, Store], str] = script.with_outputs
    once = with_outputs(PAGE, store)
    assert with_outputs(once, store) == once
    assert script.queries(once) == script.queries(PAGE)
    assert once.count("```text") == 12
    assert "wrong_answer" in once
