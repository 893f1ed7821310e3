"""Pictures of the page for the documentation: `python -m tests.ui.screenshots STORE docs/images`.

STORE is best made by `python -m tests.ui.solved STORE --limit 96`. Needs Debian's chromium.
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from flows.browse import free_port

CHROMIUM = "/usr/bin/chromium"
SIZE = {"width": 1440, "height": 900}


def sample(page: Page) -> None:
    """The second sample of the list."""
    page.locator(".st-key-next button").click()
    expect(page.get_by_text("2 of", exact=False).first).to_be_visible()


def funnel(page: Page) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text("Funnel", exact=True).click()
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()


SHOTS = (("browse-light", "light", sample), ("browse-dark", "dark", sample), ("browse-funnel", "light", funnel))


def main(store: str, folder: Path) -> None:
    port = free_port(None)
    serve = [sys.executable, "-m", "flows.cli", "browse", f"--store={store}", f"--port={port}"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            take(server.stdout.readline().strip(), folder)
        finally:
            server.terminate()


def take(url: str, folder: Path) -> None:
    """Every shot, with few enough colours to be small."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, theme, act in SHOTS:
            page = browser.new_page(viewport=SIZE, color_scheme=theme)  # type: ignore[arg-type]
            page.goto(url)
            expect(page.locator(".vt-answer")).to_be_visible(timeout=60_000)
            act(page)
            page.mouse.move(0, 0)
            page.wait_for_timeout(2500)
            path = folder / f"{name}.png"
            page.screenshot(path=path)
            Image.open(path).convert("RGB").quantize(192).save(path, optimize=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
