"""The parts of offline batches: the batch itself, the book that keeps it, the service that works it off."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol

State = Literal["running", "done", "expired", "cancelled", "failed", "full", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One file of requests: `token` is our name of it, `id` the service's, empty until we know that it has it.

    `place` says where it goes (a base URL, or `vllm`), `requests` counts its lines, `created` is a Unix time.
    """

    token: str
    place: str
    model: str
    requests: int
    created: float
    id: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the service is. `full`: it takes no more for now; `gone`: it does not know the batch (any more)."""

    state: State
    done: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """When a file is full, and how often to look. `quiet`: seconds without a new request after which it is sent.

    OpenAI takes 50,000 requests and 200 MB a file; half of that is held in memory at most.
    """

    requests: int = 50_000
    size: int = 100_000_000
    quiet: float = 2.0
    first_look: float = 1.0
    latest_look: float = 60.0
    patience: float = 1800.0


class BatchBook(Protocol):
    """Batches on their way, kept so that they survive kill -9 and power cuts. Its methods raise `StoreError`."""

    def list_open(self, place: str, model: str) -> list[Batch]: ...

    def keep(self, batch: Batch, lines: Mapping[str, bytes], wires: Mapping[str, bytes]) -> None:
        """Write a new batch down, and hold it: the requests and what the ledger says of each, by call key."""
        ...

    def hold(self, batch: Batch) -> bool:
        """Make it the caller's to send, unless somebody living holds it, the caller included."""
        ...

    def read(self, token: str) -> Batch | None: ...

    def note_id(self, batch: Batch) -> None: ...

    def wires(self, batch: Batch) -> dict[str, bytes]: ...

    def requests(self, batch: Batch) -> Path: ...

    def receiving(self, batch: Batch) -> AbstractContextManager[IO[bytes]]:
        """A file for the result lines, in place once the block has ended well."""
        ...

    def has_results(self, batch: Batch) -> bool: ...

    def results(self, batch: Batch) -> Iterator[bytes]:
        """The lines received; none when the batch was dropped meanwhile."""
        ...

    def drop(self, batch: Batch) -> None: ...


class BatchService(Protocol):
    """Works batches off. Raises `TryAgain` for what may pass and `RunStopped` for what will not."""

    async def send(self, batch: Batch, requests: Path) -> str:
        """Its id of a new batch."""
        ...

    async def find(self, batch: Batch) -> str:
        """The id of the batch with our token, '' when it has none. Asked before a batch may be sent again."""
        ...

    async def look(self, batch: Batch) -> Progress: ...

    async def fetch(self, batch: Batch, file: IO[bytes]) -> None:
        """Write the result lines of a finished batch, those of failed requests too."""
        ...
