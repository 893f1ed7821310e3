"""What a trainer is given that it cannot use (`-m train`): left out and counted, or stopped in one line."""

import asyncio
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from curation.errors import ConfigError, RunStopped
from curation.trainer.config import Data, Judged, Model, Rewards, Training
from tests.curation.test_trainer import ground, trained
from tests.curation.test_trainer_variations import attached, right_row
from tests.fakes.model_server import ModelServer, error

__all__ = ["ground"]  # a fixture
pytestmark = pytest.mark.train

FILE = "train-00000-of-00001.parquet"


def spoilt(ground: Path, folder: Path, change: Any) -> Path:
    """The `grpo` export with its rows changed by `change(rows)`, pictures left as they are stored."""
    import datasets

    rows = datasets.load_dataset("parquet", data_files={"t": str(ground / "grpo" / FILE)}, split="t")
    features = rows.features
    bare = rows.cast_column("images", datasets.List(datasets.Image(decode=False)))
    folder.mkdir()
    changed = change(list(bare))
    columns = {name: [row[name] for row in changed] for name in features}
    datasets.Dataset.from_dict(columns, features=features).to_parquet(folder / FILE)
    return folder


def some_bad(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Six rows that cannot be used; the last picture has its head, but not its end."""
    rows[0]["images"] = [{"bytes": None, "path": None}]
    rows[1]["images"] = [{"bytes": b"no picture", "path": None}]
    rows[2]["prompt"] = [{"role": "user", "content": "What does <image> mean?"}]
    rows[3] |= {"kind": "mcq", "options": []}
    rows[4] |= {"kind": "mcq", "options": [{"letter": None, "text": str(n)} for n in range(30)]}
    rows[5]["images"] = [{"bytes": rows[5]["images"][0]["bytes"][:200], "path": None}]
    return rows


def test_rows_that_cannot_be_used_are_left_out_counted_and_said(ground: Path, tmp_path: Path) -> None:
    said: list[str] = []
    bad = spoilt(ground, tmp_path / "bad", some_bad)
    record, steps = trained(ground, tmp_path / "out", grpo=bad, said=said)
    [line] = [line for line in said if line.startswith("data.grpo: rows left out:")]
    assert "2 picture unreadable" in line
    assert said.index(line) < next(at for at, other in enumerate(said) if "held-out accuracy" in other)
    counts = record.left_out["grpo"]
    assert sum(counts.values()) == 6
    assert (counts["picture missing"], counts["picture unreadable"], counts["image token in the text"]) == (1, 2, 1)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["left_out"]["grpo"] == counts
    assert steps


def test_options_without_letters_get_those_of_their_places() -> None:
    from curation.trainer.rewards import options_of, right

    row = {"solution": "B", "kind": "mcq", "options": [{"letter": None, "text": "3 cm"}, {"text": "6 cm"}]}
    assert [option.letter for option in options_of(row)] == ["A", "B"]
    assert right("<think>a</think><answer>6 cm</answer>", row)
    assert len(options_of({"options": [str(n) for n in range(40)]})) == 26


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows[:0], "has no row"),
        (lambda rows: rows[:3], "are drawn at once"),
        (lambda rows: [{**row, "images": [{"bytes": b"", "path": None}]} for row in rows], "no row is left"),
    ],
)
def test_a_split_with_nothing_to_train_on_is_refused(ground: Path, tmp_path: Path, change: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        trained(ground, tmp_path / "out", grpo=spoilt(ground, tmp_path / "bad", change))


def test_a_file_that_is_no_parquet_is_one_line(ground: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / FILE).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ConfigError, match="export it again"):
        trained(ground, tmp_path / "out", grpo=tmp_path / "bad")


def test_a_loss_that_is_no_number_stops_before_the_weights_are_touched(ground: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(ground / "tiny", tmp_path / "nan")
    path = tmp_path / "nan" / "model.safetensors"
    weights = load_file(path)
    weights[next(name for name in weights if "text_model.layers.0" in name)].fill_(float("nan"))
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(RunStopped, match="step 1: the loss is nan"):
        trained(ground, tmp_path / "out", model=tmp_path / "nan")
    assert "the loss is nan" in json.loads((tmp_path / "out" / "run.json").read_text())["stopped"]
    assert not (tmp_path / "out" / "sft").exists()


@pytest.mark.parametrize(
    ("path", "says"), [("nothing-here", "is no folder here"), ("a//b", "is no folder here"), ("empty", "cannot be")]
)
def test_a_model_that_is_nowhere_is_told_from_one_that_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, says: str
) -> None:
    from curation.trainer.models import load

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=rf"model.path = '{path}': {says}"):
        load(Model(path=path))


def test_rewards_that_tell_nothing_stop_the_run_in_its_first_batch(ground: Path, tmp_path: Path) -> None:
    """Dynamic sampling brings accuracy, which speaks, with weight 0, which teaches nothing."""
    more = '[rewards]\nnames = ["rec"]\nweights = [1.0]\n[resample]\nrounds = 1\n'
    with pytest.raises(RunStopped, match=r"^rec gave no value in the whole first batch, rows of kind digit: .*names"):
        trained(ground, tmp_path / "out", more=more)
    assert "grpo-1" not in (tmp_path / "out" / "curve.jsonl").read_text()


def test_a_reward_that_tells_nothing_beside_others_is_said_once_and_is_in_the_curve(
    ground: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    more = '[rewards]\nnames = ["rec", "format"]\nweights = [1.0, 1.0]\n[progressive]\nat = [[0.0, 0.5]]\n'
    _, steps = trained(ground, tmp_path / "out", more=more, said=said)
    told = [line.split(":")[0] for line in said if "gave no value" in line]
    assert told == [f"{name} gave no value in the whole first batch, rows of kind digit"
                    for name in ("rec", "progressive_iou")]  # fmt: skip
    for name in ("rec", "progressive_iou"):
        assert [step[f"components/{name}/unscored"] for step in steps if "reward" in step] == [1.0, 1.0]


def test_another_run_in_the_same_folder_moves_the_earlier_one_aside(ground: Path, tmp_path: Path) -> None:
    trained(ground, tmp_path / "out", sft_steps=2)
    first = (tmp_path / "out" / "run.json").read_text()
    record, steps = trained(ground, tmp_path / "out", sft_steps=3)
    assert (tmp_path / "out" / "earlier-1" / "run.json").read_text() == first
    assert record.scores[0]["step"] == 3
    assert Counter(step["step"] for step in steps if "reward" in step) == {1: 1, 2: 1}


JUDGED = """
[rewards]
names = ["wethink_hybrid"]
weights = [1.0]
[judge]
teacher = "{url}#fake"
concurrency = 4
timeout = 5.0
tiers = [0.0, 0.25, 1.0]
"""


def all_open(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Questions whose answers only a judge can compare."""
    return [{**row, "kind": "open", "solution": "A harbour in the evening light"} for row in rows]


def test_a_judge_is_asked_over_http_and_its_verdicts_are_paid_once(ground: Path, tmp_path: Path) -> None:
    """Every third call fails for good: that completion has no score, and training goes on."""
    from curation.trainer.config import read
    from curation.trainer.run import train
    from tests.fakes.memory_ledger import MemoryLedger

    asked: list[str] = []

    def reply(request: dict[str, Any]) -> Any:
        asked.append(str(request["messages"]))
        return error(400) if len(set(asked)) % 3 == 0 else "0.25"

    ledger = MemoryLedger()
    bad = spoilt(ground, tmp_path / "open", all_open)
    with ModelServer(reply) as server:
        more = JUDGED.format(url=server.url)
        with pytest.raises(ConfigError, match="needs a ledger"):
            trained(ground, tmp_path / "none", more=more, grpo=bad)
        config = read(tmp_path / "run.toml")
        train(config, say=lambda _: None, ledger=ledger)
        assert server.peak_in_flight <= 4
        assert max(server.answers_by_key.values()) == 1
    points = [json.loads(line) for line in (tmp_path / "none" / "curve.jsonl").read_text().splitlines()]
    steps = [point for point in points if "rewards/wethink_hybrid/mean" in point]
    assert steps
    assert all(0 < point["rewards/wethink_hybrid/mean"] <= 0.7 * 0.25 + 0.3 for point in steps)
    assert any(point["components/wethink_hybrid/unscored"] > 0 for point in steps)
    assert {call.status for call in ledger.calls} == {"ok", "call_bad_request"}


def test_a_judge_that_nobody_reaches_stops_the_training_in_one_line(ground: Path, tmp_path: Path) -> None:
    from curation.trainer.config import read
    from curation.trainer.run import train
    from tests.fakes.memory_ledger import MemoryLedger

    with pytest.raises(ConfigError, match="needs a ledger"):
        trained(ground, tmp_path / "out", more=JUDGED.format(url="http://127.0.0.1:9/v1"),
                grpo=spoilt(ground, tmp_path / "open", all_open))  # fmt: skip
    with pytest.raises(RunStopped, match=r"cannot be reached: connection refused; .* judge\.teacher"):
        train(read(tmp_path / "run.toml"), say=lambda _: None, ledger=MemoryLedger())
    assert not (tmp_path / "out" / "curve.jsonl").exists()
    assert "judge.teacher" in json.loads((tmp_path / "out" / "run.json").read_text())["stopped"]


def turn(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def a_judged(judge: Any, **settings: Any) -> Any:
    from curation.trainer.rewards import of_training

    run = Training(out="o", model=Model(path="m"), data=Data(),
                   rewards=Rewards(names=("format", "wethink_hybrid"), weights=(1.0, 1.0)),
                   judge=Judged(teacher="http://127.0.0.1:9/v1#m", **settings))  # fmt: skip
    return of_training(run, judge)[0]


def open_row() -> dict[str, Any]:
    return {**right_row(), "kind": "open", "solution": "A harbour in the evening light, boats at rest"}


def test_a_judge_that_is_later_than_the_file_allows_gives_no_score() -> None:
    async def judge(*, question: str, reference: str, answer: str) -> float:
        await asyncio.Event().wait()
        return 1.0

    function = a_judged(judge, timeout=0.05)[1]
    columns = {name: [value] for name, value in open_row().items() if name != "prompt"}
    waited = asyncio.wait_for(function([turn("<think>a</think><answer>a port</answer>")], **columns), 20)
    assert asyncio.run(waited) == [None]


def test_a_judge_that_says_nothing_stops_the_run_though_other_rewards_speak(ground: Path, tmp_path: Path) -> None:
    async def judge(*, question: str, reference: str, answer: str) -> float:
        raise OSError("gone")

    trainer = attached(ground, tmp_path, functions=a_judged(judge))
    batch = [open_row()] * 2, [open_row()["prompt"]] * 2, [turn("<think>a</think><answer>a port</answer>")] * 2
    for _ in range(2):
        scores = trainer._calculate_rewards(*batch, [[5]] * 2)
        assert scores[:, 0].tolist() == [1.0, 1.0]
    with pytest.raises(RunStopped, match="wethink_hybrid scored nothing"):
        trainer._calculate_rewards(*batch, [[5]] * 2)
