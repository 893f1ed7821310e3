"""WeThink (arXiv 2506.07905): `WeThink_Multimodal_Reasoning_120K.jsonl`, seven columns an object a line.

`refined_cot` may hold think or answer tags already, or nothing once they are gone; `<image>` in a text is literal. The
strings of `category` and `reward` are not published: they are kept as they are, and the table below only reads the
obvious ones (specs/corpora.md §3.4, §3.5).
"""

import re
from collections.abc import Iterator, Mapping

from curation.errors import SampleError
from curation.records import Json, Kind
from curation.sources.published.shared import (
    REFERENCE_FROM,
    Format,
    Record,
    Row,
    as_published,
    escaped,
    folder_of,
    image_path,
    needed,
    reference,
    text_in,
)

CATEGORY_KINDS: Mapping[str, Kind] = {"mc": "mcq", "multiple": "mcq", "des": "open", "descriptive": "open"}
"""First word of a category to the kind of its answers; others (fill in the blank) are inferred from the answer."""

TAKEN = frozenset({"problem", "answer", "refined_cot", "image_path", "id", "abilities"})
_TAGS = re.compile(r"</?(?:think|answer)>", re.IGNORECASE)
_ANSWER_BLOCK = re.compile(r"<answer>(.*?)</answer>", re.IGNORECASE | re.DOTALL)


def read(record: Record) -> Iterator[Row]:
    """One row; its trace is the chain and its own answer block, or the answer's column where the chain has none."""
    question = escaped(text_in(record, "problem"))
    path = image_path(needed(record, "image_path"))
    given = record.get("answer")
    category = _kind(text_in(record, "category"))
    answer, kind = reference(given, question, mcq=category == "mcq") if given is not None else (None, "")
    rest = {name: value for name, value in record.items() if name not in TAKEN}
    chain, own = _chain(text_in(record, "refined_cot"))
    meta = {"corpus": "wethink", "abilities": _abilities(record.get("abilities")), **rest}
    meta |= as_published(given, answer)
    meta |= {} if own else {REFERENCE_FROM: "trace"}
    said = own or _TAGS.sub("", text_in(record, "answer")).strip()
    yield {
        "id": record.get("id"), "source": folder_of(path) or None, "image": path, "question": question,
        "answer": answer, "kind": kind or category or None, "licence": "apache-2.0", "meta": meta,
        "solution": escaped(f"<think>\n{chain}\n</think>\n<answer>{said}</answer>"),
    }  # fmt: skip


FORMAT = Format("wethink", (("problem", "image_path"),), read)


def _chain(cot: str) -> tuple[str, str]:
    """(the chain without tags, its own last answer block or nothing). SampleError think_empty without any text."""
    blocks = _ANSWER_BLOCK.findall(cot)
    chain = _TAGS.sub("", _ANSWER_BLOCK.sub("", cot)).strip()
    if not chain:
        raise SampleError("think_empty", "refined_cot has no text" + (" besides tags" if cot.strip() else ""))
    return chain, blocks[-1].strip() if blocks else ""


def _kind(category: str) -> str:
    word = re.split(r"[\W_]+", category.strip().lower(), maxsplit=1)[0]
    return CATEGORY_KINDS.get(word, "")


def _abilities(value: Json) -> list[str]:
    """A list of names, from a list or from text with commas."""
    names = value if isinstance(value, list) else str(value or "").strip("[]").split(",")
    return [name for one in names if (name := str(one).strip(" '\""))]
