"""What audit, dedup, decontaminate and balance tell to run exists, and does what it says."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from curation.audit import Finding, Row, audit
from curation.audit.needs_image import TESTS, Asked, needs_image
from curation.dedup import SIDE
from flows.audit import Audit, run
from flows.cli import main, parser
from storage.store import Store
from tests.audited import fill
from tests.curation.planted import PLANTS, clean, planted

ROWS = clean(200)
SPLITS = "select sample_id, split from splits order by 1"


def every_finding() -> Iterator[Finding]:
    """Each check, with what was planted for it."""
    for check in PLANTS:
        yield from audit(planted(check, ROWS)[0], greys=lambda row: np.zeros((SIDE, SIDE), np.uint8))
    for test in TESTS:
        yield from needs_image([Asked(ROWS[0], test, True, "3")], {})


def commands(fix: str) -> list[str]:
    """The commands of a fix: the line itself and those after `or:`."""
    return [part.strip() for part in re.split(r"# or:|#", fix) if part.strip().startswith("vistill ")]


def test_every_fix_is_a_line_that_the_command_line_parses() -> None:
    fixes = {finding.fix for finding in every_finding()}
    assert len(fixes) > 20
    known = set(parser()._subparsers._group_actions[0].choices)  # type: ignore[union-attr, arg-type]
    for fix in fixes - {""}:
        assert fix.startswith(("vistill ", "# ")), fix
        for command in commands(fix):
            words = shlex.split(command)[1:]
            if words[0] == "review" and "review" not in known:
                continue  # arrives with the review pages
            parser().parse_args(words)


def test_only_a_finding_that_names_nobody_is_without_a_command() -> None:
    assert {f.check for f in every_finding() if f.rows and not commands(f.fix)} == set()


@pytest.mark.parametrize("check", ["leftover_note", "image_across_splits", "repeated_rows"])
def test_the_fix_of_a_finding_mends_it_and_is_taken_back(
    check: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(tmp_path / "a store")
    rows = [*ROWS, *twins()] if check == "repeated_rows" else planted(check, ROWS)[0]
    fill(store, rows)
    before = splits(store)
    [finding] = [f for f in run(store, Audit(pictures=0), None)["findings"] if f["check"] == check]
    assert finding["severity"] != "info"
    capsys.readouterr()
    assert main(shlex.split(finding["fix"], comments=True)[1:]) == 0
    said = capsys.readouterr().out
    after = splits(store)
    gone = {id for id, split in after.items() if split == "none"}
    named = {id for id, _ in finding["rows"]}
    assert gone
    assert gone <= named
    if check == "leftover_note":
        assert gone == named
    if check == "image_across_splits":  # the larger split's part, so that the other keeps all it has
        assert {before[id] for id in gone} == {"sft"}
    [again] = [f for f in run(store, Audit(pictures=0), None)["findings"] if f["check"] == check]
    assert (again["severity"], again["samples"]) == ("info", 0)
    assert main(shlex.split(said.split("take it back: ")[1])[1:]) == 0
    assert splits(store) == before


def test_a_finding_of_most_rows_prints_no_command_that_empties_the_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(tmp_path / "store")
    fill(store, [replace(row, licence="", split="rl") if n % 20 else row for n, row in enumerate(ROWS)])
    [finding] = [f for f in run(store, Audit(pictures=0), None)["findings"] if f["check"] == "licence_missing"]
    assert finding["samples"] == 190
    assert "--exclude" not in finding["fix"]
    assert finding["fix"].startswith("# 190 of 200 samples are meant")
    assert "--map licence=COLUMN" in finding["fix"]
    before, at = splits(store), ["audit", "--store", str(store.root), "--exclude", "licence_missing"]
    assert main([*at, "--dry-run"]) == 0
    assert "190 samples" in capsys.readouterr().out
    for asked in (at, [*at, "--split", "rl"]):
        assert main(asked) == 2
        said = capsys.readouterr().err
        assert (said.count("\n"), "--most" in said) == (1, True)
    assert splits(store) == before
    assert main([*at, "--split", "nowhere"]) == 2
    assert "the store has rl, sft" in capsys.readouterr().err
    assert main([*at, "--most"]) == 0
    assert sum(split == "none" for split in splits(store).values()) == 190


def test_a_leak_of_a_whole_split_is_not_mended_by_emptying_it(tmp_path: Path) -> None:
    """Every picture of the larger split is in the smaller one too: half of all rows, but the whole of a split."""
    fill(store := Store.open(tmp_path / "store"), [replace(row, pixels="a" * 32) for row in ROWS])
    [leak] = [f for f in run(store, Audit(pictures=0), None)["findings"] if f["check"] == "image_across_splits"]
    assert (leak["severity"], "--exclude" in leak["fix"]) == ("serious", False)


def twins() -> list[Row]:
    """Ten rows again under other ids."""
    return [replace(row, id=f"{row.id}-again") for row in ROWS[:10]]


def splits(store: Store) -> dict[str, str]:
    return {row["sample_id"]: row["split"] for row in store.query(SPLITS).to_pylist()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--exclude", "leftover_note"], "no audit of this store"),
        (["--split", "sft"], "goes with --exclude"),
        (["--most"], "goes with --exclude"),
        (["--dry-run"], "goes with --exclude"),
        (["--undo", "audit-1"], "is no audit pass"),
    ],
)
def test_bad_use_before_any_audit(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store := Store.open(tmp_path / "store"), ROWS[:20])
    assert main(["audit", "--store", str(store.root), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_check_or_an_audit_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(store := Store.open(tmp_path / "store"), planted("leftover_note", ROWS)[0])
    run(store, Audit(pictures=0), None)
    at = ["audit", "--store", str(store.root), "--exclude"]
    assert main([*at, "nonsense"]) == 2
    assert "it has answer_prior," in capsys.readouterr().err
    assert main([*at, "leftover_note", "--audit", "audit-x"]) == 2
    assert "is no audit of this store" in capsys.readouterr().err
    assert main([*at, "leftover_note", "--dry-run"]) == 0
    assert "12 samples" in capsys.readouterr().out
    assert "none" not in splits(store).values()
