"""A sentence answers where it repeats its question with the reference in the gap, and only there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.answers import check
from curation.answers.clauses import answers, asked_clause, clauses_of, denied, elsewhere
from curation.answers.towns import town

SOFA = "What animal is on the sofa?"


@pytest.mark.parametrize(
    ("reference", "sentence", "question"),
    [
        ("umbrella", "He is holding a black umbrella in his right hand.", "What is the man holding?"),
        ("dog", "A small brown dog.", SOFA),
        ("dog", "The dog is on the sofa.", SOFA),
        ("axial", "This is an axial CT image of the abdomen.", "What plane is this image in?"),
        ("reading", "The woman is reading a book.", "What is the woman doing?"),
        ("Right lower lobe", "There is an opacity in the right lower lobe of the lung.", "Which lobe is affected?"),
    ],
)
def test_a_sentence_that_repeats_the_question_gives_its_answer(reference: str, sentence: str, question: str) -> None:
    assert answers(reference, sentence, question)
    assert check(sentence, reference, question=question).correct is True


@pytest.mark.parametrize(
    ("reference", "sentence", "question"),
    [
        ("ball", "The box is to the left of the ball.", "What is to the left of the box?"),  # the other way round
        ("tennis", "The sport being played is table tennis.", "What sport is being played?"),
        ("red", "The car is white, and the bus behind it is red.", "What color is the car?"),
        ("a laptop", "The laptop is on the floor; on the table there is a vase.", "What is on the table?"),
        ("dog", "A cat is on the sofa, and a dog is on the floor.", SOFA),
        ("Sweden", "Norway is higher than Sweden.", "Which is higher, Norway or Sweden?"),
        ("Paris", "The city is not Paris.", "Which city is this?"),
        (
            "Imports",
            "The orange bar represents exports, and the blue bar represents imports.",
            "What is the orange bar?",
        ),
        ("apples", "There are oranges in the bowl, and apples on the table.", "What fruit is in the bowl?"),
        ("surfing", "He is standing on the beach, watching others who are surfing.", "What is the man doing?"),
        ("Lions", "The Tigers won the game against the Lions.", "Which team won the game?"),
    ],
)
def test_a_sentence_that_says_something_else_is_never_right(reference: str, sentence: str, question: str) -> None:
    assert not answers(reference, sentence, question)
    assert check(sentence, reference, kind="text", question=question).correct is not True


def test_the_clause_that_takes_up_the_question_counts() -> None:
    hours = "The store opens at 11 AM and closes at 6 PM on Sunday."
    assert asked_clause(hours, "When does the store close on Sunday?") == "closes at 6 PM on Sunday."
    assert check(hours, "6:00 PM", question="When does the store close on Sunday?").correct is True
    assert check(hours, "11:00 AM", question="When does the store close on Sunday?").correct is not True


def test_what_is_said_of_another_thing_is_wrong() -> None:
    sentence = "The car is white, and the bus behind it is red."
    assert elsewhere("red", sentence, "What color is the car?")
    assert not elsewhere("red", "The bus is large, and its color is red.", "What color is the bus?")
    assert denied("MRI", "This is an X-ray, not an MRI.", "What is shown?")
    assert not denied("MRI", "This is not an X-ray, but an MRI.", "What is shown?")


def test_a_town_with_its_country_is_the_town_and_two_countries_are_a_list() -> None:
    assert town("Paris, France") == "Paris"
    assert town("France, Germany") is None
    assert check("Paris, London", "Paris").correct is not True


def test_a_clause_of_numbers_that_takes_up_the_question_counts() -> None:
    both = "The large coffee costs $3.75, while the small one is $2.50."
    assert check(both, "$3.75", question="How much is the large coffee?").correct is True
    assert check(both, "$2.50", question="How much is the large coffee?").correct is not True
    assert check("The ant walked √52 m.", "2\\sqrt{13}").correct is True
    assert check("The highest value recorded was 98.6 in July 2014.", "98.6").correct is True


def test_codes_and_counts_of_each_are_not_taken_for_the_answer() -> None:
    assert check("48-2291-00", "0048-2291").correct is not True
    assert check("Phone: 555-0142", "555-0142").correct is True
    assert check("The chart shows 5 categories with 6 bars each.", "6").correct is not True
    letter = "The letter was signed by John Wu and addressed to Helen Park."
    assert check(letter, "Helen Park", question="Who signed the letter?").correct is not True


def test_both_letters_are_two_answers() -> None:
    assert check("Both A and C could be right.", "C", options=["one", "two", "three"]).correct is False


VOCABULARY = ["the", "cat", "dog", "is", "on", "sofa", "and", "not", "red", ",", ";", "it", "holds"]
WORDS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=14)


@given(WORDS, WORDS)
def test_no_sentence_with_a_denial_answers_and_the_clauses_hold_every_word(said: list[str], asked: list[str]) -> None:
    sentence, question = " ".join(said), " ".join(asked) + "?"
    assert not ("not" in said and answers("cat", sentence, question))
    kept = " ".join(clauses_of(sentence)).split()
    assert [word for word in said if word not in ("and", ";", ",")] == [
        word for word in kept if word not in ("and", ";", ",")
    ]


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_no_string_makes_the_clauses_raise(reference: str, sentence: str, question: str) -> None:
    for ask in (answers, denied, elsewhere):
        assert isinstance(ask(reference, sentence, question), bool)
    assert asked_clause(sentence, question) is None or asked_clause(sentence, question) in clauses_of(sentence)
