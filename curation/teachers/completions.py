"""The chat-completions format: bodies as endpoints take them, and what their answers and errors mean.

Pure functions over bytes. Names and shapes follow the `openai` package (checked by mypy and a test against it), which
is not imported here: that takes 0.8 s, and its client costs what `openai_http` says.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import orjson

from curation.errors import RunStopped, SampleError
from curation.records import Json
from curation.teachers.protocol import Message, Sampling
from curation.teachers.transport import LONGEST_REPLY, Fault, RawReply, Request, TryAgain

if TYPE_CHECKING:
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

ERROR_NAMES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}
LENGTH = frozenset({"length", "max_tokens", "model_length"})
FILTERED = frozenset({"content_filter", "safety", "refusal", "prohibited_content", "sensitive"})
LONGEST_WAIT = 3600.0  # seconds of Retry-After we believe

# Only what no single request can cause: these stop a run. "Quota exceeded" alone is not among them, since Gemini says
# so of a minute's quota, and OpenAI's rate-limit message links to its billing page.
_NO_MODEL = re.compile(r"model_not_found|\bmodel\s+(\S+\s+)?(is\s+)?(does not exist|not exist|not found)", re.I)
_NO_KEY = re.compile(r"api.?key (is )?(not valid|invalid|incorrect)|(invalid|incorrect).?api.?key", re.I)
_NO_MONEY = re.compile(r"insufficient.?(quota|balance|credit|funds)", re.I)
_WAIT_INSIDE = re.compile(r'"retryDelay":\s*"(\d{1,6}(?:\.\d+)?)s"')  # Gemini's, which sends no header
_UNSAFE = re.compile(r"content.?(filter|policy|management)|moderation|flagged|responsible.?ai|safety", re.I)
_TOO_LARGE = re.compile(r"request too large", re.I)


def body_of(request: Request, urls: Mapping[str, Json], *, host: str, continues: bool) -> Json:
    """The request as JSON types. `urls` gives the data URL of each image by sha256.

    `continues`: the endpoint is a vLLM, which continues a last assistant turn when told to. OpenAI's own hosts have
    retired `max_tokens` and refuse it for newer models.
    """
    body: CompletionCreateParamsNonStreaming = {
        "model": request.model,
        "messages": [_turn(message, urls) for message in request.messages],
    }
    _sample(body, request.sampling, renamed=host == "api.openai.com" or host.endswith(".openai.azure.com"))
    if request.seed is not None:
        body["seed"] = request.seed
    if request.schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": request.schema, "strict": True},
        }
    if continues and request.messages[-1].role == "assistant":
        return {**body, "continue_final_message": True, "add_generation_prompt": False}
    return body


def read_completion(data: bytes) -> RawReply:
    """The first choice of a completion. Raises `TryAgain` when these bytes are none, or hold an error instead."""
    parsed = _json(data)
    if not isinstance(parsed, dict):
        raise _malformed("not a JSON object", data)
    choices = parsed.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        if parsed.get("error"):
            raise _error_inside(parsed["error"], data)
        raise _malformed("no choices", data)
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _malformed("a choice without a message", data)
    if choice.get("finish_reason") == "error" or choice.get("error"):
        raise _error_inside(choice.get("error") or "finish_reason error", data)
    return _raw_reply(choice, message, parsed.get("usage"), data)


def continued(wire: bytes, raw: RawReply) -> RawReply:
    """vLLM returns only what it added to a last assistant turn; a reply is the whole turn."""
    last = orjson.loads(wire)["messages"][-1]
    if last["role"] != "assistant" or not isinstance(last["content"], str) or raw.text.startswith(last["content"]):
        return raw
    return replace(raw, text=last["content"] + raw.text)


def judge_status(status: int, data: bytes, headers: Mapping[str, str], *, where: str, key: str) -> Exception:
    """What an HTTP error means: for the run (`RunStopped`), for the request (`SampleError`) or for now (`TryAgain`).

    `where` names endpoint and model, `key` the environment variable the key comes from.
    """
    said = message_of(data)
    raw = data[:LONGEST_REPLY].decode("utf-8", "replace")
    name = f"HTTP {status} {ERROR_NAMES.get(status, 'InternalServerError' if status >= 500 else 'error')}"
    detail = clean(f"{name}: {said}" if said else name)
    if stop := _dead_end(status, said, where, key, headers):
        return RunStopped(clean(stop))
    if status in (400, 403) and _UNSAFE.search(said):
        return SampleError("call_refused", detail, clean(raw))
    fault = _fault(status, said, headers)
    if fault is None:
        return SampleError("call_bad_request", detail, clean(raw))
    wait = retry_after(headers)
    if wait is None and (inside := _WAIT_INSIDE.search(raw)):
        wait = _bounded(float(inside[1]))
    reason = "call_timeout" if status == 408 else "call_failed"
    return TryAgain(fault, reason, detail, raw=clean(raw), status=status, retry_after=wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds asked for by `retry-after-ms` or `Retry-After` (seconds or an HTTP date); None when absent or absurd."""
    try:
        if (exact := headers.get("retry-after-ms")) is not None:
            return _bounded(float(exact) / 1000)
        text = headers.get("Retry-After")
        return None if text is None else _bounded(float(text))
    except ValueError:
        return _until(headers.get("Retry-After", ""), headers.get("Date"))


def message_of(data: bytes) -> str:
    """What an error body says, in one line of at most 600 characters; the body itself when it is no JSON."""
    parsed = _json(data)
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    found = parsed
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = _with_code(found[name], found)
    text = found if isinstance(found, str) else data[:2000].decode("utf-8", "replace")
    return " ".join(text.split())[:600]


def clean(text: str) -> str:
    """The text without what UTF-8 or the store cannot hold: NUL and lone surrogates become U+FFFD."""
    if "\x00" in text:
        text = text.replace("\x00", "�")
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _turn(message: Message, urls: Mapping[str, Json]) -> Json:
    if not message.images:
        return {"role": message.role, "content": message.text}
    shown = [{"type": "image_url", "image_url": {"url": urls[image.sha256]}} for image in message.images]
    return {"role": message.role, "content": [*shown, {"type": "text", "text": message.text}]}


def _sample(body: "CompletionCreateParamsNonStreaming", sampling: Sampling, *, renamed: bool) -> None:
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.max_tokens is not None and renamed:
        body["max_completion_tokens"] = sampling.max_tokens
    elif sampling.max_tokens is not None:
        body["max_tokens"] = sampling.max_tokens
    if sampling.stop:
        body["stop"] = list(sampling.stop)


def _raw_reply(choice: Mapping[str, Json], message: Mapping[str, Json], usage: Json, data: bytes) -> RawReply:
    text, finish = _text(message.get("content"), data), str(choice.get("finish_reason") or "stop").lower()
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal and not text:
        text, finish = refusal, "content_filter"
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    usage = usage if isinstance(usage, dict) else {}
    return RawReply(
        clean(text[: LONGEST_REPLY + 1]),
        clean(reasoning[: LONGEST_REPLY + 1]) if isinstance(reasoning, str) else "",
        "length" if finish in LENGTH else "content_filter" if finish in FILTERED else "stop",
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
    )


def _text(content: Json, data: bytes) -> str:
    """Content as text: some endpoints send a list of parts, and null with a refusal or nothing but reasoning."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    raise _malformed("content is neither text nor parts", data)


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def _json(data: bytes) -> Json:
    """Parsed JSON, None when it is none. The slow parser takes what orjson refuses: lone surrogates, bad UTF-8."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return json.loads(data.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None


def _malformed(why: str, data: bytes) -> TryAgain:
    start = clean(data[:2000].decode("utf-8", "replace"))
    return TryAgain("malformed", "call_malformed", f"not a chat completion: {why}", raw=start)


def _error_inside(error: Json, data: bytes) -> Exception:
    """Some gateways answer 200 and put the provider's error into the body."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    fault = _fault(status, message_of(data), {})
    detail = f"HTTP 200 with an error inside: {message_of(data)}"
    raw = clean(data[:LONGEST_REPLY].decode("utf-8", "replace"))
    if fault is None:
        return SampleError("call_bad_request", detail, raw)
    return TryAgain(fault, "call_failed", detail, raw=raw, status=status)


def _dead_end(status: int, said: str, where: str, key: str, headers: Mapping[str, str]) -> str:
    """One line for the user when every other request would get the same answer, else empty."""
    if status == 401 or (status == 403 and not _UNSAFE.search(said)) or (status == 400 and _NO_KEY.search(said)):
        return f"{where} rejected the key (HTTP {status}): {said}; check ${key}"
    if status == 402 or (status == 429 and _NO_MONEY.search(said)):
        return f"{where} has no credit left (HTTP {status}): {said}"
    if status == 404 or (status == 400 and _NO_MODEL.search(said)):
        return f"{where} not found (HTTP {status}): {said or 'no such model or path'}; check the URL and #MODEL"
    if status == 405 or 300 <= status < 400:
        place = f", it points to {headers['Location']}" if "Location" in headers else ""
        return f"{where} takes no chat completions at this URL (HTTP {status}{place}); mend the URL of --teacher"
    return ""


def _fault(status: int, said: str, headers: Mapping[str, str]) -> Fault | None:
    if status == 429:
        return None if _TOO_LARGE.search(said) else "busy"
    if status in (502, 503, 504):
        return "busy" if status == 503 and "Retry-After" in headers else "down"
    return "flaky" if status in (408, 409, 425) or status >= 500 else None


def _bounded(seconds: float) -> float | None:
    return min(seconds, LONGEST_WAIT) if seconds >= 0 else None


def _until(date: str, now: str | None) -> float | None:
    """Seconds from the server's own clock to a date of its choosing, so our clock does not matter."""
    try:
        then = parsedate_to_datetime(date)
        return _bounded((then - parsedate_to_datetime(now or "")).total_seconds())
    except (ValueError, TypeError):
        return None


def _with_code(value: Json, parent: Mapping[str, Json]) -> Json:
    """A message with its error code, which is often the only stable part."""
    code = parent.get("code") or parent.get("type")
    return f"{value} ({code})" if isinstance(value, str) and isinstance(code, str) and code else value
