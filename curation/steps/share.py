"""A split by picture: all questions made of one picture go to the same side, so parents and images stay apart."""

from curation.records import Image, Json
from curation.step import step
from curation.steps.split import VERIFIER_TYPES, rank


@step(scope="all")
def split(
    id: list[str],
    image: list[Image | None],
    settle: list[dict[str, Json]],
    route: list[dict[str, Json]],
    *,
    sft_share: float = 0.0,
    seed: int = 0,
) -> list[dict[str, Json]]:
    """{split, verifier_type, reward}: `sft_share` (0 to 1) of the pictures, by seeded hash, teach by SFT, others by RL.

    WeThink publishes one set and finds direct RL better than SFT before it, so the default gives all to RL.
    """
    names = [picture.pixels if picture else name for name, picture in zip(id, image, strict=True)]
    sides = {name: "sft" if int.from_bytes(rank(name, seed)[:8], "big") < sft_share * 2**64 else "rl" for name in names}
    return [
        {"split": sides[name], "verifier_type": VERIFIER_TYPES[answer["kind"]], "reward": reward["reward"]}
        for name, answer, reward in zip(names, settle, route, strict=True)
    ]
