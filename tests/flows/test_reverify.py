"""Re-verifying published corpora, from the command line to the views that distilled samples are read in."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from storage.store import Store
from tests.curation.published import DATA, draw, unpacked
from tests.fakes.model_server import ModelServer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("published") / "images")


def reverify(source: str, store: Path, *more: str) -> int:
    return main(["run", "reverify", "--source", source, "--store", str(store), "--no-prefect", "--quiet", *more])


def corpus(store: Path, sql: str = "select * from corpus order by position") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = Store.open(store, create=False).query(sql).to_pylist()
    return rows


def fixture(scheme: str, name: str, images: Path) -> str:
    return f"{scheme}:{DATA / name}?images={images}"


def test_an_imported_trace_stands_where_a_distilled_one_does(tmp_path: Path, images: Path) -> None:
    assert reverify(fixture("vlaa-thinking", "vlaa_thinking_v1.json", images), tmp_path / "store") == 0
    rows = {row["sample_id"]: row for row in corpus(tmp_path / "store")}
    cubes = rows["clevr_math-CLEVR_train_000012.png"]
    assert cubes["caption"] == "Five solids stand on a grey plane; one is a large blue cube."
    assert cubes["trace"].startswith("<think>\nI see five objects")
    assert cubes["rewrite"] == cubes["trace"]
    assert (cubes["verdict"], cubes["verified"], cubes["split"]) == ("correct", True, "rl")
    assert json.loads(cubes["cues"]) == {"wait": 1, "again": 1, "check": 1}
    assert rows["synthesis-17"]["split"] == "sft"
    assert rows["clevr_math-empty-chain"]["reason"] == "think_empty"
    assert rows["allava_laion-allava-allava_laion_77"]["reason"] == "judge_missing"


@pytest.mark.slow
def test_through_prefect_nobody_is_asked_either(tmp_path: Path, images: Path) -> None:
    source = fixture("vlaa-thinking", "vlaa_thinking_v1.json", images)
    command = ["run", "reverify", "--source", source, "--store", str(tmp_path / "store"), "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *command], capture_output=True, text=True, cwd=ROOT, check=False,
        env={**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [row["reason"] for row in corpus(tmp_path / "store") if row["left_at"] == "verify"] == ["judge_missing"]


def test_a_reference_taken_from_the_trace_is_never_called_right(tmp_path: Path, images: Path) -> None:
    source = fixture("vision-r1-cold", "vision_r1_llava_cot_full.json", images)
    assert reverify(source, tmp_path / "kept") == 0
    rows = corpus(tmp_path / "kept")
    assert [(row["verdict"], row["verdict_reason"], row["verified"]) for row in rows] == [
        ("undecided", "reference_from_trace", False)
    ] * 2
    assert [row["split"] for row in rows] == ["rl", "sft"]
    assert reverify(source, tmp_path / "dropped", "--set", "own_reference=drop") == 0
    assert {row["reason"] for row in corpus(tmp_path / "dropped")} == {"reference_from_trace"}


def test_wrong_untraced_and_repeated_rows_leave_with_their_reasons(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        draw(tmp_path / name)
    trace = "<think>\nI count {0}.\n</think>\n\n{0}"
    rows = [
        {"id": "vg-1", "image": "a.png", "question": "How many?", "gt": 3, "ds_answer": trace.format(3)},
        {"id": "vg-2", "image": "a.png", "question": "How many?", "gt": 3, "ds_answer": trace.format(3)},
        {"id": "vg-3", "image": "b.png", "question": "How many?", "gt": 3, "ds_answer": trace.format(4)},
        {"id": "vg-4", "image": "c.png", "question": "How many?", "gt": 3},
        {"id": "vg-5", "image": "none.png", "question": "How many?", "gt": 3, "ds_answer": trace.format(3)},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    assert reverify(f"vlaa-thinking:{file}", tmp_path / "store") == 0
    reasons = [row["reason"] for row in corpus(tmp_path / "store")]
    assert sorted(reasons[:2]) == ["", "exact_question"]
    assert reasons[2:] == ["wrong_answer", "trace_missing", "image_missing"]


def test_rows_without_a_trace_can_be_kept_and_then_train_by_rl_only(tmp_path: Path, images: Path) -> None:
    source = fixture("vlaa-thinking", "vlaa_thinking_grpo.jsonl", images)
    assert reverify(source, tmp_path / "store", "--set", "untraced=keep") == 0
    rows = {row["sample_id"]: row for row in corpus(tmp_path / "store")}
    box = rows["coco-5"]
    assert (box["split"], box["verdict"], box["verdict_reason"]) == ("rl", "undecided", "trace_missing")
    assert rows["arxivqa-q-7"]["split"] == "sft"


@pytest.fixture
def judge() -> Iterator[ModelServer]:
    with ModelServer(lambda request: "Yes.", models=("judge",)) as running:
        yield running


def test_a_judge_is_asked_where_the_rules_cannot_tell(tmp_path: Path, images: Path, judge: ModelServer) -> None:
    teacher = f"--teacher=judge=fake@{judge.url}#judge"
    assert reverify(fixture("vlaa-thinking", "vlaa_thinking_v1.json", images), tmp_path / "store", teacher) == 0
    judged = [row for row in corpus(tmp_path / "store") if row["verdict_by"] == "judge"]
    assert [(row["source"], row["verified"], row["calls"]) for row in judged] == [("allava_laion", True, 1)]


def test_leaking_traces_are_kept_and_told_unless_they_are_to_be_dropped(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    trace = "<think>\nThe description says three.\n</think>\n\n3"
    file = tmp_path / "rows.json"
    file.write_text(json.dumps([{"id": "vg-1", "image": "a.png", "question": "n?", "gt": 3, "ds_answer": trace}]))
    assert reverify(f"vlaa-thinking:{file}", tmp_path / "store") == 0
    leaks = "select value->>'$.leaks[0]' as leak from latest_outcomes where step = 'rewrite'"
    assert corpus(tmp_path / "store", leaks) == [{"leak": "The description"}]
    assert reverify(f"vlaa-thinking:{file}", tmp_path / "other", "--set", "remaining_leaks=drop") == 0
    assert [row["reason"] for row in corpus(tmp_path / "other")] == ["leak_remains"]


def test_bad_use_is_one_line_before_anything_is_stored(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reverify(fixture("wethink", "mulberry_sft.json", images), tmp_path / "store") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "fit mulberry" in said
