"""Rows in the layout of the published VLAA-Thinking files: SFT with traces, GRPO with answers and a verifier type.

Source: `specs/corpora.md` §1.7. Field names of the final files are pieced together from the first release and from
readers of the second; what is not known is a setting.
"""

from collections.abc import Mapping, Sequence

from curation.errors import SampleError
from curation.exports.formats import Format, Part
from curation.exports.item import Item
from curation.exports.texts import harmless, response
from curation.records import Json


def sft_row(
    item: Item, pictures: Sequence[Json], *, answer_tags: bool = True, provenance: bool = True
) -> dict[str, Json]:
    """{id, image, question, answer}, and with `provenance` also gt, caption and meta.

    R1 answers in free text; `answer_tags` wraps that, which the published system prompt asks for. Which optional fields
    the published file has is not known. Raises `SampleError` for a sample without a picture.
    """
    said = response(item.think, item.answer, answer_tags=answer_tags)
    return {**_asked(item, pictures), "answer": said, **(_provenance(item) if provenance else {})}


def grpo_row(item: Item, pictures: Sequence[Json], *, provenance: bool = True, traces: bool = True) -> dict[str, Json]:
    """{id, image, question, gt, verifier_type}, and with `traces` also ds_answer: published RL rows hold reasoning.

    Only the final answer is rewarded (issue 7 of the repository). Raises `SampleError` for a sample without a picture.
    """
    trace = {"ds_answer": harmless(item.record["trace"] or "")[0]} if traces else {}
    more = _provenance(item) if provenance else {}
    return {**_asked(item, pictures), **more, "gt": item.reference, "verifier_type": item.verifier_type, **trace}


def texts(row: Mapping[str, Json]) -> list[str]:
    """The published rows have no marker anywhere: the picture is a field."""
    return [row.get(name, "") for name in ("question", "answer", "ds_answer", "caption")]


def _asked(item: Item, pictures: Sequence[Json]) -> dict[str, Json]:
    if len(pictures) != 1:
        raise SampleError("image_missing", "the published layout has exactly one picture a row")
    return {"id": item.id, "image": pictures[0], "question": item.prompt}


def _provenance(item: Item) -> dict[str, Json]:
    meta = dict(item.record["meta"] or {})
    return {"gt": item.reference, "caption": harmless(item.record["caption"] or "")[0], "meta": meta}


VLAA = Format(
    "vlaa", "the published layout of VLAA-Thinking, SFT and GRPO",
    (Part("VLAA-Thinking-SFT", "sft", sft_row, traced=True), Part("VLAA-Thinking-GRPO", "rl", grpo_row)),
    "none", texts, containers={"files": "array"},
)  # fmt: skip
