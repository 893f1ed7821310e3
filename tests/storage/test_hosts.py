"""Two machines on one shared folder: the second is refused in one line, unless it is allowed."""

import os
import time
from pathlib import Path

import pytest

from curation.errors import StoreError
from storage import hosts
from storage.hosts import writing_here
from storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def elsewhere(store: Store) -> Path:
    """The beat of another machine that wrote just now."""
    beat = store.root / "hosts" / "another-boot.beat"
    beat.parent.mkdir()
    beat.write_text("gpu-7\x1b[31m\n")
    return beat


def test_another_machine_at_work_is_named_with_what_to_do(store: Store, elsewhere: Path) -> None:
    with pytest.raises(StoreError, match=r"gpu-7\[31m .* export VISTILL_SHARED_STORE=allow"), writing_here(store):
        pytest.fail("two machines write")


def test_a_machine_that_has_stopped_is_no_hindrance(store: Store, elsewhere: Path) -> None:
    long_ago = elsewhere.stat().st_mtime - hosts.FRESH_SECONDS - 1
    os.utime(elsewhere, (long_ago, long_ago))
    with writing_here(store):
        pass


def test_it_can_be_allowed(store: Store, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTILL_SHARED_STORE", "allow")
    with writing_here(store):
        pass


def test_two_processes_of_one_machine_write_together(store: Store) -> None:
    beat = store.root / "hosts" / f"{hosts.machine()}.beat"
    with writing_here(store):
        with writing_here(store):
            pass
        assert beat.exists()
    assert not beat.exists()


def test_the_beat_stays_fresh_while_we_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "BEAT_SECONDS", 0.02)
    beat = store.root / "hosts" / f"{hosts.machine()}.beat"
    with writing_here(store):
        os.utime(beat, (1, 1))
        for _ in range(500):
            if beat.stat().st_mtime > 1:
                break
            time.sleep(0.01)
        assert beat.stat().st_mtime > 1
