"""What a step may ask of a model, and what comes back; no network here."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Protocol

from curation.records import Call, Image, Json

STEP: ContextVar[str] = ContextVar("STEP", default="")
"""The step a call is for: steps that wait for the same teacher take turns."""

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat turn: text, and the images shown before it."""

    role: Role
    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a completion is drawn. `max_tokens` bounds it, in tokens; None fields are left to the endpoint."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """One answered call: `text` is the visible answer, `reasoning` the chain when the endpoint returns it apart.

    `finish` is `stop`, `length` or `content_filter`; `key` is the call key in the ledger; `cached`: no call was
    made now.
    """

    text: str
    key: str
    reasoning: str = ""
    finish: str = "stop"
    cached: bool = False


class Teacher(Protocol):
    """A model that answers chat messages; steps receive one per role and never know where it runs.

    `name` and `model` identify it in call keys and fingerprints; `prompts` is `default` or `small`: which variant of a
    prompt suits it; `sees` tells whether it takes images.
    """

    @property
    def name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def prompts(self) -> str: ...
    @property
    def sees(self) -> bool: ...

    async def ask(
        self,
        messages: Sequence[Message],
        *,
        sampling: Sampling = Sampling(),
        draw: int = 0,
        schema: Json = None,
    ) -> Reply:
        """The reply to `messages`; asked at most once per call key, ever.

        Raises `SampleError` when this call failed for good (the reason says how), `RunStopped` when every call would.
        """
        ...


class Ledger(Protocol):
    """Where answered calls are kept. `record` returns only once the row survives kill -9.

    `claim` waits until no other process is asking the key and gives what it was answered; None makes it the caller's
    to ask, until `release`.
    """

    async def find(self, key: str) -> Call | None: ...

    async def claim(self, key: str) -> Call | None: ...

    def release(self, key: str) -> None: ...

    def record(self, call: Call) -> None: ...
