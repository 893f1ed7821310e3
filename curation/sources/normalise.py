"""A source's raw values made into the texts of a sample: question, options with letters, reference, kind.

Whatever cannot be made so raises SampleError with an intake reason code; nothing is guessed or repaired beyond what the
docstrings say. Pictures are `curation.pictures`', comparing answers `curation.answers`'.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from curation.errors import SampleError
from curation.records import KINDS, Json, Kind, Option, json_name
from curation.sources.kinds import infer_kind, is_number

LONGEST_QUESTION = 20_000  # characters, also of a problem stated in words
LONGEST_ANSWER = 20_000
LONGEST_TEXT = 200_000  # context, caption, solution and the rest
MOST_OPTIONS = 26
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_PLACEHOLDER = re.compile(r"[ \t]*<image1?>[ \t]*\n?")
_LABEL = re.compile(r"\s*[(\[]?([A-Za-z])[)\].:、](?:\s+|$|(?<=[)\]、]))(.*)", re.DOTALL)
_LETTER = re.compile(r"[(\[]?([A-Za-z])[)\].:]?")
_ANSWER_TAGS = re.compile(r"<answer>(.*)</answer>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reference in the form its kind is compared in, and the text the source gave."""

    reference: str | None
    kind: Kind
    given: str = ""


def question_text(value: Json) -> str:
    """The question without the marker that says where its picture stood (exports put their own)."""
    text = plain_text(value, "question", LONGEST_QUESTION, too_long="question_too_long")
    text = _PLACEHOLDER.sub("\n", text).strip() if "<image" in text else text.strip()
    if not text:
        raise SampleError("question_empty")
    return text


def plain_text(value: Json, name: str, longest: int = LONGEST_TEXT, too_long: str = "row_malformed") -> str:
    """Text as given, empty for null; numbers in their shortest form, objects and lists as JSON."""
    text = value if isinstance(value, str) else _as_text(value, name)
    if len(text) > longest:
        raise SampleError(too_long, f"{name} has {len(text):,} characters, more than {longest:,}")
    if "\0" in text:
        raise SampleError("row_encoding", f"{name} contains a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SampleError("row_encoding", f"{name} contains half of a surrogate pair") from error
    return text


def number_text(value: float) -> str:
    """The shortest exact decimal text: 6.0 is `6`, 3.50 is `3.5`; beyond 1e16 as Python writes it."""
    if isinstance(value, float) and abs(value) < 1e16:
        exact = format(Decimal(repr(value)), "f")
        short = exact.rstrip("0").rstrip(".") if "." in exact else exact
        return "0" if short == "-0" else short
    return str(value)


def read_options(value: Json) -> tuple[Option, ...]:
    """The options with their letters; none for null or an empty list.

    A list is lettered A, B, … in order; labels like `A.`, `(b)` or `C)` are removed when every option has one and
    together they are A, B, C, …; options that are nothing but such labels keep the letter as text. An object gives
    letters and texts itself. Text is read as JSON.
    """
    if isinstance(value, str):
        value = _parsed_options(value)
    if value is None or (isinstance(value, Sequence | Mapping) and not value):
        return ()
    pairs = _lettered(value) if isinstance(value, Mapping) else _labelled(value)
    if not 2 <= len(pairs) <= MOST_OPTIONS:
        raise SampleError("options_malformed", f"{len(pairs)} options; 2 to {MOST_OPTIONS} are possible")
    seen: dict[str, str] = {}
    for letter, text in pairs:
        if (first := seen.setdefault(_fold(text), letter)) != letter:
            raise SampleError("options_duplicate", f"{first} and {letter} are both {text[:100]!r}")
    return tuple(Option(letter, text) for letter, text in pairs)


def read_answer(value: Json, options: tuple[Option, ...], given_kind: str | None, need_answer: bool) -> Answer:
    """The reference, and its kind: the given one, else `mcq` where there are options, else inferred from the text.

    Of a multiple-choice answer the reference is the letter. It may be given as an option's text, as a letter (`b`,
    `(B)`, `B.`) or as both (`B. text`); the text wins where both readings are possible, and a position is not read.
    """
    kind = _kind(given_kind)
    text = _answer_text(value)
    if not text:
        if need_answer:
            raise SampleError("answer_missing")
        return Answer(None, kind or ("mcq" if options else "open"))
    kind = kind or ("mcq" if options else infer_kind(text))
    if kind == "mcq":
        return Answer(_chosen(text, options), kind, text)
    if kind in ("digit", "number") and not is_number(text):
        raise SampleError("answer_malformed", f"kind {kind}, but the answer is {text[:100]!r}")
    return Answer(_box(text) if kind == "box" else text, kind, text)


def _as_text(value: Json, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, bytes | bytearray):
        raise SampleError("row_malformed", f"{name} is {len(value):,} bytes, not text")
    return json.dumps(value, ensure_ascii=False, default=str)


def _kind(given: str | None) -> Kind | None:
    if not given:
        return None
    for kind in KINDS:
        if given == kind:
            return kind
    raise SampleError("row_malformed", f"kind {given[:100]!r} is none of {', '.join(KINDS)}")


def _answer_text(value: Json) -> str:
    """The answer as text; four numbers in a list are a box, other lists and objects cannot be compared."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SampleError("answer_malformed", f"the answer is {value}")
    if isinstance(value, Mapping | bytes) or (isinstance(value, Sequence) and not isinstance(value, str)):
        return _box(value)
    text = plain_text(value, "answer", LONGEST_ANSWER, too_long="answer_malformed").strip()
    wrapped = _ANSWER_TAGS.fullmatch(text)
    return wrapped[1].strip() if wrapped else text


def _box(value: Json) -> str:
    """`[x1, y1, x2, y2]` in shortest numbers, from a list or its text."""
    numbers = value
    if isinstance(value, str):
        try:
            numbers = json.loads(value)
        except ValueError:
            numbers = None
    if not isinstance(numbers, Sequence) or len(numbers) != 4 or not all(map(_is_finite, numbers)):
        raise SampleError("answer_malformed", f"not text, a number or a box of four numbers: {str(value)[:100]}")
    return f"[{', '.join(map(number_text, numbers))}]"


def _is_finite(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _parsed_options(text: str) -> Json:
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SampleError("options_malformed", f"text that is not JSON: {text[:100]!r}") from error
    if value is not None and not isinstance(value, list | dict):
        raise SampleError("options_malformed", f"JSON that is neither a list nor an object: {text[:100]!r}")
    return value


def _lettered(options: Mapping[str, Json]) -> list[tuple[str, str]]:
    """(letter, text) from an object of letter → text, in the order of the letters."""
    letters = [str(key).strip().upper() for key in options]
    if not all(letter in LETTERS and len(letter) == 1 for letter in letters) or len(set(letters)) < len(letters):
        raise SampleError("options_malformed", f"keys are not letters: {', '.join(map(str, options))[:100]}")
    return sorted(zip(letters, map(_option_text, options.values()), strict=True))


def _labelled(options: Json) -> list[tuple[str, str]]:
    """(letter, text) from a list, by its labels when it has them."""
    if not isinstance(options, Sequence) or isinstance(options, bytes):
        raise SampleError("options_malformed", f"neither a list nor an object but {json_name(options)}")
    texts = [_option_text(option) for option in options[: MOST_OPTIONS + 1]]
    labels = [_LABEL.fullmatch(text) for text in texts]
    letters = [label[1].upper() for label in labels if label]
    if not texts or sorted(letters) != list(LETTERS[: len(texts)]):
        return list(zip(LETTERS + "?", texts, strict=False))
    return [(letter, label[2].strip() or letter) for letter, label in zip(letters, labels, strict=True) if label]


def _option_text(option: Json) -> str:
    if isinstance(option, str | int | float) and (isinstance(option, str) or math.isfinite(option)):
        text = plain_text(option, "options", LONGEST_ANSWER, too_long="options_malformed").strip()
        if text:
            return text
    raise SampleError("options_malformed", f"an option is {str(option)[:50]!r}, not text")


def _chosen(answer: str, options: tuple[Option, ...]) -> str:
    """The letter an answer names. Without options the picture holds them, and only a letter can be meant."""
    by_text = {_fold(option.text): option.letter for option in options}
    letters = {option.letter for option in options} or set(LETTERS)
    if (letter := by_text.get(_fold(answer))) is not None:
        return letter
    if (named := _LETTER.fullmatch(answer)) and named[1].upper() in letters:
        return named[1].upper()
    label = _LABEL.fullmatch(answer)
    if label and by_text.get(_fold(label[2])) == label[1].upper():
        return label[1].upper()
    shown = "; ".join(f"{option.letter}: {option.text[:40]}" for option in options[:8])
    raise SampleError("answer_not_in_options", f"{answer[:100]!r} among {shown or 'no options'}")


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
