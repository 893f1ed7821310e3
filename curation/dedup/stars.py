"""Who is kept among rows that resemble one another: every row removed is itself like the kept row it names.

Joining all that touches (A like B, B like C) can chain rows together that have nothing in common. So within a chain
the row of lowest rank is kept and removes the rows like it; of the rest again the lowest, and so on. After `LEADERS`
rounds what is left of a chain is kept: a cluster is never searched quadratically, and nothing is removed unproven.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LEADERS = 64
Rows = NDArray[np.int64]
Scores = NDArray[np.float64]
Alike = Callable[[Rows, Rows], Scores]
"""Similarity, 0 to 1, of row a[i] and row b[i]."""


@dataclass(frozen=True, slots=True)
class Stars:
    """For each of n rows the row that is kept instead of it (itself when kept), and how alike the two are."""

    kept: Rows
    score: Scores

    @property
    def removed(self) -> Rows:
        """The rows that are not kept."""
        return np.flatnonzero(self.kept != np.arange(len(self.kept)))


def chains(n: int, one: Rows, other: Rows) -> Rows:
    """(n,) labels of the components of the graph with these edges."""
    graph = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def stars(labels: Rows, order: Rows, alike: Alike, threshold: float) -> Stars:
    """Kept rows within each component; `order` lists the rows best first."""
    kept, score = np.arange(len(labels)), np.ones(len(labels))
    left = _in_company(labels, order)
    for _ in range(LEADERS):
        if not len(left):
            break
        first = np.flatnonzero(np.diff(labels[left], prepend=-1))
        leaders = np.repeat(left[first], np.diff(first, append=len(left)))
        follows = left != leaders
        left, leaders = left[follows], leaders[follows]
        likeness = alike(leaders, left)
        same = likeness >= threshold
        kept[left[same]], score[left[same]] = leaders[same], likeness[same]
        left = _in_company(labels, left[~same])
    return Stars(kept, score)


def _in_company(labels: Rows, rows: Rows) -> Rows:
    """Those of the rows that share their label with another, by label, else in the order given."""
    rows = rows[np.argsort(labels[rows], kind="stable")]
    fresh = np.diff(labels[rows], prepend=-1) != 0
    alone = fresh & np.append(fresh[1:], True)
    kept: Rows = rows[~alone]
    return kept
