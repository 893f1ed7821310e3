"""Every kind of duplicate of a corpus in one pass: exact, near pictures, other frames, near texts, near meanings.

One method after the other looks at what those before it left, so every row removed is removed once, by the cheapest
method that finds it. Which row stays is the caller's order, best first; `rank_of` is the house rule. Texts are compared
among rows about the same picture only (near copies count as the same when a method for them is on), since one
template asked of a thousand charts is no repetition; `any_picture` lifts that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from curation.dedup import meaning, minhash
from curation.dedup.embedders import EmbedPictures, EmbedTexts, readable
from curation.dedup.find import first_of, normal_question, picture_groups
from curation.dedup.framed import framed_copies
from curation.dedup.groups import clusters
from curation.dedup.likeness import Grey
from curation.dedup.perceptual import RADIUS
from curation.dedup.shingles import SHINGLE
from curation.errors import ConfigError

Method = Literal["exact", "perceptual", "framed", "text", "semantic"]
METHODS: tuple[Method, ...] = ("exact", "perceptual", "framed", "text", "semantic")
LOOK_THRESHOLD = 0.97  # cosine of two pictures' embeddings; a choice of ours, no paper's


@dataclass(frozen=True, slots=True)
class Settings:
    """What counts as a repetition. `threshold` is of texts (Jaccard), `cosine` of meanings, `look` of pictures."""

    methods: tuple[Method, ...] = ("exact", "perceptual", "text")
    threshold: float = minhash.THRESHOLD
    shingle: int = SHINGLE
    cosine: float = meaning.THRESHOLD
    look: float = LOOK_THRESHOLD
    radius: int = RADIUS
    any_picture: bool = False

    def checked(self) -> "Settings":
        """Itself with the methods in order; ConfigError for a word that is no method or a threshold out of range."""
        unknown = [name for name in self.methods if name not in METHODS]
        if unknown or not self.methods:
            raise ConfigError("--by", ",".join(self.methods), f"one or more of {', '.join(METHODS)}")
        minhash.banding(self.threshold)
        for name, value in (("cosine", self.cosine), ("look", self.look)):
            if not 0 < value <= 1:
                raise ConfigError(name, value, "above 0 and at most 1")
        return replace(self, methods=tuple(name for name in METHODS if name in self.methods))


@dataclass(frozen=True, slots=True)
class Columns:
    """The rows, best first: ids, decoded-picture hashes ("" without a picture), perceptual hashes, what is asked.

    `texts()` gives the text of every row, in order, to be read once; `grey(row)` a picture for comparing;
    `picture(row)` its file.
    """

    ids: Sequence[str]
    pixels: Sequence[str]
    phashes: Sequence[int]
    questions: Sequence[str]
    texts: Callable[[], Iterable[str]]
    grey: Callable[[int], Grey]
    picture: Callable[[int], bytes]


@dataclass(slots=True)
class Found:
    """For each row the row it repeats (`of`, -1 when kept), by which reason, found by which method and how alike; and
    what was refused.
    """

    of: NDArray[np.int64]
    reason: list[str]
    score: NDArray[np.float64]
    method: list[Method | None]
    counts: dict[str, int] = field(default_factory=dict)
    notes: dict[str, object] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def left(self) -> NDArray[np.bool_]:
        """Which rows nothing has removed."""
        return self.of < 0

    def remove(self, rows: Iterable[int], of: Iterable[int], score: Iterable[float], reason: str) -> None:
        """Note that these rows repeat those."""
        for row, kept, alike in zip(rows, of, score, strict=True):
            self.of[row], self.score[row], self.reason[row] = kept, alike, reason
            self.counts[reason] = self.counts.get(reason, 0) + 1

    def cluster(self) -> NDArray[np.int64]:
        """For each row the row that stays of its cluster, at the end of the chain of `of`."""
        last = np.where(self.left, np.arange(len(self.of)), self.of)
        while not np.array_equal(last, last[last]):
            last = last[last]
        return last


def rank_of(verified: Sequence[bool], length: Sequence[int], ids: Sequence[str]) -> list[int]:
    """Positions best first: verified before not, then the longer trace, then the lower id."""
    return sorted(range(len(ids)), key=lambda row: (not verified[row], -length[row], ids[row]))


def find_all(
    rows: Columns,
    settings: Settings,
    *,
    embed: EmbedTexts | None = None,
    embed_pictures: EmbedPictures | None = None,
) -> Found:
    """Apply the methods in order. `embed` is needed for `semantic`; with `embed_pictures` it looks at pictures too."""
    settings = settings.checked()
    n = len(rows.ids)
    found = Found(np.full(n, -1), [""] * n, np.ones(n), [None] * n)
    asked = [normal_question(question) for question in rows.questions]
    order = range(n)
    pictures = picture_groups(rows.pixels, rows.phashes, order, None, rows.grey)
    for method in settings.methods:
        before = found.left
        if method == "exact":
            _same_question(found, rows, pictures, asked, "exact_question")
        elif method == "perceptual":
            pictures = picture_groups(rows.pixels, rows.phashes, order, settings.radius, rows.grey)
            _same_question(found, rows, pictures, asked, "near_image")
        elif method == "framed":
            pictures = _framed(rows, pictures)
            _same_question(found, rows, pictures, asked, "near_image")
        elif method == "text":
            _near_texts(found, rows, None if settings.any_picture else pictures, settings)
        elif embed is None:
            raise ConfigError("--by", "semantic", "needs an embedder")
        else:
            if embed_pictures is not None:
                pictures = _looks(found, rows, pictures, settings, embed_pictures)
                _same_question(found, rows, pictures, asked, "near_look")
            _near_meanings(found, rows, None if settings.any_picture else pictures, settings, embed)
        for at in np.flatnonzero(before & ~found.left).tolist():
            found.method[at] = method
    return found


def _same_question(found: Found, rows: Columns, pictures: Sequence[int], asked: Sequence[str], reason: str) -> None:
    """Rows that ask the same about the same picture; without a question there is nothing to repeat but the picture."""
    left = np.flatnonzero(found.left).tolist()
    keys = [(pictures[row], asked[row]) if rows.pixels[row] or asked[row] else (-1, row) for row in left]
    firsts = first_of(keys, range(len(keys)))
    again = [(left[at], left[first]) for at, first in enumerate(firsts) if first is not None]
    bits = [(rows.phashes[row] ^ rows.phashes[of]).bit_count() for row, of in again]
    found.remove([row for row, _ in again], [of for _, of in again], [1 - bit / 64 for bit in bits], reason)


def _framed(rows: Columns, pictures: Sequence[int]) -> list[int]:
    """The groups of pictures, joined where one is another in a border or a little cut off."""
    shown = sorted({group for row, group in enumerate(pictures) if rows.pixels[row]})
    pairs = framed_copies(len(shown), lambda at: rows.grey(shown[at]), range(len(shown)))
    joined = {shown[at]: shown[label] for at, label in enumerate(clusters(len(shown), pairs).tolist())}
    return [joined.get(group, group) for group in pictures]


def _left_texts(found: Found, rows: Columns) -> Iterator[str]:
    return compress(rows.texts(), found.left.tolist())


def _near_texts(found: Found, rows: Columns, pictures: Sequence[int] | None, settings: Settings) -> None:
    left = np.flatnonzero(found.left)
    groups = None if pictures is None else [pictures[row] for row in left.tolist()]
    stars = minhash.near_texts(
        _left_texts(found, rows), threshold=settings.threshold, shingle=settings.shingle, groups=groups
    )
    gone = stars.removed
    found.remove(left[gone].tolist(), left[stars.kept[gone]].tolist(), stars.score[gone].tolist(), "near_text")


def _near_meanings(
    found: Found, rows: Columns, pictures: Sequence[int] | None, settings: Settings, embed: EmbedTexts
) -> None:
    left = np.flatnonzero(found.left)
    texts = list(_left_texts(found, rows))
    some = [at for at, text in enumerate(texts) if text.strip()]
    if not some:
        return
    left = left[some]
    groups = None if pictures is None else [pictures[row] for row in left.tolist()]
    near = meaning.near_vectors(embed([texts[at] for at in some]), threshold=settings.cosine, groups=groups)
    gone, stars = near.stars.removed, near.stars
    found.remove(left[gone].tolist(), left[stars.kept[gone]].tolist(), stars.score[gone].tolist(), "near_meaning")
    found.refused |= dict.fromkeys(left[near.refused].tolist(), "embedding_unusable")
    found.notes["semantic"] = {"index": near.index, "recall": near.recall, "refused": int(near.refused.sum())}


def _looks(found: Found, rows: Columns, pictures: Sequence[int], settings: Settings, embed: EmbedPictures) -> list[int]:
    """The groups of pictures, joined where embeddings say that they look alike."""
    shown = sorted({group for row, group in enumerate(pictures) if rows.pixels[row]})
    if not shown:
        return list(pictures)
    near = meaning.near_vectors(embed(readable(rows.picture, shown)), threshold=settings.look)
    found.notes["look"] = {"index": near.index, "recall": near.recall, "refused": int(near.refused.sum())}
    joined = {row: shown[kept] for row, kept in zip(shown, near.stars.kept.tolist(), strict=True)}
    return [joined.get(group, group) for group in pictures]
