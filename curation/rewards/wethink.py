"""WeThink's hybrid reward: rules for choice and fill-in questions, a tiered judge for descriptions.

Source: reviews of WeThink (arXiv 2506.07905), which state the fixed weights. The tiers and the judge's prompt are
reconstructed (`curation.rewards.judge.TIERS`, `curation/prompts/rewards/tiers.txt`).
"""

from curation.answers import parse
from curation.records import Kind
from curation.rewards.answer import Options, ruled
from curation.rewards.format import Layout, laid_out
from curation.rewards.judge import SECONDS, TIERS, Judge, Tiers, asked
from curation.rewards.reward import Positive, Reward, Source, Weight, as_float, weighted

ACCURACY, FORMAT = 0.7, 0.3


async def hybrid(
    response: str,
    reference: str,
    kind: Kind | None = None,
    options: Options = (),
    question: str = "",
    *,
    judge: Judge,
    tiers: Tiers = TIERS,
    layout: Layout = "think",
    accuracy_weight: Weight = ACCURACY,
    format_weight: Weight = FORMAT,
    judge_seconds: Positive = SECONDS,
) -> Reward:
    """R = 0.7·accuracy + 0.3·format.

    Accuracy is the rules' 0 or 1 for every kind but `open`, and the judge's tier for `open` and for what the rules
    leave undecided. Edges: an empty answer is 0 without asking; a judge that fails, is late or names no tier makes
    the reward None, never 0; a tier outside `tiers` is a failure.
    """
    parsed, faults = laid_out(response, layout)
    verdict = await ruled(response, reference, kind, options, question, layout=layout)
    value, reason, detail = as_float(verdict.correct), verdict.reason, ""
    source: Source = "rule"
    if value is None:
        call = judge(question=question, reference=parse(reference).answer, answer=parsed.answer)
        value, reason, detail = await asked(call, seconds=judge_seconds, missing="judge_failed")
        source = "judge"
    if source == "judge" and value is not None and value not in tiers:
        value, reason, detail = None, "judge_unclear", f"{value:g} is no tier"
    parts = {"accuracy": value, "format": float(not faults)}
    total = weighted(parts, {"accuracy": accuracy_weight, "format": format_weight})
    return Reward(total, parts, reason, verdict.extracted, source, detail[:500])
