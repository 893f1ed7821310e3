"""The pages beside the review card: bulk, agreement, corpus, live run, SQL; and who may do what on them."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from storage import audits, review_index
from storage.reviews import Decision, decide
from storage.store import Store
from tests.storage.hand_built import a_sample, rows
from tests.ui.built import begin, many, run_again, sound
from tests.ui.paged import DESKS, page_of, press, words
from ui import charts, corpus_parts, filters, people
from ui.bulk_page import Asked, act
from ui.hand import Hand
from ui.sql_page import answer, parquet_bytes
from ui.training_page import read_points


def standing(store: Store) -> list[tuple[str, str]]:
    found = rows(store, "SELECT sample_id, decision FROM reviews WHERE standing ORDER BY sample_id")
    return [(row["sample_id"], row["decision"]) for row in found]


def say(store: Store, name: str, sample: int, decision: str, **rest: object) -> None:
    [row] = rows(store, f"SELECT sample_key FROM samples WHERE sample_id = 's{sample}'")
    decide(store, Decision(f"s{sample}", row["sample_key"], name, decision, "r1", seconds=2.0 + sample, **rest))  # type: ignore[arg-type]


def test_a_bulk_takes_the_whole_filter_after_a_confirmation_and_is_undone_as_one(tmp_path: Path) -> None:
    store = many(tmp_path, 9)
    page = page_of(store, "bulk_page")
    page.session_state["only-split"] = ["rl"]
    sound(page.run())
    press(page, "Reject 4")
    assert standing(store) == []
    assert "Reject 4 samples? It is one event and can be undone." in words(page)
    press(page, "Yes, reject 4")
    assert standing(store) == [(f"s{n}", "reject") for n in (1, 3, 5, 7)]
    assert {row["split"] for row in rows(store, "FROM splits WHERE sample_id IN ('s1', 's3')")} == {"none"}
    assert "4 rejected by ann" in words(page)
    press(page, "Undo")
    assert standing(store) == []
    assert "the bulk is taken back" in words(page)


def test_a_blind_person_sees_no_verdict_in_a_bulk_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = many(tmp_path, 3)
    assert "split rl" in words(page_of(store, "bulk_page"))
    monkeypatch.setenv("VISTILL_BLIND", "1")
    said = words(page_of(store, "bulk_page"))
    assert "correct" not in said
    assert "split rl" not in said


def test_a_bulk_decides_nothing_when_the_filter_takes_others_by_then(tmp_path: Path) -> None:
    store = many(tmp_path, 4)
    page_of(store, "bulk_page")
    [desk] = DESKS.values()
    wanted = filters.Wanted(annotator="ann")
    say(store, "ann", 0, "accept")
    assert "takes 3 samples now, not 4: nothing was decided" in act(desk, "ann", Asked(wanted, "reject", None, 4))
    assert standing(store) == [("s0", "accept")]


def test_only_a_lead_acts_in_bulk(tmp_path: Path) -> None:
    store = many(tmp_path, 3)
    for role in ("annotator", "viewer"):
        page = page_of(store, "bulk_page", role=role)
        off = [
            button.disabled for button in page.button if button.label.startswith(("Accept", "Reject", "Skip", "Flag"))
        ]
        assert off == [True] * 4


def test_a_viewer_sees_the_card_and_every_verdict_button_is_off(tmp_path: Path) -> None:
    store = many(tmp_path, 2)
    page = page_of(store, "review", role="viewer")
    verdicts = [button for button in page.button if button.label in ("Accept", "Reject", "Skip", "Flag", "Edit answer")]
    assert [button.disabled for button in verdicts] == [True] * 5
    hand = page.session_state["hand"]
    assert "nothing was decided" in hand.decide(hand.current().id, "accept")
    assert standing(store) == []


def test_what_settles_a_conflict_leaves_agreement_as_it_was(tmp_path: Path) -> None:
    store = many(tmp_path, 3)
    say(store, "ann", 0, "accept")
    say(store, "lea", 0, "reject")
    page = page_of(store, "agreement_page")
    before = {metric.label: metric.value for metric in page.metric}
    say(store, "lea", 0, "accept", adjudicates=True)
    after = {metric.label: metric.value for metric in page_of(store, "agreement_page").metric}
    assert before == after
    assert before["Percent agreement"] == "0%"


def test_conflicts_are_settled_by_a_lead_and_looked_at_by_others(tmp_path: Path) -> None:
    store = many(tmp_path, 2)
    say(store, "ann", 0, "accept")
    say(store, "bob", 0, "reject")
    desk = page_of(store, "agreement_page") and next(iter(DESKS.values()))
    wanted = filters.Wanted("conflicts", "lea")
    looking = Hand(desk, wanted, read_only=True)
    assert "nothing was decided" in looking.decide(looking.current().id, "accept")  # type: ignore[union-attr]
    settling = Hand(desk, wanted, adjudicates=True)
    assert settling.decide(settling.current().id, "reject") == ""  # type: ignore[union-attr]
    [verdict] = rows(store, "FROM review_verdicts")
    assert (verdict["verdict"], verdict["adjudicator"]) == ("reject", "lea")


def test_undo_takes_back_a_flag_before_the_decision_before_it(tmp_path: Path) -> None:
    store = many(tmp_path, 3)
    page_of(store, "agreement_page")
    hand = Hand(next(iter(DESKS.values())), filters.Wanted(annotator="ann"))
    first = hand.current()
    assert first is not None
    hand.decide(first.id, "accept")
    second = hand.current()
    assert second is not None
    hand.decide(second.id, "flag")
    assert hand.undo("another event") != ""
    assert hand.undo(hand.last) == ""
    assert standing(store) == [(first.row["sample_id"], "accept")]
    assert hand.undo(hand.last) == ""
    assert hand.current() is first
    assert hand.undo(hand.last) != ""


def test_what_others_hold_is_not_called_finished(tmp_path: Path) -> None:
    store = many(tmp_path, 3)
    page_of(store, "agreement_page")
    desk = next(iter(DESKS.values()))
    first, second = (Hand(desk, filters.Wanted(annotator=name)) for name in ("ann", "bob"))
    assert first.current() is not None
    assert (second.current(), second.held) == (None, True)
    first.leave()
    second.again()
    assert second.current() is not None


def test_a_sample_decided_between_a_page_and_its_lease_is_not_given_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = many(tmp_path, 3)
    page_of(store, "agreement_page")
    desk = next(iter(DESKS.values()))
    read = desk.front

    def read_then_somebody_decides(wanted: filters.Wanted, *, limit: int, offset: int = 0) -> list[tuple[str, str]]:
        rows = read(wanted, limit=limit, offset=offset)
        say(store, "bob", 1, "accept")
        return rows

    monkeypatch.setattr(desk, "front", read_then_somebody_decides)
    hand = Hand(desk, filters.Wanted(annotator="ann"))
    assert hand.current() is not None
    assert {card.row["sample_id"] for card in hand.cards} == {"s0", "s2"}


def test_agreement_shows_numbers_people_and_reasons(tmp_path: Path) -> None:
    store = many(tmp_path, 4)
    for sample, (ann, bob) in enumerate((("accept", "accept"), ("reject", "reject"), ("accept", "reject"))):
        say(store, "ann", sample, ann, reason="guessed" if ann == "reject" else None)
        say(store, "bob", sample, bob, reason="guessed, other" if bob == "reject" else None)
    page = page_of(store, "agreement_page")
    assert [metric.value for metric in page.metric] == ["3", "67%", "0.44"]
    two, reasons, people_ = (table.value for table in page.dataframe)
    assert two.to_dict("records") == [
        {"First": "ann", "Second": "bob", "Records": 3, "Agreement": "67%", "Cohen's kappa": "0.40"}
    ]
    assert list(reasons["Reason"]) == ["guessed", "other"]
    assert list(people_["Annotator"]) == ["ann", "bob"]
    assert list(people_["Median seconds"]) == [3.0, 3.0]
    assert list(people_["With the final verdict"]) == ["100% of 2", "100% of 2"]
    press(page, "Settle them")
    assert (page.session_state["queue"], page.session_state["go"]) == ("conflicts", "review")


def test_agreement_without_a_second_opinion_claims_nothing(tmp_path: Path) -> None:
    store = many(tmp_path, 2)
    say(store, "ann", 0, "accept")
    page = page_of(store, "agreement_page")
    assert [metric.value for metric in page.metric] == ["0", "–", "–"]
    assert "Nothing was judged by two people yet" in page.info[0].value


def test_every_part_of_the_corpus_is_drawn_and_its_funnel_is_the_stores(tmp_path: Path) -> None:
    store = many(tmp_path, 6)
    page = page_of(store, "corpus_page")
    assert [metric.value for metric in page.metric][:5] == ["6", "6", "3", "3", "0"]
    for part in ("Yield", "Cost and time", "Traces", "Duplicates", "Audit"):
        sound(page.segmented_control(key="corpus-part").set_value(part).run())
    [run] = rows(store, "FROM runs")
    found = corpus_parts.funnel(next(iter(DESKS.values())), run["recipe"])
    said = rows(store, "SELECT step, input, kept, dropped, failed FROM funnel ORDER BY step_no")
    assert [{name: row[name] for name in said[0]} for row in found] == said


def test_the_corpus_says_which_run_it_is_and_which_reviews_are_not_in_it(tmp_path: Path) -> None:
    store = many(tmp_path, 3)
    say(store, "ann", 0, "reject")
    page = page_of(store, "corpus_page")
    assert "Run r1, seed 7: the latest of this recipe." in words(page)
    assert len(page.warning) == 0
    run_again(store, [a_sample(9)])
    review_index.build(store.root)
    page = page_of(store, "corpus_page")
    assert "Run r2, seed 8: the latest of this recipe." in words(page)
    assert [warning.value for warning in page.warning] == ["Some reviews have no effect on the corpus as it is now."]
    assert "1 judged in r1" in words(page)


def test_a_finding_leads_to_its_rows(tmp_path: Path) -> None:
    store = many(tmp_path, 5)
    noted = audits.Noted("leaks", "serious", "a <b>title</b>", 2, 5, {}, "", "mend", [("s1", "x"), ("s3", "y")])
    audits.record(store, "audit-1", "everything", [noted])
    page = page_of(store, "corpus_page")
    sound(page.segmented_control(key="corpus-part").set_value("Audit").run())
    press(page, "Review these rows")
    assert page.session_state["among"] == ("a <b>title</b>", ("s1", "s3"))
    again = page_of(store, "review")
    again.session_state["among"] = page.session_state["among"]
    sound(again.run())
    assert {card.row["sample_id"] for card in again.session_state["hand"].cards} == {"s1", "s3"}


def test_the_live_page_shows_a_run_under_way_and_why_samples_left(tmp_path: Path) -> None:
    page = page_of(many(tmp_path, 5), "live_page")
    assert "finished" in words(page)
    assert page.get("progress")[0].proto.text == "5 of 5 samples are at their end"
    other = page_of(begin(tmp_path / "other"), "live_page")
    assert "killed" in words(other)


@pytest.mark.parametrize("sql", [
    "COPY (SELECT 1) TO '/tmp/x.csv'", "ATTACH '/etc/passwd' AS x", "SELECT * FROM read_text('/etc/passwd')",
    "DELETE FROM reviews", "SELECT 1; SELECT 2", "WITH x AS (COPY samples TO 'x') SELECT 1", "SET memory_limit = '1TB'",
    "INSTALL httpfs", "SELECT * FROM '/etc/passwd'",
])  # fmt: skip
def test_sql_that_does_more_than_read_is_refused_in_words(tmp_path: Path, sql: str) -> None:
    found = answer(Store.open(tmp_path / "store", create=True), sql, 100)
    assert isinstance(found, str)
    assert "Traceback" not in found
    assert not Path("/tmp/x.csv").exists()


def test_sql_that_never_ends_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.sql_page.SECONDS", 0.5)
    found = answer(
        Store.open(tmp_path / "store", create=True),
        "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b",
        10,
    )
    assert isinstance(found, str)
    assert "took longer" in found


def test_sql_answers_are_cut_kept_and_downloadable(tmp_path: Path) -> None:
    store = many(tmp_path, 5)
    page = page_of(store, "sql_page")
    page.text_area(key="sql").set_value("SELECT sample_id, sample_id, 1.5 AS x FROM samples ORDER BY 1")
    page.selectbox[0].set_value(100)
    press(page, "Run")
    assert "5 rows" in words(page)
    found = page.session_state["sql-answer"]
    assert found.column_names == ["sample_id", "sample_id_1", "x"]
    (tmp_path / "a.parquet").write_bytes(parquet_bytes(found))
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 5


def test_too_large_an_answer_is_refused_and_not_kept(tmp_path: Path) -> None:
    found = answer(Store.open(tmp_path / "store", create=True), "SELECT repeat('x', 10000) FROM range(20000)", 100_000)
    assert isinstance(found, str)
    assert "MB: name fewer columns" in found


def test_roles_come_from_how_the_server_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTILL_LEADS", "lea\nleo")
    monkeypatch.setenv("VISTILL_VIEWERS", "vic")
    monkeypatch.setenv("VISTILL_ROLE", "annotator")
    assert [people.role_of(name) for name in ("lea", "vic", "ann")] == ["lead", "viewer", "annotator"]
    monkeypatch.setenv("VISTILL_ROLE", "emperor")
    assert people.role_of("ann") == "viewer"


def test_newer_samples_are_told_of_and_an_index_of_now_says_nothing(tmp_path: Path) -> None:
    store = many(tmp_path, 2)
    index = review_index.build(store.root)
    assert review_index.stamp(store.root) == index.stamp
    say(store, "ann", 0, "accept")
    assert review_index.stamp(store.root) == index.stamp  # decisions are beside the index


def test_a_training_shows_its_curves_also_while_its_last_line_is_being_written(tmp_path: Path) -> None:
    store = many(tmp_path, 2)
    assert "No training is recorded" in "\n".join(info.value for info in page_of(store, "training_page").info)
    out = tmp_path / "run"
    out.mkdir()
    lines = [f'{{"part": "{part}", "step": {step}, "loss": {step / 8}, "reward": 0.5}}' for part in ("sft", "grpo-1")
             for step in (1, 2)]  # fmt: skip
    (out / "curve.jsonl").write_text("\n".join([*lines, '{"part": "grpo-1", "st']))
    score = {"at": "start", "step": 0, "greedy": {"accuracy": 0.25, "format": 1.0}}
    row = {"training_id": "t", "event": "started", "out": str(out), "seed": 3, "settings": {}, "versions": {},
           "data": {"grpo": {"path": "<b>exports</b>"}}, "scores": [score], "detail": ""}  # fmt: skip
    store.append("trainings", [row])
    page = page_of(store, "training_page")
    assert all(title in words(page) for title in ("Loss", "Reward", "Held out", "running", "seed 3"))
    assert words(page).index("Held out") < words(page).index("Loss")
    assert "where one begins there is a dotted line" in words(page)
    (out / "curve.jsonl").unlink()
    assert "Its curve is not there" in words(page_of(store, "training_page"))
    assert [point["step"] for point in read_points(out / "none")] == []


def test_an_edit_that_changes_nothing_is_not_recorded_and_what_was_typed_stays(tmp_path: Path) -> None:
    store = many(tmp_path, 3)
    page = press(page_of(store, "review"), "Edit answer")
    field = {one.label: one.key for one in page.text_input}
    page.text_input(key=field["Note"]).set_value("a note")
    press(page, "Save")
    assert "Nothing changed, so nothing was recorded" in words(page)
    assert standing(store) == []
    assert page.text_input(key=field["Note"]).value == "a note"
    page.text_input(key=field["Right answer"]).set_value("another answer")
    press(page, "Save")
    [row] = rows(store, "SELECT decision, edited_answer, edited_trace, note FROM reviews")
    assert row == {"decision": "edit", "edited_answer": "another answer", "edited_trace": None, "note": "a note"}


def test_undo_outlives_a_change_of_the_filter(tmp_path: Path) -> None:
    store = many(tmp_path, 6)
    page = press(page_of(store, "review"), "Accept")
    press(page, "Accept")
    (first, _), (second, _) = standing(store)
    last = page.session_state["hand"].done[-1].card.row["sample_id"]
    page.multiselect(key="only-split").set_value(["sft" if last in ("s1", "s3", "s5") else "rl"])
    sound(page.run())
    press(page, "Undo")
    assert f"{last}: taken back" in words(page)
    assert page.session_state["hand"].current().row["sample_id"] != last  # this filter does not take it
    [left] = {first, second} - {last}
    assert standing(store) == [(left, "accept")]
    page.multiselect(key="only-split").set_value([])
    sound(page.run())
    press(page, "Undo")
    assert standing(store) == []
    assert page.session_state["hand"].current().row["sample_id"] == left


def test_under_blind_only_leads_have_what_tells_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    telling = ("Verdict", "Split", "Review", "Condition", "View")
    monkeypatch.setenv("VISTILL_BLIND", "1")
    for role in ("lead", "annotator"):
        page = page_of(many(tmp_path / role, 3), "review", role=role)
        shown = {widget.label for kind in ("multiselect", "selectbox", "text_input") for widget in page.get(kind)}
        assert (set(telling) & shown == set()) == (role == "annotator"), shown
        assert ("Conflicts" in page.selectbox(key="queue").options) == (role == "lead")
        press(page, "Accept")
        assert "accepted" in words(page)
        assert "split" not in words(page)
        assert "correct" not in words(page)


def test_under_blind_annotators_have_no_page_that_tells_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTILL_STORE", str(many(tmp_path, 2).root))
    monkeypatch.setenv("VISTILL_BLIND", "1")
    titles: list[list[str]] = []
    navigation = streamlit.navigation
    monkeypatch.setattr(streamlit, "navigation", lambda pages, **rest: (
        titles.append([page.title for page in pages]), navigation(pages, **rest))[1])  # fmt: skip
    for role in ("lead", "annotator", "viewer"):
        monkeypatch.setenv("VISTILL_ROLE", role)
        sound(AppTest.from_string("from ui.review_app import main; main()", default_timeout=30).run())
    assert titles[0] == ["Review", "Bulk", "Agreement", "Corpus", "Live run", "Training", "SQL"]
    assert titles[1:] == [["Review", "Training"]] * 2


def test_no_line_goes_from_one_part_of_a_training_to_the_next() -> None:
    spec = charts.lines({"loss": [(1, 3.0), (200, 0.2), (201, 0.0), (320, 0.0)]}, "step", [200])
    assert [value["part"] for value in spec["data"]["values"]] == [0, 0, 1, 1]
    assert spec["layer"][0]["encoding"]["detail"] == {"field": "part"}
    assert spec["layer"][1]["data"]["values"] == [{"x": 200}]
    joined = charts.lines({"accuracy": [(200, 0.3), (220, 0.4)]}, "step", [200], joined=True)
    assert {value["part"] for value in joined["data"]["values"]} == {0}
