"""Who is asking which call key: one byte-range lock a key on `claims.lock`, so that processes never ask the same twice.

The lock of a key is the byte at an offset its digest gives; nothing is ever written there. The kernel drops a killed
process's locks at once, so no claim outlives its owner. The price is a system call of about a microsecond each way.
Where there are no locks of open file descriptions (macOS), POSIX locks serve; both hold within one machine.
"""

import fcntl
import os
import struct
import threading
from hashlib import blake2b

from storage.files import os_errors
from storage.store import Store

_SET = getattr(fcntl, "F_OFD_SETLK", fcntl.F_SETLK)
_FLOCK = "hhqqi"  # struct flock: type, whence, start, length, pid


class Claims:
    """The keys this ledger has claimed. Safe for many threads."""

    def __init__(self, store: Store) -> None:
        self._path = store.root / "claims.lock"
        self._lock = threading.Lock()
        self._held: set[str] = set()
        with os_errors("write", self._path):
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def take(self, key: str) -> bool:
        """Claim a key unless this or another process has it."""
        with self._lock:
            if key in self._held or not self._set(key, fcntl.F_WRLCK):
                return False
            self._held.add(key)
        return True

    def give_back(self, key: str) -> None:
        """Let others ask the key."""
        with self._lock:
            self._held.discard(key)
            self._set(key, fcntl.F_UNLCK)

    def close(self) -> None:
        """Give everything back."""
        os.close(self._handle)

    def _set(self, key: str, kind: int) -> bool:
        with os_errors("lock", self._path):
            try:
                fcntl.fcntl(self._handle, _SET, struct.pack(_FLOCK, kind, os.SEEK_SET, _place(key), 1, 0))
            except (BlockingIOError, PermissionError):  # POSIX allows either for "somebody has it"
                return False
        return True


def _place(key: str) -> int:
    """An offset below 2^60."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") >> 4
