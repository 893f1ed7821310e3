"""Step 6 of WeThink: what two teachers agree on stands; about the rest a third one decides, or the question goes."""

from hashlib import blake2b
from typing import Literal

from pydantic import BaseModel

from curation.prompts import PromptSet, prompts
from curation.records import Image, Json, Option
from curation.step import Drop, step
from curation.steps.distill import lettered
from curation.teachers.protocol import Teacher
from curation.teachers.structured import ask_as


class Ruling(BaseModel):
    """Which answer is right."""

    why: str
    right: Literal["A", "B", "both", "neither"]


@step
async def settle(
    id: str,
    agree: dict[str, Json],
    question: str,
    options: tuple[Option, ...],
    image: Image,
    *,
    adjudicator: Teacher | None,
    prompt: PromptSet = prompts("wethink/adjudicate", role="adjudicator", extra=("answer_a", "answer_b")),
    no_adjudicator: Literal["drop", "keep_text", "keep_image"] = "drop",
    shuffle: bool = True,
) -> dict[str, Json] | Drop:
    """{extracted: the final answer, by, chosen, correct, kind, reason, source} (step 6; the model is a Gemini).

    The third teacher sees the picture where it can see. `shuffle` shows the reasoner's answer as A or as B by the
    sample's hash, so that a liking for A favours nobody. `both` keeps the reasoner's words. Without an adjudicator a
    disagreement drops the question, unless `no_adjudicator` trusts one side.
    """
    if agree["correct"]:
        return _final(agree, "text", by="agreement", reason=str(agree["reason"]), source=str(agree["source"]))
    if adjudicator is None:
        if no_adjudicator == "drop":
            return Drop("answers_disagree", _both(agree), dict(agree))
        side = no_adjudicator.removeprefix("keep_")
        return _final(agree, side, by=no_adjudicator, reason="trusted", source="rule")
    first, second = ("image", "text") if shuffle and _odd(id) else ("text", "image")
    columns = {
        "question": question, "options": lettered(options),
        "answer_a": str(agree[first]), "answer_b": str(agree[second]),
    }  # fmt: skip
    shown = (image,) if adjudicator.sees else ()
    ruling, _ = await ask_as(adjudicator, Ruling, prompt.fill(columns, images=shown), sampling=prompt.sampling)
    side = {"A": first, "B": second, "both": "text", "neither": "neither"}[ruling.right]
    said = {"ruling": "both" if ruling.right == "both" else side, "why": ruling.why, "saw_image": bool(shown)}
    if side == "neither":
        return Drop("adjudged_wrong", _both(agree), {**agree, **said})
    return _final(agree, side, by="adjudication", reason="adjudged", source="judge") | said


def _final(agree: dict[str, Json], side: str, *, by: str, reason: str, source: str) -> dict[str, Json]:
    return {
        "extracted": agree[side], "by": by, "chosen": side, "correct": True, "kind": agree["kind"], "reason": reason,
        "source": source,
    }  # fmt: skip


def _both(agree: dict[str, Json]) -> str:
    return f"from the words {str(agree['text'])[:200]!r}, from the picture {str(agree['image'])[:200]!r}"


def _odd(id: str) -> bool:
    return bool(blake2b(id.encode(), digest_size=1).digest()[0] & 1)
