"""Rows for verl (read at b178a3cd5) and for EasyR1 (b44b311), which started as a copy of it and has other columns.

Both put a picture where `<image>` stands and assert that there are as many markers as pictures
(`specs/exports.md` §5.3).
"""

from collections.abc import Mapping, Sequence

from curation.exports.formats import IMAGE, MESSAGES, Format, Part, prompt_texts
from curation.exports.item import Item
from curation.exports.texts import MARKER
from curation.exports.trl import KNOWN, SYSTEM, turns
from curation.records import Json

EXTRA = {"split": "string", "index": "int64", "answer": "string", "question": "string", "id": "string"}


def verl_row(
    item: Item, pictures: Sequence[Json], *, system: str = SYSTEM, ability: str = "visual_reasoning"
) -> dict[str, Json]:
    """{data_source, prompt, images, ability, reward_model, extra_info}; `data_source` picks verl's reward function."""
    question = f"{MARKER}\n" * len(pictures) + item.prompt
    extra = {"split": "train", "index": item.record["position"], "answer": item.reference, "question": item.question}
    return {
        "data_source": item.source, "prompt": turns(("system", system), ("user", question)), "images": list(pictures),
        "ability": ability, "reward_model": {"style": "rule", "ground_truth": item.reference},
        "extra_info": {**extra, "id": item.id},
    }  # fmt: skip


def easyr1_row(item: Item, pictures: Sequence[Json]) -> dict[str, Json]:
    """{problem, answer, images}: geometry3k's layout; the format prompt is EasyR1's own (`format_prompt`)."""
    problem = MARKER * len(pictures) + item.prompt
    return {
        "problem": problem, "answer": item.reference, "images": list(pictures),
        "kind": item.kind, "verifier_type": item.verifier_type, "id": item.id, "source": item.source,
    }  # fmt: skip


def problem_texts(row: Mapping[str, Json]) -> list[str]:
    """The text in which EasyR1 looks for markers."""
    return [row["problem"]]


VERL = Format(
    "verl", "prompts with rewards for verl", (Part("train", "rl", verl_row),), "text", prompt_texts,
    {
        "data_source": "string", "prompt": MESSAGES, "images": [IMAGE], "ability": "string",
        "reward_model": {"style": "string", "ground_truth": "string"}, "extra_info": EXTRA,
    },
    {"embed": "parquet"},
)  # fmt: skip
EASYR1 = Format(
    "easyr1", "prompts with answers for EasyR1", (Part("train", "rl", easyr1_row),), "text", problem_texts,
    {"problem": "string", "answer": "string", "images": [IMAGE], "kind": "string", "verifier_type": "string", **KNOWN},
    {"embed": "parquet", "files": "lines"},
)  # fmt: skip
