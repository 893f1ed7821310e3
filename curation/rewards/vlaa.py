"""VLAA-Thinking's mixed reward: five kinds, one a row, with the format implicit (arXiv 2504.11468).

Kinds of the paper and of our rows: digit is `digit`; MCQ is `mcq`; math is `math` (and `number`, `text`, which the
paper has not); IoU is `box`; open is `open`. Only what stands in the answer block is scored, never the think block.
"""

import math

from curation.answers import Parsed, by_box, check, check_async, infer_kind, parse
from curation.records import Kind
from curation.rewards.answer import Options, of_verdict
from curation.rewards.boxes import one_box, reference_box
from curation.rewards.judge import SECONDS, Scorer, asked
from curation.rewards.reward import Positive, Reward, unscored

BETA = 1.0
"""β of the open reward; its value is not published: reconstructed (margins 0.1, 0.5, 1, 2 give 0.095, 0.393, 0.632,
0.865).
"""


def mixed_rules(
    response: str,
    reference: str,
    kind: Kind | None = None,
    options: Options = (),
    question: str | None = None,
    *,
    frame: by_box.Frame = "norm01",
) -> Reward:
    """The rule kinds: 1 or 0 for digit, MCQ and math, IoU in [0, 1] for boxes; `open` is None with `judge_missing`.

    Implicit format: without one complete answer block the total is 0, even where the text is right. Edges: the last
    answer block counts; tags that do not balance are 0; a box with swapped corners, or outside 0…1 in frame `norm01`,
    is 0; a reference that cannot be read, and an undecided comparison, are None.
    """
    parsed = parse(response)
    if missing := implicit(parsed):
        return missing
    decided = kind or infer_kind(reference, options)
    if decided == "box":
        return soft_box(parsed, reference, frame)
    if decided == "open":
        return unscored("judge_missing", "open answers need a scorer: use vlaa_mixed", open=None)
    return of_verdict(check(response, reference, kind=decided, options=options, question=question))


async def mixed(
    response: str,
    reference: str,
    kind: Kind | None = None,
    options: Options = (),
    question: str = "",
    image: object = None,
    *,
    scorer: Scorer,
    beta: Positive = BETA,
    frame: by_box.Frame = "norm01",
    scorer_seconds: Positive = SECONDS,
) -> Reward:
    """`mixed_rules`, and for open answers R = 1 - exp(-β·(S(answer) - S(reference))) where the margin is above 0, else
    0.

    S is a reward model on image, question and answer. A scorer that fails, is late or gives no finite number makes
    the reward None, never 0.
    """
    decided = kind or infer_kind(reference, options)
    parsed = parse(response)
    if decided == "math" and not implicit(parsed):
        return of_verdict(await check_async(response, reference, kind=decided, options=options, question=question))
    if decided != "open":
        return mixed_rules(response, reference, decided, options, question, frame=frame)
    if missing := implicit(parsed):
        return missing
    scores: list[float] = []
    for answer in (parsed.answer, parse(reference).answer):
        call = scorer(question=question, image=image, answer=answer)
        score, reason, detail = await asked(call, seconds=scorer_seconds, missing="scorer_failed")
        if score is None:
            return unscored(reason, detail, open=None)
        scores.append(score)
    margin = scores[0] - scores[1]
    value = open_value(margin, beta=beta)
    return Reward(value, {"open": value, "margin": margin}, "scored", parsed.answer[:500], "scorer")


def open_value(margin: float, *, beta: Positive = BETA) -> float:
    """1 - exp(-β·margin) for a margin above 0, else 0: rising in the margin, in [0, 1]."""
    return -math.expm1(-beta * margin) if margin > 0 else 0.0


def implicit(parsed: Parsed) -> Reward | None:
    """The zero of a response without one complete, filled answer block; None when it has one."""
    fault = "answer_untagged" if not parsed.tagged else "answer_empty" if not parsed.answer else ""
    if not fault and "answer_unclosed" in parsed.faults:
        fault = "answer_unclosed"
    return Reward(0.0, {"answer_block": 0.0}, fault, parsed.answer[:500]) if fault else None


def soft_box(parsed: Parsed, reference: str, frame: by_box.Frame) -> Reward:
    """IoU of the answer's box with the reference's, no threshold."""
    truth = reference_box(reference)
    if truth is None or not by_box.is_box(truth, frame):
        return unscored("reference_unreadable", reference, iou=None)
    got = one_box(parsed)
    if got is None:
        return Reward(0.0, {"iou": 0.0}, "box_not_found", parsed.answer[:500])
    if not by_box.is_box(got, frame):
        return Reward(0.0, {"iou": 0.0}, "box_invalid", str(list(got)))
    value = by_box.iou(truth, got)
    return Reward(value, {"iou": value}, "iou", str(list(got)))
