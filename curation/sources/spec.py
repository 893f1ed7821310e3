"""What `--source`, `--map` and `--map-file` say, parsed into one record that can be stored and sent to a worker.

    figures?families=bar,pie&size=640x480      folder:DIR      json:FILE      jsonl:FILE
    parquet:FILE_OR_GLOB      huggingface:REPO_OR_DIR?split=train&revision=…&config=…
    vlaa-thinking:FILE?images=DIR, and the other published corpora of `curation.sources.published`

Only the words are judged here: whether columns exist is `mapping`'s, reading rows the readers'.
"""

import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from curation.errors import ConfigError
from curation.records import KINDS, Json

PUBLISHED = ("vlaa-thinking", "vision-r1-cold", "vision-r1-rl", "wethink", "llava-cot", "mulberry")
OPTIONS: dict[str, tuple[str, ...]] = {
    "figures": ("families", "kinds", "size"),
    "folder": (),
    "jsonl": (),
    "json": ("rows",),
    "parquet": (),
    "huggingface": ("split", "revision", "config"),
    **dict.fromkeys(PUBLISHED, ("images",)),
}
MAP_FILE_KEYS = ("map", "name", "licence", "kind", "base")
ON_DISK = ("folder", "jsonl", "json", "parquet", *PUBLISHED)
_QUERY = re.compile(r"(?P<rest>.*?)\?(?P<query>\w+=[^?]*)", re.DOTALL)
_REPO = re.compile(r"[\w.-]+(/[\w.-]+)?")
_NAME = re.compile(r"[^\s\x00-\x1f](.{0,78}[^\s\x00-\x1f])?")
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".parquet": "parquet"}

# Names of files that say nothing about the data; the folder's name says more.
_GENERIC = re.compile(
    r"(data|dataset|problems|questions|annotations|metadata|samples|rows|index|all|train|dev|val|valid|validation"
    r"|test|testmini|default)?([-_.]?(\d+|of|part|shard|\*|\?))*[-_.]?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """One source as asked for. `location` is an absolute path, a Hub repository, or empty for `figures`.

    `maps` are (target, expression) pairs; `base` is the folder of the pictures when it is not the source's own.
    """

    text: str
    scheme: str
    name: str
    location: str = ""
    options: tuple[tuple[str, str], ...] = ()
    maps: tuple[tuple[str, str], ...] = ()
    base: str = ""
    seed: int = 0
    limit: int | None = None
    smallest_side: int = 8

    def option(self, name: str) -> str:
        """The value given for an option, or an empty string."""
        return dict(self.options).get(name, "")

    def to_json(self) -> dict[str, Json]:
        """A JSON object that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SourceSpec":
        """The spec that `to_json` wrote."""
        pairs = {field: tuple((a, b) for a, b in value[field]) for field in ("options", "maps")}
        return cls(**{**value, **pairs})


def parse_spec(
    text: str,
    *,
    maps: Sequence[str] = (),
    map_file: Path | None = None,
    seed: int = 0,
    limit: int | None = None,
    smallest_side: int = 8,
) -> SourceSpec:
    """Parse the words of one source; ConfigError names the word and what would be right. `--map` beats the file."""
    scheme, location, options = _split(text)
    settings = read_map_file(map_file) if map_file else {}
    fixed = {key: f"'{settings[key]}'" for key in ("licence", "kind") if key in settings}
    pairs = {**fixed, **settings.get("map", {}), **dict(map(_split_map, maps))}
    if limit is not None and limit < 1:
        raise ConfigError("--limit", limit, "give the number of rows to read, 1 or more")
    return SourceSpec(
        text=text,
        scheme=scheme,
        name=settings.get("name") or default_name(scheme, location),
        location=location,
        options=tuple(sorted(options.items())),
        maps=tuple(pairs.items()),
        base=settings.get("base", ""),
        seed=seed,
        limit=limit,
        smallest_side=smallest_side,
    )


def near(word: str, known: Iterable[str]) -> str:
    """`did you mean …? ` when a known word is close, then the known words; the end of many error messages."""
    words = sorted(set(known))
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    listed = ", ".join(words[:40]) + (", …" if len(words) > 40 else "")
    return (f"did you mean {found[0]!r}? " if found else "") + f"known: {listed or 'none'}"


def default_name(scheme: str, location: str) -> str:
    """The name that sample ids start with: the file's stem, or its folder's name when the stem is generic."""
    if scheme == "figures":
        return scheme
    path = Path(location)
    stem = path.name if scheme in ("folder", "huggingface") else path.stem
    if scheme not in ("folder", "huggingface") and _GENERIC.fullmatch(stem) and path.parent.name:
        stem = path.parent.name
    return re.sub(r"[\s\x00-\x1f]+", "-", stem).strip("-")[:80] or scheme


def read_map_file(path: Path) -> dict[str, Any]:
    """A mapping file: `[map]` of target = expression, and optionally name, licence, kind and base (a folder)."""
    try:
        settings = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ConfigError("--map-file", str(path), f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("--map-file", str(path), f"is not TOML: {error}") from error
    for key in settings:
        if key not in MAP_FILE_KEYS:
            raise ConfigError(f"{path}: {key}", settings[key], f"unknown key; {near(key, MAP_FILE_KEYS)}")
    settings["map"] = dict(_flat(settings.get("map", {}), path))
    _judge_settings(settings, path)
    if "base" in settings:
        settings["base"] = str((path.parent / settings["base"]).absolute())
    return settings


def _judge_settings(settings: dict[str, Any], path: Path) -> None:
    for key in ("name", "licence", "kind", "base"):
        if not isinstance(settings.get(key, ""), str):
            raise ConfigError(f"{path}: {key}", settings[key], "must be text")
    if "name" in settings and not _NAME.fullmatch(settings["name"]):
        raise ConfigError(f"{path}: name", settings["name"], "1 to 80 printable characters")
    if settings.get("kind", KINDS[0]) not in KINDS:
        raise ConfigError(f"{path}: kind", settings["kind"], near(settings["kind"], KINDS))
    if "'" in settings.get("licence", ""):
        raise ConfigError(f"{path}: licence", settings["licence"], "write it without quotes, best as an SPDX name")


def _flat(table: object, path: Path) -> Iterable[tuple[str, str]]:
    """The pairs of `[map]`, with `[map.meta]` as `meta.…` targets."""
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: map", table, 'must be a table of target = "expression"')
    meta = table.get("meta", {})
    pairs = {k: v for k, v in table.items() if k != "meta"}
    pairs |= {f"meta.{k}": v for k, v in meta.items()} if isinstance(meta, dict) else {"meta": meta}
    for target, expression in pairs.items():
        if not isinstance(expression, str):
            raise ConfigError(f"{path}: map.{target}", expression, "must be text: a column, template or 'literal'")
        yield target, expression


def _split_map(text: str) -> tuple[str, str]:
    target, equals, expression = text.partition("=")
    if not equals or not target.strip() or not expression.strip():
        raise ConfigError("--map", text, "write it as TARGET=COLUMN, TARGET='text' or TARGET=…{column}…")
    return target.strip(), expression.strip()


def _split(text: str) -> tuple[str, str, dict[str, str]]:
    """(scheme, location, options) of a source's words."""
    query = _QUERY.fullmatch(text)
    rest, options = (query["rest"], query["query"]) if query else (text, "")
    scheme, colon, location = rest.partition(":")
    if scheme not in OPTIONS or (not colon and scheme != "figures"):
        raise ConfigError("--source", text, _unknown_scheme(rest, scheme, colon))
    return scheme, _location(text, scheme, location), dict(_split_options(text, scheme, options))


def _unknown_scheme(rest: str, scheme: str, colon: str) -> str:
    if not colon and scheme in OPTIONS:
        return f"say where it is, as {scheme}:PATH"
    kind = "folder" if os.path.isdir(rest) else _SUFFIXES.get(Path(rest).suffix.lower(), "")
    if kind and (not colon or os.path.exists(rest)):
        return f"say what it is, as {kind}:{rest}"
    return f"unknown kind of source {scheme!r}; {near(scheme, OPTIONS)}; write KIND:PATH"


def _split_options(text: str, scheme: str, query: str) -> Iterable[tuple[str, str]]:
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name not in OPTIONS[scheme]:
            raise ConfigError("--source", text, f"{scheme} has no option {name!r}; {near(name, OPTIONS[scheme])}")
        if not value:
            raise ConfigError("--source", text, f"option {name!r} has no value")
        yield name, value


def _location(text: str, scheme: str, location: str) -> str:
    if scheme == "figures":
        if location:
            raise ConfigError("--source", text, "figures are drawn, not read: write figures or figures?size=640x480")
        return ""
    if not location or "\0" in location:
        raise ConfigError("--source", text, f"say where it is, as {scheme}:PATH")
    if scheme in ON_DISK:
        path = Path(location).expanduser().absolute()
        return str(path) if scheme in ("parquet", "vision-r1-rl") else str(_existing(text, scheme, path))
    if Path(location).expanduser().is_dir():
        return str(Path(location).expanduser().absolute())
    if not _REPO.fullmatch(location) or set(location.split("/")) & {".", ".."}:
        raise ConfigError("--source", text, f"{location!r} is neither a folder nor a Hub repository like owner/name")
    return location


def _existing(text: str, scheme: str, path: Path) -> Path:
    """The path when it is a folder or an ordinary file, as the scheme wants."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError("--source", text, f"{path} cannot be read: {error.strerror}") from error
    if scheme == "folder" and not stat.S_ISDIR(mode):
        raise ConfigError("--source", text, f"{path} is not a folder")
    if scheme != "folder" and not stat.S_ISREG(mode):
        raise ConfigError("--source", text, f"{path} is a folder or device, not a file")
    return path
