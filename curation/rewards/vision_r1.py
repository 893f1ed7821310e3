"""Vision-R1's hard formatting result reward (Osilly/Vision-R1, arXiv 2503.06749)."""

from curation.records import Kind
from curation.rewards.answer import Options, format_verdict
from curation.rewards.format import Layout
from curation.rewards.reward import Reward, as_float


def hfrrf(
    response: str,
    reference: str,
    kind: Kind | None = None,
    options: Options = (),
    question: str | None = None,
    *,
    layout: Layout = "think",
) -> Reward:
    """R = 1 if the format is valid AND the answer is right, else 0.

    Edges: a broken layout is 0 whatever the answer, undecided answers included, since the conjunction is already
    false; a valid layout with an undecided answer is None. A response cut at the length limit lacks its closing tag
    and is 0. `Final Answer:` before the answer is read over.
    """
    formed, verdict = format_verdict(response, reference, kind, options, question, layout=layout)
    parts = {"format": formed, "accuracy": as_float(verdict.correct)}
    total = 0.0 if not formed else parts["accuracy"]
    return Reward(total, parts, verdict.reason if formed else "format_invalid", verdict.extracted)
