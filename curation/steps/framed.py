"""Drops samples whose picture is another's in a border or with a little cut off; `dedup` goes before it.

A step of its own and no setting of `dedup`: it decodes every picture, and nobody who does without it should pay or see
the outcomes of `dedup` change.
"""

from curation.dedup.find import first_of, normal_question
from curation.dedup.framed import framed_copies
from curation.dedup.groups import clusters
from curation.dedup.likeness import SIDE, Grey
from curation.errors import SampleError
from curation.pictures import grey as grey_picture
from curation.records import Image, Json
from curation.step import Drop, Pictures, step
from curation.steps.split import rank


@step(scope="all")
def framed(
    id: list[str],
    question: list[str],
    image: list[Image | None],
    kept_before: list[bool],
    *,
    pictures: Pictures,
    unique_image: bool = True,
    seed: int = 0,
) -> list[dict[str, Json] | Drop]:
    """{cluster} or the sample whose picture this one shows in another frame (`curation.dedup.framed`).

    `unique_image` keeps one question per picture; otherwise only the same question about it repeats. Kept is a sample
    an earlier run kept, else the one with the lowest seeded hash, as in `dedup`. A picture that is lost or damaged
    resembles none.
    """
    order = sorted(range(len(id)), key=lambda row: (not kept_before[row], rank(id[row], seed)))
    pixels = [picture.pixels if picture else "" for picture in image]
    shown = list({pixels[row]: row for row in reversed(order) if pixels[row]}.values())
    pairs = framed_copies(len(shown), lambda at: _grey(image[shown[at]], pictures), range(len(shown)))
    group = {pixels[row]: label for row, label in zip(shown, clusters(len(shown), pairs).tolist(), strict=True)}
    asked = [normal_question(text) for text in question]
    keys = [
        (group[pixel], "" if unique_image else asked[row]) if pixel else (-1, id[row])
        for row, pixel in enumerate(pixels)
    ]
    verdicts: list[dict[str, Json] | Drop] = [{"cluster": name} for name in id]
    for row, first in enumerate(first_of(keys, order)):
        if first is not None:
            reason = "near_image"
            if pixels[row] == pixels[first]:
                reason = "exact_question" if asked[row] == asked[first] else "exact_image"
            verdicts[row] = Drop(reason, f"repeats {id[first]}", {"cluster": id[first], "of": id[first]})
    return verdicts


def _grey(picture: Image | None, pictures: Pictures) -> Grey:
    if picture is None:
        raise SampleError("image_missing")
    return grey_picture(pictures(picture), SIDE)
