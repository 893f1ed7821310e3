"""A frozen dataclass from what TOML gives: every key, type and table looked at, each fault told by its full name."""

import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from curation.errors import ConfigError
from curation.step import check_type

T = TypeVar("T")
ABOVE = "a key of no table belongs above the first [table]"


def build(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from a TOML file, tables within it included. Raises `ConfigError` for a key it does not have."""
    hints = typing.get_type_hints(kind)
    top = {f.name for f in fields(kind) if not _tables(hints[f.name])}  # type: ignore[arg-type]
    return _built(kind, values, "", frozenset(top))


def _built(kind: type[T], values: Mapping[str, Any], where: str, top: frozenset[str]) -> T:
    """`top` are the keys of the file that are in no table: one that stands below a table is read as a key of it."""
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            hint = f"; {ABOVE}" if where and name in top else hint
            raise ConfigError(f"{where}{name}", values[name], f"no such key; there are {', '.join(known)}{hint}")
    missing = [f.name for f in known.values() if f.default is MISSING and f.default_factory is MISSING]
    for name in missing:
        if name not in values:
            below = _below(values, name) if not where and name in top else ""
            raise ConfigError(
                f"{where}{name}", None, f"is needed; it stands as {below}: {ABOVE}" if below else "is needed"
            )
    return kind(**{name: _value(hints[name], value, f"{where}{name}", top) for name, value in values.items()})


def _below(values: Any, name: str, where: str = "") -> str:
    """The full name under which a key stands in a table, "" where it is in none."""
    if isinstance(values, list):
        pairs = [(f"{where}[{at}]", each) for at, each in enumerate(values)]
    else:
        pairs = [(f"{where}.{key}" if where else key, each) for key, each in values.items()]
    for place, each in pairs:
        if isinstance(each, Mapping) and name in each:
            return f"{place}.{name}"
        if isinstance(each, Mapping | list) and (found := _below(each, name, place)):
            return found
    return ""


def _tables(hint: Any) -> list[type[Any]]:
    """The dataclasses that a value of this type may be; a table is one of them."""
    choices = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return [choice for choice in choices if is_dataclass(choice) and isinstance(choice, type)]


def _value(hint: Any, value: Any, where: str, top: frozenset[str]) -> Any:
    if tables := _tables(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(where, value, f"must be a table: write [{where}]")
        return _built(tables[0], value, f"{where}.", top)
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is not tuple:
        check_type(where, value, hint)
        return value
    if not isinstance(value, list):
        if is_dataclass(inner[0]):
            raise ConfigError(where, value, f"is a list of tables: write [[{where}]] above each of them")
        raise ConfigError(where, value, "must be a list" + (f": write [{value!r}]" if isinstance(value, str) else ""))
    if inner[-1] is not Ellipsis and len(value) != len(inner):
        raise ConfigError(where, value, f"must be a list of {len(inner)}, and has {len(value)}")
    kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
    return tuple(
        _value(kind, item, f"{where}[{at}]", top) for at, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )
