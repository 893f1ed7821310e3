"""Power cuts: after one at any flush, everything acknowledged by then is there, once, and nothing torn is believed."""

from hashlib import sha256
from pathlib import Path

import pytest

from curation.errors import StoreError
from curation.records import Image
from storage import generations
from storage.ledger import CallLedger
from storage.store import Store
from storage.wal import recover
from tests.storage.power import Disk
from tests.storage.test_ledger import a_call

PICTURES = [b"a picture" * 50, b"another" * 70]


def as_image(content: bytes) -> Image:
    return Image(sha256(content).hexdigest(), "png", 1, 1, len(content), "p", 0)


def work(root: Path, acked: list[str]) -> None:
    """What a run does to a store; `acked` grows as the store acknowledges."""
    store = Store.open(root)
    store.put_images([(as_image(content), content) for content in PICTURES])
    acked.append("pictures")
    store.append("calls", [{"key": "a1"}, {"key": "a2"}], name="a")
    acked += ["a1", "a2"]
    with CallLedger(store, roll_seconds=1e9) as ledger:
        ledger.record(a_call(1))
        assert ledger._wal is not None
        ledger._wal.sync()
        acked.append(a_call(1).key)
        ledger.roll()
        store.compact(force=True)
    store.append("calls", [{"key": "b1"}], name="b")
    acked.append("b1")
    store.compact(force=True)
    store.append("calls", [{"key": "c1"}], name="c")
    acked.append("c1")
    store.compact(force=True)


def faults(root: Path, acked: list[str]) -> list[str]:
    """What a store that went through a power cut has lost, doubled or cannot read."""
    try:
        return lost_or_doubled(Store.open(root), acked)
    except StoreError as error:
        return [str(error)]


def lost_or_doubled(store: Store, acked: list[str]) -> list[str]:
    recover(store)
    keys = [row["key"] for row in store.query("select key from raw_calls").to_pylist()]
    lost = [key for key in acked if key != "pictures" and key not in keys]
    if "pictures" in acked:
        lost += [p.decode()[:9] for p in PICTURES if store.read_image(as_image(p).sha256, "png") != p]
    store.append("calls", [{"key": "later"}])
    store.compact(force=True)
    return lost + [key for key in keys if keys.count(key) > 1]


def cuts(tmp_path: Path, patch: pytest.MonkeyPatch, kind: str, stride: int) -> dict[str, list[str]]:
    """Do the work once, cutting the power at every stride-th flush; what was wrong after each cut."""
    disk, acked, left = Disk(tmp_path / "store", tmp_path / "aside"), list[str](), list[tuple[Path, list[str]]]()
    flushes = 0

    def heard() -> None:
        nonlocal flushes
        flushes += 1
        if flushes % stride == 0:
            left.append((disk.cut(tmp_path / "cut" / str(flushes) / "store", kind), list(acked)))

    (tmp_path / "store").mkdir()
    disk.heard = heard
    with disk.watch(patch):
        work(tmp_path / "store", acked)
    left.append((disk.cut(tmp_path / "cut" / "end" / "store", kind), list(acked)))
    assert flushes > 20
    return {root.parent.name: found for root, by_then in left if (found := faults(root, by_then))}


@pytest.mark.parametrize("kind", ["lazy", "eager"])
def test_a_power_cut_at_any_flush_loses_nothing_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(generations, "GRACE_SECONDS", 0.0)
    assert cuts(tmp_path, monkeypatch, kind, stride=3) == {}


def test_the_simulated_disk_notices_a_rename_that_was_not_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: without the flush of the directory, or of the file, rows are lost."""
    monkeypatch.setattr("storage.files.fsync_path", lambda path: None)
    found = cuts(tmp_path, monkeypatch, "lazy", stride=100)
    assert found
