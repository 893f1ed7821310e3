"""The chance of a stored row to be drawn again (VL-Rethinker, arXiv 2504.08837, Eq. 1); needs no torch."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def chances(advantages: Sequence[float], alpha: float) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """|A|^alpha, normalised to sum to 1; alpha 0 is uniform, and a large one takes the largest alone."""
    sizes = np.abs(np.asarray(advantages, dtype=np.float64))
    weights = (sizes / sizes.max()) ** alpha
    chances: np.ndarray[Any, np.dtype[np.float64]] = weights / weights.sum()
    return chances
