"""Answers of models: taking responses apart, finding what they answer, and comparing it with a reference by
kind.
"""

from curation.answers.extract import Extracted, candidates
from curation.answers.frames import Frame, convert, frame_of
from curation.answers.kinds import infer_kind
from curation.answers.parse import Parsed, parse, tagged_answer
from curation.answers.verdicts import VERSION, check, check_async, extract

__all__ = [
    "VERSION",
    "Extracted",
    "Frame",
    "Parsed",
    "candidates",
    "check",
    "check_async",
    "convert",
    "extract",
    "frame_of",
    "infer_kind",
    "parse",
    "tagged_answer",
]
