"""Rewards of the R1-style vision papers: plain functions from a response and a row to every component.

One family a file, with its formula and source; the parser and the comparison are those of `curation.answers`, so that a
reward agrees with the verdict a corpus was curated by. `REWARDS` names them for the trainer's configuration; `score`
calls one with a row's columns, `score_async` also those that ask a judge or a reward model. Neither raises on any
response or row, whatever its type: what nobody could tell has `total` None. The functions themselves take text.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from curation.errors import ConfigError
from curation.records import Json, json_name
from curation.rewards.answer import accuracy, format_and_accuracy
from curation.rewards.columns import READ, response_text
from curation.rewards.criterion import criterion
from curation.rewards.detection import detection_map, weighted_sum
from curation.rewards.format import format_reward
from curation.rewards.grounding import box_overlap, rec
from curation.rewards.gui import gui_action
from curation.rewards.judge import Judge, Scorer, teacher_judge
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

__all__ = ["REWARDS", "Judge", "Reward", "Scorer", "checked", "columns_of", "score", "score_async", "teacher_judge"]

Function = Callable[..., Any]

REWARDS: Mapping[str, Function] = {
    "accuracy": accuracy,
    "format": format_reward,
    "format_and_accuracy": format_and_accuracy,
    "vlaa_rules": mixed_rules,
    "vlaa_mixed": mixed,
    "hfrrf": hfrrf,
    "wethink_hybrid": hybrid,
    "skywork": rule_or_judge,
    "box_overlap": box_overlap,
    "rec": rec,
    "criterion": criterion,
    "detection_map": detection_map,
    "weighted_sum": weighted_sum,
    "gui_action": gui_action,
    "med_r1": med_r1,
    "patho_grpo": patho_grpo,
    "patho_dapo": patho_dapo,
    "so_fake": so_fake,
    "soft_overlong": soft_overlong,
    "cosine_length": cosine_length,
    "repetition": repetition,
}
"""Name to function. Positional parameters after the response are columns of the row; keyword-only ones are settings."""

ALIASES = {"reference": ("reference", "answer", "solution")}
"""Names an export may give a column."""
MODELS = ("judge", "scorer")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a reward's signature says: the columns it reads (True: it cannot do without), its settings, its model."""

    columns: Mapping[str, bool]
    settings: Mapping[str, Any]
    model: str
    waits: bool


@cache
def declared(name: str) -> Declared:
    """The declaration of a reward. Raises `ConfigError` naming the known ones."""
    if name not in REWARDS:
        raise ConfigError("reward", name, f"no such reward; there are {', '.join(REWARDS)}")
    function = REWARDS[name]
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    columns = {p.name: p.default is p.empty for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    keyword = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    model = next((one for one in keyword if one in MODELS), "")
    settings = {one: hints[one] for one in keyword if one not in MODELS}
    return Declared(columns, settings, model, inspect.iscoroutinefunction(function))


def columns_of(name: str) -> tuple[str, ...]:
    """The columns of a row that a reward reads."""
    return tuple(declared(name).columns)


def checked(name: str, settings: Mapping[str, Json]) -> dict[str, Any]:
    """Settings of a reward, each held against its type and range. Raises `ConfigError` naming the first that is off."""
    known = declared(name).settings
    found: dict[str, Any] = {}
    for setting, value in settings.items():
        if setting not in known:
            raise ConfigError(f"{name}.{setting}", value, f"no such setting; it has {', '.join(known) or 'none'}")
        try:
            found[setting] = _adapter(name, setting).validate_python(value)
        except ValidationError as error:
            raise ConfigError(f"{name}.{setting}", value, error.errors()[0]["msg"]) from None
    return found


@cache
def _adapter(name: str, setting: str) -> TypeAdapter[Any]:
    return TypeAdapter(declared(name).settings[setting])


def score(name: str, response: object, row: Mapping[str, Any], **settings: Any) -> Reward:
    """A reward that rules decide, with its columns taken from `row`; one missing or unreadable makes it unscored.

    `response` is text, or the messages TRL gives for a conversation (`columns.response_text`); anything else, and a row
    that is no mapping, is unscored too. Raises `ConfigError` for an unknown name, or one that asks a model (use
    `score_async`).
    """
    if declared(name).waits:
        raise ConfigError("reward", name, f"asks a {declared(name).model}: call it with score_async")
    taken = _taken(name, response, row)
    if isinstance(taken, Reward):
        return taken
    result: Reward = REWARDS[name](taken.response, **taken.columns, **settings)
    return result


async def score_async(
    name: str, response: object, row: Mapping[str, Any], *, judge: Judge | None = None, scorer: Scorer | None = None,
    **settings: Any,
) -> Reward:  # fmt: skip
    """Any reward, as `score`. Raises `ConfigError` when it needs a judge or a scorer that is not given."""
    found = declared(name)
    if not found.waits:
        return score(name, response, row, **settings)
    model = {"judge": judge, "scorer": scorer}[found.model]
    if model is None:
        raise ConfigError("reward", name, f"needs a {found.model}")
    taken = _taken(name, response, row)
    if isinstance(taken, Reward):
        return taken
    result: Reward = await REWARDS[name](taken.response, **taken.columns, **{found.model: model}, **settings)
    return result


@dataclass(frozen=True, slots=True)
class Taken:
    """What a reward is called with: the response as text, and its columns by parameter."""

    response: str
    columns: Mapping[str, Any]


def _taken(name: str, response: object, row: object) -> Taken | Reward:
    """Response and columns as the reward reads them; empty columns are left to their defaults."""
    try:
        text = response_text(response)
    except ValueError as error:
        return unscored("response_malformed", str(error))
    if not isinstance(row, Mapping):
        return unscored("row_malformed", f"the row is {json_name(row)}, not an object")
    values: dict[str, Any] = {}
    for column, needed in declared(name).columns.items():
        value = next((row[alias] for alias in ALIASES.get(column, (column,)) if row.get(alias) is not None), None)
        if value is None:
            if needed:
                return unscored("column_missing", f"{name} needs the column {column}")
            continue
        try:
            values[column] = READ[column](value)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            return unscored("column_malformed", f"{column}: {error}")
    return Taken(text, values)
