"""Who is looking at which sample: so that two annotators never get the same one unless asked for.

A lease is a row in `review/leases.sqlite`, taken in one transaction, and ends by itself. It is not part of the corpus:
losing the file loses no decision. Leases of a server that is gone are nobody's: holders are named `SERVER.TAB`, and a
server is there as long as it holds the lock `review-SERVER` (`storage.liveness`). SQLite is here because leases are the
one thing in a store that is overwritten, by several processes; everything else is appended.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from curation.errors import StoreError
from storage.files import make_directories, os_errors
from storage.liveness import is_alive
from storage.store import Store

SECONDS = 900.0  # of silence until somebody else may have a sample
Key = tuple[str, str]
"""(sample_id, sample_key)."""


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of one store. Safe for threads and processes: every call opens the file for itself."""

    store: Store

    def take(
        self, holder: str, annotator: str, wanted: Sequence[Key], *, many: int = 1, annotators: int = 1,
        seconds: float = SECONDS,
    ) -> list[Key]:  # fmt: skip
        """The first `many` of the wanted samples that fewer than `annotators` others hold, now held by `holder`.

        `holder` is a tab of `annotator`; no sample goes to two tabs of one annotator.
        """
        now, got = time.time(), []
        with self._open() as file:
            file.execute("delete from leases where until < ?", [now])
            self._free_dead(file, holder)
            for key in wanted:
                held = file.execute(
                    "select holder, annotator from leases where sample_id = ? and sample_key = ?", key
                ).fetchall()
                others = [name for other, name in held if other != holder]
                if len(others) < annotators and annotator not in others:
                    file.execute("insert or replace into leases values (?, ?, ?, ?, ?)",
                                 [*key, holder, annotator, now + seconds])  # fmt: skip
                    got.append(key)
                if len(got) == many:
                    break
        return got

    def holds(self, holder: str, annotator: str, key: Key, *, annotators: int = 1, seconds: float = SECONDS) -> bool:
        """Whether the holder still has the sample, which is then its own for another while.

        A lease that ran out and that nobody took since is renewed.
        """
        now = time.time()
        with self._open() as file:
            rows = file.execute(
                "select holder, annotator from leases where sample_id = ? and sample_key = ? and until >= ?",
                [*key, now],
            ).fetchall()
            others = [name for other, name in rows if other != holder]
            if len(others) == len(rows) and (len(others) >= annotators or annotator in others):
                return False
            file.execute(
                "insert or replace into leases values (?, ?, ?, ?, ?)", [*key, holder, annotator, now + seconds]
            )
        return True

    def give_back(self, holder: str, keys: Sequence[Key] | None = None) -> None:
        """Let others have these samples, or all that the holder has."""
        with self._open() as file:
            if keys is None:
                file.execute("delete from leases where holder = ?", [holder])
            for key in keys or ():
                file.execute("delete from leases where sample_id = ? and sample_key = ? and holder = ?", [*key, holder])

    def _free_dead(self, file: sqlite3.Connection, holder: str) -> None:
        """After a crash nobody should wait for the tabs of a server that is no more."""
        ours = holder.partition(".")[0]
        servers = file.execute(
            "select distinct substr(holder, 1, instr(holder, '.') - 1) from leases where instr(holder, '.') > 0"
        ).fetchall()
        for (server,) in servers:
            if server != ours and not is_alive(self.store, f"review-{server}"):
                file.execute("delete from leases where substr(holder, 1, instr(holder, '.')) = ?", [f"{server}."])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        path = self.store.root / "review" / "leases.sqlite"
        try:
            with closing(_connected(path)) as file:
                file.execute("begin immediate")
                yield file
                file.execute("commit")
        except sqlite3.Error as error:
            raise StoreError(
                f"cannot lease samples in {path}: {error}; delete that file, no decision is in it"
            ) from error


def _connected(path: Path) -> sqlite3.Connection:
    with os_errors("write", path):
        make_directories([path.parent])
    file = sqlite3.connect(path, timeout=10.0, isolation_level=None)
    file.execute("pragma journal_mode = wal")
    file.execute("pragma synchronous = off")  # after a power cut there is nobody whose lease would matter
    file.execute(
        "create table if not exists leases (sample_id text, sample_key text, holder text, annotator text, until real, "
        "primary key (sample_id, sample_key, holder))"
    )
    return file
