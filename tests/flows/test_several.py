"""Several runs on one store at once, with readers between them: no lock errors, no call paid twice, equal funnels."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.intake import samples
from curation.records import Rejected
from curation.sources import open_source
from storage.store import Store
from tests.fakes.mind import MODELS, mind, truths
from tests.fakes.model_server import ModelServer
from tests.flows.test_run import ROOT, adds_up, command, funnel, run


@pytest.fixture
def server() -> Iterator[ModelServer]:
    source = open_source("figures?size=320x240", limit=60)
    known = truths(item[0] for item in samples(source) if not isinstance(item, Rejected))
    with ModelServer(mind(known), models=MODELS, latency=0.05) as running:
        yield running


def together(server: ModelServer, store: Path, *each: list[str]) -> list[subprocess.Popen[str]]:
    """A run for each list of options, started at once."""
    return [
        subprocess.Popen(
            command(server, store, *more), cwd=ROOT, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for more in each
    ]


def test_three_runs_of_one_recipe_and_a_reader_share_a_store(server: ModelServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    Store.open(store)
    running = together(server, store, [], ["--batch=7"], ["--batch=1"])
    reads = 0
    while any(process.poll() is None for process in running):
        Store.open(store).query("select count(*) from samples join outcomes using (sample_id)")
        reads += 1
    ended = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ended
    assert reads > 3
    assert set(server.answers_by_key.values()) == {1}
    rows = Store.open(store).query("select key from raw_calls where status = 'ok' group by key having count(*) > 1")
    assert rows.num_rows == 0
    funnels = Store.open(store).query("select * exclude (recipe, run_id) from funnel_all order by run_id, step_no")
    adds_up(funnel(store))
    third = funnels.num_rows // 3
    assert [funnels.slice(i * third, third).to_pylist() for i in (1, 2)] == [funnels.slice(0, third).to_pylist()] * 2


def test_runs_with_other_settings_share_what_they_have_in_common(server: ModelServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    Store.open(store)
    running = together(server, store, [], ["--set", "draws=1"], ["--limit=20"])
    ended = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ended
    assert set(server.answers_by_key.values()) == {1}


def test_one_of_three_is_killed_and_the_others_end_what_it_began(server: ModelServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    Store.open(store)
    running = together(server, store, [], [], [])
    while len(server.requests) < 30:
        pass
    running[0].kill()
    ended = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running[1:]] == [0, 0], ended
    assert run(server, store).returncode == 0
    twice = Store.open(store).query("select key from raw_calls where status = 'ok' group by key having count(*) > 1")
    assert twice.num_rows == 0
    adds_up(funnel(store))
