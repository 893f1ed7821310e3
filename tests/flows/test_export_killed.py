"""`vistill export` killed with SIGKILL while it writes and between its renames: the next one clears up after it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from curation.errors import ConfigError
from flows.export import Export, export
from flows.export_folder import staged
from storage.store import Store
from tests.flows.test_export import ROOT, built

DIES = """
import os, signal, sys
from pathlib import Path
from flows.export_files import ParquetShard
from curation.errors import ConfigError
from flows.export import Export, export

def die(*_): os.kill(os.getpid(), signal.SIGKILL)

def dying(self, new):
    rename(self, new)
    if new.suffix == ".old":
        die()

rename = Path.rename
if sys.argv[3] == "writing":
    ParquetShard.close = die
else:
    Path.rename = dying
export(Export(format="grpo", folder=sys.argv[2], store=sys.argv[1]))
"""


def killed(store: Store, target: Path, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", DIES, str(store.root), str(target), when], check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL


def beside(target: Path) -> list[str]:
    return sorted(path.suffix or path.name for path in target.parent.iterdir())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return built(tmp_path_factory.mktemp("killed"))


def test_what_a_killed_export_left_is_gone_after_the_next_one(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "out" / "g"
    target.parent.mkdir()
    killed(store, target, "writing")
    assert beside(target) == [".part"]
    export(Export(format="grpo", folder=str(target), store=str(store.root)))
    assert beside(target) == ["g"]
    assert (target / "manifest.json").is_file()


def test_an_earlier_export_moved_aside_by_a_killed_one_is_put_back_first(store: Store, tmp_path: Path) -> None:
    """With another format asked for, the earlier export is refused as ever: it was not taken for an empty place."""
    target = tmp_path / "out" / "g"
    export(Export(format="grpo", folder=str(target), store=str(store.root)))
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    killed(store, target, "between renames")
    assert beside(target) == [".old", ".part"]
    with pytest.raises(ConfigError, match="holds an export of the format grpo"):
        export(Export(format="sft", folder=str(target), store=str(store.root)))
    assert beside(target) == ["g"]
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def test_the_folder_of_an_export_that_is_still_written_is_left_alone(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "out" / "g"
    with staged(target) as other:
        (other / "mine").write_text("x")
        export(Export(format="grpo", folder=str(target), store=str(store.root)))
        assert (other / "mine").read_text() == "x"
        assert beside(target) == [".part", "g"]


def test_folders_that_only_look_alike_and_links_are_left_alone(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "g"
    (tmp_path / ".g.notes.part").mkdir()
    (tmp_path / ".gg.abcdefgh.part").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".g.abcdefgh.part").symlink_to(tmp_path / "elsewhere")
    export(Export(format="grpo", folder=str(target), store=str(store.root)))
    kept = {".g.notes.part", ".gg.abcdefgh.part", "elsewhere", ".g.abcdefgh.part", "g"}
    assert {path.name for path in tmp_path.iterdir()} == kept
