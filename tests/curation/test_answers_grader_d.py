"""The causes behind a fourth grader's rows, each with neighbours that are right and that must not be called right."""

import pytest

from curation.answers import check

LETTERS = ["A", "B", "C", "D", "E"]
CHANGES = ["It increases", "It decreases", "It stays the same"]
RABBITS = "What happens to the rabbit population if the foxes are removed?"
SEATS = "How many people at most could be seated?"
ORDER = "Arrange 1/3, 3/4, 1/2 from least to greatest."
Y, X = "What is the y-intercept of the line?", "What is the x-intercept of the line?"


@pytest.mark.parametrize(
    ("said", "right"),
    [("It's A.", True), ("So it must be A.", True), ("It is B.", False), ("That's (C).", False), ("Must be D.", False),
     ("It's a dog.", False), ("It's A dog.", False), ("It isn't A.", False)],
)  # fmt: skip
def test_a_capital_a_that_ends_the_sentence_is_the_option(said: str, right: bool) -> None:
    assert check(f"We count.\n\n{said}", "A", options=LETTERS).correct is right


@pytest.mark.parametrize(
    ("said", "question", "right"),
    [("So at most 10 people can be seated.", SEATS, True), ("So at most 12 people can be seated.", SEATS, False),
     ("So at least 10 people can be seated.", SEATS, None), ("Fewer than 10 fit.", SEATS, None),
     ("Not 10.", SEATS, None), ("At most 10 fit.", "How many fit?", None),
     ("3 bags had at least 10 nuts.", "How many bags had at least 10 nuts?", None),
     ("She needs at least 10.", "What is the minimum number of coins?", True)],
)  # fmt: skip
def test_the_limit_that_is_asked_for_is_an_answer(said: str, question: str, right: bool | None) -> None:
    verdict = check(said, "10", question=question)
    assert verdict.correct is right or (right is None and verdict.correct is False)


def test_the_value_of_a_function_is_no_opposite_result() -> None:
    response = "From the graph f(0) = 2, so d = 2. Adding: 2b + 4 = 0.\n\nTherefore b = -2."
    assert (check(response, "-2").correct, check(response, "-2").extracted) == (True, "-2")


@pytest.mark.parametrize(
    ("said", "right"),
    [("They have fewer predators, so their population would increase.", True), ("It increased.", True),
     ("The rabbit population would decrease.", False), ("It remains the same.", False),
     ("So the fox population would increase.", None), ("Their population would not increase.", None),
     ("It may increase.", None), ("The foxes increase, so rabbits thrive.", None)],
)  # fmt: skip
def test_a_change_in_another_form(said: str, right: bool | None) -> None:
    assert check(f"Hm. {said}", "A", options=CHANGES, question=RABBITS).correct is right


@pytest.mark.parametrize(
    ("said", "reference", "right"),
    [("**38 cm²**... I mean the perimeter is 38 cm.", "38 cm", True),
     ("**38 cm²**... I mean the perimeter is 38 cm.", "38 cm²", False), ("**5** Sorry, it is 6.", "6", True),
     ("**5** Sorry, it is 6.", "5", False), ("The answer is 4 — I mean 5.", "4", False),
     ("By median I mean the middle one of 9. So it is **5**.", "5", True)],
)  # fmt: skip
def test_a_correction_speaks(said: str, reference: str, right: bool) -> None:
    assert check(said, reference).correct is right


@pytest.mark.parametrize(
    ("said", "question", "right"),
    [("1/3 < 1/2 < 3/4", ORDER, True), ("So 1/3 < 1/2 < 3/4.", ORDER, True), ("1/3 < 3/4 < 1/2", ORDER, False),
     ("1/3 > 1/2 > 3/4", ORDER, False), ("1/3 < 1/2 < 3/4", "Which fractions are shown?", False),
     ("1/3 ≤ 1/2 < 3/4", ORDER, False)],
)  # fmt: skip
def test_a_chain_in_the_order_asked_for_is_the_list(said: str, question: str, right: bool) -> None:
    assert check(said, "1/3, 1/2, 3/4", question=question).correct is right


@pytest.mark.parametrize(
    ("said", "reference", "right"),
    [("The answer is 3000 Ω.", "3 kΩ", True), ("3 MΩ", "3 kΩ", False), ("3 mΩ", "3 MΩ", False),
     ("5000 W", "5 kW", True), ("5 mW", "5 MW", False), ("0.02 A", "20 mA", True), ("5 mA", "5 MA", False),
     ("5000 nF", "5 µF", True),
     ("5 F", "5 µF", False), ("72 F", "72 °F", True), ("3 mPa", "3 MPa", False), ("40000 J/mol", "40 kJ/mol", True),
     ("40 J/mol", "40 kJ/mol", False), ("5 mV", "5 V", False), ("3 MN", "3 mN", False), ("5 mJ", "5 J", False)],
)  # fmt: skip
def test_prefixes_of_units_are_read_as_written(said: str, reference: str, right: bool) -> None:
    assert check(said, reference).correct is right


@pytest.mark.parametrize(
    ("said", "reference", "question", "right"),
    [("(0, 5)", "5", Y, True), ("The y-intercept is (0, 5).", "5", Y, True), ("(5, 0)", "5", X, True),
     ("(5, 0)", "5", Y, False), ("(0, 5)", "5", X, False), ("(0, 5)", "0", Y, False), ("(0, -5)", "5", Y, False),
     ("(0, 5)", "5", "What is the value?", False), ("(0, 5)", "0.5", Y, False)],
)  # fmt: skip
def test_a_point_on_the_axis_is_the_intercept(said: str, reference: str, question: str, right: bool) -> None:
    assert check(said, reference, question=question).correct is right


@pytest.mark.parametrize(
    ("response", "correct"),
    [
        ("The turned cube is shown in **diagram B**.", True),
        ("So she ends with one of them. Picture B.", True),
        ("The angle at A is 75°, which is option B.", True),
        ("Opposite angles are equal, so ∠B = 75°. I choose A.", False),
        ("Piece A", False),
        ("Picture A shows a dog, so it is B.", True),
    ],
)
def test_a_letter_chosen_last_comes_before_letters_in_the_figure(response: str, correct: bool) -> None:
    options = ("75°", "105°", "15°", "30°") if "°" in response else ("A", "B", "C", "D")
    question = "In the figure ∠A = 75°. Then ∠B equals" if "°" in response else "Which picture fits?"
    assert check(response, "B", options=options, question=question).correct is correct
