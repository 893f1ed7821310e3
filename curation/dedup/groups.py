"""Connected components, for chains of duplicates: if B copies A and C copies B, all three are one group."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class Groups:
    """Disjoint sets over 0 … n-1; the smallest member names a set, so names do not depend on the order of joining."""

    def __init__(self, n: int) -> None:
        self.parent = list(range(n))

    def find(self, member: int) -> int:
        """The smallest member of this one's set."""
        root = member
        while self.parent[root] != root:
            root = self.parent[root]
        while self.parent[member] != root:
            self.parent[member], member = root, self.parent[member]
        return root

    def join(self, one: int, other: int) -> None:
        """Make two sets one."""
        low, high = sorted((self.find(one), self.find(other)))
        self.parent[high] = low


def clusters(n: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """(n,) labels: the smallest member connected to each of 0 … n-1 by the pairs."""
    groups = Groups(n)
    for one, other in pairs:
        groups.join(one, other)
    return np.array([groups.find(member) for member in range(n)], dtype=np.int64)
