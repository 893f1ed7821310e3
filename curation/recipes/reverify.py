"""Re-verify what is published: adopt the traces of an imported corpus, check, deduplicate, count cues, split again.

No published recipe: the steps are those of VLAA-Thinking (arXiv 2504.11468) without its models. It takes the traces
that the sources of `curation.sources.published` give as `solution`; a judge is asked only where the rules cannot tell.
"""

from collections.abc import Mapping
from typing import Literal

from curation.recipe import Recipe
from curation.steps import adopt
from curation.steps.cues import CUES, cues
from curation.steps.dedup import dedup
from curation.steps.split import NO_QUOTAS


def recipe(
    *,
    unique_image: bool = False,
    near_images: bool = True,
    max_foreign: float = 0.1,
    markup: Literal["drop", "keep"] = "drop",
    untraced: Literal["keep", "drop"] = "drop",
    remaining_leaks: Literal["keep", "drop"] = "keep",
    verify_by: Literal["rule_first", "judge"] = "rule_first",
    own_reference: Literal["keep", "drop"] = "keep",
    judge_model: str = "gpt-3.5-turbo",
    match_mode: Literal["substring", "word"] = "substring",
    cue_words: tuple[str, ...] = CUES,
    rl_quotas: Mapping[str, int] = NO_QUOTAS,
    sft_quotas: Mapping[str, int] = NO_QUOTAS,
    rl_only: tuple[str, ...] = (),
    open_reward_sources: tuple[str, ...] = ("docvqa", "vizwiz", "allava_laion"),
    seed: int = 0,
) -> Recipe:
    """The recipe; duplicates are looked for among verified rows, so that a wrong copy never displaces a right one."""
    settings = dict(locals())
    return Recipe(
        name="reverify",
        title="Re-verify: an imported corpus checked, deduplicated and split again",
        paper="",
        published={"judge": judge_model},
        settings=settings,
        steps=(
            adopt.caption,
            adopt.distill.using(max_foreign=max_foreign, markup=markup, untraced=untraced),
            adopt.rewrite.using(remaining_leaks=remaining_leaks),
            adopt.verify.using(by=verify_by, own_reference=own_reference),
            cues.using(words=cue_words, match_mode=match_mode),
            dedup.using(unique_image=unique_image, near_images=near_images, seed=seed),
            adopt.split.using(
                rl_quotas=rl_quotas, sft_quotas=sft_quotas, rl_only=rl_only,
                open_reward_sources=open_reward_sources, seed=seed,
            ),
        ),
    )  # fmt: skip
