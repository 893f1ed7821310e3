"""The quick ways that plain texts take in an export give what the full ones give, whatever the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.answers.options import options_in
from curation.exports.texts import (
    AT_THE_EDGE,
    PLACEHOLDER,
    PLAIN_RESPONSE,
    asked,
    harmless,
    harmless_parts,
    question_of,
    response_parts,
)
from curation.steps.distill import lettered

PIECES = (
    "<think>", "</think>", "<answer>", "</answer>", "<THINK>", "<image>", "<IMG>", "</s>", "<|im_end|>", "[INST]", "[",
    "<", "|", ">", "a", "7", " ", "\n", "\x1c", "\x85", "\u2028", "\u200b", "(A) 1 (B) 2", "\nA. x\nB. y",
)  # fmt: skip
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)
well_formed = st.tuples(*[hostile] * 5).map(
    lambda t: f"{t[0].strip('ax7')}<think>{t[1]}</think>{t[2]}<answer>{t[3]}</answer>{t[4]}"
)
spaces = st.text(alphabet=" \n\t\x1c\x85\u2028\u3000", max_size=3)
plain = st.tuples(spaces, st.text(), spaces, st.text(), spaces).map(
    lambda t: f"{t[0]}<think>{t[1]}</think>{t[2]}<answer>{t[3]}</answer>{t[4]}"
)


@given(hostile | well_formed)
def test_harmless_is_the_full_substitution(text: str) -> None:
    assert harmless(text) == PLACEHOLDER.subn(lambda found: f"‹{found[0][1:-1]}›", text)


@given(hostile)
def test_question_of_is_the_full_substitution(text: str) -> None:
    assert question_of(text) == AT_THE_EDGE.sub("", text).strip()


@given(hostile | well_formed | plain)
def test_the_parts_of_a_plain_response_are_those_of_the_parser(text: str) -> None:
    safe, count = harmless(text)
    assert harmless_parts(text) == (response_parts(safe) if safe else ("", ""), count)


@given(hostile)
def test_a_question_without_options_is_asked_as_it_is(question: str) -> None:
    itself = len(options_in(question)) == 0
    assert asked(question, ()) == "\n".join(filter(None, (question, "" if itself else lettered(()))))


@pytest.mark.parametrize(
    "text", ["<think>a</think><answer>7</answer>", " <think>\na\n</think>\n\n<answer> </answer>\n"]
)
def test_plain_responses_take_the_quick_way(text: str) -> None:
    assert PLAIN_RESPONSE.fullmatch(text)


@pytest.mark.parametrize("inside", ["[INST]", "<image>", "<|im_end|>", "</think>", "<answer>", "x < 3"])
def test_anything_that_may_be_a_tag_does_not(inside: str) -> None:
    assert not PLAIN_RESPONSE.fullmatch(f"<think>a{inside}</think><answer>7</answer>")
