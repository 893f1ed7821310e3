"""Duplicates are removed before any model call: the picture and the question decide, so no call needs to be paid
first.
"""

from curation.dedup.find import find_duplicates
from curation.dedup.likeness import SIDE, Grey
from curation.dedup.perceptual import RADIUS
from curation.errors import SampleError
from curation.pictures import grey as grey_picture
from curation.records import Image, Json
from curation.step import Drop, Pictures, step
from curation.steps.split import rank


@step(scope="all")
def dedup(
    id: list[str],
    question: list[str],
    image: list[Image | None],
    kept_before: list[bool],
    *,
    pictures: Pictures,
    unique_image: bool = True,
    near_images: bool = True,
    radius: int = RADIUS,
    seed: int = 0,
) -> list[dict[str, Json] | Drop]:
    """{cluster} or the sample this one repeats.

    `unique_image` keeps one question per picture (VLAA-Thinking §3.1, "unique images"); otherwise only the same
    question
    about the same picture is a duplicate. `near_images` also joins pictures whose perceptual hashes differ in at most
    `radius` of 64 bits and that agree on a small grey copy. Kept is a sample an earlier run kept, else the one with the
    lowest seeded hash, so the order of rows does not matter.
    """
    shown = [i for i, picture in enumerate(image) if picture is not None]
    ranks = [(not kept_before[i], rank(id[i], seed)) for i in shown]
    found = find_duplicates(
        [id[i] for i in shown],
        [picture.pixels for i in shown if (picture := image[i])],
        [picture.phash for i in shown if (picture := image[i])],
        [question[i] for i in shown],
        ranks,
        unique_image=unique_image,
        radius=radius if near_images else None,
        grey=lambda at: _grey(image[shown[at]], pictures),
    )
    verdicts: list[dict[str, Json] | Drop] = [{"cluster": name} for name in id]
    for i, duplicate in zip(shown, found, strict=True):
        if duplicate is not None:
            verdicts[i] = Drop(
                duplicate.reason,
                f"repeats {duplicate.of}",
                {"cluster": duplicate.cluster, "of": duplicate.of},
            )
    return verdicts


def _grey(picture: Image | None, pictures: Pictures) -> Grey:
    """The small grey copy for the second look, shape (SIDE, SIDE)."""
    if picture is None:
        raise SampleError("image_missing")
    return grey_picture(pictures(picture), SIDE)
