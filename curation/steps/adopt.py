"""Steps that take over what a published corpus already has, and write the columns that distilling would.

A step is named by the column it writes, so an imported trace stands in `corpus`, in the page and in every query just
where a distilled one does. No model is asked, but for a judge where one is given.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Literal

from curation.answers import parse
from curation.prompts import PromptSet, prompts
from curation.records import Image, Json, Kind, Option, Verdict
from curation.step import Drop, step
from curation.steps.distill import well_formed
from curation.steps.leaks import leaks
from curation.steps.split import NO_QUOTAS
from curation.steps.split import split as placed
from curation.steps.verify import verify as compared
from curation.teachers.protocol import Teacher


@step
async def caption(given_caption: str | None) -> str:
    """The published caption, empty where there is none."""
    return given_caption or ""


@step
async def distill(
    solution: str,
    question: str,
    text_question: str,
    *,
    max_foreign: float = 0.1,
    markup: str = "drop",
    untraced: Literal["keep", "drop"] = "drop",
) -> str | Drop:
    """The published trace, held to the same format as a distilled one; a row without one is dropped or kept empty."""
    if not solution.strip():
        return "" if untraced == "keep" else Drop("trace_missing")
    return well_formed(solution, question + text_question, max_foreign=max_foreign, markup=markup)


@step
async def rewrite(
    distill: str, question: str, *, remaining_leaks: Literal["keep", "drop"] = "keep"
) -> dict[str, Json] | Drop:
    """{text, asked, leaks, word_gap, diff} of an untouched trace; the phrases that give a description away are told."""
    found = leaks(distill, question)
    value: dict[str, Json] = {"text": distill, "asked": False, "leaks": found, "word_gap": 0, "diff": []}
    if found and remaining_leaks == "drop":
        return Drop("leak_remains", "; ".join(found[:5]), value)
    return value


@step
async def verify(
    rewrite: dict[str, Json],
    reference: str | None,
    kind: Kind,
    options: tuple[Option, ...],
    question: str,
    meta: dict[str, Json],
    *,
    judge: Teacher | None,
    prompt: PromptSet = prompts("vlaa_thinking/verify", role="judge", extra=("answer",)),
    by: Literal["rule_first", "judge"] = "rule_first",
    own_reference: Literal["keep", "drop"] = "keep",
) -> dict[str, Json] | Drop:
    """The `Verdict` as a dict: rules first, then the judge, as `curation.steps.verify` does.

    A reference that was read from the trace itself (`meta.reference_from`) would agree with it whatever it says. Such a
    row is never called right: its verdict is undecided, and `own_reference` says whether it is kept. So is that of a
    row without a trace.
    """
    if not rewrite["text"]:
        return asdict(Verdict(None, "", kind, "trace_missing"))
    if meta.get("reference_from") != "trace":
        found: dict[str, Json] | Drop = await compared.using(by=by, prompt=prompt)(
            rewrite, reference, kind, options, question, judge=judge
        )
        return found
    verdict = asdict(Verdict(None, parse(str(rewrite["text"])).answer, kind, "reference_from_trace"))
    return verdict if own_reference == "keep" else Drop("reference_from_trace", "", verdict)


@step(scope="all")
def split(
    id: list[str],
    source: list[str],
    image: list[Image | None],
    kind: list[str],
    cues: list[dict[str, Json]],
    rewrite: list[dict[str, Json]],
    *,
    rl_quotas: Mapping[str, int] = NO_QUOTAS,
    sft_quotas: Mapping[str, int] = NO_QUOTAS,
    rl_only: tuple[str, ...] = (),
    open_reward_sources: tuple[str, ...] = (),
    seed: int = 0,
) -> list[dict[str, Json] | Drop]:
    """What `curation.steps.split` says, but that a row without a trace can teach by RL only."""
    reflects = [one if text["text"] else {**one, "reflective": True} for one, text in zip(cues, rewrite, strict=True)]
    chosen = placed.using(
        rl_quotas=rl_quotas, sft_quotas=sft_quotas, rl_only=rl_only, open_reward_sources=open_reward_sources, seed=seed
    )
    found: list[dict[str, Json] | Drop] = chosen(id, source, image, kind, reflects)
    return found
