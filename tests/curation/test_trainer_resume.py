"""A training that is killed goes on as if nothing had happened (`-m train`): kill -9 of a real process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from curation.errors import RunStopped
from tests.curation.test_trainer import BASE, PLAIN, ground

__all__ = ["ground"]  # a fixture
pytestmark = pytest.mark.train

ROOT = Path(__file__).resolve().parents[2]
TIMED = {"step_time", "train_runtime", "train_samples_per_second", "train_steps_per_second", "epoch", "train_loss"}
TIMED |= {"total_flos"}
"""Figures of the clock, and of the process rather than the step."""
MORE = "save_every = 2\n"


WEIGHTS = "model.safetensors"


def checkpoints(folder: Path, *steps: int, whole: bool = True) -> None:
    from curation.trainer.record import mark_whole

    for step in steps:
        (there := folder / f"checkpoint-{step}").mkdir()
        (there / WEIGHTS).write_bytes(b"x" * 2000)
        if whole:
            mark_whole(there)


def a_run(ground: Path, folder: Path) -> Path:
    """12 steps of replay, rethinking and resampling, whose state a checkpoint must hold, after a cold start."""
    paths = {"out": folder / "out", "model": ground / "tiny", "sft": ground / "sft", "grpo": ground / "grpo"}
    more = '[replay]\nsize = 64\n[resample]\nrounds = 1\n[rethink]\ntrigger = "<think>"\nshare = 0.5\n'
    asked = {"grpo_more": "steps_per_generation = 2", "more": more, "steps": 12}
    text = MORE + BASE.format(**PLAIN | paths | asked)
    folder.mkdir()
    (folder / "run.toml").write_text(text)
    return folder / "run.toml"


def started(config: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "flows.cli", "train", str(config)]
    with (config.parent / "said.txt").open("wb") as said:
        return subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)


def curve(out: Path) -> list[dict[str, Any]]:
    """Its whole lines, without figures of the clock."""
    text = (out / "curve.jsonl").read_text() if (out / "curve.jsonl").is_file() else ""
    points = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    return [{name: value for name, value in point.items() if name not in TIMED} for point in points]


def numbers(point: dict[str, Any]) -> dict[str, float]:
    """Everything but the part's name."""
    return {name: value for name, value in point.items() if name != "part"}


def killed_at(config: Path, part: str, step: int) -> None:
    """Run it, and kill it as soon as the curve has this step of this part."""
    process = started(config)
    deadline = time.monotonic() + 240
    out = config.parent / "out"
    while not any(point["part"] == part and point["step"] >= step for point in curve(out)):
        assert process.poll() is None, (config.parent / "said.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_a_killed_training_goes_on_with_the_same_curve_and_ends_with_the_same_scores(
    ground: Path, tmp_path: Path
) -> None:
    whole, broken = a_run(ground, tmp_path / "whole"), a_run(ground, tmp_path / "broken")
    assert started(whole).wait() == 0
    for part, step in (("sft", 9), ("grpo-1", 3), ("grpo-1", 9)):
        killed_at(broken, part, step)
    newest = max(
        (tmp_path / "broken" / "out" / "checkpoints-grpo-1").glob("*/whole"), key=lambda path: path.stat().st_mtime
    ).parent
    spoilt = newest / "optimizer.pt"
    spoilt.write_bytes(bytes(spoilt.stat().st_size))
    assert started(broken).wait() == 0, (tmp_path / "broken" / "said.txt").read_text()
    assert f"{newest.name} is left aside" in (tmp_path / "broken" / "said.txt").read_text()
    assert "going on with the run" in (tmp_path / "broken" / "said.txt").read_text()
    expected, found = curve(tmp_path / "whole" / "out"), curve(tmp_path / "broken" / "out")
    assert [(point["part"], point["step"]) for point in found] == [(point["part"], point["step"]) for point in expected]
    for point, other in zip(found, expected, strict=True):
        where = (point["part"], point["step"])
        assert numbers(point) == pytest.approx(numbers(other), rel=1e-4, abs=1e-6, nan_ok=True), where
    records = [json.loads((tmp_path / name / "out" / "run.json").read_text()) for name in ("whole", "broken")]
    assert records[0]["scores"] == records[1]["scores"]
    assert started(broken).wait() == 0
    assert "nothing to do" in (tmp_path / "broken" / "said.txt").read_text()
    _killed_between_saving_and_noting_it(whole, expected)


def _killed_between_saving_and_noting_it(config: Path, expected: list[dict[str, Any]]) -> None:
    """What was saved is the part's result: trained again from there it would be another model."""
    out = config.parent / "out"
    before = (out / "model" / WEIGHTS).read_bytes()
    record = json.loads((out / "run.json").read_text())
    assert record["done"].pop() == "grpo-1"
    (out / "run.json").write_text(json.dumps({**record, "finished": None}))
    assert started(config).wait() == 0
    assert curve(out) == expected
    assert (out / "model" / WEIGHTS).read_bytes() == before
    assert json.loads((out / "run.json").read_text())["done"][-1] == "grpo-1"


@pytest.mark.parametrize("before", ["start", "sft"])
def test_the_gate_looks_at_what_comes_before_grpo_also_in_the_middle_of_it(tmp_path: Path, before: str) -> None:
    from curation.trainer.config import Grpo, Stage
    from curation.trainer.record import Record
    from curation.trainer.run import _gate

    said, record, grpo = list[str](), Record(tmp_path, {}, {}), Grpo(stages=(Stage(tokens=8, completions=2, steps=1),))
    _gate(grpo, record, before, said.append)
    assert "no held-out rows" in said.pop()
    record.scores = [{"at": before, "step": 0, "sampled": {"format": 0.9}},
                     {"at": "grpo-1", "step": 4, "sampled": {"format": 0.0}}]  # fmt: skip
    _gate(grpo, record, before, said.append)
    record.scores.insert(1, {"at": before, "step": 9, "sampled": {"format": 0.1}})
    with pytest.raises(RunStopped, match=r"only 0\.10 of sampled completions"):
        _gate(grpo, record, before, said.append)
    assert said == []


def test_a_checkpoint_that_a_kill_or_a_disk_cut_short_is_not_gone_on_from(tmp_path: Path) -> None:
    from curation.trainer.record import last_checkpoint

    said = list[str]()
    checkpoints(tmp_path, 2, 10, 12)
    checkpoints(tmp_path, 14, whole=False)
    os.truncate(tmp_path / "checkpoint-12" / WEIGHTS, 100)
    assert last_checkpoint(tmp_path, said.append) == tmp_path / "checkpoint-10"
    assert said == [
        f"{tmp_path}/checkpoint-14 is left aside and removed: it was not written to its end",
        f"{tmp_path}/checkpoint-12 is left aside and removed: {WEIGHTS} has 100 of 2,000 bytes",
    ]
    said.clear()
    assert (last_checkpoint(tmp_path, said.append), said) == (tmp_path / "checkpoint-10", [])


def test_a_checkpoint_whose_bytes_changed_at_the_same_length_is_not_gone_on_from(tmp_path: Path) -> None:
    from curation.trainer.record import WHOLE, last_checkpoint

    said = list[str]()
    checkpoints(tmp_path, 2, 4, 6)
    with (tmp_path / "checkpoint-6" / WEIGHTS).open("r+b") as file:
        file.seek(1000)
        file.write(b"y")
    (tmp_path / "checkpoint-4" / WHOLE).write_text("[1]")
    assert last_checkpoint(tmp_path, said.append) == tmp_path / "checkpoint-2"
    assert said == [
        f"{tmp_path}/checkpoint-6 is left aside and removed: {WEIGHTS} is not what was written",
        f"{tmp_path}/checkpoint-4 is left aside and removed: its {WHOLE} names no files",
    ]


@pytest.mark.parametrize("marked", ["", json.dumps({WEIGHTS: 2000})])
def test_checkpoints_of_earlier_versions_that_keep_no_digests_are_gone_on_from(tmp_path: Path, marked: str) -> None:
    from curation.trainer.record import WHOLE, last_checkpoint

    checkpoints(tmp_path, 2)
    (tmp_path / "checkpoint-2" / WHOLE).write_text(marked)
    assert last_checkpoint(tmp_path, print) == tmp_path / "checkpoint-2"
