"""Worked solutions: what a source solves by itself becomes traces, with no model to ask.

No published recipe. It is for sources whose rows bring a `solution` in lines that end in a conclusion (the drawn
figures, textbook sets), and is what `make train-demo` trains on: a few pictures with traces for a cold start, the rest
for RL with answers only.
"""

from typing import Literal

from curation.recipe import Recipe
from curation.steps import adopt, worked
from curation.steps.cues import cues
from curation.steps.dedup import dedup


def recipe(
    *,
    sft_pictures: int = 200,
    unique_image: bool = True,
    near_images: bool = True,
    max_foreign: float = 0.1,
    markup: Literal["drop", "keep"] = "drop",
    judge_model: str = "gpt-3.5-turbo",
    seed: int = 0,
) -> Recipe:
    """The recipe; `near_images` also removes copies by perceptual hash, which very plain pictures all look like."""
    settings = dict(locals())
    return Recipe(
        name="worked",
        title="Worked solutions: traces that the source brings, checked, deduplicated and split",
        paper="",
        published={"judge": judge_model},
        settings=settings,
        steps=(
            dedup.using(unique_image=unique_image, near_images=near_images, seed=seed),
            adopt.caption,
            worked.distill.using(max_foreign=max_foreign, markup=markup),
            adopt.rewrite,
            adopt.verify,
            cues,
            worked.split.using(sft_pictures=sft_pictures, seed=seed),
        ),
    )
