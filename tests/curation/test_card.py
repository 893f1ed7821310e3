"""The card: what it keeps of others, and hostile texts that stay texts."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from curation.card import BEGIN, END, About, Configuration, card, example_texts, features, listed, parsed, size_category
from curation.errors import ConfigError
from curation.exports import FORMATS
from flows.export_files import schema_of

HOSTILE = "<script>alert(1)</script> | `x` ``` [a](javascript:b) ![i](http://e.org/x.png) <!-- /vistill -->"


def a_manifest(**changes: Any) -> dict[str, Any]:
    return {
        "vistill": "0.1.0", "recipe": "vlaa-thinking", "title": "prompts", "run_id": "r1", "as_of": 1.7e9,
        "counts": {"train": 2}, "columns": {"images": ["image"], "solution": "string"},
        "models": {"reasoner": {"name": "local", "model": "smol"}}, "prompts": {"distill": {"ask": "ab" * 32}},
        "funnel": [{"step": "intake", "input": 4, "kept": 2, "dropped": 1, "failed": 1, "pending": 0}], "findings": [],
        "skipped": {}, "allow_overlap": False, "licences": {"figures": {"mit": 2}}, **changes,
    }  # fmt: skip


def an_about(**changes: Any) -> About:
    given = {
        "repo": "me/dots", "url": "https://hub/datasets/me/dots", "title": "Dots", "recipe": "Traces", "paper": "",
        "licences": ("mit",), "stated": {}, "language": (), "example": (("user", "How many?"),), "picture": "a.png",
    }  # fmt: skip
    return About(**{**given, **changes})


def written(earlier: str = "", manifest: dict[str, Any] | None = None, name: str = "grpo", **about: Any) -> str:
    return card(earlier, an_about(**about), [Configuration(name, manifest or a_manifest(), 1000, 2000)])


def test_a_card_over_its_own_card_is_the_same_card() -> None:
    assert written(written()) == written()


def test_prose_outside_the_marks_is_kept_where_it_stands() -> None:
    before = written().replace(BEGIN, f"Above.\n\n{BEGIN}").replace(END, f"{END}\n\nBelow.")
    after = written(before, a_manifest(counts={"train": 5}))
    assert after.index("Above.") < after.index(BEGIN) < after.index(END) < after.index("Below.")
    assert after.count(BEGIN) == 1
    assert "| grpo | prompts | 5 |" in after


def test_another_configuration_keeps_its_place_and_the_first_stays_the_default() -> None:
    both = written(written(), name="sft")
    data = parsed(both)[0]
    assert [one["config_name"] for one in data["configs"]] == ["grpo", "sft"]
    assert [one["config_name"] for one in data["configs"] if one.get("default")] == ["grpo"]
    assert [one["config_name"] for one in listed(data, "dataset_info")] == ["grpo", "sft"]
    assert "Also in this repository, and not described here: grpo." in both


@given(st.text(max_size=300))
def test_what_was_written_by_hand_is_never_lost(prose: str) -> None:
    kept = "".join(prose.split())
    assert kept in "".join(parsed(written(f"---\nx: 1\n---\n{prose}"))[1].split())


@pytest.mark.parametrize("header", ["a: [1", "- 1\n- 2", "!!python/object/apply:os.system ['true']"])
def test_yaml_that_cannot_be_read_stops_and_nothing_of_it_runs(header: str) -> None:
    with pytest.raises(ConfigError, match=r"README\.md"):
        written(f"---\n{header}\n---\nHello.")


def test_hostile_texts_are_shown_and_do_nothing() -> None:
    manifest = a_manifest(
        licences={HOSTILE: {"mit": 2}}, run_id=HOSTILE, models={HOSTILE: {"model": HOSTILE}},
        findings=[{"severity": "serious", "title": HOSTILE, "samples": 1, "looked_at": 4}],
    )  # fmt: skip
    text = written(manifest=manifest, title=HOSTILE, example=(("user", HOSTILE),))
    body = parsed(text)[1]
    assert body.count(END) == 1 + HOSTILE.count(END)  # its own, and the one inside the fence of the example
    html = MarkdownIt("commonmark").enable("table").render(body)
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert html.count("<img") == 1
    assert parsed(written(text, manifest, title=HOSTILE, example=(("user", HOSTILE),)))[1] == body


@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if one.columns])
def test_columns_are_written_as_datasets_reads_them(name: str) -> None:
    from datasets import Features

    shown = yaml.safe_load(yaml.safe_dump(features(FORMATS[name].columns)))
    wanted, ours = Features._from_yaml_list(shown).arrow_schema, schema_of(FORMATS[name].columns)
    assert ours.equals(wanted, check_metadata=True)
    assert ours.metadata == wanted.metadata  # also where Arrow thinks nothing of it


@pytest.mark.parametrize(
    ("rows", "name"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**6, "1M<n<10M")]
)
def test_sizes_have_the_words_of_the_hub(rows: int, name: str) -> None:
    assert size_category(rows) == name


def test_an_example_leaves_the_instruction_out() -> None:
    turns = [{"role": "system", "content": "Think."}, {"role": "user", "content": "How many?"}]
    row = {"prompt": turns, "solution": "2"}
    assert example_texts(row) == [("user", "How many?"), ("solution", "2")]


def test_what_was_left_out_and_what_was_found_is_said() -> None:
    found = [{"severity": "warning", "title": "contradictions", "samples": 3, "looked_at": 40}]
    skipped = {"train": {"placeholder_text": {"samples": 7, "ids": []}}}
    text = written(manifest=a_manifest(findings=found, skipped=skipped, allow_overlap=True))
    assert "| warning | contradictions | 3 | 40 |" in text
    assert "placeholder\\_text | 7 |" in text
    assert "that check was switched off" in text
    assert "has found nothing in this store, if it was run there at all" in written()


def test_a_corpus_without_models_says_so_everywhere_and_licences_are_counted_by_configuration() -> None:
    bare = a_manifest(models={}, prompts={})
    more = {**bare, "licences": {"figures": {"mit": 5}}}
    text = card("", an_about(), [Configuration("grpo", bare, 1, 2), Configuration("sft", more, 1, 2)])
    assert "every text is the source's own" in text
    assert "Traces were written by the source." in text
    assert "terms of the models" not in text
    assert "| source | licence | rows of grpo | rows of sft |" in text
    assert "| figures | mit | 2 | 5 |" in text
