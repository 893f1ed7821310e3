"""Rows made of rows: a recipe's rules for them, what the engine says of the parent, and the samples they become."""

import asyncio

import pytest

from curation.children import born
from curation.engine import Engine, OutcomeKey
from curation.errors import ConfigError
from curation.recipe import Draws, Recipe, bind
from curation.records import CHILDREN_EACH, FIRST_CHILD, Outcome
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


@step(scope="all")
def placed(id: list[str]) -> list[int]:
    return list(range(len(id)))


@step
def reads_placed(placed: int) -> int:
    return placed


@step
def reads_draws(draws: dict[str, int]) -> int:
    return draws["drawn"]


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((parts, again), r"steps = \['parts', 'again'\]: only one step may make many rows"),
        ((Draws(2, (parts,)),), r"draws = \['parts'\]: only row-wise steps can be drawn"),
        ((Draws(2, (placed,)),), r"draws = \['placed'\]: only row-wise steps can be drawn"),
        ((parents_own, parts, reads_parents_own), r"reads_parents_own = \['parents_own'\]: cannot be read here"),
        (
            (Draws(2, (parents_own,)), placed, reads_parents_own),
            r"step reads_parents_own = \['parents_own'\]: cannot be read here: what was drawn ends at",
        ),
        ((placed, reads_placed), r"step reads_placed = \['placed'\]: cannot be read here.*for views"),
    ],
    ids=[
        "made of made rows",
        "many in draws",
        "all rows in draws",
        "a parent's",
        "drawn, beyond a barrier",
        "a verdict",
    ],
)
def test_what_no_row_could_do_is_refused_when_the_recipe_is_built(steps: tuple[Step | Draws, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        recipe_of(*steps)


@pytest.mark.parametrize(
    ("steps", "reads"),
    [
        ((parents_own, placed, reads_parents_own), "parents_own"),
        ((Draws(2, (parents_own,)), placed, reads_draws), "draws"),
    ],
    ids=["a column", "a summary of draws"],
)
def test_beyond_a_step_over_all_rows_earlier_columns_can_still_be_read(
    steps: tuple[Step | Draws, ...], reads: str
) -> None:
    before, _, after = bind(recipe_of(*steps), {}).stages
    assert list(after.carried) == [reads]
    known: dict[OutcomeKey, Outcome] = {}
    one = sample(question="How many?")
    asyncio.run(Engine(before.parts, {}).run([one], {}, lambda outcome, _: known.update({outcome.key: outcome})))
    [result] = asyncio.run(Engine(after.parts, {}, after.carried).run([one], known, lambda *_: None))
    assert result.kept
    assert result.last.value == ("How many?" if reads == "parents_own" else 1)


@pytest.mark.parametrize("position", [0, 7, 10**6])
def test_a_child_s_id_and_content_do_not_depend_on_its_parents_place(position: int) -> None:
    outcome = expanded("How many dots")
    children = born(sample(question="How many dots", position=position), outcome)
    assert [(child.id, child.key) for child, _ in children] == [
        (child.id, child.key) for child, _ in born(sample(question="How many dots"), outcome)
    ]


def test_too_many_children_fail_the_row_and_not_the_run() -> None:
    @step(scope="many")
    def flood(question: str) -> list[Child]:
        return [Child("x")] * (CHILDREN_EACH + 1)

    found: list[Outcome] = []
    plan = bind(recipe_of(flood), {})
    asyncio.run(Engine(plan.stages[0].parts, {}).run([sample()], {}, lambda outcome, _: found.append(outcome)))
    assert (found[-1].status, found[-1].reason) == ("failed", "step_error")
    assert f"{CHILDREN_EACH + 1} children" in found[-1].detail
