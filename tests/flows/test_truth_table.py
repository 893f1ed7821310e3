"""The truth table, a row a test: what each change makes a second run ask again, over three rows and one store."""

from collections.abc import Iterator

import pytest

from storage.store import Store
from tests.benchmarks.truth_ground import Ground, finished_ground, run_here
from tests.benchmarks.truth_table import TABLE

ROWS = 3
REPEATED = {"same_code_elsewhere", "teacher_name"}  # other rows hold as much; a user's command shows these two


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with finished_ground(tmp_path_factory.mktemp("truth"), ROWS, run_here) as finished:
        Store.open(finished.base).compact(force=True)  # quicker to read; the benchmark's answers lie in segments
        yield finished


@pytest.mark.parametrize("name", [name for name in TABLE if name not in REPEATED])
def test_a_change_asks_again_exactly_what_it_changes(name: str, ground: Ground) -> None:
    change = TABLE[name]
    assert change.make(ground, name) == change.expected(ROWS), change.why
