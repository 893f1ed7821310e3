"""`vistill calls`, the histogram of failures, and asking again on purpose with `--refresh`."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation.errors import ConfigError
from flows.calls import Filter, export, failures, failures_text, listed, one, one_text, summary
from flows.estimate import extrapolated
from storage.store import Store
from tests.fakes.mind import MODELS, chance, mind
from tests.fakes.model_server import ModelServer, error
from tests.flows.test_run import ROOT, asked, run

ROWS = 12


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer(mind([]), models=MODELS) as running:
        yield running


@pytest.fixture(scope="module")
def store(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("calls") / "store"
    done = run(server, path, limit=ROWS)
    assert done.returncode == 0, done.stderr
    return Store.open(path)


def vistill(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_summary_counts_every_call_by_teacher_model_and_status(store: Store) -> None:
    rows = summary(store, Filter())
    assert {row["model"] for row in rows} >= {"eyes", "thinker"}
    assert sum(row["calls"] for row in rows) == store.query("select * from calls").num_rows
    [eyes] = summary(store, Filter(model="eyes"))
    assert ROWS - 2 <= eyes["calls"] <= ROWS


def test_one_call_is_found_by_the_start_of_its_key_and_shown_whole(store: Store) -> None:
    newest = listed(store, Filter(model="thinker"), 3)[0]
    found = one(store, newest["key"][:16])
    assert [row["key"] for row in found] == [newest["key"]]
    page = one_text(found)
    assert found[0]["reply"].splitlines()[0] in page
    assert "Question:" in page
    with pytest.raises(ConfigError, match="it begins"):
        one(store, "")
    with pytest.raises(ConfigError, match="no call has it"):
        one(store, "nothing")


def test_a_hostile_reply_cannot_drive_the_terminal() -> None:
    text = one_text([{"key": "k", "error": "", "request": "{}", "reply": "a\x1b[31mred\x07", "reasoning": ""}])
    assert "\x1b" not in text
    assert "a·[31mred·" in text


def test_an_export_holds_every_call_and_is_never_written_over(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    count = export(store, file, Filter(model="thinker"))
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == count > 0
    assert {row["model"] for row in rows} == {"thinker"}
    with pytest.raises(ConfigError, match="exists already"):
        export(store, file, Filter())
    assert [path.name for path in tmp_path.iterdir()] == ["calls.jsonl"]


def test_the_command_line_says_what_is_missing_in_one_line(store: Store) -> None:
    place = f"--store={store.root}"
    assert json.loads(vistill("calls", "--json", place).stdout)
    assert vistill("calls", "list", "--limit=2", place).stdout.count("\n") == 3
    for bad in (["show"], ["show", "zz"], ["export"], ["list", "--limit=0"]):
        done = vistill("calls", *bad, place)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_failures_are_a_histogram_by_class_at_the_end_of_a_run(tmp_path: Path) -> None:
    usual = mind([])

    def reply(request: dict[str, Any]) -> Any:
        luck = chance(str(request["messages"]))
        return error(400, f"poisoned {luck}") if request["model"] == "eyes" and luck < 0.4 else usual(request)

    with ModelServer(reply, models=MODELS) as broken:
        done = run(broken, tmp_path / "store", limit=30)
    assert done.returncode == 0, done.stderr
    [run_id] = [row["run_id"] for row in Store.open(tmp_path / "store").query("select run_id from runs").to_pylist()]
    [row] = failures(Store.open(tmp_path / "store"), run_id)
    assert (row["status"], row["class"]) == ("call_bad_request", "HTTP 400 BadRequestError")
    assert row["calls"] > 1
    assert f"HTTP 400 BadRequestError {row['calls']} █" in " ".join(done.stdout.split())
    assert done.stderr == ""
    assert failures_text([]) == ""


def test_a_refreshed_role_is_asked_again_once_a_word_and_the_old_answers_stay(
    server: ModelServer, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    assert run(server, store, limit=ROWS).returncode == 0
    captions = Store.open(store).query("select key from calls where model = 'eyes'").num_rows
    before = asked(server)
    assert run(server, store, "--refresh=captioner=second", limit=ROWS).returncode == 0
    again = server.requests[before:]
    assert sum(request["model"] == "eyes" for request in again) == captions > 5
    before = asked(server)
    assert run(server, store, "--refresh=captioner=second", limit=ROWS).returncode == 0
    assert run(server, store, limit=ROWS).returncode == 0
    assert asked(server) == before
    names = Store.open(store).query("select distinct teacher from calls where model = 'eyes' order by 1").to_pylist()
    assert [row["teacher"] for row in names] == ["fake", "fake~second"]


@pytest.mark.parametrize("bad", ["captoiner=x", "two words", ""])
def test_a_malformed_refresh_stops_before_the_first_call(server: ModelServer, tmp_path: Path, bad: str) -> None:
    before = asked(server)
    done = run(server, tmp_path / "store", f"--refresh={bad}", limit=ROWS)
    assert (done.returncode, asked(server)) == (2, before)
    assert "--refresh" in done.stderr


def test_an_estimate_runs_a_few_rows_for_real_and_gives_a_range(server: ModelServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    before = asked(server)
    done = run(server, store, "--estimate=6", "--json", limit=60)
    assert done.returncode == 0, done.stderr
    made = asked(server) - before
    found = json.loads(done.stdout)
    assert (found["rows"], found["sampled"]) == (60, 6)
    assert found["calls"]["expected"] == pytest.approx(made * 10)
    assert made <= found["calls"]["low"] < found["calls"]["expected"] < found["calls"]["high"]
    assert found["cost"] is None
    assert sum(row["calls"]["expected"] for row in found["models"]) == pytest.approx(found["calls"]["expected"])
    again = run(server, store, "--estimate=6", "--json", limit=60)
    assert json.loads(again.stdout)["calls"] == found["calls"]
    assert asked(server) - before == made
    assert "extrapolated from 6" in run(server, store, "--estimate=6", limit=60).stdout


def test_nine_ranges_in_ten_hold_the_truth() -> None:
    chance = np.random.default_rng(1)
    amounts = chance.poisson(3.0, 20_000) + 1.0
    held = 0
    for seed in range(100):
        sample = chance.choice(amounts, 16, replace=False)
        found = extrapolated(sample, len(amounts), seed)
        held += found["low"] <= amounts.sum() <= found["high"]
    assert 80 <= held <= 99


@pytest.mark.parametrize("bad", [["--estimate=1"], ["--estimate", "--accepted=5"]])
def test_an_estimate_that_cannot_be_made_is_refused(server: ModelServer, tmp_path: Path, bad: list[str]) -> None:
    done = run(server, tmp_path / "store", *bad, limit=20)
    assert done.returncode == 2
    assert "--estimate" in done.stderr
