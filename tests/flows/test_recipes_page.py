"""The recipe shown in `docs/recipes.md` is a recipe: it is built and run from the page."""

import re
from pathlib import Path

import pytest

from curation.recipes import RECIPES
from flows.job import Job
from flows.progress import Progress
from flows.run import run, steps_of
from storage.store import Store
from tests.fakes import mind_wethink
from tests.fakes.model_server import ModelServer

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


def test_the_recipe_on_the_page_runs_from_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [code] = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def recipe(" in block]
    (tmp_path / "quiz_from_the_page.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(RECIPES, "picture-quiz", "quiz_from_the_page")
    with ModelServer(mind_wethink.reply, models=mind_wethink.MODELS) as server:
        roles = {"captioner": "eyes", "viewer": "eyes", "reasoner": "thinker"}
        teachers = tuple(f"{role}=fake@{server.url}?seed=true#{model}" for role, model in roles.items())
        job = Job(
            recipe="picture-quiz", source="figures?size=320x240", limit=10, teachers=teachers, store=str(tmp_path / "s")
        )
        ended = run(job, lambda prepared: Progress(steps_of(prepared)))
    assert ended.event == "finished"
    store = Store.open(tmp_path / "s", create=False)
    kept = store.query("select question, options from made_questions where fate = 'kept'").to_pylist()
    assert kept
    assert all(row["options"] != "[]" for row in kept)
