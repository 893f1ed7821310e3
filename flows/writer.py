"""Collects fresh outcomes and appends them to the store about once a second: acknowledged rows survive a kill.

Rows lost between two appends cost nothing but time, since their calls are in the ledger.
"""

import threading
import time

from curation.records import Outcome
from storage.corpus import PassRate, add_outcomes, add_pass_rates
from storage.store import Store

SECONDS = 1.0
ROWS = 2000


class Writer:
    """A buffer of outcomes in front of a store; safe to call from several threads."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.store, self.run_id = store, run_id
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._outcomes: list[Outcome] = []
        self._pass_rates: list[PassRate] = []
        self._flushed = time.monotonic()

    def add(self, outcome: Outcome, pass_rate: PassRate | None = None) -> None:
        with self._lock:
            self._outcomes.append(outcome)
            if pass_rate is not None:
                self._pass_rates.append(pass_rate)

    @property
    def due(self) -> bool:
        return len(self._outcomes) >= ROWS or (bool(self._outcomes) and time.monotonic() - self._flushed > SECONDS)

    def flush(self) -> None:
        """Append what is buffered; blocks until it is durable, and what another thread is appending as well."""
        with self._writing:
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            outcomes, self._outcomes = self._outcomes, []
            rates, self._pass_rates = self._pass_rates, []
            self._flushed = time.monotonic()
        try:
            if outcomes:
                add_outcomes(self.store, self.run_id, outcomes)
            if rates:
                add_pass_rates(self.store, self.run_id, rates)
        except BaseException:
            with self._lock:  # nothing is lost while the disk is full; writing a row twice changes nothing
                self._outcomes, self._pass_rates = outcomes + self._outcomes, rates + self._pass_rates
            raise
