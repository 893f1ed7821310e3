"""A disk that forgets at a power cut what was never flushed, by watching the flushes of this process.

`Disk.watch(folder)` notes every `fsync` and `fdatasync`: a file's bytes are safe as of its last one, a directory's
entries as of its own. `Disk.cut(target, kind)` writes what a power cut at this moment may leave:

    lazy    only entries and bytes that were flushed; a rename or removal not flushed has not happened
    eager   every entry as it is now, but bytes never flushed are gone: a file that was renamed too early is empty

DuckDB's own flushes are not seen; the store flushes its files again before it renames them.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

Entries = dict[str, int]


class Disk:
    """What is safe of one folder: bytes by inode, entries by directory. `flushes` counts, `heard` is told of each."""

    def __init__(self, folder: Path, aside: Path) -> None:
        self.folder, self.aside = folder, aside
        self.bytes: dict[int, bytes] = {}
        self.entries: dict[Path, Entries] = {folder: {}}
        self.heard: Callable[[], None] = lambda: None
        aside.mkdir()

    @contextmanager
    def watch(self, patch: pytest.MonkeyPatch) -> Iterator[None]:
        """Note every flush of files under the folder until the block ends."""
        with patch.context() as patched:
            for name in ("fsync", "fdatasync"):
                patched.setattr(os, name, self._noted(getattr(os, name)))
            yield

    def cut(self, target: Path, kind: str) -> Path:
        """The folder as the power cut leaves it, written anew under `target`."""
        target.mkdir(parents=True)
        self._restore(self.folder, target, kind)
        return target

    def _noted(self, flush: Callable[[int], None]) -> Callable[[int], None]:
        def note(handle: int) -> None:
            flush(handle)
            path = Path(os.readlink(f"/proc/self/fd/{handle}"))
            if path == self.folder or self.folder in path.parents:
                self._note(handle, path)
                self.heard()

        return note

    def _note(self, handle: int, path: Path) -> None:
        about = os.fstat(handle)
        if stat.S_ISDIR(about.st_mode):
            self.entries[path] = {entry.name: entry.inode() for entry in os.scandir(path)}
            return
        if about.st_ino not in self.bytes and about.st_nlink:  # keep its inode from being used again
            os.link(path, self.aside / str(about.st_ino))
        self.bytes[about.st_ino] = path.read_bytes()

    def _restore(self, folder: Path, target: Path, kind: str) -> None:
        found = self.entries.get(folder, {}) if kind == "lazy" else _now(folder)
        for name, inode in found.items():
            if folder / name in self.entries or (folder / name).is_dir():
                (target / name).mkdir()
                self._restore(folder / name, target / name, kind)
            else:
                (target / name).write_bytes(self.bytes.get(inode, b""))


def _now(folder: Path) -> Entries:
    return {entry.name: entry.inode() for entry in os.scandir(folder)} if folder.is_dir() else {}
