"""Step 3 of WeThink: questions that need Reasoning and another ability, made from the description, many a picture.

Row → many rows: every question the model proposes becomes a row, and one that cannot be used keeps its reason.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field, create_model

from curation.prompts import PromptSet, prompts
from curation.records import Image, Json, Kind, Option
from curation.step import Child, Drop, step
from curation.steps.leaks import leaks
from curation.steps.replies import unexpected
from curation.teachers.protocol import Teacher
from curation.teachers.structured import ask_as

REASONING = "Reasoning"
ABILITIES = ("Recognition", "OCR", "Knowledge", "Spatial awareness", "Math")
"""MM-Vet's core skills (arXiv 2308.02490) less language generation; the five of WeThink are not published."""
SPELLINGS = {
    "maths": "Math", "mathematics": "Math", "spatial": "Spatial awareness", "text recognition": "OCR",
    "optical character recognition": "OCR", "logical reasoning": "Reasoning", "general knowledge": "Knowledge",
}  # fmt: skip
KINDS: dict[str, Kind] = {"MC": "mcq", "FIB": "text", "DES": "open"}
"""Multiple choice, fill in the blank, descriptive. How a blank is compared is decided by the answers it gets."""
LONGEST, LETTERS = 1000, "ABCDEFGHIJ"
SHOWN = 100
"""Characters of a type or ability that nobody asked for."""
CONTROL, WORD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"), re.compile(r"\w+|[-+−×÷/*=<>]")


@cache
def proposals(types: tuple[str, ...], abilities: tuple[str, ...], most: int) -> type[BaseModel]:
    """The shape of a reply: {questions: [{question, type, options, abilities}]}, at most `most` of them.

    The schema names the types and abilities and bounds the options, for endpoints that hold to it; the check of a reply
    does not, so that one bad question does not cost the others.
    """
    several: Any = list[_one_of(abilities)]  # type: ignore[misc]  # a type made of data
    proposal = create_model(
        "Proposal",
        question=(str, ...),
        type=(_one_of(types), ...),
        options=(list[str], Field(default=[], json_schema_extra={"maxItems": len(LETTERS)})),
        abilities=(several, Field(default=[], json_schema_extra={"maxItems": 8})),
    )
    return create_model("Proposals", questions=(list[proposal], Field(max_length=most)))  # type: ignore[valid-type]


def _one_of(names: tuple[str, ...]) -> Any:
    return Annotated[str, Field(json_schema_extra={"enum": list(names)})]


@step(scope="many")
async def synthesize(
    mine: dict[str, Json],
    image: Image,
    *,
    reasoner: Teacher,
    prompt: PromptSet = prompts("wethink/generate", role="reasoner", extra=("text", "how_many", "types", "skills")),
    questions: int = 3,
    types: tuple[str, ...] = ("MC", "FIB", "DES"),
    reasoning: str = REASONING,
    abilities: tuple[str, ...] = ABILITIES,
    at_least: int = 1,
    max_foreign: float = 0.1,
    markup: str = "drop",
) -> list[Child] | Drop:
    """Questions with {category, abilities}: `reasoning` and at least `at_least` of `abilities` (step 3; the summary of
    the paper breaks off after "at least").

    A question never names the description it is made from: it will be asked of somebody who sees the picture.
    """
    columns = {
        "text": str(mine["text"]), "how_many": str(questions), "types": ", ".join(types), "skills": ", ".join(abilities)
    }  # fmt: skip
    shape = proposals(types, (reasoning, *abilities), 2 * questions)
    reply, _ = await ask_as(reasoner, shape, prompt.fill(columns), sampling=prompt.sampling)
    proposed = reply.model_dump()["questions"]
    if not proposed:
        return Drop("question_none", "the model proposed no question")
    asked = _Asked(columns["text"], types, (reasoning, *abilities), at_least, max_foreign, markup)
    return list(_children(proposed, asked))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, which every proposal is held against; `abilities` has Reasoning's name first."""

    text: str
    types: tuple[str, ...]
    abilities: tuple[str, ...]
    at_least: int
    max_foreign: float
    markup: str


def _children(proposed: Sequence[dict[str, Any]], asked: _Asked) -> Iterator[Child]:
    usable: dict[str, int] = {}
    for number, proposal in enumerate(proposed, 1):
        question, category = clean(proposal["question"]), clean(proposal["type"]).upper()[:SHOWN]
        options = _options(proposal["options"]) if category == "MC" else ()
        skills = [named(skill, asked.abilities) for skill in proposal["abilities"]]
        reason, detail = _fault(question, category, options, skills, asked)
        if not reason and (first := usable.setdefault(_same(question), number)) != number:
            reason, detail = "question_repeated", f"repeats question {first}"
        value = {"category": category, "abilities": list(dict.fromkeys(skills))}
        kind = KINDS.get(category, "open")
        yield Child(question, kind, options, caption=asked.text, value=value, reason=reason, detail=detail)


def _fault(
    question: str, category: str, options: tuple[Option, ...], skills: Sequence[str], asked: _Asked
) -> tuple[str, str]:
    """(reason code, detail) of what makes a proposed question unusable, both empty for a good one."""
    texts = [option.text.casefold() for option in options]
    unknown = [skill for skill in skills if skill not in asked.abilities]
    too_few = asked.abilities[0] not in skills or len(set(skills)) <= asked.at_least
    known = category in asked.types and category in KINDS
    miscounted = category == "MC" and not 2 <= len(options) <= len(LETTERS)
    shown = "\n".join([question, *texts])
    bad = unexpected(shown, asked.text, max_foreign=asked.max_foreign, markup=asked.markup)
    faults: list[tuple[Any, str, str]] = [
        (not question, "question_empty", ""),
        (len(question) > LONGEST, "question_too_long", f"{len(question)} characters"),
        (not known, "question_type", f"{category!r} is none of {', '.join(asked.types)}"),
        (miscounted or "" in texts, "options_malformed", f"{len(options)} options"),
        (any(len(text) > LONGEST for text in texts), "options_malformed", f"one has over {LONGEST} characters"),
        (len(set(texts)) < len(texts), "options_duplicate", ""),
        (unknown, "ability_unknown", ", ".join(unknown)),
        (too_few, "abilities_missing", ", ".join(skills) or "none"),
        (bad, bad.reason if bad else "", bad.detail if bad else ""),
        (found := leaks(question), "leak_remains", "; ".join(found[:3])),
    ]
    return next(((reason, detail[:500]) for wrong, reason, detail in faults if wrong), ("", ""))


def clean(text: str) -> str:
    """The text without control characters, which neither a database nor a reader can do anything with."""
    return CONTROL.sub("", text).strip()


def _same(question: str) -> str:
    """What two wordings of one question share: its words, whatever their case, spaces and marks."""
    return " ".join(WORD.findall(question.casefold()))


def named(skill: str, abilities: Sequence[str]) -> str:
    """An ability by the name this recipe gives it, whatever its case and common spellings; else as the model said."""
    skill = clean(skill)[:SHOWN]
    plain = " ".join(skill.casefold().replace("_", " ").split())
    wanted = SPELLINGS.get(plain, plain).casefold()
    return next((ability for ability in abilities if ability.casefold() in (plain, wanted)), skill)


def _options(texts: Sequence[str]) -> tuple[Option, ...]:
    """Lettered options; a letter the model wrote itself is taken off. Those beyond J have none: they are too many."""
    plain = [clean(text) for text in texts]
    letters = list(LETTERS[: len(plain)]) + [""] * (len(plain) - len(LETTERS))
    if all(text[:1].upper() == letter and text[1:2] in (".", ")", ":") for text, letter in zip(plain, letters)):  # noqa: B905
        plain = [text[2:].strip() for text in plain]
    return tuple(Option(letter, text) for letter, text in zip(letters, plain, strict=True))
