"""Rewards by name, with one call for all: `score(reward, response, row)`.

A reward's positional parameters, after the response, are the columns it reads; its keyword-only ones are settings
(`judge` and `scorer` are given by the trainer, not by a file). `bind` checks names, types and ranges before the first
completion; a row that lacks a column, or holds something unreadable in it, is not scored and says so.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from types import MappingProxyType
from typing import Any, cast, get_type_hints

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from curation.errors import ConfigError
from curation.records import KINDS, Json, Option
from curation.rewards.answer import accuracy, format_and_accuracy
from curation.rewards.criterion import criterion
from curation.rewards.detection import detection_map, weighted_sum
from curation.rewards.format import format_reward
from curation.rewards.grounding import box_overlap, rec
from curation.rewards.gui import gui_action
from curation.rewards.judge import Judge, Scorer
from curation.rewards.length import cosine_length, soft_overlong
from curation.rewards.med_r1 import med_r1
from curation.rewards.patho_r1 import patho_dapo, patho_grpo
from curation.rewards.repetition import repetition
from curation.rewards.reward import Reward, unscored
from curation.rewards.skywork import rule_or_judge
from curation.rewards.so_fake import so_fake
from curation.rewards.vision_r1 import hfrrf
from curation.rewards.vlaa import mixed, mixed_rules
from curation.rewards.wethink import hybrid

Function = Callable[..., Reward | Awaitable[Reward]]
Row = Mapping[str, object]
ASKED = ("judge", "scorer")

REWARDS: Mapping[str, Function] = MappingProxyType(
    {
        "accuracy": accuracy,
        "format": format_reward,
        "format_and_accuracy": format_and_accuracy,
        "hfrrf": hfrrf,
        "vlaa_rules": mixed_rules,
        "vlaa_mixed": mixed,
        "wethink_hybrid": hybrid,
        "rule_or_judge": rule_or_judge,
        "box_overlap": box_overlap,
        "rec": rec,
        "od_length": detection_map,
        "weighted_sum": weighted_sum,
        "criterion": criterion,
        "gui_action": gui_action,
        "med_r1": med_r1,
        "patho_grpo": patho_grpo,
        "patho_dapo": patho_dapo,
        "so_fake": so_fake,
        "soft_overlong": soft_overlong,
        "cosine_length": cosine_length,
        "repetition": repetition,
    }
)


@dataclass(frozen=True, slots=True)
class Bound:
    """A reward with its settings, ready to score; `reads` and `required` are its columns by the row's names."""

    name: str
    function: Function
    settings: Mapping[str, object] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def asynchronous(self) -> bool:
        return inspect.iscoroutinefunction(self.function)

    @property
    def required(self) -> tuple[str, ...]:
        """The row's columns without which nothing can be scored."""
        return tuple(self.columns.get(name, name) for name, needed in reads(self.function).items() if needed)


@cache
def reads(function: Function) -> Mapping[str, bool]:
    """The columns a reward reads, in order, and whether it needs them."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return {one.name: one.default is one.empty for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD}


@cache
def settings_of(function: Function) -> type[BaseModel]:
    """A reward's keyword-only parameters as a pydantic model: names, types, ranges and defaults."""
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        one.name: (hints[one.name], one.default)
        for one in inspect.signature(function).parameters.values()
        if one.kind is one.KEYWORD_ONLY and one.name not in ASKED
    }
    return create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def bind(
    name: str,
    settings: Mapping[str, Json] | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    judge: Judge | None = None,
    scorer: Scorer | None = None,
) -> Bound:
    """The reward of this name with these settings; `columns` says where a row keeps what the reward reads, when not
    under its own name.

    Raises `ConfigError` for an unknown reward, setting or column, a value out of range, and a judge or scorer that is
    needed and not given.
    """
    if name not in REWARDS:
        raise ConfigError("reward", name, f"one of {', '.join(REWARDS)}")
    function = REWARDS[name]
    if unknown := sorted((columns or {}).keys() - reads(function).keys()):
        raise ConfigError(f"reward {name}, columns", unknown, f"it reads {', '.join(reads(function)) or 'no column'}")
    given = {"judge": judge, "scorer": scorer}
    asked = {one: given[one] for one in ASKED if one in inspect.signature(function).parameters}
    for one, model in asked.items():
        if model is None:
            raise ConfigError(f"reward {name}, {one}", None, f"it asks a {one} for answers that rules cannot decide")
    return Bound(name, function, {**_validated(name, function, settings or {}), **asked}, dict(columns or {}))


def _validated(name: str, function: Function, settings: Mapping[str, Json]) -> dict[str, object]:
    model = settings_of(function)
    try:
        checked = model(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        where, known = ".".join(map(str, first["loc"])), ", ".join(model.model_fields) or "none"
        fix = (
            f"no such setting; it has: {known}"
            if first["type"] == "extra_forbidden"
            else first["msg"].removeprefix("Value error, ")
        )
        raise ConfigError(f"reward {name}, {where}", first.get("input"), fix) from None
    return {key: getattr(checked, key) for key in settings}


def score(reward: Bound, response: str, row: Row) -> Reward:
    """What a rule reward gives a response to this row, at once. Raises `ConfigError` for a reward that asks a model."""
    if reward.asynchronous:
        raise ConfigError("reward", reward.name, "asks a model; use score_async")
    call = _call(reward, response, row)
    return call if isinstance(call, Reward) else cast(Reward, call())


async def score_async(reward: Bound, response: str, row: Row) -> Reward:
    """The same for every reward; rules that may wait for the maths workers leave the event loop."""
    call = _call(reward, response, row)
    if isinstance(call, Reward):
        return call
    if reward.asynchronous:
        return await cast(Awaitable[Reward], call())
    if row.get(reward.columns.get("kind", "kind")) in ("math", None) and "kind" in reads(reward.function):
        return cast(Reward, await asyncio.to_thread(call))
    return cast(Reward, call())


def _call(reward: Bound, response: str, row: Row) -> Callable[[], Reward | Awaitable[Reward]] | Reward:
    """The call with its columns filled in, or why this row cannot be scored."""
    arguments: dict[str, object] = {}
    for name, needed in reads(reward.function).items():
        column = reward.columns.get(name, name)
        value = row.get(column)
        if value is None:
            if needed:
                return unscored("field_missing", f"{reward.name} reads {column}")
            continue
        try:
            arguments[name] = READ[name](value)
        except (ValueError, TypeError, OverflowError) as error:
            return unscored("field_malformed", f"{column}: {error}")
    return partial(reward.function, response, **arguments, **reward.settings)


def _text(value: object) -> str:
    """A string as it is; numbers, lists and objects as JSON (published rows hold integers and lists of four)."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float | list | tuple | dict):
        return orjson.dumps(value).decode()
    raise ValueError(f"is a {type(value).__name__}, not text")


def _kind(value: object) -> str:
    kind = str(value).strip().lower()
    kind = {"iou": "box", "bbox": "box"}.get(kind, kind)
    if kind not in KINDS:
        raise ValueError(f"{kind[:40]!r} is not a kind ({', '.join(KINDS)})")
    return kind


def _options(value: object) -> tuple[Option | str, ...]:
    """Texts, `Option`s, `{letter, text}` objects, or one object of letters; a JSON string of these."""
    if isinstance(value, str):
        value = orjson.loads(value)
    if isinstance(value, Mapping):
        return tuple(Option(str(letter), str(text)) for letter, text in value.items() if text is not None)
    if not isinstance(value, Sequence) or isinstance(value, bytes | str):
        raise ValueError("is not a list of options")
    return tuple(_option(one) for one in value)


def _option(one: object) -> Option | str:
    if isinstance(one, Mapping):
        return Option(str(one["letter"]) if "letter" in one else "", str(one.get("text", "")))
    if isinstance(one, str | Option):
        return one
    raise ValueError(f"an option is a {type(one).__name__}")


def _number(value: object) -> float:
    number = float(cast(Any, value))
    if not abs(number) < 1e9:
        raise ValueError(f"{number} is out of range")
    return number


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value


READ: Mapping[str, Callable[[Any], object]] = {
    **dict.fromkeys(("reference", "question", "label", "box", "action", "target", "text"), _text),
    **dict.fromkeys(("progress", "width", "height"), _number),
    "kind": _kind,
    "options": _options,
    "completion_tokens": _count,
    "image": lambda value: value,
}
