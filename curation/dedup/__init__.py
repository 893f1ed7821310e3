"""Duplicate rows: exact and perceptual. Pure functions; the step over all rows is `curation.steps.dedup`."""

from curation.dedup.find import Duplicate, exact_images, exact_questions, find_duplicates, normal_question
from curation.dedup.groups import clusters
from curation.dedup.likeness import SIDE
from curation.dedup.perceptual import RADIUS, near_images

__all__ = [
    "RADIUS",
    "SIDE",
    "Duplicate",
    "clusters",
    "exact_images",
    "exact_questions",
    "find_duplicates",
    "near_images",
    "normal_question",
]
