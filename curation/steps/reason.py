"""Step 3 of Vision-R1 as its authors ran it: the text-only reasoner is shown the description, and the answer as well.

That the answer is given is said by the maintainer (issue 17 of the repository), not by the paper. Without it the step
is `curation.steps.distill`.
"""

from curation.prompts import PromptSet, prompts
from curation.records import Option
from curation.step import Drop, step
from curation.steps.distill import lettered, reasoned
from curation.teachers.protocol import Teacher


@step
async def distill(
    question: str,
    options: tuple[Option, ...],
    caption: str,
    reference: str | None,
    *,
    reasoner: Teacher,
    prompt: PromptSet = prompts("vision_r1_cold/reason", role="reasoner", extra=("options",)),
    max_foreign: float = 0.1,
    markup: str = "drop",
) -> str | Drop:
    """`<think>` chain `</think>` and an answer, from a reasoner that was told the answer (arXiv 2503.06749 §3.3.1)."""
    if reference is None:
        return Drop("answer_missing", "the reasoner is to be told the answer")
    columns = {"question": question, "options": lettered(options), "caption": caption, "reference": reference}
    return await reasoned(reasoner, prompt, columns, question, max_foreign=max_foreign, markup=markup)
