"""One corpus a file: each module names its recipe and builds it from settings with named defaults.

A recipe module has `NAME`, and `recipe(**settings) -> Recipe` whose keyword-only parameters are the settings a user may
change with `--set name=value`. Adding a corpus means adding a module to `RECIPES`.
"""

import difflib
import inspect
import typing
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from curation.errors import ConfigError
from curation.recipe import Recipe
from curation.step import check_type

RECIPES = {
    "reverify": "curation.recipes.reverify",
    "vision-r1-cold": "curation.recipes.vision_r1_cold",
    "vlaa-thinking": "curation.recipes.vlaa_thinking",
    "wethink": "curation.recipes.wethink",
    "worked": "curation.recipes.worked",
}


def builder(name: str) -> Callable[..., Recipe]:
    """The `recipe` function of a recipe. Raises `ConfigError` naming the known ones."""
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ConfigError("recipe", name, f"no such recipe; {hint}known: {', '.join(sorted(RECIPES))}")
    build: Callable[..., Recipe] = import_module(RECIPES[name]).recipe
    return build


def build(name: str, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with these settings, each checked against its type. Raises `ConfigError`."""
    function = builder(name)
    known = settings_of(name)
    for setting, value in settings.items():
        if setting not in known:
            close = difflib.get_close_matches(setting, known, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise ConfigError(f"--set {setting}", value, f"{name} has no such setting; {hint}it has {', '.join(known)}")
        check_type(f"--set {setting}", value, known[setting][0])
    return function(**settings)


def settings_of(name: str) -> dict[str, tuple[Any, Any]]:
    """Setting name to (type, default), in the order they are declared."""
    function = builder(name)
    hints = typing.get_type_hints(function)
    return {p.name: (hints[p.name], p.default) for p in inspect.signature(function).parameters.values()}
