"""Step 2 of VLAA-Thinking: a caption that never saw the question, or the source's own words instead."""

from typing import Literal

from curation.prompts import PromptSet, prompts
from curation.records import Image
from curation.step import Drop, step
from curation.steps.replies import description, text_of
from curation.teachers.protocol import Teacher


@step
async def caption(
    image: Image | None,
    given_caption: str | None,
    text_question: str,
    source: str,
    *,
    captioner: Teacher,
    prompt: PromptSet = prompts("vlaa_thinking/caption", role="captioner"),
    source_captions: Literal["use", "ignore"] = "use",
    text_problems: Literal["skip", "caption"] = "skip",
    skip_sources: tuple[str, ...] = (),
    max_foreign: float = 0.5,
    markup: str = "drop",
) -> str | Drop:
    """A question-blind description of the picture (arXiv 2504.11468, §3.1).

    Empty where the source states the problem in words (Math-PUMA Synthesis) or its traces are adopted; the source's own
    caption where it has one (ALLaVA-LAION).
    """
    if source in skip_sources or (text_question and text_problems == "skip"):
        return ""
    if given_caption is not None and source_captions == "use":
        return given_caption
    if image is None:
        return Drop("caption_unavailable")
    text = text_of(await captioner.ask(prompt.fill({}, images=(image,)), sampling=prompt.sampling))
    return description(text, max_foreign=max_foreign, markup=markup)
