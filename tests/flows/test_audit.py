"""`vistill audit` on a store: findings kept, reported, reachable by SQL; a teacher asked through the ledger."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PilImage

from flows.audit import Audit, run
from flows.cli import main
from storage.query import read_only
from storage.store import Store
from tests.audited import fill, with_pictures
from tests.curation.planted import PLANTS, clean, planted
from tests.curation.published import draw
from tests.fakes.mind import text_of
from tests.fakes.model_server import ModelServer

ROOT = Path(__file__).resolve().parents[2]
ROWS = clean(200)


def audited(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", "audit", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def test_findings_are_kept_reported_and_reachable_by_the_sql_they_name(store: Store, tmp_path: Path) -> None:
    rows, named = planted("leftover_note", ROWS)
    fill(store, rows)
    done = audited("--store", str(store.root), "--out", str(tmp_path / "out"), "--fail-on", "serious")
    assert done.returncode == 1, done.stderr
    assert "serious  leftover_note" in done.stdout
    report = (tmp_path / "out" / "audit.md").read_text()
    assert "## serious: notes of an editor left in the trace" in report
    result = json.loads((tmp_path / "out" / "audit.json").read_text())
    [finding] = [f for f in result["findings"] if f["check"] == "leftover_note"]
    assert {row["sample_id"] for row in read_only(store, finding["sql"]).to_pylist()} == named
    assert "<h2" in (tmp_path / "out" / "audit.html").read_text()


def test_every_findings_sql_runs(store: Store) -> None:
    fill(store, planted("image_across_splits", ROWS)[0])
    result = run(store, Audit(), None)
    for finding in result["findings"]:
        shown = read_only(store, finding["sql"]).num_rows
        assert finding["check"] != "image_across_splits" or shown > 0


def test_the_sql_of_every_finding_shows_its_rows_and_no_others(store: Store) -> None:
    """Two samples share a question that is asked of many pictures, so a group by question would name them all."""
    rows = [*clean(120), *(replace(row, id=f"{row.id}-again") for row in ROWS[:3])]
    for check in PLANTS:
        if check not in ("licence_missing", "box_malformed"):
            rows = planted(check, rows, each=3)[0]
    sft, rl = ([r for r in rows if (r.split, r.kind) == (split, "digit")][-1] for split in ("sft", "rl"))
    asked = "In the shop that Mara opened last spring, how many red pears are left on the top shelf at noon?"
    rows = [replace(r, question=asked, reference="3") if r in (sft, rl) else r for r in rows]
    rows += [replace(next(r for r in rows if r.kind == "digit" and r.split == "sft"), id="clash", reference="77")]
    fill(store, rows)
    shown = [finding for finding in run(store, Audit(pictures=0), None)["findings"] if finding["rows"]]
    assert {"question_across_splits", "image_across_splits", "contradictory_answers"} <= {f["check"] for f in shown}
    for finding in shown:
        seen = {row["sample_id"] for row in read_only(store, finding["sql"]).to_pylist()}
        assert seen == {id for id, _ in finding["rows"]}, finding["check"]


def vlaa_rows(folder: Path, answers: Sequence[int]) -> str:
    """A published file whose rows ask the same of one picture, once as PNG and then re-encoded as BMP."""
    draw(folder / "a.png")
    PilImage.open(folder / "a.png").save(folder / "a.bmp")
    rows = [
        {"id": f"vg-{n}", "image": ("a.png", "a.bmp")[n % 2], "question": "How many?", "gt": answer,
         "ds_answer": f"<think>\nI count {answer}.\n</think>\n\n{answer}"}
        for n, answer in enumerate(answers)
    ]  # fmt: skip
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return f"vlaa-thinking:{folder / 'rows.jsonl'}"


@pytest.mark.parametrize(("answers", "named"), [((3, 4), 2), ((3, 3), 0)])
def test_two_answers_to_one_question_are_told_though_the_run_dropped_one_as_a_repeat(
    answers: tuple[int, int], named: int, tmp_path: Path
) -> None:
    source, root = vlaa_rows(tmp_path, answers), tmp_path / "store"
    assert main(["run", "reverify", "--source", source, "--store", str(root), "--no-prefect", "--quiet"]) == 0
    store = Store.open(root)
    assert [row["reason"] for row in store.query("select reason from corpus where fate = 'dropped'").to_pylist()] == [
        "exact_question"
    ]
    [clash] = [f for f in run(store, Audit(), None)["findings"] if f["check"] == "contradictory_answers"]
    assert (clash["samples"], clash["severity"]) == (named, "serious" if named else "info")
    assert clash["measures"].get("taken_out_as_repeats", 0) == named // 2
    assert sum("taken out as exact_question" in detail for _, detail in clash["rows"]) == named // 2


def test_two_answers_are_told_though_a_dedup_pass_took_one_out(store: Store) -> None:
    fill(store, [*ROWS[:20], replace(ROWS[0], id="clash", reference="77")])
    assert main(["dedup", "--store", str(store.root), "--by", "exact"]) == 0
    [clash] = [f for f in run(store, Audit(pictures=0), None)["findings"] if f["check"] == "contradictory_answers"]
    assert {id for id, _ in clash["rows"]} == {ROWS[0].id, "clash"}
    everything = run(store, Audit(everything=True, pictures=0), None)["findings"]
    [clash] = [f for f in everything if f["check"] == "contradictory_answers"]
    assert clash["samples"] == 2


def test_a_clean_store_is_said_to_be_clean(store: Store) -> None:
    fill(store, with_pictures(store, ROWS))
    done = audited("--store", str(store.root), "--fail-on", "warning")
    assert (done.returncode, done.stderr) == (0, "")
    assert "say nothing above info" in done.stdout


def test_lost_and_damaged_pictures_are_counted_and_fsck_is_named(store: Store) -> None:
    rows = with_pictures(store, ROWS[:20])
    fill(store, rows)
    store.image_path(rows[3].image, "png").unlink()
    damaged = store.image_path(rows[4].image, "png")
    damaged.write_bytes(damaged.read_bytes()[:-20])

    def found(**how: int) -> dict[str, Any]:
        [finding] = [f for f in run(store, Audit(**how), None)["findings"] if f["check"] == "picture_unreadable"]  # type: ignore[arg-type]
        return finding

    finding = found()
    assert {id for id, _ in finding["rows"]} == {rows[3].id, rows[4].id}
    assert (finding["severity"], finding["samples"], finding["of"]) == ("serious", 2, 20)
    assert finding["measures"] == {"files_gone": 1, "opened": 20}
    assert finding["fix"].startswith(f"vistill fsck --store {store.root}")
    assert main(["fsck", "--store", str(store.root)]) == 1
    assert [id for id, _ in found(pictures=0)["rows"]] == [rows[3].id], "only whether files are there"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--recipe", "vla-thinking"], "no run of that recipe"),
        (["--ask", "0"], "must be at least 1"),
        (["--teacher", "nonsense://x"], "--teacher"),
        (["--out", "/dev/null/x"], "cannot be made"),
    ],
)
def test_bad_use_is_one_line(store: Store, arguments: list[str], said: str) -> None:
    fill(store, ROWS[:20])
    done = audited("--store", str(store.root), *arguments)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert said.strip("-") in done.stderr


def test_an_empty_store_and_no_store_are_told(store: Store, tmp_path: Path) -> None:
    empty = audited("--store", str(store.root))
    missing = audited("--store", str(tmp_path / "nowhere"))
    assert (empty.returncode, missing.returncode) == (2, 2)
    assert "no sample was kept: --all audits" in empty.stderr
    assert "--all" not in audited("--store", str(store.root), "--all").stderr
    assert "no store at" in missing.stderr


def test_a_teacher_that_needs_no_picture_is_held_against_the_corpus_and_paid_once(store: Store) -> None:
    """The scripted teacher knows every answer by heart, so every sample is answered from its question alone."""
    rows = [replace(row, question=f"{row.question} (shelf {n})") for n, row in enumerate(ROWS[:40])]
    fill(store, rows)
    known = {str(n): row.reference for n, row in enumerate(rows)}

    def by_heart(request: dict[str, Any]) -> str:
        found = re.search(r"\(shelf (\d+)\)", text_of(request))
        return f"<answer>{known[found[1]] if found else '?'}</answer>"

    with ModelServer(by_heart, models=["blind"]) as server:
        wanted = Audit(teacher=f"{server.url}?sees=false#blind", pictures=0)
        first = run(store, wanted, None)
        asked = len(server.requests)
        again = run(store, wanted, None)
        assert len(server.requests) == asked
    found = {f["check"]: f for f in first["findings"]}
    alone = found["needs_image_question_alone"]
    assert (alone["severity"], alone["samples"], alone["measures"]["accuracy"]) == ("serious", 40, 1.0)
    assert found["needs_image_caption_alone"]["severity"] == "info"
    assert [f["samples"] for f in again["findings"]] == [f["samples"] for f in first["findings"]]
