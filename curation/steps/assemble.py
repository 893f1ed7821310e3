"""Step 7 of Vision-R1: the training text, with the picture back in the question and think and answer in their tags."""

import re
from typing import Literal

from curation.answers import parse
from curation.records import Json
from curation.step import Drop, step

Layout = Literal["paper", "spaced", "bold"]
LAYOUTS = {
    "paper": "<think> {think} </think><answer> Final Answer:{answer} </answer>",
    "spaced": "<think> {think} </think><answer> Final Answer: {answer} </answer>",
    "bold": "<think>\n{think}\n</think>\n\n**Final Answer:**{answer}",
}
"""As the paper's figure has it; with the single spaces that the repository's evaluation expects; and as free text after
the think block."""

PREFIX = re.compile(r"\A[*_\s]{0,8}final\s+answer[*_\s]{0,8}[:：][*_\s]{0,8}", re.IGNORECASE)


@step
def assemble(
    rewrite: dict[str, Json],
    verify: dict[str, Json],
    reference: str | None,
    *,
    layout: Layout = "paper",
    final: Literal["extracted", "reference", "said"] = "extracted",
) -> dict[str, Json] | Drop:
    """{response, answer}: one think block, one answer block, nothing outside (arXiv 2503.06749 §3.3.1).

    `final` is not published: the answer as it was read in the response, the source's own, or all that was said after
    the think block.
    """
    parsed = parse(str(rewrite["text"]))
    answer = bare({"extracted": str(verify["extracted"]), "reference": reference or "", "said": parsed.answer}[final])
    response = LAYOUTS[layout].format(think=parsed.think, answer=answer)
    if faults := parse(response).faults or (() if answer else ("answer_empty",)):
        return Drop(faults[0], ", ".join(faults), response)
    return {"response": response, "answer": answer}


def bare(answer: str) -> str:
    """The answer without a `Final Answer:` of its own, which the layout brings."""
    found = PREFIX.match(answer)
    return answer[found.end() :].strip(" \n*_") if found else answer.strip()
