"""The recipe shown in `docs/recipes.md` is a recipe: it is built and run from the page."""

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import curation.recipes
from curation.errors import ConfigError
from curation.recipes import RECIPES
from curation.sources.spec import PUBLISHED
from flows.cli import main
from flows.job import Job
from flows.progress import Progress
from flows.run import run, steps_of
from storage.store import Store
from tests.fakes import mind_wethink
from tests.fakes.model_server import ModelServer

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


[CODE] = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def recipe(" in block]
[(NAME, MODULE)] = re.findall(r'with the line `"([\w-]+)": "curation\.recipes\.(\w+)"` in `RECIPES`', PAGE)


def test_the_recipe_on_the_page_runs_from_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{MODULE}.py").write_text(CODE, encoding="utf-8")
    monkeypatch.setattr("curation.recipes.__path__", [*curation.recipes.__path__, str(tmp_path)])
    monkeypatch.setitem(RECIPES, NAME, f"curation.recipes.{MODULE}")
    with ModelServer(mind_wethink.reply, models=mind_wethink.MODELS) as server:
        roles = {"captioner": "eyes", "viewer": "eyes", "reasoner": "thinker"}
        teachers = tuple(f"{role}=fake@{server.url}?seed=true#{model}" for role, model in roles.items())
        job = Job(recipe=NAME, source="figures?size=320x240", limit=10, teachers=teachers, store=str(tmp_path / "s"))
        ended = run(job, lambda prepared: Progress(steps_of(prepared)))
    assert ended.event == "finished"
    store = Store.open(tmp_path / "s", create=False)
    kept = store.query("select question, options from made_questions where fate = 'kept'").to_pylist()
    assert kept
    assert all(row["options"] != "[]" for row in kept)


def test_the_recipe_on_the_page_can_be_exported_once_it_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = re.findall(r"`(\w+)` \(`(curation\.steps\.\w+)`\)", PAGE)
    imports = "".join(f"from {module} import {name}\n" for name, module in steps)
    splitting = CODE.replace("from curation.steps.settle", imports + "from curation.steps.settle")
    last = "".join(f"            {name},\n" for name, _ in [("settle", ""), *steps])
    splitting = splitting.replace("            settle,\n", last)
    (tmp_path / f"{MODULE}.py").write_text(splitting, encoding="utf-8")
    monkeypatch.setattr("curation.recipes.__path__", [*curation.recipes.__path__, str(tmp_path)])
    monkeypatch.setitem(RECIPES, NAME, f"curation.recipes.{MODULE}")
    monkeypatch.delitem(sys.modules, f"curation.recipes.{MODULE}", raising=False)
    assert main(["recipes", "show", NAME]) == 0
    shown = capsys.readouterr().out
    roles = re.findall(r"--teacher (\w+)=URL#MODEL", PAGE)
    needed = re.findall(r"needed; name its model: --teacher (\w+)=URL#MODEL", shown)
    assert (sorted(needed), "by default None" in shown) == (sorted([*roles, "rewriter"]), False)
    with ModelServer(mind_wethink.reply, models=mind_wethink.MODELS) as server:
        models = {"captioner": "eyes", "viewer": "eyes", "reasoner": "thinker", "rewriter": "editor"}
        teachers = [f"--teacher={role}=fake@{server.url}?seed=true#{models[role]}" for role in needed]
        store = f"--store={tmp_path / 's'}"
        run = ["run", NAME, "--source=figures?size=320x240", "--limit=10", *teachers, store, "--no-prefect", "--quiet"]
        assert main(run) == 0
    assert main(["export", "easyr1", str(tmp_path / "out"), store]) == 0
    assert list((tmp_path / "out").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("cut", "says"), [("            agree,\n", r"step settle = \['agree'\]: reads what nothing before it writes"),
                      ("            mine.using(turns=0),\n", r"step synthesize = \['mine'\]: reads what nothing")],
)  # fmt: skip
def test_the_recipe_on_the_page_without_one_of_its_steps_is_refused(cut: str, says: str) -> None:
    assert CODE.count(cut) == 1
    scope: dict[str, Any] = {}
    exec(CODE.replace(cut, ""), scope)  # noqa: S102 the page's own text
    with pytest.raises(ConfigError, match=says):
        scope["recipe"]()


@pytest.mark.parametrize("module", sorted(set(RECIPES.values())))
def test_every_recipe_file_is_short_enough_to_be_read_aloud(module: str) -> None:
    source = importlib.util.find_spec(module)
    assert source is not None
    assert source.origin is not None
    assert len(Path(source.origin).read_text(encoding="utf-8").splitlines()) < 120


def test_the_recipe_on_the_page_is_one_short_file() -> None:
    assert len(CODE.splitlines()) < 120


def test_help_names_every_kind_of_source(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert all(f"{scheme}:FILE" in said for scheme in PUBLISHED)
