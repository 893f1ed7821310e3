"""`make train-demo`: what it exports, what the view says, and, on purpose only, that GRPO helps (`-m train`)."""

import json
from pathlib import Path

import pytest

from curation.errors import RunStopped
from flows import train_demo
from storage.query import read_only
from storage.store import Store


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demo of seconds: few pictures and steps."""
    for name, value in (("SFT_PICTURES", 24), ("RL_PICTURES", 60), ("HELD_OUT", 16)):
        monkeypatch.setattr(train_demo, name, value)
    config = train_demo.CONFIG
    for old, new in (
        ("steps = 200", "steps = 6"), ("steps = 300", "steps = 2"), ("every = 60", "every = 1"),
        ("prompts = 32", "prompts = 4\nleast_format = 0.0"),
    ):  # fmt: skip
        assert config.count(old) == 1
        config = config.replace(old, new)
    monkeypatch.setattr(train_demo, "CONFIG", config)


@pytest.mark.usefixtures("small")
def test_what_is_taught_and_what_is_held_out_are_other_pictures(tmp_path: Path) -> None:
    import datasets

    train_demo.curated(5, tmp_path / "seed-5", str(tmp_path / "store"))
    found = {
        name: datasets.load_dataset("parquet", data_files=str(tmp_path / f"seed-5/{name}/*.parquet"), split="train")
        for name in ("sft", "grpo", "held-out")
    }
    assert {name: len(rows) for name, rows in found.items()} == {"sft": 24, "grpo": 60, "held-out": 16}
    pictures = [{image[0].tobytes() for image in rows["images"]} for rows in found.values()]
    assert len(set.union(*pictures)) == 100
    assert all(set(row["prompt"][0]) == {"role", "content"} and len(row["prompt"]) == 1 for row in found["grpo"])
    assert "completion" not in found["grpo"].column_names
    assert "messages" not in found["grpo"].column_names


@pytest.mark.usefixtures("small")
def test_held_out_pictures_that_were_taught_stop_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_demo, "HELD_OUT_SEED", 0)
    with pytest.raises(RunStopped, match="taught and held out"):
        train_demo.curated(5, tmp_path / "seed-5", str(tmp_path / "store"))


def test_the_view_has_the_latest_training_of_each_seed_and_no_others(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")

    def training(
        seed: int, event: str, at: float, *sampled: float, label: str = train_demo.LABEL, out: str = "a"
    ) -> None:
        scores = [{"at": "x", "step": 1, "sampled": {"accuracy": value}} for value in sampled]
        row = {
            "training_id": f"{out}{seed}{label}", "event": event, "out": out, "seed": seed, "data": {}, "versions": {},
            "settings": {"label": label}, "scores": scores, "detail": "", "created": at,
        }  # fmt: skip
        store.append("trainings", [row])

    training(1, "started", 10.0)
    training(1, "finished", 30.0, 0.4, 0.5, 0.75)
    training(2, "started", 40.0)
    training(3, "started", 50.0, label="")
    training(1, "started", 5.0, out="b")
    training(1, "finished", 6.0, 0.1, 0.2, out="b")
    found = read_only(store, "select seed, before, after, finished, seconds from train_demo order by seed").to_pylist()
    assert [tuple(row.values()) for row in found] == [(1, 0.4, 0.75, 30.0, 20.0), (2, None, None, None, None)]


@pytest.mark.train
@pytest.mark.usefixtures("small")
def test_a_seed_that_is_done_is_not_done_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_demo.main(["--seeds=1", f"--folder={tmp_path}"]) == 0
    first = train_demo.finished(str(tmp_path / "store"))
    assert [row["seed"] for row in first] == [1]
    curve = [json.loads(line) for line in (tmp_path / "seed-1" / "out" / "curve.jsonl").read_text().splitlines()]
    assert {line["part"] for line in curve} == {"sft", "grpo-1"}
    assert train_demo.main(["--seeds=1", f"--folder={tmp_path}"]) == 0
    assert "seed 1: done before" in capsys.readouterr().out
    assert train_demo.finished(str(tmp_path / "store")) == first


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_answers_alone_teach_what_the_cold_start_did_not(tmp_path: Path) -> None:
    train_demo.demo(1, tmp_path)
    [row] = train_demo.finished(str(tmp_path / "store"))
    assert row["after"] >= row["before"] + 0.10
