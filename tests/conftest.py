"""Shared by all tests: quiet, and no clock in property tests."""

import atexit
import os

from hypothesis import settings

settings.register_profile("vistill", deadline=None)  # machines are noisy: no example fails for the time it took
settings.load_profile("vistill")


def _hush() -> None:
    """DuckDB prints 200 lines of leaks when Prefect's threads outlive the clean-up; the summary should be last."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


atexit.register(_hush)
