"""Refuses settings of `curation.answers.check` that are out of range, each with what would be taken."""

import math

from curation.answers.frames import FRAMES, Size
from curation.errors import ConfigError
from curation.records import KINDS, Kind


def refuse(kind: Kind | None, tolerance: float | None, iou: float, seconds: float) -> None:
    """`ConfigError` for a kind nobody knows and for numbers out of range."""
    if kind is not None and kind not in KINDS:
        raise ConfigError("kind", kind, f"one of {', '.join(KINDS)}")
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance >= 0):
        raise ConfigError("tolerance", tolerance, "a number from 0 up, relative to the reference")
    if not 0 < iou <= 1:
        raise ConfigError("iou", iou, "above 0, at most 1")
    if not seconds > 0:
        raise ConfigError("seconds", seconds, "above 0")


def refuse_frames(frame: str, answer_frame: str, size: Size | None) -> None:
    """`ConfigError` for an unknown frame, and where pixels are to be converted without the picture's size."""
    for name, value in (("frame", frame), ("answer_frame", answer_frame)):
        if value not in FRAMES:
            raise ConfigError(name, value, f"one of {', '.join(FRAMES)}")
    if frame != answer_frame and size is None and {"abs", "resized"} & {frame, answer_frame}:
        raise ConfigError("size", size, "the picture's (width, height), to convert boxes that count pixels")
