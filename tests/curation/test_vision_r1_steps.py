"""The steps of Vision-R1: what the reasoner is shown, each logic rule, wording repair, assembly and the split."""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.answers import parse
from curation.errors import ConfigError, SampleError
from curation.prompts import prompts
from curation.recipe import Draws, Recipe, bind
from curation.recipes import build, settings_of
from curation.records import Option
from curation.step import Drop, Step, step
from curation.steps.assemble import LAYOUTS, assemble
from curation.steps.bridge import caption
from curation.steps.caption import caption as vlaa_caption
from curation.steps.describe import describe
from curation.steps.leaks import answer_leaks, leaks
from curation.steps.logic import RULES, logic
from curation.steps.match import verify
from curation.steps.mine import mine
from curation.steps.pseudo_cot import block, pseudo_cot
from curation.steps.ptst import split, stage_of
from curation.steps.reason import distill
from curation.steps.repair import repaired, rewrite
from curation.teachers.local.form import grammar
from curation.teachers.protocol import Reply
from tests.curation.scripted import PICTURE, Scripted

GOOD = "<think>\nI count one, two, three, four dots.\n</think>\n\nFinal Answer: 4"
BOTH = "<caption>Dots in a row.</caption>\n<reasoning>1. Count them: 4.</reasoning>"
OPTIONS = (Option("A", "three"), Option("B", "four"))


def call(step: Step, *columns: Any, **settings: Any) -> Any:
    value = step(*columns, **settings)
    return asyncio.run(value) if inspect.isawaitable(value) else value


# pseudo-CoT and bridge
def think_first(reply: str, reference: str | None = "4", solution: str = "", **settings: Any) -> tuple[Any, Scripted]:
    teacher = Scripted([reply])
    return call(pseudo_cot, PICTURE, "How many?", OPTIONS, reference, solution, captioner=teacher, **settings), teacher


def test_the_pseudo_cot_is_asked_with_picture_question_options_and_answer() -> None:
    value, teacher = think_first(BOTH)
    assert value == {"caption": "Dots in a row.", "reasoning": "1. Count them: 4.", "by": "captioner"}
    [message] = [m for m in teacher.asked[0][0] if m.role == "user"]
    assert message.images == (PICTURE,)
    assert all(part in message.text for part in ("How many?", "B. four", '"""\n4\n"""'))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("<caption>Dots.</caption>", "pseudo_cot_incomplete"),
        ("<reasoning>4</reasoning>", "pseudo_cot_incomplete"),
        ("<caption></caption><reasoning>4</reasoning>", "pseudo_cot_incomplete"),
        ("<caption>Dots.</caption><reasoning>4", "pseudo_cot_incomplete"),
        ("Dots, four of them.", "pseudo_cot_incomplete"),
        ("I'm sorry, but I can't help with that.", "reply_refusal"),
        ("Unfortunately, I cannot assist with this request.", "reply_refusal"),
    ],
)
def test_a_pseudo_cot_without_both_parts_is_dropped_with_its_text(reply: str, reason: str) -> None:
    value, _ = think_first(reply)
    assert (value.reason, value.value) == (reason, reply)


def test_a_template_that_asks_for_no_parts_takes_the_whole_reply_as_the_caption() -> None:
    small = pseudo_cot.settings["prompt"].suited("small")
    value, _ = think_first("Title: Dots", prompt=small)
    assert value == {"caption": "Title: Dots", "reasoning": "", "by": "captioner"}


def test_a_source_that_ships_reasoning_can_save_the_call() -> None:
    value, teacher = think_first(
        "", solution="<SUMMARY>s</SUMMARY><CAPTION>Dots.</CAPTION><REASONING>Count.</REASONING>", source_solutions="use"
    )
    assert value == {"caption": "Dots.", "reasoning": "Count.", "by": "source"}
    assert teacher.asked == []
    assert think_first("", solution="Count them.", source_solutions="use")[0]["reasoning"] == "Count them."


def test_a_sample_without_answer_has_no_pseudo_cot() -> None:
    value, teacher = think_first(BOTH, reference=None)
    assert (value.reason, teacher.asked) == ("answer_missing", [])


@given(st.text(max_size=300))
def test_taking_a_part_out_never_fails_and_never_keeps_its_tags(text: str) -> None:
    assert block(f"<caption>{text}</caption>", "caption") == text.split("</caption>")[0].strip()
    assert block(text, "reasoning") == "" or "<reasoning>" in text.lower()


def test_many_open_tags_cost_linear_time() -> None:
    assert block("<caption>" * 20_000, "caption") == ""


def bridge(reply: str, reasoning: str = "Count.", **settings: Any) -> tuple[Any, Scripted]:
    teacher = Scripted([reply])
    first = {"caption": "Dots.", "reasoning": reasoning, "by": "captioner"}
    return call(caption, PICTURE, "How many?", OPTIONS, first, captioner=teacher, **settings), teacher


def test_the_description_is_asked_with_picture_question_and_pseudo_cot() -> None:
    value, teacher = bridge("Four dots in a row.")
    assert value == "Four dots in a row."
    message = teacher.asked[0][0][-1]
    assert message.images == (PICTURE,)
    assert all(part in message.text for part in ("How many?", "Dots.", "Count."))


def test_without_reasoning_the_caption_is_the_description() -> None:
    value, teacher = bridge("", reasoning="")
    assert (value, teacher.asked) == ("Dots.", [])


@pytest.mark.parametrize(
    ("reply", "reason"),
    [("I'm sorry, I can't describe this.", "reply_refusal"), ("Dots. The answer is 4.", "description_answers")],
)
def test_a_refusing_or_answering_description_is_dropped(reply: str, reason: str) -> None:
    assert bridge(reply)[0].reason == reason


JUNK = {
    "null": "reply_not_schema",
    '{"answers": 3}': "reply_not_schema",
    '```json\n{"answers": 3}\n```': "reply_not_schema",
    "```json\n{broken\n```": "reply_not_schema",
    "[[[[[[]]]]]]": "reply_not_schema",
    "[[[((({{": "reply_empty",
    "<think>" * 5000: "reply_empty",
    "<think>A row of dots": "markup_unexpected",
    "Dots. <script>alert(1)</script>": "markup_unexpected",
    "На картинке четыре точки.": "language_unexpected",
    "I'm sorry, I can't describe this.": "reply_refusal",
}
PROSE = [
    "Dots in a row.",
    '"Dots in a row."',
    "```\n| a | b |\n|---|---|\n```",
    "Title: 0 < a and b > 2",
    "A sign: 出口 (exit)",
]


def reason_of(made: Callable[[], Any]) -> str:
    try:
        value = made()
    except SampleError as error:
        return error.reason
    return value.reason if isinstance(value, Drop) else ""


@pytest.mark.parametrize(("reply", "reason"), [*JUNK.items(), *((prose, "") for prose in PROSE)])
def test_only_prose_is_a_description_whoever_writes_it(reply: str, reason: str) -> None:
    small = pseudo_cot.settings["prompt"].suited("small")
    exchange = ['{"enough": false, "questions": ["Colour?"]}', '{"enough": true, "questions": []}']
    assert reason_of(lambda: bridge(reply)[0]) == reason
    assert reason_of(lambda: think_first(reply, prompt=small)[0]) == reason
    assert reason_of(lambda: think_first(f"<caption>{reply}</caption><reasoning>4</reasoning>")[0]) == reason
    assert reason_of(lambda: call(describe, PICTURE, captioner=Scripted([reply]))) == reason
    assert reason_of(lambda: call(vlaa_caption, PICTURE, None, "", "test", captioner=Scripted([reply]))) == reason
    eyes = Scripted(['{"answers": ["red"]}', reply])
    assert reason_of(lambda: call(mine, "Dots.", PICTURE, reasoner=Scripted(exchange), viewer=eyes)) == reason


@pytest.mark.parametrize(
    "reply", ["Ответ: три.", "Four dots in a row. Ответ: три.", "Dots. 答案是四。", "Punkte. Antwort: 4"]
)
def test_an_answer_stated_in_another_language_is_one(reply: str) -> None:
    assert reason_of(lambda: bridge(reply)[0]) == "description_answers"
    assert reason_of(lambda: bridge(reply, stated_answer="keep", max_foreign=1.0)[0]) == ""


def test_pictures_of_another_script_may_be_described_where_that_is_set() -> None:
    assert call(describe, PICTURE, captioner=Scripted(["На картинке точки."]), max_foreign=1.0) == "На картинке точки."


def test_an_empty_description_fails_and_an_answering_one_may_be_kept() -> None:
    with pytest.raises(SampleError, match="reply_empty"):
        bridge(" ")
    assert bridge("The answer is 4.", stated_answer="keep")[0] == "The answer is 4."


# reasoning and match
def test_the_reasoner_is_shown_description_question_and_answer() -> None:
    teacher = Scripted([GOOD])
    assert call(distill, "How many?", OPTIONS, "Dots in a row.", "four", reasoner=teacher) == GOOD
    text = teacher.asked[0][0][-1].text
    assert all(part in text for part in ("How many?", "B. four", "Dots in a row.", '"""\nfour\n"""'))


def test_without_the_setting_no_template_can_name_the_answer() -> None:
    blind = build("vision-r1-cold", {"r1_sees_answer": False})
    step = next(step for step in blind.flat() if step.writes == "distill")
    assert "reference" not in step.reads
    told = build("vision-r1-cold", {}).with_prompt("distill", lambda old: old)
    leaky = next(step for step in told.flat() if step.writes == "distill").settings["prompt"]
    with pytest.raises(ConfigError, match="'reference'"):
        blind.with_prompt("distill", lambda _: leaky)


@pytest.mark.parametrize(
    ("said", "reference", "kind"),
    [
        ("Final Answer:option B.", "B", "mcq"),
        ("Final Answer:40.1", "40.10", "number"),
        ("**Final Answer:**D", "D", "mcq"),
    ],
)
def test_the_published_answer_forms_match(said: str, reference: str, kind: str) -> None:
    assert call(verify, f"<think>x</think>{said}", reference, kind, (), "q", judge=None)["correct"] is True


def test_a_wrong_answer_and_a_cut_reply_are_told_apart() -> None:
    assert call(verify, "<think>x</think>5", "4", "digit", (), "q", judge=None).reason == "wrong_answer"
    with pytest.raises(SampleError, match="reply_truncated"):
        call(distill, "q", (), "d", "4", reasoner=Scripted([Reply("<think>x", key="k", finish="length")]))


# logic
def judge(
    think: str, *, kind: str = "digit", reference: str = "4", options: Any = (), question: str = "How many?", **s: Any
) -> Any:
    return call(logic, f"<think>{think}</think>Final Answer:{reference}", question, reference, kind, options, **s)


@pytest.mark.parametrize(
    ("think", "reason"),
    [
        ("This must agree with the given answer.", "answer_leak"),
        ("We are told that the answer is 4, so it fits.", "answer_leak"),
        ("Since the correct answer is provided, I only justify it.", "answer_leak"),
        ("The information is missing, but 4 it is.", "says_missing"),
        ("It cannot be determined from this.", "says_missing"),
        ("I can't see the actual image, so I guess.", "says_missing"),
        ("The description does not mention the dots.", "says_missing"),
        ("The image is not provided.", "says_missing"),
        ("One. Two. So the answer is 5.", "conclusion_differs"),
        ("So the answer is 4. Wait. No, the final answer is 5 dots.", "conclusion_differs"),
        ("so I count again and look once more. " * 9, "trace_loops"),
        ("word " * 13_000, "trace_loops"),
    ],
)
def test_an_inconsistent_chain_is_dropped_by_the_rule_for_it(think: str, reason: str) -> None:
    dropped = judge(think)
    assert isinstance(dropped, Drop)
    assert dropped.reason == reason


@pytest.mark.parametrize(
    "think",
    [
        "One, two, three, four. So the answer is 4.",
        "So the answer is 5. Wait, I missed none: the answer is 4.",
        "The answer is not 5, since one dot is a smudge.",
        "Of the provided answer choices, four fits best.",
        "The answer is given by adding both rows: 2 + 2.",
        "The radius is not given, so I use the diameter.",
        "The picture is missing a label on the left, which does not matter.",
        "The answer must be a whole number.",
    ],
)
def test_a_consistent_chain_passes(think: str) -> None:
    value = judge(think)
    assert isinstance(value, dict), value
    assert value["flags"] == {}


def test_a_concluded_letter_is_compared_with_the_answer() -> None:
    assert judge("So option A fits: the answer is A.", kind="mcq", reference="B", options=OPTIONS).reason == (
        "conclusion_differs"
    )
    assert judge("The answer is four, option B.", kind="mcq", reference="B", options=OPTIONS)["flags"] == {}


def test_a_question_about_missing_information_may_be_answered_with_it() -> None:
    options = (Option("A", "12"), Option("B", "It cannot be determined"))
    think = "There is no scale, so it cannot be determined."
    assert isinstance(judge(think, kind="mcq", reference="B", options=options), dict)


def test_every_rule_can_be_flagged_or_switched_off() -> None:
    think = "The given answer fits. It cannot be determined. So the answer is 5. " * 6
    everything = dict.fromkeys(RULES, "flag")
    assert set(judge(think, most_words=20, **everything)["flags"]) == set(RULES)
    assert judge(think, **dict.fromkeys(RULES, "off"))["flags"] == {}
    with pytest.raises(ConfigError, match=r"logic\.loops = 'delete'"):
        logic.using(loops="delete")


@given(st.text(max_size=400), st.text(max_size=20))
def test_no_chain_makes_the_filter_fail(think: str, reference: str) -> None:
    assert isinstance(call(logic, think, "q", reference, "number", ()), dict | Drop)


# wording repair: the shapes that the published data shows after a blind replacement of words
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The description illustrates a cone.", "The image illustrates a cone."),
        ("The image shows illustrates a cone.", "The image illustrates a cone."),
        ("It displays displays 4 bars.", "It displays 4 bars."),
        ("The description mentions tangents touching the circle.", "The image shows tangents touching the circle."),
        ("The problem states that x = 2.", "The problem states that x = 2."),
        ("The problem displays that x = 2.", "The problem states that x = 2."),
        ("The description mentioned 5 bars.", "The image showed 5 bars."),
        ("The image mentioned 5 bars.", "The image showed 5 bars."),
        ("According to the description, 4.", "According to the image, 4."),
        ("Based on description, 4.", "Based on the image, 4."),
        ("as described in the caption, 4", "as shown in the image, 4"),
        ("The detailed description of the image clearly states 5.", "The image clearly shows 5."),
        ("The caption doesn't mention a year.", "The image doesn't show a year."),
        ("the image description also lists: 4", "the image also shows: 4"),
    ],
)
def test_wording_is_mended_by_phrase(before: str, after: str) -> None:
    assert repaired(before)[0] == after


@pytest.mark.parametrize(
    "text",
    [
        "The text in the image reads STOP.",
        "The problem states that the caption-less chart has 3 bars.",
        "The question mentions 4 boats.",
        "The image shows displays of fruit.",
        "He described it as red.",
        "Each bar says how many.",
    ],
)
def test_what_is_not_said_by_the_description_stays(text: str) -> None:
    assert repaired(text)[0] == text


def test_a_phrase_of_the_question_stays() -> None:
    question = "Which animal fits the description best?"
    assert repaired("I look for what fits: the description says it has fur.", question)[0].startswith("I look for")
    assert repaired("Does the description fit?", question)[0] == "Does the description fit?"


WORDS = (
    *("the", "The", "description", "Description", "caption", "image", "problem", "according", "to", "as", "of", "that"),
    *("says", "shows", "displays", "mentions", "states", "described", "illustrates"),
    *("4", "(B)", "tangents", "touching", ",", ".", "\n"),
)


@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))
def test_repair_is_done_once_and_never_touches_numbers_or_letters(text: str) -> None:
    once, used = repaired(text)
    assert repaired(once)[0] == once
    assert (once == text) is (used == {})
    assert [w for w in once.split() if w in ("4", "(B)", "tangents", "touching")] == [
        w for w in text.split() if w in ("4", "(B)", "tangents", "touching")
    ]


def test_a_repaired_trace_says_what_was_done_to_it() -> None:
    value = call(rewrite, GOOD.replace("I count", "The description says that I count"), "How many?")
    assert (value["rules"], value["leaks"]) == ({"says": 1}, ["The description"])
    assert value["diff"] == [["description says", "image shows"]]
    assert leaks(value["text"]) == []


def test_what_no_rule_can_mend_is_dropped_unless_kept() -> None:
    text = GOOD.replace("I count", "Judging by the context, I count")
    assert call(rewrite, text, "How many?").reason == "leak_remains"
    assert call(rewrite, text, "How many?", remaining_leaks="keep")["text"] == text


def test_given_answer_phrases_are_found_and_choices_are_not() -> None:
    assert answer_leaks("This is the ground truth; the expected answer is 4.") == [
        "ground truth",
        "the expected answer",
    ]
    assert answer_leaks("The given answer choices are A and B, and the answer is given by f(x).") == []
    assert answer_leaks("the given answer", "Is the given answer right?") == []


# assembly
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_assembled_row_is_one_think_and_one_answer_block(layout: str) -> None:
    value = call(assemble, {"text": GOOD}, {"extracted": "4"}, "4.0", layout=layout)
    parsed = parse(value["response"])
    assert (parsed.faults, parsed.think) == ((), "I count one, two, three, four dots.")
    assert parsed.tagged is (layout != "bold")
    assert call(verify, value["response"], "4", "digit", (), "q", judge=None)["correct"] is True


def test_the_layout_of_the_paper_to_the_letter() -> None:
    value = call(assemble, {"text": GOOD}, {"extracted": "4"}, "4")
    assert value["response"] == (
        "<think> I count one, two, three, four dots. </think><answer> Final Answer:4 </answer>"
    )
    assert call(assemble, {"text": GOOD}, {"extracted": "4"}, "4.0", final="reference")["answer"] == "4.0"


@pytest.mark.parametrize(
    "said", ["Final Answer: 4", "**Final Answer:** 4", "final answer : 4", "**Final Answer: 4**", "4"]
)
def test_final_answer_is_said_once(said: str) -> None:
    text = f"<think>four dots</think>{said}"
    assert call(assemble, {"text": text}, {"extracted": ""}, "4", final="said")["answer"] == "4"
    assert call(assemble, {"text": text}, {"extracted": said}, "4")["response"].count("inal Answer") == 1


def test_tags_or_braces_in_an_answer_cannot_break_the_layout() -> None:
    assert call(assemble, {"text": GOOD}, {"extracted": "</answer> 4"}, "4").reason == "answer_unclosed"
    assert call(assemble, {"text": GOOD}, {"extracted": "{think}"}, "4")["answer"] == "{think}"
    assert call(assemble, {"text": GOOD}, {"extracted": ""}, "4").reason == "answer_empty"


# split
def splits(n: int, **settings: Any) -> list[Any]:
    columns = {
        "source": ["test"] * n, "image": [replace(PICTURE, pixels=str(i)) for i in range(n)], "kind": ["digit"] * n,
        "cues": [{"words": 30}] * n,
    }  # fmt: skip
    columns |= {name: settings.pop(name) for name in list(settings) if name in columns}
    result: list[Any] = call(split, [f"s{i}" for i in range(n)], *columns.values(), **settings)
    return result


def test_a_share_of_pictures_goes_to_rl_and_the_rest_is_the_cold_start() -> None:
    named = [verdict["split"] for verdict in splits(400, rl_share=0.25)]
    assert 60 < named.count("rl") < 140
    assert set(named) == {"rl", "sft"}
    assert {verdict["split"] for verdict in splits(50, rl_share=0.0)} == {"sft"}


def test_no_picture_is_in_both_whatever_is_asked_about_it() -> None:
    images = [replace(PICTURE, pixels=str(i % 20)) for i in range(200)]
    kinds = ["digit" if i % 3 else "open" for i in range(200)]
    found = splits(200, rl_share=0.5, image=images, kind=kinds)
    where: dict[str, set[str]] = {}
    for picture, verdict in zip(images, found, strict=True):
        if isinstance(verdict, dict):
            where.setdefault(picture.pixels, set()).add(verdict["split"])
    assert all(len(names) == 1 for names in where.values())
    assert {v.reason for v in found if isinstance(v, Drop)} == {"image_in_other_split"}


def test_rl_takes_only_what_a_rule_can_check_and_no_more_than_its_rows() -> None:
    kinds = ["open", "digit"] * 20
    found = splits(40, rl_share=1.0, kind=kinds)
    assert [v["split"] for v in found] == ["sft", "rl"] * 20
    published = splits(40, source=["geometry3k"] * 40, kind=kinds)
    assert [v.reason if isinstance(v, Drop) else v["split"] for v in published] == ["not_chosen", "rl"] * 20
    capped = splits(40, rl_share=1.0, rl_rows=7)
    assert sum(isinstance(v, dict) for v in capped) == 7
    assert {v.reason for v in capped if isinstance(v, Drop)} == {"over_quota"}


def test_each_rl_row_knows_the_first_stage_its_trace_fits() -> None:
    words = [30, 3072, 3073, 6000, 12_288, 12_289]
    found = splits(6, rl_share=1.0, cues=[{"words": w} for w in words])
    assert [v["stage"] for v in found] == [1, 1, 2, 2, 3, None]
    assert stage_of(4096, (4096,)) == 1


# the recipe
def prints(recipe: Recipe) -> dict[str, str]:
    class Named:
        name, model, prompts, max_pixels = "n", "m", "default", 1_000_000

    return {row[1]: row[2] for row in bind(recipe, dict.fromkeys(recipe.roles(), Named())).table()}


@pytest.mark.parametrize(
    ("setting", "value", "changes"),
    [
        ("source_solutions", "use", {"pseudo_cot", "caption", "distill", "verify", "logic", "rewrite", "assemble"}),
        ("r1_sees_answer", False, {"distill", "verify", "logic", "rewrite", "assemble"}),
        ("most_repeats", 0.2, {"logic"}),
        ("remaining_leaks", "keep", {"rewrite", "assemble"}),
        ("layout", "bold", {"assemble"}),
    ],
)
def test_a_setting_changes_its_step_and_what_depends_on_it_alone(setting: str, value: Any, changes: set[str]) -> None:
    before, after = prints(build("vision-r1-cold", {})), prints(build("vision-r1-cold", {setting: value}))
    after_draws = {"draws"} | ({"cues", "split"} if "rewrite" in changes else set())
    assert {name for name in before if before[name] != after[name]} == changes | after_draws


def test_every_setting_reaches_the_recipe() -> None:
    types = settings_of("vision-r1-cold")
    assert build("vision-r1-cold", {}).settings == {name: default for name, (_, default) in types.items()}
    assert build("vision-r1-cold", {}).roles() == {"captioner": True, "reasoner": True, "judge": False}


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("rl_share", 1.5, "a share from 0 to 1"),
        ("max_foreign", -0.1, "a share from 0 to 1"),
        ("loop_words", 0, "at least 1"),
        ("rule_kinds", ("digits",), "some of digit"),
        ("given_answer", "remove", "'drop' or 'flag' or 'off'"),
        ("loop", 3, "did you mean 'loops'"),
    ],
)
def test_a_setting_out_of_range_is_refused_when_the_recipe_is_built(setting: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=setting) as refused:
        build("vision-r1-cold", {setting: value})
    assert says in str(refused.value)


def test_a_step_over_all_rows_that_reads_a_drawn_column_is_refused() -> None:
    @step(scope="all")
    def count(id: list[str], assemble: list[Any]) -> list[int]:
        return [1] * len(id)

    whole = build("vision-r1-cold", {})
    assert any(isinstance(part, Draws) for part in whole.steps)
    with pytest.raises(ConfigError, match=r"step count = \['assemble'\]: cannot be read here: what was drawn"):
        replace(whole, steps=(*whole.steps[:-1], count))


@pytest.mark.parametrize(("name", "told"), [("reason", True), ("reason_blind", False)])
def test_the_small_templates_hold_the_embedded_model_to_the_form_and_only_one_tells_the_answer(
    name: str, told: bool
) -> None:
    prompt = prompts(f"vision_r1_cold/{name}", role="reasoner", extra=("options",)).suited("small")
    columns = {"caption": "Four dots.", "question": "How many dots?", "options": "", "reference": "70123"}
    messages = prompt.fill(columns)
    examples = [message.text for message in messages if message.role == "assistant"]
    assert len(examples) == 4
    assert ' number "</answer>"' in grammar(examples, messages[-1].text)
    assert ("70123" in messages[-1].text) is told
    assert all(("Known answer:" in message.text) is told for message in messages if message.role == "user")
