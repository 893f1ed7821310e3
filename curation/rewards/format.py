"""Rewards for the layout of a response alone: strict, and the same tags that `curation.answers.parse` reads.

Whole response, surrounding white space apart, and exactly one block of each name the layout has. Published checks
with a lazy pattern let a second answer block and prose between the blocks pass, and refuse a newline at the end
(`0.3` of the specification); these do neither.
"""

from typing import Literal

from curation.answers import Parsed, parse
from curation.answers.parse import TAG
from curation.rewards.reward import Reward

Layout = Literal["think", "think_text", "no_think", "think_after"]


def laid_out(response: str, layout: Layout = "think") -> tuple[Parsed, tuple[str, ...]]:
    """A response taken apart as its layout wants, and the layout's faults (codes of `curation.reasons`).

    `think`: think block, then answer block (DeepSeek-R1-Zero, VLM-R1, Vision-R1, Med-R1 Think). `think_text`:
    think block, then text or an answer block (DeepSeek-R1's own template). `no_think`: an answer block alone (Med-R1
    No-Think). `think_after`: answer block, then think block (Med-R1 v5 Think-After; reconstructed, the code is not
    released). Empty blocks are faults in all of them.
    """
    parsed = parse(answer_last(response) if layout == "think_after" else response)
    faults = parsed.faults
    if layout == "no_think":
        thought = any(tag[2].lower() == "think" for tag in TAG.finditer(response))
        faults = (*(fault for fault in faults if fault != "think_missing"), *(("think_unexpected",) if thought else ()))
    if layout == "think_after" and not _answer_first(response):
        faults = (*faults, "think_order")
    if layout != "think_text" and not parsed.tagged:
        faults = (*faults, "answer_untagged")
    return parsed, faults


def format_reward(response: str, *, layout: Layout = "think") -> Reward:
    """R = 1 if the whole response has the layout, else 0 (arXiv 2504.07615, 2503.06749, 2503.13939).

    Edges: text before, between or after the blocks, a second block, an empty block, a stray tag: 0. White space
    around and between the blocks: 1. Tags in capitals count as tags.
    """
    parsed, faults = laid_out(response, layout)
    value = float(not faults)
    return Reward(value, {"format": value}, faults[0] if faults else "well_formed", parsed.answer[:500])


def answer_last(response: str) -> str:
    """A think-after response with its think block moved to the front, so that one parser reads all layouts."""
    if not _answer_first(response):
        return response
    tags = list(TAG.finditer(response))
    think = slice(tags[2].start(), tags[3].end())
    return response[think] + response[: tags[2].start()] + response[tags[3].end() :]


def _answer_first(response: str) -> bool:
    tags = [(tag[2].lower(), bool(tag[1])) for tag in TAG.finditer(response)]
    return tags == [("answer", False), ("answer", True), ("think", False), ("think", True)]
