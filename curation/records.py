"""The frozen records that flow through curation and into the store.

A sample is one question about one image. Everything a step learns about it is an `Outcome`; every model call is a
`Call`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal

import orjson

Json = Any  # None, bool, int, float, str, list or dict of the same: what orjson round-trips

Kind = Literal["digit", "number", "math", "mcq", "text", "box", "open"]
KINDS: tuple[Kind, ...] = ("digit", "number", "math", "mcq", "text", "box", "open")

Status = Literal["ok", "dropped", "failed", "expanded"]
"""`expanded`: a step of scope "many" made other rows of the sample, and they go on in its place."""

FIRST_CHILD = 1 << 40
CHILDREN_EACH = 1 << 10
"""Positions from `FIRST_CHILD` on belong to rows made by a run, at most `CHILDREN_EACH` of one sample."""


def child_position(parent: int, number: int) -> int:
    """Where child `number` (from 0) of the sample at `parent` stands: after the whole source, in its parent's order."""
    return FIRST_CHILD + parent * CHILDREN_EACH + number


def digest(value: Json) -> str:
    """128-bit hex digest of a JSON value, independent of key order."""
    return blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def json_name(value: object) -> str:
    """What people call a value of this type in a message: `null`, `a number`, `a list`; never a name of Python's."""
    if value is None:
        return "null"
    names = ((bool, "true or false"), (int | float, "a number"), (str, "text"), (list | tuple, "a list"),
             (Mapping, "an object"), (bytes | bytearray, "bytes"))  # fmt: skip
    return next((name for type_, name in names if isinstance(value, type_)), "no JSON value")


@dataclass(frozen=True, slots=True)
class Image:
    """A stored picture: the original bytes by content, and what decoding them showed.

    `width` and `height` are in pixels after the EXIF rotation; `pixels` hashes the decoded picture, so re-encoded
    copies share it; `phash` is an unsigned 64-bit perceptual hash.
    """

    sha256: str
    format: str
    width: int
    height: int
    size: int
    pixels: str
    phash: int


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a multiple-choice question: its letter and the text it had in the source."""

    letter: str
    text: str


@dataclass(frozen=True)
class Sample:
    """One question about one image, as a source gave it.

    `context` is what the source knows about the picture beyond the question (VLAA-Thinking §3: scene facts, rationale);
    `text_question` states the whole problem in words, for sources whose captions are skipped; `given_caption`
    replaces ours. `reference` is None when the source has no answer. `parent` is the id of the sample that a step of
    scope "many" made this one of. `position` is the place in the source and is the only field outside `key`.
    """

    id: str
    source: str
    question: str
    reference: str | None
    kind: Kind
    image: Image | None = None
    options: tuple[Option, ...] = ()
    context: str = ""
    text_question: str = ""
    given_caption: str | None = None
    solution: str = ""
    difficulty: str = ""
    licence: str = ""
    meta: Mapping[str, Json] = field(default_factory=dict)
    parent: str = ""
    position: int = 0

    @cached_property
    def key(self) -> str:
        """Digest of everything a step may read, so a changed question is a changed sample."""
        return digest(
            [
                self.id, self.source, self.question, self.reference, self.kind, self.image and self.image.sha256,
                [[option.letter, option.text] for option in self.options], self.context, self.text_question,
                self.given_caption, self.solution, self.difficulty, self.licence, dict(self.meta),
                *([self.parent] if self.parent else []),
            ]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row of a source that cannot become a sample; it stays in the funnel with its reason."""

    id: str
    source: str
    reason: str
    detail: str = ""
    raw: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step made of one sample. Keyed by (sample_id, sample_key, fingerprint, draw)."""

    sample_id: str
    sample_key: str
    step: str
    fingerprint: str
    status: Status
    value: Json = None
    reason: str = ""
    detail: str = ""
    draw: int = 0
    calls: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.sample_id, self.sample_key, self.fingerprint, self.draw


@dataclass(frozen=True, slots=True)
class Call:
    """One model call that was answered or given up; the row of the ledger.

    `request` is the JSON sent with image bytes replaced by their sha256 and without any credential; `status` is `ok`
    or the reason code of the failure; `cost` is in US dollars, None when the price is unknown. `created` is seconds
    since the epoch when the reply arrived.
    """

    key: str
    teacher: str
    model: str
    status: str
    request: str
    reply: str = ""
    reasoning: str = ""
    finish: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    seconds: float = 0.0
    attempts: int = 1
    draw: int = 0
    error: str = ""
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a response answers as the reference does.

    `correct` is None when nobody could tell, which is never counted as wrong. `source` is `rule` or `judge`;
    `extracted` is the answer found in the response.
    """

    correct: bool | None
    extracted: str
    kind: str
    reason: str
    source: Literal["rule", "judge"] = "rule"
