"""A code version changes with what a step can execute, and with nothing else."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation import version

STEP = """\"\"\"A module.\"\"\"
from curation.helper_of_test import help_me


def work(x: int) -> int:
    \"\"\"Doc.\"\"\"
    return help_me(x)
"""
HELPER = "def help_me(x: int) -> int:\n    return x + 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    import curation

    monkeypatch.setattr(curation, "__path__", [*curation.__path__, str(tmp_path)])
    yield tmp_path
    for name in ("curation.step_of_test", "curation.helper_of_test"):
        sys.modules.pop(name, None)


def version_with(folder: Path, step: str = STEP, helper: str = HELPER) -> str:
    (folder / "step_of_test.py").write_text(step)
    (folder / "helper_of_test.py").write_text(helper)
    for cached in (version._read, version._imports, version._locate):
        cached.cache_clear()
    importlib.invalidate_caches()
    for name in ("curation.step_of_test", "curation.helper_of_test"):
        sys.modules.pop(name, None)
    return version.code_version(importlib.import_module("curation.step_of_test").work)


def test_comments_docstrings_and_layout_do_not_matter(folder: Path) -> None:
    before = version_with(folder)
    assert (
        version_with(folder, step=STEP.replace("Doc.", "Another.").replace("    return", "    # why\n\n    return"))
        == before
    )


def test_the_steps_code_matters(folder: Path) -> None:
    assert version_with(folder) != version_with(folder, step=STEP.replace("help_me(x)\n", "help_me(x) * 2\n"))


def test_a_helper_in_another_module_matters(folder: Path) -> None:
    assert version_with(folder) != version_with(folder, helper=HELPER.replace("+ 1", "+ 2"))
