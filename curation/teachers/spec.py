"""How a teacher is named on the command line, and which teacher serves which role. No network and no secrets here.

    [ROLE=][NAME@]https://host/v1#MODEL    any OpenAI-compatible endpoint; the URL ends where the SDK's base_url would
    [ROLE=][NAME@]vllm:MODEL               a `vllm serve` that we start and stop
    [ROLE=]model:DIR                       a model folder (the trainer's `model/`), run in this process
    [ROLE=]local                           the embedded models

Options follow as a URL query: `?max_pixels=…&concurrency=…&rpm=…&tpm=…&key_env=…&timeout=…&first_byte=…&hedge=…
&prompts=small&sees=false&batch=true`.
NAME is the provider's identity in call keys: give one to keep answers when an endpoint moves. Without it the host,
port and path stand in, so another server is another teacher.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

from curation.errors import ConfigError
from curation.version import modules_version

ROLES = ("captioner", "viewer", "reasoner", "rewriter", "judge", "adjudicator", "embedder")
LOCAL_CAPTIONER = "rapidocr"
LOCAL_REASONER = "smollm2-135m-instruct-q4_1"
LOCAL_VIEWER = "rapidocr-smollm2-135m"
WORDED_BY = {
    LOCAL_CAPTIONER: ("ocr", "layout", "look"),
    LOCAL_REASONER: ("llama", "wording", "form"),
    LOCAL_VIEWER: ("viewer", "ocr", "layout", "look", "llama", "wording", "form"),
}
"""Files of `curation.teachers.local` that decide what an embedded model says, beside its weights."""
MOST_IN_FLIGHT, BATCH_IN_FLIGHT = 4096, 10_000
"""Calls at a time that may be asked for, and those gathered for batches unless `concurrency` says otherwise."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_SYNTAX = "write [ROLE=][NAME@]https://host/v1#MODEL, [ROLE=]vllm:MODEL, [ROLE=]model:DIR or [ROLE=]local"
_PARTS = re.compile(
    r"(?:(?P<role>[A-Za-z_]+)=)?(?:(?P<name>[\w.-]+)@)?(?P<rest>(?:https?://|vllm:|model:|local\b).*)", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherSpec:
    """One teacher as the user named it. Plain JSON through `asdict`; keys stay in the environment.

    `max_pixels` bounds images as sent (width times height), `timeout` is seconds for one attempt in all, `first_byte`
    seconds until its answer begins or goes on. With `hedge`, an attempt without an answer after so many seconds is sent
    a second time and the first answer taken: quicker ends of runs for calls that may be paid twice. `rpm` and `tpm` are
    requests and tokens a minute. `send_seed`: the endpoint takes `seed`. `batch`: calls are gathered into offline
    batches (OpenAI's Batch API, or `vllm run-batch`), answered within a day and cheaper. `defaults` are (role, model)
    pairs for a spec without a model, used up by `assign`.
    """

    role: str | None = None
    name: str
    kind: Literal["openai", "vllm", "folder", "local"]
    base_url: str = ""
    model: str = ""
    key_env: str | None = None
    max_pixels: int = 1_048_576
    max_concurrency: int = 128
    timeout: float = 600.0
    first_byte: float | None = None
    hedge: float | None = None
    rpm: int | None = None
    tpm: int | None = None
    prompts: str = "default"
    sees: bool = True
    send_seed: bool = False
    batch: bool = False
    defaults: tuple[tuple[str, str], ...] = ()

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""


def parse_teacher(text: str, *, default_models: Mapping[str, str] = {}) -> TeacherSpec:
    """A spec from its one-line form; `default_models` maps a role to the model to use when none is named.

    Raises `ConfigError` (field `teacher`) for anything that cannot work.
    """
    found = _PARTS.fullmatch(text.strip())
    if found is None:
        raise ConfigError("teacher", text, _no_match(text))
    role, name, rest = found["role"], found["name"], found["rest"]
    if role is not None and role not in ROLES:
        raise ConfigError("teacher", text, _unknown_role(role, ROLES))
    spec = _endpoint(text, rest) if rest.startswith("http") else _managed(text, rest)
    spec = replace(spec, role=role, name=name or spec.name)
    return _with_default_model(text, spec, default_models)


def assign(specs: Sequence[TeacherSpec], roles: Iterable[str]) -> dict[str, TeacherSpec]:
    """The spec of every role in `roles`, with its role and model filled in; one without a role serves what is left.

    Raises `ConfigError` when a role has no teacher or two, or a spec serves nothing.
    """
    needed = list(dict.fromkeys(roles))
    named = {spec.role: spec for spec in specs if spec.role is not None}
    general = [spec for spec in specs if spec.role is None]
    _refuse_doubles(specs, general)
    if unused := sorted(role for role in named if role not in needed and role is not None):
        raise ConfigError("teacher", unused[0], _unknown_role(unused[0], needed))
    if missing := [role for role in needed if role not in named and not general]:
        raise ConfigError(
            "teacher",
            "none",
            f"the recipe needs a {missing[0]}: add --teacher {missing[0]}=…, or one without a role for all",
        )
    return {role: _for_role(named.get(role) or general[0], role) for role in needed}


def api_key(spec: TeacherSpec) -> str | None:
    """The key for this endpoint from the environment, None where none is needed. Raises `ConfigError` when missing."""
    own = _own_variable(spec)
    variables = [own, *([spec.key_env] if spec.key_env else [])]
    for variable in variables:
        if key := os.environ.get(variable, "").strip():
            if not key.isascii() or not key.isprintable():
                raise ConfigError("teacher", spec.name, f"${variable} holds characters no key has; export it again")
            return key
    if spec.key_env is None:
        return None
    raise ConfigError("teacher", spec.name, f"no key for {spec.host}: export {spec.key_env}=… (or {own}=…)")


def key_variable(spec: TeacherSpec) -> str:
    """The name of the environment variable to mend when the endpoint rejects the key."""
    own = _own_variable(spec)
    return own if os.environ.get(own) or not spec.key_env else spec.key_env


def _own_variable(spec: TeacherSpec) -> str:
    return "VISTILL_KEY_" + re.sub(r"\W+", "_", spec.name.partition("~")[0]).strip("_").upper()


def refreshed(specs: Mapping[str, TeacherSpec], words: Sequence[str]) -> dict[str, TeacherSpec]:
    """The teachers of each role under new names, so that they are asked again on purpose.

    Each of `words` is `WORD` for all roles or `ROLE=WORD`. The same word later finds the answers it bought; without it,
    the earlier answers are found again. Raises `ConfigError` for an unknown role or a malformed word.
    """
    fresh = dict(specs)
    for text in words:
        role, _, word = text.rpartition("=")
        if not re.fullmatch(r"[\w.-]{1,40}", word):
            raise ConfigError("--refresh", text, "name the new round: [ROLE=]WORD, of letters, digits, . _ and -")
        if role and role not in specs:
            raise ConfigError("--refresh", text, _unknown_role(role, list(specs)))
        for name in [role] if role else specs:
            fresh[name] = replace(specs[name], name=f"{specs[name].name}~{word}")
    return fresh


def _no_match(text: str) -> str:
    if re.search(r"https?://", text):
        return f"the part before the URL is not ROLE= or NAME@; {_SYNTAX}"
    return _SYNTAX


def _unknown_role(role: str, known: Iterable[str]) -> str:
    near = get_close_matches(role, list(known), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}no role {role!r} here; the roles are {', '.join(known)}"


def _refuse_doubles(specs: Sequence[TeacherSpec], general: Sequence[TeacherSpec]) -> None:
    given = [spec.role for spec in specs if spec.role is not None]
    if doubled := [role for role in given if given.count(role) > 1]:
        raise ConfigError("teacher", doubled[0], "two teachers for one role; keep one")
    if len(general) > 1:
        raise ConfigError(
            "teacher",
            [s.name for s in general],
            "only one teacher may come without ROLE=; name the roles of the others",
        )


def _for_role(spec: TeacherSpec, role: str) -> TeacherSpec:
    if spec.kind == "local":
        model = {"captioner": LOCAL_CAPTIONER, "viewer": LOCAL_VIEWER}.get(role, LOCAL_REASONER)
        return replace(spec, role=role, model=versioned(model), sees=model != LOCAL_REASONER, defaults=())
    if spec.kind == "folder":
        from curation.teachers.folder import digest_of  # this module's classes are its own

        known_by = f"{Path(spec.base_url).resolve().name}+{digest_of(spec.base_url)[:12]}"
        return replace(spec, role=role, model=known_by, defaults=())
    model = spec.model or dict(spec.defaults).get(role, "")
    if not model:
        raise ConfigError("teacher", spec.name, f"no model for {role}: add {spec.base_url or 'vllm:'}#MODEL")
    return replace(spec, role=role, model=model, defaults=())


def versioned(local_model: str) -> str:
    """An embedded model's name with a digest of the code that words its replies, so that no store serves old ones."""
    names = (f"curation.teachers.local.{name}" for name in WORDED_BY[local_model])
    return f"{local_model}+{modules_version(*names)[:8]}"


def _with_default_model(text: str, spec: TeacherSpec, models: Mapping[str, str]) -> TeacherSpec:
    if spec.model or spec.kind in ("local", "folder"):
        return spec
    if spec.role is None and models:
        return replace(spec, defaults=tuple(sorted(models.items())))
    if spec.role is not None and spec.role in models:
        return replace(spec, model=models[spec.role])
    raise ConfigError("teacher", text, "no model: add it after the URL, as in https://host/v1#MODEL")


def _managed(text: str, rest: str) -> TeacherSpec:
    body, _, query = rest.partition("?")
    kind, colon, model = body.partition(":")
    if kind == "vllm" and model:
        spec = TeacherSpec(name="vllm", kind="vllm", model=model, send_seed=True)
    elif kind == "model" and model:
        spec = TeacherSpec(name="model", kind="folder", base_url=model, send_seed=True)
    elif body == "local":
        spec = TeacherSpec(name="local", kind="local", prompts="small", max_concurrency=4, send_seed=True)
    else:
        raise ConfigError("teacher", text, f"{'name the model: vllm:MODEL' if colon and kind == 'vllm' else _SYNTAX}")
    spec = replace(spec, **_options(text, query))
    if spec.kind != "vllm" and spec.batch:
        raise ConfigError("teacher", text, "a model in this process has no batches; leave batch=true out")
    return spec


def _endpoint(text: str, url: str) -> TeacherSpec:
    parts, port = _split(text, url)
    model, _, late_query = parts.fragment.partition("?")
    if parts.query and late_query:
        raise ConfigError("teacher", text, "two option lists; write them once, before #MODEL")
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    if not path:
        raise ConfigError(
            "teacher",
            text,
            f"the URL has no API path; most endpoints want {parts.scheme}://{parts.netloc}/v1#MODEL",
        )
    loopback = parts.hostname in LOOPBACK
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    place = f"{host}:{port}" if port else host
    spec = TeacherSpec(
        name=place + path.removesuffix("/v1"),
        kind="openai",
        base_url=f"{parts.scheme}://{place}{path}",
        model=model,
        key_env="OPENAI_API_KEY" if parts.scheme == "https" and not loopback else None,
    )
    return replace(spec, **_options(text, parts.query or late_query))


def _split(text: str, url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError("teacher", text, f"not a URL ({error})") from None
    if parts.username or parts.password:
        raise ConfigError(
            "teacher",
            re.sub(r"//[^/@]*@", "//…@", text),
            "no credentials in the URL: keys come from the environment",
        )
    if not parts.hostname or re.search(r"\s", url):
        raise ConfigError("teacher", text, f"not a URL; {_SYNTAX}")
    return parts, port


def _options(text: str, query: str) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            near = get_close_matches(name, _OPTIONS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ConfigError(
                "teacher", _without_values(text), f"{hint}no option {name!r}; there are {', '.join(_OPTIONS)}"
            )
        field, read, wants = _OPTIONS[name]
        try:
            chosen[field] = read(value)
        except ValueError:
            raise ConfigError("teacher", text, f"{name} wants {wants}, not {value!r}") from None
    return _checked_together(text, chosen)


def _checked_together(text: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """Options that only make sense for calls one by one, or only for batches."""
    if not chosen.get("batch"):
        if chosen.get("max_concurrency", 1) > MOST_IN_FLIGHT:
            raise ConfigError("teacher", text, f"concurrency beyond {MOST_IN_FLIGHT} is for batch=true")
        return chosen
    if given := [name for name in ("timeout", "first_byte", "hedge", "rpm", "tpm") if name in chosen]:
        raise ConfigError("teacher", text, f"{given[0]} is for calls one by one; leave it out with batch=true")
    return {"max_concurrency": BATCH_IN_FLIGHT, **chosen}


def _without_values(text: str) -> str:
    """An unknown option may be a key pasted into the URL: never show its value."""
    before, mark, query = text.partition("?")
    return before + mark + re.sub(r"=[^&#]*", "=…", query)


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise ValueError(text)
        return value

    return read


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise ValueError(text)
    return value


def _truth(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", text):
        raise ValueError(text)
    return text


def _variant(text: str) -> str:
    if text not in ("default", "small"):
        raise ValueError(text)
    return text


_OPTIONS: dict[str, tuple[str, Callable[[str], Any], str]] = {
    "max_pixels": ("max_pixels", _whole(1024, 64_000_000), "a whole number of pixels from 1024 to 64000000"),
    "concurrency": ("max_concurrency", _whole(1, 50_000), "a whole number from 1 to 4096 (50000 with batch=true)"),
    "rpm": ("rpm", _whole(1, 10**9), "requests a minute, a whole number from 1"),
    "tpm": ("tpm", _whole(1, 10**12), "tokens a minute, a whole number from 1"),
    "key_env": ("key_env", _variable, "the name of an environment variable"),
    "timeout": ("timeout", _seconds, "seconds, up to 86400"),
    "first_byte": ("first_byte", _seconds, "seconds, up to 86400"),
    "hedge": ("hedge", _seconds, "seconds, up to 86400"),
    "prompts": ("prompts", _variant, "default or small"),
    "sees": ("sees", _truth, "true or false"),
    "seed": ("send_seed", _truth, "true or false"),
    "batch": ("batch", _truth, "true or false"),
}
