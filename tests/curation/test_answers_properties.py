"""What must hold of any answer: the reference is right in every wrapping, another in none, nothing raises."""

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curation.answers import check, tagged_answer
from curation.answers.rows import verdict_of_line
from curation.reasons import REASONS

WRAPPERS = (
    "{}", "Final Answer: {}", "The answer is {}.", "<answer>{}</answer>", "**Answer:** {}",
    "So the final answer is **{}**.",
    "<think>It could be 77. Or B? No.</think>\n\nFinal Answer: {}", "### Final Answer\n\n{}", "\\boxed{{{}}}",
    "Answer: {}\n\nI hope this helps!", "Wait, let me check again. Yes.\n\nThe correct answer is: {}",
    "<think>Hm</think><answer>The correct answer is {}</answer>", "Antwort: {}", "答案是{}",
)  # fmt: skip
LETTERS = st.sampled_from("ABCDE")
NAMES = st.text(string.ascii_lowercase, min_size=4, max_size=9).map(str.capitalize)
OPTIONS = ("12 cm", "15 cm", "18 cm", "21 cm", "24 cm")
WHOLE = st.integers(-(10**6), 10**6)


@given(
    LETTERS, LETTERS, st.sampled_from(WRAPPERS), st.sampled_from(("{}", "({})", "{})", "{}.", "option {}", "**{}**"))
)
def test_the_letter_decides_in_every_wrapping(reference: str, said: str, wrapper: str, form: str) -> None:
    assume(not (wrapper.startswith("\\boxed") and "**" in form))
    response = wrapper.format(form.format(said))
    assert check(response, reference, options=OPTIONS).correct is (said == reference)


@given(st.integers(0, 4), st.integers(0, 4), st.sampled_from(WRAPPERS))
def test_the_option_text_decides_in_every_wrapping(reference: int, said: int, wrapper: str) -> None:
    response = wrapper.format(OPTIONS[said])
    assert check(response, "ABCDE"[reference], options=OPTIONS).correct is (said == reference)


@given(LETTERS, LETTERS, LETTERS, st.sampled_from((" and ", " or ", ", ", "/", " & ")), st.sampled_from(WRAPPERS))
def test_two_letters_are_never_right(reference: str, one: str, other: str, joint: str, wrapper: str) -> None:
    assume(one != other)
    assert check(wrapper.format(f"{one}{joint}{other}"), reference, options=OPTIONS).correct is not True


@given(WHOLE, WHOLE, st.sampled_from(WRAPPERS))
def test_another_number_is_right_in_no_wrapping(reference: int, said: int, wrapper: str) -> None:
    assert check(wrapper.format(said), str(reference), kind="number").correct is (said == reference)


@given(WHOLE, WHOLE, st.sampled_from(("{}", "{:,}", "${}$", "{} cm", "{}.0")), st.sampled_from(("{}", "{:,}", "{} cm")))
def test_numbers_agree_both_ways(one: int, other: int, left: str, right: str) -> None:
    first, second = left.format(one), right.format(other)
    assert check(first, second, kind="number").correct == check(second, first, kind="number").correct


@given(NAMES, st.sampled_from(WRAPPERS))
def test_a_name_is_right_in_every_wrapping(name: str, wrapper: str) -> None:
    assert check(wrapper.format(name), name, kind="text").correct is True


@given(NAMES, NAMES, st.sampled_from(WRAPPERS))
def test_another_name_is_never_right(name: str, other: str, wrapper: str) -> None:
    assume(name.lower().rstrip("s") != other.lower().rstrip("s"))
    assume(check(other, name, kind="text").correct is not True)  # two spellings of one word, such as colour and color
    assert check(wrapper.format(other), name, kind="text").correct is not True


@given(st.lists(NAMES, min_size=2, max_size=4, unique_by=lambda name: name.lower()), st.randoms())
def test_a_list_has_no_order_unless_the_question_asks_for_one(names: list[str], random: object) -> None:
    mixed = list(names)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert check(", ".join(mixed), ", ".join(names), kind="text").correct is True
    ranked = check(", ".join(mixed), ", ".join(names), kind="text", question="Order them from least to greatest.")
    assert ranked.correct is (mixed == names)


@settings(max_examples=200)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_line_raises(line: bytes) -> None:
    verdict, _ = verdict_of_line(line)
    assert verdict.correct is None
    assert verdict.reason in REASONS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("response", "answer", "options", "kind", "question"), JSON)))
def test_no_row_raises(row: dict[str, object]) -> None:
    import json

    verdict, _ = verdict_of_line(json.dumps(row).encode())
    assert verdict.correct is True or verdict.reason in REASONS


@pytest.mark.parametrize(
    ("response", "strict", "lenient"),
    [
        ("<think>a</think><answer>5</answer>", ("5", ""), ("5", "")),
        ("<think>a</think>\n\n<answer>5</answer>\n", ("5", ""), ("5", "")),
        ("<think>a</think>5", (None, "answer_untagged"), ("5", "")),
        ("5", (None, "think_missing"), ("5", "")),
        ("<think>a</think><answer>4</answer><answer>5</answer>", (None, "answer_repeated"), ("5", "")),
        ("<think>a</think><answer>5</answer> done", (None, "text_outside"), ("5", "")),
        ("<think>a</think><answer></answer>", (None, "answer_empty"), (None, "answer_empty")),
        ("<think>a", (None, "think_missing"), (None, "answer_empty")),
    ],
)
def test_the_strict_parser_says_why_it_refuses(response: str, strict: object, lenient: object) -> None:
    assert tagged_answer(response, strict=True) == strict
    assert tagged_answer(response, strict=False) == lenient


def test_the_strict_parser_takes_the_r1_layout_when_asked() -> None:
    assert tagged_answer("<think>a</think>\n\n5", strict=True, layout="r1") == ("5", "")
