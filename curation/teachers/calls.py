"""How a call is keyed, written down for the ledger, and read back from it. Nothing here asks anyone anything."""

import time
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import orjson

from curation.errors import SampleError
from curation.records import Call, Json
from curation.teachers.prices import Price
from curation.teachers.protocol import Message, Reply, Sampling
from curation.teachers.spec import TeacherSpec
from curation.teachers.transport import LONGEST_REPLY, RawReply, Request

LONGEST_ERROR = 4000  # characters of an error body kept in the ledger
IMAGE_TOKENS = 800  # a guess, for pacing and budgets only


def described(spec: TeacherSpec, messages: Sequence[Message], sampling: Sampling, draw: int, schema: Json) -> bytes:
    """Canonical JSON of everything that decides a reply: its digest is the call key, its text the ledger's request.

    An image is its sha256, and the teacher's pixel budget where the picture is larger and so is sent smaller.
    """
    doc: dict[str, Json] = {
        "teacher": spec.name,
        "model": spec.model,
        "messages": [{"role": m.role, "content": _content(m, spec.max_pixels)} for m in messages],
        "sampling": _drawn(sampling),
        "draw": draw,
    }
    if schema is not None:
        doc["schema"] = schema
    return orjson.dumps(doc, option=orjson.OPT_SORT_KEYS)


def key_of(wire: bytes) -> str:
    """The call key of a described call: `records.digest` of the same JSON."""
    return blake2b(wire, digest_size=16).hexdigest()


def answered_call(
    spec: TeacherSpec, request: Request, raw: RawReply, price: Price | None, seconds: float, attempts: int
) -> Call:
    """The ledger row of a reply."""
    return Call(
        key=request.key,
        teacher=spec.name,
        model=request.model,
        status="ok",
        request=request.wire.decode(),
        reply=raw.text,
        reasoning=raw.reasoning,
        finish=raw.finish,
        prompt_tokens=raw.prompt_tokens,
        completion_tokens=raw.completion_tokens,
        cost=cost_of(price, raw.prompt_tokens, raw.completion_tokens),
        seconds=round(seconds, 4),
        attempts=attempts,
        draw=request.draw,
        created=time.time(),
    )


def cost_of(price: Price | None, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
    """Dollars; None when the price is unknown, or the tokens are and they cost something."""
    if price is None:
        return None
    if prompt_tokens is None or completion_tokens is None:
        return None if price.input or price.output else 0.0
    return price.of(prompt_tokens, completion_tokens)


def failed_call(spec: TeacherSpec, request: Request, error: SampleError, seconds: float, attempts: int) -> Call:
    """The ledger row of a call given up: no reply, and what the endpoint said."""
    return Call(
        key=request.key,
        teacher=spec.name,
        model=request.model,
        status=error.reason,
        request=request.wire.decode(),
        seconds=round(seconds, 4),
        attempts=attempts,
        draw=request.draw,
        error=f"{error.detail}\n{error.raw}".strip()[:LONGEST_ERROR],
        created=time.time(),
    )


def reply_of(call: Call, *, cached: bool) -> Reply:
    """What a step gets for an answered call. Raises the same `SampleError` each time when there is nothing in it."""
    if call.finish == "content_filter":
        raise SampleError("call_refused", f"{call.teacher} refused to answer", call.reply or call.reasoning)
    if len(call.reply) > LONGEST_REPLY or len(call.reasoning) > LONGEST_REPLY:
        raise SampleError("reply_too_long", f"more than {LONGEST_REPLY:,} characters", call.reply[:LONGEST_ERROR])
    if not call.reply.strip() and not call.reasoning.strip():
        raise SampleError("reply_truncated" if call.finish == "length" else "reply_empty", "the reply has no text")
    return Reply(call.reply, call.key, call.reasoning, call.finish or "stop", cached)


def expected_tokens(request: Request) -> int:
    """A guess at what a call takes, four characters a token; only pace and budget rest on it."""
    characters = sum(len(message.text) for message in request.messages)
    images = sum(len(message.images) for message in request.messages)
    return characters // 4 + IMAGE_TOKENS * images + min(request.sampling.max_tokens or 512, 512)


def _content(message: Message, max_pixels: int) -> Json:
    if not message.images:
        return message.text
    shown = [
        {"type": "image", "sha256": image.sha256}
        | ({"max_pixels": max_pixels} if image.width * image.height > max_pixels else {})
        for image in message.images
    ]
    return [*shown, {"type": "text", "text": message.text}]


@lru_cache(maxsize=256)
def _drawn(sampling: Sampling) -> dict[str, Json]:
    drawn = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "stop": list(sampling.stop) or None,
    }
    return {name: value for name, value in drawn.items() if value is not None}
