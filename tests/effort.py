"""How long something takes in units of a fixed piece of Python, measured beside it: a slow machine is no failure."""

import re
import time
from collections.abc import Callable
from fractions import Fraction

PAIR = re.compile(r"(\w+)\s(\d+)")


def effort(work: Callable[[], object]) -> float:
    """Processor time of `work` over that of 20,000 fractions and searches (0.12 s on a good day), before or after."""
    before = _spent(_yard)
    took = _spent(work)
    return took / max(before, _spent(_yard))


def _spent(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _yard() -> None:
    for n in range(20_000):
        Fraction(f"{n}.5")
        PAIR.findall(f"about {n} kg or {n} m")
