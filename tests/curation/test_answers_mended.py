"""What an independent grader found wrong in version 5, with other replies of the same causes: orders, replies cut off,
remarks on rounding, formulas of compounds, codes, dates in figures, money, signs and refusals.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.answers import check
from curation.answers.chemistry import ELEMENT, SYMBOLS, is_formula
from curation.answers.order import in_order
from curation.answers.when import MONTHS

T, F, N = True, False, None
FLAG = "Which colors appear in the flag, from top to bottom?"
PCT = "By what percentage did sales increase from 2018 to 2019?"
RATIO = "What is the ratio of the largest bar to the smallest bar? Answer to two decimals."
MOL = "What is the molecular formula of the compound shown?"
ION = "Which ion is formed?"
TEL = "What is the phone number listed?"
INV = "What is the date of the invoice?"
LEFT = "Erin has $2.31. How much money will Erin have left if she buys a bag of potato chips and a glass of lemonade?"
CUBES = "Is the number of cubes greater than the number of spheres?"
MORE = "How much more money was raised for medical research in April than in May?"
FACT = "Factor the expression represented by the algebra tiles."
HOUR6 = "How many cells are there at hour 6?"
CASES: dict[str, list[tuple[str, str, str, bool | None]]] = {
    "order": [
        (FLAG, "From top to bottom: blue, white, red", "red, white, blue", F),
        (FLAG, "From top to bottom: red, white, blue", "red, white, blue", T),
        (FLAG, "The colors from top to bottom are blue, white, and red.", "red, white, blue", F),
        (FLAG, "The colors from top to bottom are red, white, and blue.", "red, white, blue", T),
        (FLAG, "From bottom to top: blue, white, red", "red, white, blue", N),
        (FLAG, "Red → white → blue", "red, white, blue", T),
        (FLAG, "Red, then white, then blue.", "red, white, blue", T),
        (FLAG, "1. Red\n2. White\n3. Blue", "red, white, blue", T),
        (FLAG, "1. Blue\n2. White\n3. Red", "red, white, blue", F),
        ("List the shapes from left to right.", "square, circle, triangle", "circle, square, triangle", F),
        (
            "List the shapes from left to right.",
            "<answer>circle, square and triangle</answer>",
            "circle, square, triangle",
            T,
        ),
        ("In what order do the stages occur?", "egg, pupa, larva, adult", "egg, larva, pupa, adult", F),
        ("Rank the three countries by area.", "Answer: Canada, USA, Russia", "Russia, Canada, USA", F),
        ("Name the planets, first to last.", "Venus, Mercury, Earth", "Mercury, Venus, Earth", F),
        ("Write the fractions from smallest to largest.", "\\boxed{3/4, 1/2}", "1/2, 3/4", F),
        ("Write the fractions from smallest to largest.", "\\boxed{\\frac12, \\frac34}", "1/2, 3/4", T),
        ("Write them in ascending order.", "3, 1", "1, 3", F),
        ("What are the values of a and b, respectively?", "4, 3", "3, 4", F),
        ("Which two fruits did Tom order?", "pears and apples", "apples and pears", T),
        ("Which cities must you visit in order to reach the sea?", "Rome, Pisa", "Pisa, Rome", T),
        ("What sort of animals are shown?", "a dog and a cat", "cat, dog", T),
        ("Which colors appear in the flag?", "blue, white, red", "red, white, blue", T),
        ("Order from tallest to shortest.", "Ann, Cy, Bob", "Ann, Bob, Cy", F),
        ("What are the stops of the line from north to south?", "B, A, C", "A, B, C", F),
    ],
    "cut": [
        (PCT, "We need both.\n\n- 2018: 80\n- 2019: 90\n\nPercentage increase = ((90 − 80) / 80) ×", "12.5%", F),
        (PCT, "Increase = (90 − 80) / 80 =", "12.5%", F),
        (PCT, "Increase = \\frac{90 - 80}{80} \\times", "12.5%", F),
        (PCT, "Increase = ((90 − 80) / 80", "12.5%", F),
        (PCT, "$$\\frac{90-80}{80} \\times 100 =", "12.5%", F),
        ("How many apples?", "There are 5 + 3 +", "8", F),
        ("How many apples?", "Answer: 8\n\nThis is since 5 + 3 +", "8", T),
        ("How many apples?", "The total is 8 (5 +", "8", T),
        ("How many apples?", "\\boxed{5 + 3 +", "8", F),
        ("How many apples?", "\\boxed{8", "8", T),
        ("How many apples?", "There are 5 green and 3 red apples, so the total is", "3", N),
        ("Grade?", "C+", "C+", T),
        ("Which ion?", "Na+", "Na+", T),
        ("What interval?", "[2, 5)", "[2, 5)", T),
        ("How many apples?", "**8**", "8", T),
        ("How many apples?", "5 + 3 = *8*", "8", T),
        ("Is it open?", "Yes, it is", "yes", T),
    ],
    "paren": [
        (RATIO, "The largest bar is 80 and the smallest is 30. 80/30 = 2.67 (rounded).", "2.67", T),
        *[
            (RATIO, f"The largest bar is 80 and the smallest is 30. 80/30 = 2.67 {p}", "2.67", T)
            for p in (
                "(approx.)",
                "(to 2 d.p.)",
                "(rounded to the nearest hundredth).",
                "(2 decimal places).",
                "(3 s.f.)",
                "(rounded to two decimal places)",
                "(correct to 2 decimal places).",
                "to 2 decimal places.",
                "rounded to 2 decimal places.",
                ", rounded to the nearest hundredth.",
            )
        ],
        *[
            (RATIO, f"80 / 30 = 2.76 {p}", "2.67", F)
            for p in ("(approx.)", "(to 2 d.p.)", "(rounded).", "(2 decimal places).")
        ],
        ("What is the mean?", "Mean = 40/6 = 6.7 (rounded to the nearest tenth)", "6.7", T),
        ("What is the mean?", "\\boxed{6.7 \\text{ (rounded)}}", "6.7", T),
        ("What is the mean?", "Rounded to 1 decimal place, the mean is 6.7.", "6.7", T),
        ("What is the mean?", "The mean is 6.7 (rounded to 1 decimal place).", "1", F),
        ("What is the mean?", "The mean is approximately 6.7 cm (1 d.p.).", "6.7", T),
        ("What is the mean?", "The sum is 40. 40/6 = 6.7 (rounded).", "6.7", T),
    ],
    "chem": [
        (MOL, "The compound shown is glucose, with the formula C₆H₁₂O₆.", "C6H12O6", T),
        (MOL, "**Answer:** $C_6H_{12}O_6$", "C6H12O6", T),
        (MOL, "$\\mathrm{C_6H_{12}O_6}$", "C6H12O6", T),
        (MOL, "\\ce{C6H12O6}", "C6H12O6", T),
        (MOL, "The formula is \\(\\ce{H2O}\\).", "H2O", T),
        (MOL, "\\boxed{\\text{H}_2\\text{O}}", "H2O", T),
        (MOL, "H_2O_2", "H2O", F),
        (MOL, "The formula is C₆H₁₂O₇.", "C6H12O6", F),
        (MOL, "C6H12O6", "$C_6H_{12}O_6$", T),
        (MOL, "Ca(OH)₂", "Ca(OH)2", T),
        (MOL, "$Ca(OH)_2$", "Ca(OH)2", T),
        (MOL, "CaOH2", "Ca(OH)2", F),
        (MOL, "The gas is CO.", "Co", F),
        (MOL, "Co", "CO", F),
        (MOL, "CO", "CO", T),
        (MOL, "C2H6O", "C2H5OH", N),
        (ION, "Fe³⁺", "Fe^{2+}", F),
        (ION, "Fe²⁺", "Fe^{2+}", T),
        (ION, "$\\mathrm{Fe^{3+}}$", "Fe3+", T),
        (ION, "It forms the ion $SO_4^{2-}$.", "SO4^2-", T),
        (ION, "It forms the ion SO₄²⁻.", "SO4^{2-}", T),
        (ION, "SO4", "SO4^{2-}", F),
        (ION, "Fe2+", "Fe^{3+}", F),
        ("Does it contain it?", "No", "NO", T),
        ("Which cell?", "b2", "B2", T),
        ("Which vitamin?", "Vitamin B12", "B12", T),
    ],
    "code": [
        (TEL, "The phone number listed is 212-555-0187.", "(212) 555-0187", T),
        (TEL, "(212) 555-0187", "212-555-0187", T),
        (TEL, "212.555.0187", "(212) 555-0187", T),
        (TEL, "Call +1 (212) 555-0187", "(212) 555-0187", T),
        (TEL, "2125550187", "(212) 555-0187", T),
        (TEL, "The phone number is 212-555-0178.", "(212) 555-0187", F),
        (TEL, "555-0187", "(212) 555-0187", N),
        (TEL, "The number is +44 20 7946 0958.", "020 7946 0958", T),
        ("What is the postcode?", "The postcode is SW1A 1AA.", "SW1A1AA", T),
        ("What is the postcode?", "SW1A 2AA", "SW1A 1AA", F),
        ("What is the ZIP code?", "The ZIP code is 02139.", "02139", T),
        ("What is the ZIP code?", "2139", "02139", N),
        ("What is the ZIP code?", "02138", "02139", F),
        ("What is the ISBN?", "ISBN 978-3-16-148410-0", "978-3-16-148410-0", T),
        ("What is the ISBN?", "9783161484100", "978-3-16-148410-0", T),
        ("What is the ISBN?", "978-3-16-148410-1", "978-3-16-148410-0", F),
        ("What is the room number?", "The room number is B204.", "B-204", T),
        ("What is the room number?", "Room B-205", "B-204", F),
        ("What is the license plate number?", "The plate reads 7XYZ 123.", "7XYZ123", T),
        ("What is the license plate number?", "ABC-1235", "ABC-1234", F),
        ("What is the range of prices?", "from 1000 to 2000", "1000-2000", T),
    ],
    "date": [
        (INV, "03/04/1998", "March 4, 1998", N),
        (INV, "The invoice is dated 04/03/1998.", "March 4, 1998", N),
        (INV, "03/05/1998", "March 4, 1998", F),
        (INV, "03/04/1999", "March 4, 1998", F),
        (INV, "25/12/1998", "December 25, 1998", T),
        (INV, "12/25/1998", "25 December 1998", T),
        (INV, "The date of the invoice is 12/25/1998.", "25 December 1998", T),
        (INV, "1998-03-04", "March 4, 1998", T),
        (INV, "1998/03/04", "March 4, 1998", T),
        (INV, "1998-04-03", "March 4, 1998", F),
        (INV, "3/14/1998", "March 14, 1998", T),
        (INV, "3/14/98", "March 14, 1998", T),
        (INV, "3/15/98", "March 14, 1998", F),
        (INV, "3/4/98", "March 4, 1998", N),
        (INV, "March 4, 1998", "03/04/1998", N),
        (INV, "3/4/1998", "03/04/1998", T),
        (INV, "April 5, 1998", "03/04/1998", F),
        (INV, "4/4/1998", "April 4, 1998", T),
        (INV, "14.03.1998", "March 14, 1998", T),
        (INV, "12/25/98", "12/25/1998", T),
    ],
    "undecided": [
        (LEFT, "Money left: $2.31 − $1.81 = $0.50\n\nErin will have **50 cents** left.", "0.50", T),
        (LEFT, "Erin will have 50 cents left.", "0.50", T),
        (LEFT, "50¢", "0.50", T),
        (LEFT, "She has 50¢ left.", "$0.50", T),
        (LEFT, "60 cents", "0.50", F),
        ("How many tokens?", "50 cents", "0.50", N),
        (FACT, "The tiles represent x² + 5x + 6, which factors to (x + 3)(x + 2).", "(x+2)(x+3)", T),
        (FACT, "x² + 5x + 6 can be written as (x + 3)(x + 2).", "(x+2)(x+3)", T),
        (FACT, "The expression factors into (x + 3)(x + 1).", "(x+2)(x+3)", F),
        (FACT, "(x+3)(x+2)", "(x+2)(x+3)", T),
        (CUBES, "There are 3 cubes and 3 spheres in the image, so the numbers are equal. No.", "yes", F),
        (CUBES, "There are 3 cubes and 3 spheres in the image, so the numbers are equal. No.", "no", T),
        (CUBES, "There are 4 cubes and 3 spheres. Yes.", "yes", T),
        (CUBES, "There are 4 cubes and 3 spheres. Therefore 4 > 3. **Yes**", "no", F),
        (CUBES, "Yes. There are 3 of both. No.", "yes", N),
    ],
    "sign": [
        (
            MORE,
            "April had $2 and May $5, so the difference is -$3. In April, $3 less was raised than in May.",
            "3",
            N,
        ),
        (MORE, "2 - 5 = -3. So $3 less was raised.", "3", N),
        (MORE, "The difference is |2 - 5| = |-3| = 3.", "3", T),
        (MORE, "2 - 5 = -3, and the absolute value is 3.", "3", T),
        (MORE, "5 - 2 = 3. $3 more was raised.", "3", T),
        ("What is x?", "x^2 = 9 gives x = 3 or x = -3. Since x is positive, x = 3.", "3", T),
        ("How much did it drop?", "2 - 5 = -3, so it dropped by 3.", "3", T),
        (MORE, "2 - 5 = -3.\n\nAnswer: 3", "3", T),
    ],
    "fragile": [
        (HOUR6, "The curve at hour 6 reads 3.2 × 10^6 cells.", "3.2 × 10^6", T),
        (HOUR6, "The curve at hour 6 reads 3.2 × 10^6 cells.", "6", N),
        ("How many cells are shown?", "The curve at hour 6 reads 3.2 × 10^6 cells.", "6", N),
        ("How many cells are shown?", "The curve at hour 6 reads $3.2 \\times 10^{6}$ cells.", "3200000", T),
        ("How many bars?", "There are 5 bars and 3 lines, but I am unable to provide a definite answer.", "3", F),
        ("How many bars?", "The bars are 5, 3 and 2. The answer cannot be determined from the image.", "2", F),
        ("How many bars?", "I see 5 bars. However, it is not possible to determine the exact number.", "5", F),
        ("How many bars?", "I'm sorry, but I can't see the image. Step 1: count 5 bars.", "5", F),
        ("How many bars?", "The exact number cannot be determined, but it is approximately 5.", "5", T),
        ("Which is larger?", "It cannot be determined from the information given.", "Cannot be determined", T),
        ("How many bars?", "Answer: cannot be determined (5 or 6)", "5", F),
        ("How many bars?", "The data cannot be determined exactly.\n\n\\boxed{5}", "5", T),
        ("How many bars?", "Let us count:\n- North: 4\n- South: 5\n- East: 7", "7", N),
        ("How many bars?", "Let us count:\n1. North: 4\n2. South: 5\n3. Ea", "3", N),
        ("How many bars?", "Let us count:\n- North: 4\n- South: 5\n- Total: 9", "9", T),
    ],
}


@pytest.mark.parametrize("group", CASES)
def test_replies_of_one_cause(group: str) -> None:
    wrong = [
        (response[-80:], reference, correct)
        for question, response, reference, correct in CASES[group]
        if check(response, reference, question=question).correct is not correct
    ]
    assert wrong == []


@given(st.permutations(["red", "white", "blue", "green"]), st.sampled_from(("{}", "Answer: {}", "<answer>{}</answer>")))
def test_an_order_asked_for_is_an_order(colours: list[str], wrapper: str) -> None:
    asked = "List the colours from left to right."
    verdict = check(wrapper.format(", ".join(colours)), "red, white, blue, green", question=asked)
    assert verdict.correct is (colours == ["red", "white", "blue", "green"])


@given(st.integers(1, 99), st.integers(1, 99), st.sampled_from((" +", " ×", " − (", " / (2", " =", " \\times", " ÷")))
def test_a_sum_cut_off_is_never_worked_out(one: int, other: int, end: str) -> None:
    for reference in {str(one), str(other), str(one + other)}:
        assert check(f"The total is {one} + {other}{end}", reference, kind="number").correct is not True


@given(
    st.decimals(1, 99, places=2),
    st.sampled_from(
        ("(rounded)", "(approx.)", "(to 2 d.p.)", "(2 decimal places)", "(rounded to the nearest tenth)", "(3 s.f.)")
    ),
    st.sampled_from(("", ".")),
)
def test_a_remark_on_rounding_changes_nothing(value: object, remark: str, stop: str) -> None:
    for reference, correct in ((str(value), True), ("777", False)):
        assert check(f"80/30 = {value} {remark}{stop}", reference, kind="number").correct is correct


@given(st.lists(st.tuples(st.sampled_from(SYMBOLS.split()), st.integers(2, 24)), min_size=2, max_size=4))
def test_a_compound_is_itself_in_every_dress_and_nothing_else_in_any(atoms: list[tuple[str, int]]) -> None:
    flat = "".join(f"{name}{count}" for name, count in atoms)
    dressed = "".join(f"{name}_{{{count}}}" for name, count in atoms)
    small = re.sub(r"\d", lambda digit: "₀₁₂₃₄₅₆₇₈₉"[int(digit[0])], flat)
    assert is_formula(flat)
    for text in (flat, f"${dressed}$", f"\\ce{{{flat}}}", small, f"$\\mathrm{{{dressed}}}$"):
        assert check(text, flat, question="Which compound is shown?").correct is True
        assert check(text, f"{flat}He3", question="Which compound is shown?").correct is False
    assert re.fullmatch(f"(?:{ELEMENT}\\d+)+", flat)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1950, 2030))
def test_a_date_in_figures_is_decided_only_where_it_is_clear(month: int, day: int, year: int) -> None:
    names = [name.capitalize() for name in MONTHS]
    reference = f"{names[month - 1]} {day}, {year}"
    assert check(f"{month:02d}/{day:02d}/{year}", reference).correct is (True if month == day else None)
    assert check(f"{month}/{day + 12}/{year}", f"{names[month - 1]} {day + 12}, {year}").correct is True
    assert check(f"{year}-{month:02d}-{day:02d}", reference).correct is True
    assert check(f"{month:02d}/{day:02d}/{year + 1}", reference).correct is False


@given(st.text(st.sampled_from("0123456789"), min_size=10, max_size=10), st.integers(0, 9))
def test_a_phone_number_is_its_digits(digits: str, place: int) -> None:
    area, office, line = digits[:3], digits[3:6], digits[6:]
    reference = f"({area}) {office}-{line}"
    other = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
    for shape in ("{}-{}-{}", "{}.{}.{}", "({}) {}-{}", "The number is {} {} {}."):
        assert check(shape.format(area, office, line), reference).correct is True
        assert check(shape.format(other[:3], other[3:6], other[6:]), reference).correct is not True


def test_a_verb_and_a_purpose_ask_for_no_order() -> None:
    assert not in_order("What did Ann order at the counter?")
    assert not in_order("What must be done in order to win?")
    assert not in_order("Which two colours are shown?")
    assert in_order("Write the numbers in order.")
    assert in_order(None) is None
