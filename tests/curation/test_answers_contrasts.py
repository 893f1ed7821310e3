"""What stands beside its opposite: "Lyon, not Paris", left and right, dollars and cents, a unit and a prefixed one."""

import pytest

from curation.answers import check

CITY = "Which city is it?"
MEMO = "Who is the memo addressed to?"
SIDE = "Is the cup on the left side?"
CENTS = "How many cents does it cost?"
CELSIUS = "What is the temperature in degrees Celsius?"
EFFUSION = "Is there a pleural effusion?"

ROWS = [
    (CITY, "Lyon", "It is **Lyon**, not **Paris**.", True),
    (CITY, "Paris", "**Lyon**, not **Paris**", False),
    (CITY, "Lyon", "The answer is **Lyon**, not **Paris**.", True),
    (CITY, "Paris", "The answer is **Lyon**, not **Paris**.", False),
    (CITY, "Lyon", "The city is Lyon rather than Paris.", True),
    (CITY, "Paris", "It is not **Paris**.", False),
    (MEMO, "Ms. Sand", "It is addressed to Mr. Gem. The name Ms. Sand, at the top, is that of the sender.", None),
    (MEMO, "Mr. Gem", "It is addressed to Mr. Gem, at the top.", True),
    ("How many?", "6", "It is **6**, not **5**.", True),
    ("How many?", "5", "It is **6**, not **5**.", None),
    # yes and no, where the fact is stated
    (SIDE, "yes", "The cup is on the right side.", False),
    (SIDE, "no", "The cup is on the right side.", True),
    (SIDE, "yes", "The cup is on the left side.", True),
    ("Is the red car parked here?", "yes", "The blue car is parked here.", None),
    ("Is the man smiling?", "yes", "The woman is smiling.", None),
    ("Is the man smiling?", "yes", "He is smiling.", True),
    ("Is the function linear?", "no", "The function is nonlinear.", True),
    ("Are the lines parallel?", "yes", "The lines are perpendicular.", False),
    ("Are there any dogs in the picture?", "yes", "Two dogs are visible in the picture.", True),
    ("Are there any dogs in the picture?", "yes", "There are two cats in the picture.", None),
    (EFFUSION, "no", "No pleural effusion is seen.", True),
    (EFFUSION, "no", "The lungs are clear.", None),
    (EFFUSION, "no", "7", False),
    # units
    (CENTS, "50", "$50", False),
    (CENTS, "50", "It costs 50 cents.", True),
    (CENTS, "50", "$0.50", True),
    ("What does it cost, to the nearest cent?", "3.45", "$3.45", True),
    (CELSIUS, "25", "25 °F", False),
    (CELSIUS, "25", "77 °F", True),
    (CELSIUS, "25", "25 degrees", True),
    (CELSIUS, "25", "25 °C", True),
    (None, "5 H", "5 mH", False),
    (None, "0.005 H", "5 mH", True),
    (None, "5 H", "5 henries", True),
    (None, "5 C", "5 mC", False),
    (None, "25 C", "25 °C", True),
    (None, "25 C", "25 °F", False),
    (None, "2 keV", "2 MeV", False),
    (None, "2 keV", "2000 eV", True),
    (None, "2 T", "2 mT", False),
]


@pytest.mark.parametrize(("question", "reference", "response", "wanted"), ROWS)
def test_contrasts(question: str | None, reference: str, response: str, wanted: bool | None) -> None:
    assert check(response, reference, question=question).correct is wanted
