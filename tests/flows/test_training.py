"""`vistill train` around the trainer: what data it refuses, its curves, and its record in the store (`-m train`)."""

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pil

from curation.errors import ConfigError, RunStopped, StoreError
from curation.trainer.config import read
from curation.trainer.folder import held
from flows.cli import main
from flows.export import Export, export
from flows.training import Published, _check_run, data_of, train
from storage.store import Store
from tests.curation.test_trainer import BASE, PLAIN, ground
from tests.flows.test_export import built
from tests.storage.hand_built import rows

__all__ = ["ground"]  # a fixture
OURS = (
    '{"settings": {}, "data": {}, "started": 1.0, "finished": null, "done": [], "left_out": {}, "chosen": {}, '
    '"scores": []}'
)
"""A `run.json` as a training writes it."""


def a_config(folder: Path, **paths: Path) -> Path:
    given = {"out": folder / "out", "model": folder / "m", "sft": folder / "sft", "grpo": folder / "grpo", **paths}
    (folder / "run.toml").write_text(BASE.format(**PLAIN | given))
    return folder / "run.toml"


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    store = built(tmp_path)
    for name, format in (("sft", "sft_trl"), ("grpo", "grpo")):
        export(Export(format=format, folder=str(tmp_path / name), store=str(store.root)))
    return tmp_path


def test_data_is_named_by_run_rows_and_the_digest_of_its_manifest(exported: Path) -> None:
    found = data_of(read(a_config(exported)))
    assert {part: (one["format"], one["run_id"], one["counts"]) for part, one in found.items()} == {
        "sft": ("sft_trl", "r1", {"train": 2}), "grpo": ("grpo", "r1", {"train": 2}),
        "held_out": ("grpo", "r1", {"train": 2}),
    }  # fmt: skip
    recorded = rows(Store.open(exported / "store"), "select format, manifest from exports")
    assert found["sft"]["manifest"] in {row["manifest"] for row in recorded if row["format"] == "sft_trl"}


@pytest.mark.parametrize(("field", "format"), [("data.grpo", "grpo"), ("data.sft", "sft_trl")])
def test_an_export_with_its_pictures_as_files_is_refused_with_the_command_that_writes_it(
    tmp_path: Path, field: str, format: str
) -> None:
    from curation.trainer.data import files_of

    store = built(tmp_path)
    export(Export(format=format, folder=str(tmp_path / "as files"), store=str(store.root), images="files"))
    with pytest.raises(ConfigError, match="has its pictures as files, and training reads Parquet") as refused:
        files_of(str(tmp_path / "as files"), "train", field)
    command = refused.value.fix.split("`")[1]
    assert main([*shlex.split(command)[1:], f"--store={store.root}"]) == 0
    assert files_of(str(tmp_path / "as files"), "train", field)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="has no Parquet file"):
        files_of(str(tmp_path / "empty"), "train", field)


def test_an_export_that_was_changed_since_is_refused(exported: Path) -> None:
    [shard] = (exported / "grpo").glob("*.parquet")
    shard.write_bytes(shard.read_bytes() + b"x")
    with pytest.raises(RunStopped, match=r"data\.grpo.*export it again"):
        data_of(read(a_config(exported)))
    (exported / "grpo" / "manifest.json").write_text("{}")
    with pytest.raises(StoreError, match="manifest"):
        data_of(read(a_config(exported)))


@pytest.mark.parametrize("name", ["train-00001-of-00002.parquet", "more/train.parquet", "rows.json", "rows.jsonl"])
def test_rows_beside_those_of_an_export_are_refused_by_the_name_of_their_file(exported: Path, name: str) -> None:
    [shard] = (exported / "grpo").glob("*.parquet")
    (exported / "grpo" / "README.md").touch()
    data_of(read(a_config(exported)))
    (exported / "grpo" / name).parent.mkdir(exist_ok=True)
    (exported / "grpo" / name).write_bytes(shard.read_bytes())
    with pytest.raises(RunStopped, match=rf"data\.grpo = .*: {name} is no file of this export.*move it away"):
        data_of(read(a_config(exported)))


def test_a_training_that_is_started_by_a_run_refuses_exports_of_another(exported: Path) -> None:
    data = data_of(read(a_config(exported)))
    for folder in (None, str(exported)):
        with pytest.raises(RunStopped, match=r"data\.sft = .* is an export of run r1, not of r2.*publish r2 again"):
            _check_run(data, Published("r2", folder))
    _check_run(data, Published("r1"))
    _check_run(data, Published("r2", str(exported / "elsewhere")))


def test_curves_are_drawn_of_what_was_logged_and_numbers_that_are_none_are_left_out() -> None:
    pytest.importorskip("matplotlib")
    from curation.trainer.curves import _series, _starts
    from flows.training_plot import curves

    points: list[dict[str, Any]] = [
        {
            "part": "grpo-1",
            "step": 1,
            "loss": 0.1,
            "reward": 0.4,
            "rewards/format/mean": 0.5,
            "rewards/format/std": 9.0,
        },
        {"part": "grpo-1", "step": 2, "loss": float("nan"), "reward": 0.6, "rewards/format/mean": 0.7},
        {"part": "sft", "step": 10, "loss": 2.0},
    ]
    scores = [{"at": "sft", "step": 20, "greedy": {"accuracy": 0.4}}, {"at": "grpo-1", "step": 2, "sampled": {}}]
    starts = _starts(points, scores)
    assert starts == {"sft": 0, "grpo-1": 20}
    placed = [(starts[point["part"]] + point["step"], point) for point in points]
    assert _series(placed, ("loss",)) == {"loss": [(21, 0.1), (10, 2.0)]}
    assert _series(placed, ("reward", "rewards/")) == {
        "reward": [(21, 0.4), (22, 0.6)], "format": [(21, 0.5), (22, 0.7)],
    }  # fmt: skip
    picture = Pil.open(io.BytesIO(curves(points, scores)))
    assert (picture.format, picture.width) == ("PNG", 1200)
    assert curves(points, scores) == curves(points, scores)


NONE_OF_OURS = ["{", "[]", '"a"', '{"a": 1}', '{"settings": null}', OURS.replace('"chosen": {}, ', ""),
                OURS.replace('"scores": []', '"scores": [1]')]  # fmt: skip


@pytest.mark.parametrize("text", NONE_OF_OURS)
def test_a_record_that_no_training_wrote_is_refused_in_one_line(
    exported: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (exported / "out").mkdir()
    (exported / "out" / "run.json").write_text(text)
    (exported / "out" / "curve.jsonl").write_text('{"part": "sft", "step": 1, "loss": 1.0}\n')
    assert main(["train", str(a_config(exported)), f"--store={exported / 'store'}"]) == 2
    said = capsys.readouterr().err
    assert (len(said.splitlines()), "run.json that no training wrote" in said) == (1, True)
    assert rows(Store.open(exported / "store"), "select * from trainings") == []


def test_a_second_training_in_the_same_folder_is_refused_and_the_first_keeps_its_record(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(exported / "out"):
        assert main(["train", str(a_config(exported)), f"--store={exported / 'store'}"]) == 2
    said = capsys.readouterr().err
    assert (len(said.splitlines()), "another training is writing into it" in said) == (1, True)
    assert rows(Store.open(exported / "store"), "select * from trainings") == []


@pytest.mark.train
@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (OSError(28, "No space left on device", "out/model"), "failed", "the disk of "),
        (
            RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
            "failed",
            "the disk",
        ),
        (RuntimeError("unexpected pos 64\nvs 0"), "failed", "RuntimeError: unexpected pos 64 vs 0"),
        (KeyboardInterrupt(), "interrupted", ""),
    ],
)
def test_a_training_that_falls_over_is_recorded_with_why(
    ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: str, detail: str
) -> None:
    from curation.trainer import run as trainer

    def fall(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(trainer, "Run", fall)
    store = Store.open(tmp_path / "store")
    config = a_config(tmp_path, model=ground / "tiny", sft=ground / "sft", grpo=ground / "grpo")
    with pytest.raises(RunStopped if detail.startswith("the disk") else type(error)):
        train(str(config), None, str(store.root), print)
    [row] = rows(store, "select status, detail, ended from trainings")
    assert (row["status"], row["detail"].startswith(detail), row["ended"] is None) == (status, True, False)


@pytest.mark.train
def test_a_training_is_recorded_with_its_data_and_scores_and_its_curves_are_drawn(
    ground: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open(tmp_path / "store")
    config = a_config(tmp_path, model=ground / "tiny", sft=ground / "sft", grpo=ground / "grpo")
    assert main(["train", str(config), f"--store={store.root}", "--json"]) == 0
    out, errors = capsys.readouterr()
    assert f"data.grpo = {ground / 'grpo'} has no manifest.json" in errors
    said = json.loads(out.strip().splitlines()[-1])
    [row] = rows(store, "select * from trainings")
    assert (row["status"], row["out"], row["ended"] > row["started"]) == ("finished", str(tmp_path / "out"), True)
    assert json.loads(row["scores"]) == said["scores"]
    assert json.loads(row["data"])["grpo"] == {"path": str(ground / "grpo")}
    assert json.loads(row["versions"])["trl"].startswith("1.16")
    assert Pil.open(tmp_path / "out" / "curves.png").format == "PNG"


@pytest.mark.train
def test_a_training_that_must_not_go_on_says_why_in_the_store(ground: Path, tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    config = a_config(tmp_path, model=ground / "tiny", sft=ground / "sft", grpo=ground / "grpo")
    config.write_text(
        config.read_text().replace("least_format = 0.0", "least_format = 1.0").replace("steps = 30", "steps = 1")
    )
    assert main(["train", str(config), f"--store={store.root}"]) == 1
    [row] = rows(store, "select status, detail from trainings")
    assert row["status"] == "stopped"
    assert "least_format" in row["detail"]
