"""A job is everything one run needs, as plain data: it is what the command line builds and what Prefect is given.

`prepare` turns it into a recipe bound to teachers and refuses a bad one before anything is opened.
"""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson

from curation.errors import ConfigError
from curation.prompts import from_file
from curation.recipe import Plan, Recipe, bind
from curation.recipes import build, settings_of
from curation.records import Json
from curation.teachers.spec import TeacherSpec, assign, parse_teacher, refreshed


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run to do. `settings` are the recipe's; `prompts` maps a step to a template file; budgets are None when
    unlimited; `refresh` asks teachers again, see `curation.teachers.spec.refreshed`.
    """

    recipe: str
    source: str
    teachers: tuple[str, ...] = ("local",)
    store: str = "store"
    settings: Mapping[str, Json] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    maps: tuple[str, ...] = ()
    map_file: str | None = None
    limit: int | None = None
    accepted: int | None = None
    seed: int = 0
    batch: int = 64
    max_cost: float | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    refresh: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("limit", "accepted", "batch", "max_calls", "max_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"--{name.replace('_', '-')}", value, "must be at least 1")

    def as_json(self) -> dict[str, Json]:
        """The job as JSON types, for Prefect parameters and the run record."""
        return {**asdict(self), "teachers": list(self.teachers), "maps": list(self.maps), "refresh": list(self.refresh)}


def from_json(data: Mapping[str, Json]) -> Job:
    """A job from its JSON form. Raises `ConfigError` for an unknown field."""
    known = {f.name for f in fields(Job)}
    if unknown := sorted(data.keys() - known):
        raise ConfigError("job", unknown, f"no such field; it has {sorted(known)}")
    lists = {name: tuple(data[name]) for name in ("teachers", "maps", "refresh") if name in data}
    return Job(**{**data, **lists})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job that can run: its recipe, the teacher of each role, and the plan with fingerprints."""

    job: Job
    recipe: Recipe
    teachers: Mapping[str, TeacherSpec]
    plan: Plan


def prepare(job: Job) -> Prepared:
    """Recipe, teachers and plan of a job. Raises `ConfigError` before anything is opened or called."""
    recipe = _with_prompts(build(job.recipe, _seeded(job)), job.prompts)
    if job.accepted and (made := [step.writes for step in recipe.flat() if step.scope == "many"]):
        raise ConfigError("--accepted", job.accepted, f"{made[0]} makes many rows of one; give --limit N source rows")
    teachers = refreshed(teachers_of(recipe, job.teachers), job.refresh)
    return Prepared(job, recipe, teachers, bind(recipe, teachers))


def default_teachers(recipe: str) -> tuple[str, ...]:
    """Who plays when nobody was named: the embedded teacher, or nobody where the recipe can do without."""
    return ("local",) if any(build(recipe, {}).roles().values()) else ()


def teachers_of(recipe: Recipe, texts: Sequence[str]) -> dict[str, TeacherSpec]:
    """The teacher of each role that is played; a teacher without a model plays the one the paper used."""
    specs = [parse_teacher(text, default_models=recipe.published) for text in texts]
    return assign(specs, _played(recipe, specs))


def _played(recipe: Recipe, specs: Sequence[TeacherSpec]) -> list[str]:
    """The recipe's roles without the optional ones that no teacher was given for."""
    given = {spec.role for spec in specs}
    return [role for role, needed in recipe.roles().items() if needed or role in given or None in given]


def _seeded(job: Job) -> dict[str, Json]:
    return {"seed": job.seed, **job.settings} if "seed" in settings_of(job.recipe) else dict(job.settings)


def _with_prompts(recipe: Recipe, prompts: Mapping[str, str]) -> Recipe:
    for step, path in prompts.items():
        recipe = recipe.with_prompt(step, lambda old, path=path: from_file(Path(path), old))  # type: ignore[misc]
    return recipe


def parse_settings(recipe: str, pairs: list[str]) -> dict[str, Json]:
    """`name=value` texts as typed settings of `recipe`; values are JSON where they parse as JSON, else text."""
    types = settings_of(recipe)
    found: dict[str, Json] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ConfigError("--set", pair, "write it as name=value")
        found[name] = _typed(text, types[name][0]) if name in types else text
    return found


def _typed(text: str, annotation: Any) -> Json:
    if annotation is str or typing.get_origin(annotation) is typing.Literal:
        return text
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = text
    return tuple(value) if isinstance(value, list) else value
