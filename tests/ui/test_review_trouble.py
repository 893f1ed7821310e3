"""The review page when something happens to it: focus, browser back, a restart, compaction, a run."""

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.browse import HOST
from storage.compaction import compact
from storage.store import Store
from tests.storage.hand_built import rows
from tests.ui.built import ROOT, many
from tests.ui.test_hostile import CHROMIUM
from tests.ui.test_review_browser import (
    SHOWN,
    SIGNS,
    SOON,
    after,
    browser,
    decisions,
    kill_children,
    opened,
    press,
    said,
    served,
    serving,
    shown,
    sync_api,
)  # fmt: skip

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: apt-get install chromium")

FOCUSED = """name => { let at = document.activeElement;
    while (at && at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement;
    return !!at && (at.getAttribute('aria-label') || at.textContent || '').startsWith(name); }"""


def tab_to(page: Any, name: str) -> None:
    """Reach the control as people without a mouse do."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED, name):
            return
    raise AssertionError(f"Tab never reaches {name}")


def test_enter_on_a_focused_control_is_that_control_and_not_the_suggestion(tmp_path: Path, browser: Any) -> None:
    store = many(tmp_path, 4)
    with served(store, "--annotator=ann") as url:
        page = opened(browser, url)
        first = shown(page)
        tab_to(page, "Step 1: mark")
        page.keyboard.press("Enter")
        said(page, f"{first}: marked")
        assert decisions(store) == [(first, "first_wrong_step", "ann")]
        page.keyboard.press("Enter")  # the page was drawn anew, and the focus may be gone
        page.wait_for_timeout(1500)
        assert {decision for _, decision, _ in decisions(store)} == {"first_wrong_step"}
        marks = len(decisions(store))
        tab_to(page, "Reject")
        page.keyboard.press("Enter")
        second = after(page, first)
        said(page, f"{first}: rejected")
        page.mouse.click(5, 5)
        press(page, "Enter")
        said(page, f"{second}: accepted")
        page.close()
    assert decisions(store)[marks:] == [(first, "reject", "ann"), (second, "accept", "ann")]


def test_back_returns_to_the_sample_that_was_on_the_screen(tmp_path: Path, browser: Any) -> None:
    store = many(tmp_path, 4)
    with served(store, "--annotator=ann") as url:
        page = opened(browser, url)
        second = press(page, "a")
        page.get_by_role("link", name="Corpus", exact=True).click()
        sync_api.expect(page.get_by_text(SIGNS["Corpus"]).first).to_be_visible(timeout=SOON)
        page.go_back()
        sync_api.expect(page.locator("li").first).to_be_visible(timeout=SOON)
        assert shown(page) == second
        page.wait_for_timeout(1000)
        press(page, "a")
        said(page, f"{second}: accepted")
        page.close()
    assert [sample for sample, _, _ in decisions(store)][1:] == [second]


def test_a_page_whose_server_was_restarted_goes_on_and_a_press_meanwhile_decides_nothing(
    tmp_path: Path, browser: Any
) -> None:
    store = many(tmp_path, 5)
    with socket.socket() as probe:  # not 8501, which anybody may take between the two servers
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    with serving(store, "--annotator=ann", port=port) as (url, process):
        page = opened(browser, url)
        second = press(page, "a")
        kill_children(process)
        sync_api.expect(page.get_by_text("Connection error")).to_be_visible(timeout=SOON)
        page.keyboard.press("Escape")  # nothing but the note tells then
        page.keyboard.press("x")
        note = page.get_by_text("The server does not answer: that press was not counted.")
        sync_api.expect(note).to_be_visible(timeout=2000)
    assert [decision for _, decision, _ in decisions(store)] == ["accept"]
    with serving(store, "--annotator=ann", port=port):
        sync_api.expect(page.get_by_text("Connection error")).to_have_count(0, timeout=60_000)
        sync_api.expect(page.get_by_role("button", name="Accept").first).to_be_enabled(timeout=60_000)
        page.wait_for_timeout(3000)  # the page draws itself anew, and for a moment there is no picture
        page.wait_for_function(f"second => ({SHOWN})().includes(second)", arg=second, timeout=60_000)
        press(page, "x")
        said(page, f"{second}: rejected")
        page.close()
    assert [decision for _, decision, _ in decisions(store)] == ["accept", "reject"]


def test_a_page_whose_connection_dropped_goes_on_where_it_was(tmp_path: Path, browser: Any) -> None:
    store = many(tmp_path, 4)
    sockets: list[Any] = []
    with served(store, "--annotator=ann") as url:
        page = browser.new_page()
        page.route_web_socket(re.compile("_stcore/stream"), lambda ws: sockets.append((ws, ws.connect_to_server())))
        page.goto(url)
        sync_api.expect(page.locator("li").first).to_be_visible(timeout=60_000)
        page.wait_for_timeout(1000)
        second = press(page, "a")
        page.wait_for_timeout(1000)
        for end in sockets[-1]:
            end.close()
        pressed = 0
        while len(decisions(store)) < 2 and pressed < 60:
            page.keyboard.press("x")
            pressed += 1
            page.wait_for_timeout(500)
        page.close()
    assert len(sockets) > 1
    kept = [(sample, decision) for sample, decision, _ in decisions(store)]
    assert kept[1] == (second, "reject")  # a slow machine may take one more press, for the sample after it
    assert len({sample for sample, _ in kept}) == len(kept) <= 1 + pressed


@contextmanager
def compacting(store: Store) -> Iterator[list[int]]:
    """Compact again and again for the block; how often, so far."""
    done, over = [0], threading.Event()

    def work() -> None:
        while not over.wait(0.2):
            compact(store.root)
            done[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join(60)


def test_a_store_compacted_under_the_page_loses_and_misplaces_nothing(tmp_path: Path, browser: Any) -> None:
    store = many(tmp_path, 9)
    seen = []
    with served(store, "--annotator=ann") as url, compacting(store) as done:
        page = opened(browser, url)
        for key in "axaxax":
            seen.append((shown(page), {"a": "accept", "x": "reject"}[key], "ann"))
            press(page, key)
        page.close()
    assert done[0] > 3
    assert decisions(store) == seen


def test_answers_are_downloaded_as_csv_and_parquet(tmp_path: Path, browser: Any) -> None:
    store = many(tmp_path, 3)
    found = {}
    with served(store, "--annotator=ann") as url:
        page = browser.new_page()
        page.goto(f"{url}/sql")
        page.get_by_label("One statement that reads").fill("SELECT sample_id, 1 AS n FROM samples ORDER BY 1",
                                                           timeout=60_000)  # fmt: skip
        page.keyboard.press("Control+Enter")
        for kind in ("CSV", "Parquet"):
            with page.expect_download(timeout=SOON) as waiting:
                page.get_by_role("button", name=kind, exact=True).click()
            found[kind] = tmp_path / waiting.value.suggested_filename
            waiting.value.save_as(found[kind])
        page.close()
    assert found["CSV"].read_bytes().split() == [b"sample_id,n", b"s0,1", b"s1,1", b"s2,1"]
    table = pq.read_table(found["Parquet"])
    assert table.to_pylist() == rows(store, "SELECT sample_id, 1 AS n FROM samples ORDER BY 1")


def test_a_run_watched_on_the_live_page_ends_as_if_nobody_looked(tmp_path: Path, browser: Any) -> None:
    script = "import sys; from pathlib import Path; from tests.ui.solved import make; make(Path(sys.argv[1]), limit=16)"
    command = [sys.executable, "-c", script]
    subprocess.run([*command, str(tmp_path / "alone")], cwd=ROOT, check=True, capture_output=True, timeout=300)
    watched = Store.open(tmp_path / "watched", create=True)
    with served(watched, "--annotator=ann") as url:
        page = browser.new_page()
        page.goto(f"{url}/live")
        sync_api.expect(page.get_by_text("This store has no run yet")).to_be_visible(timeout=60_000)
        with subprocess.Popen([*command, str(watched.root)], cwd=ROOT, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:  # fmt: skip
            while process.poll() is None:
                page.wait_for_timeout(300)
                sign = page.get_by_text(re.compile("This store has no run yet|Why samples left")).first
                sync_api.expect(sign).to_be_visible(timeout=60_000)
                assert page.get_by_test_id("stException").count() == 0
            assert process.returncode == 0
        sync_api.expect(page.get_by_text("16 of 16 samples are at their end")).to_be_visible(timeout=60_000)
        page.close()
    sql = "SELECT sample_id, split FROM splits ORDER BY 1"
    assert rows(watched, sql) == rows(Store.open(tmp_path / "alone", create=False), sql) != []
