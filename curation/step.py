"""A step is a plain typed function; its signature is its declaration.

Positional parameters name the columns it reads, its own name is the column it writes, keyword-only parameters are its
settings, a keyword-only parameter of type `Teacher` is a model it needs, named by role, and one of type `Pictures`
reads image bytes. A row-wise step returns a value or `Drop`; a step over all rows takes one list a column and returns
one value or `Drop` a row, in the same order; a step of scope "many" makes rows of a row: a list of `Child`, or `Drop`.

    @step
    async def caption(image: Image, *, captioner: Teacher, prompt: PromptSet = prompts("…/caption",
    role="captioner")) -> str: ...

Running steps is `curation.engine`; putting them in order is `curation.recipe`.
"""

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Union, overload

from curation.errors import ConfigError
from curation.reasons import REASONS
from curation.records import Image, Json, Kind, Option
from curation.teachers.protocol import Teacher
from curation.version import code_version

Scope = Literal["row", "all", "many"]
Pictures = Callable[[Image], bytes]
"""What a step asks for when it needs the bytes of stored pictures."""
Check = Callable[[Mapping[str, Any]], None]
"""Raises `ConfigError` for settings that cannot work here; asked when a recipe is built, before any call."""


@dataclass(frozen=True, slots=True)
class Drop:
    """What a step returns to remove a sample: a reason code, a detail, and what it had made by then."""

    reason: str
    detail: str = ""
    value: Json = None

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise ValueError(f"unknown reason code {self.reason!r}; add it to curation/reasons.py")


@dataclass(frozen=True, slots=True)
class Child:
    """A row that a step of scope "many" makes of a sample: it becomes a sample of its own (`curation.children`).

    It has its parent's image, source and licence. `caption` becomes its `given_caption`, so that all a later step reads
    of the picture belongs to the row itself; `value` is what the step's column holds for it. With a `reason` it goes no
    further and stays in the funnel.
    """

    question: str
    kind: Kind = "text"
    options: tuple[Option, ...] = ()
    reference: str | None = None
    caption: str | None = None
    value: Json = None
    reason: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        if self.reason and self.reason not in REASONS:
            raise ValueError(f"unknown reason code {self.reason!r}; add it to curation/reasons.py")


@dataclass(frozen=True, slots=True)
class Step:
    """A function with what its signature declares, and the settings bound to it.

    `instead` says which columns `reading` took for others.
    """

    run: Callable[..., Any]
    writes: str
    reads: tuple[str, ...]
    settings: Mapping[str, Any]
    types: Mapping[str, Any]
    roles: Mapping[str, bool] = field(default_factory=dict)
    pictures: str = ""
    scope: Scope = "row"
    check: Check | None = None
    instead: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *columns: Any, **settings: Any) -> Any:
        return self.run(*columns, **{**self.settings, **settings})

    @property
    def doc(self) -> str:
        return (inspect.getdoc(self.run) or "").split("\n")[0]

    @property
    def version(self) -> str:
        """Digest of the code the step runs; a changed helper is a changed step."""
        return code_version(self.run)

    def using(self, **settings: Any) -> "Step":
        """The same step with some settings changed. Raises `ConfigError` for an unknown name or a wrong type."""
        for name, value in settings.items():
            if name not in self.types:
                raise ConfigError(f"{self.writes}.{name}", value, self._no_such_setting(name))
            check_type(f"{self.writes}.{name}", value, self.types[name])
        return replace(self, settings={**self.settings, **settings})

    def reading(self, **columns: str) -> "Step":
        """The same step with columns taken for those it names: `reading(solution="rewrite")`. Raises `ConfigError`."""
        if unknown := sorted(columns.keys() - set(self.reads)):
            raise ConfigError(f"{self.writes}: reading", unknown, f"it reads no such column; it reads {self.reads}")
        reads = tuple(columns.get(name, name) for name in self.reads)
        return replace(self, reads=reads, instead={**self.instead, **columns})

    def _no_such_setting(self, name: str) -> str:
        close = difflib.get_close_matches(name, self.types, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        return f"{self.writes} has no such setting; it has {sorted(self.types)}{hint}"


def check_type(name: str, value: object, annotation: Any) -> None:
    """Raise `ConfigError` unless `value` suits a simple annotation (scalars, Literal, unions, containers by their
    outer type).
    """
    if not _suits(value, annotation):
        wanted = getattr(annotation, "__name__", str(annotation).replace("typing.", ""))
        if typing.get_origin(annotation) is Literal:
            wanted = " or ".join(repr(choice) for choice in typing.get_args(annotation))
        raise ConfigError(name, value, f"must be {wanted}")


def _suits(value: object, annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if annotation is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_suits(value, choice) for choice in typing.get_args(annotation))
    if origin is Literal:
        return value in typing.get_args(annotation)
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    outer = origin or annotation
    return not isinstance(outer, type) or isinstance(value, outer)


@overload
def step(function: Callable[..., Any], /) -> Step: ...
@overload
def step(*, scope: Scope, check: Check | None = None) -> Callable[[Callable[..., Any]], Step]: ...
def step(
    function: Callable[..., Any] | None = None, /, *, scope: Scope = "row", check: Check | None = None
) -> Step | Callable[[Callable[..., Any]], Step]:
    """Declare a function a step; it stays callable as it was. `check` refuses settings when a recipe is built."""
    if function is None:
        return lambda f: _declare(f, scope, check)
    return _declare(function, scope, check)


def _declare(function: Callable[..., Any], scope: Scope, check: Check | None) -> Step:
    hints = typing.get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())
    keyword = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    roles = {p.name: hints[p.name] is Teacher for p in keyword if _is_teacher(hints[p.name])}
    pictures = next((p.name for p in keyword if hints[p.name] == Pictures), "")
    settings = [p for p in keyword if p.name not in roles and p.name != pictures]
    if bare := [p.name for p in settings if p.default is p.empty]:
        raise TypeError(f"{function.__name__}: settings {bare} need defaults")
    return Step(
        run=function,
        writes=function.__name__,
        reads=tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD),
        settings={p.name: p.default for p in settings},
        types={p.name: hints[p.name] for p in settings},
        roles=roles,
        pictures=pictures,
        scope=scope,
        check=check,
    )


def _is_teacher(annotation: Any) -> bool:
    return annotation is Teacher or Teacher in typing.get_args(annotation)
