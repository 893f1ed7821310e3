"""The review pages on a large store in Chromium, and twenty annotators at once beside a running flow.

    python -m tests.benchmarks.review_store STORE --samples 1000000
    python -m tests.benchmarks.review pages STORE
    python -m tests.benchmarks.review crowd STORE --seconds 120

`pages`: `vistill review` is started; first paint (address to first trace drawn, a fresh context each time), a key to
the next sample drawn, a changed condition to the next sample drawn, the corpus page's parts, and the server's
largest memory. `crowd`: annotators as threads over the pages' own `Hand` and `Desk` in one process, as the server has
them, but without browsers; beside them `vistill run` writes into the same store. What the annotators did is compared
with what the store says afterwards.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from storage.desk import Desk, Wanted
from storage.store import Store
from tests.ui.test_review_browser import SHOWN, opened, serving
from ui.hand import Hand

WATCH = f"""() => {{
    window.pressed = 0; window.took = [];
    let id = ({SHOWN})(), frame = null;
    document.addEventListener('keydown', () => {{ window.pressed = performance.now(); }}, true);
    const look = () => {{
        if (!frame || !frame.isConnected) for (const e of document.querySelectorAll('*'))
            if (e.shadowRoot && e.shadowRoot.querySelector('.frame')) frame = e.shadowRoot.querySelector('.frame');
        const now = frame ? frame.dataset.id : id;
        if (now !== id) {{ id = now; window.took.push(performance.now() - window.pressed); }}
        requestAnimationFrame(look);
    }};
    look();
}}"""
PARTS = ("Yield", "Cost and time", "Traces", "Duplicates")


def median(values: list[float]) -> float:
    return round(statistics.median(values), 3)


def percentile(values: list[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 3)


def peak_mb(pid: int) -> int:
    """The largest resident memory a process had, in MB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def pages(store: Store, presses: int) -> dict[str, Any]:
    """What a person waits for."""
    from playwright.sync_api import sync_playwright

    from tests.ui.test_hostile import CHROMIUM, FLAGS

    started = time.monotonic()
    with serving(store, "--annotator=bench") as (url, process), sync_playwright() as play:
        found: dict[str, Any] = {"server_ready_s": round(time.monotonic() - started, 2)}
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        paints = []
        for _ in range(5):
            before = time.monotonic()
            page = opened(browser, url)
            paints.append(time.monotonic() - before)
            page.close()
        found["first_paint_s"] = {"median": median(paints), "all": [round(paint, 2) for paint in paints]}
        page = opened(browser, url)
        page.evaluate(WATCH)
        found["key_to_drawn_ms"] = spread(keys(page, presses))
        print(found, file=sys.stderr, flush=True)
        found["condition_to_drawn_ms"] = spread(conditions(page))
        found["corpus_s"] = corpus(page)
        found["server_peak_mb"] = peak_mb(int(child))
        browser.close()
    return found


def spread(took: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(took)), "p95": round(percentile(took, 0.95)), "presses": len(took)}


def keys(page: Any, presses: int) -> list[float]:
    """Milliseconds from the key A to the next picture's sample in the page."""
    for number in range(presses):
        page.keyboard.press("a")
        page.wait_for_function("n => window.took.length > n", arg=number, timeout=30_000)
        page.wait_for_timeout(random.Random(number).randint(400, 1200))
    return list(page.evaluate("window.took"))


def conditions(page: Any) -> list[float]:
    """Milliseconds from Enter in the condition to the first sample of another kind."""
    page.get_by_text("Filters").click()
    box = page.get_by_role("textbox", name="Condition")
    box.wait_for(timeout=30_000)
    box.fill("kind = 'number'")  # what is on the screen afterwards is of no kind that is asked for first
    box.press("Enter")
    page.wait_for_timeout(4000)
    took = []
    for number in range(12):
        page.evaluate("window.took = []")
        box.fill(f"kind = '{('mcq', 'digit', 'text', 'number')[number % 4]}' and trace_chars > {100 + number}")
        box.press("Enter")
        page.wait_for_function("() => window.took.length > 0", timeout=30_000)
        took.append(float(page.evaluate("window.took[0]")))
        page.wait_for_timeout(700)
    return took


def corpus(page: Any) -> dict[str, float]:
    """Seconds until each part of the corpus page is drawn."""
    found = {}
    before = time.monotonic()
    page.get_by_role("link", name="Corpus", exact=True).click()
    page.get_by_text("Samples at each step").wait_for(timeout=60_000)
    found["Funnel"] = round(time.monotonic() - before, 2)
    for part in PARTS:
        before = time.monotonic()
        page.get_by_test_id("stButtonGroup").get_by_text(part, exact=True).click()
        page.wait_for_timeout(100)
        page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]') && "
                               "!document.querySelector('[data-stale=true]')", timeout=120_000)  # fmt: skip
        found[part] = round(time.monotonic() - before, 2)
    return found


def annotate(
    desk: Desk, name: str, until: float, log: list[tuple[str, str, str]], saves: list[float], told: list[float]
) -> None:
    """One person: looks for two to five seconds, decides, is told the effect, now and then takes it back."""
    chance = random.Random(name)
    hand = Hand(desk, Wanted(annotator=name, order="random"))
    while time.monotonic() < until and (card := hand.current()):
        time.sleep(chance.uniform(2, 5))
        decision = chance.choice(["accept", "accept", "reject", "skip"])
        before = time.monotonic()
        wrong = hand.decide(card.id, decision)
        saves.append(time.monotonic() - before)
        if wrong:
            log.append(("refused", name, wrong))
            continue
        log.append((card.row["sample_id"], name, decision))
        desk.take_in(at_once=True)
        desk.effect(*card.key)
        told.append(time.monotonic() - before)
        hand.read_ahead()
        if chance.random() < 0.05:
            hand.undo(hand.last)
            log.pop()
    hand.leave()


def crowd(store: Store, people: int, seconds: float) -> dict[str, Any]:
    """Twenty at once beside a flow; lost, doubled and misplaced decisions must be none."""
    desk = Desk(store)
    tag = f"crowd{os.getpid()}"
    flow = subprocess.Popen([sys.executable, "-m", "tests.ui.solved", str(store.root), "--limit", "2000"],
                            stdout=subprocess.DEVNULL)  # fmt: skip
    logs: list[list[tuple[str, str, str]]] = [[] for _ in range(people)]
    saves: list[float] = []
    told: list[float] = []
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=annotate, args=(desk, f"{tag}-{n}", until, logs[n], saves, told)) for n in range(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    beside = flow.poll() is None
    flow.terminate()
    flow.wait()
    done = [entry for log in logs for entry in log if entry[0] != "refused"]
    said = store.query(
        "SELECT sample_id, annotator, decision FROM reviews WHERE standing AND starts_with(annotator, $1)", [tag]
    ).to_pylist()
    stored = Counter((row["sample_id"], row["annotator"], row["decision"]) for row in said)
    judged = Counter(sample for sample, _, decision in done if decision != "skip")  # skipped: still somebody else's
    return {
        "people": people, "decisions": len(done), "refused": sum(len(log) for log in logs) - len(done),
        "lost": sum((Counter(done) - stored).values()), "misplaced_or_doubled": sum((stored - Counter(done)).values()),
        "samples_judged_twice": sum(count > 1 for count in judged.values()),
        "save_ms": spread([1000 * took for took in saves]),  # until it is on disk
        "told_ms": spread([1000 * took for took in told]),  # and until its effect on the splits can be shown
        "flow_still_running_at_the_end": beside, "process_peak_mb": peak_mb(os.getpid()),
    }  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=("pages", "crowd"))
    arguments.add_argument("store", type=Path)
    arguments.add_argument("--presses", type=int, default=40)
    arguments.add_argument("--people", type=int, default=20)
    arguments.add_argument("--seconds", type=float, default=120)
    given = arguments.parse_args()
    store = Store.open(given.store, create=False)
    load = os.getloadavg()[0]
    found = pages(store, given.presses) if given.what == "pages" else crowd(store, given.people, given.seconds)
    print(json.dumps({"load_before": round(load, 1), "samples": Desk(store).index.samples, **found}, indent=1))


if __name__ == "__main__":
    main()
