"""What `vistill recipes` prints: the recipes, and one recipe with its steps, settings, prompts and fingerprints."""

from collections.abc import Mapping, Sequence
from typing import Any

from curation.prompts import PromptSet
from curation.recipe import Draws, TeacherIdentity, bind
from curation.recipes import RECIPES, build, settings_of
from curation.step import Step
from flows.job import parse_settings, teachers_of


def recipes_table() -> list[dict[str, str]]:
    """Name, title and paper of every recipe."""
    built = [build(name, {}) for name in sorted(RECIPES)]
    return [{"name": recipe.name, "title": recipe.title, "paper": recipe.paper} for recipe in built]


def recipe_data(name: str, pairs: Sequence[str], teachers: Sequence[str]) -> dict[str, Any]:
    """Everything about a recipe as JSON types; fingerprints need teachers, else they are those without any."""

    recipe = build(name, parse_settings(name, list(pairs)))
    specs = teachers_of(recipe, teachers) if teachers else {}
    published = {role: _Published(role, recipe.published.get(role, "")) for role in recipe.roles()}
    shown: Mapping[str, TeacherIdentity] = specs or published
    plan = bind(recipe, shown)
    prints = {row[1]: row[2] for row in plan.table()}
    return {
        "name": recipe.name, "title": recipe.title, "paper": recipe.paper,
        "settings": {
            k: {"value": _plain(v), "default": _plain(settings_of(name)[k][1])} for k, v in recipe.settings.items()
        },
        "roles": {
            role: {"needed": needed, "published": recipe.published.get(role)} for role, needed in recipe.roles().items()
        },
        "steps": [_step(step, prints[step.writes], shown) for step in recipe.flat()],
        "draws": next(
            (
                {"k": part.k, "stop": part.stop, "steps": [step.writes for step in part.steps]}
                for part in recipe.steps
                if isinstance(part, Draws)
            ),
            None,
        ),
        "fingerprint": plan.fingerprint, "teachers": {role: f"{t.name} {t.model}" for role, t in shown.items()},
    }  # fmt: skip


class _Published:
    """The model a paper used, where the user has not named a teacher yet."""

    prompts = "default"
    max_pixels = 1_048_576

    def __init__(self, role: str, model: str) -> None:
        self.name, self.model = role, model


def _step(step: Step, fingerprint: str, teachers: Mapping[str, Any]) -> dict[str, Any]:
    prompts = {
        name: value.suited(teachers[value.role].prompts if value.role in teachers else "default").prompt.text
        for name, value in step.settings.items()
        if isinstance(value, PromptSet)
    }
    return {
        "step": step.writes, "does": step.doc, "reads": list(step.reads),
        "over": "all rows" if step.scope == "all" else "each row",
        "settings": {name: _plain(value) for name, value in step.settings.items() if name not in prompts},
        "roles": list(step.roles), "prompts": prompts, "fingerprint": fingerprint,
    }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list | frozenset) else value


def recipe_text(data: Mapping[str, Any]) -> str:
    """The data of a recipe as a page of text."""
    lines = [
        f"{data['name']}: {data['title']}",
        data["paper"],
        f"fingerprint {data['fingerprint']}",
        "",
        "settings (change with --set name=value):",
    ]
    lines += [
        f"  {name} = {about['value']!r}"
        + ("" if about["value"] == about["default"] else f"  (default {about['default']!r})")
        for name, about in data["settings"].items()
    ]
    lines += ["", "teachers:"]
    lines += [
        f"  {role:<11} {'needed' if about['needed'] else 'optional'}; "
        + (f"by default {about['published']}" if about["published"] else f"name its model: --teacher {role}=URL#MODEL")
        for role, about in data["roles"].items()
    ]
    for number, step in enumerate(data["steps"], 1):
        lines += [
            "",
            f"{number}. {step['step']}: {step['does']}",
            f"   over {step['over']}; reads {', '.join(step['reads'])}; fingerprint {step['fingerprint']}",
        ]
        lines += [f"   {name} = {value!r}" for name, value in step["settings"].items()]
        for name, text in step["prompts"].items():
            lines += [f"   {name}:", *(f"     | {line}" for line in text.rstrip().split("\n"))]
    if data["draws"]:
        lines += [
            "",
            f"{', '.join(data['draws']['steps'])}: up to {data['draws']['k']} draws (stop: {data['draws']['stop']})",
        ]
    return "\n".join(lines)
