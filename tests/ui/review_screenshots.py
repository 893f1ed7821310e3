"""Pictures of the review pages for the documentation: `python -m tests.ui.review_screenshots STORE docs/images`.

STORE is best made by `python -m tests.ui.solved STORE --limit 96`, with a training recorded by `vistill train --store`;
two made-up annotators judge some of it here: use a copy. Needs Debian's chromium.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from storage.reviews import Decision, decide
from storage.store import Store
from tests.ui.test_hostile import CHROMIUM, FLAGS
from tests.ui.test_review_browser import SIGNS, serving

PATHS = {"review": "Reasons to reject", "bulk": "1 to", "agreement": SIGNS["Agreement"], "corpus": SIGNS["Corpus"],
         "live": SIGNS["Live run"], "training": "Held out", "sql": SIGNS["SQL"]}  # fmt: skip
WIDTHS = (1440, 900)


def judged(store: Store) -> None:
    """Forty samples judged by two people, who differ on some."""
    rows = store.query("SELECT sample_id, sample_key, run_id FROM fates ORDER BY position LIMIT 40").to_pylist()
    for at, row in enumerate(rows):
        for name in ("ann", "bob"):
            no = at % 5 == 0 or (at % 9 == 1 and name == "bob")
            decide(store, Decision(row["sample_id"], row["sample_key"], name, "reject" if no else "accept",
                                   row["run_id"], reason="guessed" if no else None, seconds=4.0 + at % 7))  # fmt: skip


def take(page: Page, url: str, name: str, path: Path) -> None:
    """One page, with few enough colours to be small."""
    page.goto(f"{url}/{'' if name == 'review' else name}")
    expect(page.get_by_text(PATHS[name]).first).to_be_visible(timeout=60_000)
    if name == "review":  # go on to a trace in which something was mended
        for _ in range(12):
            page.wait_for_timeout(1500)
            if page.locator("del").count():
                break
            page.keyboard.press("ArrowRight")
    if name == "sql":
        page.get_by_text("Yield by source and kind").click()
        page.wait_for_timeout(800)
        page.get_by_role("button", name=re.compile("^Run")).click()
    page.mouse.move(0, 0)
    page.wait_for_timeout(2500)
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)


def main(store: Store, folder: Path, names: Sequence[str]) -> None:
    judged(store)
    with serving(store, "--annotator=lea") as (url, _), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for look in ("light", "dark"):
            for width in WIDTHS:
                page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=look)  # type: ignore[arg-type]
                for name in names:
                    take(page, url, name, folder / f"{name}-{look}-{width}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    main(Store.open(sys.argv[1], create=False), Path(sys.argv[2]), sys.argv[3:] or list(PATHS))
