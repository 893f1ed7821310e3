"""What two graders' rows for version 9 found, in other wordings, each with replies that must not be read so."""

import pytest

from curation.answers import check
from curation.records import Json

FUNCTION = "Look at this table. Is this relation a function?"
JOB = "In which occupation would you more often help somebody who is upset?"
JOBS = ("customer service representative", "social media manager")
LAB = "Who would look after this sample?"
LABS = ("laboratory technician", "registered nurse", "medical secretary")
RATIO = "How big is the ratio a:b?"
RATIOS = ("$(2 \\cdot \\sqrt{3}): 1$", "$(2+\\sqrt{3}): 1$", "$(3+\\sqrt{2}): 1$", "2:1")
SCORED = "How many students scored at least 49 points but fewer than 58 points?"
FLOORS = "How many buildings have at least 15 floors?"
CONE = "What is its volume?"
CONES = ("96π cm³", "120π cm³", "288π cm³", "60π cm³")
DIAGNOSIS = "What is the most likely diagnosis?"
BLEEDINGS = ("Subdural hematoma", "Epidural hematoma", "Subarachnoid hemorrhage", "Intraparenchymal hemorrhage")
EPIDURAL = "The collection is lens-shaped. This is most consistent with an **epidural hematoma**."
PLACES = ("Death Valley", "Vostok Station")
FURTHER = "Which place's temperature was further from 0 °C?"
YES_NO = ("yes", "no")

CHOICES = [
    # an option cut short
    (JOB, JOBS, "Managers write posts. Calls of upset people fall to the customer service rep, whose job it is.", "A"),
    (JOB, JOBS, "**Representatives** take calls.\n\nSo this is the work of a customer service rep.", "A"),
    (LAB, LABS, "Samples are looked after by the lab tech.", "A"),
    (LAB, LABS, "It would be a job for the medical sec., I think.", "C"),
    (JOB, JOBS, "This is the work of a social media mgr. or a customer service rep.", ""),
    (JOB, JOBS, "This is for a customer service rep more than a social media manager.", "A"),
    (JOB, JOBS, "A customer service rep would answer calls. So it is a social media manager.", "B"),
    (JOB, JOBS, "This is not the work of a customer service rep.", "B?"),
    (LAB, LABS, "It is the medical tech.", ""),
    (LAB, LABS, "It is neither the lab tech nor a registered nurse.", ""),
    # "No x-value is repeated" is not the answer no
    (FUNCTION, YES_NO, "No x-value is repeated with different y-values. Therefore, this relation is a function.", "A"),
    (FUNCTION, YES_NO, "- x = 1 → y = 2\n\nNo input has two outputs. So this relation **is a function**.", "A"),
    (FUNCTION, YES_NO, "No two points share an x-value, so the relation is a function.", "A"),
    (FUNCTION, YES_NO, "No vertical line crosses the graph twice. Hence this relation is a function.", "A"),
    (FUNCTION, YES_NO, "No value of x is repeated. The relation is a function.", "A"),
    (FUNCTION, YES_NO, "No x-value repeats, but the relation is not a function.", "B"),
    (FUNCTION, YES_NO, "So the relation fails to be a function.", "B"),
    (FUNCTION, YES_NO, "No - 3 repeats.", "B"),
    (FUNCTION, YES_NO, "No x-value repeats.", ""),
    (FUNCTION, YES_NO, "14 is paired with 11 and with 9. Therefore, this relation **is not a function**.", "B"),
    (FUNCTION, YES_NO, "No, 14 is repeated with different y-values.", "B"),
    (FUNCTION, YES_NO, "No x-value has just one y-value, so this relation is not a function.", "B"),
    (FUNCTION, YES_NO, "No, this relation is not a function.", "B"),
    ("Is any x-value repeated?", YES_NO, "No x-value is repeated.", "B"),
    ("Are there any cars?", YES_NO, "No red cars are visible.", "B"),
    ("Is there a fracture?", YES_NO, "No obvious signs of a fracture are seen.", "B"),
    ("Is there an effusion?", YES_NO, "No pneumothorax is seen.", ""),
    ("Is there an effusion?", YES_NO, "No effusion is seen.", "B"),
    # ratios to one
    (RATIO, RATIOS, "By geometry $\\frac{a}{b} = 2+\\sqrt{3}$.\n\nSo the ratio $a:b$ is $2+\\sqrt{3}$.", "B"),
    (RATIO, RATIOS, "Hence the ratio of a to b is $2\\sqrt{3}$.", "A"),
    (RATIO, RATIOS, "$$\\frac{a}{b} = 3 + \\sqrt{2}$$", "C"),
    (RATIO, RATIOS, "The ratio a:b is 2.", "D"),
    (RATIO, RATIOS, "So the ratio $a:b$ is $(2+\\sqrt{3}):1$.", "B"),
    (RATIO, RATIOS, "So the ratio $b:a$ is $2+\\sqrt{3}$.", ""),
    (RATIO, RATIOS, "So the ratio $a:b$ is $1 : (2+\\sqrt{3})$.", ""),
    (RATIO, RATIOS, "So the ratio $a:b$ is $2-\\sqrt{3}$.", ""),
    (RATIO, RATIOS, "So the ratio $a:b$ is 3.", ""),
    # remarks on other options behind the choice
    (CONE, CONES, "V = 96π cm³.\n\nSo the right choice is **A**; B comes from using the slant height.", "A"),
    (CONE, CONES, "So the right choice is **A** – D is what the lateral area comes to.", "A"),
    (CONE, CONES, "The correct option is **A**. B comes from using the slant height.", "A"),
    (CONE, CONES, "The right choice is A; C would be the volume of a sphere.", "A"),
    (CONE, CONES, "Option B is too large. A would be 96π.", "~B"),
    (CONE, CONES, "B is not possible; A would be 96π.", "~B"),
    (CONE, CONES, "The right choice is A; B is right as well.", ""),
    (CONE, CONES, "The right choice is A; B.", ""),
    (CONE, CONES, "So the right choice is **B**; A comes from using the vertical height.", "B"),
    (DIAGNOSIS, BLEEDINGS, f"{EPIDURAL}\n\nA subdural hematoma would usually be crescent-shaped, and a subarachnoid "
     "hemorrhage would be in the cisterns.", "B"),
    (DIAGNOSIS, BLEEDINGS, f"{EPIDURAL} A subdural hematoma would cross the sutures.", "B"),
    (DIAGNOSIS, BLEEDINGS, f"{EPIDURAL}\n\nSubdural hematoma is typically crescent-shaped.", "B"),
    (DIAGNOSIS, BLEEDINGS, "It is an epidural hematoma; a subdural hematoma would be crescent-shaped.", "B"),
    (DIAGNOSIS, BLEEDINGS, "An epidural hematoma would be lens-shaped. This is a **subdural hematoma**.", "A"),
    (DIAGNOSIS, BLEEDINGS, "It looks like an epidural hematoma.\n\nA subdural hematoma would be the answer.", "~B"),
    (DIAGNOSIS, BLEEDINGS, "At first it suggests an epidural hematoma.\n\nA subdural hematoma would explain it.", "~B"),
    (DIAGNOSIS, BLEEDINGS, "It might be an epidural hematoma. A subdural hematoma is usually crescent-shaped.", "~B"),
    ("Which would you expect?", BLEEDINGS, "An epidural hematoma is lens-shaped. A subdural hematoma would come first.",
     "~B"),
    (DIAGNOSIS, BLEEDINGS, "It is an epidural hematoma or a subdural hematoma.", ""),
    # possessives and remarks
    (FURTHER, PLACES, "134 > 128, so **Death Valley's** temperature was further from zero.\n\nIt's worth noting that "
     "the difference is just 6 degrees, even though one is hot!", "A"),
    (FURTHER, PLACES, "|134| > |−128|, so Death Valley's temperature was further from zero.", "A"),
    (FURTHER, PLACES, "**Death Valley:** 134\n\n**Vostok Station:** 128\n\n134 > 128, so **Death Valley's** "
     "temperature was further from zero.\n\nInterestingly, both were measured long ago.", "A"),
    (FURTHER, PLACES, "**Death Valley:** 134\n\n**Vostok Station:** 138\n\nSo **Vostok Station's** temperature was "
     "further from zero.\n\nIt's worth noting that one is hot!", "B"),
    (FURTHER, PLACES, "Death Valley's and Vostok Station's temperatures were both far from zero.", ""),
]  # fmt: skip


@pytest.mark.parametrize(("question", "options", "response", "chosen"), CHOICES)
def test_choices(question: str, options: tuple[str, ...], response: str, chosen: str) -> None:
    """`chosen`: the letter read; "" none of them is right; `B?` at most B; `~B` is anything but B."""
    got = {letter: check(response, letter, options=options, question=question) for letter in "ABCD"[: len(options)]}
    right = [letter for letter, verdict in got.items() if verdict.correct]
    if len(chosen) == 2:
        assert (chosen.strip("~?") in right) is False if "~" in chosen else set(right) <= {chosen[0]}
        return
    assert right == list(chosen)
    if chosen:
        assert all(verdict.correct is False for letter, verdict in got.items() if letter != chosen)


BLIND = (
    "I don't see an image attached to your message. Could you please share the plot? Once I can see it, I'd be glad "
)
REFUSALS = [
    (FLOORS, f"{BLIND}to help you count how many buildings have at least 15 floors.", "15", True),
    (FLOORS, "I'm not able to see the plot with at least 15 floors. Could you share it again?", "15", True),
    (FLOORS, "It seems no image was attached. Please upload the plot so that I can count from 15 on.", "15", True),
    (FLOORS, "I can't view the image. If you could describe the leaves from 15 on, I can count them.", "15", True),
    (FLOORS, "I can't see every leaf clearly, but there are 15 such buildings. Could you check?", "15", False),
    (FLOORS, "I don't see any image problem here: there are 15 buildings.", "15", False),
    (FLOORS, "15. I don't see the last leaf well; could you share a sharper picture?", "15", False),
    (FLOORS, "I can't see the top of the plot. Please share it again. The answer is 15.", "15", False),
    (FLOORS, "There are 15 buildings. If you could share the second plot, I can count those, too.", "15", False),
]  # fmt: skip


@pytest.mark.parametrize(("question", "response", "reference", "refused"), REFUSALS)
def test_who_sees_no_picture_has_no_answer(question: str, response: str, reference: str, refused: bool) -> None:
    verdict = check(response, reference, question=question)
    assert (verdict.reason == "answer_not_found") is refused
    assert (verdict.correct is False) is refused


SIMPLIFY = "Simplify the expression shown."
CANCELLED = "\\frac{x+3}{x-2}"
BOTH = "Which elements are common to both circles?"
RISES = "For which values of x is the function in the graph increasing?"
TWO_SIDES = "(-\\infty,-1)\\cup(3,\\infty)"
THROWN = "What is the maximum height that it reaches?"
BARS = "What is the value of the lowest bar and the highest bar? Give both."
LOWEST_FIRST = "- **Lowest bar:** 12 (Portugal)\n- **Highest bar:** 87 (Norway)"
MEANS = "What are the mean and the median of the data?"
EXPIRES = "What is the expiry date on the package?"
SIDES = "What is the ratio of the sides AB to BC?"
PEAK = "In which year did the export value peak?"
SIGN = "What does the sign say?"
BOILS = "What is the boiling point according to the table, in degrees Celsius?"
AUTHOR = "Who is the author of the book?"

ANSWERS: list[tuple[str, Json, str, bool | None]] = [
    # the question's own words with its numbers
    (SCORED, "3", "So the number of students who scored at least 49 points but fewer than 58 points is 3.", True),
    (SCORED, "3", "Therefore, the total number of students who scored at least 49 but fewer than 58 is **3**.", True),
    (SCORED, "3", "The number of students with at least 49 points but fewer than 58 points = 3", True),
    (SCORED, "3", "Number of students who scored at least 49 points but fewer than 58 points: 3", True),
    (SCORED, "49", "So the number of students who scored at least 49 points but fewer than 58 points is 3.", False),
    (SCORED, "58", "So the number of students who scored at least 49 points but fewer than 58 points is 3.", False),
    (SCORED, "3", "So the number of students who scored at least 49 points but fewer than 58 points is 4.", False),
    (SCORED, "3", "The number of students who scored at least 49 points but fewer than 58 is more than 3.", None),
    # what x may not be
    (SIMPLIFY, CANCELLED, "Final answer: $\\dfrac{x+3}{x-2}$, for $x \\ne 3$.", True),
    (SIMPLIFY, CANCELLED, "Final answer: $\\frac{x+3}{x-2}$, where x ≠ 3", True),
    (SIMPLIFY, CANCELLED, "It simplifies to\n\n$$\\frac{x+3}{x-2} \\quad (x \\neq 2, 3)$$", True),
    (SIMPLIFY, CANCELLED, "The simplified form is $\\frac{x+3}{x-2}$ for all $x \\neq 3$.", True),
    (SIMPLIFY, CANCELLED, "\\boxed{\\frac{x+3}{x-2}, x \\neq 3}", True),
    (SIMPLIFY, CANCELLED, "Answer: \\(\\frac{x+3}{x-2}\\) with \\(x \\neq 3\\)", True),
    (SIMPLIFY, CANCELLED, "Final answer: $\\dfrac{x+3}{x+2}$, for $x \\ne 3$.", False),
    (SIMPLIFY, CANCELLED, "Final answer: $\\frac{x-3}{x-2}$, where x ≠ 3", False),
    (SIMPLIFY, "x + 1, x \\neq 2", "Final answer: $x + 1$, $x \\neq 3$", None),
    ("Which x are left out?", "x \\neq 3", "Final answer: $x \\neq 2$", None),
    (SIMPLIFY, "x < 3", "Final answer: $x < 4$, for $x \\ne 3$", False),
    # set operations on the left
    (BOTH, "{3, 6, 12}", "$A \\cap B = \\{3, 6, 12\\}$", True),
    (BOTH, "{3, 6, 12}", "So A ∩ B = {12, 3, 6}.", True),
    (BOTH, "\\{3, 6, 12\\}", "**Answer:** $A \\cap B \\cap C = \\{3, 6, 12\\}$", True),
    (BOTH, "{3, 6, 12}", "$A \\cap B = \\{3, 6\\}$", False),
    (BOTH, "{3, 6, 12}", "$A \\cap B = \\{3, 6, 12, 15\\}$", False),
    (BOTH, "{3, 6, 12}", "$A \\cup B = \\{1, 2, 3, 4, 6, 9, 12, 15\\}$", False),
    # intervals joined by words
    (RISES, TWO_SIDES, "The function is increasing on $(-\\infty, -1)$ and $(3, \\infty)$.", True),
    (RISES, TWO_SIDES, "The function is increasing on (−∞, −1) and on (3, ∞).", True),
    (RISES, TWO_SIDES, "Answer: increasing for $x$ in $(3, \\infty)$ or $(-\\infty, -1)$", True),
    (RISES, TWO_SIDES, "It is increasing on $(-\\infty, -1)$ and $(3, \\infty)$ and decreasing on $(-1, 3)$.", True),
    (RISES, TWO_SIDES, "The function is increasing on $(-\\infty, -1)$ and $(2, \\infty)$.", False),
    (RISES, TWO_SIDES, "The function is increasing on $(-\\infty, -1]$ and $[3, \\infty)$.", False),
    (RISES, TWO_SIDES, "f increases on (−∞, −1) as well as (3, ∞).", True),
    (RISES, TWO_SIDES, "f does not increase on $(-\\infty, -1)$ and $(3, \\infty)$.", False),
    (RISES, TWO_SIDES, "f is increasing on $(-\\infty, -1)$ but not on $(3, \\infty)$.", False),
    (RISES, TWO_SIDES, "The function is increasing on $(-1, 3)$.", False),
    (RISES, TWO_SIDES, "It is decreasing on $(-\\infty, -1)$ and $(3, \\infty)$ and increasing on $(-1, 3)$.", False),
    # more digits than the reference
    (THROWN, "11.5 m", "It reaches a height of \\(\\boxed{11.48}\\) meters.", None),
    (THROWN, "11.5 m", "The maximum height is 11.479 m.", None),
    (THROWN, "11.5", "The maximum height is 11.48 m.", None),
    (THROWN, "11.5 m", "The maximum height is 11.43 m.", False),
    (THROWN, "11.5 m", "The maximum height is 11.4 m.", False),
    (THROWN, "11.5 m", "The maximum height is 11.56 m.", False),
    (THROWN, "28 m", "The maximum height is 28.4 m.", False),
    ("How much does it cost?", "$11.5", "It costs $11.48.", False),
    ("How many are there?", "11", "There are 11.48 of them.", False),
    # a list by its labels
    (BARS, "12, 87", f"Here's the breakdown:\n\n{LOWEST_FIRST}", True),
    (BARS, "12, 87", "- Highest bar: 87\n- Lowest bar: 12", True),
    (BARS, "12 and 87", "1. The lowest bar: **12**\n2. The highest bar: **87**", True),
    (BARS, [12, 87], "* *Lowest bar*: 12\n* *Highest bar*: 87", True),
    (BARS, "87, 12", LOWEST_FIRST, False),
    (BARS, "12, 87", "- **Lowest bar:** 87\n- **Highest bar:** 12", False),
    (BARS, "12, 87", "- **Lowest bar:** 12\n- **Highest bar:** 78", False),
    (BARS, "12, 87", "- **Shortest line:** 87\n- **Tallest line:** 12", False),
    (MEANS, "5, 6", "The mean is 5 and the median is 6.", True),
    (MEANS, "5, 6", "The median is 6 and the mean is 5.", True),
    (MEANS, "5, 6", "**Median** = 6\n**Mean** = 5", True),
    (MEANS, "5, 6", "The mean is 6 and the median is 5.", False),
    (MEANS, "5, 6", "6 and 5", None),
    (MEANS, "5, 6", "5 and 6", True),
    # month and year
    (EXPIRES, "2025-08", "The expiry date on the package is **08/2025**.", True),
    (EXPIRES, "2025-08", "August 2025", True),
    (EXPIRES, "08/2025", "It expires in Aug. 2025.", True),
    (EXPIRES, "August 2025", "The expiry date is 2025-08.", True),
    (EXPIRES, "2025-08", "It was made in 02/2024 and the expiry date is 08/2025.", True),
    (EXPIRES, "08/2025", "Aug-2025", True),
    (EXPIRES, "August 2025", "15 August 2025", None),
    ("Which season?", "2010-11", "November 2010", False),
    (EXPIRES, "12/2025", "The expiry date is December 2025.", True),
    (EXPIRES, "2025-08", "The expiry date on the package is **09/2025**.", False),
    (EXPIRES, "August 2025", "The expiry date is 08/2026.", False),
    (EXPIRES, "2025-08", "July 2025", False),
    (EXPIRES, "1 February 2025", "The expiry date is 01/02/2025.", None),
    ("What fraction is red?", "3/2000", "It is 0.0015.", True),
    # a rounded ratio
    (SIDES, "2:3", "AB = 6 and BC = 9, so the ratio is\n\n6/9 = **0.67** (approximately)", None),
    (SIDES, "2:3", "The ratio is about 0.667.", None),
    (SIDES, "1:3", "The ratio is 0.33.", None),
    (SIDES, "2:3", "2/3 ≈ 0.667", None),
    (SIDES, "1:3", "The ratio is 0.33 to 1.", None),
    (SIDES, "2:3", "The ratio is 0.66.", False),
    (SIDES, "2:3", "The ratio is 1.5.", False),
    (SIDES, "2:3", "The ratio is 0.7.", False),
    # what something rose from
    (PEAK, "2014", "The value peaked in **2015**, when it reached 61.3 billion dollars, up from 58.9 in 2014.", False),
    (PEAK, "2015", "The value peaked in **2015**, when it reached 61.3 billion dollars, up from 58.9 in 2014.", True),
    (PEAK, "2014", "It peaked in 2015, compared with 58.9 billion dollars in 2014.", False),
    (PEAK, "2015", "It peaked in 2015 at 61.3 billion dollars, down from no year, up from 58.9 in 2014.", True),
    (PEAK, "2015", "It peaked in 2014, up from 58.9 in 2013.", False),
    ("In which year was it 58.9?", "2014", "It was 61.3 in 2015, up from 58.9 in 2014.", None),
    # quotations
    (SIGN, "No parking any time", 'The sign says "NO PARKING ANY TIME" with arrows pointing in both directions.', True),
    (SIGN, "No parking any time", "The sign reads “NO PARKING ANY TIME” above a red arrow.", True),
    (SIGN, "Do not enter", 'The sign says "DO NOT ENTER" with a white bar.', True),
    (SIGN, "No parking any time", 'The sign says "NO STOPPING ANY TIME" with arrows.', False),
    (SIGN, "No parking", 'The sign says "NO PARKING ANY TIME" with arrows pointing in both directions.', None),
    (SIGN, "Stop", 'It no longer says "STOP" with red paint.', None),
    (SIGN, "Stop", 'The other sign says "STOP" with a white frame, and this one is blank.', None),
    # the unit that is asked for
    (BOILS, "78.4", "According to the table, the boiling point is 351.5 K, which is 78.4 °C.", True),
    (BOILS, "78.4", "The boiling point is 351.5 K (78.4 °C).", True),
    (BOILS, "78.4", "The boiling point is 351.5 K, or 78.4 °C.", True),
    (BOILS, "351.5", "According to the table, the boiling point is 351.5 K, which is 78.4 °C.", False),
    (BOILS, "78.4", "The boiling point is 351.5 K, which is 79.4 °C.", False),
    ("How many metres is it?", "2.4", "It is 240 cm, which is 2.4 m.", True),
    ("How many minutes does it take?", "80", "It takes 1 hour and 20 minutes, or 80 minutes.", True),
    ("How many minutes does it take?", "90", "It takes either 2 hours or 90 minutes.", False),
    ("How many inches is it?", "60", "It is 5 feet (60 inches).", True),
    ("How many metres is it?", "240", "It is 240 cm, which is 2.4 m.", False),
    # a person's name the other way round
    (AUTHOR, "Haruki Murakami", "The author of the book shown is **Murakami Haruki**.", True),
    (AUTHOR, "Haruki Murakami", "Murakami, Haruki", True),
    ("Who wrote this?", "Haruki Murakami", "It was written by Murakami Haruki.", True),
    (AUTHOR, "Haruki Murakami", "The author is Murakami Ryu.", False),
    (AUTHOR, "Haruki Murakami", "The author is Haruki Tanaka.", False),
    (AUTHOR, "Haruki Murakami", "The author is not Murakami Haruki.", False),
    ("What is the title?", "Green Forest", "The title is Forest Green.", None),
]  # fmt: skip


@pytest.mark.parametrize(("question", "reference", "response", "wanted"), ANSWERS)
def test_answers(question: str, reference: Json, response: str, wanted: bool | None) -> None:
    assert check(response, reference, question=question).correct is wanted


STATED = [
    ("No x-value is repeated. Therefore, this relation is a function.", True, False),
    ("No input repeats, so yes.", True, False),
    ("No x-value repeats.\n\n**Yes**, it is a function.", True, False),
    ("14 is repeated. Therefore, this relation is not a function.", False, True),
    ("No, this relation is not a function.", False, True),
]


@pytest.mark.parametrize(("response", "yes", "no"), STATED)
def test_yes_and_no_without_options(response: str, yes: bool, no: bool) -> None:
    assert check(response, "yes", question=FUNCTION).correct is yes
    assert check(response, "no", question=FUNCTION).correct is no
