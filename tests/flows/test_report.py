"""`vistill report`: figures that add up, the same bytes for the same store, and hostile text that stays text."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image as Picture

from curation.markdown import LONGEST_SHOWN, block, cell, table
from flows.cli import main
from flows.report_plots import label
from storage import corpus
from storage.store import Store
from tests.storage.hand_built import a_call, a_sample, add_calls, an_outcome, start, take_in, verdict
from tests.ui.built import STEPS, begin, history, keep, many

HOSTILE = "<script>alert(1)</script> | `x` ``` [a](javascript:b) ![i](http://e.org/x.png) $x^2_ **b** \x00\x1b[31m‮"


def report(store: Store, out: Path, *more: str, name: str = "r1") -> dict[str, Any]:
    assert main(["report", name, "--store", str(store.root), "--out", str(out), *more]) == 0
    found: dict[str, Any] = json.loads((out / "report.json").read_text())
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Ten kept samples, one wrong and one refused at the source, with calls of two roles and pass rates."""
    store = begin(
        tmp_path_factory.mktemp("report"), recipe="vlaa-thinking",
        teachers={"captioner": {"model": "eyes"}, "reasoner": {"model": "thinker"}},
    )  # fmt: skip
    samples = [a_sample(n, meta={"abilities": ["Reasoning", "OCR"][: 1 + n % 2]}) for n in range(11)]
    take_in(store, samples)
    for sample in samples[:10]:
        trace = "<think>" + "so " * (sample.position + 1) + f"</think> {sample.position}"
        cues = {"wait": 2} if sample.position < 4 else {}
        keep(store, sample, trace=trace, cues=cues, split="rl" if cues else "sft", caption="two red dots")
    wrong = samples[10]
    call = a_call(99, model="eyes", cost=None, prompt_tokens=100, completion_tokens=7)
    add_calls(store, call)
    corpus.add_outcomes(store, "r1", [
        an_outcome(wrong, "dedup", value={}),
        an_outcome(wrong, "caption", value="a dot", calls=(call.key,), seconds=2.0),
        an_outcome(wrong, "distill", value="<think>x</think> 3"),
        an_outcome(wrong, "rewrite", value={"text": "<think>x</think> 3"}),
        an_outcome(wrong, "verify", "dropped", verdict(False, "3"), reason="wrong_answer", detail="answered '3'"),
        an_outcome(wrong, "draws", "dropped", {"chosen": 0}, reason="wrong_answer"),
    ])  # fmt: skip
    refused = a_sample(11)
    corpus.add_members(store, "r1", [(refused.id, "", 11)])
    row = {"source": "figures", "raw": "{}"}
    corpus.add_outcomes(
        store, "r1",
        [corpus.Outcome(refused.id, "", "intake", "f-intake", "failed", row, "image_missing", "none.png")],
    )  # fmt: skip
    rates = [
        corpus.PassRate(s.id, s.key, "thinker", 4, 1.0, "rule_first", s.position % 5, "never", 0.1, 0.9)
        for s in samples
    ]
    corpus.add_pass_rates(store, "r1", rates)
    corpus.end_run(store, "r1", event="finished")
    return store


def test_counts_per_step_add_up_and_reasons_are_named(store: Store, tmp_path: Path) -> None:
    found = report(store, tmp_path / "out")
    assert found["totals"] == {"samples": 12, "kept": 10, "dropped": 1, "failed": 1, "pending": 0, "expanded": 0}
    for row in found["funnel"]:
        assert row["input"] == row["kept"] + row["dropped"] + row["failed"] + row["pending"]
    assert [(row["step"], row["reason"], row["samples"]) for row in found["reasons"]] == [
        ("intake", "image_missing", 1), ("verify", "wrong_answer", 1),
    ]  # fmt: skip
    assert found["verdicts"] == [
        {"correct": "false", "decided_by": "rule", "samples": 1},
        {"correct": "true", "decided_by": "rule", "samples": 10},
    ]
    assert {row["name"]: row["samples"] for row in found["splits"]} == {"rl": 4, "sft": 6}


def test_lengths_cues_abilities_and_pass_rates_are_those_of_the_samples(store: Store, tmp_path: Path) -> None:
    found = report(store, tmp_path / "out", "--no-plots")
    words = {row["step"]: row for row in found["words"]}
    assert (words["caption"]["samples"], words["caption"]["median"], words["caption"]["longest"]) == (11, 3, 3)
    assert words["distill"]["longest"] == 12  # "<think>so so … </think> 9": ten so, the closing tag, the answer
    assert found["reflective"] == {"samples": 10, "reflective": 4}
    assert found["cues"] == [{"cue": "wait", "samples": 4, "occurrences": 8, "of": 10}]
    assert found["abilities"] == [
        {"name": "Reasoning", "samples": 11, "kept": 10}, {"name": "OCR", "samples": 5, "kept": 5},
    ]  # fmt: skip
    assert sum(row["samples"] for row in found["pass_rates"]) == 11
    assert [row["samples"] for row in found["pass_rates"] if row["correct"] == 4] == [2]


def test_cost_and_tokens_are_told_by_role_and_an_unknown_price_is_not_zero(store: Store, tmp_path: Path) -> None:
    found = report(store, tmp_path / "out", "--no-plots")
    roles = {row["role"]: row for row in found["by_role"]}
    assert (roles["reasoner"]["calls"], roles["reasoner"]["completion_tokens"]) == (10, 50)
    assert roles["reasoner"]["cost"] == pytest.approx(0.1)
    assert (roles["captioner"]["calls"], roles["captioner"]["prompt_tokens"]) == (1, 100)
    assert roles["captioner"]["cost"] is None
    assert next(row for row in found["seconds"] if row["step"] == "caption")["seconds"] == 2.0


def test_a_recipe_means_its_latest_run(store: Store, tmp_path: Path) -> None:
    assert report(store, tmp_path / "out", "--no-plots", name="vlaa-thinking")["run"]["run_id"] == "r1"


def test_the_same_store_gives_the_same_bytes_and_another_seed_other_examples(store: Store, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    chosen = report(store, first)["examples"]["kept"]
    store.compact(force=True)
    report(store, second)
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)
    other = report(store, tmp_path / "other", "--seed", "1")["examples"]["kept"]
    assert [row["sample_id"] for row in chosen] != [row["sample_id"] for row in other]


def test_plots_are_light_pictures_and_the_markdown_shows_each(store: Store, tmp_path: Path) -> None:
    found = report(store, tmp_path / "out")
    assert set(found["plots"]) == {
        "funnel.png", "reasons.png", "lengths.png", "cues.png", "kinds.png", "abilities.png", "pass_rates.png",
        "tokens.png",
    }  # fmt: skip
    text = (tmp_path / "out" / "report.md").read_text()
    for name in found["plots"]:
        picture = Picture.open(io.BytesIO((tmp_path / "out" / name).read_bytes())).convert("RGB")
        assert picture.width > 900
        assert picture.getpixel((0, 0)) == (255, 255, 255)
        assert len(picture.getcolors(1 << 20) or ()) > 3
        assert f"]({name})" in text


def test_plots_of_an_earlier_report_do_not_stay(store: Store, tmp_path: Path) -> None:
    report(store, tmp_path / "out")
    report(store, tmp_path / "out", "--no-plots")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.json", "report.md"]


def test_a_run_under_way_is_reported_as_far_as_it_is(tmp_path: Path) -> None:
    store = begin(tmp_path)
    take_in(store, [a_sample(n) for n in range(3)])
    keep(store, a_sample(0), trace="<think>x</think> 0")
    found = report(store, tmp_path / "out")
    assert found["totals"] == {"samples": 3, "kept": 1, "dropped": 0, "failed": 0, "pending": 2, "expanded": 0}
    assert (found["run"]["status"], found["run"]["seconds"]) == ("running", None)
    assert "not ended" in (tmp_path / "out" / "report.md").read_text()


def test_a_run_that_has_taken_nothing_in_gives_a_report_without_plots(tmp_path: Path) -> None:
    assert report(begin(tmp_path), tmp_path / "out")["plots"] == []


def test_another_run_of_the_recipe_can_be_named(tmp_path: Path) -> None:
    store = begin(tmp_path)
    take_in(store, [a_sample(0)])
    keep(store, a_sample(0), trace="<think>x</think> 0")
    start(store, "r2", steps=STEPS)
    take_in(store, [a_sample(1), a_sample(2)], "r2")
    assert report(store, tmp_path / "one", "--no-plots", name="r1")["totals"]["kept"] == 1
    assert report(store, tmp_path / "two", "--no-plots", name="vlaa")["totals"]["samples"] == 2


# Hostile text


def hostile_store(path: Path) -> Store:
    store = begin(path)
    sample = a_sample(0, id=f"s{HOSTILE[:60]}", question=HOSTILE, source=f"src{HOSTILE[:40]}", reference=HOSTILE,
                      meta={"abilities": [HOSTILE, "$\\frac{x", 7, {"a": [1]}, None]})  # fmt: skip
    take_in(store, [sample])
    long = "<think>" + "`" * 40 + HOSTILE + "w " * 50_000 + "</think> 1"
    call, outcomes = history(sample, long.replace("\x00", ""), cues={'"wait"|$x': 1})
    add_calls(store, call)
    corpus.add_outcomes(store, "r1", outcomes)
    return store


def live(text: str) -> list[str]:
    """The HTML, links and pictures that a CommonMark reader finds."""
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    tokens = [inner for token in reader.parse(text) for inner in (token, *(token.children or ()))]
    found = [token for token in tokens if token.type in ("html_block", "html_inline", "link_open", "image")]
    return [str(token.attrs.get("src") or token.attrs.get("href") or token.content) for token in found]


def test_hostile_text_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    store = hostile_store(tmp_path)
    found = report(store, tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text()
    assert sorted(live(text)) == found["plots"]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)
    assert len(text) < 40_000  # the trace has 100,000 characters
    assert f"({LONGEST_SHOWN:,} of 100," in text
    assert len(found["examples"]["kept"]) == 1
    assert found["cues"] == [{"cue": '"wait"|$x', "samples": 1, "occurrences": 1, "of": 1}]


@given(st.text(alphabet="<>a b&[]()!|`*_~\\\n:/@.", max_size=60))
def test_no_cell_brings_html_links_or_further_cells_into_a_table(text: str) -> None:
    rows = table(["one", "two"], [(text, 1)])
    assert live(rows) == []
    assert MarkdownIt("commonmark").enable("table").render(rows).count("<td>") == 2


@given(st.text(max_size=300))
def test_a_cell_is_one_line_without_live_markup(text: str) -> None:
    shown = cell(text)
    assert "\n" not in shown
    assert "<" not in shown


@given(st.text(alphabet="`~\n abtext", max_size=200))
def test_no_text_closes_its_own_fence(text: str) -> None:
    lines = block(text).split("\n")
    fence = lines[0].removesuffix("text")
    assert [at for at, line in enumerate(lines) if line.strip().startswith(fence)] == [0, len(lines) - 1]


@given(st.text(max_size=100))
def test_labels_of_plots_are_short_lines_the_font_can_draw(text: str) -> None:
    assert len(label(text)) <= 32
    assert "\n" not in label(text)


# Bad use


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("nothing",), 2, "no run of it in the store; recipes: vlaa; latest runs: r1"),
        (("r1", "--examples", "-1"), 2, "0 to 50 of each kind"),
    ],
)
def test_unknown_names_and_numbers_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, part: str
) -> None:
    store = begin(tmp_path)
    assert main(["report", *arguments, "--store", str(store.root), "--out", str(tmp_path / "out")]) == code
    said = capsys.readouterr().err
    assert part in said
    assert said.count("\n") == 1


def test_an_empty_store_and_a_missing_one_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Store.open(tmp_path / "store", create=True)
    assert main(["report", "r1", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]) == 2
    assert "has no runs to report on" in capsys.readouterr().err
    assert main(["report", "r1", "--store", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert "no store at" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = begin(tmp_path)
    (tmp_path / "file").write_text("x")
    code = main(["report", "r1", "--no-plots", "--store", str(store.root), "--out", str(tmp_path / "file" / "out")])
    assert code == 2
    assert "--out" in capsys.readouterr().err


def test_without_matplotlib_the_way_out_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.run_report.find_spec", lambda name: None)
    store = begin(tmp_path)
    assert main(["report", "r1", "--store", str(store.root), "--out", str(tmp_path / "out")]) == 2
    assert "--no-plots" in capsys.readouterr().err


def test_the_store_is_only_read(store: Store, tmp_path: Path) -> None:
    def files() -> list[tuple[str, int]]:
        return sorted((str(p), p.stat().st_mtime_ns) for p in (store.root / "segments").rglob("*.parquet"))

    before = files()
    report(store, tmp_path / "out", "--no-plots")
    assert files() == before


@pytest.mark.slow
def test_many_samples_take_seconds(tmp_path: Path) -> None:
    assert report(many(tmp_path, 100_000), tmp_path / "out")["totals"]["kept"] == 100_000
