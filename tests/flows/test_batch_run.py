"""`vistill run` with offline batches: the corpus of calls one by one, and no batch sent twice whenever it is killed."""

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.intake import samples
from curation.records import Rejected
from curation.sources import open_source
from storage.batch_book import StoredBatches
from storage.store import Store
from tests.fakes.batch_server import BatchServer
from tests.fakes.mind import MODELS, mind, truths
from tests.flows.test_run import ROOT, adds_up, command, funnel, run

BATCH = "seed=true&batch=true"


@pytest.fixture
def server() -> Iterator[BatchServer]:
    source = open_source("figures?size=320x240", limit=60)
    known = truths(item[0] for item in samples(source) if not isinstance(item, Rejected))
    with BatchServer(mind(known), models=MODELS, seconds=0.5) as running:
        yield running


def test_batches_make_the_corpus_that_calls_make(server: BatchServer, tmp_path: Path) -> None:
    done = run(server, tmp_path / "offline", options=BATCH)
    assert done.returncode == 0, done.stderr
    assert server.headers == [], "no call by itself"
    made = len(server.asked)
    assert made > 50
    assert len(server.batches) < made / 5
    assert run(server, tmp_path / "online").returncode == 0
    assert funnel(tmp_path / "offline") == funnel(tmp_path / "online")
    adds_up(funnel(tmp_path / "offline"))
    calls = len(server.requests)
    assert run(server, tmp_path / "offline").returncode == 0, "the same keys: nothing is asked again"
    assert len(server.requests) == calls


def test_killed_wherever_no_request_is_sent_in_two_batches(server: BatchServer, tmp_path: Path) -> None:
    store, chance = tmp_path / "store", random.Random(11)
    for moment in ("POST /files", "POST /batches", "GET /batches/", "GET /files/"):
        server.seen.clear()
        process = subprocess.Popen(command(server, store, options=BATCH), cwd=ROOT, stderr=subprocess.DEVNULL)
        while process.poll() is None and not any(line.startswith(moment) for line in list(server.seen)):
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.wait()
    done = run(server, store, options=BATCH)
    assert done.returncode == 0, done.stderr
    assert len(server.asked) == len(set(server.asked))
    assert set(server.answers_by_key.values()) == {1}
    stored = Store.open(store).query("select key from raw_calls where status = 'ok'").column(0).to_pylist()
    assert sorted(stored) == sorted(server.answers_by_key)
    assert StoredBatches(Store.open(store)).list_all() == []
    assert run(server, tmp_path / "plain").returncode == 0
    assert funnel(store) == funnel(tmp_path / "plain")
