"""Exports read a run a piece at a time: the same rows for any size of pieces, also of two runs one after the other."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import corpus, exports, one_run
from storage.store import Store
from tests.storage.hand_built import a_sample, a_store, an_outcome, start, take_in, verdict


def filled(path: Path) -> Store:
    """Seven samples, of which six are in a split; the second run, of another recipe, has the last three alone, of which
    all is known by then.
    """
    store = a_store(path)
    samples = [a_sample(n) for n in range(7)]
    corpus.add_samples(store, samples, [])
    for run_id, recipe, some in (("r1", "vlaa", samples), ("r2", "other", samples[4:])):
        start(store, run_id, recipe)
        take_in(store, some, run_id)
        for n, sample in enumerate(some if run_id == "r1" else ()):
            kept = [an_outcome(sample, step, value=value) for step, value in _said(sample.id, n).items()]
            corpus.add_outcomes(store, run_id, kept[: 4 if n == 2 else None])
        corpus.end_run(store, run_id, event="finished")
    return store


def _said(name: str, n: int) -> dict[str, Any]:
    return {
        "dedup": {}, "caption": f"caption of {name}", "draws": {"chosen": 0, "drawn": 1, "correct": 1},
        "distill": f"<think>about {name}</think><answer>{n}</answer>", "verify": verdict(True, str(n)),
        "split": {"split": "rl" if n == 3 else "sft"},
    }  # fmt: skip


def read(store: Store, run_id: str, split: str | None, size: int = 3) -> list[dict[str, Any]]:
    with exports.frozen(store) as snapshot:
        found = list(exports.batches(snapshot, run_id, split, size=size))
        assert all(len(batch) == size for batch in found[:-1])
        return [row for batch in found for row in batch.to_pylist()]


@pytest.mark.parametrize("split", [None, "", "sft", "rl"])
@pytest.mark.parametrize("piece", [1, 2, 5])
def test_pieces_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str | None, piece: int) -> None:
    store = filled(tmp_path)
    whole = read(store, "r1", split)
    assert [row["position"] for row in whole] == sorted(row["position"] for row in whole)
    assert len(whole) == {None: 7, "": 6, "sft": 5, "rl": 1}[split]
    assert all(row["trace"] == f"<think>about {row['sample_id']}</think>" + row["trace"][-18:] for row in whole)
    monkeypatch.setattr(one_run, "PIECE", piece)
    assert read(store, "r1", split) == whole


def test_one_snapshot_reads_two_runs(tmp_path: Path) -> None:
    store = filled(tmp_path)
    with exports.frozen(store) as snapshot:
        rows = {
            run: [row["sample_id"] for chunk in exports.rows(snapshot, run, split) for row in chunk]
            for run, split in (("r1", ""), ("r2", ""))
        }
        again = [row["sample_id"] for chunk in exports.rows(snapshot, "r1", None) for row in chunk]
        assert [step["input"] for step in exports.funnel(snapshot, "r2")][:1] == [3]
        assert exports.size(snapshot, "r1", None) == 7
    assert rows == {"r1": ["s0", "s1", "s3", "s4", "s5", "s6"], "r2": ["s4", "s5", "s6"]}
    assert again == [f"s{n}" for n in range(7)]


@given(st.lists(st.integers(0, 7), max_size=8), st.integers(1, 5))
def test_batches_are_cut_to_size_and_lose_nothing(sizes: list[int], size: int) -> None:
    numbers = iter(range(100))
    batches = [pa.record_batch({"n": pa.array([next(numbers) for _ in range(many)], pa.int64())}) for many in sizes]
    found = list(exports._sized(iter(batches), size))
    assert [n for batch in found for n in batch["n"].to_pylist()] == list(range(sum(sizes)))
    assert all(len(batch) == size for batch in found[:-1])
    assert all(0 < len(batch) <= size for batch in found)
