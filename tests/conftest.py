"""Shared by all tests: nothing but quiet."""

import atexit
import os


def _hush() -> None:
    """DuckDB prints 200 lines of leaks when Prefect's threads outlive the clean-up; the summary should be last."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


atexit.register(_hush)
