"""Rewards that ask a model: what a judge and a scorer are, how they are asked, and a judge over any teacher.

Whatever a judge raises belongs to the one completion it was asked about: that completion is not scored, with the
reason and the error's words, and training goes on. TRL waits for an asynchronous reward without a limit, so the limit
is set here.
"""

import asyncio
import math
from collections.abc import Awaitable, Sequence
from typing import Annotated, Protocol

from pydantic import AfterValidator

from curation.errors import SampleError, VistillError
from curation.prompts import PromptSet, prompts
from curation.steps.replies import text_of
from curation.teachers.protocol import Teacher

TIERS = (0.0, 0.5, 1.0)
"""WeThink's judge gives discrete tiers whose values are not published: reconstructed."""
SECONDS = 120.0
"""How long one judge or scorer may take, in seconds; ours."""


def _ordered(tiers: tuple[float, ...]) -> tuple[float, ...]:
    if len(tiers) < 2 or list(tiers) != sorted(set(tiers)) or not all(0 <= tier <= 1 for tier in tiers):
        raise ValueError("at least two tiers from 0 to 1, rising")
    return tiers


Tiers = Annotated[tuple[float, ...], AfterValidator(_ordered)]


class Judge(Protocol):
    """How well an answer agrees with the reference, 0 to 1. Raises when it cannot say (`SampleError` with a reason)."""

    async def __call__(self, *, question: str, reference: str, answer: str) -> float: ...


class Scorer(Protocol):
    """A reward model: how good an answer to a question about an image is, on any scale. Raises when it cannot say.

    VLAA-Thinking uses InternLM-XComposer2.5-Reward. `image` is whatever the row holds under that name.
    """

    async def __call__(self, *, question: str, image: object, answer: str) -> float: ...


async def asked(call: Awaitable[float], *, seconds: float, missing: str) -> tuple[float | None, str, str]:
    """(value, reason, detail): None with a reason when the model failed, was late or gave no finite number.

    `RunStopped` and the like pass: then every call would fail.
    """
    try:
        value = float(await asyncio.wait_for(call, seconds))
    except SampleError as error:
        return None, error.reason, str(error)
    except VistillError:
        raise
    except TimeoutError:
        return None, missing, f"no reply in {seconds:g} s"
    except Exception as error:  # noqa: BLE001 the boundary: whatever a judge raises belongs to its completion
        return None, missing, f"{type(error).__name__}: {error}"
    return (value, "judged", "") if math.isfinite(value) else (None, missing, f"not a finite number: {value}")


def tier_of(reply: str, tiers: Sequence[float] = TIERS) -> float:
    """The tier a judge's reply is: one number that is a tier, and nothing else but dress.

    Raises `SampleError("judge_unclear")` for anything else; a sentence that holds a number is not a tier.
    """
    bare = reply.strip().strip(".!*\"'`[]() \n")
    try:
        value = float(bare)
    except ValueError:
        value = math.nan
    if value not in tiers:
        raise SampleError("judge_unclear", f"expected one of {', '.join(f'{tier:g}' for tier in tiers)}", reply[:500])
    return value


def teacher_judge(
    teacher: Teacher,
    *,
    tiers: Sequence[float] = TIERS,
    prompt: PromptSet = prompts("rewards/tiers", role="judge", extra=("reference", "answer", "tiers")),
) -> Judge:
    """A judge that asks a teacher for one of `tiers`; the answer is data to it, whatever instructions it holds."""

    async def judge(*, question: str, reference: str, answer: str) -> float:
        slots = {"question": question, "reference": reference, "answer": answer}
        slots["tiers"] = ", ".join(f"{tier:g}" for tier in tiers)
        filled = prompt.suited(teacher.prompts)
        return tier_of(text_of(await teacher.ask(filled.fill(slots), sampling=filled.sampling)), tiers)

    return judge
