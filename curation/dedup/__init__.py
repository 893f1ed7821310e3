"""Repetition and contamination of a corpus: pure functions over its columns.

exact, near pictures, near texts and near meanings in one pass (`find_all`), or one at a time (`find_duplicates`,
`near_images`, `near_texts`, `near_vectors`); overlap with a benchmark (`curation.dedup.benchmark`). The steps are
`curation.steps.dedup`, `framed`, `near_text` and `near_meaning`.
"""

from curation.dedup.corpus import METHODS, Columns, Found, Settings, find_all, rank_of
from curation.dedup.find import Duplicate, exact_images, exact_questions, find_duplicates, normal_question
from curation.dedup.groups import clusters
from curation.dedup.hamming import pairs_within
from curation.dedup.likeness import SIDE
from curation.dedup.meaning import near_vectors
from curation.dedup.minhash import banding, near_texts
from curation.dedup.perceptual import RADIUS, near_images

__all__ = [
    "METHODS",
    "RADIUS",
    "SIDE",
    "Columns",
    "Duplicate",
    "Found",
    "Settings",
    "banding",
    "clusters",
    "exact_images",
    "exact_questions",
    "find_all",
    "find_duplicates",
    "near_images",
    "near_texts",
    "near_vectors",
    "normal_question",
    "pairs_within",
    "rank_of",
]
