"""What no trainer may do: put a loss or a gradient that is no number into the weights.

TRL's log cannot be trusted to tell: transformers replaces such a loss by the mean of those before it.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from curation.errors import RunStopped

NO_NUMBERS = "probability tensor contains"
"""How torch begins what it says of a distribution to draw from that is none."""


@contextmanager
def drawing() -> Iterator[None]:
    """Completions are drawn in the block. Raises `RunStopped` where the model gives no numbers to draw by."""
    try:
        yield
    except RuntimeError as error:
        if NO_NUMBERS not in str(error):
            raise
        raise RunStopped(
            "the model's probabilities are no numbers: its weights have grown out of range, or were spoilt before; "
            "lower the learning rate, or take another model.path"
        ) from error


class Guarded:
    """Put before a trainer of TRL. Stops it before a loss or a gradient that is no number reaches the weights."""

    def training_step(self, *args: Any, **settings: Any) -> torch.Tensor:
        """The trainer's own. Raises `RunStopped`."""
        loss: torch.Tensor = super().training_step(*args, **settings)  # type: ignore[misc]
        self._hold("loss", loss)
        return loss

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)  # type: ignore[misc]
        self._hold("gradient's norm", norm)
        return norm

    def _hold(self, name: str, value: Any) -> None:
        if not math.isfinite(value):
            step = self.state.global_step + 1  # type: ignore[attr-defined]
            raise RunStopped(
                f"step {step}: the {name} is {float(value)}: lower the learning rate; what was saved before is sound"
            )
