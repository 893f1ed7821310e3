"""Selective sample replay (VL-Rethinker, arXiv 2504.08837, Algorithm 1 and Eq. 1).

Each step's rows with an advantage enter the buffer, and the places of those without one are filled by draws from it
with P(j) = |A_j|^alpha / sum_k |A_k|^alpha. The paper leaves open, and we decide: draws are with replacement; rows of
the same step may be drawn, since they enter first; a replayed row keeps the log-probabilities it was drawn with, so its
ratio is off-policy and clipped. The released code never runs it (its flag is off by default at HEAD).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from curation.trainer.config import Replay
from curation.trainer.replay_rule import chances
from curation.trainer.rows import Row, advantage, informative


class Buffer:
    """Rows that taught something, for one episode."""

    def __init__(self, settings: Replay, seed: int = 0) -> None:
        self.settings = settings
        self.rows: list[Row] = []
        self.queries = 0
        self._chance = np.random.default_rng(seed)

    def fill(self, fresh: Sequence[Row], queries: int) -> tuple[list[Row], int]:
        """`fresh` with its rows without advantage replaced by draws: (as many rows as came, how many were drawn).

        With nothing to draw from, the rows without advantage stay. `queries` count towards the episode's end, when the
        buffer is cleared.
        """
        kept = informative(fresh)
        self.rows = [*self.rows, *kept][-self.settings.size :]
        missing = len(fresh) - len(kept)
        drawn = self.draw(missing)
        left = [row for row in fresh if abs(advantage(row)) <= 1e-6][: missing - len(drawn)]
        self.queries += queries
        if self.queries >= self.settings.episode:
            self.rows, self.queries = [], 0
        return [*kept, *drawn, *left], len(drawn)

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs to go on as if nothing had happened."""
        return {"replay": self.rows, "queries": self.queries, "draws": json.dumps(self._chance.bit_generator.state)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The state of `state`."""
        self.rows, self.queries = list(state["replay"]), state["queries"]
        self._chance.bit_generator.state = json.loads(state["draws"])

    def draw(self, count: int) -> list[Row]:
        """`count` rows with replacement; none from an empty buffer."""
        if not self.rows or not count:
            return []
        weights = chances([advantage(row) for row in self.rows], self.settings.alpha)
        return [self.rows[at] for at in self._chance.choice(len(self.rows), count, p=weights)]
