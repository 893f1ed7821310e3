"""Drops samples whose text nearly repeats another's about the same picture: by shingles, or by meaning."""

from typing import Literal

from curation.dedup import find_all
from curation.dedup.corpus import Columns, Settings
from curation.dedup.embedders import LOCAL, text_embedder
from curation.dedup.likeness import Grey
from curation.dedup.meaning import THRESHOLD as COSINE
from curation.dedup.minhash import THRESHOLD
from curation.dedup.shingles import SHINGLE
from curation.records import Image, Json, Option
from curation.step import Drop, step
from curation.steps.split import rank


@step(scope="all")
def near_text(
    id: list[str],
    question: list[str],
    options: list[tuple[Option, ...]],
    context: list[str],
    image: list[Image | None],
    kept_before: list[bool],
    *,
    by: Literal["text", "semantic"] = "text",
    threshold: float = THRESHOLD,
    shingle: int = SHINGLE,
    cosine: float = COSINE,
    embedder: str = LOCAL,
    any_picture: bool = False,
    seed: int = 0,
) -> list[dict[str, Json] | Drop]:
    """{cluster} or the sample this one nearly repeats.

    `by` text compares word shingles (`curation.dedup.minhash`), semantic embeddings of `embedder`. Texts about
    different pictures are compared only with `any_picture`. Kept is a sample an earlier run kept, else the one with the
    lowest seeded hash, so the order of rows does not matter.
    """
    order = sorted(range(len(id)), key=lambda row: (not kept_before[row], rank(id[row], seed)))
    texts = [" ".join([question[i], *(option.text for option in options[i]), context[i]]) for i in order]
    rows = Columns(
        ids=[id[i] for i in order],
        pixels=[(shown.pixels if (shown := image[i]) else "") for i in order],
        phashes=[0] * len(order),
        questions=texts,
        texts=lambda: texts,
        grey=_no_grey,
        picture=_no_picture,
    )
    settings = Settings((by,), threshold, shingle, cosine, any_picture=any_picture)
    found = find_all(rows, settings, embed=text_embedder(embedder) if by == "semantic" else None)
    cluster = found.cluster().tolist()
    verdicts: list[dict[str, Json] | Drop] = [{}] * len(id)
    for at, row in enumerate(order):
        value: dict[str, Json] = {"cluster": rows.ids[cluster[at]]}
        if found.of[at] < 0:
            verdicts[row] = value
        else:
            of = rows.ids[found.of[at]]
            score = round(float(found.score[at]), 4)
            verdicts[row] = Drop(found.reason[at], f"repeats {of}", {**value, "of": of, "score": score})
    return verdicts


def _no_grey(row: int) -> Grey:
    raise AssertionError(f"texts are compared without pictures, but picture {row} was asked for")


def _no_picture(row: int) -> bytes:
    raise AssertionError(f"texts are compared without pictures, but picture {row} was asked for")
