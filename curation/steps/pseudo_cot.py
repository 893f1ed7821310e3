"""Step 1 of Vision-R1: a pseudo-CoT. The captioner sees picture, question and answer, and writes caption and reasoning.

Its purpose is to bring every value the question needs into words; nobody trains on it.
"""

import re
from typing import Literal

from curation.prompts import PromptSet, prompts
from curation.records import Image, Json, Option
from curation.step import Drop, step
from curation.steps.distill import lettered
from curation.steps.replies import description, refused, text_of
from curation.teachers.protocol import Teacher

PARTS = ("caption", "reasoning")


@step
async def pseudo_cot(
    image: Image | None,
    question: str,
    options: tuple[Option, ...],
    reference: str | None,
    solution: str,
    *,
    captioner: Teacher,
    prompt: PromptSet = prompts("vision_r1_cold/pseudo_cot", role="captioner", extra=("options",)),
    source_solutions: Literal["ignore", "use"] = "ignore",
    max_foreign: float = 0.5,
    markup: str = "drop",
) -> dict[str, Json] | Drop:
    """{caption, reasoning, by} of the pseudo-CoT (arXiv 2503.06749 §3.3.1; needing both parts is reconstructed).

    The parts wanted are those whose tags the template names; one that names none is for a captioner that cannot reason,
    and its whole reply is the caption. `use` takes the source's own worked solution as the reasoning: LLaVA-CoT and
    Mulberry ship such.
    """
    if reference is None:
        return Drop("answer_missing", "the pseudo-CoT is written with the answer at hand")
    if source_solutions == "use" and solution.strip():
        given = {name: block(solution, name) for name in PARTS}
        return {**given, "reasoning": given["reasoning"] or solution.strip(), "by": "source"}
    if image is None:
        return Drop("caption_unavailable")
    columns = {"question": question, "options": lettered(options), "reference": reference}
    text = text_of(await captioner.ask(prompt.fill(columns, images=(image,)), sampling=prompt.sampling))
    if refused(text):
        return Drop("reply_refusal", text[:200], text)
    wanted = [name for name in PARTS if f"<{name}>" in prompt.prompt.text]
    parts = {name: block(text, name) for name in PARTS} if wanted else {"caption": text, "reasoning": ""}
    if missing := [name for name in wanted if not parts[name]]:
        return Drop("pseudo_cot_incomplete", f"no {' and no '.join(missing)}", text)
    checked = description(
        parts["caption"], question + columns["options"], max_foreign=max_foreign, markup=markup
    )  # fmt: skip
    return checked if isinstance(checked, Drop) else {**parts, "by": "captioner"}


def block(text: str, name: str) -> str:
    """What stands between `<name>` and the next `</name>`, in any case; empty without both."""
    opened = re.search(f"<{name}>", text, re.IGNORECASE)
    closed = re.compile(f"</{name}>", re.IGNORECASE).search(text, opened.end()) if opened else None
    return text[opened.end() : closed.start()].strip() if opened and closed else ""
