"""The generator of the benchmarks' large store keeps up with the schema: it broke silently when a column was added."""

from pathlib import Path

from storage import review_index
from storage.query import read_only
from storage.store import Store
from tests.benchmarks.review_store import make


def test_every_generated_sample_is_in_the_funnel_and_the_review_index(tmp_path: Path) -> None:
    make(tmp_path / "made", 100)
    store = Store.open(tmp_path / "made")
    rows = read_only(store, "select kept, dropped from funnel where step = 'verify'").to_pylist()
    assert [row["kept"] + row["dropped"] for row in rows] == [100]
    assert rows[0]["dropped"] > 0
    assert review_index.build(tmp_path / "made").samples == 100
