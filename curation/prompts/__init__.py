"""Prompt templates: plain-text files beside this one, one a step and recipe, split into chat turns.

    ### sampling
    temperature = 0.6
    max_tokens = 4096
    ### system
    You read charts.
    ### user
    Question: {question}

The optional first block, in TOML, says how its completions are drawn. A slot is a lower-case name in braces and is
filled from the column of that name; filled text is never scanned again, so
a caption cannot smuggle in turns or slots. `NAME.small.txt` is the variant for small models; without one, `NAME.txt`
serves all. A last turn of the assistant is a prefix the model continues.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from curation.errors import ConfigError
from curation.records import Image
from curation.teachers.protocol import Message, Role, Sampling

FOLDER = Path(__file__).parent
SLOT = re.compile(r"\{([a-z][a-z_0-9]*)\}")
TURN = re.compile(r"^### (sampling|system|user|assistant)[ \t]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One template, already split into turns of (role, text), and how its completions are drawn."""

    name: str
    turns: tuple[tuple[Role, str], ...]
    sampling: Sampling = Sampling()

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(slot for _, text in self.turns for slot in SLOT.findall(text))

    @property
    def text(self) -> str:
        """The whole template as one text, sampling included: what fingerprints and people see."""
        drawn = {f.name: value for f in fields(Sampling) if (value := getattr(self.sampling, f.name)) not in (None, ())}
        head = "".join(
            f"{name} = {list(value) if isinstance(value, tuple) else value}\n" for name, value in drawn.items()
        )
        turns = "".join(f"### {role}\n{text}\n" for role, text in self.turns)
        return f"### sampling\n{head}{turns}" if head else turns

    def fill(self, columns: Mapping[str, str], *, images: tuple[Image, ...] = ()) -> tuple[Message, ...]:
        """Messages with every slot replaced; `images` go with the last user turn."""
        last = max(i for i, (role, _) in enumerate(self.turns) if role == "user")
        return tuple(
            Message(role, SLOT.sub(lambda slot: columns[slot[1]], text), images if i == last else ())
            for i, (role, text) in enumerate(self.turns)
        )


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The variants of one template, the role that reads it, and the variant in use; `extra` slots are filled by the
    step.
    """

    name: str
    role: str
    variants: Mapping[str, Prompt]
    extra: tuple[str, ...] = ()
    active: str = "default"

    def suited(self, kind: str) -> "PromptSet":
        """The set with the variant for this kind of teacher in use, where there is one."""
        return replace(self, active=kind if kind in self.variants else "default")

    @property
    def prompt(self) -> Prompt:
        return self.variants[self.active]

    @property
    def sampling(self) -> Sampling:
        return self.prompt.sampling

    def fill(self, columns: Mapping[str, str], *, images: tuple[Image, ...] = ()) -> tuple[Message, ...]:
        """Messages of the variant in use; see `Prompt.fill`."""
        return self.prompt.fill(columns, images=images)


def parse(name: str, text: str) -> Prompt:
    """A template from its text. Raises `ConfigError` when it has no user turn, text before the first turn or a bad
    sampling block.
    """
    parts = TURN.split(text)
    blocks = [(role, body.strip("\n")) for role, body in zip(parts[1::2], parts[2::2], strict=True)]
    sampling = Sampling()
    if blocks and blocks[0][0] == "sampling":
        sampling = _sampling(name, blocks.pop(0)[1])
    roles = [role for role, _ in blocks]
    if parts[0].strip() or "user" not in roles or "sampling" in roles:
        raise ConfigError(
            "prompt",
            name,
            "start each turn with a line `### system`, `### user` or `### assistant`, one of them user",
        )
    return Prompt(name, tuple((cast(Role, role), body) for role, body in blocks), sampling)


def _sampling(name: str, text: str) -> Sampling:
    known = {f.name for f in fields(Sampling)}
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"prompt {name}, sampling", text, f"is not TOML ({error})") from None
    if unknown := sorted(values.keys() - known):
        raise ConfigError(f"prompt {name}, sampling", unknown, f"no such setting; it has {sorted(known)}")
    drawn: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    for field in fields(Sampling):
        if field.name != "stop" and isinstance(drawn.get(field.name, 0), bool | str | tuple | dict):
            raise ConfigError(f"prompt {name}, sampling", drawn[field.name], f"{field.name} must be a number")
    return Sampling(**drawn)


@cache
def prompts(name: str, *, role: str, extra: tuple[str, ...] = ()) -> PromptSet:
    """The templates `NAME.txt` and, when there is one, `NAME.small.txt` of this folder."""
    default = parse(name, (FOLDER / f"{name}.txt").read_text(encoding="utf-8"))
    small = FOLDER / f"{name}.small.txt"
    variants = {"default": default}
    if small.exists():
        variants["small"] = parse(f"{name}.small", small.read_text(encoding="utf-8"))
    return PromptSet(name, role, variants, extra)


def from_file(path: Path, like: PromptSet) -> PromptSet:
    """A user's own template in place of `like`, for every kind of teacher."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("prompt", str(path), f"cannot be read as UTF-8 text ({error})") from None
    return PromptSet(str(path), like.role, {"default": parse(str(path), text)}, like.extra)
