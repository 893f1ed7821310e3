"""Step 3 of WeThink: questions that need Reasoning and another ability, made from the description, many a picture.

Row → many rows: every question the model proposes becomes a row, and one that cannot be used keeps its reason.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field, create_model

from curation.prompts import PromptSet, prompts
from curation.records import Image, Json, Kind, Option
from curation.step import Child, Drop, step
from curation.steps.leaks import leaks
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


@cache
def proposals(types: tuple[str, ...], abilities: tuple[str, ...], most: int) -> type[BaseModel]:
    """The shape of a reply: {questions: [{question, type, options, abilities}]}, at most `most` of them.

    The schema names the types and abilities, for endpoints that hold to it; the check of a reply does not, so that one
    bad question does not cost the others.
    """
    proposal = create_model(
        "Proposal",
        question=(str, ...),
        type=(_one_of(types), ...),
        options=(list[str], Field(default=[], max_length=len(LETTERS))),
        abilities=(list[_one_of(abilities)], Field(default=[], max_length=8)),  # type: ignore[misc]
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
    return list(_children(proposed, columns["text"], types, (reasoning, *abilities), at_least))


def _children(
    proposed: Sequence[dict[str, Any]], text: str, types: tuple[str, ...], abilities: tuple[str, ...], at_least: int
) -> Iterator[Child]:
    asked: list[str] = []
    for proposal in proposed:
        question, category = proposal["question"].strip(), proposal["type"].strip().upper()
        options = _options(proposal["options"]) if category == "MC" else ()
        skills = [named(skill, abilities) for skill in proposal["abilities"]]
        reason, detail = fault(question, category, options, skills, types, abilities, at_least)
        if not reason and question.casefold() in asked:
            reason, detail = "question_repeated", f"repeats question {asked.index(question.casefold()) + 1}"
        asked.append(question.casefold())
        value = {"category": category, "abilities": sorted(set(skills), key=skills.index)}
        kind = KINDS.get(category, "open")
        yield Child(question, kind, options, caption=text, value=value, reason=reason, detail=detail)


def fault(
    question: str,
    category: str,
    options: tuple[Option, ...],
    skills: Sequence[str],
    types: tuple[str, ...],
    abilities: tuple[str, ...],
    at_least: int,
) -> tuple[str, str]:
    """(reason code, detail) of what makes a proposed question unusable, both empty for a good one.

    `abilities` has Reasoning's name first.
    """
    texts = [option.text.casefold() for option in options]
    unknown = [skill for skill in skills if skill not in abilities]
    faults: list[tuple[Any, str, str]] = [
        (not question, "question_empty", ""),
        (len(question) > LONGEST, "question_too_long", f"{len(question)} characters"),
        (category not in types or category not in KINDS, "question_type", f"{category!r} is none of {types}"),
        (category == "MC" and (len(options) < 2 or "" in texts), "options_malformed", f"{len(options)} options"),
        (len(set(texts)) < len(texts), "options_duplicate", ""),
        (unknown, "ability_unknown", ", ".join(unknown)),
        (abilities[0] not in skills or len(set(skills)) <= at_least, "abilities_missing", ", ".join(skills) or "none"),
        (found := leaks(question), "leak_remains", "; ".join(found[:3])),
    ]
    return next(((reason, detail[:500]) for wrong, reason, detail in faults if wrong), ("", ""))


def named(skill: str, abilities: Sequence[str]) -> str:
    """An ability by the name this recipe gives it, whatever its case and common spellings; else as the model said."""
    plain = " ".join(skill.casefold().replace("_", " ").split())
    wanted = SPELLINGS.get(plain, plain).casefold()
    return next((ability for ability in abilities if ability.casefold() in (plain, wanted)), skill.strip())


def _options(texts: Sequence[str]) -> tuple[Option, ...]:
    """Lettered options; a letter the model wrote itself is taken off."""
    plain = [text.strip() for text in texts]
    if all(text[:1].upper() == letter and text[1:2] in (".", ")", ":") for text, letter in zip(plain, LETTERS)):  # noqa: B905
        plain = [text[2:].strip() for text in plain]
    return tuple(Option(letter, text) for letter, text in zip(LETTERS, plain, strict=False))
