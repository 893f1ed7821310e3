"""What people see: counts, rate, reasons, money; and a run whose process is gone says so."""

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from curation.records import Call, Outcome
from flows.progress import Progress, shown
from flows.report import funnel_text, status_text
from storage.liveness import alive, is_alive
from storage.store import Store


def outcome(step: str, status: str = "ok", reason: str = "") -> Outcome:
    return Outcome("s", "k", step, "f", status, reason=reason)  # type: ignore[arg-type]


def test_notices_reach_people_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(["caption"])
    with shown(progress):
        progress.notice("columns that are not read unless you say --map licence=licence")
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "columns that are not read unless you say --map licence=licence"


def test_the_live_view_counts_and_names_reasons() -> None:
    progress = Progress(["caption", "verify"])
    progress.start_phase("caption, draws", total=4)
    for made in (
        outcome("caption"),
        outcome("verify", "dropped", "wrong_answer"),
        outcome("verify", "failed", "call_timeout"),
    ):
        progress.outcome(made, True)
    progress.call(Call("k", "t", "m", "ok", "{}", prompt_tokens=10, completion_tokens=5, cost=0.25))
    progress.call(Call("l", "t", "m", "call_timeout", "{}"))
    progress.finished(2)
    console = Console(width=120)
    with console.capture() as captured:
        console.print(progress.table())
    text = captured.get()
    assert "wrong_answer 1" in text
    assert "call_timeout 1" in text
    assert "2/4 samples" in text
    assert "1 calls (1 failed)" in text
    assert "10 + 5 tokens" in text
    assert "$0.2500" in text


def test_the_funnel_as_text_says_why() -> None:
    row = {
        "step": "verify", "input": 5, "kept": 2, "dropped": 2, "failed": 1, "pending": 0,
        "dropped_by_reason": '{"wrong_answer": 2}', "failed_by_reason": '{"call_timeout": 1}',
    }  # fmt: skip
    assert funnel_text([row]).splitlines()[1].split("  ")[-1].strip() == "wrong_answer 2, call_timeout 1"


def test_no_runs_yet_says_what_to_type() -> None:
    assert "vistill run" in status_text([])


def test_a_run_is_alive_as_long_as_its_process(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    code = (
        "import sys, time; from storage.store import Store; from storage.liveness import alive\n"
        f"with alive(Store.open({str(store.root)!r}), 'r'):\n    print('up', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    assert is_alive(store, "r")
    process.kill()
    process.wait()
    assert not is_alive(store, "r")
    with alive(store, "other"):
        assert is_alive(store, "other")
    assert not is_alive(store, "other")
