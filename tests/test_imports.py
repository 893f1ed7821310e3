"""Imports point one way, and light entry points stay light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_NOT = {
    "curation": {"storage", "flows", "ui", "prefect", "streamlit", "duckdb"},
    "storage": {"flows", "ui", "prefect", "streamlit"},
    "flows": {"ui", "streamlit", "duckdb"},
    "ui": {"prefect", "duckdb"},
}
STORAGE_MAY = {"records", "errors", "reasons", "teachers"}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("package", MAY_NOT)
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in (ROOT / package).rglob("*.py")
        for name in imported(file)
        if name.split(".")[0] in MAY_NOT[package]
    ]
    assert wrong == []


def test_storage_knows_of_curation_only_its_records_and_errors() -> None:
    wrong = [
        f"{file.name}: {name}"
        for file in (ROOT / "storage").rglob("*.py")
        for name in imported(file)
        if name.startswith("curation.") and name.split(".")[1] not in STORAGE_MAY
    ]
    assert wrong == []


def test_importing_the_packages_brings_no_torch() -> None:
    code = (
        "import sys, curation.engine, curation.recipes.vlaa_thinking, storage.store, flows.run, flows.build, ui, "
        "flows.training, flows.passrate, curation.trainer.config, curation.trainer.rewards, curation.trainer.judging; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_the_command_line_parses_without_heavy_imports() -> None:
    code = (
        "import sys, flows.cli; flows.cli.parser().format_help(); "
        "slow = {'prefect', 'duckdb', 'pyarrow', 'openai', 'aiohttp', 'datasets', 'numpy', 'PIL', 'rich'}; "
        "found = slow & sys.modules.keys(); sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for package in MAY_NOT
        for file in (ROOT / package).rglob("*.py")
        if (text := file.read_text(encoding="utf-8")).strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []
