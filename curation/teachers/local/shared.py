"""One loaded model for all who use it in this process: loaded for the first, closed after the last, from any thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What can be freed."""

    def close(self) -> None: ...


T = TypeVar("T", bound=Closable)


class Shared(Generic[T]):
    """Counts its users. Loading and closing hold the lock, so nobody gets a model that is going."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = threading.Lock()  # guards the two below
        self._users = 0
        self.loaded: T | None = None

    @contextmanager
    def used(self) -> Iterator[T]:
        """The model, for as long as the block runs. Raises what loading raises."""
        with self._lock:
            model = self.loaded = self.loaded or self._load()
            self._users += 1
        try:
            yield model
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and self.loaded:
                self.loaded.close()
                self.loaded = None
