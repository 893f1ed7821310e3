"""What the rows of graders AF and AG found, each with replies that must not be read so."""

import pytest

from curation.answers import check

RATE = "What was the unemployment rate in 2020?"
BOTH = "Which two countries have the same value in 2018?"
EFFUSION = "Is there a pleural effusion in this chest X-ray?"
SLOPES = ("-2", "-1/2", "1/2", "2")


@pytest.mark.parametrize(
    ("said", "letter"),
    [
        (r"\boxed{-\frac{1}{2}}", "B"),
        (r"The slope is \(\boxed{- \frac{1}{2}}\).", "B"),
        (r"The slope is $-\dfrac12$.", "B"),
        (r"So $m = - \frac{1}{2}$", "B"),
        ("The slope is −½.", "B"),
        ("The slope is ½.", "C"),
        (r"\boxed{\frac{1}{2}}", "C"),
        (r"$$m = \frac{-1}{2} = -\frac{1}{2}$$", "B"),
    ],
)
def test_the_sign_before_a_fraction_is_no_item_of_a_list(said: str, letter: str) -> None:
    for reference in "BC":
        found = check(said, reference, options=SLOPES, question="What is the slope?")
        assert found.correct is (reference == letter), found


@pytest.mark.parametrize(
    ("said", "value"), [(r"2\frac12", "2.5"), (r"-2\frac12", "-2.5"), ("2½", "2.5"), ("−½", "-.5")]
)
def test_mixed_numbers_stay_what_they_are(said: str, value: str) -> None:
    assert check(said, value).correct is True
    assert check(said, str(-float(value))).correct is False


@pytest.mark.parametrize(
    ("reference", "said", "correct"),
    [
        ("3.7%", "The unemployment rate in 2020 was 3.7 percent, and it rose to 8.1 percent in 2021.", True),
        ("8.1%", "The unemployment rate in 2020 was 3.7 percent, and it rose to 8.1 percent in 2021.", False),
        ("8.1%", "In 2020 it was 8.1 percent, and in 2021 it fell to 3.7 percent.", True),
        ("3.7%", "It was 3.7% in 2019, while in 2020 it was 8.1%.", False),
        ("8.1%", "The rate rose from 3.7% in 2019 to 8.1% in 2020.", True),
    ],
)
def test_of_several_years_the_one_that_is_asked_about(reference: str, said: str, correct: bool) -> None:
    assert check(said, reference, question=RATE).correct is correct


@pytest.mark.parametrize(
    ("said", "correct"),
    [
        ("Italy and Spain both had a value of 14.2 in 2018.", True),
        ("Spain and Italy have the same value.", True),
        ("Italy and France both had a value of 14.2 in 2018.", False),
        ("Italy, France and Spain all had 14.2.", False),
        ("Italy and Spain both had 14.2 in 2017.", False),
        ("Italy and Spain are not the same.", False),
    ],
)
def test_a_sentence_about_just_the_items_of_a_list_names_them(said: str, correct: bool) -> None:
    assert check(said, "Spain, Italy", question=BOTH).correct is correct


@pytest.mark.parametrize("remark", ["*Disclaimer: This is no advice.*", "This is not medical advice."])
@pytest.mark.parametrize(
    ("said", "correct"), [("**Yes**, an effusion appears to be present.", True), ("**No.**", False)]
)
def test_a_disclaimer_is_a_remark(remark: str, said: str, correct: bool) -> None:
    assert check(f"{said}\n\n{remark} Please consult a radiologist.", "yes", question=EFFUSION).correct is correct


WAITED = "The receptionist kept track of each patient's wait time. How many people waited for exactly 57 minutes?"
ICE = (
    "Chocolat and chocolate gum.",
    "Mango and cherry.",
    "Lemmon and wafer.",
    "Mango and wafer.",
    "Lemmon and cherry.",
)
TRAINS = "How many trains had at least 20 passengers?"
VERTEX = "What is the vertex of the parabola in the graph?"


@pytest.mark.parametrize(
    ("reference", "said", "correct"),
    [
        ("0", "There are no leaves equal to 7.\n\nTherefore, no patients waited for exactly 57 minutes.", True),
        ("57", "Therefore, no patients waited for exactly 57 minutes.", False),
        ("3", "There are no leaves equal to 7 in that row, so 3 people waited for exactly 57 minutes.", True),
        ("3", "So no patients waited for exactly 57 minutes; 3 waited longer.", False),
        ("0", "So no patients were late.", False),
    ],
)
def test_nobody_of_those_asked_about_is_zero(reference: str, said: str, correct: bool) -> None:
    assert check(said, reference, question=WAITED).correct is correct


@pytest.mark.parametrize(
    ("said", "letter"),
    [("It is **Lemon and cherry**.", "E"), ("It is lemon and wafer.", "C"), ("It is mango and wafer.", "D")],
)
def test_a_doubled_letter_more_or_less_is_no_other_word(said: str, letter: str) -> None:
    for reference in "CDE":
        assert check(said, reference, options=ICE).correct is (reference == letter)


@pytest.mark.parametrize(
    ("reference", "said", "correct"),
    [
        ("4", "1. **Stem 2**: 3 trains\n2. **Stem 3**: 1 train\n3. **Total**: 4 trains", True),
        ("3", "1. **Stem 2**: 3 trains\n2. **Stem 3**: 1 train\n3. **Total**: 4 trains", False),
        ("4", "1. **Stem 2**: 3 trains\n2. **Total:** 4", True),
        ("7", "1. **Stem 2**: 3\n2. **Stem 3**: 4. So there are 7 trains.", True),
        ("1", "1. **Stem 2**: leaf 0. That gives us 3 trains.\n\n2. **Stem 6**: leaf 1. That gives us 1", None),
        ("6", "1. **Stem 2**: leaf 0. That gives us 3 trains.\n\n2. **Stem 6**: leaf 1. That gives us 1", False),
    ],
)
def test_a_label_in_bold_is_no_answer(reference: str, said: str, correct: bool | None) -> None:
    assert check(said, reference, question=TRAINS).correct is correct


def test_a_letter_in_bold_is_one_also_before_a_colon() -> None:
    assert check("**B**: it is the largest", "B", options=("1", "2", "3")).correct is True


@pytest.mark.parametrize(
    ("said", "correct"),
    [
        ("The vertex is at $x = 2$, $y = -3$.", True), ("It is located at (2, -3).", True),
        ("The vertex is at $x = -3$, $y = 2$.", False),
    ],
)  # fmt: skip
def test_a_point_by_its_coordinates(said: str, correct: bool) -> None:
    assert check(said, "(2, -3)", question=VERTEX).correct is correct


def test_a_unit_with_a_dot_in_it() -> None:
    assert check(r"So the acceleration is $5\ \mathrm{m\cdot s^{-2}}$.", "5 m/s²").correct is True
    assert check(r"So the acceleration is $5\ \mathrm{m\cdot s^{-1}}$.", "5 m/s²").correct is not True


WEB = ("sea otter", "sea urchin", "orca", "kelp")
DUE = "What is the total amount due?"
BILL = "Tax brings the **total amount due** to **$1284.50**.\n\nPayment is due within 30 days."
HESS = "Estimate ΔH for H2 + Cl2 → 2 HCl in kJ/mol."
CITY = "What is the population of the largest city shown?"


@pytest.mark.parametrize(
    ("said", "correct"),
    [
        ("D. kelp\n\nProducers make their own food. Here kelp only has arrows to the sea urchin.", True),
        ("**D. kelp**\n\nIt has arrows to the sea urchin and the zooplankton.", True),
        ("B. sea urchin\n\nIt eats the kelp.", False),
        ("A. sea otter\nB. sea urchin\nC. orca\nD. kelp\n\nI think of the sea otter.", False),
        ("D. kelp\n\nWait, kelp is no animal. So the answer is B.", False),
    ],
)
def test_an_option_as_it_is_listed_in_the_first_line_is_the_choice(said: str, correct: bool) -> None:
    assert check(said, "D", options=WEB, question="Which organism is a producer?").correct is correct


@pytest.mark.parametrize(
    ("question", "reference", "said", "correct"),
    [
        (DUE, "$1,284.50", BILL, None),
        (DUE, "$1,284.50", "The total is $1284.50.\n\nPayment is due in 30 days.", False),  # one word of the question
        (CITY, "8.4 million", "The largest city shown has a population of 8,400,000. Boston has 3.9 million.", None),
        (CITY, "8.4 million", "The largest city shown has a population of 7,400,000. Boston has 3.9 million.", False),
        (HESS, "-183", "So it is **exothermic, releasing 183 kJ per mole** (ΔH ≈ −183 kJ/mol).", True),
        (HESS, "-183", "So it takes up **183 kJ per mole**.", False),
    ],
)  # fmt: skip
def test_a_sentence_more_to_the_point_than_the_last_one_leaves_it_open(
    question: str, reference: str, said: str, correct: bool | None
) -> None:
    assert check(said, reference, question=question).correct is correct


@pytest.mark.parametrize(("last", "correct"), [("112", True), ("80", False)])
def test_a_remark_behind_a_formula_that_is_checked(last: str, correct: bool) -> None:
    said = f"So the line is:\n\n**y = −0.5x + {last}**\n\nYou can verify: at x = 8, y = −4 + 4 = 0 ✓"
    assert check(said, r"y = -\frac{1}{2}x + 112", question="What is the equation of line l?").correct is correct
