"""Text of sources and models stays text: under the test driver, and in a real browser that would run it."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from flows.browse import HOST, free_port
from storage import corpus
from storage.store import Store
from tests.storage.hand_built import a_sample, an_outcome, take_in
from tests.ui.built import ROOT, STEPS, a_picture, begin, drawn_html, keep, options, sound, texts, the_page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

MADE = """() => window.hit || String(document.querySelectorAll(
    'b, strong, code:not(:empty), .katex, [href^=javascript], img[src*=evil], img[src=x], svg[onload]').length)"""
"""In the browser: what ran, else how many elements came out of hostile text."""


def hostile(where: str) -> str:
    """What would show itself in a browser if it were taken for HTML, Markdown or a formula."""
    return (
        f"{where} <script>window.hit='{where}'</script><img src=x onerror=\"window.hit='{where}'\">"
        f"<svg onload=window.hit='{where}'></svg></div></textarea><b>bold</b> ![i](http://evil.invalid/{where}.png) "
        f"[link](javascript:window.hit='{where}') $x^2$ `code` **strong** :red[red] # head"
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Hostile text everywhere a source, a model or another program may put it."""
    steps = [*STEPS, (hostile("step"), "f-hostile", "row", False)]
    store = begin(tmp_path, recipe=hostile("recipe"), source=hostile("source"), steps=steps)
    image, content = a_picture()
    store.put_images([(image, content)])
    sample = a_sample(
        0, id=hostile("id"), question=hostile("question"), reference=hostile("reference"), kind="mcq", image=image,
        options=options(hostile("option"), "two"), context=hostile("context"), solution=hostile("solution"),
        difficulty=hostile("difficulty"), source=hostile("origin"),
    )  # fmt: skip
    other = a_sample(1, question=hostile("other"))
    take_in(store, [sample, other])
    trace = f"<think>{hostile('leak')} wait</think><answer>{hostile('answer')}</answer>"
    request = orjson.dumps({"messages": [{"role": hostile("role"), "content": hostile("prompt")}]}).decode()
    keep(
        store, sample, trace=trace, after=trace.replace("leak", "mended"), leaks=[hostile("phrase")],
        cues={"wait": 1, "<script>": 1}, caption=hostile("caption"), source=hostile("judge"), model=hostile("model"),
        reply=hostile("reply"), request=request,
    )  # fmt: skip
    corpus.add_outcomes(store, "r1", [an_outcome(sample, "hostile", value={})])
    lost = an_outcome(other, "dedup", "dropped", reason=hostile("reason"), detail=hostile("detail"))
    corpus.add_outcomes(store, "r1", [lost])
    corpus.end_run(store, "r1", event="failed", detail=hostile("failure"))
    return store


def test_hostile_text_reaches_no_element_that_interprets_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    page = the_page(store, monkeypatch)
    views = [page, sound(page.segmented_control(key="which").set_value("Dropped").run())]
    views.append(sound(page.segmented_control[0].set_value("Funnel").run()))
    for view in views:
        interpreted = [*view.markdown, *view.caption, *view.info, *view.warning, *view.error, *view.title]
        assert not [item.value for item in interpreted if "window.hit" in item.value]
        assert not [item.label for item in [*view.button, *view.selectbox, *view.metric] if "hit" in item.label]


def test_what_is_made_into_html_is_escaped_and_the_rest_shown_as_it_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = the_page(store, monkeypatch)
    drawn = drawn_html(page)
    assert "<script>" not in drawn
    assert "<img" not in drawn
    assert "&lt;script&gt;" in drawn
    assert any(hostile("question") in text and hostile("option") in text for text in texts(page))
    assert hostile("reference") in texts(page)


@pytest.fixture
def served(store: Store) -> Iterator[str]:
    """The page as `vistill browse` serves it."""
    port = free_port(None)
    command = [sys.executable, "-m", "flows.cli", "browse", f"--store={store.root}", f"--port={port}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url == f"http://{HOST}:{port}"
            yield url
        finally:
            process.terminate()
        assert process.wait(20) == 0
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _answers(url):
        time.sleep(0.1)
    assert not _answers(url), "the page outlived the command"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
            return True
    except OSError:
        return False


def test_a_browser_runs_nothing_and_asks_nobody_else(served: str) -> None:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    from playwright.sync_api import Route, expect, sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        foreign: list[str] = []
        made: list[str] = []

        def guard(route: Route) -> None:
            foreign.append(route.request.url)
            route.abort()

        page.route(lambda url: not url.startswith((served, "data:", "blob:")), guard)
        page.goto(served)
        expect(page.locator(".vt-answer")).to_contain_text("<b>bold</b>", timeout=60_000)
        expect(page.locator(".vt-think del").first).to_contain_text("leak")
        for name in ("Caption and context", "Steps and calls"):
            page.get_by_text(name, exact=True).click()
        expect(page.get_by_text("![i](http://evil.invalid/reply.png)").first).to_be_visible(timeout=20_000)
        for picker in page.get_by_test_id("stSelectbox").all():
            picker.locator("input").click()
            page.wait_for_timeout(200)
            made.append(page.evaluate(MADE))
            page.keyboard.press("Escape")
        page.get_by_test_id("stButtonGroup").get_by_text("Funnel", exact=True).click()
        expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible(timeout=20_000)
        page.get_by_test_id("stVegaLiteChart").hover(position={"x": 200, "y": 20})
        page.wait_for_timeout(500)
        made.append(page.evaluate(MADE))
        browser.close()
    assert len(made) >= 5
    assert set(made) == {"0"}
    assert foreign == []
