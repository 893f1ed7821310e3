"""Offline batches under way: `batches/<token>/` with what was asked, under which id, and what came back.

    batch.json       the batch (`curation.teachers.batch_protocol.Batch`), its id once the service has one
    requests.jsonl   the file as it is sent        wires.jsonl   call key and ledger request of each line
    results.jsonl    the answers, until each is in the ledger; then the directory goes
    lock             held by the process whose batch it is to send

A directory appears whole, by one rename. Pictures are in the requests, so a batch takes about what it sends.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

import orjson

from curation.errors import StoreError
from curation.teachers.batch_protocol import Batch
from storage.files import discard, fsync_path, make_directories, os_errors, temporary, write_durably, write_synced
from storage.store import Store

LONGEST_LINE = 16 << 20  # bytes of a result; the rest of a longer one is no JSON


class StoredBatches:
    """`curation.teachers.batch_protocol.BatchBook` over a store."""

    def __init__(self, store: Store) -> None:
        self._root = store.root / "batches"
        self._locks: dict[str, int] = {}

    def list_open(self, place: str, model: str) -> list[Batch]:
        """The batches of an endpoint and model, oldest first."""
        found = [batch for batch in self.list_all() if (batch.place, batch.model) == (place, model)]
        return sorted(found, key=lambda batch: batch.created)

    def list_all(self) -> list[Batch]:
        """Every batch under way."""
        try:
            names = os.listdir(self._root)
        except FileNotFoundError:
            return []
        return [batch for name in names if not name.startswith(".") and (batch := self.read(name)) is not None]

    def keep(self, batch: Batch, lines: Mapping[str, bytes], wires: Mapping[str, bytes]) -> None:
        """See `BatchBook.keep`; durable on return."""
        final = self._root / batch.token
        with os_errors("write", final):
            make_directories([self._root])
            tmp = temporary(final)
            tmp.mkdir()
            try:
                write_synced(tmp / "requests.jsonl", b"".join(lines.values()))
                rows = [orjson.dumps({"key": key, "wire": wire.decode()}) for key, wire in wires.items()]
                write_synced(tmp / "wires.jsonl", b"\n".join(rows))
                write_synced(tmp / "batch.json", orjson.dumps(asdict(batch)))
                self._lock(tmp, batch.token)
                fsync_path(tmp)
                os.rename(tmp, final)
            except BaseException:
                shutil.rmtree(tmp, ignore_errors=True)
                raise
            fsync_path(self._root)

    def hold(self, batch: Batch) -> bool:
        """See `BatchBook.hold`."""
        with os_errors("lock", self._root / batch.token), suppress(FileNotFoundError):
            return batch.token not in self._locks and self._lock(self._root / batch.token, batch.token)
        return False

    def read(self, token: str) -> Batch | None:
        """The batch as it is written now; None when it has gone."""
        path = self._root / token / "batch.json"
        with os_errors("read", path), suppress(FileNotFoundError, NotADirectoryError):
            content = path.read_bytes()
            try:
                return Batch(**{**orjson.loads(content), "token": token})
            except (orjson.JSONDecodeError, TypeError) as error:
                fix = "look for the batch at the service, then delete the directory"
                raise StoreError(f"{path} is damaged ({error}); {fix}") from error
        return None

    def note_id(self, batch: Batch) -> None:
        """Write down the id (or that it has none)."""
        path = self._root / batch.token / "batch.json"
        with os_errors("write", path):
            write_durably(path, orjson.dumps(asdict(batch)))

    def wires(self, batch: Batch) -> dict[str, bytes]:
        """Ledger requests by call key."""
        path = self._root / batch.token / "wires.jsonl"
        with os_errors("read", path), suppress(FileNotFoundError):
            rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
            return {row["key"]: row["wire"].encode() for row in rows}
        return {}

    def requests(self, batch: Batch) -> Path:
        """The file to send."""
        return self._root / batch.token / "requests.jsonl"

    @contextmanager
    def receiving(self, batch: Batch) -> Iterator[IO[bytes]]:
        """See `BatchBook.receiving`."""
        path = self._results(batch)
        tmp = temporary(path)
        with os_errors("write", path):
            try:
                with tmp.open("wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(tmp, path)
            finally:
                discard(tmp)
            fsync_path(path.parent)

    def has_results(self, batch: Batch) -> bool:
        """Whether its results are here."""
        return self._results(batch).exists()

    def results(self, batch: Batch) -> Iterator[bytes]:
        """See `BatchBook.results`."""
        path = self._results(batch)
        with os_errors("read", path), suppress(FileNotFoundError), path.open("rb") as file:
            while line := file.readline(LONGEST_LINE):
                if line.strip():
                    yield line

    def drop(self, batch: Batch) -> None:
        """Forget a batch that is settled."""
        path = self._root / batch.token
        gone = temporary(path)
        with os_errors("remove", path), suppress(FileNotFoundError):
            os.rename(path, gone)
            shutil.rmtree(gone, ignore_errors=True)
        if (handle := self._locks.pop(batch.token, None)) is not None:
            os.close(handle)

    def close(self) -> None:
        """Let others hold what we held."""
        for handle in self._locks.values():
            os.close(handle)
        self._locks = {}

    def _results(self, batch: Batch) -> Path:
        return self._root / batch.token / "results.jsonl"

    def _lock(self, folder: Path, token: str) -> bool:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._locks[token] = handle
        return True
