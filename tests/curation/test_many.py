"""Rows made of rows: a recipe's rules for them, what the engine says of the parent, and the samples they become."""

import asyncio

import pytest

from curation.children import born
from curation.engine import Engine
from curation.errors import ConfigError
from curation.recipe import Draws, Recipe, bind
from curation.records import FIRST_CHILD, Outcome
from curation.step import Child, Drop, Step, step
from tests.curation.scripted import PICTURE, sample


@step(scope="many")
def parts(question: str, *, most: int = 3) -> list[Child] | Drop:
    """A row for each word."""
    words = question.split()[:most]
    return [Child(word, value={"word": word}) for word in words] if words else Drop("question_none")


@step
def length(question: str, parts: dict[str, str]) -> int:
    return len(question) + len(parts["word"])


def recipe_of(*steps: Step | Draws) -> Recipe:
    return Recipe("test", "", "", steps, {}, {})


def expanded(question: str) -> Outcome:
    plan = bind(recipe_of(parts, length), {})
    found: list[Outcome] = []
    asyncio.run(
        Engine(plan.stages[0].parts, {}).run([sample(question=question)], {}, lambda outcome, _: found.append(outcome))
    )
    return found[-1]


def test_a_step_that_makes_rows_ends_its_stage_and_hands_its_column_on() -> None:
    first, second = bind(recipe_of(parts, length), {}).stages
    assert first.expands
    assert list(second.carried) == ["parts"]


def test_the_parent_is_expanded_and_its_children_are_samples_with_its_picture() -> None:
    outcome = expanded("How many dots")
    assert outcome.status == "expanded"
    children = born(sample(question="How many dots", position=5), outcome)
    assert [child.id for child, _ in children] == ["s-1#1", "s-1#2", "s-1#3"]
    assert {(child.parent, child.image) for child, _ in children} == {("s-1", PICTURE)}
    assert [child.position for child, _ in children] == sorted(child.position for child, _ in children)
    assert all(child.position >= FIRST_CHILD for child, _ in children)
    assert [made.value for _, made in children] == [{"word": "How"}, {"word": "many"}, {"word": "dots"}]
    assert born(sample(question="How many dots", position=5), outcome) == children


def test_a_parent_without_children_says_why() -> None:
    outcome = expanded("")
    assert (outcome.status, outcome.reason) == ("dropped", "question_none")


def test_a_later_stage_reads_what_the_child_was_made_with() -> None:
    plan = bind(recipe_of(parts, length), {})
    children = born(sample(question="How many"), expanded("How many"))
    known = {made.key: made for _, made in children}
    engine = Engine(plan.stages[1].parts, {}, plan.stages[1].carried)
    results = asyncio.run(engine.run([child for child, _ in children], known, lambda *_: None))
    assert [result.columns["length"] for result in results] == [6, 8]


@step(scope="many")
def again(question: str) -> list[Child] | Drop:
    return [Child(question)]


@step
def parents_own(question: str) -> str:
    return question


@step
def reads_parents_own(parents_own: str) -> str:
    return parents_own


@pytest.mark.parametrize(
    "steps",
    [(parts, again), (Draws(2, (parts,)),), (parents_own, parts, reads_parents_own)],
    ids=["made of made rows", "in draws", "a column of the parent"],
)
def test_what_rows_of_rows_cannot_do_is_refused_when_the_recipe_is_built(steps: tuple[Step | Draws, ...]) -> None:
    with pytest.raises(ConfigError):
        recipe_of(*steps)
