"""Med-R1's reward for medical multiple choice (arXiv 2503.13939): letter and format, in three layouts."""

from curation.answers import check, parse
from curation.rewards.answer import Options
from curation.rewards.format import Layout, answer_last, laid_out
from curation.rewards.reward import Reward, as_float


def med_r1(
    response: str,
    reference: str,
    options: Options = (),
    question: str | None = None,
    *,
    layout: Layout = "think",
    strict: bool = False,
) -> Reward:
    """R = letter + format, each 0 or 1; layouts `think`, `no_think` and `think_after`.

    The letter is found and compared by `curation.answers`: `C)`, `C.`, `(c)`, `C) CT` are C, over line breaks too (the
    released code wants the bare capital on one line). A letter without tags is right, with format 0, as released.
    `strict` makes a broken layout 0 on both terms, as notes on the paper say of text outside the answer tags.
    Undecided letters ("B or C fits" where one is right) are None.
    """
    _, faults = laid_out(response, layout)
    text = answer_last(response) if layout == "think_after" else response
    verdict = check(text, reference, kind="mcq", options=options, question=question)
    letter = 0.0 if strict and faults else as_float(verdict.correct)
    formed = float(not faults)
    reason = faults[0] if strict and faults else verdict.reason
    total = None if letter is None else letter + formed
    return Reward(total, {"letter": letter, "format": formed}, reason, verdict.extracted or parse(text).answer[:500])
