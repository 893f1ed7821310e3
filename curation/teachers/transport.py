"""What passes between the dispatcher and whatever reaches a model: one request in, one raw reply or one fault out.

`openai_http` speaks HTTP, `local` runs models in this process; both only ever try once. Waiting, trying again,
recording and giving up belong to `dispatch`. A transport raises `TryAgain` for what may pass, `SampleError` for a
request that cannot be answered, `RunStopped` when no request would be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from curation.records import Image, Json
from curation.teachers.protocol import Message, Sampling

LONGEST_REPLY = 100_000  # characters of text, and of reasoning

Fault = Literal["busy", "down", "flaky", "timeout", "malformed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One completion to draw. `read_image` gives the original bytes of an image in `messages`.

    `wire` is the canonical JSON of all that decides the reply and `key` its digest (`calls.described`, `calls.key_of`).
    `seed` is set when the endpoint takes one; it follows from the call key, so a draw can be repeated.
    """

    key: str
    wire: bytes
    model: str
    messages: tuple[Message, ...]
    sampling: Sampling
    read_image: Callable[[Image], bytes]
    schema: Json = None
    draw: int = 0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class RawReply:
    """What the model said, before anyone judged it. `finish` is `stop`, `length` or `content_filter`."""

    text: str
    reasoning: str = ""
    finish: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Transport(Protocol):
    """A way to a model. It tries once; see the module for what it raises."""

    async def complete(self, request: Request) -> RawReply: ...

    async def alive(self) -> bool:
        """Whether the endpoint answers at all; asked after a fault that may be the server's or the request's."""
        ...


class TryAgain(Exception):
    """A fault that may pass. `reason` is the code to record if it never does.

    `busy`: asked to slow down (429, 503 with Retry-After). `down`: no server there, or a gateway says so (502, 503,
    504). `flaky`: 408, 409, 500, a connection or body cut short. `timeout`, `malformed`: as the words say. `status` is
    the HTTP status, 0 without one; `retry_after` is in seconds.
    """

    def __init__(
        self,
        fault: Fault,
        reason: str,
        detail: str,
        *,
        raw: str = "",
        status: int = 0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.fault, self.reason, self.detail = fault, reason, detail
        self.raw, self.status, self.retry_after = raw, status, retry_after
