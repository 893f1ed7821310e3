"""Vision-R1-cold (arXiv 2503.06749): pictures are bridged into words, a text-only reasoner thinks, the picture returns.

The prompts and the rules of its filters were never released, so most of what decides is a setting with its default
here; `docs/vision-r1-cold.md` lists what each source says. Prompts and rules are our own.
"""

from collections.abc import Mapping
from typing import Literal

from curation.errors import ConfigError
from curation.prompts import prompts
from curation.recipe import Draws, Recipe
from curation.records import KINDS, Json
from curation.steps.assemble import Layout, assemble
from curation.steps.bridge import caption as bridge
from curation.steps.cues import MORE_REFLECTION, REFLECTION, cues
from curation.steps.dedup import dedup
from curation.steps.distill import distill as reason_blind
from curation.steps.logic import MOST_WORDS, Action, logic
from curation.steps.match import verify as match
from curation.steps.pseudo_cot import pseudo_cot
from curation.steps.ptst import RL_SOURCES, RULE_KINDS, STAGE_TOKENS, split
from curation.steps.reason import distill as reason_knowing
from curation.steps.repair import rewrite as repair


def recipe(
    *,
    unique_image: bool = False,
    near_images: bool = False,
    draws: int = 1,
    stop: Literal["first_verified", "never"] = "first_verified",
    captioner_model: str = "Qwen/Qwen2.5-VL-72B-Instruct",
    reasoner_model: str = "deepseek-reasoner",
    judge_model: str = "deepseek-chat",
    source_solutions: Literal["ignore", "use"] = "ignore",
    r1_sees_answer: bool = True,
    stated_answer: Literal["drop", "keep"] = "drop",
    caption_foreign: float = 0.5,
    verify_by: Literal["rule_first", "judge"] = "rule_first",
    max_foreign: float = 0.01,
    given_answer: Action = "drop",
    says_missing: Action = "drop",
    conclusion: Action = "drop",
    loops: Action = "drop",
    length: Action = "drop",
    repeats: Action = "flag",
    loop_words: int = 8,
    loop_times: int = 5,
    most_repeats: float = 0.1,
    most_words: int = MOST_WORDS,
    remaining_leaks: Literal["drop", "keep"] = "drop",
    layout: Layout = "paper",
    final: Literal["extracted", "reference", "said"] = "extracted",
    cue_words: tuple[str, ...] = REFLECTION + MORE_REFLECTION,
    match_mode: Literal["substring", "word"] = "word",
    rl_sources: tuple[str, ...] = RL_SOURCES,
    rl_share: float = 0.05,
    rl_rows: int | None = 10_000,
    rule_kinds: tuple[str, ...] = RULE_KINDS,
    stage_tokens: tuple[int, ...] = STAGE_TOKENS,
    seed: int = 0,
) -> Recipe:
    """The recipe with everything its sources leave open as a setting."""
    settings = dict(locals())
    _refuse(settings)
    blind = prompts("vision_r1_cold/reason_blind", role="reasoner", extra=("options",))
    reason = reason_knowing if r1_sees_answer else reason_blind.using(prompt=blind, text_problems="caption")
    return Recipe(
        name="vision-r1-cold",
        title="Vision-R1-cold: chains of a text-only reasoner over bridged pictures, for a cold start",
        paper="https://arxiv.org/abs/2503.06749",
        published={"captioner": captioner_model, "reasoner": reasoner_model, "judge": judge_model},
        settings=settings,
        steps=(
            dedup.using(unique_image=unique_image, near_images=near_images, seed=seed),
            pseudo_cot.using(source_solutions=source_solutions, max_foreign=caption_foreign),
            bridge.using(stated_answer=stated_answer, max_foreign=caption_foreign),
            Draws(
                k=draws, stop=stop,
                steps=(
                    reason.using(max_foreign=max_foreign),
                    match.using(by=verify_by),
                    logic.using(
                        given_answer=given_answer, says_missing=says_missing, conclusion=conclusion,
                        loops=loops, length=length, repeats=repeats, loop_words=loop_words,
                        loop_times=loop_times, most_repeats=most_repeats, most_words=most_words,
                    ),
                    repair.using(remaining_leaks=remaining_leaks),
                    assemble.using(layout=layout, final=final),
                ),
            ),
            cues.using(words=cue_words, match_mode=match_mode),
            split.using(
                rl_sources=rl_sources, rl_share=rl_share, rl_rows=rl_rows,
                rule_kinds=rule_kinds, stage_tokens=stage_tokens, seed=seed,
            ),
        ),
    )  # fmt: skip


def _refuse(settings: Mapping[str, Json]) -> None:
    counts = {name: settings[name] >= 1 for name in ("loop_words", "loop_times", "most_words")}
    shares = {name: 0 <= settings[name] <= 1 for name in ("max_foreign", "caption_foreign", "most_repeats", "rl_share")}
    for name, fits in {**counts, **shares}.items():
        if not fits:
            raise ConfigError(name, settings[name], "at least 1" if name in counts else "a share from 0 to 1")
    if unknown := [kind for kind in settings["rule_kinds"] if kind not in KINDS]:
        raise ConfigError("rule_kinds", unknown, f"some of {', '.join(KINDS)}")
