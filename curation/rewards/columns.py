"""Columns of a row as rewards read them: published rows hold integers, lists, objects of letters and JSON texts.

Whatever cannot be read raises `ValueError`, and the row is not scored: one bad row must not stop a training.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import orjson

from curation.records import KINDS, Option


def text(value: object) -> str:
    """A string as it is; numbers, lists and objects as JSON, so that a list of boxes stays readable."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | list | tuple | dict):
        return orjson.dumps(value).decode()
    raise ValueError(f"is a {type(value).__name__}, not text")


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
    raise ValueError(f"an option is a {type(one).__name__}")


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
