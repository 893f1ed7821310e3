"""Shards written side by side by processes: the same bytes as by one, the same refusals, and no process left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curation.errors import RunStopped
from flows import export_pool, export_worker
from flows.export_files import Written
from flows.export_parts import Tally
from storage.store import Store
from tests.flows.test_export import ROOT, built, loaded, wrote

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
from flows.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return built(tmp_path_factory.mktemp("pooled"))


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def children() -> list[str]:
    """Processes that write shards for this one; other tests may have left workers of other kinds."""
    return [pid for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split() if _runs(pid)]


@pytest.mark.parametrize("format", ["raw", "sft", "preference"])
def test_several_processes_write_the_bytes_that_one_writes(
    store: Store, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bytes] = []
    monkeypatch.setattr(export_pool, "understood", lambda said: told.append(said) or export_worker.understood(said))
    several = wrote(store, tmp_path / "several", format, shard_rows=1)
    asked = len(told)
    monkeypatch.setattr(export_pool, "MOST", 1)
    one = wrote(store, tmp_path / "one", format, shard_rows=1)
    assert (asked, len(told)) == (4 if format != "sft" else 2, asked)  # all by processes, then none
    assert several["files"] == one["files"]
    assert {name: several[name] for name in ("counts", "sources", "licences", "skipped")} == {
        name: one[name] for name in ("counts", "sources", "licences", "skipped")
    }
    assert loaded(tmp_path / "several", tmp_path / "cache").num_rows == sum(several["counts"].values())
    assert children() == []


def test_a_lost_picture_stops_it_or_leaves_a_shard_out(tmp_path: Path) -> None:
    store = built(tmp_path)
    [row] = store.query("select image, format from corpus where sample_id = 's1'").to_pylist()
    store.image_path(row["image"], row["format"]).unlink()
    with pytest.raises(RunStopped, match="s1: image_missing"):
        wrote(store, tmp_path / "g", "raw", shard_rows=1)
    assert not (tmp_path / "g").exists()
    manifest = wrote(store, tmp_path / "g", "raw", shard_rows=1, skip_missing=True)
    assert manifest["skipped"]["train"]["image_missing"] == {"samples": 1, "ids": ["s1"]}
    names = sorted(path.name for path in (tmp_path / "g").glob("*.parquet"))
    assert names == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    assert loaded(tmp_path / "g", tmp_path / "cache")["sample_id"] == ["s0", "s2", "s3"]


def test_copied_columns_stay_with_their_rows_when_one_between_them_is_left_out(tmp_path: Path) -> None:
    store = built(tmp_path)
    [row] = store.query("select image, format from corpus where sample_id = 's1'").to_pylist()
    store.image_path(row["image"], row["format"]).unlink()
    wrote(store, tmp_path / "g", "raw", skip_missing=True)
    back = loaded(tmp_path / "g", tmp_path / "cache")
    names = [picture[0].getpixel((0, 0))[0] // 10 for picture in back["images"]]
    assert (list(back["sample_id"]), list(back["reference"]), names) == (["s0", "s2", "s3"], ["0", "2", "3"], [0, 2, 3])


def test_a_process_that_is_killed_stops_the_export_with_its_code(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(rows: pa.RecordBatch) -> pa.Buffer:
        for pid in children():
            os.kill(int(pid), signal.SIGKILL)
        return export_worker.rows_told(rows)

    monkeypatch.setattr(export_pool, "rows_told", killed)
    with pytest.raises(RunStopped, match=r"ended with code -9 at shard \d"):
        wrote(store, tmp_path / "g", "raw", shard_rows=1)
    assert list(tmp_path.iterdir()) == []
    assert children() == []


def test_no_room_for_a_shard_is_one_line(store: Store, tmp_path: Path) -> None:
    """The limit on the size of a file stands for a full disc; processes inherit it."""
    command = [sys.executable, "-c", LIMITED, "export", "raw", str(tmp_path / "g"), "--shard-rows=1"]
    done = subprocess.run([*command, f"--store={store.root}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot write the export to" in done.stderr
    assert "the file would pass a size limit" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core writes without processes")
def test_processes_end_with_an_export_that_is_killed(store: Store, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flows.cli", "export", "raw", str(tmp_path / "g"), "--shard-rows=1"]
    process = subprocess.Popen([*command, f"--store={store.root}"], cwd=ROOT, stdout=subprocess.DEVNULL)
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and len(workers := listed.read_text().split()) < 2:
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    for _ in range(600):
        if not any(_runs(pid) for pid in workers):
            return
        time.sleep(0.05)
    pytest.fail(f"{workers} outlived the export")


def _runs(pid: str) -> bool:
    try:
        return b"export_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_a_process_says_is_what_is_understood() -> None:
    import json

    tally: Any = Tally()
    tally.skipped["image_missing"] += ["s1", "s2"]
    tally.sources["a"] += 2
    tally.licences["a", "cc0-1.0"] += 2
    tally.escaped = 3
    shard = [Written("x.parquet", "ab", 7, 2)]
    said = json.dumps(export_worker.written(shard, tally)).encode()
    assert export_worker.understood(said) == (shard, tally)
    with pytest.raises(OSError, match="No space"):
        export_worker.understood(json.dumps({"os": [28, "No space left on device", None]}).encode())
