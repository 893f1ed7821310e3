"""Rows for TRL 1.16: GRPO, SFT and preference pairs, in its conversational form with pictures in a column of their own.

TRL puts its own placeholder before the first user text and leaves a literal `<image>` standing, so no marker is
written (`specs/exports.md` §5.3). Columns that it does not know reach reward functions as keyword arguments.
"""

from collections.abc import Mapping, Sequence

from curation.exports.formats import IMAGE, MESSAGES, OPTIONS, Container, Format, Part, prompt_texts
from curation.exports.item import Item, options_json
from curation.exports.texts import response
from curation.records import Json

SYSTEM = (
    "You look at the picture and reason step by step before you answer. Put the reasoning between <think> and "
    "</think>, and then the final answer between <answer> and </answer>."
)
"""Our own words for what VLAA-Thinking, Vision-R1 and WeThink ask; a setting of every format that has it."""

REWARDED = {"solution": "string", "kind": "string", "options": OPTIONS, "verifier_type": "string"}
KNOWN = {"id": "string", "source": "string"}


def turns(*said: tuple[str, str]) -> list[Json]:
    """Messages without the empty ones."""
    return [{"role": role, "content": text} for role, text in said if text]


def rewarded(item: Item) -> dict[str, Json]:
    """What a reward function needs beside the completion; `solution` is the reference, or a letter of the options."""
    return {
        "solution": item.reference, "kind": item.kind, "options": options_json(item.options),
        "verifier_type": item.verifier_type, "id": item.id, "source": item.source,
    }  # fmt: skip


def grpo_row(item: Item, pictures: Sequence[Json], *, system: str = SYSTEM) -> dict[str, Json]:
    """{images, prompt, solution, …}: a prompt without an answer."""
    return {"images": list(pictures), "prompt": turns(("system", system), ("user", item.prompt)), **rewarded(item)}


def sft_row(item: Item, pictures: Sequence[Json], *, system: str = SYSTEM, answer_tags: bool = True) -> dict[str, Json]:
    """{images, messages}: a conversation that ends with the verified trace."""
    said = response(item.think, item.answer, answer_tags=answer_tags)
    conversation = turns(("system", system), ("user", item.prompt), ("assistant", said))
    return {"images": list(pictures), "messages": conversation, "id": item.id, "source": item.source}


def preference_row(
    item: Item, pictures: Sequence[Json], *, system: str = SYSTEM, answer_tags: bool = True
) -> dict[str, Json]:
    """{images, prompt, chosen, rejected}: a trace that is right and one that is not, to the same question."""
    better = response(item.think, item.answer, answer_tags=answer_tags)
    worse = response(item.rejected_think, item.rejected_answer, answer_tags=answer_tags)
    return {
        "images": list(pictures), "prompt": turns(("system", system), ("user", item.prompt)),
        "chosen": turns(("assistant", better)), "rejected": turns(("assistant", worse)),
        "id": item.id, "source": item.source,
    }  # fmt: skip


EITHER: Mapping[str, Container] = {"embed": "parquet", "files": "folder"}

GRPO = Format(
    "grpo", "prompts with rewards for TRL's GRPOTrainer", (Part("train", "rl", grpo_row),), "none", prompt_texts,
    {"images": [IMAGE], "prompt": MESSAGES, **REWARDED, **KNOWN}, EITHER,
)  # fmt: skip
SFT_TRL = Format(
    "sft_trl", "conversations with traces for TRL's SFTTrainer", (Part("train", "sft", sft_row, traced=True),),
    "none", prompt_texts, {"images": [IMAGE], "messages": MESSAGES, **KNOWN}, EITHER,
)  # fmt: skip
PREFERENCE = Format(
    "preference", "a right and a wrong trace to each question, for TRL's DPOTrainer",
    (Part("train", "", preference_row, traced=True, paired=True),), "none", prompt_texts,
    {"images": [IMAGE], "prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES, **KNOWN}, EITHER,
)  # fmt: skip
