"""Answers as models put them into sentences: durations, ratios, denials, comparisons, years and abbreviations."""

import pytest

from curation.answers import check
from curation.errors import SampleError

WORDS = ("linear", "nonlinear")
T, F, N = True, False, None


@pytest.mark.parametrize(
    ("response", "reference", "correct"),
    [
        ("It takes 90 seconds.", "90 s", T),
        ("It takes 1.5 minutes, that is 90 seconds.", "90 s", T),
        ("The film is 40 + 35 = 75 minutes long.", "75 min", T),
        ("The trip took 3 hours.", "180 minutes", T),
        ("It takes 80 seconds (1 min 20 s).", "90 s", F),
        ("The trip took 3 minutes.", "3 hours", F),
    ],
)
def test_a_duration_is_read_in_sentences_and_in_other_units(response: str, reference: str, correct: bool) -> None:
    assert check(response, reference, kind="text").correct is correct
    assert check(response, reference).correct is correct


@pytest.mark.parametrize(
    ("response", "reference", "correct"),
    [
        ("2.5:1", "2.5", T),
        ("The ratio is 5:2.", "2.5", T),
        ("**Ratio = 50 ÷ 20 = 2.5:1**", "2.5", T),
        ("The ratio is 3:1.", "2.5", F),
        ("The ratio is 2:5.", "2.5", F),
        ("The ratio is 1:0.", "1", F),
    ],
)
def test_a_ratio_may_answer_for_its_quotient(response: str, reference: str, correct: bool) -> None:
    assert check(response, reference).correct is correct


@pytest.mark.parametrize(
    ("response", "options", "reference", "correct"),
    [
        ("3 appears twice, so the relation is not a function.", ("function", "not a function"), "B", T),
        ("3 appears twice, so the relation is not a function.", ("function", "not a function"), "A", F),
        ("The relation isn't a function.", ("function", "not a function"), "B", T),
        ("The relation is a function.", ("function", "not a function"), "B", F),
        ("It is not true that it is not a function.", ("function", "not a function"), "B", N),
        ("The function is not linear.", WORDS, "nonlinear", T),
        ("The function isn't linear.", WORDS, "linear", F),
        ("The function is not linear.", (*WORDS, "cubic"), "linear", N),
        ("I do not know whether it is linear.", WORDS, "linear", N),
    ],
)
def test_denying_an_option(response: str, options: tuple[str, ...], reference: str, correct: bool | None) -> None:
    assert check(response, reference, options=options).correct is correct


@pytest.mark.parametrize(
    "heading", ["1. Corn\n2. Rice", "**1. Add them**\n\n**2. Divide**", "### 1. Add\n\n### 2. Divide"]
)
def test_the_number_of_the_first_step_is_no_answer(heading: str) -> None:
    assert check(f"{heading}\n\nSo, **14** items are shown.", "14").correct is True
    assert check(f"{heading}\n\nThe mean of them all is 6.", "1").correct is False


@pytest.mark.parametrize(
    ("response", "reference", "correct"),
    [
        ("Oak St.", "Oak Street", T), ("It is on Oak Street.", "Oak St", T), ("ITC Ltd.", "ITC Limited", T),
        ("St. Paul", "Street Paul", F), ("5th Ave", "Fifth Avenue", T),
        ("Based on its size, this looks like a violin.", "violin", T),
        ("Based on its size, this looks like a cello.", "violin", F),
    ],
)  # fmt: skip
def test_addresses_and_firms_are_cut_short(response: str, reference: str, correct: bool) -> None:
    assert check(response, reference, kind="text").correct is correct


MORE_ASKED = "How much more did he spend on rent than on food?"
SMALLEST = "What is the value of the smallest bar?"


@pytest.mark.parametrize(
    ("question", "response", "reference", "correct"),
    [
        (MORE_ASKED, "He spent $450 more on rent ($1,200) than on food ($750).", "450", T),
        (MORE_ASKED, "He spent $350 more on rent ($1,200) than on food ($850).", "450", F),
        (MORE_ASKED, "On rent ($1,200) he spent $450 more than on food ($750).", "450", T),
        (SMALLEST, "The smallest bar is Norway's in 2016, at 2.3%.", "2.3", T),
        (SMALLEST, "The smallest bar is Norway's in 2016, at 3.2%.", "2.3", F),
        (SMALLEST, "The smallest bar is Norway's in 2016, at 2.3%.", "2016", N),
        (SMALLEST, "The smallest bar stands for 2.3 million.", "2.3", N),
        (SMALLEST, "The smallest bar stands for 3.2 million.", "2.3", F),
        ("In which year was it lowest?", "It was lowest in 2016, at 2.3%.", "2016", T),
    ],
)
def test_the_question_tells_which_number_of_a_sentence_answers(
    question: str, response: str, reference: str, correct: bool | None
) -> None:
    assert check(response, reference, question=question).correct is correct


@pytest.mark.parametrize(
    ("response", "reference", "correct"),
    [
        ("The red line represents the unemployment rate.", "Unemployment rate", T),
        ("The red line represents the unemployment rate from 2000 to 2010.", "Unemployment rate", T),
        ("The red line does not represent the unemployment rate.", "Unemployment rate", N),
        ("The red line represents the inflation rate.", "Unemployment rate", F),
        ("This book was written by Jane Austen.", "Jane Austen", T),
        ("The author is Jane Austen, as shown on the cover.", "Jane Austen", T),
        ("According to the cover, the author is Jane Austen.", "Jane Austen", T),
        ("The author is Emily Brontë, as Jane Austen wrote Emma.", "Jane Austen", N),
    ],
)
def test_a_sentence_may_say_what_something_stands_for_and_where_it_was_seen(
    response: str, reference: str, correct: bool | None
) -> None:
    assert check(response, reference, kind="text").correct is correct


def test_references_and_options_may_come_as_json_keeps_them() -> None:
    shapes = {"A": "cube", "B": "sphere", "C": "cylinder"}
    assert check("The large object is a sphere.", "B", options=shapes).correct is True
    assert check("The large object is a cube.", "B", options=shapes).correct is False
    assert check("5 + 9 = 14", 14).correct is True
    assert check("Yes, it is.", False).correct is False
    assert check("July and June", ["June", "July"]).correct is True
    assert check('{"bbox_2d": [102, 118, 305, 415]}', [100, 120, 300, 420]).correct is True
    with pytest.raises(SampleError):
        check("a dog", {"label": "dog"})


ORGANS = ("Heart", "Liver", "Kidney", "Stomach")


@pytest.mark.parametrize(
    ("response", "reference", "correct"),
    [
        ("The organ next to the liver, marked by the arrow, is the kidney.", "C", T),
        ("The organ next to the kidney, marked by the arrow, is the liver.", "C", F),
        ("It isn't the heart or the liver; it is the kidney.", "C", T),
        ("It isn't the heart or the kidney; it is the liver.", "C", F),
        ("The liver is not marked, and next to it is the kidney.", "B", N),
        ("The kidney is marked and next to it is the liver.", "C", N),
        ("Maybe next to the liver is the kidney.", "C", N),
    ],
)
def test_a_sentence_that_names_other_options_on_the_way(response: str, reference: str, correct: bool | None) -> None:
    assert check(response, reference, options=ORGANS).correct is correct


@pytest.mark.parametrize(
    ("response", "reference", "correct"),
    [
        ("It is 5 degrees below zero.", "-5", T),
        ("Five degrees below zero", "-5 °C", T),
        ("The thermometer shows 5 °C below zero.", "-5", T),
        ("It is 5 degrees below zero.", "5", F),
        ("It is -5 degrees, below zero.", "-5", T),
    ],
)
def test_below_zero_is_negative(response: str, reference: str, correct: bool) -> None:
    assert check(response, reference, kind="number").correct is correct
