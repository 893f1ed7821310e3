"""`vistill dedup`, `decontaminate` and `balance` on a store: what they record, what splits make of it, and undoing."""

import json
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image

from flows.cli import main
from storage.store import Store
from tests.curation.test_dedup import encoded, table
from tests.flows.imported import imported

GARDEN = (
    "A rectangular garden is twelve metres long and its fence costs nine coins a metre, what does the whole fence cost"
)


def row(number: int, question: str, answer: str, picture: bytes, folder: Path, name: str = "") -> dict[str, str]:
    file = f"{name or number}.png"
    (folder / file).write_bytes(picture)
    return {
        "id": str(number),
        "question": question,
        "answer": answer,
        "image": file,
        "ability": "odd" if number % 2 else "even",
    }


def lines(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return f"jsonl:{path}"


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[str, str]:
    """(store, its source): 0 and 1 the same, 2 a JPEG of 0 asked the same, 3 and 4 near texts, 5 like nothing."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    text = "Read the table of the school shop and say how many books were sold in the third month of the year"
    rows = [
        row(0, "How many pens in May?", "3", encoded(table(1)), folder),
        row(1, "How many pens in May ?", "3", encoded(table(1), "BMP"), folder),
        row(2, "how many pens in may", "3", encoded(table(1), "JPEG", quality=60), folder),
        row(3, f"{text}, Anna", "7", encoded(table(2)), folder),
        row(4, f"{text}, Berta", "7", encoded(table(2)), folder),
        row(5, f"Anna asks: {GARDEN}?", "378", encoded(table(3)), folder),
    ]
    source = lines(folder / "corpus.jsonl", rows)
    imported(tmp_path / "store", source, maps=("meta.ability=ability",))
    return str(tmp_path / "store"), source


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(list(args))
    said = capsys.readouterr()
    return code, said.out, said.err


def report(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    code, out, err = run(capsys, *args, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def asked(store: str, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(one.values()) for one in Store.open(store).query(sql).to_pylist()]


SPLITS = "SELECT sample_id, split, reason FROM splits ORDER BY sample_id"


def test_duplicates_leave_the_splits_and_come_back(corpus: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    store, _ = corpus
    before = asked(store, SPLITS)
    dry = report(capsys, "dedup", "--store", store, "--dry-run")
    assert (dry["removed"], dry["pass_id"], asked(store, SPLITS)) == (3, None, before)
    done = report(capsys, "dedup", "--store", store)
    assert {name: done.get(name) for name in ("samples", "removed", "exact_question", "near_image", "near_text")} == {
        "samples": 6, "removed": 3, "exact_question": 1, "near_image": 1, "near_text": 1,
    }  # fmt: skip
    assert asked(store, 'SELECT sample_id, cluster, kept, "of", method FROM duplicates ORDER BY sample_id') == [
        ("corpus-0", "corpus-0", True, "corpus-0", ""),
        ("corpus-1", "corpus-0", False, "corpus-0", "exact"),
        ("corpus-2", "corpus-0", False, "corpus-0", "perceptual"),
        ("corpus-3", "corpus-3", True, "corpus-3", ""),
        ("corpus-4", "corpus-3", False, "corpus-3", "text"),
    ]
    assert asked(store, SPLITS) == [
        ("corpus-0", "sft", ""), ("corpus-1", "none", "exact_question"), ("corpus-2", "none", "near_image"),
        ("corpus-3", "sft", ""), ("corpus-4", "none", "near_text"), ("corpus-5", "sft", ""),
    ]  # fmt: skip
    assert asked(store, "SELECT count(*) FROM corpus WHERE split = 'sft'") == [(3,)]
    assert asked(store, "SELECT sum(sft)::INTEGER FROM yield_by_source") == [(3,)]
    assert report(capsys, "dedup", "--store", store)["removed"] == 0, "what a pass removed is not looked at again"
    undone = report(capsys, "dedup", "--store", store, "--undo", done["pass_id"])
    assert undone == {"undone": done["pass_id"], "samples": 3}
    assert asked(store, SPLITS) == before
    assert asked(store, "SELECT DISTINCT undone FROM duplicates") == [(True,)]
    code, _, err = run(capsys, "dedup", "--store", store, "--undo", done["pass_id"])
    assert (code, "is undone already" in err) == (2, True)


def test_a_copy_is_told_to_be_found_by_the_method_that_found_it(
    corpus: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = corpus
    done = report(capsys, "dedup", "--store", store, "--by", "exact,framed")
    assert (done["exact_question"], done["near_image"]) == (1, 1)
    assert asked(store, "SELECT sample_id, method, reason FROM duplicates WHERE NOT kept ORDER BY 1") == [
        ("corpus-1", "exact", "exact_question"),
        ("corpus-2", "framed", "near_image"),
    ]


def test_compaction_keeps_passes(corpus: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    store, _ = corpus
    report(capsys, "dedup", "--store", store)
    before = asked(store, SPLITS)
    assert run(capsys, "compact", "--store", store)[0] == 0
    assert asked(store, SPLITS) == before
    assert run(capsys, "fsck", "--store", store)[0] == 0


def test_a_lost_picture_is_told_and_the_pass_goes_on(
    corpus: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = corpus
    [(sha256, format)] = asked(
        store,
        "SELECT s.image, i.format FROM samples s JOIN images i ON i.sha256 = s.image WHERE sample_id = 'corpus-2'",
    )
    Store.open(store).image_path(sha256, format).unlink()
    done = report(capsys, "dedup", "--store", store, "--by", "exact,perceptual,framed")
    assert done["removed"] == 1
    assert list(done["unreadable"]) == ["corpus-2"]


def test_a_contaminated_sample_leaves_the_splits_with_the_benchmark_row_as_reason(
    corpus: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = corpus
    folder = tmp_path / "bench"
    folder.mkdir()
    hostile = f"<script>alert(1)</script> | {GARDEN}? ![x](http://e.example/x.png)"
    rows = [
        row(70, hostile, "378", encoded(table(50)), folder),
        row(
            71, "How many stars are there?", "2", encoded(table(2).resize((630, 390), Image.Resampling.LANCZOS)), folder
        ),
        row(72, "What else is there to be seen in this picture of a table?", "2", encoded(table(60)), folder),
        {
            "id": "73",
            "question": "A row whose picture is lost and that asks about nothing in the corpus",
            "image": "no.png",
        },
        {"id": "74", "question": ""},
    ]
    against = lines(folder / "bench.jsonl", rows)
    out, prints = tmp_path / "report", tmp_path / "prints.json"
    done = report(
        capsys,
        "decontaminate",
        "--store",
        store,
        "--against",
        against,
        "--out",
        str(out),
        "--save-fingerprints",
        str(prints),
    )
    assert sorted((f["sample_id"], f["benchmark_id"], f["reason"]) for f in done["found"]) == [
        ("corpus-3", "bench-71", "contaminated_image"), ("corpus-4", "bench-71", "contaminated_image"),
        ("corpus-5", "bench-70", "contaminated_answer"), ("corpus-5", "bench-70", "contaminated_question"),
    ]  # fmt: skip
    assert done["benchmarks"][0]["rows"] == 4
    assert done["benchmarks"][0]["partly_used"] == {"image_missing": 1}
    assert done["benchmarks"][0]["rejected"] == {"question_empty": 1}
    assert [line[:2] for line in asked(store, SPLITS) if line[1] == "none"] == [
        (f"corpus-{n}", "none") for n in (3, 4, 5)
    ]
    assert set(asked(store, "SELECT sample_id, benchmark_id FROM contaminated")) == {
        ("corpus-3", "bench-71"), ("corpus-4", "bench-71"), ("corpus-5", "bench-70"),
    }  # fmt: skip
    page, text = (out / "report.html").read_text(), (out / "report.md").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in text
    assert "![x](" not in text
    assert page.count("<img ") == 6  # three pairs of rows, one of them found in two ways
    assert len(list((out / "pictures").iterdir())) == 6
    assert b"garden" not in prints.read_bytes()
    report(capsys, "decontaminate", "--store", store, "--undo", done["pass_id"])
    blind = report(capsys, "decontaminate", "--store", store, "--fingerprints", str(prints), "--dry-run")
    assert sorted({f["sample_id"] for f in blind["found"]}) == ["corpus-5"]
    assert blind["unverified_near_pictures"] >= 2


def test_a_benchmark_without_pictures_is_compared_by_its_questions(
    corpus: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    against = lines(tmp_path / "words.jsonl", [{"id": "1", "question": GARDEN, "answer": "378"}])
    done = report(capsys, "decontaminate", "--store", corpus[0], "--against", against)
    assert {f["sample_id"] for f in done["found"]} == {"corpus-5"}


def test_a_clean_corpus_is_said_to_be_clean(
    corpus: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    against = lines(
        folder / "bench.jsonl",
        [row(1, "What is drawn here, in your own words and at length?", "1", encoded(table(77)), folder)],
    )
    done = report(capsys, "decontaminate", "--store", corpus[0], "--against", against, "--out", str(tmp_path / "out"))
    assert (done["contaminated"], done["found"], done["pass_id"]) == (0, [], None)


def test_balance_reports_coverage_and_takes_a_reversible_choice(
    corpus: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = corpus
    seen = report(capsys, "balance", "--store", store, "--by", "ability")
    assert seen["before"]["ability"]["counts"] == {"even": 3, "odd": 3}
    done = report(capsys, "balance", "--store", store, "--by", "ability", "--size", "4", "--quota", "ability:odd=1")
    assert (done["kept"], done["short"], done["stopped"]) == (4, 0, {"ability:odd": 2})
    assert [line[2] for line in asked(store, SPLITS) if line[1] == "none"] == ["over_balance"] * 2
    report(capsys, "balance", "--store", store, "--undo", done["pass_id"])
    assert {line[1] for line in asked(store, SPLITS)} == {"sft"}


def test_a_quota_without_a_size_caps_its_value_and_keeps_all_others(
    corpus: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = corpus
    done = report(capsys, "balance", "--store", store, "--by", "ability", "--quota", "ability:odd=1")
    assert (done["kept"], done["beyond"], done["short"], done["stopped"]) == (4, 0, 0, {"ability:odd": 2})
    assert {"corpus-0", "corpus-2", "corpus-4"} <= {line[0] for line in asked(store, SPLITS) if line[1] == "sft"}


@pytest.mark.parametrize(
    "command", ["audit", "dedup", "decontaminate --fingerprints f.json", "balance", "fsck", "status"]
)
def test_a_store_that_is_not_there_is_bad_use(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("")
    for name, said in (("none", "no store at"), ("file", "is a file"), ("folder", "is not a Vistill store")):
        code, out, err = run(capsys, *command.split(), "--store", str(tmp_path / name))
        assert (code, out, err.count("\n"), said in err) == (2, "", 1, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("dedup", "--by", "pixels"), "exact, perceptual, framed, text, semantic"),
        (("dedup", "--threshold", "7"), "Jaccard"),
        (("dedup", "--by", "semantic", "--embedder", "/nowhere"), "no folder"),
        (("dedup", "--undo", "dedup-x"), "is no dedup pass"),
        (("decontaminate",), "name a benchmark"),
        (("decontaminate", "--against", "nonsense"), "unknown kind of source"),
        (("decontaminate", "--fingerprints", "/nowhere.json"), "cannot be read"),
        (("balance", "--by", "colour"), "source, kind, ability, difficulty, cluster"),
        (("balance", "--quota", "source"), "DIMENSION:VALUE=N"),
        (("balance", "--size", "0"), "1 or more"),
    ],
)
def test_bad_use_is_one_line_and_exit_code_2(
    corpus: tuple[str, str], capsys: pytest.CaptureFixture[str], args: tuple[str, ...], said: str
) -> None:
    code, _, err = run(capsys, args[0], "--store", corpus[0], *args[1:])
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_texts_for_people_name_what_was_found_and_how_to_take_it_back(
    corpus: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, source = corpus
    copied = tmp_path / "copy"
    shutil.copytree(store, copied)
    _, out, _ = run(capsys, "dedup", "--store", str(copied))
    assert "3 repeat another" in out
    assert f"vistill dedup --store {copied} --undo dedup-" in out
    _, out, _ = run(capsys, "decontaminate", "--store", store, "--against", source, "--dry-run")
    assert "6 contaminated" in out
    assert "nothing was recorded (--dry-run)" in out
    _, out, _ = run(capsys, "balance", "--store", store, "--by", "kind", "--size", "2", "--dry-run")
    assert "given up: 4 beyond the size" in out
