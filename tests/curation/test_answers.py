"""Whether a response answers as its reference: one table a kind, then what must hold for any text."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.answers import check, extract, infer_kind
from curation.errors import ConfigError
from curation.reasons import REASONS
from curation.records import KINDS, Kind, Option
from tests.effort import effort

DATA = Path("/work/shared/data")
LENGTHS = ("6 cm", "8 cm", "10 cm", "12 cm")
WORDS = ("linear", "nonlinear")
T, F, N = True, False, None

NUMBERS = [
    ("40.10", "40.1", T), ("1,234,567", "1234567", T), ("1 234 567", "1234567", T), ("1'234", "1234", T),
    ("$8.20", "8.20", T), ("\\$8.2", "8.20", T), ("8.20 dollars", "$8.20", T), ("25%", "25", T),
    ("25%", "0.25", T),
    ("0.25", "25%", T), ("25 percent", "25%", T), ("25", "0.25", F), ("5/18", "\\frac{5}{18}", T),
    ("2½", "2.5", T),
    ("2 1/2", "5/2", T), ("2 1/2", "21/2", F), ("2\\frac{1}{2}", "2.5", T), ("1.2e3", "1200", T),
    ("−4", "-4", T),
    ("1.2 \\times 10^{3}", "1,200", T), ("3 million", "3000000", T), ("twenty-one", "21", T), ("- 5", "5", F),
    ("-4", "4", F), ("minus five", "-5", T), ("6cm", "6 cm", T), ("6 cm", "60 mm", T), ("6 cm", "6 m", F),
    ("19 peppermint candies", "19", T), ("x = 5", "5", T), ("It is about 5.", "5", T), ("5 or 6", "5", F),
    ("5, 6", "6", F), ("5 out of 12", "5", T), ("5 out of 12", "12", N), ("5 out of 12", "7", F),
    (".5", "0.5", T),
    ("5 + 3 = 8", "8", T), ("5 + 3 = 8", "5", F), ("1000000", "1000001", F),
    ("12345678901234567891", "12345678901234567890", F),
    ("10/3", "3.33", T), ("3.3333", "3.33", T), ("8.203", "8.20", N), ("2.54", "2.5", F),
    ("0.2778", "5/18", T),
    ("0.28", "5/18", N), ("0.3", "5/18", F), ("7.07", "5\\sqrt{2}", T), ("7.1", "5\\sqrt{2}", N),
    ("1235", "1234.56", N),
    ("60^\\circ", "60", T), ("36π", "36\\pi", T), ("90 minutes", "1.5", N), ("€5", "$5", F),
    ("5 inches", "2 kg", F),
    ("1e999999999", "5", F), ("9" * 5000, "5", F), ("no number here", "5", F), ("2x", "2", F),
    ("the 3rd", "3", F), ("10-12", "12", F),
]  # fmt: skip

CHOICES = [
    ("B", "B", T), ("(b)", "B", T), ("B)", "B", T), ("B.", "B", T), ("option B.", "B", T), ("B. 8cm", "B", T),
    ("**B**", "B", T), ("\\text{(B)}", "B", T), ("8 cm", "B", T), ("8", "B", T),
    ("The correct option is (B).", "B", T),
    ("B and C", "B", F), ("B, C", "B", F), ("A/B", "B", F), ("Both A and B are correct", "B", F),
    ("F", "B", F),
    ("A", "8 cm", F), ("B", "8 cm", T), ("B. 6cm", "B", N), ("B. 6cm", "A", N), ("B. 6cm", "C", F),
    ("9 cm", "B", F),
    ("B because 8 > 6", "B", T), ("not B", "B", N), ("So (B) fits.", "B", T), ("", "B", F), ("2", "B", F),
]  # fmt: skip

TEXTS = [
    ("rocky port.", "Rocky Port", T), ("It is the Rocky Port", "Rocky Port", T),
    ("Bay Harbor", "Rocky Port", F),
    ("The ferry leaves Rocky Port at noon", "Rocky Port", N), ("2:10 pm", "2:10 P.M.", T),
    ("14:10", "2:10 P.M.", T),
    ("2:10 A.M.", "2:10 P.M.", F), ("2:10", "2:10 P.M.", T), ("75 minutes", "1 hour and 15 minutes", T),
    ("2020-03-05", "March 5, 2020", T), ("March 6, 2020", "March 5, 2020", F),
    ("Yes, because it rains.", "yes", T),
    ("Nothing", "no", F), ("I do not know", "no", F), ("true", "yes", T), ("apples", "apple", T),
    ("linear", "nonlinear", F),
    ("blue and red", "red, blue", T), ("Isabele", "Isabelle", N), ("three", "3", T),
]  # fmt: skip

BOXES = [
    ("[0.1, 0.1, 0.5, 0.5]", T), ("(0.1, 0.1), (0.5, 0.5)", T), ('{"bbox_2d": [0.12, 0.1, 0.5, 0.52]}', T),
    ("[0.6, 0.6, 0.9, 0.9]", F), ("[0.5, 0.5, 0.1, 0.1]", F), ("[10, 10, 50, 50]", F), ("[0.1, 0.1, 0.5]", F),
    ("no box", F), ("[-0.1, 0.1, 0.5, 0.5]", F), ("[nan, 0.1, 0.5, 0.5]", F),
]  # fmt: skip

FORMULAS = [
    ("(x+1)^2", "x^2+2x+1", T), ("(x-1)^2", "x^2+2x+1", F), ("\\boxed{\\sqrt{50}}", "5\\sqrt{2}", T),
    ("(3, -4)", "(3,-4)", T),
    ("(3,4)", "(3,-4)", F), ("5", "x=5", T), ("y = 1 + 2x", "y=2x+1", T),
    ("Therefore $x \\cdot x$.", "x^2", T),
    ("I do not know the value", "x^2", N), ("45^\\circ", "\\frac{\\pi}{4}", T),
]  # fmt: skip


@pytest.mark.parametrize(("response", "reference", "correct"), NUMBERS)
def test_numbers(response: str, reference: str, correct: bool | None) -> None:
    assert check(response, reference, kind="number").correct is correct


@pytest.mark.parametrize(("response", "reference", "correct"), CHOICES)
def test_choices(response: str, reference: str, correct: bool | None) -> None:
    assert check(response, reference, kind="mcq", options=LENGTHS).correct is correct


def test_a_place_counts_only_where_no_option_has_digits() -> None:
    assert check("2", "B", options=WORDS).correct is True
    assert check("The function is nonlinear.", "nonlinear", options=WORDS).correct is True
    assert check("linear or nonlinear", "linear", options=WORDS).correct is False


def test_an_option_may_say_that_two_letters_are_right() -> None:
    assert check("C or D", "E", options=("A", "B", "C", "D", "C or D")).correct is True


def test_options_may_be_records_or_stand_in_the_question() -> None:
    records = (Option("A", "6 cm"), Option("B", "8 cm"))
    assert check("8 cm", "B", options=records).correct is True
    assert check("8", "B", kind="mcq", question="How long?\n(A) 6 cm\n(B) 8 cm\n(C) 9 cm").correct is True


@pytest.mark.parametrize(("response", "reference", "correct"), TEXTS)
def test_texts(response: str, reference: str, correct: bool | None) -> None:
    assert check(response, reference, kind="text").correct is correct


@pytest.mark.parametrize(("response", "correct"), BOXES)
def test_boxes(response: str, correct: bool) -> None:
    assert check(response, "[0.1, 0.1, 0.5, 0.5]", kind="box").correct is correct


def test_a_box_in_pixels_needs_its_frame_and_a_bad_reference_is_undecided() -> None:
    assert check("[10,10,50,50]", "[10,10,50,50]", kind="box", frame="abs").correct is True
    assert check("[0.1,0.1,0.5,0.5]", "[10,10,50,50]", kind="box").correct is None


@pytest.mark.parametrize(("response", "reference", "correct"), FORMULAS)
def test_formulas(response: str, reference: str, correct: bool | None) -> None:
    assert check(response, reference, kind="math").correct is correct


def test_digits_are_exact_and_may_be_words() -> None:
    assert check("There are seven cubes.", "7", kind="digit").correct is True
    assert check("7.0", "7", kind="digit").correct is True
    assert check("7.01", "7", kind="digit").correct is False


def test_a_stated_tolerance_is_relative_and_replaces_the_rounding_rules() -> None:
    assert check("105", "100", kind="number", tolerance=0.05).correct is True
    assert check("106", "100", kind="number", tolerance=0.05).correct is False
    assert check("3.3333", "3.33", kind="number", tolerance=0.0).correct is False


def test_open_answers_are_left_to_a_judge_unless_equal() -> None:
    reference = "A man rides a brown horse along the beach at sunset."
    assert check("Someone on horseback by the sea", reference, kind="open").correct is None
    assert check("a man rides a brown horse along the beach at sunset", reference, kind="open").correct is True


@pytest.mark.parametrize(
    ("response", "how", "text"),
    [
        ("<think>7</think><answer>Final Answer:40.1</answer>", "stated", "40.1"),
        ("<think>7</think><answer>40.1</answer>", "answer_tag", "40.1"),
        ("\\boxed{5} is wrong.\n\nFinal answer: \\boxed{\\frac{1}{2}}", "boxed", "\\frac{1}{2}"),
        ("3 + 4 = 7\n\n**Final Answer**\n\n7 apples", "stated", "7 apples"),
        ("First 3.\n\nTherefore, she needs **19** candies.", "bold", "19"),
        ("There are 3.\nSo she needs 19 candies.", "concluded", "she needs 19 candies."),
        ("We see 3 boxes.\nThe total is 19", "sentence", "The total is 19"),
    ],
)
def test_the_most_explicit_place_is_read(response: str, how: str, text: str) -> None:
    found = extract(response, kind="number")
    assert found is not None
    assert (found.how, found.text) == (how, text)


def test_nothing_said_is_wrong_and_nothing_comparable_is_undecided() -> None:
    assert check("<think>cut off", "5", kind="number").reason == "answer_not_found"
    assert check("5", "", kind="number").correct is None
    assert check("anything", "seven or so", kind="number").correct is None


@pytest.mark.parametrize("setting", [{"tolerance": -1.0}, {"tolerance": float("nan")}, {"iou": 0.0}, {"seconds": 0.0}])
def test_settings_out_of_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        check("5", "5", **setting)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "options", "kind"),
    [
        ("7", (), "digit"), ("12", (), "number"), ("-2", (), "number"), ("8.20", (), "number"),
        ("15 minutes", (), "text"),
        ("10 pounds", (), "number"), ("3/4", (), "number"), ("(3,-4)", (), "math"), ("x^2+1", (), "math"),
        ("C", (), "mcq"),
        ("Rocky Port", ("Rocky Port", "Bay Harbor"), "mcq"), ("[0.1,0.2,0.3,0.4]", (), "box"),
        ("yes", (), "text"),
        ("2:10 P.M.", (), "text"), ("A man rides a brown horse along the beach at sunset.", (), "open"),
        ("", (), "text"),
        ("\\frac{x}{2}", (), "math"), ("5-4-3-2-1", (), "math"), ("$\\boxed{12}$", (), "number"),
    ],
)  # fmt: skip
def test_kinds_are_inferred(answer: str, options: tuple[str, ...], kind: Kind) -> None:
    assert infer_kind(answer, options) == kind


WRAPPERS = (
    "{}", "Final Answer: {}", "Final Answer:{}", "\\boxed{{{}}}", "<answer>{}</answer>", "**Answer:** {}",
    "**{}**",
    "<think>first 77</think><answer>Final Answer:{}</answer>", "<think>77</think>\n\nThe answer is {}.",
    "Step 1: 3 + 4 = 7\n\nSo the answer is **{}**.", "### Final Answer\n\n{}",
    "So\n\n$$\\boxed{{\\text{{{}}}}}$$",
)  # fmt: skip
REFERENCES = st.one_of(
    st.integers(-(10**9), 10**9).map(str),
    st.decimals(-1000, 1000, places=2).map(str),
    st.fractions(0, 50, max_denominator=40).map(str),
    st.sampled_from(
        ["Rocky Port", "yes", "2:10 P.M.", "shortage", "math club", "(3,-4)", "5\\sqrt{2}", "\\frac{3}{4}"]
    ),
)


@given(REFERENCES, st.sampled_from(WRAPPERS))
def test_the_reference_is_right_however_it_is_wrapped(reference: str, wrapper: str) -> None:
    assert check(wrapper.format(reference), reference).correct is True


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12), st.sampled_from(WRAPPERS))
def test_a_different_integer_is_never_accepted(reference: int, other: int, wrapper: str) -> None:
    assert check(wrapper.format(other), str(reference), kind="number").correct is (other == reference)


@given(st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3), st.sampled_from(WRAPPERS))
def test_a_different_decimal_is_never_accepted(reference: object, other: object, wrapper: str) -> None:
    assert check(wrapper.format(other), str(reference), kind="number").correct is (other == reference)


@given(st.fractions(-9999, 9999, max_denominator=99), st.fractions(-9999, 9999, max_denominator=99))
def test_a_different_fraction_is_never_accepted(reference: Fraction, other: Fraction) -> None:
    correct = check(str(other), str(reference), kind="number").correct
    assert correct is True if other == reference else correct is not True  # a close one may be undecided


PARTS = ["\\boxed{", "}", "Final Answer:", "<answer>", "5", " or ", "A", "$", "\\frac", "\ud800", "½"]
ODD = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="0123456789./-+*^%$€()[]{}\\, eExabfrcsqtpi:\n", max_size=40),
    st.lists(st.sampled_from(PARTS), max_size=8).map("".join),
)


@settings(max_examples=300)
@given(ODD, ODD, st.sampled_from([kind for kind in KINDS if kind != "math"]), st.lists(ODD, max_size=4))
def test_no_string_raises(response: str, reference: str, kind: Kind, options: list[str]) -> None:
    verdict = check(response, reference, kind=kind, options=options, question=response)
    assert verdict.kind == kind
    assert verdict.correct is True or verdict.reason in REASONS
    infer_kind(reference, options)


@settings(max_examples=40, deadline=None)
@given(ODD, ODD)
def test_no_string_makes_mathematics_raise(response: str, reference: str) -> None:
    verdict = check(response, reference, kind="math", seconds=1.0)
    assert verdict.correct is True or verdict.reason in REASONS


HOSTILE = (
    "\\boxed{", "Final Answer: ", "the answer is ", "1,", "1/", "(", "{", "a ", "one ", " and ", "**", "$", "-", "9",
    "A) ", ", ", "so ", "so yes, ", "答案是", "not the ", "x = ",
    "\n ", "wait ", "or ", "1:", "12:30 ", "五", "\\text{a}",
)  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("kind", ["number", "mcq", "text", "box"])
def test_hostile_answers_take_no_time(unit: str, kind: Kind) -> None:
    def work() -> None:
        check(unit * (200_000 // len(unit)), "5", kind=kind, options=LENGTHS)
        check("5", unit * (20_000 // len(unit)), kind=kind, question=unit * (200_000 // len(unit)))

    assert effort(work) < 30


def tabmwp() -> Iterator[tuple[str, tuple[str, ...]]]:
    for row in json.loads((DATA / "tabmwp/problems.json").read_text()).values():
        yield row["answer"], tuple(row["choices"] or ())


def mathvision() -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in (DATA / "mathvision/testmini.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield row["answer"], tuple(row["options"])


@pytest.mark.skipif(not DATA.exists(), reason="the shared pictures are not here")
@pytest.mark.parametrize("source", [tabmwp, mathvision])
def test_every_real_answer_agrees_with_itself_and_with_no_other(source: object) -> None:
    rows = list(source())  # type: ignore[operator]
    assert len(rows) > 300
    for place, (answer, options) in enumerate(rows):
        for wrapper in WRAPPERS:
            assert check(wrapper.format(answer), answer, options=options).correct is True, (answer, wrapper)
        for other, _ in rows[place + 1 : place + 6]:
            if not options and " " not in other and _value(other) != _value(answer):
                assert check(f"<answer>{other}</answer>", answer).correct is False, (answer, other)
        for other in options:
            if len(answer) > 1 and other != answer:
                assert check(f"Final Answer: {other}", answer, options=options).correct is False, (
                    answer,
                    other,
                )


def _value(text: str) -> Fraction | str:
    try:
        return Fraction(text)
    except ValueError:
        return text


def test_rules_decide_ten_thousand_rows_quickly() -> None:
    """About 25 times a fixed piece of Python (2,000 to 4,000 rows a second): more than twice that is a regression."""
    rows = [(f"<think>{'word ' * 50}</think><answer>Final Answer: {n}.5 kg</answer>", f"{n}.50") for n in range(10_000)]
    assert effort(lambda: [check(*row, kind="number") for row in rows]) < 60
    assert all(check(response, reference, kind="number").correct for response, reference in rows[::100])


def test_importing_answers_does_not_import_sympy() -> None:
    program = "import sys, curation.answers; sys.exit(bool({'sympy', 'math_verify', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("response", "reference"),
    [
        ("2**5", "2**5-7"), ("3*2**4", "3*2**4+9"), ("10**20", "10**20+5*10**19"), ("9**9**9", "9**9**9+x"),
        ("2^{40}", "2^{40}+1"), ("3^{27}", "3^{27}+1"), ("5^{20}", "5^{20}-1"), ("2^{64}", "2^{64}+1"),
        (r"\frac{2^{40}+1}{2}", "2^{39}"),
    ],
)  # fmt: skip
def test_powers_that_differ_are_never_called_equal(response: str, reference: str) -> None:
    for kind in (None, "math"):
        assert check(f"<answer>{response}</answer>", reference, kind=kind).correct is not True  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("response", "reference"), [("2**5", "32"), ("x**2+1", "x^2+1"), ("**7**", "7"), ("2**-3", "1/8")]
)
def test_a_double_star_is_a_power_between_operands_and_emphasis_elsewhere(response: str, reference: str) -> None:
    assert check(f"The answer is {response}.", reference).correct is True


def test_a_reference_of_200_000_digits_takes_no_time_to_speak_of() -> None:
    """Quadratic, it took minutes; linear, it takes about a second."""
    start = time.process_time()
    assert check("7", "9" * 200_000).correct is False
    assert time.process_time() - start < 20
