"""How a request is put to the small model, and how its reply is read back. Text only; nothing is loaded here.

A conversation that shows worked examples goes in as plain text to be continued, without the chat template: this model
then copies numbers from the last question instead of chatting (of 18 chart questions answered greedily, 3 were right as
plain text and 0 as chat; 2026-11). Examples that think in tags also bind the reply to that form by a grammar: without
one, two replies of three had no complete think block. A conversation without examples uses the chat template.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from curation.errors import SampleError
from curation.records import Json
from curation.teachers.local.form import grammar
from curation.teachers.protocol import Message
from curation.teachers.transport import LONGEST_REPLY, RawReply, Request

Chunk = Mapping[str, Json]

MAX_TOKENS = 512  # where the request names no limit: a lost small model repeats itself until it is stopped
BETWEEN = "\n\n"  # examples; therefore no turn may hold an empty line
BLANK_LINES = re.compile(r"\n\s*\n")


def body_of(request: Request) -> tuple[Literal["text", "chat"], dict[str, Json]]:
    """Which of llama.cpp's endpoints to ask, and the request as it takes it."""
    kind: Literal["text", "chat"] = "text" if _examples(request.messages) else "chat"
    sampling = request.sampling
    body: dict[str, Json] = {
        "max_tokens": sampling.max_tokens or MAX_TOKENS,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": (request.seed if request.seed is not None else request.draw) & 0x7FFFFFFF,
        "stop": [*sampling.stop, BETWEEN] if kind == "text" else list(sampling.stop) or None,
        "stream": True,
        "stream_options": {"include_usage": True},
        **(_as_text(request.messages) if kind == "text" else _as_chat(request.messages)),
    }
    if request.schema is not None:
        # The schema's grammar ends the reply, and allows blank lines inside it, at which it must not be cut.
        body |= {"json_schema": request.schema, "stop": list(sampling.stop) or None}
        body.pop("grammar", None)
    return kind, {name: value for name, value in body.items() if value is not None}


def reply_of(chunks: Sequence[Chunk], prefix: str) -> RawReply:
    """The reply from its stream; `prefix` is what the model was made to begin with and belongs to it."""
    pieces = [choice for chunk in chunks for choice in chunk.get("choices") or ()]
    text = "".join(_piece(choice) for choice in pieces)
    usage: Chunk = next((chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage")), {})
    return RawReply(
        (text if text.startswith(prefix) else prefix + text)[:LONGEST_REPLY],
        finish=finish_of(chunks) or "length",
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
    )


def finish_of(chunks: Sequence[Chunk]) -> str | None:
    """Why the stream ended, `stop` or `length`; None when it was cut off before."""
    for chunk in chunks:
        for choice in chunk.get("choices") or ():
            if choice.get("finish_reason"):
                return str(choice["finish_reason"])
    return None


def prefix_of(messages: Sequence[Message]) -> str:
    """What the reply has to begin with: a last turn of the assistant."""
    return plain(messages[-1]) if messages and messages[-1].role == "assistant" else ""


def plain(message: Message) -> str:
    """The text without the model's own control marks, by which a hostile caption could open another turn."""
    if message.images:
        raise SampleError("call_bad_request", "the embedded reasoner does not see images")
    return message.text.replace("<|", "< |")


def _piece(choice: Mapping[str, Json]) -> str:
    return str(choice.get("text") or choice.get("delta", {}).get("content") or "")


def _examples(messages: Sequence[Message]) -> list[str]:
    """The replies that the conversation shows before its question."""
    return [message.text for message in messages[:-1] if message.role == "assistant"]


def _as_chat(messages: Sequence[Message]) -> dict[str, Json]:
    return {"messages": [{"role": message.role, "content": plain(message)} for message in messages]}


def _as_text(messages: Sequence[Message]) -> dict[str, Json]:
    """Turns as lines, examples apart by an empty line; the reply is to follow the last line."""
    parts = [(message, BLANK_LINES.sub("\n", plain(message)).strip()) for message in messages]
    text = "".join(part + (BETWEEN if message.role != "user" else "\n") for message, part in parts)
    prefix = prefix_of(messages)
    if prefix:
        text = text.rstrip()
    form = grammar(_examples(messages), messages[-2 if prefix else -1].text, begun=bool(prefix))
    return {"prompt": text, "grammar": form or None}
