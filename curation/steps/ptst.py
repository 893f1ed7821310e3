"""The split of Vision-R1: a cold-start set that teaches the form, and an RL set ready for training in stages of length.

Progressive thinking suppression training (PTST, arXiv 2503.06749) caps completions at 4K tokens first and lets them
grow; the stages themselves belong to the trainer. Here every RL row gets the first stage its verified trace fits into.
"""

from collections.abc import Mapping, Sequence

from curation.records import Image, Json, Kind
from curation.step import Drop, step
from curation.steps.split import VERIFIER_TYPES, assigned, rank

STAGE_TOKENS = (4096, 8192, 16384)
"""Longest completion of each stage, in tokens (specs/corpora.md §2.8); the third is optional and brought no gain."""
RULE_KINDS: tuple[Kind, ...] = ("digit", "number", "math", "mcq")
"""Kinds whose answers a rule can check alone: HFRRF rewards only what is right by rule."""
RL_SOURCES = ("we_math", "mathvision", "polymath", "scemqa", "geometry3k")
"""The sources of the published RL set; they are in no cold set of ours."""
TOKENS_A_WORD = 4 / 3


@step(scope="all")
def split(
    id: list[str],
    source: list[str],
    image: list[Image | None],
    kind: list[Kind],
    cues: list[dict[str, Json]],
    *,
    rl_sources: tuple[str, ...] = RL_SOURCES,
    rl_share: float = 0.05,
    rl_rows: int | None = 10_000,
    rule_kinds: tuple[str, ...] = RULE_KINDS,
    stage_tokens: tuple[int, ...] = STAGE_TOKENS,
    seed: int = 0,
) -> list[dict[str, Json] | Drop]:
    """{split, verifier_type, stage, trace_tokens}: `sft` is the cold start, `rl` the RL set; no image is in both.

    Rows of `rl_sources` go to RL alone. Of the pictures of other sources, the share `rl_share` (0 to 1, by seeded hash
    of the picture) goes to RL where a rule can check the answer; the published ratio is 10K to 200K, and how its rows
    were chosen is not published. `trace_tokens` is estimated at 4 tokens to 3 words; `stage` counts from 1, and is None
    for a trace longer than the last stage allows and for `sft`.
    """
    wanted = [
        "rl" if name in rl_sources or (k in rule_kinds and share(_picture(i, p), seed) < rl_share) else "sft"
        for i, name, p, k in zip(id, source, image, kind, strict=True)
    ]
    quotas: Mapping[str, Mapping[str, int]] = {"sft": {}, "rl": {} if rl_rows is None else {"all": rl_rows}}
    refused = assigned(id, ["all"] * len(id), image, wanted, quotas, seed)
    verdicts: list[dict[str, Json] | Drop] = []
    for i, (name, k, found) in enumerate(zip(wanted, kind, cues, strict=True)):
        tokens = round(int(found["words"]) * TOKENS_A_WORD)
        if name == "rl" and k not in rule_kinds:
            verdicts.append(Drop("not_chosen", f"an RL source, and no rule checks answers of kind {k}"))
        else:
            place = {"split": name, "verifier_type": VERIFIER_TYPES[k], "trace_tokens": tokens}
            verdicts.append(refused[i] or {**place, "stage": stage_of(tokens, stage_tokens) if name == "rl" else None})
    return verdicts


def stage_of(tokens: int, stage_tokens: Sequence[int]) -> int | None:
    """The first stage, counted from 1, whose completions may be this long; None when there is none."""
    return next((number for number, most in enumerate(stage_tokens, 1) if tokens <= most), None)


def share(name: str, seed: int) -> float:
    """A seeded number in [0, 1) that the name decides."""
    return int.from_bytes(rank(name, seed)[:8], "big") / 2**64


def _picture(id: str, image: Image | None) -> str:
    return image.pixels if image else id
