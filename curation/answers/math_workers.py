"""Math-Verify in processes that can be killed: a small pool, started when first needed, usable from any
thread.

Math-Verify's own time-out needs SIGALRM, which works in the main thread only: in threads it has zeroed
rewards and hung trainings (verl #5635 and #5839, Math-Verify #50). Here a request is given to an idle,
warmed-up worker and its clock starts then, so time spent in the queue never counts. A worker that is late is
killed and replaced, and the answer is `Late`: neither right nor wrong. Workers are plain subprocesses, so
nothing depends on how the caller's `__main__` is written.
"""

import atexit
import json
import os
import queue
import selectors
import subprocess
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import IO, cast

from curation.errors import RunStopped

PROGRAM = Path(__file__).with_name("math_worker.py")
SECONDS = 5.0
WORKERS = 2
START_SECONDS = 120.0  # importing SymPy on a busy machine


class LateError(Exception):
    """The comparison did not end in time, or its process died (out of memory): nobody knows whether the
    answers agree.
    """


class _Worker:
    """One process. Used by one thread at a time."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(PROGRAM)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
        self.unread = b""
        self.ready = False

    def ask(self, reference: str, answer: str, seconds: float) -> bool | None:
        """Compare; raises `LateError` after `seconds` of work, and then this worker is dead."""
        if not self.ready:
            self._greet()
        request = json.dumps({"reference": reference, "answer": answer, "seconds": seconds})
        try:
            cast(IO[bytes], self.process.stdin).write(request.encode() + b"\n")
            cast(IO[bytes], self.process.stdin).flush()
        except BrokenPipeError as error:
            raise LateError("the worker had died") from error
        return cast("bool | None", json.loads(self._line(seconds))["equal"])

    def _greet(self) -> None:
        try:
            said = json.loads(self._line(START_SECONDS))
        except LateError as error:
            raise RunStopped(
                f"the Math-Verify worker does not start ({error}); try: {sys.executable} {PROGRAM}"
            ) from error
        if "fatal" in said:
            raise RunStopped(f"the Math-Verify worker does not start: {said['fatal']}")
        self.ready = True

    def _line(self, seconds: float) -> bytes:
        """The next line of the process, read until the deadline."""
        out, deadline = cast(IO[bytes], self.process.stdout), time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            while b"\n" not in self.unread:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise LateError(f"no answer in {seconds:g} s")
                piece = os.read(out.fileno(), 65536)
                if not piece:
                    raise LateError("the worker died")
                self.unread += piece
        line, _, self.unread = self.unread.partition(b"\n")
        return line

    def close(self) -> None:
        """End the process and its pipes."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # unsent bytes of a request to a dead process


class Pool:
    """At most `size` workers; callers wait for an idle one."""

    def __init__(self, size: int = WORKERS) -> None:
        self.places = threading.BoundedSemaphore(size)
        self.idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()

    def compare(self, reference: str, answer: str, seconds: float) -> bool | None:
        """Whether two expressions are equal, None if unreadable; `LateError` when it took longer than
        `seconds` of work.
        """
        with self.places:
            worker = self._take()
            try:
                equal = worker.ask(reference, answer, seconds)
            except BaseException:
                worker.close()
                raise
            self.idle.put(worker)
            return equal

    def _take(self) -> _Worker:
        """An idle worker that is alive, or a new one."""
        while True:
            try:
                worker = self.idle.get_nowait()
            except queue.Empty:
                return _Worker()
            if worker.process.poll() is None:
                return worker
            worker.close()

    def close(self) -> None:
        """End the idle workers; one in use is ended by its caller's interpreter."""
        while not self.idle.empty():
            self.idle.get().close()


_pool = Pool()


def _forget() -> None:
    """After a fork the workers belong to the parent: two processes on one pipe would read each other's
    answers.
    """
    global _pool
    _pool = Pool()
    _cached.cache_clear()


def close() -> None:
    """End all idle workers; the next comparison starts new ones."""
    _pool.close()


@lru_cache(maxsize=10_000)
def _cached(reference: str, answer: str, seconds: float) -> bool | None:
    return _pool.compare(reference, answer, seconds)


def equal(reference: str, answer: str, *, seconds: float = SECONDS) -> bool | None:
    """Whether Math-Verify finds two LaTeX expressions equal; None when it cannot read one.

    Blocks the calling thread. Raises `LateError` on a time-out and `RunStopped` when no worker can be
    started.
    """
    return _cached(reference, answer, seconds)


atexit.register(close)
os.register_at_fork(after_in_child=_forget)
