"""The page over small stores: numbers, filters, pages, marks, and whatever may be missing."""

from pathlib import Path

import pytest
import streamlit

from curation.records import Outcome
from storage import corpus
from storage.store import Store
from tests.storage.hand_built import a_sample, an_outcome, take_in
from tests.ui.built import (
    ROOT,
    a_picture,
    begin,
    drawn_html,
    keep,
    many,
    metric,
    sound,
    texts,
    the_page,
)
from ui import gallery, reading

LEAKY = "<think>\nThe description says two dots. Wait, let me count again: two.\n</think>\n\n<answer>2</answer>"
CLEAN = LEAKY.replace("The description says", "I see")


def test_an_empty_store_says_how_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = the_page(Store.open(tmp_path / "store"), monkeypatch)
    assert "no run yet" in page.info[0].value
    assert page.code[0].value.startswith("vistill run")


def test_a_missing_store_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = the_page(tmp_path / "nowhere", monkeypatch)
    assert page.error[0].value == "The store cannot be read."
    assert "no store at" in texts(page)[0]


def test_a_run_that_only_started_shows_no_samples_and_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = the_page(begin(tmp_path), monkeypatch)
    assert metric(page, "Rows in") == "0"
    assert page.info[0].value == "No sample here yet."
    sound(page.segmented_control[0].set_value("Funnel").run())
    assert "killed" in drawn_html(page)  # its process is not there


def test_samples_under_way_wait_before_their_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = begin(tmp_path)
    take_in(store, [a_sample(0)])
    page = the_page(store, monkeypatch)
    assert page.segmented_control(key="which").options == ["All", "Waiting"]
    assert "pending at dedup: waiting" in drawn_html(page)
    assert page.info[0].value == "This row has no picture."
    assert page.info[1].value == "No trace was drawn for this sample."


def test_the_numbers_are_those_of_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = the_page(many(tmp_path, 5), monkeypatch)
    shown = {name: metric(page, name) for name in ("Rows in", "Verified", "SFT", "RL", "Calls", "Tokens", "Cost")}
    assert shown == {
        "Rows in": "5", "Verified": "5", "SFT": "3", "RL": "2", "Calls": "5", "Tokens": "75", "Cost": "\\$0.05",
    }  # fmt: skip


def test_next_goes_over_the_end_of_a_page_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gallery, "PAGE", 3)
    monkeypatch.setattr(reading, "PAGE", 3)
    page = the_page(many(tmp_path, 5), monkeypatch)
    assert len(page.dataframe[0].value) == 3
    assert page.button(key="back").disabled
    for _ in range(3):
        sound(page.button(key="next").click().run())
    assert "4 of 5" in texts(page)
    assert "How many dots are in picture 3?" in texts(page)
    assert len(page.dataframe[0].value) == 2
    sound(page.button(key="back").click().run())
    assert "How many dots are in picture 2?" in texts(page)
    sound(page.pagination[0].set_value(2).run())
    assert "4 of 5" in texts(page)
    assert not [record for record in caplog.records if "Session State" in record.message]


def test_filters_list_only_what_they_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = many(tmp_path, 4)
    wrong = a_sample(9, kind="mcq")
    take_in(store, [wrong])
    corpus.add_outcomes(store, "r1", [an_outcome(wrong, "dedup", "dropped", reason="exact_image", detail="of s1")])
    page = the_page(store, monkeypatch)
    which = page.segmented_control(key="which")
    assert which.options == ["All", "SFT", "RL", "Dropped"]
    assert page.selectbox[2].options == ["any", "digit", "mcq"]
    sound(which.set_value("RL").run())
    assert list(page.dataframe[0].value["Question"]) == [f"How many dots are in picture {n}?" for n in (1, 3)]
    sound(page.segmented_control(key="which").set_value("Dropped").run())
    assert list(page.dataframe[0].value["Fate"]) == ["exact_image"]
    assert page.selectbox[1].options == ["any reason", "exact_image (dedup)"]
    assert any("same decoded picture" in text and "(of s1)" in text for text in texts(page))


def test_the_funnel_names_reasons_with_their_meaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = begin(tmp_path)
    corpus.add_members(store, "r1", [("row-1", "", 0)])
    corpus.add_outcomes(
        store, "r1", [Outcome("row-1", "", "intake", "f-intake", "failed", reason="image_missing", detail="x.png")]
    )
    page = the_page(store, monkeypatch)
    assert "The row was rejected before a sample was made of it." in texts(page)
    sound(page.segmented_control[0].set_value("Funnel").run())
    [row] = page.dataframe[0].value.to_dict("records")
    assert (row["Step"], row["Fate"], row["Reason"], row["Samples"]) == ("intake", "failed", "image_missing", 1)
    assert row["Meaning"].startswith("The row names an image file")


def test_cues_and_mended_leaks_are_marked_in_the_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, sample = begin(tmp_path), a_sample(0)
    take_in(store, [sample])
    keep(store, sample, trace=LEAKY, after=CLEAN, cues={"wait": 1, "again": 1}, leaks=["The description"])
    shown = drawn_html(the_page(store, monkeypatch))
    assert "<del>The description says </del><ins>I see </ins>two dots. <mark>Wait</mark>" in shown
    assert "caption leak removed: The description" in shown
    assert "correct · rule: compared" in shown
    assert "distill: thinker" in shown


def test_a_missing_or_damaged_picture_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = many(tmp_path, 1)
    assert not the_page(store, monkeypatch).warning
    other = a_picture("red")[0]
    lost = a_sample(7, image=other)
    take_in(store, [lost])
    page = the_page(store, monkeypatch)
    sound(page.segmented_control(key="which").set_value("Waiting").run())
    assert "missing or damaged" in page.warning[0].value
    path = store.image_path(other.sha256, "png")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(a_picture("blue")[1])
    streamlit.cache_data.clear()
    assert "missing or damaged" in sound(page.run()).warning[0].value


def test_traces_of_100_kb_are_shown_whole_and_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, sample = begin(tmp_path), a_sample(0)
    take_in(store, [sample])
    long = "<think>" + " ".join(f"word{n} wait" for n in range(8000)) + " the end</think>2"
    assert len(long) > 100_000
    keep(store, sample, trace=long, after=long.replace("word0", "term0"), cues={"wait": 8000})
    shown = drawn_html(the_page(store, monkeypatch))
    assert "the end</div>" in shown
    assert shown.count("<mark>wait</mark>") >= 8000


def test_every_page_file_is_small_and_makes_html_in_one_place() -> None:
    for file in (ROOT / "ui").glob("*.py"):
        source = file.read_text(encoding="utf-8")
        assert len(source.splitlines()) <= 300, file
        assert "unsafe_allow_html" not in source, file
        assert "st.markdown" not in source, file
        assert "st.write" not in source, file
