"""The review page in a real browser: keys, fast presses, undo, two annotators, zoom and boxes, hostile text."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from curation.records import Sample
from flows.browse import HOST, free_port
from storage import corpus
from storage.reviews import Decision, decide
from storage.store import Store
from tests.storage.hand_built import a_sample, add_calls, an_outcome, rows, take_in
from tests.ui.built import ROOT, a_picture, begin, history, options
from tests.ui.proxy import proxied
from tests.ui.test_hostile import CHROMIUM, FLAGS, MADE, hostile

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: apt-get install chromium")

SOON = 30_000  # milliseconds a busy machine may take
TRACE = "<think>I count the dots.\nThere are {n}.\nWait, again: {n}.</think><answer>{n}</answer>"
SHOWN = """() => { for (const e of document.querySelectorAll('*')) {
    const f = e.shadowRoot && e.shadowRoot.querySelector('.frame'); if (f) return f.dataset.id || ''; } return ''; }"""

ZOOMED = """was => { for (const e of document.querySelectorAll('*')) {
    const f = e.shadowRoot && e.shadowRoot.querySelector('.frame'); if (f) return +f.dataset.scale > was * 2; } }"""


def a_store(path: Path, number: int, **changes: Any) -> Store:
    """So many kept samples, each with the same picture."""
    store = begin(path)
    image, content = a_picture(size=(400, 300))
    store.put_images([(image, content)])
    samples = [a_sample(n, image=image, **changes) for n in range(number)]
    fill(store, samples)
    return store


def fill(store: Store, samples: list[Sample]) -> None:
    take_in(store, samples)
    made = [history(sample, TRACE.format(n=n), split="sft") for n, sample in enumerate(samples)]
    add_calls(store, *(call for call, _ in made))
    corpus.add_outcomes(store, "r1", [outcome for _, outcomes in made for outcome in outcomes])
    corpus.end_run(store, "r1", event="finished")


@contextmanager
def serving(
    store: Store, *options: str, port: int | None = None, home: Path | None = None
) -> "Iterator[tuple[str, subprocess.Popen[str]]]":
    """`vistill review` over the store; its address and its process. `home` is where it looks for secrets."""
    port = port or free_port(None)
    environment = {**os.environ, "HOME": str(home)} if home else None
    command = [sys.executable, "-m", "flows.cli", "review", f"--store={store.root}", f"--port={port}", *options]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == f"http://{HOST}:{port}"
            yield f"http://{HOST}:{port}", process
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def served(store: Store, *options: str) -> Iterator[str]:
    """Its address alone."""
    with serving(store, *options) as (url, _):
        yield url


def kill_children(process: "subprocess.Popen[str]") -> None:
    """What a power cut does to the page's own process, which `vistill review` has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    for child in children:
        os.kill(int(child), signal.SIGKILL)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


def opened(browser: Any, url: str, name: str = "") -> Any:
    """A page that shows its first sample."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    if name:
        page.get_by_role("textbox", name="Your name").fill(name, timeout=60_000)
        page.get_by_role("button", name="Begin").click()
    sync_api.expect(page.locator("li").first).to_be_visible(timeout=60_000)
    return page


def shown(page: Any) -> str:
    """The id of the sample on the screen; between two runs of the page there may be none for a moment."""
    return str(page.wait_for_function(SHOWN, timeout=SOON).json_value()).split("/")[1]


def after(page: Any, was: str) -> str:
    """The id of the sample that took the place of `was`."""
    page.wait_for_function(f"was => {{ const at = ({SHOWN})(); return at && at.split('/')[1] !== was; }}", arg=was,
                           timeout=SOON)  # fmt: skip
    return shown(page)


def press(page: Any, key: str) -> str:
    """Press a key that goes on; the sample that is shown then."""
    was = shown(page)
    page.keyboard.press(key)
    return after(page, was)


def said(page: Any, text: str) -> None:
    sync_api.expect(page.locator(".st-key-said")).to_contain_text(text, timeout=SOON)


def settled(page: Any, store: Store) -> str:
    """The sample on the screen once the page has caught up with what was decided."""
    for _ in range(SOON // 250):
        page.wait_for_timeout(250)
        on_screen = shown(page)
        if on_screen not in {sample for sample, _, _ in decisions(store)}:
            return on_screen
    raise AssertionError(f"{on_screen} stays on the screen although it is judged")


def decisions(store: Store) -> list[tuple[str, str, str]]:
    found = rows(store, "SELECT sample_id, decision, annotator FROM reviews WHERE standing ORDER BY created")
    return [(row["sample_id"], row["decision"], row["annotator"]) for row in found]


def test_keys_judge_the_sample_on_the_screen_and_undo_brings_it_back(tmp_path: Path, browser: Any) -> None:
    store = a_store(tmp_path, 8)
    with served(store, "--annotator=ann") as url:
        page = opened(browser, url)
        first = shown(page)
        second = press(page, "a")
        said(page, f"{first}: accepted; split stays sft")
        page.keyboard.press("2")
        sync_api.expect(page.locator(".st-key-reasons [kind=primary]")).to_have_text("wrong reasoning2", timeout=SOON)
        third = press(page, "x")
        said(page, f"{second}: rejected; split sft → none")
        page.keyboard.press("f")
        said(page, f"{third}: flagged")
        fourth = press(page, "s")
        fifth = press(page, "Enter")
        said(page, f"{fourth}: accepted")
        assert press(page, "ArrowLeft") == fourth
        assert press(page, "ArrowRight") == fifth
        assert press(page, "Backspace") == fourth
        said(page, f"{fourth}: taken back")
        page.keyboard.press("h")
        sync_api.expect(page.get_by_text("Backspace: take back the last decision")).to_be_visible(timeout=SOON)
        page.close()
    assert decisions(store) == [(first, "accept", "ann"), (second, "reject", "ann"), (third, "flag", "ann"),
                                (third, "skip", "ann")]  # fmt: skip
    [row] = rows(store, "SELECT reason, seconds, run_id, judged FROM reviews WHERE decision = 'reject'")
    assert (row["reason"], row["run_id"], len(row["judged"])) == ("wrong reasoning", "r1", 32)
    assert row["seconds"] > 0


def test_six_fast_presses_never_judge_a_sample_nobody_saw(tmp_path: Path, browser: Any) -> None:
    store = a_store(tmp_path, 12)
    with served(store, "--annotator=ann") as url:
        page = opened(browser, url)
        page.evaluate(f"""() => {{ window.seen = []; const look = () => {{ const id = ({SHOWN})();
            if (id && window.seen.at(-1) !== id) window.seen.push(id); requestAnimationFrame(look); }}; look(); }}""")
        for _ in range(6):
            page.keyboard.press("a")
            page.wait_for_timeout(50)
        page.wait_for_function("() => window.seen.length > 1", timeout=SOON)
        on_screen = settled(page, store)
        seen = [name.split("/")[1] for name in page.evaluate("window.seen")]
        page.close()
    judged = [sample for sample, _, _ in decisions(store)]
    assert judged
    assert len(set(judged)) == len(judged)
    assert set(judged) <= set(seen)
    assert on_screen not in judged


def test_a_press_that_comes_too_fast_is_said_and_pressed_again_it_counts(tmp_path: Path, browser: Any) -> None:
    store = a_store(tmp_path, 5)
    with served(store, "--annotator=ann") as url:
        page = opened(browser, url)
        first = shown(page)
        page.keyboard.press("a")
        page.keyboard.press("x")
        note = page.get_by_text("Too fast: that press was not counted. Press again.")
        sync_api.expect(note).to_be_visible(timeout=2000)
        second = after(page, first)
        sync_api.expect(note).to_be_hidden(timeout=SOON)
        page.wait_for_timeout(500)
        third = press(page, "x")
        page.wait_for_timeout(500)
        page.get_by_role("button", name="Accept").first.dblclick()
        sync_api.expect(note).to_be_visible(timeout=2000)
        after(page, third)
        said(page, f"{third}: accepted")
        page.close()
    assert decisions(store) == [(first, "accept", "ann"), (second, "reject", "ann"), (third, "accept", "ann")]


def test_an_answer_is_edited_and_typing_judges_nothing(tmp_path: Path, browser: Any) -> None:
    store = a_store(tmp_path, 4)
    with served(store, "--annotator=ann") as url:
        page = opened(browser, url)
        first = shown(page)
        page.keyboard.press("e")
        answer = page.get_by_label("Right answer")
        sync_api.expect(answer).to_be_focused(timeout=SOON)
        page.keyboard.type("xaf 42", delay=5)
        page.get_by_role("button", name=re.compile("^Save Ctrl|^Save Shortcut")).click()
        after(page, first)
        said(page, f"{first}: edited; split sft → rl")
        page.close()
    [row] = rows(store, "SELECT sample_id, edited_answer, edited_trace FROM reviews")
    assert row == {"sample_id": first, "edited_answer": "xaf 42", "edited_trace": None}


def test_the_first_wrong_step_is_marked_by_its_number(tmp_path: Path, browser: Any) -> None:
    store = a_store(tmp_path, 3)
    with served(store, "--annotator=ann") as url:
        page = opened(browser, url)
        first = shown(page)
        page.get_by_role("button", name="Step 2: mark as the first wrong step").click()
        said(page, f"{first}: marked; split sft → rl")
        sync_api.expect(page.locator("li.wrong")).to_contain_text("There are", timeout=SOON)
        page.close()
    assert [row["first_wrong_step"] for row in rows(store, "FROM reviews")] == [2]


def test_the_picture_fits_then_zooms_pans_and_resets_and_boxes_tell_their_label(tmp_path: Path, browser: Any) -> None:
    named = [{"label": "dog <b>", "box": [40, 30, 200, 150]}, {"label": "out", "box": [300, 200, 900, 700]}, "bad"]
    store = a_store(tmp_path, 2, meta={"boxes": named})
    with served(store, "--annotator=ann") as url:
        page = opened(browser, url)
        frame, stage = page.locator(".frame"), page.locator(".stage")
        outer, inner = frame.bounding_box(), stage.bounding_box()
        assert inner["width"] <= outer["width"] + 1
        assert inner["height"] <= outer["height"] + 1
        fitted = float(frame.get_attribute("data-scale"))
        page.mouse.move(outer["x"] + 30, outer["y"] + 30)
        page.mouse.wheel(0, -400)
        page.wait_for_function(ZOOMED, arg=fitted, timeout=SOON)
        left = float(frame.get_attribute("data-x"))
        page.mouse.down()
        page.mouse.move(outer["x"] + 90, outer["y"] + 40, steps=4)
        page.mouse.up()
        assert float(frame.get_attribute("data-x")) == pytest.approx(left + 60, abs=2)
        frame.dblclick(position={"x": 5, "y": 5})
        assert float(frame.get_attribute("data-scale")) == pytest.approx(fitted, abs=1e-3)
        page.locator("rect").first.click()
        sync_api.expect(page.locator(".hint")).to_have_text("dog <b>")
        assert page.locator("rect").count() == 2
        page.locator("rect").nth(1).click()
        sync_api.expect(page.locator(".hint")).to_have_text("out (reaches outside)")
        page.close()


def test_two_annotators_never_see_one_sample_at_once(tmp_path: Path, browser: Any) -> None:
    store = a_store(tmp_path, 30)
    with served(store, "--ask-name") as url:
        pages = {name: opened(browser, url, name) for name in ("ann", "bob")}
        assert shown(pages["ann"]) != shown(pages["bob"])
        for _ in range(3):
            for page in pages.values():
                press(page, "a")
        tab = opened(browser, url, "ann")
        assert shown(tab) not in {shown(page) for page in pages.values()}
        for page in (*pages.values(), tab):
            page.close()
    judged = decisions(store)
    assert len({sample for sample, _, _ in judged}) == len(judged) == 6


def test_a_bulk_is_done_and_undone_by_keys(tmp_path: Path, browser: Any) -> None:
    store = a_store(tmp_path, 5)
    with served(store, "--annotator=ann") as url:
        page = browser.new_page()
        page.goto(f"{url}/bulk")
        sync_api.expect(page.get_by_role("button", name="Reject 5")).to_be_visible(timeout=60_000)
        page.keyboard.press("x")
        sync_api.expect(page.get_by_role("button", name="No Shortcut Esc")).to_be_visible(timeout=SOON)
        page.keyboard.press("Escape")
        sync_api.expect(page.get_by_text("Reject 5 samples?")).to_have_count(0, timeout=SOON)
        page.keyboard.press("x")
        page.get_by_role("button", name="Yes, reject 5").click(timeout=SOON)
        sync_api.expect(page.get_by_text("5 samples rejected")).to_be_visible(timeout=SOON)
        assert len(decisions(store)) == 5
        sync_api.expect(page.get_by_role("button", name="Undo")).to_be_visible(timeout=SOON)
        page.keyboard.press("Backspace")
        sync_api.expect(page.get_by_text("the bulk is taken back")).to_be_visible(timeout=SOON)
        page.close()
    assert decisions(store) == []


def test_decisions_made_before_a_kill_are_there_after_it(tmp_path: Path, browser: Any) -> None:
    store = a_store(tmp_path, 8)
    with serving(store, "--annotator=ann") as (url, process):
        page = opened(browser, url)
        first = shown(page)
        second = press(page, "a")
        page.keyboard.press("a")
        kill_children(process)
        page.close()
    judged = [sample for sample, _, _ in decisions(store)]
    assert judged in ([first], [first, second])
    with served(store, "--annotator=ann") as url:
        page = opened(browser, url)
        assert shown(page) not in judged
        page.close()


def test_a_name_and_its_role_come_from_the_header_of_the_proxy(tmp_path: Path, browser: Any) -> None:
    store = a_store(tmp_path, 3)
    with served(store, "--user-header=X-Forwarded-User", "--lead=lea@lab", "--viewer=vic@lab") as url:
        for name, role in (("lea@lab", "lead"), ("vic@lab", "viewer"), ("ann@lab", "annotator")):
            with proxied(url, f"X-Forwarded-User: {name}") as front:
                page = browser.new_page()
                page.goto(front)
                sync_api.expect(page.get_by_text(f"{name} · {role}")).to_be_visible(timeout=60_000)
                page.close()
        page = browser.new_page()
        page.goto(url)
        sync_api.expect(page.get_by_text("did not say who you are")).to_be_visible(timeout=60_000)
        page.close()


def test_hostile_text_stays_text_on_every_page(tmp_path: Path, browser: Any) -> None:
    store = a_hostile_store(tmp_path)
    with served(store, "--annotator=<b>ann</b>") as url:
        page = browser.new_page()
        foreign: list[str] = []
        page.route(lambda asked: not asked.startswith((url, "data:", "blob:")), lambda route: (
            foreign.append(route.request.url), route.abort()))  # fmt: skip
        page.goto(url)
        sync_api.expect(page.get_by_text("file is missing or damaged")).to_be_visible(timeout=60_000)
        page.wait_for_timeout(1500)  # a key pressed while the first page is still arriving goes nowhere
        page.keyboard.press("ArrowRight")
        sync_api.expect(page.locator("li").first).to_contain_text("<b>bold</b>", timeout=SOON)
        sync_api.expect(page.locator("li p").nth(1)).to_have_css("unicode-bidi", "plaintext")
        page.locator("rect").last.click(timeout=SOON)
        sync_api.expect(page.locator(".hint")).to_contain_text("label <script>")
        page.keyboard.press("l")
        sync_api.expect(page.get_by_text("Words of a call")).to_be_visible(timeout=SOON)
        page.keyboard.press("f")
        said(page, "flagged")
        assert page.evaluate(MADE) == "0"
        for name, sign in SIGNS.items():
            page.get_by_role("link", name=name, exact=True).click()
            sync_api.expect(page.get_by_text(sign, exact=False).first).to_be_visible(timeout=SOON)
            page.wait_for_timeout(700)
            assert page.evaluate(MADE) == "0", name
            assert page.get_by_test_id("stException").count() == 0, name
        assert foreign == []
        page.close()


SIGNS = {"Bulk": "question <script>", "Agreement": "in conflict", "Corpus": "Samples at each step",
         "Live run": "Why samples left", "Training": "No training is recorded",
         "SQL": "Tables and views", "Review": "Reasons to reject"}  # fmt: skip


def a_hostile_store(path: Path) -> Store:
    """Hostile text from source, model and annotators, a chain of 100 KB, boxes outside, a picture that is lost."""
    store = begin(path, recipe=hostile("recipe"), source=hostile("source"))
    image, content = a_picture()
    store.put_images([(image, content)])
    boxes = [{"label": hostile("label"), "box": [1, 1, 9, 9]}, {"label": hostile("far"), "box": [-900, 1e9, 1e12, -5]},
             {"label": "nan", "box": [float("nan"), 1, 2, 3]}]  # fmt: skip
    sample = a_sample(0, id=hostile("id"), question=hostile("question"), reference=hostile("reference"), image=image,
                      options=options(hostile("option"), "two"), source=hostile("origin"), kind=hostile("kind"),
                      meta={"boxes": boxes})  # fmt: skip
    lost = a_sample(1, question=hostile("other"), image=a_picture("red")[0])
    third = a_sample(2, id="third", image=image)
    take_in(store, [sample, lost, third])
    think = f"{hostile('leak')} wait\n\u202eright to left\n{'long ' * 20000}"
    trace = f"<think>{think}</think><answer>{hostile('a')}</answer>"
    call, outcomes = history(sample, trace, trace.replace("leak", "mended"), cues={"wait": 1, "<b": 1},
                             caption=hostile("caption"), source=hostile("judge"), model=hostile("model"))  # fmt: skip
    add_calls(store, call)
    corpus.add_outcomes(store, "r1", outcomes)
    gone = an_outcome(lost, "verify", "dropped", reason=hostile("reason"), detail=hostile("detail"))
    corpus.add_outcomes(store, "r1", [gone])
    for name, decision in (("<i>eve</i>", "reject"), ("$x$ `bob`", "accept")):
        decide(store, Decision(third.id, third.key, name, decision, "r1", reason=hostile("why")[:200]))
    return store
