"""The steps of VLAA-Thinking, with the vectors of the specification and replies as models really send them."""

import asyncio
import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import SampleError
from curation.records import Option
from curation.step import Drop, Step
from curation.steps.caption import caption
from curation.steps.cues import cues
from curation.steps.distill import distill
from curation.steps.leaks import leaks
from curation.steps.rewrite import rewrite, word_diff
from curation.steps.split import split
from curation.steps.verify import verify
from curation.teachers.protocol import Reply
from tests.curation.scripted import PICTURE, Scripted

GOOD = "<think>\nI count one, two, three, four dots.\n</think>\n\nThere are 4 dots."


def call(step: Step, *columns: Any, **settings: Any) -> Any:
    value = step(*columns, **settings)
    return asyncio.run(value) if inspect.isawaitable(value) else value


# caption
def test_the_captioner_sees_the_picture_and_never_the_question() -> None:
    teacher = Scripted(["Four dots."])
    assert call(caption, PICTURE, None, "", "test", captioner=teacher) == "Four dots."
    [(messages, _)] = teacher.asked
    assert messages[-1].images == (PICTURE,)
    assert "question" not in inspect.signature(caption.run).parameters


def test_a_sources_own_caption_or_problem_text_saves_the_call() -> None:
    teacher = Scripted([])
    assert call(caption, PICTURE, "given", "", "test", captioner=teacher) == "given"
    assert call(caption, PICTURE, None, "Solve x = 2.", "test", captioner=teacher) == ""
    assert teacher.asked == []


def test_nothing_to_caption_is_a_reason() -> None:
    assert call(caption, None, None, "", "test", captioner=Scripted([])) == Drop("caption_unavailable")


# distil
def ask(reply: str | Reply, question: str = "How many dots?", **settings: Any) -> Any:
    options = (Option("A", "three"), Option("B", "four"))
    return call(distill, question, options, "Dots.", "4 facts", "", "test", "", reasoner=Scripted([reply]), **settings)


def test_the_reasoner_sees_caption_context_question_and_options() -> None:
    teacher = Scripted([GOOD])
    call(
        distill,
        "How many?",
        (Option("A", "three"),),
        "Dots.",
        "Facts.",
        "",
        "test",
        "the answer is 4",
        reasoner=teacher,
    )
    text = teacher.asked[0][0][-1].text
    assert all(part in text for part in ("How many?", "A. three", "Dots.", "Facts."))
    assert "the answer is 4" not in text


def test_a_problem_in_words_is_all_the_reasoner_gets() -> None:
    teacher = Scripted([GOOD])
    call(
        distill,
        "How long is x?",
        (),
        "A triangle.",
        "facts",
        "In a triangle, how long is x?",
        "t",
        "",
        reasoner=teacher,
    )
    text = teacher.asked[0][0][-1].text
    assert "In a triangle" in text
    assert "A triangle." not in text
    assert "facts" not in text


def test_reasoning_returned_apart_goes_into_a_think_block() -> None:
    assert (
        ask(Reply("There are 4.", key="k", reasoning="one two three four"))
        == "<think>\none two three four\n</think>\n\nThere are 4."
    )


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("There are 4 dots.", "think_missing"),
        ("<think>one two", "think_missing"),
        ("<think></think>4", "think_empty"),
        ("<think>a</think>", "answer_empty"),
        ("<think>a</think>4<think>b</think>5", "think_repeated"),
        ("<think>a</think><answer>4</answer><answer>5</answer>", "answer_repeated"),
        ("<think>a</think><answer>4", "answer_unclosed"),
        ("<think>一共有四个点，所以答案是四。</think>答案是四个点。", "language_unexpected"),
        ("<think>a <script>alert(1)</script></think>4", "markup_unexpected"),
        ("<think>a</think>4 <img src=x onerror=alert(1)>", "markup_unexpected"),
    ],
)
def test_a_reply_that_is_not_what_was_asked_for_is_dropped_with_its_text(reply: str, reason: str) -> None:
    dropped = ask(reply)
    assert isinstance(dropped, Drop)
    assert (dropped.reason, dropped.value) == (reason, reply)


def test_comparison_signs_and_greek_are_neither_markup_nor_foreign() -> None:
    text = "<think>Since a < b and b > c, the angle α = 30°.</think>α = 30°"
    assert ask(text) == text


def test_a_question_in_chinese_may_be_answered_in_chinese() -> None:
    text = "<think>一共有四个点。</think>4 个点"
    assert ask(text, question="有几个点？") == text


def test_a_truncated_and_an_empty_reply_fail_with_what_arrived() -> None:
    with pytest.raises(SampleError) as cut:
        ask(Reply("<think>on and on", key="k", finish="length"))
    assert (cut.value.reason, cut.value.raw) == ("reply_truncated", "<think>on and on")
    with pytest.raises(SampleError, match="reply_empty"):
        ask("  ")


# leaks and rewriting
@pytest.mark.parametrize(
    "text",
    [
        "The description says there are 4.",
        "According to the caption, 4.",
        "as described, the bar is red",
        "Based on the provided text, 4.",
        "From the image description, 4.",
        "I cannot see the image, but",
        "the given rationale states",
        "Looking at this caption",
    ],
)
def test_leaks_are_found(text: str) -> None:
    assert leaks(text)


@pytest.mark.parametrize(
    "text",
    [
        "The image shows 4 dots.",
        "The text in the image reads STOP.",
        "I see that the chart's title is Sales.",
        "Based on the chart, 4.",
    ],
)
def test_looking_at_the_picture_is_no_leak(text: str) -> None:
    assert leaks(text) == []


def test_a_phrase_of_the_question_is_no_leak() -> None:
    assert leaks("The first description fits.", "Which is the first description of the bird?") == []


LEAKY = "<think>\nThe description says there are 4 dots in 2 rows.\n</think>\n\nThere are 4 dots."


def mend(reply: str, text: str = LEAKY, **settings: Any) -> Any:
    return call(rewrite, text, "How many dots?", rewriter=Scripted([reply]), **settings)


def test_a_trace_without_leaks_is_not_sent_to_the_rewriter() -> None:
    teacher = Scripted([])
    assert call(rewrite, GOOD, "How many dots?", rewriter=teacher)["asked"] is False
    assert teacher.asked == []


def test_a_mended_leak_keeps_its_diff() -> None:
    value = mend(LEAKY.replace("description says", "image shows"))
    assert (value["asked"], value["leaks"], value["word_gap"]) == (True, ["The description"], 0)
    assert value["diff"] == [["description says", "image shows"]]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            LEAKY.replace("description says", "image shows").replace("2 rows", "3 rows"),
            "rewrite_changed_number",
        ),
        (
            LEAKY.replace("description says", "image shows").replace("There are 4 dots.", "There are 4 birds."),
            "rewrite_changed_answer",
        ),
        (LEAKY.replace("description says", "image shows").replace("<think>", ""), "rewrite_changed_tags"),
        (LEAKY.replace("description says", "image shows (B)"), "rewrite_changed_option"),
        (LEAKY, "leak_remains"),
        ("Sure! Here is the text. " * 8, "word_gap"),
    ],
)
def test_a_rewrite_that_changed_more_than_the_leak_is_dropped(reply: str, reason: str) -> None:
    dropped = mend(reply)
    assert isinstance(dropped, Drop)
    assert dropped.reason == reason
    assert dropped.value["text"] == reply.strip()


@pytest.mark.parametrize(("words", "kept"), [(115, True), (116, False), (84, False), (85, True)])
def test_the_word_gap_is_15_words_either_way(words: int, kept: bool) -> None:
    before = "<think> the description " + "so " * 95 + "</think> yes"
    after = "<think> the image " + "so " * (words - 5) + "</think> yes"
    assert (len(before.split()), len(after.split())) == (100, words)
    result = mend(after, before)
    assert (isinstance(result, dict), result if kept else result.reason) == (
        kept,
        result if kept else "word_gap",
    )


def test_the_diff_of_a_long_chain_is_quick() -> None:
    before = "\n".join(f"line {i} of the description is here" for i in range(4000))
    assert len(word_diff(before, before.replace("description", "image"))) == 4000


# verify
def judge(text: str, reference: str, kind: str, reply: str | None = None) -> Any:
    teacher = Scripted([reply]) if reply is not None else None
    return call(verify, {"text": text}, reference, kind, (), "q", judge=teacher)


def test_rules_decide_without_a_judge() -> None:
    assert judge(GOOD, "4", "digit")["correct"] is True
    assert judge(GOOD, "5", "digit").reason == "wrong_answer"


def test_an_open_answer_needs_the_judge() -> None:
    text = "<think>a dog</think>A dog runs on grass."
    assert judge(text, "a running dog", "open").reason == "judge_missing"
    assert judge(text, "a running dog", "open", "Yes.")["source"] == "judge"
    assert judge(text, "a sleeping cat", "open", "no").reason == "wrong_answer"


def test_a_judge_that_rambles_is_not_a_no() -> None:
    dropped = judge("<think>a</think>It depends on you.", "a dog", "open", "Well, it depends")
    assert (dropped.reason, dropped.value["correct"]) == ("judge_unclear", None)


def test_a_sample_without_reference_is_undecided() -> None:
    assert call(verify, {"text": GOOD}, None, "open", (), "q", judge=None).reason == "undecided"


# cues and split
@pytest.mark.parametrize(
    ("text", "mode", "reflective"),
    [
        ("Leaning against the wall", "substring", True),
        ("Leaning against the wall", "word", False),
        ("Double-Check it", "word", True),
        ("checkered", "word", False),
        ("Hmm, no", "word", True),
        ("I should confirm this", "word", True),
        ("plainly four", "substring", False),
    ],
)
def test_cues_as_the_paper_counts_them_and_as_words(text: str, mode: str, reflective: bool) -> None:
    assert call(cues, {"text": text}, match_mode=mode)["reflective"] is reflective


def splits(n: int, reflective: Any, **settings: Any) -> list[Any]:
    images = settings.pop("images", [None] * n)
    result: list[Any] = call(
        split,
        [f"s{i}" for i in range(n)],
        ["test"] * n,
        images,
        ["digit"] * n,
        [{"reflective": reflective(i)} for i in range(n)],
        **settings,
    )
    return result


def test_reflective_samples_train_rl_and_the_others_sft() -> None:
    assert [verdict["split"] for verdict in splits(4, lambda i: i % 2)] == ["sft", "rl", "sft", "rl"]


def test_a_quota_is_filled_and_the_rest_say_so() -> None:
    verdicts = splits(50, lambda i: True, rl_quotas={"test": 20})
    assert sum(isinstance(v, dict) for v in verdicts) == 20
    assert {v.reason for v in verdicts if isinstance(v, Drop)} == {"over_quota"}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40), st.integers(0, 3), st.randoms())
def test_splits_share_no_image_and_do_not_depend_on_row_order(
    rows: list[tuple[bool, int]], seed: int, random: Any
) -> None:
    from dataclasses import replace

    def run(order: list[int]) -> dict[int, Any]:
        verdicts: list[Any] = call(
            split,
            [f"s{i}" for i in order],
            ["t"] * len(order),
            [replace(PICTURE, pixels=str(rows[i][1])) for i in order],
            ["digit"] * len(order),
            [{"reflective": rows[i][0]} for i in order],
            seed=seed,
            rl_quotas={"*": 3},
        )
        return dict(zip(order, verdicts, strict=True))

    first = run(list(range(len(rows))))
    shuffled = list(range(len(rows)))
    random.shuffle(shuffled)
    assert run(shuffled) == first
    where: dict[int, set[str]] = {}
    for i, verdict in first.items():
        if isinstance(verdict, dict):
            where.setdefault(rows[i][1], set()).add(verdict["split"])
    assert all(len(names) == 1 for names in where.values())
