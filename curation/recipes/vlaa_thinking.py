"""VLAA-Thinking (arXiv 2504.11468): one caption → R1 → rewrite → verify pipeline, split by self-reflection.

Where the paper, its figures and its repository contradict each other, and where they are silent, the choice is a
setting here with the default named; `docs/vlaa-thinking.md` lists what each source says. Prompts are our own words.
"""

from collections.abc import Mapping
from typing import Literal

from curation.prompts import prompts
from curation.recipe import Draws, Recipe
from curation.steps.caption import caption
from curation.steps.cues import CUES, cues
from curation.steps.dedup import dedup
from curation.steps.distill import distill
from curation.steps.rewrite import rewrite
from curation.steps.split import split
from curation.steps.verify import verify

RL_QUOTAS: Mapping[str, int] = {
    "clevr_math": 2000, "geoqa170k": 6499, "synthesis": 6696, "arxivqa": 1000, "docvqa": 1000,
    "vizwiz": 1000, "allava_laion": 3000, "coco": 2000, "vg": 2000,
}  # fmt: skip
"""Table 2 of the paper; sources of other names have no quota."""

COCO_VG_SFT: Mapping[str, Mapping[str, int]] = {
    "as_shipped": {"coco": 8727, "vg": 38242},
    "rl_pool": {"coco": 1000, "vg": 1000},
}
"""The paper's table gives COCO and VG more SFT rows than it says they have; both readings."""


def recipe(
    *,
    unique_image: bool = True,
    near_images: bool = True,
    draws: int = 1,
    stop: Literal["first_verified", "never"] = "first_verified",
    captioner_model: str = "gpt-4o",
    reasoner_model: str = "deepseek-reasoner",
    rewriter_model: Literal["gpt-3.5-turbo", "gpt-4-turbo", "gpt-4o"] = "gpt-3.5-turbo",
    judge_model: str = "gpt-3.5-turbo",
    caption_foreign: float = 0.5,
    caption_prompt: Literal["paper", "repository"] = "paper",
    rewrite_prompt: Literal["paper", "v1"] = "paper",
    ask_rewriter: Literal["on_leak", "always"] = "on_leak",
    remaining_leaks: Literal["drop", "keep"] = "drop",
    max_word_gap: int = 15,
    verify_by: Literal["rule_first", "judge"] = "rule_first",
    match_mode: Literal["substring", "word"] = "substring",
    cue_words: tuple[str, ...] = CUES,
    rl_quotas: Mapping[str, int] = RL_QUOTAS,
    sft_quotas: Mapping[str, int] | None = None,
    coco_vg_counts: Literal["as_shipped", "rl_pool"] = "as_shipped",
    rl_only: tuple[str, ...] = ("geoqa170k",),
    adopt_sources: tuple[str, ...] = ("coco", "vg"),
    open_reward_sources: tuple[str, ...] = ("docvqa", "vizwiz", "allava_laion"),
    seed: int = 0,
) -> Recipe:
    """The recipe with every published contradiction as a setting."""
    settings = dict(locals())
    captions = "vlaa_thinking/caption" if caption_prompt == "paper" else "vlaa_thinking/caption_repo"
    rewriting = "vlaa_thinking/rewrite" if rewrite_prompt == "paper" else "vlaa_thinking/rewrite_v1"
    return Recipe(
        name="vlaa-thinking",
        title="VLAA-Thinking: reflective traces train RL, the others SFT",
        paper="https://arxiv.org/abs/2504.11468",
        published={
            "captioner": captioner_model, "reasoner": reasoner_model,
            "rewriter": rewriter_model, "judge": judge_model,
        },
        settings=settings,
        steps=(
            dedup.using(unique_image=unique_image, near_images=near_images, seed=seed),
            caption.using(
                prompt=prompts(captions, role="captioner"), skip_sources=adopt_sources, max_foreign=caption_foreign
            ),
            Draws(
                k=draws, stop=stop,
                steps=(
                    distill.using(adopt_sources=adopt_sources),
                    rewrite.using(
                        prompt=prompts(rewriting, role="rewriter", extra=("text",)),
                        ask=ask_rewriter, max_word_gap=max_word_gap, remaining_leaks=remaining_leaks,
                    ),
                    verify.using(by=verify_by),
                ),
            ),
            cues.using(words=cue_words, match_mode=match_mode),
            split.using(
                rl_quotas=rl_quotas, sft_quotas={**COCO_VG_SFT[coco_vg_counts], **(sft_quotas or {})},
                rl_only=rl_only, open_reward_sources=open_reward_sources, seed=seed,
            ),
        ),
    )  # fmt: skip
