"""Columns of a row as rewards read them: published rows hold integers, lists, objects of letters and JSON texts.

Responses are read here too. Whatever cannot be read raises `ValueError`, and the row is not scored: one bad row must
not stop a training.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import orjson

from curation.records import KINDS, Option, json_name


def response_text(value: object) -> str:
    """What a model said: text as it is; of TRL's conversational completion, messages `{role, content}`, the content of
    the last one by the assistant, whose text parts are joined. `ValueError` for anything else.
    """
    if isinstance(value, str):
        return value
    messages = [value] if isinstance(value, Mapping) else value
    if not isinstance(messages, list | tuple) or not all(isinstance(one, Mapping) for one in messages):
        raise ValueError(f"the response is {json_name(value)}, neither text nor messages")
    said = [one.get("content") for one in messages if one.get("role", "assistant") == "assistant"]
    if not said:
        raise ValueError("the messages of the response have none by the assistant")
    parts = [said[-1]] if isinstance(said[-1], str) else said[-1]
    if not isinstance(parts, list | tuple):
        raise ValueError(f"the content of the last message is {json_name(parts)}, not text")
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    if not (found := [one for one in texts if isinstance(one, str)]):
        raise ValueError("the content of the last message has no text")
    return "".join(found)


def text(value: object) -> str:
    """A string as it is; numbers, lists and objects as JSON, so that a list of boxes stays readable."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | list | tuple | dict):
        return orjson.dumps(value).decode()
    raise ValueError(f"is {json_name(value)}, not text")


def kind(value: object) -> str:
    """A kind of `curation.records`, in any case; VLAA-Thinking's `iou` is `box`."""
    name = str(value).strip().lower()
    name = {"iou": "box", "bbox": "box"}.get(name, name)
    if name not in KINDS:
        raise ValueError(f"{name[:40]!r} is not a kind ({', '.join(KINDS)})")
    return name


def options(value: object) -> tuple[Option | str, ...]:
    """Texts, `Option`s, `{letter, text}` objects, one object of letters, or a JSON text of these."""
    if isinstance(value, str):
        value = orjson.loads(value) if value.strip() else ()
    if isinstance(value, Mapping):
        return tuple(Option(str(letter), str(said)) for letter, said in value.items() if said is not None)
    if not isinstance(value, Sequence) or isinstance(value, bytes | str):
        raise ValueError("is not a list of options")
    return tuple(_option(one) for one in value)


def _option(one: object) -> Option | str:
    if isinstance(one, Mapping):
        return Option(str(one.get("letter") or ""), str(one.get("text", "")))
    if isinstance(one, str | Option):
        return one
    if isinstance(one, int | float):
        return str(one)
    raise ValueError(f"an option is {json_name(one)}")


def number(value: object) -> float:
    """A finite number below a thousand million."""
    read = float(cast(Any, value))
    if not abs(read) < 1e9:
        raise ValueError(f"{read} is out of range")
    return read


def count(value: object) -> int:
    """A whole number from 0 up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{str(value)[:40]} is not a count")
    return value


READ: Mapping[str, Callable[[Any], object]] = {
    **dict.fromkeys(("reference", "question", "label", "box", "action", "target", "text"), text),
    **dict.fromkeys(("progress", "width", "height"), number),
    "kind": kind,
    "options": options,
    "completion_tokens": count,
    "image": lambda value: value,
}
"""Column to reader; every column that a reward reads is here."""
