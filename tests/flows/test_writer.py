"""The buffer of outcomes in front of a store: when `flush` returns, everything added before is there to be read."""

import threading
from pathlib import Path

import pytest

from flows import writer as module
from flows.writer import Writer
from storage import corpus
from storage.store import Store
from tests.storage.hand_built import a_sample, an_outcome


def test_a_flush_waits_for_the_one_under_way_in_another_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step over all rows reads the store right after a flush; with nothing left to write it once came too early."""
    store = Store.open(tmp_path / "store")
    began, go_on = threading.Event(), threading.Event()

    def slowly(*given: object) -> None:
        began.set()
        assert go_on.wait(10)
        corpus.add_outcomes(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "add_outcomes", slowly)
    writer = Writer(store, "r1")
    writer.add(an_outcome(a_sample(1), "verify"))
    background = threading.Thread(target=writer.flush)
    background.start()
    assert began.wait(10)
    threading.Timer(0.3, go_on.set).start()
    writer.flush()
    assert store.query("select count(*) from outcomes").column(0).to_pylist() == [1]
    background.join()
