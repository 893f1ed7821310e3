"""The limits a user sets on a run: money, calls, tokens. Prices live in `prices`, pace in `limits`."""

import asyncio
from dataclasses import dataclass, field

from curation.errors import RunStopped
from curation.records import Call


@dataclass(slots=True)
class Budget:
    """What a run may spend; None is unlimited. One budget serves all teachers of a run, on one event loop.

    Cost and tokens of a call are known only afterwards, so it is expected to take what answered calls took on average
    (before the first answer, what its caller guesses; one call is always allowed, to learn from). A call that would
    pass a limit waits for those in flight, since they may turn out cheaper; when none is left the run stops, and
    nothing paid is lost. A repeat from the ledger is free.
    """

    max_cost: float | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    cost: float = 0.0
    calls: int = 0
    tokens: int = 0
    in_flight: int = 0
    answered: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    async def begin(self, expected_tokens: float, expected_cost: float) -> None:
        """Count a call about to be made. Raises `RunStopped` instead when it would pass a limit."""
        while over := self._over(expected_tokens, expected_cost):
            if not self.in_flight:
                raise RunStopped(f"stopped at {over}; finished work is kept, raise the limit to go on")
            settled = asyncio.get_running_loop().create_future()
            self._waiting.append(settled)
            await settled
        self.calls += 1
        self.in_flight += 1

    def end(self, call: Call | None) -> None:
        """Settle a call begun: with what it took, or None when it was not answered."""
        self.in_flight -= 1
        if call is not None:
            self.answered += 1
            self.tokens += (call.prompt_tokens or 0) + (call.completion_tokens or 0)
            self.cost += call.cost or 0.0
        while self._waiting:
            if not (waiter := self._waiting.pop()).done():
                waiter.set_result(None)

    def _over(self, expected_tokens: float, expected_cost: float) -> str:
        """The first limit one more call would pass, with what was spent; empty when there is room."""
        ahead = self.in_flight + 1
        tokens = self.tokens / self.answered if self.answered else expected_tokens
        cost = self.cost / self.answered if self.answered else expected_cost
        if self.max_calls is not None and self.calls + 1 > self.max_calls:
            return f"--max-calls {self.max_calls}: {self.calls} made"
        if not self.answered and not self.in_flight:
            return ""
        if self.max_tokens is not None and self.tokens + ahead * tokens > self.max_tokens:
            return f"--max-tokens {self.max_tokens}: {self.tokens} used, the next call takes about {tokens:.0f}"
        if self.max_cost is not None and self.cost + ahead * cost > self.max_cost:
            return f"--max-cost {self.max_cost:g}: ${self.cost:.4f} spent, the next call costs about ${cost:.4f}"
        return ""
