"""What the published formats have in common: the row they make, conversations, references, and image markers."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from curation.answers.by_choice import named
from curation.answers.extract import SHORT, candidates, reference_text
from curation.answers.options import options_in
from curation.errors import SampleError
from curation.records import Json
from curation.sources.normalise import plain_text

Row = dict[str, Json]
Record = Mapping[str, Json]

SPEAKERS = {"human": "asks", "user": "asks", "gpt": "answers", "assistant": "answers", "system": "system"}
WRAPPERS = frozenset({"images", "llava_cot_images", "mulberry_images", "cauldron", ""})
"""Folders around the sources' own: what the repositories tell people to unpack into."""

REFERENCE_FROM = "reference_from"
"""In `meta`: `trace` when the row states its answer once, so that comparing trace and reference proves nothing."""

_SAYS = re.compile(r"\b(?:answer|option|choice)\b[\W_]*(?:(?:is|would be|should be|must be)\b[\W_]*)?\Z", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*\*([^*\n]+)\*\*")
_MARKER = re.compile(r"<(image|video|audio)>")
_EDGE = re.compile(r"\A\s*<image>\s*|\s*<image>\s*\Z")


@dataclass(frozen=True, slots=True)
class Format:
    """One published layout: `needs` are sets of columns of which one must be there; `read` gives rows by target."""

    name: str
    needs: tuple[tuple[str, ...], ...]
    read: Callable[[Record], Iterator[Row]]

    def fits(self, columns: Collection[str]) -> bool:
        """Whether rows with these columns can be of this format."""
        return any(set(needed) <= set(columns) for needed in self.needs)


def text_in(record: Record, *names: str) -> str:
    """The first of these columns that is there and not null, as text; empty when none is."""
    return next((plain_text(record[name], name) for name in names if record.get(name) is not None), "")


def needed(record: Record, name: str) -> Json:
    """A column's value. SampleError field_missing when the row lacks it."""
    if record.get(name) is None:
        raise SampleError("field_missing", f"the row has no {name}")
    return record[name]


def escaped(text: str) -> str:
    """`<image>` in running text becomes `[image]`: trainers would count it as a picture."""
    return _MARKER.sub(r"[\1]", text)


def asked(text: str) -> str:
    """A question without the one marker at its start or end that stands for its picture; others are escaped."""
    return escaped(_EDGE.sub("", text, count=1).strip())


def image_path(value: Json) -> Json:
    """The row's picture as the gate takes it; of a list of paths the only one."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    return value


def folder_of(path: Json) -> str:
    """The upstream source: the first folder of the path that is not a wrapper, or nothing."""
    parts = str(path).split("/")[:-1] if isinstance(path, str) else []
    return next((part for part in parts if part not in WRAPPERS and part not in (".", "..")), "")[:80]


def reference(given: Json, question: str, *, mcq: bool = False) -> tuple[str, str]:
    """(answer, kind) that a published answer states: without `Final Answer:`, "the answer is", box, emphasis, and
    worked solution before it.

    An option's letter where the question lists options and the answer names one of them; kind is then `mcq`, else
    empty for the gate to infer. With `mcq` an answer is a letter even where the picture holds the options.
    """
    text = undressed(plain_text(given, "answer"))
    options = options_in(question)
    choice = named(text, options) if options or mcq else None
    if choice and len(choice.letters) == 1 and choice.how in ("letter", "option_text"):
        [letter] = choice.letters
        if not options or letter in {option.letter for option in options}:
            return letter, "mcq"
    return text, ""


def undressed(given: str) -> str:
    """What an answer says, without what it is dressed in: `**Final Answer:** 2` is 2, `The answer is B.` is B.

    A sentence that is its own answer ("The bus is red.") stays, and so does "the answer is that …".
    """
    bare = _EMPHASIS.sub(r"\1", given).strip() if len(given) <= SHORT else given.strip()
    text = reference_text(bare)
    found = next(candidates(text), None) if len(text) <= SHORT and "\n" not in text else None
    stated = found.text if found and found.how == "stated" and not found.text.startswith("that ") else ""
    if stated and _SAYS.search(text[: text.rfind(stated)]):
        text = stated
    return (text if text == bare else text.removesuffix(".")) or bare


def as_published(given: Json, answer: str | None) -> Row:
    """For `meta`: the answer as it stood in the file, where the reference is not that."""
    text = plain_text(given, "answer").strip()
    return {"published_answer": text} if text and text != answer else {}


def turns(conversation: Json) -> list[tuple[str, str]]:
    """(question, response) pairs of a ShareGPT or role/content conversation; system turns are passed over.

    SampleError row_malformed where speakers do not alternate, or one is unknown.
    """
    if not isinstance(conversation, list) or not all(isinstance(turn, Mapping) for turn in conversation):
        raise SampleError("row_malformed", "the conversation is not a list of turns")
    said = [(_speaker(turn), text_in(turn, "value", "content")) for turn in conversation]
    spoken = [(who, text) for who, text in said if who != "system"]
    order = [who for who, _ in spoken]
    if not order or order != ["asks", "answers"] * (len(order) // 2):
        raise SampleError("row_malformed", f"turns are {', '.join(order)[:100] or 'none'}: not question and answer")
    return [(spoken[at][1], spoken[at + 1][1]) for at in range(0, len(spoken), 2)]


def _speaker(turn: Record) -> str:
    who = str(turn.get("from") or turn.get("role") or "")
    if who.lower() not in SPEAKERS:
        raise SampleError("row_malformed", f"unknown speaker {who[:50]!r}")
    return SPEAKERS[who.lower()]


def turn_id(given: Json, question: str) -> str | None:
    """The published id with a digest of the question, since one id may name several questions; None without one."""
    if given is None:
        return None
    return f"{plain_text(given, 'id').strip()[:150]}-{blake2b(question.encode(), digest_size=4).hexdigest()}"


def told_apart(row: Row, published: Json, asked: dict[int, int]) -> Row:
    """The row, with a digest of its question in its id when an earlier row of this id asked something else.

    `asked` has what each id asked first, as hashes; the same question under the same id stays a duplicate.
    """
    id, question = row.get("id"), str(row.get("question"))
    if not isinstance(id, str | int) or asked.setdefault(hash((row.get("source"), id)), hash(question)) == hash(
        question
    ):
        return row
    given = row.get("meta")
    meta = {"published_id": published, **given} if isinstance(given, Mapping) else given
    return {**row, "id": turn_id(id, question), "meta": meta}


def earlier(pairs: list[tuple[str, str]]) -> str:
    """What was said before, for a question that may refer to it."""
    return "\n".join(f"Earlier question: {asked(question)}\nAnswer: {said}" for question, said in pairs)
