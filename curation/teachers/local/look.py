"""The general look of a picture in one sentence: its shape and its colours by name. Measured, never guessed."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

SIDE = 96  # pixels of the small copy that is measured
LEAST = 0.01  # share of the picture under which a colour is noise or the rim of letters
MOST_NAMED = 6

HUES = (
    (15, "red"), (42, "orange"), (68, "yellow"), (165, "green"), (195, "cyan"),
    (255, "blue"), (290, "purple"), (345, "pink"), (360, "red"),
)  # fmt: skip
"""Upper ends in degrees of the hue circle."""


def look(picture: Pil.Image) -> str:
    """One sentence without any number: small reasoners take every number they see for part of the answer."""
    (most, _), *others = colours(picture)[:MOST_NAMED]
    shape = (
        "tall" if picture.height > 1.1 * picture.width else "wide" if picture.width > 1.1 * picture.height else "square"
    )
    rest = f" with {_listed([f'{_much(share)}{name}' for name, share in others])}" if others else ""
    return f"A {shape} picture, mostly {most}{rest}."


def _much(share: float) -> str:
    return "much " if share >= 0.2 else "some " if share >= 0.05 else "a little "


def colours(picture: Pil.Image) -> list[tuple[str, float]]:
    """(name, share of the picture 0..1) of an RGB picture, most first; at least one."""
    small = picture.resize((SIDE, SIDE), Pil.Resampling.NEAREST)
    names, counts = np.unique(_names(np.asarray(small.convert("HSV"))), return_counts=True)
    found = sorted(
        zip(names.tolist(), (counts / counts.sum()).tolist(), strict=True),
        key=lambda pair: (-pair[1], pair[0]),
    )
    return [pair for pair in found if pair[1] >= LEAST] or found[:1]


def _names(hsv: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Colour names of an (h, w, 3) array in Pillow's HSV, each channel 0..255."""
    hue, saturation, value = hsv[..., 0] * (360 / 255), hsv[..., 1] / 255, hsv[..., 2] / 255
    named = np.select([hue < end for end, _ in HUES], [name for _, name in HUES], "red")
    named = np.where((named == "orange") & (value < 0.6), "brown", named)
    named = np.where(saturation < 0.15, np.select([value > 0.88, value < 0.25], ["white", "black"], "grey"), named)
    return np.asarray(np.where(value < 0.2, "black", named))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
