"""A whole run against a scripted server: the funnel adds up, resuming repeats nothing, and limits stop cleanly."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from curation.intake import samples
from curation.records import Rejected
from curation.sources import open_source
from storage.store import Store
from tests.benchmarks.pipeline import draw_picture
from tests.fakes.mind import MODELS, Truth, mind, text_of, truths
from tests.fakes.model_server import ModelServer

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 40


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    source = open_source("figures?size=320x240", limit=LIMIT + 20)
    known = truths(item[0] for item in samples(source) if not isinstance(item, Rejected))
    with ModelServer(mind(known), models=MODELS, latency=0.02) as running:
        yield running


def command(
    server: ModelServer,
    store: Path,
    *more: str,
    limit: int = LIMIT,
    source: str = "figures?size=320x240",
    options: str = "seed=true",
) -> list[str]:
    roles = {"captioner": "eyes", "reasoner": "thinker", "rewriter": "editor", "judge": "judge"}
    teachers = [f"--teacher={role}=fake@{server.url}?{options}#{model}" for role, model in roles.items()]
    limits = [] if limit == 0 else [f"--limit={limit}"]
    return [
        sys.executable, "-m", "flows.cli", "run", "vlaa-thinking", f"--source={source}", *limits, *teachers,
        f"--store={store}", "--set", "draws=3", "--no-prefect", "--quiet", *more,
    ]  # fmt: skip


def run(server: ModelServer, store: Path, *more: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(server, store, *more, **changes), cwd=ROOT, capture_output=True, text=True, check=False
    )


def funnel(store: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (
        Store.open(store, create=False)
        .query("select * exclude (recipe, run_id) from funnel order by step_no")
        .to_pylist()
    )
    return rows


def adds_up(rows: list[dict[str, Any]]) -> None:
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        assert row["input"] == row["kept"] + row["dropped"] + row["failed"] + row["pending"], row
        assert row["dropped"] == sum(orjson.loads(row["dropped_by_reason"]).values()), row
        assert row["failed"] == sum(orjson.loads(row["failed_by_reason"]).values()), row
        assert following is None or following["input"] == row["kept"], row


def asked(server: ModelServer) -> int:
    return len(server.requests)


@pytest.fixture(scope="module")
def finished(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("finished") / "store"
    done = run(server, store)
    assert done.returncode == 0, done.stderr
    return store


def test_the_funnel_accounts_for_every_row(finished: Path) -> None:
    rows = funnel(finished)
    assert [row["step"] for row in rows] == [
        "intake",
        "dedup",
        "caption",
        "distill",
        "rewrite",
        "verify",
        "cues",
        "split",
    ]
    assert rows[0]["input"] == LIMIT
    adds_up(rows)
    assert rows[-1]["kept"] > LIMIT // 2


def test_both_splits_are_filled_and_disjoint_by_image(finished: Path) -> None:
    store = Store.open(finished)
    rows = store.query(
        "select split, count(*) n from splits where split <> 'none' group by split order by split"
    ).to_pylist()
    assert [row["split"] for row in rows] == ["rl", "sft"]
    shared = store.query(
        "select samples.image from splits join samples using (sample_id) where split <> 'none' "
        "group by samples.image having count(distinct split) > 1"
    )
    assert shared.num_rows == 0


def test_the_reasoner_is_never_sent_the_answer(finished: Path) -> None:
    store = Store.open(finished)
    rows = store.query("select solution from samples where solution <> ''").to_pylist()
    lines = {line for row in rows for line in row["solution"].splitlines() if "answer" in line}
    requests = store.query("select request from calls where model = 'thinker'").to_pylist()
    sent = [message["content"] for row in requests for message in orjson.loads(row["request"])["messages"]]
    assert len(lines) > 10
    assert len(sent) > 10
    assert any("Question:" in text for text in sent)
    assert [line for line in lines for text in sent if line in text] == []


def test_running_again_makes_no_call_whatever_the_batch_size(server: ModelServer, finished: Path) -> None:
    before, rows = asked(server), funnel(finished)
    for more in ([], ["--batch=7"], ["--batch=1000"]):
        assert run(server, finished, *more).returncode == 0
        assert funnel(finished) == rows
    assert asked(server) == before


def test_a_pass_rate_names_its_model_k_temperature_and_verifier(finished: Path) -> None:
    [row] = Store.open(finished).query("select * from pass_rates order by k desc limit 1").to_pylist()
    assert (row["model"], row["temperature"], row["verifier"]) == ("thinker", 0.6, "rule_first")
    assert 0 <= row["correct"] <= row["k"] <= 3
    assert row["low"] <= row["correct"] / row["k"] <= row["high"]


def test_one_word_of_the_rewrite_prompt_asks_the_editor_again_and_nobody_else(
    server: ModelServer, tmp_path: Path
) -> None:
    store, prompt = tmp_path / "store", tmp_path / "rewrite.txt"
    assert run(server, store).returncode == 0
    text = (ROOT / "curation/prompts/vlaa_thinking/rewrite.txt").read_text(encoding="utf-8")
    prompt.write_text(text.replace("careful", "patient"), encoding="utf-8")
    before = asked(server)
    assert run(server, store, f"--prompt=rewrite={prompt}").returncode == 0
    again = server.requests[before:]
    assert again
    assert {request["model"] for request in again} <= {"editor", "judge"}


def test_appended_rows_make_calls_for_themselves_alone(server: ModelServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert run(server, store).returncode == 0
    before = asked(server)
    assert run(server, store, limit=LIMIT + 10).returncode == 0
    new = asked(server) - before
    captions = sum(request["model"] == "eyes" for request in server.requests[before:])
    assert 0 < captions <= 10
    assert new <= 10 * (1 + 3 * 3)
    assert funnel(store)[0]["input"] == LIMIT + 10


def test_a_hundred_rows_appended_to_a_thousand_are_the_only_ones_asked_about_in_any_order(tmp_path: Path) -> None:
    """Rows without ids, so that nothing but their content names them; the fourth run has them shuffled."""
    file, store = tmp_path / "rows.jsonl", tmp_path / "store"
    known = [Truth(f"How many dots are in picture {i}?", str(i % 10)) for i in range(1100)]
    rows = []
    for i, truth in enumerate(known):
        draw_picture(i).save(tmp_path / f"{i}.png")
        rows.append(orjson.dumps({"image": f"{i}.png", "question": truth.marker, "answer": truth.answer}))
    with ModelServer(mind(known), models=MODELS) as server:

        def calls_for(order: list[bytes], *more: str, **changes: Any) -> list[Any]:
            file.write_bytes(b"\n".join(order))
            before = asked(server)
            done = run(server, store, *more, source=f"jsonl:{file}", limit=0, **changes)
            assert done.returncode == 0, done.stderr
            return server.requests[before:]

        assert len(calls_for(rows[:1000])) >= 2000
        appended = calls_for(rows)
        assert sum(request["model"] == "eyes" for request in appended) == 100
        old = {truth.marker for truth in known[:1000]}
        assert [r for r in appended for line in text_of(r).splitlines() if line in old] == []
        whole = funnel(store)
        assert whole[0]["input"] == 1100
        shuffled = random.Random(5).sample(rows, len(rows))
        assert calls_for(shuffled, "--batch=33", options="seed=true&concurrency=3") == []
        assert funnel(store) == whole


def test_accepted_stops_at_exactly_that_many(server: ModelServer, tmp_path: Path) -> None:
    done = run(server, tmp_path / "store", "--accepted=7", "--json", limit=0)
    assert done.returncode == 0, done.stderr
    rows = funnel(tmp_path / "store")
    adds_up(rows)
    assert next(row for row in rows if row["step"] == "verify")["kept"] == 7
    assert sum(row["pending"] for row in rows) == 0


def test_killed_ten_times_the_run_ends_as_if_nothing_happened(
    server: ModelServer, finished: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    begin = asked(server)
    for attempt in range(10):
        process = subprocess.Popen(
            command(server, store), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and asked(server) - begin < 9 * (attempt + 1):
            time.sleep(0.01)
        process.kill()
        process.wait()
    done = run(server, store)
    assert done.returncode == 0, done.stderr
    assert funnel(store) == funnel(finished)
    twice = Store.open(store).query("select key from raw_calls where status = 'ok' group by key having count(*) > 1")
    assert twice.num_rows == 0


def test_a_call_budget_stops_before_the_call_that_would_pass_it(server: ModelServer, tmp_path: Path) -> None:
    before = asked(server)
    done = run(server, tmp_path / "store", "--max-calls=25")
    assert (done.returncode, asked(server) - before) == (1, 25)
    assert "--max-calls" in done.stderr
    assert "Traceback" not in done.stderr
    assert run(server, tmp_path / "store").returncode == 0


@pytest.mark.parametrize(
    ("change", "says", "code"),
    [
        (["--set", "drawz=2"], "did you mean 'draws'", 2),
        (["--set", "draws=many"], "must be int", 2),
        (["--map", "image"], "--map", 2),
        (["--source", "json:nowhere.json"], "nowhere.json", 2),
        (["--source", "figurs"], "figures", 2),
        (["--prompt", "rewrite=nowhere.txt"], "nowhere.txt", 2),
        (["--prompt", "split=x.txt"], "these have", 2),
        (["--limit", "0"], "--limit", 2),
    ],
)
def test_bad_use_stops_before_the_first_call_with_one_line(
    server: ModelServer, tmp_path: Path, change: list[str], says: str, code: int
) -> None:
    before = asked(server)
    done = run(server, tmp_path / "store", *change)
    assert (done.returncode, asked(server)) == (code, before), done.stderr
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unreachable_endpoint_and_an_unknown_model_stop_the_run(server: ModelServer, tmp_path: Path) -> None:
    base = [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        "vlaa-thinking",
        "--source=figures",
        "--limit=4",
        "--no-prefect",
        "--quiet",
        f"--store={tmp_path / 's'}",
    ]
    dead = subprocess.run(
        [*base, "--teacher=http://127.0.0.1:9/v1#m"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (dead.returncode, len(dead.stderr.strip().splitlines())) == (1, 1)
    assert "127.0.0.1:9" in dead.stderr
    keyless = subprocess.run(
        [*base, "--teacher=https://example.invalid/v1#m"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin"},
    )
    assert keyless.returncode == 2
    assert "OPENAI_API_KEY" in keyless.stderr


def test_the_result_as_json_holds_the_funnel(server: ModelServer, finished: Path) -> None:
    done = run(server, finished, "--json")
    data = orjson.loads(done.stdout)
    assert data["event"] == "finished"
    assert data["funnel"][0]["step"] == "intake"
