"""WeThink (arXiv 2506.07905): questions are made from pictures, answered twice, and kept where answers agree.

The paper's body could not be read for our specification; what is published and what is reconstructed, with the setting
that changes it, is in `docs/wethink.md`. Prompts are our own words.
"""

from collections.abc import Mapping
from typing import Literal

from curation.errors import ConfigError
from curation.recipe import Recipe
from curation.steps.agree import agree
from curation.steps.answer_twice import answer_image, answer_text
from curation.steps.dedup import dedup
from curation.steps.describe import describe
from curation.steps.mine import mine
from curation.steps.route import REWARDS, route
from curation.steps.screen import check_image, check_text
from curation.steps.settle import settle
from curation.steps.share import split
from curation.steps.shorten import shorten
from curation.steps.synthesize import ABILITIES, KINDS, synthesize

CHECKS = {"text": check_text, "image": check_image}
EYES, MIND = "qwen2.5-vl-72b-instruct", "deepseek-reasoner"


def recipe(
    *,
    unique_image: bool = True,
    near_images: bool = True,
    turns: int = 2,
    most_questions: int = 5,
    caption_foreign: float = 0.5,
    questions: int = 3,
    types: tuple[str, ...] = ("MC", "FIB", "DES"),
    reasoning: str = "Reasoning",
    abilities: tuple[str, ...] = ABILITIES,
    at_least: int = 1,
    checks: tuple[str, ...] = ("text", "image"),
    agree_by: Literal["rule_first", "judge"] = "rule_first",
    no_adjudicator: Literal["drop", "keep_text", "keep_image"] = "drop",
    shuffle: bool = True,
    chain_of: Literal["right_answer", "reasoner"] = "right_answer",
    max_growth: float = 1.2,
    slack: int = 15,
    rewards: Mapping[str, str] = REWARDS,
    sft_share: float = 0.0,
    captioner_model: str = EYES,
    viewer_model: str = EYES,
    reasoner_model: str = MIND,
    adjudicator_model: str = "gemini-2.5-pro",
    rewriter_model: str = EYES,
    judge_model: str = "deepseek-chat",
    seed: int = 0,
) -> Recipe:
    """The recipe with every reconstructed default as a setting."""
    settings = dict(locals())
    _refuse(turns, questions, types, rewards, at_least, abilities, sft_share, checks, caption_foreign)
    return Recipe(
        name="wethink",
        title="WeThink: questions made from pictures, kept where two teachers agree",
        paper="https://arxiv.org/abs/2506.07905",
        published={
            "captioner": captioner_model, "viewer": viewer_model, "reasoner": reasoner_model,
            "adjudicator": adjudicator_model, "rewriter": rewriter_model, "judge": judge_model,
        },
        settings=settings,
        steps=(
            dedup.using(unique_image=unique_image, near_images=near_images, seed=seed),
            describe.using(max_foreign=caption_foreign),
            mine.using(turns=turns, most_questions=most_questions, max_foreign=caption_foreign),
            synthesize.using(
                questions=questions, types=types, reasoning=reasoning, abilities=abilities, at_least=at_least
            ),
            *(CHECKS[name] for name in checks),
            answer_text,
            answer_image,
            agree.using(by=agree_by),
            settle.using(no_adjudicator=no_adjudicator, shuffle=shuffle),
            shorten.using(chain_of=chain_of, max_growth=max_growth, slack=slack),
            route.using(rewards=rewards),
            split.using(sft_share=sft_share, seed=seed),
        ),
    )  # fmt: skip


def _refuse(
    turns: int, questions: int, types: tuple[str, ...], rewards: Mapping[str, str], at_least: int,
    abilities: tuple[str, ...], sft_share: float, checks: tuple[str, ...], caption_foreign: float,
) -> None:  # fmt: skip
    limits = (
        ("turns", turns, 0 <= turns <= 10, "must be 0 to 10"),
        ("questions", questions, 1 <= questions <= 16, "must be 1 to 16"),
        ("types", types, bool(types) and set(types) <= KINDS.keys(), f"some of {', '.join(KINDS)}"),
        ("rewards", dict(rewards), set(types) <= rewards.keys(), f"needs a reward for each of {', '.join(types)}"),
        ("at_least", at_least, 0 <= at_least <= len(abilities), "must be 0 to the number of abilities"),
        ("checks", checks, set(checks) <= CHECKS.keys() and len(set(checks)) == len(checks), "some of text, image"),
        ("caption_foreign", caption_foreign, 0 <= caption_foreign <= 1, "must be 0 to 1"),
        ("sft_share", sft_share, 0 <= sft_share <= 1, "must be 0 to 1"),
    )
    for name, value, good, fix in limits:
        if not good:
            raise ConfigError(f"--set {name}", value, fix)
