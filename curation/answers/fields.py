"""Reads reference answers and options as JSON keeps them: texts, numbers, truth values, lists, a dict from letter to
text. What cannot be one raises `SampleError` with its reason.
"""

from collections.abc import Mapping, Sequence

from curation.errors import SampleError
from curation.records import Json, Option, json_name

MOST_OPTIONS = 26
LISTS = "a list of lists, objects or nulls; of several boxes the rewards `criterion` and `detection_map` tell"


def text_of(value: Json, name: str) -> str:
    """A text, number or truth value as text; `SampleError` naming the field for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value)
    raise SampleError("row_malformed", f"{name} is {json_name(value)}, not text")


def _number(value: float) -> str:
    """A number as it stands in JSON; Python refuses to spell integers of thousands of digits."""
    try:
        return repr(value)
    except ValueError as error:
        raise SampleError("row_malformed", str(error)) from error


def answer_text(value: Json) -> str:
    """A reference as text: `true` is yes, four numbers are a box (also as the only item of a list), other lists are
    joined by commas.
    """
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if isinstance(value, Mapping):
        raise SampleError("answer_malformed", "an object")
    if not isinstance(value, list):
        return text_of(value, "answer")
    if any(isinstance(item, list | Mapping) or item is None for item in value):
        raise SampleError("answer_malformed", LISTS)
    items = [text_of(item, "answer") for item in value]
    numbers = all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
    box = numbers and len(value) == 4 and value[0] < value[2] and value[1] < value[3]
    return f"[{', '.join(items)}]" if box else ", ".join(items)


def options_of(value: Json) -> Sequence[Option | str]:
    """Options as `check` takes them; none for null, "" and an empty list."""
    if value is None or value == "" or value == [] or value == {}:
        return ()
    if isinstance(value, Mapping):
        return _lettered(value)
    if not isinstance(value, list) or not 2 <= len(value) <= MOST_OPTIONS:
        raise SampleError("options_malformed", "neither a list of 2 to 26 texts nor a dict from letter to text")
    if any(isinstance(one, list | Mapping) or one is None for one in value):
        raise SampleError("options_malformed", "an option is not text")
    return [text_of(one, "options") for one in value]


def _lettered(value: Mapping[str, Json]) -> Sequence[Option]:
    letters = [key.strip(" ().:").upper() for key in value]
    if not 2 <= len(letters) <= MOST_OPTIONS or len(set(letters)) < len(letters):
        raise SampleError("options_malformed", "2 to 26 different letters are possible")
    if not all(len(letter) == 1 and letter.isascii() and letter.isalnum() for letter in letters):
        raise SampleError("options_malformed", f"keys {list(value)[:5]} are not letters")
    if any(isinstance(one, list | Mapping) or one is None for one in value.values()):
        raise SampleError("options_malformed", "an option is not text")
    named = [chr(ord("A") + "123456789".index(letter)) if letter in "123456789" else letter for letter in letters]
    return [Option(letter, text_of(one, "options")) for letter, one in zip(named, value.values(), strict=True)]
