"""Which rows repeat another: the same or nearly the same picture, or the same question about it.

Of every group of duplicates the row with the lowest rank is kept (ties: the lowest id), and every other row points to
it. Groups are connected by copies, so a chain A, B, C ends at one kept row. The result depends on ranks, ids and
contents only, never on the order of the rows.
"""

import re
import unicodedata
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from curation.dedup.groups import clusters
from curation.dedup.likeness import Grey
from curation.dedup.perceptual import near_images

MARKER = re.compile(r"<image\s*\d*>|<\|image\|>|<\|vision_start\|>|<\|vision_end\|>|<\|image_pad\|>", re.IGNORECASE)
Reason = Literal["exact_image", "exact_question", "near_image"]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Why a row repeats another: `of` is the id of the row kept, `cluster` names the group of pictures by its first
    row's id, `distance` is the Hamming distance between the two pictures' hashes.
    """

    reason: Reason
    of: str
    cluster: str
    distance: int


def normal_question(question: str) -> str:
    """A question without image markers, case, repeated spaces and closing punctuation: what "the same question"
    means.
    """
    text = unicodedata.normalize("NFKC", MARKER.sub(" ", question)).casefold()
    return " ".join(text.split()).rstrip(" ?.!:")


def exact_images(pixels: Sequence[str], rank: Sequence[Any]) -> list[int | None]:
    """For every row the row of lowest rank with the same decoded picture; None for that row itself."""
    return first_of(list(pixels), sorted(range(len(pixels)), key=lambda row: (rank[row], row)))


def exact_questions(pixels: Sequence[str], questions: Sequence[str], rank: Sequence[Any]) -> list[int | None]:
    """For every row the row of lowest rank with the same picture and normalised question; None for that row itself."""
    keys = [(pixel, normal_question(question)) for pixel, question in zip(pixels, questions, strict=True)]
    return first_of(keys, sorted(range(len(keys)), key=lambda row: (rank[row], row)))


def find_duplicates(
    ids: Sequence[str],
    pixels: Sequence[str],
    phashes: Sequence[int],
    questions: Sequence[str],
    rank: Sequence[Any],
    *,
    unique_image: bool,
    radius: int | None,
    grey: Callable[[int], Grey],
) -> list[Duplicate | None]:
    """For every row None (kept) or the duplicate it is.

    With `unique_image` one row a picture is kept; without it, only the same question about the same picture repeats.
    `radius` widens "the same picture" to near copies within that many bits of hash distance (None: pixels only).
    `grey(row)` gives the row's (SIDE, SIDE) grey picture, see `curation.dedup.likeness`. Rows whose `pixels` are ""
    have no picture: they repeat only by question. Raises `ConfigError` for a radius out of range.
    """
    order = sorted(range(len(ids)), key=lambda row: (rank[row], ids[row]))
    picture = picture_groups(pixels, phashes, order, radius, grey)
    asked = [normal_question(question) for question in questions]
    keys = [(picture[row], "" if unique_image and pixels[row] else asked[row]) for row in range(len(ids))]
    kept = first_of(keys, order)
    return [
        None if first is None else _duplicate(row, first, ids, pixels, phashes, asked, ids[picture[row]])
        for row, first in enumerate(kept)
    ]


def _duplicate(
    row: int,
    first: int,
    ids: Sequence[str],
    pixels: Sequence[str],
    phashes: Sequence[int],
    asked: Sequence[str],
    cluster: str,
) -> Duplicate:
    reason: Reason = "near_image"
    if pixels[row] == pixels[first]:
        reason = "exact_question" if asked[row] == asked[first] else "exact_image"
    return Duplicate(reason, ids[first], cluster, (phashes[row] ^ phashes[first]).bit_count())


def first_of(keys: Sequence[Hashable], order: Sequence[int]) -> list[int | None]:
    """For every row the first row in `order` with its key; None for that first row."""
    first: dict[Hashable, int] = {}
    for row in order:
        first.setdefault(keys[row], row)
    return [None if first[key] == row else first[key] for row, key in enumerate(keys)]


def picture_groups(
    pixels: Sequence[str],
    phashes: Sequence[int],
    order: Sequence[int],
    radius: int | None,
    grey: Callable[[int], Grey],
) -> list[int]:
    """For every row the first row, in `order` (of rank), that shows its picture or, with a radius, a near copy of it.

    Rows whose `pixels` are "" have no picture and form one group.
    """
    first: dict[str, int] = {}
    for row in order:
        first.setdefault(pixels[row], row)
    shown = [row for pixel, row in first.items() if pixel]
    labels = list(range(len(shown)))
    if radius is not None:
        hashes = np.array([phashes[row] for row in shown], dtype=np.uint64)
        pairs = near_images(hashes, lambda place: grey(shown[place]), radius=radius)
        labels = clusters(len(shown), pairs).tolist()
    group = {pixels[row]: shown[label] for row, label in zip(shown, labels, strict=True)}
    return [group[pixel] if pixel else first[""] for pixel in pixels]
