"""Step 1 of WeThink: a rough description of the picture, before any question exists."""

from curation.prompts import PromptSet, prompts
from curation.records import Image
from curation.step import Drop, step
from curation.steps.replies import description, text_of
from curation.teachers.protocol import Teacher


@step
async def describe(
    image: Image | None,
    *,
    captioner: Teacher,
    prompt: PromptSet = prompts("wethink/describe", role="captioner"),
    max_foreign: float = 0.5,
    markup: str = "drop",
) -> str | Drop:
    """The overall scene, then details, with all text and numbers (WeThink, arXiv 2506.07905, step 1)."""
    if image is None:
        return Drop("image_missing", "questions are made from a picture, and the row has none")
    text = text_of(await captioner.ask(prompt.fill({}, images=(image,)), sampling=prompt.sampling))
    return description(text, max_foreign=max_foreign, markup=markup)
