"""Result lines of an offline batch: which call each answers, and with what."""

import orjson

from curation.errors import RunStopped, SampleError
from curation.records import Json
from curation.teachers.completions import clean, judge_status, message_of, read_completion
from curation.teachers.transport import RawReply, TryAgain


def read_result(line: bytes, *, where: str, key: str) -> tuple[str, RawReply | Exception]:
    """Call key and outcome of one result line; the key is '' for a line that is none."""
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "", _bad_line(line)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("custom_id"), str):
        return "", _bad_line(line)
    return parsed["custom_id"], _outcome(parsed, line, where, key)


def _outcome(parsed: dict[str, Json], line: bytes, where: str, key: str) -> RawReply | Exception:
    response, error = parsed.get("response"), parsed.get("error")
    if isinstance(error, dict) and error.get("code") == "batch_expired":
        return TryAgain("flaky", "call_failed", "the batch expired before this request was answered")
    if not isinstance(response, dict) or not isinstance(status := response.get("status_code"), int):
        said = message_of(orjson.dumps({"error": error})) if error else "a result without a response"
        return TryAgain("malformed", "call_malformed", clean(said), raw=clean(line[:2000].decode("utf-8", "replace")))
    body = orjson.dumps(response.get("body"))
    if status != 200:
        return judge_status(status, body, {}, where=where, key=key)
    try:
        return read_completion(body)
    except (TryAgain, SampleError, RunStopped) as fault:
        return fault


def _bad_line(line: bytes) -> TryAgain:
    shown = clean(line[:2000].decode("utf-8", "replace"))
    return TryAgain("malformed", "call_malformed", "a result line that is none", raw=shown)
