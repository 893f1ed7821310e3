"""Steps for sources that bring worked solutions, as textbooks and drawn figures do: no model is asked for a trace."""

import re

from curation.answers import extract
from curation.records import Image, Json, Kind, Option
from curation.step import Drop, step
from curation.steps.distill import well_formed
from curation.steps.split import VERIFIER_TYPES, rank

_NUMBERED = re.compile(r"^\s*\d+[.)]\s+")


@step
async def distill(
    solution: str,
    question: str,
    text_question: str,
    kind: Kind,
    options: tuple[Option, ...],
    *,
    max_foreign: float = 0.1,
    markup: str = "drop",
) -> str | Drop:
    """The lines of the solution but the last as think block, what the last one concludes as the answer.

    The answer is read from the solution and not from the reference, so that verifying it afterwards says something.
    Numbers before the lines go, and the full stop after the answer.
    """
    lines = [_NUMBERED.sub("", line).strip() for line in solution.splitlines() if line.strip()]
    if len(lines) < 2:
        return Drop("trace_missing", "a worked solution has at least one line and a conclusion", solution)
    answer = extract(lines[-1], kind=kind, options=options)
    if answer is None:
        return Drop("answer_not_found", "the last line of the solution concludes nothing", solution)
    think = "\n".join(lines[:-1])
    text = f"<think>{think}</think>\n<answer>{answer.text.removesuffix('.')}</answer>"
    return well_formed(text, question + text_question, max_foreign=max_foreign, markup=markup)


@step(scope="all")
def split(
    id: list[str], image: list[Image | None], kind: list[str], *, sft_pictures: int = 200, seed: int = 0
) -> list[dict[str, Json]]:
    """{split, verifier_type}: `sft_pictures` pictures, lowest seeded hash first, teach by SFT, all others by RL."""
    names = [picture.pixels if picture else name for name, picture in zip(id, image, strict=True)]
    chosen = set(sorted(set(names), key=lambda name: rank(name, seed))[:sft_pictures])
    return [
        {"split": "sft" if name in chosen else "rl", "verifier_type": VERIFIER_TYPES[what]}
        for name, what in zip(names, kind, strict=True)
    ]
