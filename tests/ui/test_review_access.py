"""No page has a serious finding of axe-core, in light and in dark; axe-core comes from the npm registry."""

import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.ui.built import many
from tests.ui.test_hostile import CHROMIUM
from tests.ui.test_review_browser import SIGNS, browser, opened, served, sync_api

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: apt-get install chromium")

AXE = "axe-core@4.14.1"
FOUND = """async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})).violations
    .filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | '))"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core (MPL-2.0, so it is fetched and not kept here)."""
    folder = tmp_path_factory.mktemp("axe")
    if shutil.which("npm") is None:
        pytest.skip("needs npm, to fetch axe-core")
    done = subprocess.run(["npm", "pack", AXE], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"npm could not fetch {AXE}")
    with tarfile.open(next(Path(folder).glob("axe-core-*.tgz"))) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


@pytest.mark.parametrize("look", ["light", "dark"])
def test_no_page_has_a_serious_finding(tmp_path: Path, browser: Any, axe: str, look: str) -> None:
    found: dict[str, list[str]] = {}
    with served(many(tmp_path, 6), "--annotator=ann") as url:
        page = opened(browser, url)
        page.emulate_media(color_scheme=look)
        page.add_script_tag(content=axe)
        for name, sign in {"Review": "Reasons to reject", **SIGNS}.items():
            page.get_by_role("link", name=name, exact=True).click()
            sync_api.expect(page.get_by_text(sign.replace("question <script>", "1 to")).first).to_be_visible(
                timeout=30_000
            )
            page.wait_for_timeout(1200)
            if problems := page.evaluate(FOUND):
                found[name] = problems
        page.close()
    assert found == {}
