"""What a seventh, eighth and ninth grader found wrong at first sight, with neighbours on both sides of each cause."""

import pytest

from curation.answers import check

FORMULAS = ["$y=b x+c$", "$y=c x+b$", "$y=a x+b$", "$y=a x+c$", "$y=c x+a$"]
LENGTHS = ["5 cm", "6 cm", "7 cm", "8 cm", "9 cm"]
RATIOS = ["$1: 1$", "$3: 2$", "$4: 3$", "$7: 4$", "$8: 5$"]
SIGNS = ["$a>0$", "$b<0$", "$a+b+c<0$", "$b^{2}>4 a c$", "$c<0$"]
LETTERS = ["A", "B", "C", "D", "E"]
OTHER_LETTERS = ["A", "B", "D", "F", "G"]
COLOURS = ["either A or B", "only C", "only D", "either C or D", "A, B, C or D"]
AXES = r"\mathrm{E}_{\mathrm{x}} \neq \mathrm{E}_{\mathrm{y}}"
VOLUME = r"\operatorname{Vol}\left(\mathrm{E}_{\mathrm{x}}\right)"
VOLUMES = [rf"${AXES}$ and ${VOLUME}=2$", rf"${AXES}$ and ${VOLUME}>1$", rf"${AXES}$ and ${VOLUME}<1$"]
TRUE_VOLUME = r"So the true statement is $\mathrm{E}_x \neq \mathrm{E}_y$ and $\operatorname{Vol}(\mathrm{E}_x)>1$."

CHOICES = [
    # two options that are offered are no answer, whatever stands in brackets behind them
    (FORMULAS, "D", "Thus either A ($y = bx + c$) or D ($y = ax + c$) is possible.", False),
    (LENGTHS, "B", "It is A (5 cm) or B (6 cm).", False),
    (LENGTHS, "B", "So B (6 cm) or C (7 cm).", False),
    (LENGTHS, "D", "Thus either A or D is possible.", False),
    (LENGTHS, "B", "It is A or B.", False),
    (LENGTHS, "D", "It can't be A or B, so it is D.", True),
    (LENGTHS, "B", "A or D would be too long; B fits.", None),
    (LENGTHS, "B", "At first A or B seemed right. The answer is B.", True),
    (LENGTHS, "B", "So the answer is B (6 cm).", True),
    (LENGTHS, "B", "We choose B (6 cm), not C (7 cm).", True),
    # a ratio has an order
    (RATIOS, "E", "**x : y = 5 : 8**", False),
    (RATIOS, "E", "**x : y = 8 : 5**", True),
    (RATIOS, "E", "The ratio is 16:10, that is 8:5.", True),
    (RATIOS, "E", "The ratio is 16 : 10.", True),
    (RATIOS, "B", "The ratio is 3 : 2.", True),
    (RATIOS, "B", "The ratio is 2:3.", False),
    (RATIOS, "D", "**7:4**", True),
    # what is quoted is the option
    (SIGNS, "E", '**So the statement "c < 0" could be false.**', True),
    (SIGNS, "E", 'So "a > 0" could be false.', False),
    (SIGNS, "E", "The false statement is $c<0$.", True),
    # letters of pictures
    (LETTERS, "A", "Left and right are swapped. Picture A shows this.", True),
    (LETTERS, "B", "Left and right are swapped. Picture A shows this.", False),
    (LETTERS, "A", "Box A is the heaviest.", True),
    (LETTERS, "A", "A figure shows this.", False),
    (LETTERS, "A", "- A: 10\n- B: 9\n- C: 11\n\nOnly solid A uses exactly 10 dice, so Max can build A.", True),
    # an option's whole text comes before the letters in it
    (COLOURS, "D", "So the grey field can be coloured in either C or D.", True),
    (COLOURS, "D", "So the grey field can be coloured in either A or B.", False),
    (COLOURS, "D", "The answer is (D).", True),
    # letters that are texts of other options
    (OTHER_LETTERS, "E", "She must turn card G.", True),
    (OTHER_LETTERS, "E", "She must turn card F.", False),
    (OTHER_LETTERS, "E", "The answer is (E).", True),
    (OTHER_LETTERS, "C", "The answer is D.", None),
    # LaTeX in another shape
    (VOLUMES, "B", TRUE_VOLUME, True),
    (VOLUMES, "C", TRUE_VOLUME, False),
]


@pytest.mark.parametrize(("options", "reference", "response", "wanted"), CHOICES)
def test_choices(options: list[str], reference: str, response: str, wanted: bool | None) -> None:
    assert check(response, reference, options=options, question="Which one?").correct is wanted


READINGS = "How many temperature readings were exactly 14°C?"
LENGTH = "What is the approximate length of the mass, in centimetres?"
SPEED = "What was the average speed in km/h between 1 h and 3 h?"
MINUTES = "How many minutes does it take?"
FEET = "How many feet of ribbon are needed?"
RATE = "According to the table, what was the rate of change between 2019 and 2020?"
LOST = "A big square is made from 25 small squares. How many have been lost?"

NUMBERS = [
    # the unit that the question names
    (LENGTH, "2.4", "So the length is approximately 2.4 mm.", False),
    (LENGTH, "2.4", "So the length is 2.4 m.", False),
    (LENGTH, "2.4", "So the length is 24 mm.", True),
    (LENGTH, "2.4", "So the length is 0.024 m.", True),
    (LENGTH, "2.4", "So the length is 2.4 centimeters.", True),
    (LENGTH, "2.4", "So the length is 2.4 units.", True),
    (LENGTH, "2.4", "So the length is 2.4.", True),
    (SPEED, "18", "So the average speed is 36 ÷ 2 = 18 m/s.", False),
    (SPEED, "18", "So the average speed is 18 kilometers per hour.", True),
    (SPEED, "18", "So the average speed is 5 m/s.", True),
    (MINUTES, "45", "It takes 0.75 hours.", True),
    (MINUTES, "45", "It takes 45 hours.", False),
    (MINUTES, "45", "It takes 45 minutes.", True),
    (FEET, "6", "She needs 2 yards.", True),
    (FEET, "6", "She needs 6 yards.", False),
    ("If each lap takes 2 minutes, how many hours are 90 laps?", "3", "90 laps take 3 hours.", True),
    ("How many hours did she work in the first two days?", "7", "She worked 7 hours in the first two days.", True),
    ("What temperature does the thermometer show? (°C)", "18", "So it displays **18 °F**.", False),
    ("What temperature does the thermometer show? (°C)", "18", "So it displays **18 °C**.", True),
    ("What temperature does the thermometer show? (°C)", "18", "So it displays **18 degrees**.", True),
    # the count, and not what is counted
    (READINGS, "1", "In stem 1, the leaf 4 appears once, so exactly 1 temperature reading was 14°C.", True),
    (READINGS, "1", "Exactly 2 temperature readings were 14°C.", False),
    (READINGS, "1", "There was 1 reading that was exactly 14°C.", True),
    # a heading that repeats the question
    (RATE, "-2", "**Rate of change between 2019 and 2020**\n\n16 - 18 = -2\n\nThe rate was **−2 a year**.", True),
    (RATE, "2020", "**Rate of change between 2019 and 2020**\n\n16 - 18 = -2\n\nThe rate was **−2 a year**.", False),
    (RATE, "-2", "**-2**\n\nBetween 2019 and 2020 it fell by two.", True),
    # what is left is not what was lost
    (LOST, "10", "So 10 small squares have been lost, and 25 − 10 = 15 remain.", True),
    (LOST, "10", "So 15 small squares have been lost, and 25 - 15 = 10 remain.", False),
    ("How many remain?", "15", "So 10 were lost, and 25 - 10 = 15 remain.", True),
]


@pytest.mark.parametrize(("question", "reference", "response", "wanted"), NUMBERS)
def test_numbers(question: str, reference: str, response: str, wanted: bool) -> None:
    assert check(response, reference, question=question).correct is wanted


SHORTEST = "Order the four lengths from shortest to longest (A: 3 cm, B: 28 mm, C: 0.25 m, D: 4.5 cm)."


@pytest.mark.parametrize(
    ("response", "wanted"),
    [("**Answer: C, B, A, D**", None), ("**Answer: B, A, D, C**", True), ("The order is B, A, D, C.", True)],
)
def test_an_order_of_letters_is_no_set(response: str, wanted: bool | None) -> None:
    assert check(response, "B, A, D, C", question=SHORTEST).correct is wanted
