"""Rows with everything the store knows of a sample: texts of every step, verdicts, scores, split and reviews.

Every sample of the run has one, also those that were lost, with the reason. Annotators are pseudonyms here.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import orjson

from curation.exports.formats import IMAGE, OPTIONS, Format, Part
from curation.exports.item import Item, options_json
from curation.records import Json, Option

TEXTS = (
    "recipe", "run_id", "sample_id", "sample_key", "source", "kind", "difficulty", "question", "reference", "context",
    "caption", "trace", "rewrite", "assembled", "answer", "verdict", "verdict_by", "verdict_reason", "fate", "left_at",
    "reason", "detail", "split", "split_reason", "verifier_type", "licence", "parent",
)  # fmt: skip
NUMBERS = {
    "position": "int64", "width": "int32", "height": "int32", "draw": "int32", "drawn": "int32",
    "drawn_correct": "int32", "pass_rate": "float64", "pass_rate_low": "float64", "pass_rate_high": "float64",
    "reflective": "bool", "verified": "bool", "calls": "int64", "prompt_tokens": "int64",
    "completion_tokens": "int64", "cost": "float64",
}  # fmt: skip
PLAIN = (*TEXTS, *NUMBERS)
REVIEWS = [
    {
        "annotator": "string", "decision": "string", "reason": "string", "edited_answer": "string",
        "first_wrong_step": "int32", "note": "string", "created": "float64",
    }
]  # fmt: skip


def raw_row(item: Item, pictures: Sequence[Json]) -> dict[str, Json]:
    """The picture, the reviews that stand, and what else of the view `corpus` is not one plain value.

    Meta and cues are JSON text.
    """
    row = item.record
    options = tuple(Option(str(each.get("letter") or ""), str(each["text"])) for each in row["options"] or ())
    return {
        "images": list(pictures), "options": options_json(options),
        "cues": _text(row["cues"]), "meta": _text(row["meta"]),
        "reviews": [{name: each.get(name) for name in REVIEWS[0]} for each in row.get("reviews") or ()],
    }  # fmt: skip


def pseudonym(annotator: str, secret: bytes) -> str:
    """A name for an annotator that is the same in every export of a store and tells nothing without its secret."""
    return blake2b(annotator.encode(), key=secret, digest_size=8).hexdigest()


def _text(value: Json) -> str | None:
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _uncounted(row: Mapping[str, Json]) -> list[str]:
    """Raw texts are shown as they are, whatever they hold."""
    return []


RAW = Format(
    "raw", "everything: texts, scores, splits and reviews",
    (Part("train", None, raw_row, checked=False, copied=PLAIN),), "none",
    _uncounted,
    {
        "images": [IMAGE], **dict.fromkeys(TEXTS, "string"), **NUMBERS, "options": OPTIONS,
        "cues": "string", "meta": "string", "reviews": REVIEWS,
    },
    {"embed": "parquet", "files": "folder"},
)  # fmt: skip
