"""Ctrl-C: what a signal looks like once it has come up through DuckDB or Prefect, and an end to what outlasts it."""

import os
import sys
import threading
import time

PATIENCE = 5.0  # seconds for threads to end once Ctrl-C has been heard


def is_interrupt(error: BaseException) -> bool:
    """Whether a signal caused it: KeyboardInterrupt, Prefect's own, or the RuntimeError that DuckDB raises instead when
    one arrives during a query.
    """
    return not isinstance(error, Exception) or (type(error) is RuntimeError and str(error) == "Query interrupted")


def end_waiting(code: int) -> None:
    """End this process with the code if a thread still runs after `PATIENCE`: the interpreter would wait for it.

    What is kept is durable, as after kill -9.
    """
    until = time.monotonic() + PATIENCE
    waiting = [each for each in threading.enumerate() if each is not threading.main_thread() and not each.daemon]
    for each in waiting:
        each.join(max(0.0, until - time.monotonic()))
    if any(each.is_alive() for each in waiting):
        sys.stdout.flush()
        os._exit(code)
