"""Copies in another frame: a border was added, or a little was cut off at the sides.

Their perceptual hashes are far apart, and compared point by point nothing fits. So each picture is hashed in several
views: whole, without its uniform borders, and with a little cut off; a copy's whole or borderless view hashes like one
of the original's. The two views are then laid over one another (shift and stretch along each axis by Gauss-Newton
steps, Lucas and Kanade 1981), first coarsely at 64 x 64, where most chance neighbours already fail, then at full size,
and judged by `likeness.same_picture` like any pair. Every picture has to be decoded for this.

Measured on 60 tables of TabMWP and 60 pictures of MATH-Vision, copies found: 2 % cut off each side 58 and 56, 4 % 58
and 57, 5 % of the left 60 and 58, white border 59 and 58, black border 60 and 45, grey border and JPEG 60 53 and 57; no
wrong pair. Among 1,304 pictures of both sets as they are, one pair is joined, and rightly: MATH-Vision 773 is 1050 cut
off at the bottom. That took 33 ms of CPU a picture: layouts that hash alike have to be laid over one another.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from curation.dedup.groups import Groups
from curation.dedup.hamming import pairs_within
from curation.dedup.likeness import ALIKE, SIDE, Floats, Grey, look, same_picture, small
from curation.errors import SampleError, StoreError
from curation.pictures import phash_of_grey

EVEN = 24  # grey levels within a line that is no content
LEAST = 0.3  # of the picture that must be left without its borders
LEVELS = 3  # borders within one another
CUTS = (0.02, 0.04, 0.06)  # of each side
ONE_SIDE = 0.05
RADIUS = 6
COARSE, COARSE_STEPS, FINE_STEPS = 64, 12, 5
GREYS = 512  # pictures kept, 64 KB each
FARTHEST = 0.2  # of the side: a fit that wanders further is no fit
Box = tuple[float, float, float, float]
"""left, top, right, bottom in parts of the picture's sides."""
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class View:
    """One view of picture `owner`: the part it shows and the hash of that part."""

    owner: int
    box: Box
    phash: int


def framed_copies(n: int, greys: Callable[[int], Grey], known: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs (i < j) of n pictures that show the same in another frame; enough of them to connect every group.

    `known` gives for each picture the group it is known to belong to: those are not compared again. `greys(i)` gives
    the (SIDE, SIDE) grey picture; one for which it raises `SampleError` or `StoreError` resembles none.
    """
    greys = lru_cache(maxsize=GREYS)(greys)
    views = [view for owner in range(n) for view in _views_of(owner, greys)]
    hashes = np.array([view.phash for view in views], dtype=np.uint64)
    owners = np.array([view.owner for view in views], dtype=np.int64)
    groups, pairs = Groups(n), list[tuple[int, int]]()
    tried = set[tuple[int, int]]()
    for one, other in pairs_within(hashes, RADIUS):
        apart = owners[one] != owners[other]
        for left, right in zip(one[apart].tolist(), other[apart].tolist(), strict=True):
            pair = (views[left].owner, views[right].owner)
            if known[pair[0]] == known[pair[1]] or groups.find(pair[0]) == groups.find(pair[1]) or pair in tried:
                continue
            tried.add(pair)
            if _alike(views[left], views[right], greys):
                groups.join(*pair)
                pairs.append((min(pair), max(pair)))
    return pairs


def _views_of(owner: int, greys: Callable[[int], Grey]) -> Iterator[View]:
    try:
        grey = greys(owner)
    except (SampleError, StoreError):
        return
    boxes = [WHOLE, *inner_boxes(grey), *((cut, cut, 1 - cut, 1 - cut) for cut in CUTS)]
    boxes += [(ONE_SIDE, 0, 1, 1), (0, ONE_SIDE, 1, 1), (0, 0, 1 - ONE_SIDE, 1), (0, 0, 1, 1 - ONE_SIDE)]
    for box in dict.fromkeys(boxes):
        yield View(owner, box, phash_of_grey(_part(grey, box)))


def inner_boxes(grey: Grey) -> list[Box]:
    """The part within the outermost uniform border, within the next, and so on, while enough of the picture is left."""
    top, left, (bottom, right), side = 0, 0, grey.shape, len(grey)
    boxes: list[Box] = []
    while len(boxes) < LEVELS:
        part = grey[top:bottom, left:right]
        rows = np.flatnonzero(np.ptp(part, axis=1) > EVEN)
        columns = np.flatnonzero(np.ptp(part[rows[0] : rows[-1] + 1], axis=0) > EVEN) if len(rows) else rows
        if not len(columns):
            break
        inner = (top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1)
        height, width = int(inner[2] - inner[0]), int(inner[3] - inner[1])
        if inner == (top, left, bottom, right) or height * width < LEAST * grey.size:
            break
        boxes.append((inner[1] / side, inner[0] / side, inner[3] / side, inner[2] / side))
        # a line where the border blends into what it frames would hide the next border
        moved = [int(new != old) for new, old in zip(inner, (top, left, bottom, right), strict=True)]
        top, left, bottom, right = (
            int(edge) + step for edge, step in zip(inner, (moved[0], moved[1], -moved[2], -moved[3]), strict=True)
        )
    return boxes


def _part(grey: Grey, box: Box) -> Grey:
    side = grey.shape[0]
    left, top, right, bottom = (round(edge * side) for edge in box)
    part: Grey = grey[top:bottom, left:right]
    return part


def _alike(one: View, other: View, greys: Callable[[int], Grey]) -> bool:
    """Whether either view can be laid over the other; the search is easier from one side than from the other."""
    left, right = greys(one.owner), greys(other.owner)
    return _fits(left, one.box, right, other.box) or _fits(right, other.box, left, one.box)


def _fits(one: Grey, one_box: Box, other: Grey, other_box: Box) -> bool:
    """Whether the two parts show the same once laid over one another."""
    target = _resampled(other, other_box, SIDE)
    box = _refined(_shrunk(one), one_box, _shrunk(target), COARSE_STEPS)
    if box is None or float(small(_grey(_resampled(one, box, SIDE))) @ small(_grey(target))) < ALIKE:
        return False
    box = _refined(one.astype(np.float32), box, target, FINE_STEPS)
    return box is not None and same_picture(look(_grey(_resampled(one, box, SIDE))), look(_grey(target)))


def _shrunk(picture: NDArray[np.generic]) -> Floats:
    step = SIDE // COARSE
    small: Floats = picture.reshape(COARSE, step, COARSE, step).mean(axis=(1, 3), dtype=np.float32)
    return small


def _grey(picture: Floats) -> Grey:
    grey: Grey = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return grey


def _resampled(picture: NDArray[np.generic], box: Box, side: int) -> Floats:
    """The part of a square picture as (side, side), by linear interpolation along each axis."""
    left, top, right, bottom = box
    rows, columns = _weights(len(picture), top, bottom, side), _weights(len(picture), left, right, side)
    return rows @ picture.astype(np.float32) @ columns.T


def _weights(length: int, start: float, end: float, side: int) -> Floats:
    """(side, length): each row takes a point from its two neighbours."""
    at = np.clip((start + (end - start) * (np.arange(side) + 0.5) / side) * length - 0.5, 0, length - 1)
    low = np.minimum(at.astype(np.int64), length - 2)
    weights = np.zeros((side, length), dtype=np.float32)
    weights[np.arange(side), low], weights[np.arange(side), low + 1] = 1 - (at - low), at - low
    return weights


def _refined(picture: Floats, box: Box, target: Floats, steps: int) -> Box | None:
    """The part of `picture` that fits the target best, searched from `box`; None when the search runs away."""
    side = len(target)
    place = (np.arange(side) + 0.5) / side
    wanted = _even(target)
    start, edges = np.array(box), np.array(box)
    for _ in range(steps):
        seen = _even(_resampled(picture, (edges[0], edges[1], edges[2], edges[3]), side))
        down, across = np.gradient(seen, 1 / side)
        down, across = down / (edges[3] - edges[1]), across / (edges[2] - edges[0])
        slopes = np.stack([across * (1 - place), down * (1 - place)[:, None], across * place, down * place[:, None]])
        slopes = slopes.reshape(4, -1).astype(np.float64)
        change = np.linalg.lstsq(slopes @ slopes.T + 1e-3 * np.eye(4), slopes @ (wanted - seen).ravel(), rcond=None)[0]
        edges = edges + np.clip(change, -0.03, 0.03)
        if np.abs(edges - start).max() > FARTHEST:
            return None
        if np.abs(change).max() < 0.05 / side:
            break
    return float(edges[0]), float(edges[1]), float(edges[2]), float(edges[3])


def _even(picture: Floats) -> Floats:
    """With mean 0 and deviation 1, so that brightness and contrast do not count."""
    even: Floats = (picture - picture.mean()) / max(float(picture.std()), 1.0)
    return even
