"""Skywork-R1V3's reward: a rule or a judge says that the answer is right (arXiv 2507.06167)."""

from curation.answers import parse
from curation.records import Kind
from curation.rewards.answer import Options, ruled
from curation.rewards.format import Layout, laid_out
from curation.rewards.judge import SECONDS, Judge, asked
from curation.rewards.reward import Positive, Reward, Share, Source, Weight, as_float, weighted

ACCURACY, FORMAT = 0.8, 0.2
ACCEPTED = 0.5
"""From which value on a judge's number means yes; reconstructed (published: a yes/no judge)."""


async def rule_or_judge(
    response: str,
    reference: str,
    kind: Kind | None = None,
    options: Options = (),
    question: str = "",
    *,
    judge: Judge,
    layout: Layout = "think_text",
    accuracy_weight: Weight = ACCURACY,
    format_weight: Weight = FORMAT,
    accepted: Share = ACCEPTED,
    judge_seconds: Positive = SECONDS,
) -> Reward:
    """R = 0.8·(rule OR judge) + 0.2·format.

    The rule goes first and the judge is asked only when it does not say yes; `components` tell which one did (`judge`
    is None when it was not asked), so the share of judge-only acceptances can be reported. Edges: the rule says no
    and the judge fails: None, since the disjunction is unknown; nothing answered: 0 without asking.
    """
    parsed, faults = laid_out(response, layout)
    verdict = await ruled(response, reference, kind, options, question, layout=layout)
    rule, judged, reason, detail = as_float(verdict.correct), None, verdict.reason, ""
    value: float | None = rule
    source: Source = "rule"
    if rule != 1.0 and parsed.answer:
        call = judge(question=question, reference=parse(reference).answer, answer=parsed.answer)
        judged, reason, detail = await asked(call, seconds=judge_seconds, missing="judge_failed")
        value, source = None if judged is None else float(judged >= accepted), "judge"
    parts = {"rule": rule, "judge": judged, "accuracy": value, "format": float(not faults)}
    total = weighted(parts, {"accuracy": accuracy_weight, "format": format_weight})
    return Reward(total, parts, reason, verdict.extracted, source, detail[:500])
