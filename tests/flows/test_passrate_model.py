"""`vistill passrate --teacher model:DIR`: a real, very small model from a folder; asked once, and anew when changed."""

from pathlib import Path

import pytest

from curation.errors import ConfigError
from curation.teachers.folder import digest_of
from curation.teachers.spec import parse_teacher
from flows.cli import main
from storage.store import Store
from tests.flows.test_export import built
from tests.storage.hand_built import rows

WORDS = ["What does picture show?", "I count dots.", "0 1 2 3 4 5 6 7 8 9"]
CALLS = "select key, model, status, reply, finish, completion_tokens from calls order by key"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    import torch

    from curation.trainer import tiny

    torch.manual_seed(1)
    tiny.build(WORDS, tmp_path / "model")
    return tmp_path / "model"


def passrate(store: Store, teacher: str, *more: str) -> int:
    asked = ["passrate", f"--teacher={teacher}", f"--store={store.root}", "--draws=2", "--max-tokens=8", "--system="]
    return main([*asked, *more])


@pytest.mark.train
def test_a_folder_is_sampled_through_the_ledger_and_anew_once_it_has_changed(tmp_path: Path, model: Path) -> None:
    store = built(tmp_path)
    assert passrate(store, f"model:{model}") == 0
    found = rows(store, CALLS)
    assert len(found) == 4  # two samples in rl, two draws each
    assert {row["model"] for row in found} == {f"model+{digest_of(str(model))[:12]}"}
    assert all(0 < row["completion_tokens"] <= 8 for row in found)
    assert "length" in {row["finish"] for row in found}  # it has not learnt to stop
    assert len({row["reply"] for row in found}) > 1  # drawn, each with a seed of its own
    assert passrate(store, f"model:{model}") == 0
    assert rows(store, CALLS) == found
    told = model / "generation_config.json"
    told.write_text(told.read_text() + "\n")
    assert passrate(store, f"model:{model}") == 0
    assert len(rows(store, CALLS)) == 8


@pytest.mark.train
def test_a_greedy_draw_is_that_of_the_trainers_evaluation(tmp_path: Path, model: Path) -> None:
    """The same row through `evaluate.said` gives the same words."""
    from curation.trainer.config import Evaluation, Model
    from curation.trainer.evaluate import said
    from curation.trainer.models import load
    from flows.export import Export, export
    from tests.flows.test_export import loaded

    store = built(tmp_path)
    assert passrate(store, f"model:{model}", "--temperature=0", "--draws=1") == 0
    export(Export(format="grpo", folder=str(tmp_path / "g"), store=str(store.root), settings={"system": ""}))
    part = list(loaded(tmp_path / "g", tmp_path / "cache"))
    texts, _ = said(*load(Model(path=str(model))), part, Evaluation(tokens=8), sampled=False, seed=0)
    assert sorted(row["reply"] for row in rows(store, CALLS)) == sorted(texts)


def test_a_folder_without_a_model_stops_before_any_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = built(tmp_path)
    assert passrate(store, f"model:{tmp_path}") == 2
    assert "is no folder with a model (no config.json in it)" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="no batches"):
        parse_teacher(f"model:{tmp_path}?batch=true")
