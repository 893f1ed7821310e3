"""Vision-R1-cold against scripted teachers that make the mistakes its filters are for: funnel, resuming, exports."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image

from curation.answers import parse
from curation.exports.vision_r1 import COLD, row_of
from curation.intake import samples
from curation.recipes import settings_of
from curation.records import Rejected
from curation.sources import open_source
from flows.cues import STATISTICS
from storage.query import read_only
from storage.store import Store
from tests.benchmarks.pipeline import draw_picture
from tests.fakes.bridging_mind import MODELS, TOLD, asked_truths, bridging_mind
from tests.fakes.mind import Truth, text_of
from tests.fakes.model_server import ModelServer

ROOT = Path(__file__).resolve().parents[2]
TABMWP = ROOT.parent / "shared" / "data" / "tabmwp"
FIGURES = "figures?size=320x240"
LIMIT = 60
STEPS = [
    "intake",
    "dedup",
    "pseudo_cot",
    "caption",
    "distill",
    "verify",
    "logic",
    "rewrite",
    "assemble",
    "cues",
    "split",
]


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    source = open_source(FIGURES, limit=LIMIT)
    known = asked_truths(item[0] for item in samples(source) if not isinstance(item, Rejected))
    with ModelServer(bridging_mind(known), models=MODELS, latency=0.02) as running:
        yield running


def command(server: ModelServer, store: Path, *more: str, source: str = FIGURES, limit: int = LIMIT) -> list[str]:
    roles = {"captioner": "eyes", "reasoner": "thinker", "judge": "judge"}
    teachers = [f"--teacher={role}=fake@{server.url}?seed=true#{model}" for role, model in roles.items()]
    return [
        sys.executable, "-m", "flows.cli", "run", "vision-r1-cold", f"--source={source}", f"--limit={limit}", *teachers,
        f"--store={store}", "--no-prefect", "--quiet", *more,
    ]  # fmt: skip


def run(server: ModelServer, store: Path, *more: str, **changes: Any) -> list[dict[str, Any]]:
    """The requests that the run made of the server."""
    before = len(server.requests)
    done = subprocess.run(
        command(server, store, *more, **changes), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return server.requests[before:]


def rows(store: Path, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Store.open(store, create=False).query(sql).to_pylist()
    return found


def funnel(store: Path) -> list[dict[str, Any]]:
    return rows(store, "select * exclude (recipe, run_id) from funnel order by step_no")


def adds_up(found: list[dict[str, Any]]) -> None:
    for row, following in zip(found, [*found[1:], None], strict=True):
        assert row["input"] == row["kept"] + row["dropped"] + row["failed"] + row["pending"], row
        assert row["dropped"] == sum(orjson.loads(row["dropped_by_reason"]).values()), row
        assert row["failed"] == sum(orjson.loads(row["failed_by_reason"]).values()), row
        assert following is None or following["input"] == row["kept"], row


@pytest.fixture(scope="module")
def finished(server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("finished") / "store"
    run(server, store)
    return store


def test_the_funnel_accounts_for_every_row_and_names_each_mistake(finished: Path) -> None:
    found = funnel(finished)
    assert [row["step"] for row in found] == STEPS
    assert found[0]["input"] == LIMIT
    adds_up(found)
    lost = {
        row["step"]: {*orjson.loads(row["dropped_by_reason"]), *orjson.loads(row["failed_by_reason"])} for row in found
    }
    assert lost["pseudo_cot"] >= {"pseudo_cot_incomplete", "reply_refusal"}
    assert lost["caption"] & {"reply_refusal", "reply_empty", "description_answers"}
    assert lost["distill"] & {"think_missing", "reply_truncated", "reply_empty", "language_unexpected"}
    assert lost["logic"] & {"answer_leak", "says_missing", "conclusion_differs", "trace_loops"}
    assert found[-1]["kept"] > LIMIT // 4


def test_kept_rows_are_one_think_and_one_answer_block_with_the_right_answer(finished: Path) -> None:
    kept = rows(
        finished,
        "select o.value, c.reference, c.kind from outcomes o join corpus c using (sample_id) "
        "where o.step = 'assemble' and o.status = 'ok' and c.fate = 'kept'",
    )
    assert len(kept) > LIMIT // 4
    for row in kept:
        made = orjson.loads(row["value"])
        parsed = parse(made["response"])
        assert (parsed.faults, parsed.tagged) == ((), True)
        assert parsed.answer == f"Final Answer:{made['answer']}"
        assert not {"description", "caption"} & set(parsed.think.lower().split())
    exact = [row for row in kept if row["kind"] == "digit"]
    assert exact
    assert all(orjson.loads(row["value"])["answer"] == row["reference"] for row in exact)


def test_the_captioner_is_shown_pictures_and_the_reasoner_none(server: ModelServer, finished: Path) -> None:
    shown = {
        (request["model"], part["type"])
        for request in server.requests
        for message in request["messages"]
        if not isinstance(message["content"], str)
        for part in message["content"]
    }
    assert finished.is_dir()
    assert shown == {("eyes", "text"), ("eyes", "image_url")}
    assert any(request["model"] == "thinker" for request in server.requests)


def test_running_again_makes_no_call(server: ModelServer, finished: Path) -> None:
    before = funnel(finished)
    assert run(server, finished, "--batch=7") == []
    assert funnel(finished) == before


def test_killed_the_run_ends_the_same_without_a_second_call(
    server: ModelServer, finished: Path, tmp_path: Path
) -> None:
    store, begin = tmp_path / "store", len(server.requests)
    for attempt in range(3):
        process = subprocess.Popen(
            command(server, store), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and len(server.requests) - begin < 25 * (attempt + 1):
            time.sleep(0.01)
        process.kill()
        process.wait()
    run(server, store)
    assert funnel(store) == funnel(finished)
    assert rows(store, "select key from raw_calls where status = 'ok' group by key having count(*) > 1") == []


def test_a_word_of_the_reasoning_prompt_asks_the_reasoner_again_and_nobody_who_came_before(
    server: ModelServer, tmp_path: Path
) -> None:
    store, prompt = tmp_path / "store", tmp_path / "reason.txt"
    run(server, store)
    text = (ROOT / "curation/prompts/vision_r1_cold/reason.txt").read_text(encoding="utf-8")
    prompt.write_text(text.replace("Follow it closely", "Follow it carefully"), encoding="utf-8")
    again = run(server, store, f"--prompt=distill={prompt}")
    asked = Counter(request["model"] for request in again)
    assert asked["thinker"] == rows(store, "select kept from funnel where step = 'caption'")[0]["kept"]
    assert asked["eyes"] == 0


def test_the_answer_reaches_the_reasoner_only_when_the_setting_says_so(tmp_path: Path) -> None:
    known = [Truth(f"How many dots are in picture {i}?", str(70_000 + i)) for i in range(12)]
    lines = []
    for i, truth in enumerate(known):
        draw_picture(i).save(tmp_path / f"{i}.png")
        lines.append(orjson.dumps({"image": f"{i}.png", "question": truth.marker, "answer": truth.answer}))
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(lines))
    source = f"jsonl:{tmp_path / 'rows.jsonl'}"
    with ModelServer(bridging_mind(known), models=MODELS) as server:
        told = run(server, tmp_path / "told", source=source)
        blind = run(server, tmp_path / "blind", "--set", "r1_sees_answer=false", source=source)

    def shown(requests: list[dict[str, Any]]) -> list[str]:
        texts = [text_of(request) for request in requests if request["model"] == "thinker"]
        assert len(texts) > 6
        return [text for text in texts if TOLD in text or any(truth.answer in text for truth in known)]

    assert len(shown(told)) == sum(request["model"] == "thinker" for request in told)
    assert shown(blind) == []
    [rate] = rows(tmp_path / "told", "select distinct verifier from pass_rates")
    assert "told the answer" in rate["verifier"]
    assert rows(tmp_path / "blind", "select distinct verifier from pass_rates") == [{"verifier": "rule_first"}]


@pytest.mark.skipif(not TABMWP.is_dir(), reason="the development data is not beside this checkout")
def test_real_tables_with_their_own_solutions_make_rows_in_both_published_styles(tmp_path: Path) -> None:
    source = f"json:{TABMWP / 'problems.json'}"
    mapped = ["--map", "image=images/{key}.png", "--map", "options=choices"]
    problems = orjson.loads((TABMWP / "problems.json").read_bytes())
    known = [Truth(problem["question"], problem["answer"]) for problem in problems.values()]
    with ModelServer(bridging_mind(known), models=MODELS) as server:
        asked = run(server, tmp_path / "s", *mapped, "--set", "source_solutions=use", source=source, limit=40)
    assert not [request for request in asked if "<caption>" in text_of(request)], (
        "the sources' solutions saved the calls"
    )
    adds_up(funnel(tmp_path / "s"))
    kept = rows(
        tmp_path / "s",
        "select c.*, o.value as made from corpus c join outcomes o using (sample_id) "
        "where o.step = 'assemble' and o.status = 'ok' and c.split = 'sft'",
    )
    assert len(kept) > 5
    for row in kept:
        given = row_of(
            {**row, "options": orjson.loads(row["options"])}, orjson.loads(row["made"]), f"{row['image']}.png"
        )
        styles = {name: make(given) for name, make in COLD.items()}
        assert set(styles["llava_cot"]) == {"id", "image", "conversations"}
        assert set(styles["mulberry"]) == {"images", "conversations"}
        assert all(parse(made["conversations"][1]["value"]).faults == () for made in styles.values())


def test_the_reflection_of_kept_traces_is_counted_and_drawn(finished: Path, tmp_path: Path) -> None:
    base = [sys.executable, "-m", "flows.cli", "cues", f"--store={finished}"]
    done = subprocess.run(
        [*base, "--json", f"--out={tmp_path / 'cues.png'}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = {row["cue"]: row for row in orjson.loads(done.stdout)}
    traces = rows(finished, "select lower(rewrite) as text from corpus where fate = 'kept'")
    with_wait = [row for row in traces if "wait" in row["text"]]
    assert len(found) == 12
    assert with_wait
    assert found["wait"]["rows_with_cue"] == len(with_wait)
    assert found["wait"]["row_share"] == pytest.approx(len(with_wait) / len(traces), abs=1e-4)
    assert found["on second thought"]["occurrences"] == 0
    with Image.open(tmp_path / "cues.png") as drawn:
        assert drawn.size[0] == 900
        assert len(drawn.convert("RGB").getcolors(1 << 20) or []) > 4
    lost = subprocess.run([*base, "--recipe=wethnk"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (lost.returncode, len(lost.stderr.strip().splitlines())) == (2, 1)


def test_the_documented_query_is_the_one_that_runs(finished: Path) -> None:
    page = (ROOT / "docs" / "vision-r1-cold.md").read_text(encoding="utf-8")
    assert f"```sql\n{STATISTICS.strip()}\n```" in page
    found = read_only(Store.open(finished, create=False), STATISTICS).to_pylist()
    assert {"recipe", "cue", "occurrences", "rows_with_cue", "rows", "row_share", "per_row"} == set(found[0])


def test_the_page_names_every_setting_of_the_recipe() -> None:
    page = (ROOT / "docs" / "vision-r1-cold.md").read_text(encoding="utf-8")
    told = {"draws", "stop", "captioner_model", "reasoner_model", "seed"}
    assert [name for name in settings_of("vision-r1-cold") if name not in told and f"`{name}" not in page] == []
