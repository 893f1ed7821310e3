"""Taking responses apart: tags, faults, and hostile text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.answers import parse
from curation.reasons import REASONS

PIECES = st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", " ", "42", "\n", "<THINK>", "<", "word"])


def test_both_published_layouts_are_well_formed() -> None:
    r1 = parse("<think>\nLook.\n</think>\n\nThe answer is 5.")
    assert (r1.think, r1.answer, r1.tail, r1.faults) == ("Look.", "The answer is 5.", "The answer is 5.", ())
    tagged = parse("<think>Look.</think>\n<answer> 5 </answer>\n")
    assert (tagged.answer, tagged.tail, tagged.faults) == ("5", "<answer> 5 </answer>", ())


@pytest.mark.parametrize(
    ("response", "answer", "faults"),
    [
        ("just 5", "just 5", ("think_missing",)),
        ("", "", ("think_missing", "answer_empty")),
        ("thought without opening tag</think>5", "5", ("think_missing",)),
        ("<think>never closed, so 5", "", ("think_missing", "answer_empty")),
        ("<think>never closed <answer>5</answer>", "5", ("think_missing", "text_outside")),
        ("<think></think>5", "5", ("think_empty",)),
        ("<think>a</think><think>b</think>5", "5", ("think_repeated",)),
        ("<think><think>a</think></think>5", "5", ("think_repeated",)),
        ("<think>a</think>", "", ("answer_empty",)),
        ("<think>a</think><answer> </answer>", "", ("answer_empty",)),
        ("<think>a</think><answer>5", "5", ("answer_unclosed",)),
        ("<think>a</think>5</answer>", "5", ("answer_unclosed",)),
        ("<think>a</think><answer>4</answer><answer>5</answer>", "5", ("answer_repeated",)),
        ("<think>a</think><answer>5</answer> Done.", "5", ("text_outside",)),
        ("<think>a</think> So: <answer>5</answer>", "5", ("text_outside",)),
        ("Well <think>a</think>5", "5", ("text_outside",)),
        ("<think>I write <answer>4</answer></think>5", "5", ("answer_in_think",)),
        ("<think>a</think><answer>4</answer> prose <answer>5</answer>", "5", ("answer_repeated",)),
    ],
)
def test_every_departure_from_the_format_is_named(response: str, answer: str, faults: tuple[str, ...]) -> None:
    parsed = parse(response)
    assert (parsed.answer, parsed.faults) == (answer, faults)
    assert set(faults) <= set(REASONS)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join)))
def test_no_string_raises_and_the_answer_comes_from_the_response(response: str) -> None:
    parsed = parse(response)
    assert set(parsed.faults) <= set(REASONS)
    assert parsed.tail in response
    assert not parsed.faults or len(set(parsed.faults)) == len(parsed.faults)


@given(st.text(alphabet="ab 1\n", min_size=1), st.text(alphabet="ab 1\n", min_size=1))
def test_what_is_put_into_the_tags_comes_out(think: str, answer: str) -> None:
    parsed = parse(f"<think>{think}</think>\n<answer>{answer}</answer>")
    assert (parsed.think, parsed.answer) == (think.strip(), answer.strip())
    assert not parsed.faults or not (think.strip() and answer.strip())


@pytest.mark.parametrize(
    "unit",
    [
        "<think>",
        "</think>",
        "<answer>",
        "<think></think>",
        "<answer>x</answer>",
        "<",
        "< think ",
        "<think",
        " \n",
    ],
)
def test_two_hundred_kilobytes_of_hostile_tags_take_no_time(unit: str) -> None:
    started = time.process_time()
    parse(unit * (200_000 // len(unit)))
    assert time.process_time() - started < 10
