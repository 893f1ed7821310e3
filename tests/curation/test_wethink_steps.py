"""The steps of WeThink: what each teacher is shown, and what becomes of replies that are not as asked."""

import asyncio
import inspect
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.children import as_value, born
from curation.errors import ConfigError, SampleError
from curation.recipes import build
from curation.records import Image, Option, Outcome
from curation.step import Child, Drop, Step
from curation.steps.agree import agree
from curation.steps.answer_twice import answer_image, answer_text
from curation.steps.describe import describe
from curation.steps.mine import mine
from curation.steps.route import route
from curation.steps.screen import check_image, check_text
from curation.steps.settle import settle
from curation.steps.share import split
from curation.steps.shorten import shorten
from curation.steps.synthesize import synthesize
from curation.teachers.protocol import Reply
from tests.curation.scripted import PICTURE, Scripted, sample

MINED: dict[str, Any] = {"text": "Three bars: red 5, blue 3, green 9.", "turns": [], "ended": "enough"}
ABLE = ["Reasoning", "Math"]
OPTIONS = (Option("A", "red"), Option("B", "blue"))
ABOUT = {"category": "MC", "abilities": ABLE}
LONG = "x" * 200_000


def call(step: Step, *columns: Any, **settings: Any) -> Any:
    value = step(*columns, **settings)
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def said(value: Any) -> str:
    return orjson.dumps(value).decode()


def proposal(question: str = "How many more green than red?", type: str = "FIB", **more: Any) -> dict[str, Any]:
    return {"question": question, "type": type, "options": [], "abilities": ABLE, **more}


def made(*proposals: Any, **settings: Any) -> list[Child]:
    children: list[Child] = call(
        synthesize, MINED, PICTURE, reasoner=Scripted([said({"questions": proposals})]), **settings
    )
    return children


def test_the_picture_is_described_without_a_question_and_a_row_without_picture_is_dropped() -> None:
    eyes = Scripted(["Three bars."])
    assert call(describe, PICTURE, captioner=eyes) == "Three bars."
    assert eyes.asked[0][0][-1].images == (PICTURE,)
    assert call(describe, None, captioner=eyes).reason == "image_missing"


def test_mining_asks_the_picture_what_the_reasoner_misses_and_merges_until_it_has_enough() -> None:
    thinker = Scripted(
        [said({"enough": False, "questions": ["Which colour?", " "]}), said({"enough": True, "questions": []})]
    )
    eyes = Scripted([said({"answers": []}), "Three bars, colour unknown."])
    value = call(mine, "Three bars.", PICTURE, reasoner=thinker, viewer=eyes)
    assert value == {
        "text": "Three bars, colour unknown.",
        "turns": [{"questions": ["Which colour?"], "answers": ["not visible"]}],
        "ended": "enough",
    }
    assert "A: not visible" in thinker.asked[1][0][-1].text
    assert not any(message.images for asked, _ in thinker.asked for message in asked)


def test_with_no_turns_the_description_stands_and_nobody_is_asked() -> None:
    nobody = Scripted([])
    assert call(mine, "Three bars.", PICTURE, reasoner=nobody, viewer=nobody, turns=0)["text"] == "Three bars."


@pytest.mark.parametrize(
    ("proposed", "reason"),
    [
        (proposal(" "), "question_empty"),
        (proposal("\x00\x07"), "question_empty"),
        (proposal(LONG), "question_too_long"),
        (proposal(type="ESSAY"), "question_type"),
        (proposal(type=LONG), "question_type"),
        (proposal("Which?", "MC"), "options_malformed"),
        (proposal("Which?", "MC", options=["red"]), "options_malformed"),
        (proposal("Which?", "MC", options=["red", " "]), "options_malformed"),
        (proposal("Which?", "MC", options=["red", LONG]), "options_malformed"),
        (proposal("Which?", "MC", options=[str(n) for n in range(5000)]), "options_malformed"),
        (proposal("Which?", "MC", options=["red", "Red"]), "options_duplicate"),
        (proposal(abilities=["Reasoning", "Clairvoyance"]), "ability_unknown"),
        (proposal(abilities=["Reasoning", LONG]), "ability_unknown"),
        (proposal(abilities=["Reasoning", "reasoning"]), "abilities_missing"),
        (proposal(abilities=["Math", "OCR"]), "abilities_missing"),
        (proposal(abilities=[]), "abilities_missing"),
        (proposal("How many <img src=x onerror=alert(1)> bars?"), "markup_unexpected"),
        (proposal("Which?", "MC", options=["red", "<script>alert(1)</script>"]), "markup_unexpected"),
        (proposal("图中有多少根红色的柱子比蓝色的高？"), "language_unexpected"),
        (proposal("According to the description, how many bars are there?"), "leak_remains"),
    ],
)
def test_a_proposal_that_cannot_be_used_keeps_its_reason_and_costs_the_others_nothing(
    proposed: dict[str, Any], reason: str
) -> None:
    bad, good = made(proposed, proposal())
    assert (bad.reason, good.reason) == (reason, "")
    assert len(bad.detail) <= 500
    assert len(said(bad.value)) < 1000


def test_a_question_asked_twice_counts_once_whatever_its_case_spaces_and_marks() -> None:
    unusable, first, again, other = made(
        proposal("Which is most?", "MC", options=[]),
        proposal("Which is most?", "MC", options=["red", "blue"]),
        proposal("which  IS most", "MC", options=["blue", "red"]),
        proposal("Is 5 < 3?"),
    )
    assert [child.reason for child in (unusable, first, other)] == ["options_malformed", "", ""]
    assert (again.reason, again.detail) == ("question_repeated", "repeats question 2")
    assert [child.reason for child in made(proposal("Is 5 < 3?"), proposal("Is 5 > 3?"))] == ["", ""]


def test_letters_a_model_wrote_before_its_options_are_taken_off_and_abilities_get_their_names() -> None:
    [child] = made(proposal("Which?", "mc", options=["A. red", "B. blue"], abilities=["reasoning", "maths", "Maths"]))
    assert child.options == OPTIONS
    assert child.value == {"category": "MC", "abilities": ["Reasoning", "Math"]}
    assert child.caption == MINED["text"]


def test_no_question_at_all_drops_the_picture() -> None:
    assert call(synthesize, MINED, PICTURE, reasoner=Scripted([said({"questions": []})])).reason == "question_none"


@pytest.mark.parametrize(
    "reply",
    ["", LONG, "<html>no</html>", said({"questions": [proposal()] * 50}), said([proposal()]), '{"questions": 3}'],
)
def test_a_reply_that_is_no_list_of_questions_is_mended_once_and_then_kept_raw(reply: str) -> None:
    thinker = Scripted([reply, reply])
    with pytest.raises(SampleError) as error:
        call(synthesize, MINED, PICTURE, reasoner=thinker)
    assert (error.value.reason, error.value.raw) == ("reply_not_schema", reply)
    assert len(thinker.asked[1][0][-2].text) <= 4000


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=4)))
def test_whatever_stands_in_a_proposal_makes_a_row_or_a_reason(value: Any) -> None:
    for field in ("question", "type", "options", "abilities"):
        reply = said({"questions": [{**proposal("Which?", "MC", options=["red", "blue"]), field: value}]})
        try:
            [child] = call(synthesize, MINED, PICTURE, reasoner=Scripted([reply, reply]))
        except SampleError as error:
            reason = error.reason
        else:
            reason = ""
        if reason:
            assert reason == "reply_not_schema"
            continue
        outcome = Outcome("s-1", "k", "synthesize", "f", "expanded", as_value([child]))
        [(row, made_of)] = born(sample(), outcome)
        assert made_of.status == ("dropped" if child.reason else "ok")
        assert row.parent == "s-1"


def validity(valid: bool, problem: str) -> str:
    return said({"why": "Because.", "valid": valid, "problem": problem})


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (validity(True, "none"), None),
        (validity(False, "ambiguous"), "question_ambiguous"),
        (validity(True, "image_free"), "question_image_free"),
        (validity(False, "none"), "question_invalid"),
    ],
)
def test_both_checks_drop_by_the_problem_named_and_doubt_counts_against_the_question(
    reply: str, reason: str | None
) -> None:
    on_paper = call(check_text, "Which?", OPTIONS, "Three bars.", ABOUT, reasoner=Scripted([reply]))
    eyes = Scripted([reply])
    in_picture = call(check_image, "Which?", OPTIONS, PICTURE, viewer=eyes)
    assert eyes.asked[0][0][-1].images == (PICTURE,)
    for found in (on_paper, in_picture):
        assert (found.reason if isinstance(found, Drop) else None) == reason


def test_the_two_answers_come_one_from_the_words_and_one_from_the_picture() -> None:
    good = "<think>\nI look.\n</think>\n\n<answer>B</answer>"
    thinker, eyes = Scripted([good]), Scripted([good])
    assert call(answer_text, "Which?", OPTIONS, MINED["text"], ABOUT, reasoner=thinker) == good
    assert call(answer_image, "Which?", OPTIONS, PICTURE, ABOUT, viewer=eyes) == good
    [words], [picture] = ([m for m in teacher.asked[0][0] if m.role == "user"] for teacher in (thinker, eyes))
    assert (words.images, picture.images) == ((), (PICTURE,))
    assert MINED["text"] in words.text
    assert MINED["text"] not in picture.text


@pytest.mark.parametrize("cut", [Reply("<think>I", "k", finish="length"), Reply("  ", "k")])
def test_a_cut_or_empty_answer_fails_with_what_there_was(cut: Reply) -> None:
    with pytest.raises(SampleError, match=r"^reply_(truncated|empty)"):
        call(answer_image, "Which?", OPTIONS, PICTURE, ABOUT, viewer=Scripted([cut]))


def answered(text: str) -> str:
    return f"<think>\nI look.\n</think>\n\n<answer>{text}</answer>"


@pytest.mark.parametrize(
    ("first", "second", "kind", "agreed"),
    [
        ("B", "B. blue", "mcq", True),
        ("A", "blue", "mcq", False),
        ("7", "seven", "text", True),
        ("1,000", "1000.0", "text", True),
        ("7", "8", "text", False),
        ("the Bears", "bears", "text", True),
    ],
)
def test_rules_compare_letters_numbers_and_words_without_a_judge(
    first: str, second: str, kind: Any, agreed: bool
) -> None:
    options = OPTIONS if kind == "mcq" else ()
    value = call(agree, answered(first), answered(second), "Which?", options, kind, judge=None)
    assert value["correct"] is agreed
    assert value["source"] == "rule"


@pytest.mark.parametrize(
    ("reply", "agreed"), [("Yes.", True), ("no", False), ("**Yes**, both do", True), ("Perhaps", None)]
)
def test_descriptions_are_compared_by_a_judge_whose_unclear_word_counts_for_nobody(
    reply: str, agreed: bool | None
) -> None:
    texts = [answered("Red marks lie left."), answered("The red ones are at the left.")]
    value = call(agree, *texts, "Where?", (), "open", judge=Scripted([reply]))
    if agreed is None:
        assert value.reason == "judge_unclear"
        assert "[judge: Perhaps]" in value.detail
    else:
        assert (value["correct"], value["source"]) == (agreed, "judge")


def test_descriptions_without_a_judge_are_dropped() -> None:
    assert call(agree, answered("x is"), answered("y is"), "Where?", (), "open", judge=None).reason == "judge_missing"


def test_a_judge_can_compare_what_rules_could() -> None:
    judge = Scripted(["no"])
    value = call(agree, answered("7"), answered("7"), "How many?", (), "text", judge=judge, by="judge")
    assert (value["correct"], value["source"]) == (False, "judge")
    assert call(agree, answered("7"), answered("7"), "", (), "text", judge=None, by="judge").reason == "judge_missing"


@pytest.mark.parametrize("checks", [("text", "image"), ("image", "text"), ("image",), ()])
def test_the_filter_of_questions_can_be_taken_apart(checks: tuple[str, ...]) -> None:
    steps = [step.writes for step in build("wethink", {"checks": checks}).flat()]
    assert steps[4:-7] == [f"check_{name}" for name in checks]


DISAGREED = {"correct": False, "text": "7", "image": "8", "kind": "number", "reason": "differs", "source": "rule"}


def settled(right: str, id: str = "s-1", sees: bool = True, **settings: Any) -> tuple[Any, Scripted]:
    referee = Scripted([said({"why": "I counted.", "right": right})], sees=sees)
    return call(settle, id, DISAGREED, "How many?", (), PICTURE, adjudicator=referee, **settings), referee


@pytest.mark.parametrize("id", [f"s-{n}" for n in range(6)])
def test_the_adjudicator_s_letter_means_the_answer_it_was_shown_under_that_letter(id: str) -> None:
    value, referee = settled("A", id)
    text = referee.asked[0][0][-1].text
    assert (text.index(f'"""\n{value["extracted"]}\n"""')) == min(text.index('"""\n7\n"""'), text.index('"""\n8\n"""'))


def test_shuffling_shows_either_answer_first_and_without_it_the_reasoners_always_is() -> None:
    assert {settled("A", f"s-{n}")[0]["extracted"] for n in range(20)} == {"7", "8"}
    assert {settled("A", f"s-{n}", shuffle=False)[0]["extracted"] for n in range(20)} == {"7"}


def test_both_keeps_the_reasoners_words_neither_drops_and_a_blind_referee_gets_no_picture() -> None:
    both, _ = settled("both")
    assert (both["extracted"], both["by"], both["ruling"]) == ("7", "adjudication", "both")
    assert settled("neither")[0].reason == "adjudged_wrong"
    value, referee = settled("both", sees=False)
    assert (value["saw_image"], referee.asked[0][0][-1].images) == (False, ())


@pytest.mark.parametrize(("setting", "kept"), [("drop", None), ("keep_text", "7"), ("keep_image", "8")])
def test_without_an_adjudicator_the_setting_decides(setting: Any, kept: str | None) -> None:
    value = call(settle, "s-1", DISAGREED, "How many?", (), PICTURE, adjudicator=None, no_adjudicator=setting)
    assert (value.reason == "answers_disagree") if kept is None else (value["extracted"] == kept)


RIGHT = {"extracted": "B", "chosen": "text"}


def short(
    reply: str, *, chain: str = "I see 5 and 3. " * 20, right: Any = RIGHT, kind: Any = "mcq", **more: Any
) -> Any:
    raw = f"<think>\n{chain}\n</think>\n\n<answer>{right['extracted']}</answer>"
    options = OPTIONS if kind == "mcq" else ()
    return call(shorten, right, raw, raw, "Which is less?", options, kind, PICTURE, rewriter=Scripted([reply], **more))


def test_a_good_refined_chain_becomes_one_think_and_one_answer_block() -> None:
    value = short("<think>I see 5 and 3. So the answer is B.</think><answer>B</answer>")
    assert value["text"] == "<think>\nI see 5 and 3. So the answer is B.\n</think>\n\n<answer>B</answer>"
    assert (value["words_before"], value["words_after"]) == (100, 10)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("<think></think>", "think_empty"),
        ("So it is B. " * 60, "word_gap"),
        ("I see 5 and 77. So the answer is B.", "rewrite_changed_number"),
        ("The given answer is B. So the answer is B.", "answer_given_away"),
        ("According to the description it is B. So the answer is B.", "leak_remains"),
        ("<div>I see.</div> So the answer is B.", "markup_unexpected"),
        ("I see 5 and 3. So the answer is A.", "chain_ends_elsewhere"),
        ("I see 5 and 3. It is a bar.", "chain_ends_elsewhere"),
    ],
)
def test_what_must_not_happen_to_a_chain_drops_it_with_the_reason(reply: str, reason: str) -> None:
    value = short(reply)
    assert value.reason == reason
    assert value.value["words_before"] == 100


def test_the_article_a_is_no_letter_a_and_a_stop_inside_a_name_ends_no_sentence() -> None:
    option_a = {"extracted": "A", "chosen": "text"}
    assert short("I see 5 and 3. The tallest is a bar.", right=option_a).reason == "chain_ends_elsewhere"
    doctor = {"extracted": "Dr. Smith", "chosen": "text"}
    assert short("I look. So it is Dr. Smith.", right=doctor, kind="text")["chain"].endswith("Dr. Smith.")


def test_a_short_chain_may_grow_by_the_slack_and_no_more() -> None:
    assert "text" in short("I see 5 and 3 here. So the answer is B.", chain="It is 5 or 3.")
    assert short("I see 5 and 3, and " + "so " * 20 + "the answer is B.", chain="It is 5 or 3.").reason == "word_gap"


def test_the_chain_of_whoever_was_right_is_refined_unless_the_reasoners_is_wanted() -> None:
    chains = ("<think>\nwords\n</think>\n\n<answer>B</answer>", "<think>\nlooks\n</think>\n\n<answer>B</answer>")
    right = {"extracted": "B", "chosen": "image"}
    for setting, raw in (("right_answer", "looks"), ("reasoner", "words")):
        editor = Scripted(["So the answer is B."])
        call(
            shorten, right, *chains, "Which?", OPTIONS, "mcq", PICTURE, rewriter=editor,
            chain_of=setting, max_growth=9.0,
        )  # fmt: skip
        assert raw in editor.asked[0][0][-1].text


def test_the_reward_follows_the_type_by_the_table() -> None:
    rewards = [call(route, {"category": c, "abilities": ABLE}, {})["reward"] for c in ("MC", "FIB", "DES")]
    assert rewards == ["rule", "rule", "model"]
    assert call(route, ABOUT, {}, rewards={"MC": "model"})["reward"] == "model"


def picture(n: int) -> Image:
    return Image(sha256=f"{n:064d}", format="png", width=9, height=9, size=9, pixels=f"{n // 3:032d}", phash=n)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_all_questions_of_a_picture_go_to_one_side(share: float) -> None:
    ids, pictures = [f"s-{n}" for n in range(90)], [picture(n) for n in range(90)]
    finals, routes = [{"kind": "digit"}] * 90, [{"reward": "rule"}] * 90
    sides = [row["split"] for row in call(split, ids, pictures, finals, routes, sft_share=share)]
    assert all(len(set(sides[n : n + 3])) == 1 for n in range(0, 90, 3))
    assert set(sides) == ({"rl"} if share == 0 else {"sft"} if share == 1 else {"sft", "rl"})


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("turns", 11, "must be 0 to 10"),
        ("questions", 0, "must be 1 to 16"),
        ("types", ("MC", "ESSAY"), "some of MC, FIB, DES"),
        ("rewards", {"MC": "rule"}, "needs a reward for each of MC, FIB, DES"),
        ("at_least", 6, "must be 0 to the number of abilities"),
        ("sft_share", 1.5, "must be 0 to 1"),
        ("checks", ("text", "smell"), "some of text, image"),
        ("checks", ("text", "text"), "some of text, image"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_with_what_would(name: str, value: Any, fix: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} = .*{fix}"):
        build("wethink", {name: value})
