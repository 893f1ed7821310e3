"""WeThink end to end, scripted: rows made of rows, a funnel that accounts for both, nothing paid twice."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from storage.store import Store
from tests.fakes import mind_wethink
from tests.fakes.model_server import ModelServer

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 30
ROLES = {
    "captioner": "eyes", "viewer": "eyes", "reasoner": "thinker", "rewriter": "editor", "judge": "judge",
    "adjudicator": "referee",
}  # fmt: skip
TABMWP = Path("/work/shared/data/tabmwp/problems.json")


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer(mind_wethink.reply, models=mind_wethink.MODELS, latency=0.01) as running:
        yield running


def command(
    server: ModelServer,
    store: Path,
    *more: str,
    source: str = "figures?size=320x240",
    without: str = "",
    limit: int = LIMIT,
) -> list[str]:
    roles = {role: model for role, model in ROLES.items() if role != without}
    teachers = [f"--teacher={role}=fake@{server.url}?seed=true#{model}" for role, model in roles.items()]
    return [
        sys.executable, "-m", "flows.cli", "run", "wethink", f"--source={source}", *teachers, f"--store={store}",
        *([f"--limit={limit}"] if limit else []), "--no-prefect", "--quiet", *more,
    ]  # fmt: skip


def run(server: ModelServer, store: Path, *more: str, **changes: Any) -> None:
    done = subprocess.run(
        command(server, store, *more, **changes), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def rows(store: Path, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Store.open(store, create=False).query(sql).to_pylist()
    return found


def funnel(store: Path) -> list[dict[str, Any]]:
    return rows(store, "select * exclude (recipe, run_id) from funnel order by step_no")


def adds_up(steps: list[dict[str, Any]]) -> None:
    for row, following in zip(steps, [*steps[1:], None], strict=True):
        gone = row["dropped"] + row["failed"] + row["pending"] + row["expanded"]
        assert row["input"] + row["born"] == row["kept"] + gone, row
        assert row["dropped"] == sum(orjson.loads(row["dropped_by_reason"]).values()), row
        assert following is None or following["input"] == row["kept"], row


@pytest.fixture(scope="module")
def finished(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("finished") / "store"
    run(server, store)
    return store


def test_the_funnel_accounts_for_parents_and_for_the_rows_made_of_them(finished: Path) -> None:
    steps = funnel(finished)
    adds_up(steps)
    made = next(step for step in steps if step["step"] == "synthesize")
    assert steps[0]["input"] == LIMIT
    assert 0 < made["expanded"] < made["born"]
    assert made["expanded"] + orjson.loads(made["dropped_by_reason"]).get("question_none", 0) == made["input"]
    assert steps[-1]["kept"] > LIMIT // 2


def test_children_share_their_parents_picture_and_name_it(finished: Path) -> None:
    strays = rows(
        finished,
        "select c.sample_id from samples c left join samples p on p.sample_id = c.parent "
        "where c.parent <> '' and (p.image is distinct from c.image or not starts_with(c.sample_id, c.parent || '#'))",
    )
    assert strays == []
    assert rows(finished, "select count(*) as n from samples where parent <> ''")[0]["n"] > LIMIT


def test_every_kept_row_has_an_answer_two_teachers_or_the_third_stand_for(finished: Path) -> None:
    kept = rows(finished, "select * from made_questions where fate = 'kept'")
    assert {row["answer_by"] for row in kept} == {"agreement", "adjudication"}
    assert all(row["agreed"] == (row["answer_by"] == "agreement") for row in kept)
    assert {row["category"]: row["reward"] for row in kept} == {"MC": "rule", "FIB": "rule", "DES": "model"}
    assert all("Reasoning" in row["abilities"] and len(orjson.loads(row["abilities"])) > 1 for row in kept)


def test_agreement_by_type_and_by_pair_of_abilities_adds_up_to_all(finished: Path) -> None:
    found = rows(finished, "select * from agreement")
    [whole] = [row for row in found if row["per"] == "all"]
    for name in ("made", "unusable", "compared", "agreed", "adjudicated", "kept"):
        assert sum(row[name] for row in found if row["per"] == "type") == whole[name], name
    assert whole["agreed"] + whole["adjudicated"] == whole["compared"]
    assert "Math + OCR" in {row["what"] for row in found if row["per"] == "abilities"}


def test_running_again_makes_no_call_whatever_the_batch_size(server: ModelServer, finished: Path) -> None:
    before, steps = len(server.requests), funnel(finished)
    for more in ([], ["--batch=5"]):
        run(server, finished, *more)
        assert funnel(finished) == steps
    assert len(server.requests) == before


def test_appended_rows_make_calls_for_themselves_alone(server: ModelServer, tmp_path: Path) -> None:
    run(server, tmp_path / "store", limit=8)
    before = rows(tmp_path / "store", "select sample_id, sample_key from fates where fate = 'kept' order by all")
    seen = len(server.requests)
    run(server, tmp_path / "store", limit=11)
    again = server.requests[seen:]
    assert sum(request["model"] == "eyes" and "cannot see it" in str(request) for request in again) == 3
    after = rows(tmp_path / "store", "select sample_id, sample_key from fates where fate = 'kept' order by all")
    assert all(row in after for row in before)


def test_a_changed_answer_prompt_asks_for_answers_again_and_for_no_question(
    server: ModelServer, tmp_path: Path
) -> None:
    store, prompt = tmp_path / "store", tmp_path / "answer.txt"
    run(server, store, limit=8)
    text = (ROOT / "curation/prompts/wethink/answer_image.txt").read_text(encoding="utf-8")
    prompt.write_text(text.replace("inner monologue", "quiet inner monologue"), encoding="utf-8")
    seen = len(server.requests)
    run(server, store, f"--prompt=answer_image={prompt}", limit=8)
    again = server.requests[seen:]
    assert again
    assert not [r for r in again if "Proposals" in str(r.get("response_format")) or r["model"] == "thinker"]


def test_killed_ten_times_the_run_ends_as_if_nothing_happened(
    server: ModelServer, finished: Path, tmp_path: Path
) -> None:
    store, begin = tmp_path / "store", len(server.requests)
    for attempt in range(10):
        process = subprocess.Popen(
            command(server, store), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and len(server.requests) - begin < 40 * (attempt + 1):
            time.sleep(0.005)
        process.kill()
        process.wait()
    run(server, store)
    assert funnel(store) == funnel(finished)
    assert rows(store, "select key from raw_calls where status = 'ok' group by key having count(*) > 1") == []


def test_without_an_adjudicator_disagreements_are_dropped_with_their_reason(
    server: ModelServer, finished: Path, tmp_path: Path
) -> None:
    run(server, tmp_path / "store", without="adjudicator")
    settle = next(step for step in funnel(tmp_path / "store") if step["step"] == "settle")
    [whole] = rows(finished, "select compared - agreed as n from agreement where per = 'all'")
    assert orjson.loads(settle["dropped_by_reason"]) == {"answers_disagree": whole["n"]}


def test_accepted_is_refused_before_the_first_call(server: ModelServer, tmp_path: Path) -> None:
    before = len(server.requests)
    done = subprocess.run(
        command(server, tmp_path / "store", "--accepted=7"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--accepted = 7: synthesize makes many rows of one; give --limit N source rows" in done.stderr
    assert len(server.requests) == before


@pytest.mark.skipif(not TABMWP.exists(), reason="the shared data is not here")
def test_real_tables_run_end_to_end(server: ModelServer, tmp_path: Path) -> None:
    maps = ["--map", "id={key}", "--map", "image='images/{key}.png'"]
    run(server, tmp_path / "store", *maps, source=f"json:{TABMWP}", limit=20)
    adds_up(funnel(tmp_path / "store"))
    assert funnel(tmp_path / "store")[-1]["kept"] > 5
