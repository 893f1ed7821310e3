"""Shared by all tests: quiet, and no clock in property tests."""

import atexit
import os

import pytest
from hypothesis import settings

settings.register_profile("vistill", deadline=None)  # machines are noisy: no example fails for the time it took
settings.load_profile("vistill")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers (`--dist loadgroup`) a file stays together; so do those that start servers on known ports,
    and those that look whether a vLLM is left running.
    """
    for item in items:
        shared = "ui" if item.path.parent.name == "ui" else "vllm" if "vllm" in item.path.name else item.path.name
        item.add_marker(pytest.mark.xdist_group(shared))


def _hush() -> None:
    """DuckDB prints 200 lines of leaks when Prefect's threads outlive the clean-up; the summary should be last."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


atexit.register(_hush)
