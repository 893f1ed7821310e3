"""The reason codes and their page are one list, and every code named in the sources exists."""

import re
from pathlib import Path

from curation.reasons import CALLS, INTAKE, REASONS, STEPS, page

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"""(?:Drop|SampleError|Rejected)\(\s*["']([a-z_0-9]+)["']""")


def test_the_page_is_what_the_table_says() -> None:
    assert (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8") == page()


def test_no_code_stands_for_two_things() -> None:
    assert len(REASONS) == len(INTAKE) + len(CALLS) + len(STEPS)


def test_every_code_the_sources_name_is_listed() -> None:
    named = {
        code
        for folder in ("curation", "flows", "storage")
        for file in (ROOT / folder).rglob("*.py")
        for code in NAMED.findall(file.read_text(encoding="utf-8"))
    }
    assert named <= REASONS.keys()
    assert len(named) > 20
