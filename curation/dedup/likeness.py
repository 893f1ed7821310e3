"""Whether two grey pictures are copies of one another: resized, re-encoded or brightened, but with the same content.

A perceptual hash cannot tell: two tables with one layout and other numbers have the same hash. So the sharper
picture is
blurred until it fits the other best (a resized copy is a blurred one), and then every window of a tenth of the side
is asked
how much of its variation the other picture leaves unexplained after a change of brightness and contrast. Copies
differ a
little everywhere, where encoding put noise; an edit differs in one place only. Hence two rules: no window may be
unexplained
beyond `WORST`, and the worst window may not stand out from the 90th percentile of the textured ones (`SLOPE`, `BASE`).

Measured with `SIDE` = 256 on TabMWP (1,000 table pictures; all 1,692 pairs of different tables with hash distance up
to 8,
the 200 most alike of them in full) and on copies of 60 of them (resized to 50, 75, 125 and 150 %, JPEG quality 30,
60 and 90,
brightness -10, +10 % and +25 levels, 50 % and 150 % with quality 30):

    accepted                           side 128, one limit    side 256, one limit    side 256, both rules
    planted copies                     93 %                   99.5 %                 98.5 %
    different real tables              0.5 % (limit at 0)     0                      0
    one digit changed, drawn anew      86 %                   60 %                   0
    one digit changed, then re-encoded -                      -                      23 %

A recoloured copy (another header colour) counts as a copy when its contrasts are alike. `ALIKE` spares two thirds of
the
hash neighbours the full comparison: the least alike planted copy had a correlation of 0.947 at 32 x 32.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 256  # pixels; at 128 the digits of a 350-pixel table are gone
SMALL = 32
ALIKE = 0.93
CELL = 4  # pixels
WINDOW = 6  # cells: about one word of a table
FLOOR = 0.2  # of the 95th percentile of window variance: weaker windows hold only noise
WORST = 0.45
BASE = 0.08
SLOPE = 1.5
FLAT = 1.0  # grey levels of standard deviation below which a picture shows nothing
BLURS = (0.0, 0.5, 0.8, 1.2, 1.7, 2.4, 3.4)  # standard deviations in pixels
Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

_ROWS = np.fft.fftfreq(SIDE)[:, None]
_COLUMNS = np.fft.rfftfreq(SIDE)[None, :]
_SQUARED = (_ROWS**2 + _COLUMNS**2).astype(np.float32)
_TRANSFERS = np.stack([np.exp(-2 * np.pi**2 * blur**2 * _SQUARED) for blur in BLURS])
_TWICE = np.where((_COLUMNS > 0) & (_COLUMNS < 0.5), 2.0, 1.0).astype(np.float32)  # rfft keeps half the columns


@dataclass(frozen=True, slots=True)
class Look:
    """What comparing needs of a picture: mean level, spectrum (SIDE, SIDE/2+1) without the mean, its power,
    sharpness.
    """

    level: float
    flat: bool
    spectrum: NDArray[np.complex64]
    power: Floats
    sharpness: float


def look(grey: Grey) -> Look:
    """Prepare a (SIDE, SIDE) grey picture, 0..255."""
    if grey.shape != (SIDE, SIDE):
        raise ValueError(f"a grey picture of {SIDE} x {SIDE} is needed, not {grey.shape}")
    levels = grey.astype(np.float32)
    mean = float(levels.mean())
    spectrum = np.fft.rfft2(levels - mean).astype(np.complex64)
    power = _TWICE * (spectrum.real**2 + spectrum.imag**2)
    total = float(power.sum())
    return Look(mean, float(levels.std()) < FLAT, spectrum, power, float((_SQUARED * power).sum()) / max(total, 1e-6))


def small(grey: Grey) -> Floats:
    """The picture at SMALL x SMALL as a unit vector without its mean; zeros when it is flat."""
    side = SIDE // SMALL
    vector = grey.reshape(SMALL, side, SMALL, side).mean(axis=(1, 3), dtype=np.float32).ravel()
    vector -= vector.mean()
    length = float(np.linalg.norm(vector))
    return vector / length if length > FLAT * SMALL else np.zeros_like(vector)


def same_picture(one: Look, other: Look) -> bool:
    """Whether two pictures are copies, by the two rules at the top of this module; symmetric."""
    if one.flat or other.flat:
        return one.flat and other.flat and abs(one.level - other.level) <= 30
    unexplained, textured = _unexplained(*_fitted(one, other))
    if not textured.size:
        return True
    worst = float(unexplained.max())
    return worst <= WORST and worst <= BASE + SLOPE * float(np.quantile(textured, 0.9))


def _fitted(one: Look, other: Look) -> tuple[Floats, Floats]:
    """Both pictures without their means, the sharper one blurred so that they correlate best."""
    sharp, soft = (one, other) if one.sharpness >= other.sharpness else (other, one)
    shared = _TWICE * (sharp.spectrum * soft.spectrum.conj()).real
    cross = (_TRANSFERS * shared).sum(axis=(1, 2))
    energy = (_TRANSFERS**2 * sharp.power).sum(axis=(1, 2))
    best = int(np.argmax(cross / np.sqrt(np.maximum(energy, 1e-6))))
    blurred = np.fft.irfft2(sharp.spectrum * _TRANSFERS[best], (SIDE, SIDE))
    return blurred.astype(np.float32), np.fft.irfft2(soft.spectrum, (SIDE, SIDE)).astype(np.float32)


def _unexplained(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """(share of variation unexplained in every window, the same in windows with texture)."""
    mean_one, mean_other, square_one, square_other, product = _windows(
        np.stack([one, other, one * one, other * other, one * other])
    )
    variance_one = np.maximum(square_one - mean_one**2, 0)
    variance_other = np.maximum(square_other - mean_other**2, 0)
    shared = np.maximum(product - mean_one * mean_other, 0)
    stronger = np.maximum(variance_one, variance_other)
    floor = FLOOR * float(np.quantile(stronger, 0.95))
    left = stronger * (1 - shared**2 / np.maximum(variance_one * variance_other, 1e-6))
    share = np.maximum(left, 0) / (stronger + max(floor, FLAT))
    return share, share[stronger > floor]


def _windows(values: Floats) -> Floats:
    """The mean of every window of WINDOW x WINDOW cells, one cell apart, in each of (n, SIDE, SIDE) arrays."""
    cells = values.reshape(len(values), SIDE // CELL, CELL, SIDE // CELL, CELL).mean(axis=(2, 4), dtype=np.float64)
    sums = np.pad(cells, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    edges = sums[:, WINDOW:] - sums[:, :-WINDOW]
    return ((edges[:, :, WINDOW:] - edges[:, :, :-WINDOW]) / WINDOW**2).astype(np.float32)
