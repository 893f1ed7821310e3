"""Every real answer at hand, in the wordings models use: right ones are called right, wrong ones never."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from curation.answers import check
from curation.answers.quantity import quantity

DATA = Path("/work/shared/data")
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the shared data is not here")
LETTERS = "ABCDEFGH"
WORDINGS = (
    "<think>Let me see. First 77, then 12.</think>\n\nFinal Answer: {}", "<think>Maybe 77?</think><answer>{}</answer>",
    "The answer is {}.", "**Answer:** {}", "So, after checking the table, the final answer is **{}**.",
    "Step 1: 3 + 4 = 7\nStep 2: look at the figure.\n\nTherefore, the answer is {}.", "$$\\boxed{{{}}}$$",
    "### Final Answer\n{}", "Answer: {}\n\nExplanation: this follows from the table.",
    "Wait, let me check again. Yes.\n\nThe correct answer is: {}",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    answer: str
    options: tuple[str, ...]
    unit: str
    question: str

    @property
    def letter(self) -> str:
        return self.answer if self.answer not in self.options else LETTERS[self.options.index(self.answer)]

    @property
    def text(self) -> str:
        return self.options[LETTERS.index(self.letter)] if self.options else self.answer

    def right(self) -> set[str]:
        """The answer in the forms people give it in."""
        if not self.options:
            return {self.answer} | ({f"{self.answer} {self.unit}"} if self.unit and self.unit != "$" else set())
        texts = {self.text} if self.options.count(self.text) == 1 and self.text not in LETTERS else set()
        return texts | {self.letter, f"({self.letter})", f"{self.letter}. {self.text}", f"option {self.letter}"}

    def wrong(self, others: list["Row"]) -> set[str]:
        """Other options, other rows' numbers, neighbouring numbers."""
        if self.options:
            texts = {one for one in self.options if one != self.text and self.options.count(one) == 1 and len(one) > 1}
            return texts | set(LETTERS[: len(self.options)]) - {self.letter}
        mine = quantity(self.answer)
        found = {row.answer for row in others if not row.options and not _same(row.answer, self.answer)}
        return found | (
            {str(int(mine.value) + 1), str(int(mine.value) * 10 + 10)} if mine and mine.decimals == 0 else set()
        )


def _same(one: str, other: str) -> bool:
    left, right = quantity(one), quantity(other)
    return one == other or bool(left and right and left.value == right.value)


def tabmwp() -> list[Row]:
    rows = json.loads((DATA / "tabmwp/problems.json").read_text(encoding="utf-8")).values()
    return [Row(row["answer"], tuple(row["choices"] or ()), row["unit"] or "", row["question"]) for row in rows]


def mathvision() -> list[Row]:
    lines = (DATA / "mathvision/testmini.jsonl").read_text(encoding="utf-8").splitlines()
    return [Row(row["answer"], tuple(row["options"]), "", row["question"]) for row in map(json.loads, lines)]


def ambiguous(row: Row) -> bool:
    """An option that is another option's letter ("E" under D): undecided is right."""
    return any(text in LETTERS and text != LETTERS[place] for place, text in enumerate(row.options) if text)


def worded(text: str, wordings: tuple[str, ...]) -> Iterator[str]:
    yield from (wording.format(text) for wording in wordings if not ("$" in text and "$" in wording))


@pytest.mark.parametrize("source", [tabmwp, mathvision])
def test_right_answers_are_called_right_in_every_wording(source: object) -> None:
    rows = [row for row in source() if not ambiguous(row)]  # type: ignore[operator]
    assert len(rows) >= 300
    for row in rows:
        for response in (each for text in row.right() for each in worded(text, WORDINGS)):
            verdict = check(response, row.answer, options=row.options, question=row.question)
            assert verdict.correct is True, (response, row, verdict)


@pytest.mark.parametrize("source", [tabmwp, mathvision])
def test_wrong_answers_are_never_called_right(source: object) -> None:
    rows, chance = list(source()), random.Random(1)  # type: ignore[operator]
    for row in rows:
        for text in sorted(row.wrong(chance.sample(rows, 4))):
            for response in worded(text, tuple(chance.sample(WORDINGS, 3))):
                verdict = check(response, row.answer, options=row.options, question=row.question)
                assert verdict.correct is (None if ambiguous(row) and verdict.correct is None else False), (
                    response,
                    row,
                )
