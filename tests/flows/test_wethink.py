"""WeThink end to end, scripted: rows made of rows, a funnel that accounts for both, nothing paid twice."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from curation.answers import parse
from curation.exports.wethink import FIELDS
from curation.intake import samples
from curation.reasons import REASONS
from curation.records import Rejected
from curation.sources import open_source
from flows.cli import main
from flows.export import Export, export
from storage.store import Store
from tests.fakes import mind_wethink
from tests.fakes.model_server import ModelServer

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 20
ROLES = {
    "captioner": "eyes", "viewer": "eyes", "reasoner": "thinker", "rewriter": "editor", "judge": "judge",
    "adjudicator": "referee",
}  # fmt: skip
TABMWP = ROOT.parent / "shared" / "data" / "tabmwp" / "problems.json"


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
    """In this process, which saves the seconds that starting another one takes."""
    assert main(command(server, store, *more, **changes)[3:]) == 0


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


def test_the_report_adds_up_and_tells_the_rates_by_type_and_pair(finished: Path, tmp_path: Path) -> None:
    assert main(["report", "wethink", f"--store={finished}", f"--out={tmp_path}", "--no-plots"]) == 0
    report, text = orjson.loads((tmp_path / "report.json").read_bytes()), (tmp_path / "report.md").read_text()
    totals = report["totals"]
    assert totals["samples"] == sum(totals[name] for name in ("kept", "dropped", "failed", "pending"))
    assert sum(row["samples"] for row in report["sources"]) == totals["samples"]
    assert f"{totals['expanded']} rows of the source became questions" in text
    assert {row["per"] for row in report["agreement"]} == {"all", "type", "abilities"}
    assert "## Made questions" in text
    assert "Math + OCR" in text


def test_running_again_makes_no_call_whatever_the_batch_size(server: ModelServer, finished: Path) -> None:
    before, steps = len(server.requests), funnel(finished)
    for more in ([], ["--batch=5"]):
        run(server, finished, *more)
        assert funnel(finished) == steps
    assert len(server.requests) == before


def copied(store: Path, folder: Path, count: int) -> list[Path]:
    """The first pictures of a store as files of a folder."""
    sql = f"select image, format from samples where parent = '' order by sample_id limit {count}"
    given = [Store.open(store, create=False).image_path(row["image"], row["format"]) for row in rows(store, sql)]
    return [Path(shutil.copy(path, folder / f"{number}{path.suffix}")) for number, path in enumerate(given)]


def test_another_order_and_batch_size_make_the_same_questions_under_the_same_ids(
    server: ModelServer, finished: Path, tmp_path: Path
) -> None:
    lines = [orjson.dumps({"id": path.stem, "image": path.name}) for path in copied(finished, tmp_path, 8)]
    made = []
    for name, order, batch in (("a", lines, 64), ("b", lines[::-1], 3)):
        (tmp_path / "rows.jsonl").write_bytes(b"\n".join(order))
        run(server, tmp_path / name, f"--batch={batch}", source=f"jsonl:{tmp_path / 'rows.jsonl'}", limit=0)
        made.append(rows(tmp_path / name, "select sample_id, sample_key, fate, reason from made_questions order by 1"))
    assert made[0] == made[1]
    assert len(made[0]) > 8


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


def test_killed_again_and_again_the_run_ends_as_if_nothing_happened(
    server: ModelServer, finished: Path, tmp_path: Path
) -> None:
    store, begin, killed = tmp_path / "store", len(server.requests), 0
    for wanted in (40, 100, 180):  # requests: while questions are made, as they are checked, as they are answered
        process = subprocess.Popen(
            command(server, store), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and len(server.requests) - begin < wanted:
            time.sleep(0.005)
        killed += process.poll() is None
        process.kill()
        process.wait()
    run(server, store)
    assert killed == 3
    assert funnel(store) == funnel(finished)
    made = "select sample_id, sample_key, fate, reason, answer from made_questions order by all"
    assert rows(store, made) == rows(finished, made)
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


@pytest.fixture(scope="module")
def exported(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an export in the published layout."""
    folder = tmp_path_factory.mktemp("exported") / "out"
    export(Export(format="wethink", folder=str(folder), store=str(finished)))
    [file] = folder.glob("*.jsonl")
    return file


def read_back(file: Path, cache: Path) -> Any:
    from datasets import load_dataset

    return load_dataset("json", data_files=str(file), split="train", cache_dir=str(cache))


def test_the_published_layout_loads_with_its_columns_and_pictures(
    finished: Path, exported: Path, tmp_path: Path
) -> None:
    from datasets import Image

    back = read_back(exported, tmp_path)
    assert tuple(back.column_names) == FIELDS
    kept = rows(finished, "select * from made_questions where fate = 'kept' order by position")
    for row, question in zip(back, kept, strict=True):
        assert row["problem"].startswith(question["question"])
        assert (row["answer"], row["category"]) == (question["answer"], question["category"])
        assert row["abilities"] == orjson.loads(question["abilities"])
        assert row["reward"] == ("model" if row["category"] == "DES" else "rule")
        assert not {"<think>", "<answer>", "<image>"} & set(re.findall(r"<\w+>", row["refined_cot"]))
    assert {"\nA. Red\nB. Blue\nC. Green" in row["problem"] for row in back if row["category"] == "MC"} == {True}
    paths = [str(exported.parent / row["image_path"]) for row in back]
    pictures = back.add_column("image", paths).cast_column("image", Image())["image"]
    assert {picture.size for picture in pictures} == {(320, 240)}


def test_the_importer_of_the_published_file_reads_the_export_back(exported: Path, tmp_path: Path) -> None:
    back = list(read_back(exported, tmp_path))
    taken = [
        item[0]
        for item in samples(open_source(f"wethink:{exported}?images={exported.parent}"))
        if not isinstance(item, Rejected)
    ]
    assert [sample.reference for sample in taken] == [row["answer"] for row in back]
    assert [sample.meta["abilities"] for sample in taken] == [row["abilities"] for row in back]
    assert {parse(sample.solution).faults for sample in taken} == {()}


def test_rl_rows_for_a_trainer_carry_the_answers_that_were_agreed_on(finished: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    export(Export(format="easyr1", folder=str(tmp_path / "out"), store=str(finished)))
    back = load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    kept = rows(finished, "select answer from made_questions where fate = 'kept' order by position")
    assert [row["answer"] for row in back] == [row["answer"] for row in kept]
    assert all(row["problem"].count("<image>") == len(row["images"]) == 1 for row in back)


def test_pictures_alone_are_enough(server: ModelServer, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    copied(finished, tmp_path / "pictures", 5)
    run(server, tmp_path / "store", source=f"folder:{tmp_path / 'pictures'}", limit=0)
    steps = funnel(tmp_path / "store")
    adds_up(steps)
    assert (steps[0]["input"], steps[0]["kept"]) == (5, 5)
    assert steps[-1]["kept"] > 2


def hostile(request: Mapping[str, Any]) -> Any:
    """The usual mind, but what it proposes depends on the picture alone, and most of it is meant to do harm."""
    if "Proposals" not in str(request.get("response_format")):
        return mind_wethink.reply(request)
    good = {"question": "How many marks are red?", "type": "FIB", "options": [], "abilities": ["Reasoning", "OCR"]}
    bad: list[Any] = [
        {"questions": []},
        "x" * 200_000,
        {"questions": [good] * 40},
        {"questions": [{**good, "question": "<script>alert(1)</script> How many?"}, good]},
        {"questions": [good, good, {**good, "question": "how MANY marks are red"}]},
        {"questions": [{**good, "type": "MC"}, {**good, "question": "\x00"}, {**good, "question": "q" * 50_000}]},
        {"questions": [{**good, "abilities": ["Reasoning", "'; DROP TABLE samples; --"]}, {**good, "type": "../../x"}]},
    ]
    said = bad[mind_wethink.marks_told(mind_wethink.asked(request))[2] % len(bad)]
    return said if isinstance(said, str) else orjson.dumps(said).decode()


def test_hostile_proposals_end_with_a_reason_each_and_the_run_goes_on(tmp_path: Path) -> None:
    with ModelServer(hostile, models=mind_wethink.MODELS) as server:
        run(server, tmp_path / "store", limit=40)
    steps = funnel(tmp_path / "store")
    adds_up(steps)
    made = next(step for step in steps if step["step"] == "synthesize")
    codes = set(orjson.loads(made["dropped_by_reason"])) | set(orjson.loads(made["failed_by_reason"]))
    assert codes == {
        "question_none", "reply_too_long", "reply_not_schema", "markup_unexpected", "question_repeated",
        "options_malformed", "question_empty", "question_too_long", "ability_unknown", "question_type",
    }  # fmt: skip
    assert not codes & {"step_error"}
    assert codes <= REASONS.keys()


@pytest.mark.skipif(not TABMWP.exists(), reason="the shared data is not here")
def test_real_tables_run_end_to_end(server: ModelServer, tmp_path: Path) -> None:
    maps = ["--map", "id={key}", "--map", "image=images/{key}.png"]
    run(server, tmp_path / "store", *maps, source=f"json:{TABMWP}", limit=20)
    adds_up(funnel(tmp_path / "store"))
    assert funnel(tmp_path / "store")[-1]["kept"] > 5


def test_pictures_are_taken_in_whatever_their_questions_and_answers_are(
    server: ModelServer, finished: Path, tmp_path: Path
) -> None:
    kept = copied(finished, tmp_path, 4)
    odd: list[dict[str, Any]] = [
        {"answer": "E", "options": ["red", "blue"]}, {"options": "junk"}, {"answer": {"a": 1}},
        {"question": "x" * 30_000},
    ]  # fmt: skip
    lines = [orjson.dumps({"question": "Q?", "image": path.name, **more}) for path, more in zip(kept, odd, strict=True)]
    (tmp_path / "w.jsonl").write_bytes(b"\n".join(lines))
    run(server, tmp_path / "store", source=f"jsonl:{tmp_path / 'w.jsonl'}", limit=0)
    assert (funnel(tmp_path / "store")[0]["input"], funnel(tmp_path / "store")[0]["failed"]) == (4, 0)
