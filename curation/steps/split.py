"""Step 6 of VLAA-Thinking: verified samples without reflection teach by SFT, those with it by RL; never both."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType

from curation.records import Image, Json
from curation.step import Drop, step

NO_QUOTAS: Mapping[str, int] = MappingProxyType({})
VERIFIER_TYPES = {
    "digit": "digit",
    "number": "math",
    "math": "math",
    "mcq": "mcq",
    "box": "iou",
    "text": "general",
    "open": "general",
}
"""Kind of answer to the reward family of arXiv 2504.11468 §4; the published strings are unknown (corpora.md §1.7)."""


@step(scope="all")
def split(
    id: list[str],
    source: list[str],
    image: list[Image | None],
    kind: list[str],
    cues: list[dict[str, Json]],
    *,
    rl_quotas: Mapping[str, int] = NO_QUOTAS,
    sft_quotas: Mapping[str, int] = NO_QUOTAS,
    rl_only: tuple[str, ...] = (),
    open_reward_sources: tuple[str, ...] = (),
    seed: int = 0,
) -> list[dict[str, Json] | Drop]:
    """{split, verifier_type} or why the sample is in no split (arXiv 2504.11468 §3.2 and Appendix A.2).

    Quotas hold per source, `*` for every source without its own; inside one the choice is uniform by seeded hash (not
    published). Splits are disjoint by sample and by image: an image's samples all go where the one with the lowest
    hash goes.
    """
    wanted = [
        "rl" if reflects["reflective"] or name in rl_only else "sft"
        for reflects, name in zip(cues, source, strict=True)
    ]
    refused = assigned(id, source, image, wanted, {"rl": rl_quotas, "sft": sft_quotas}, seed)
    return [
        refused[i]
        or {
            "split": wanted[i],
            "verifier_type": "general" if source[i] in open_reward_sources else VERIFIER_TYPES[kind[i]],
        }
        for i in range(len(id))
    ]


def assigned(
    id: Sequence[str],
    source: Sequence[str],
    image: Sequence[Image | None],
    wanted: Sequence[str],
    quotas: Mapping[str, Mapping[str, int]],
    seed: int,
) -> list[Drop | None]:
    """Why each sample cannot go to the split it is `wanted` for, or None: its quota is full, or its image is elsewhere.

    `quotas` is split to source to number. Samples are placed by seeded hash, so the order of rows does not matter.
    """
    refused: list[Drop | None] = [None] * len(id)
    split_of_image: dict[str, str] = {}
    filled: defaultdict[tuple[str, str], int] = defaultdict(int)
    for i in sorted(range(len(id)), key=lambda i: rank(id[i], seed)):
        name, picture = wanted[i], image[i]
        quota = quotas[name].get(source[i], quotas[name].get("*"))
        if quota is not None and filled[name, source[i]] >= quota:
            refused[i] = Drop("over_quota", f"{name} quota of {source[i]} is {quota}")
        elif picture and split_of_image.setdefault(picture.pixels, name) != name:
            where = split_of_image[picture.pixels]
            refused[i] = Drop("image_in_other_split", f"image {picture.sha256[:12]} is in {where}")
        else:
            filled[name, source[i]] += 1
    return refused


def rank(id: str, seed: int) -> bytes:
    """A seeded, order-free place for a sample: lower goes first."""
    return blake2b(f"{seed}\0{id}".encode(), digest_size=16).digest()
