"""Replies as data: asked for by JSON schema, checked with pydantic, mended once by the model itself, then refused.

The schema goes to the endpoint (`response_format`) and into the last message, since not every endpoint holds to it. A
teacher with small prompts has worked examples instead: the text of a schema drowned all else SmolLM2 was told.
Both calls are ordinary ones in the ledger, so a mended reply is never paid for again.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from curation.errors import SampleError
from curation.records import Json
from curation.teachers.protocol import Message, Reply, Sampling, Teacher

M = TypeVar("M", bound=BaseModel)

FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL | re.IGNORECASE)
SHOWN = 4000  # characters of a bad reply shown to the model again
MOST_FAULTS = 5


async def ask_as(
    teacher: Teacher, shape: type[M], messages: Sequence[Message], *, sampling: Sampling = Sampling(), draw: int = 0
) -> tuple[M, tuple[str, ...]]:
    """The reply as `shape`, and the call keys it took (one, or two when it was mended).

    Raises `SampleError`: `reply_not_schema` with the raw text when the mended reply does not fit either, and what
    `Teacher.ask` raises.
    """
    schema = strict_schema(shape)
    asked = list(messages) if teacher.prompts == "small" else _with_schema(messages, schema)
    first = await teacher.ask(asked, sampling=sampling, draw=draw, schema=schema)
    try:
        return read_as(shape, first), (first.key,)
    except SampleError as error:
        mending = [*asked, Message("assistant", first.text[:SHOWN]), Message("user", _complaint(error.detail))]
    second = await teacher.ask(mending, sampling=sampling, draw=draw, schema=schema)
    return read_as(shape, second), (first.key, second.key)


def read_as(shape: type[M], reply: Reply) -> M:
    """The reply's text as `shape`; a Markdown fence around it is taken off. Raises `SampleError` reply_not_schema."""
    fenced = FENCED.fullmatch(reply.text)
    try:
        return shape.model_validate_json(fenced[1] if fenced else reply.text)
    except ValidationError as error:
        raise SampleError("reply_not_schema", _faults(error), reply.text) from None


def strict_schema(shape: type[BaseModel]) -> dict[str, Json]:
    """The JSON schema of `shape` as strict endpoints want it: every field required, no others allowed."""
    return {"title": shape.__name__, **_strict(shape.model_json_schema())}


def _strict(part: Any) -> Any:
    if isinstance(part, list):
        return [_strict(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _strict(value) for name, value in part.items() if name != "default"}
    if closed.get("type") == "object" and "properties" in closed:
        closed |= {"additionalProperties": False, "required": list(closed["properties"])}
    return closed


def _with_schema(messages: Sequence[Message], schema: Json) -> list[Message]:
    *before, last = messages
    asked = f"{last.text}\n\nReply with one JSON object that fits this schema, and nothing else:\n{_text(schema)}"
    return [*before, Message(last.role, asked, last.images)]


def _complaint(faults: str) -> str:
    return f"That does not fit the schema: {faults}. Reply again with the whole JSON object and nothing else."


def _faults(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    said = [f"{'.'.join(map(str, fault['loc'])) or 'the reply'}: {fault['msg']}" for fault in found[:MOST_FAULTS]]
    return "; ".join(said) + (f"; and {len(found) - MOST_FAULTS} more" if len(found) > MOST_FAULTS else "")


def _text(schema: Json) -> str:
    return orjson.dumps(schema, option=orjson.OPT_SORT_KEYS).decode()
