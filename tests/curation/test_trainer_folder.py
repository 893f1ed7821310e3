"""Which folder a training may fill, and what it takes up there. No torch is needed."""

import json
import multiprocessing
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from curation.errors import ConfigError
from curation.trainer.config import Data, Model, Training
from curation.trainer.folder import check_out, held
from curation.trainer.models import digest_of
from curation.trainer.record import damage, opened

OURS: Mapping[str, Any] = {
    "settings": {}, "data": {}, "started": 1.0, "finished": None, "scores": [], "done": [], "left_out": {},
    "chosen": {},
}  # fmt: skip


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two exports, a model and the model of an earlier training, from the folder one works in."""
    monkeypatch.chdir(tmp_path)
    for name in ("exports/grpo", "exports/other", "models/m", "runs/x/model", "mine", "empty", "runs/seeds/seed-1"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("exports/grpo", "exports/other"):
        (tmp_path / name / "manifest.json").write_text('{"vistill": "1", "format": "grpo", "files": []}')
    (tmp_path / "mine" / "my-notes.txt").touch()
    (tmp_path / "runs" / "x" / "run.json").write_text(json.dumps(OURS))
    return tmp_path


def a_run(out: str, model: str = "models/m", grpo: str = "exports/grpo") -> Training:
    return Training(out=out, model=Model(path=model), data=Data(grpo=grpo))


@pytest.mark.parametrize(
    ("out", "said"),
    [
        (".", "is or holds the working folder"), ("..", "is or holds the working folder"),
        ("exports/grpo", r"is data\.grpo"), ("exports", r"holds data\.grpo"),
        ("exports/grpo/run", r"lies in data\.grpo"),
        ("exports/other", "is an export"), ("exports/other/run", "lies in the export"),
        ("models/m", r"is model\.path"), ("models", r"holds model\.path"), ("models/m/run", r"lies in model\.path"),
        ("mine", "holds my-notes.txt and no run.json"), ("o" * 300, "cannot be made or read"),
        ("mine/my-notes.txt/run", "cannot be made or read"),
    ],
)  # fmt: skip
def test_a_folder_that_something_else_fills_is_refused(out: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^out = .*: {said}"):  # noqa: PT012
        check_out(a_run(out))
        with held(Path(out)):
            pass


def test_a_run_that_goes_on_from_the_model_in_its_own_folder_is_refused_for_that_reason() -> None:
    with pytest.raises(ConfigError, match=r"out = 'runs/x': holds model\.path \(runs/x/model\)"):
        check_out(a_run("runs/x", model="runs/x/model"))


@pytest.mark.parametrize("out", ["new", "runs/new", "empty", "runs/x", "runs/seeds", "exports/run"])
def test_a_new_folder_an_empty_one_and_one_that_a_training_filled_are_taken(out: str) -> None:
    check_out(a_run(out, model="OWNER/NAME"))


def left(out: Path, done: list[str], *folders: str, **more: Any) -> Path:
    """A run that has done these parts and left these folders."""
    out.mkdir()
    (out / "run.json").write_text(json.dumps({**OURS, "done": done, **more}))
    for name in folders:
        (out / name).mkdir()
    return out


def test_another_run_moves_what_the_earlier_one_wrote_and_nothing_else(place: Path) -> None:
    out = left(place / "out", ["sft"], "sft", "model.old", "checkpoints-sft", "round-2-data", "seed-1", "judged")
    (out / "my-notes.txt").touch()
    record, said = opened(out, {"label": "new"}, {})
    assert (record.done, "moved to" in said) == ([], True)
    assert {path.name for path in out.iterdir()} == {"earlier-1", "seed-1", "judged", "my-notes.txt"}


@pytest.mark.parametrize(
    ("done", "kept", "lost"),
    [
        (["sft"], [], "sft"), (["sft", "grpo-1"], ["sft"], "model"), (["start", "grpo-1"], [], "model"),
        (["round-1-sft", "round-1-grpo-1", "round-2-sft"], ["round-2-sft"], "round-1-model"),
    ],
)  # fmt: skip
def test_a_part_that_is_done_and_has_no_model_any_more_stops_the_run(
    place: Path, done: list[str], kept: list[str], lost: str
) -> None:
    for finished in (None, 2.0):
        out = left(place / f"out-{finished}", done, *kept, finished=finished)
        with pytest.raises(ConfigError, match=f"is done, and its model is not there: put .*/{lost} back"):
            opened(out, {}, {})
        (out / lost).mkdir()
        assert opened(out, {}, {})[0].done == done


def test_models_that_are_no_longer_needed_may_be_gone_and_one_that_was_being_replaced_is_put_back(place: Path) -> None:
    assert opened(left(place / "a", ["sft", "grpo-1"], "model"), {}, {})[0].done == ["sft", "grpo-1"]
    assert opened(left(place / "b", ["start"]), {}, {})[0].done == ["start"]
    opened(left(place / "c", ["grpo-1"], "model.old"), {}, {})
    assert (place / "c" / "model").is_dir()
    opened(left(place / "d", ["grpo-1"], "model.last", "candidates"), {}, {})


def test_a_mark_of_a_checkpoint_that_names_no_files_is_told(place: Path) -> None:
    (place / "empty" / "whole").write_text("[1]")
    assert damage(place / "empty") == "its whole names no files"


def _hold(out: Path) -> None:
    with held(out):
        (out / "held").touch()
        time.sleep(60)


def test_one_training_has_a_folder_until_it_ends_or_is_killed(place: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_hold, args=(place / "out",))
    process.start()
    while not (place / "out" / "held").exists():
        time.sleep(0.01)
    with pytest.raises(ConfigError, match="another training is writing into it"), held(place / "out"):
        pass
    process.kill()
    process.join()
    for _ in range(2):
        with held(place / "out"):
            assert os.listdir(place / "out") == ["held"]


def test_a_lower_limit_of_the_gate_is_no_other_run_and_another_model_is(place: Path) -> None:
    first = left(place / "a", ["start"], settings={"grpo": {"least_format": 0.5, "beta": 0.0}}, data={"model": "m"})
    lower = {"grpo": {"least_format": 0.1, "beta": 0.0}}
    assert "going on with the run" in opened(first, lower, {"model": "m"})[1]
    assert "another run (settings, data or model differ)" in opened(first, lower, {"model": "n"})[1]
    before = left(place / "b", ["start"], settings=lower)  # written by a version that did not note the model
    assert "going on with the run" in opened(before, lower, {"model": "m"})[1]
    assert "another run" in opened(before, {"grpo": {"least_format": 0.1, "beta": 0.1}}, {"model": "m"})[1]


def test_a_model_that_was_trained_on_is_another_one(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"head" + bytes(3 << 20))
    (tmp_path / "config.json").write_text("{}")
    before = digest_of(str(tmp_path))
    assert before == digest_of(str(tmp_path))
    weights.write_bytes(b"head" + bytes((3 << 20) - 1) + b"x")
    assert digest_of(str(tmp_path)) != before
    assert digest_of("owner/name") == ""
