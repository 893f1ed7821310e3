"""What three graders' rows for the second draft of version 8 found, each with replies that must not be read so."""

import pytest

from curation.answers import check

RED = "Count the number of red apples in the basket."
ALL = "How many apples are there in all?"
SINE = "What is sin A in the triangle shown?"
PERIMETER = "Find the perimeter of the figure."
GAMES = "How many games had exactly 93 points?"
SOCKS = "How many pairs can he find?"
SCORES = "How many sequences have negative Influence Scores?"
RATE = "According to the table, what was the rate of change between 2008 and 2009?"
RATIO = "What's the ratio of the largest segment to the smallest segment in the pie chart?"
ANGLE = "What is the angle of refraction?"
LAMPS = "Each apartment has 2 lamps. How many lamps are in 4 apartments?"
MONEY = "How much money does Braden need to buy a photograph, a book and a ball?"
IMAGE = "If the point $(3,4)$ is reflected in the $x$-axis, what are the coordinates of its image?"
TWO = "\\frac{3 \\pm \\sqrt{17}}{4}"
ROOTS = "Find the roots of the equation given on the board."
FALLS = "On which interval is f decreasing?"
POINTS = "By how many percentage points did it grow?"
EFFUSION = "Is there an effusion?"
ANGLES_OF_X = "40 = 2x\nx = 20\n\nWith x = 20 each angle measures 3(20) + 10 = 70°."
MADE = "On July 5, how much money did Duncan make?"
SIMPLE = "What fraction of students graduated magna cum laude? Simplify your answer."
VERTEX = "What is the equation of f in vertex form?"
GROWTH = "Growth: 81% − 35% = 46 percentage points.\n\nIn relative terms, this is about 131%."
DOWN_UP = "$f$ is decreasing on $(-\\infty, 2)$ and increasing on $(2, \\infty)$."
NO_DOCTOR = "I'm not able to provide medical diagnoses from images.\n\nAsk a doctor."
APPLES = "Red apples: 9\nGreen apples: 4\nTotal: 13"
SINES = "The sides are 5, 12 and 13.\n\n- sin A = 5/13\n- cos A = 12/13\n- tan A = 5/12\n\nI hope this helps!"
LSHAPE = "P = 12 + 10 + 5 + 4 + 7 + 6 = 44 cm\n\nIts area is 92 cm²."

NUMBERS = [
    # the line that is asked about
    (RED, "9", APPLES, True),
    (RED, "13", APPLES, False),
    (ALL, "13", APPLES, True),
    ("How many red apples and green apples are there?", "13", APPLES, True),
    (SINE, "5/13", SINES, True),
    ("What is tan A?", "5/12", SINES, True),
    ("What is the price of 3 pens?", "6", "Price: $2\nQuantity: 3\nCost: $6", True),
    (PERIMETER, "44 cm", LSHAPE, True),
    (PERIMETER, "92 cm", LSHAPE, False),
    ("Find the area of the figure.", "92 cm²", LSHAPE, True),
    # counts
    (GAMES, "0", "The only leaf is 0. There is no leaf 3, so no games had exactly 93 points.", True),
    (GAMES, "93", "The only leaf is 0. There is no leaf 3, so no games had exactly 93 points.", False),
    (SOCKS, "5", "He can find **5 pairs**: the numbers 1, 3, 4, 5 and 8 (2 and 7 appear only once).", True),
    (SOCKS, "8", "He can find **5 pairs**: the numbers 1, 3, 4, 5 and 8 (2 and 7 appear only once).", False),
    (SCORES, "2", "There are two sequences with negative scores, seq 3 and seq 4.", True),
    (LAMPS, "8", "lamps: 2, 4, 6, **8**", True),
    (LAMPS, "6", "lamps: 2, 4, 6, **8**", False),
    (LAMPS, "8", "lamps: 2, 4, 6, 8, 10", False),
    # how something fell, and ratios
    (RATE, "-4", "The rounds dropped from 10 to 6.\n\nThat's a decrease of 4 rounds per year.", True),
    (RATE, "4", "The rounds dropped from 10 to 6.\n\nThat's a decrease of 4 rounds per year.", False),
    (RATE, "4", "The rate of change was an increase of 4 rounds per year.", True),
    (RATE, "-4", "The rate of change was 4 rounds per year.", False),
    (RATIO, "4.5", "Ratio = 54 : 12 = 9 : 2", True),
    (RATIO, "2", "Ratio = 54 : 12 = 9 : 1", False),
    # what is no result
    (ANGLE, "0.471", "$\\theta_2 = \\arcsin(0.471) \\approx 28.1^\\circ$", False),
    (ANGLE, "28.1°", "$\\theta_2 = \\arcsin(0.471) \\approx 28.1^\\circ$", True),
    (ANGLE, "28°", "$\\theta_2 = \\arcsin(0.471) \\approx 28.1^\\circ$", None),
    (ANGLE, "28°", "It is about 28.4°.", False),
    (MONEY, "197", "$99 + $39 + $59 = $197\n\n**Total: $197**\n\n(Careful: the $37 photograph is another.)", True),
    (MONEY, "37", "$99 + $39 + $59 = $197\n\n**Total: $197**\n\n(Careful: the $37 photograph is another.)", False),
    ("What is the mean?", "6", "Sum = 36\n\nThere are 6 days, so to find the mean we divide", None),
    # formulas
    (IMAGE, "(3,-4)", "So $(3,4)$ goes to $(3, -4)$ (and not $(-3, 4)$, a reflection in the $y$-axis).", True),
    (IMAGE, "(-3,4)", "So $(3,4)$ goes to $(3, -4)$ (and not $(-3, 4)$, a reflection in the $y$-axis).", False),
    (IMAGE, "(3,-4)", "A' = (3, -4).\n\nIf one reflected over the y-axis instead, it would be (-3, 4).", True),
    (ROOTS, TWO, "They are $x = \\frac{3+\\sqrt{17}}{4}$ and $x=\\frac{3-\\sqrt{17}}{4}$.", True),
    (ROOTS, TWO, "They are $x = \\frac{3+\\sqrt{17}}{4}$ and $x=\\frac{5-\\sqrt{17}}{4}$.", False),
    ("What are the x-intercepts?", "(4, 0) and (-1, 0)", "x = −1 and x = 4", True),
    ("What are the x-intercepts?", "(4, 0) and (-1, 0)", "x = −1 and x = 5", False),
    (FALLS, "(-∞, 2)", DOWN_UP, True),
    (FALLS, "(2, ∞)", DOWN_UP, False),
    (FALLS, "(-∞, 2)", "$f$ is increasing on $(2, \\infty)$ and decreasing on $(-\\infty, 2)$.", True),
    # what would be so, or follows from it
    ("Find x.", "20", ANGLES_OF_X, True),
    ("Find x.", "70", ANGLES_OF_X, False),
    ("What is each angle?", "70", ANGLES_OF_X, True),
    ("What is the current ratio?", "1.8", "It is $1.80 a dollar. (If inventory is excluded, it is 1.05.)", True),
    (POINTS, "46", GROWTH, True),
    (POINTS, "131", GROWTH, False),
    ("How many people waited for exactly 57 minutes?", "0", "None. So no one waited for exactly 57 minutes.", True),
    ("How many people waited for exactly 57 minutes?", "1", "None. So no one waited for exactly 57 minutes.", False),
    (MADE, "15", "He made $15.00 on July 5. This brought his available funds from $450.70 to $465.70.", True),
    (MADE, "465.70", "He made $15.00 on July 5. This brought his available funds from $450.70 to $465.70.", False),
    (SIMPLE, "5/18", "The fraction is \\(\\boxed{\\frac{65}{234}}\\).", None),
    (SIMPLE, "5/18", "The fraction is \\(\\boxed{\\frac{5}{18}}\\).", True),
    (SIMPLE, "5/18", "The fraction is \\(\\boxed{\\frac{65}{233}}\\).", False),
    ("What fraction is it?", "5/18", "The fraction is \\(\\boxed{\\frac{65}{234}}\\).", True),
    (VERTEX, "f(x) = (x - 2)^2 - 1", "Using \\((0, 3)\\), we get:\n\n\\[\nf(x) = (x - 2)^2 - 1\n\\]", True),
    (VERTEX, "f(x) = (x - 2)^2 - 1", "Using \\((0, 3)\\), we get:\n\n\\[\nf(x) = (x - 2)^2 + 1\n\\]", False),
    # units
    ("What is its acceleration?", "4 m/s^2", "**Answer:** $4\\ \\mathrm{m\\,s^{-2}}$", True),
    ("What is its acceleration?", "4 m/s^2", "**Answer:** $4\\ \\mathrm{m\\,s^{-1}}$", False),
    ("What is its momentum?", "3.0 × 10^4 kg·m/s", "p = mv = 1500 kg × 20 m/s = 30,000 kg m/s", True),
    ("What is its momentum?", "3.0 × 10^4 kg·m/s", "p = mv = 1500 kg × 2 m/s = 3,000 kg m/s", False),
    ("How much energy does it use?", "0.3 kWh", "E = 60 W · 5 h = 300 Wh", True),
    ("How much energy does it use?", "300 kWh", "E = 60 W · 5 h = 300 Wh", False),
    # who will not say
    ("Is there a pneumothorax?", "no", NO_DOCTOR, False),
    (EFFUSION, "yes", "The angle is blunted, as with pleural fluid. No pneumothorax is seen.", None),
    (EFFUSION, "no", "No pneumothorax is seen.", None),
    (EFFUSION, "no", "No effusion is seen.", True),
    ("What is the mode?", "5", "There are several that repeat, so the modes are 5, 6 and 3.", False),
    ("Which number is at the top?", "4", "Top circle = **4**\n\n(check: pairs 1+7, 2+6, 3+5 all sum to 8)", True),
    ("Which number is at the top?", "8", "Top circle = **4**\n\n(check: pairs 1+7, 2+6, 3+5 all sum to 8)", False),
    (ROOTS, TWO, "It is $x = \\frac{3+\\sqrt{17}}{4}$.", False),
]  # fmt: skip


@pytest.mark.parametrize(("question", "reference", "response", "wanted"), NUMBERS)
def test_numbers_and_formulas(question: str, reference: str, response: str, wanted: bool | None) -> None:
    assert check(response, reference, question=question).correct is wanted


ZOOS = "Which charges more for a child ticket, the Houston Zoo or the Cleveland Zoo?"
CHOICES = [
    (ZOOS, "The Cleveland Zoo charges more for a child ticket: \\$7 vs. \\$6 at the Houston Zoo.", "A", True),
    (ZOOS, "The Cleveland Zoo charges less for a child ticket: \\$7 vs. \\$6 at the Houston Zoo.", "A", None),
]


@pytest.mark.parametrize(("question", "response", "letter", "wanted"), CHOICES)
def test_the_clause_before_a_comparison(question: str, response: str, letter: str, wanted: bool | None) -> None:
    assert check(response, letter, options=("Cleveland", "Houston"), question=question).correct is wanted


@pytest.mark.parametrize(("letter", "wanted"), [("A", True), ("B", False)])
def test_a_sentence_of_what_would_be_so_chooses_nothing(letter: str, wanted: bool) -> None:
    said = "Income is greater, so there's a surplus of $170. It would be a deficit if the expenses exceeded the income."
    assert check(said, letter, options=("surplus", "deficit"), question="Is it a surplus?").correct is wanted


@pytest.mark.parametrize("question", ["Does it weigh more or less?", "Does it weigh more?"])
def test_options_that_are_the_degrees_are_not_turned(question: str) -> None:
    assert check("It weighs less.", "B", options=("more", "less"), question=question).correct
    assert check("It weighs less.", "A", options=("more", "less"), question=question).correct is False


@pytest.mark.parametrize(("response", "wanted"), [("2, 3, 5", True), ("2, 3 and 4", False), ("5, 3, 2", False)])
def test_lists_among_options(response: str, wanted: bool) -> None:
    options = ("1, 2 and 4", "2, 3 and 4", "2, 3 and 5", "1, 5 and 6", "1, 2 and 5")
    assert check(response, "C", options=options).correct is wanted


def test_a_vertex_with_a_value_is_no_letter() -> None:
    options = ("$86^{\\circ}$", "$89^{\\circ}$", "$90^{\\circ}$", "$92^{\\circ}$", "$94^{\\circ}$")
    assert check("$47^\\circ = \\frac{C}{2}$\n\n$C = 94^\\circ$", "E", options=options).correct


POWERS = (
    "$\\cos ^{2} \\beta$",
    "$\\frac{1}{\\cos (2 \\beta)}$",
    "$\\cos (2 \\beta)$",
    "$\\frac{1}{\\cos ^{2} \\beta}$",
)


@pytest.mark.parametrize(
    ("response", "letter"), [("**AD = 1/cos²β**", "D"), ("1/cos(2β)", "B"), ("cos²β", "A"), ("AD = cos(2β)", "C")]
)
def test_formulas_typed_and_written_in_latex(response: str, letter: str) -> None:
    assert [check(response, each, options=POWERS).correct for each in "ABCD"] == [each == letter for each in "ABCD"]


@pytest.mark.parametrize("response", ["A fits: the lines continue smoothly.", "A completes the picture."])
def test_a_letter_before_a_verb_is_no_article(response: str) -> None:
    assert check(response, "A", options=tuple("ABCDE"), question="Which piece is missing?").correct


TRAINS = ("1:00 A.M.", "2:55 A.M.", "11:40 P.M.", "4:10 A.M.")


@pytest.mark.parametrize(
    ("options", "letter", "response", "wanted"),
    [
        (
            TRAINS,
            "C",
            "The row has two times: 11:40 P.M. and 12:00 A.M. The train therefore is there at 12:00 A.M.",
            False,
        ),
        (TRAINS, "C", "The row has 11:40 P.M. The train therefore is there at 11:40 P.M.", True),
        (("vacuole", "plastid"), "B", "Plastids carry it out. The vacuole, labelled 5, stores water.", None),
        (("vacuole", "plastid"), "A", "Plastids look like it. So the vacuole is what stores water.", True),
        (("an upgrade", "buying a used phone"), "B", "The used phone makes the bigger difference.", None),
        (("an upgrade", "buying a used phone"), "B", "I cannot help.", False),
        (("$2 \\pi$", "$4 \\pi$", "$6 \\pi$"), "C", "$P = 2\\pi + 4\\pi = 6\\pi$", True),
        (("Tina's", "Ann's"), "A", "Tina's sold fewer than Ann's. Therefore, Ann's sold more in total.", True),
        (("Tina's", "Ann's"), "B", "Tina's sold more than Ann's. Therefore, Ann's sold fewer in total.", True),
        (("leaf", "stem"), "A", "It is a **leaf**. The colour of the stem cannot be determined from a fossil.", True),
        (("leaf", "stem"), "A", "What it shows cannot be determined from a fossil.", False),
        (("yes", "no"), "B", "Both cost $7.00. Ling has only $5.00, so she'd be $2.00 short.", True),
    ],
)
def test_a_last_sentence_about_another_option(
    options: tuple[str, ...], letter: str, response: str, wanted: bool | None
) -> None:
    which = "Which shop sold fewer bagels?" if "Ann's" in options else "Which is it?"
    question = "Does she have enough for both?" if "yes" in options else which
    assert check(response, letter, options=options, question=question).correct is wanted
