"""Coordinate frames of boxes, and the one converter between them.

| frame | corners are | who answers so |
|---|---|---|
| `norm01` | shares of width and height, 0 to 1 | VLAA-Thinking, many data sets |
| `abs` | pixels of the picture as it is stored | COCO, RefCOCO |
| `resized` | pixels of the picture as the model saw it | Qwen2.5-VL |
| `norm1000` | thousandths of width and height, 0 to 1000 | Qwen2-VL, Qwen3-VL, InternVL |

Which model answers in which frame is from their model cards (Qwen2-VL and Qwen2.5-VL on Hugging Face, InternVL2's
documentation); a fine-tuned model may do otherwise, so the frame is always a setting and `frame_of` only its default.
"""

import math
from typing import Literal

from curation.errors import ConfigError

Frame = Literal["norm01", "abs", "resized", "norm1000"]
FRAMES: tuple[Frame, ...] = ("norm01", "abs", "resized", "norm1000")
Box = tuple[float, float, float, float]
Size = tuple[int, int]

MODEL_FRAMES: tuple[tuple[str, Frame], ...] = (
    ("qwen2.5-vl", "resized"),
    ("qwen2-vl", "norm1000"),
    ("qwen3-vl", "norm1000"),
    ("internvl", "norm1000"),
)
PATCH = 28  # pixels: sides the Qwen2-VL and Qwen2.5-VL vision towers can take are multiples of it
MIN_PIXELS, MAX_PIXELS = 56 * 56, 12_845_056  # VLM-R1's defaults (specs/rewards.md §1.3); a server may set others
STEEPEST = 200  # longest side over shortest that Qwen's processor accepts


def frame_of(model: str) -> Frame | None:
    """The frame a model answers in, by its name; None when we do not know it."""
    name = model.lower().replace("_", "-").replace("qwen2-5", "qwen2.5")
    return next((frame for part, frame in MODEL_FRAMES if part in name), None)


def resized_size(size: Size, *, patch: int = PATCH, least: int = MIN_PIXELS, most: int = MAX_PIXELS) -> Size:
    """(width, height) Qwen2-VL's and Qwen2.5-VL's processors give a picture of `size`, both in pixels.

    Sides are rounded to multiples of `patch`, and the area brought into `least`…`most` (their published
    preprocessing, "smart resize"). Raises `ConfigError` for a size no picture has.
    """
    width, height = size
    if min(size) < 1 or max(size) > STEEPEST * min(size):
        raise ConfigError("size", size, f"sides from 1 pixel up, at most {STEEPEST} to 1")
    wide, high = (max(patch, round(side / patch) * patch) for side in size)
    if wide * high > most:
        shrink = math.sqrt(width * height / most)
        wide, high = (max(patch, math.floor(side / shrink / patch) * patch) for side in size)
    elif wide * high < least:
        grow = math.sqrt(least / (width * height))
        wide, high = (math.ceil(side * grow / patch) * patch for side in size)
    return wide, high


def convert(box: Box, source: Frame, target: Frame, *, size: Size | None = None, resized: Size | None = None) -> Box:
    """A box `(x1, y1, x2, y2)` from one frame in another, not rounded.

    `size` is the stored picture's (width, height), needed for `abs`; `resized` the one the model saw, needed for
    `resized` and `resized_size(size)` by default. Raises `ConfigError` when one is needed and missing.
    """
    if source == target:
        return box
    (from_x, from_y), (to_x, to_y) = _extent(source, size, resized), _extent(target, size, resized)
    x1, y1, x2, y2 = box
    return x1 / from_x * to_x, y1 / from_y * to_y, x2 / from_x * to_x, y2 / from_y * to_y


def _extent(frame: Frame, size: Size | None, resized: Size | None) -> tuple[float, float]:
    """The picture's width and height in a frame's unit."""
    match frame:
        case "norm01":
            return 1.0, 1.0
        case "norm1000":
            return 1000.0, 1000.0
        case "resized" if resized:
            return float(resized[0]), float(resized[1])
        case "abs" | "resized" if size:
            wide, high = size if frame == "abs" else resized_size(size)
            return float(wide), float(high)
        case "abs" | "resized":
            raise ConfigError("size", None, f"the picture's (width, height): frame {frame} counts pixels")
    raise ConfigError("frame", frame, f"one of {', '.join(FRAMES)}")
