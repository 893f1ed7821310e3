"""Whether two grey pictures are copies of one another: resized, re-encoded or brightened, with the same content.

A perceptual hash cannot tell: two tables with one layout and other numbers have the same hash. So the sharper
picture is blurred until it fits the other best (a resized copy is a blurred one), and then every window of a
tenth of the side is asked how much of its variation the other picture leaves unexplained after a change of
brightness and contrast. Copies differ a little everywhere, where encoding put noise; an edit differs in one
place only. Hence two rules: no window may be unexplained beyond `WORST`, and the worst window may not stand
out from the 90th percentile of the textured ones (`SLOPE`, `BASE`).

Measured with `SIDE` = 256. Copies: resized to 50, 75, 125 and 150 %, JPEG quality 30, 60 and 90, brightness
-10 %, +10 % and +25 levels, 50 % and 150 % with quality 30. Others: the pairs of different pictures most
alike among those within 8 bits.

    pictures                               copies accepted    different pictures accepted
    TabMWP (1,000 tables)                  771 of 780         0 of 200 (of 1,692 within 8 bits)
    drawn figures, eight families (480)    623 of 624         0 of 400
    drawn tables and forms (150)            78 of  78         0 of 400
    MATH-Vision (304)                      509 of 520         0 of  62
    one digit of a table changed           -                  2 of 100 (33 re-encoded or resized as well)

The first rule alone accepts 65 of the 100 changed digits. A floor taken from the strongest windows let ten pairs of
drawn tables through, because a dark header outweighed the text; hence the median. The most alike pair of different
pictures leaves 0.44 unexplained in its worst window and is refused by the second rule. All 31 recoloured tables of
TabMWP (same text, other header colour) count as copies. `ALIKE` spares many hash neighbours the full comparison: the
least alike planted copy had 0.888. (Correlating levels instead of steps lost 37 brightened copies.)
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 256  # pixels; at 128 the digits of a 350-pixel table are gone
SMALL = 32
ALIKE = 0.87  # correlation of steps at 32 x 32
CELL = 4  # pixels
WINDOW = 6  # cells: about one word of a table
SEEN = 15.0  # squared grey levels: windows of less variance are empty
FLOOR = 0.5  # of the median variance of windows that are not empty: weaker ones hold only noise
WORST = 0.5
BASE = 0.08
SLOPE = 2.0
FLAT = 1.0  # grey levels of standard deviation below which a picture shows nothing
BLURS = (0.0, 0.5, 0.8, 1.2, 1.7, 2.4, 3.4)  # standard deviations in pixels
Grey = NDArray[np.uint8]
Floats = NDArray[np.float32]

_ROWS = np.fft.fftfreq(SIDE)[:, None]
_COLUMNS = np.fft.rfftfreq(SIDE)[None, :]
_SQUARED = (_ROWS**2 + _COLUMNS**2).astype(np.float32)
_TRANSFERS = np.stack([np.exp(-2 * np.pi**2 * blur**2 * _SQUARED) for blur in BLURS])
_GAINS = _TRANSFERS**2
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
    """The steps between neighbouring pixels at SMALL x SMALL as a unit vector; flat pictures share one direction."""
    side = SIDE // SMALL
    levels = grey.reshape(SMALL, side, SMALL, side).mean(axis=(1, 3), dtype=np.float32)
    steps = np.concatenate([np.diff(levels, axis=0).ravel(), np.diff(levels, axis=1).ravel(), np.zeros(1, np.float32)])
    length = float(np.linalg.norm(steps))
    if length <= FLAT:
        steps[:], steps[-1], length = 0, 1, 1.0
    steps /= length
    return steps


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
    cross = _TRANSFERS.reshape(len(BLURS), -1) @ shared.ravel()
    energy = _GAINS.reshape(len(BLURS), -1) @ sharp.power.ravel()
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
    seen = stronger[stronger > SEEN]
    floor = max(FLOOR * float(np.median(seen)), SEEN / 2) if seen.size else SEEN
    left = stronger * (1 - shared**2 / np.maximum(variance_one * variance_other, 1e-6))
    share = np.maximum(left, 0) / (stronger + floor)
    return share, share[stronger > floor]


def _windows(values: Floats) -> Floats:
    """The mean of every window of WINDOW x WINDOW cells, one cell apart, in each of (n, SIDE, SIDE) arrays."""
    rows = values.reshape(len(values), SIDE // CELL, CELL, SIDE).sum(axis=2)
    cells = sum(rows[:, :, place::CELL] for place in range(CELL)) / CELL**2
    sums = np.pad(cells, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1, dtype=np.float64).cumsum(axis=2)
    edges = sums[:, WINDOW:] - sums[:, :-WINDOW]
    means: Floats = ((edges[:, :, WINDOW:] - edges[:, :, :-WINDOW]) / WINDOW**2).astype(np.float32)
    return means
