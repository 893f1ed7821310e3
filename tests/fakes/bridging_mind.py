"""A fake teacher's mind for Vision-R1: `eyes` writes pseudo-CoT and description, `thinker` reasons, `judge` judges.

As in `mind`, what it says depends only on the request, and its mistakes are those models make at each of these steps.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from curation.records import Sample
from tests.fakes.mind import Truth, chance, said, text_of

MODELS = ("eyes", "thinker", "judge")
TOLD = "the answer is known to be:"
REFUSED = "I'm sorry, but I can't help with identifying what is in this picture."
FILTERED = {"content": "", "finish_reason": "content_filter"}


def asked_truths(samples: Iterable[Sample]) -> list[Truth]:
    """Here the reasoner is always shown the question itself, never a statement of it in words."""
    return [Truth(s.question, s.reference or "") for s in samples]


def bridging_mind(known: Iterable[Truth]) -> Callable[[Mapping[str, Any]], Any]:
    """A reply function for `ModelServer`."""
    answers: dict[str, str] = {}
    for truth in known:
        answers.setdefault(truth.marker.strip(), truth.answer)

    def reply(request: Mapping[str, Any]) -> Any:
        text = text_of(request)
        luck = chance(str(request["messages"]) + str(request.get("seed")))
        match request["model"]:
            case "eyes":
                return _pick(luck, PSEUDO if "<caption>" in text else BRIDGES)
            case "judge":
                return "Yes." if chance(text) < 0.7 else "No."
        told = text.split(TOLD)[1].split('"""')[1].strip() if TOLD in text else said(answers, text)
        return _pick(luck, thoughts(told))

    return reply


GOOD_PSEUDO = (
    "<caption>\nA drawn picture with marks.\n</caption>\n<reasoning>\n1. Read the marks.\n2. Count.\n</reasoning>"
)
PSEUDO: tuple[tuple[float, Any], ...] = (
    (0.62, GOOD_PSEUDO),
    (0.72, "Sure! " + GOOD_PSEUDO.replace("caption>", "Caption>")),
    (0.86, GOOD_PSEUDO.split("<reasoning>")[0]),
    (0.93, REFUSED),
    (0.96, {"content": GOOD_PSEUDO[:40], "finish_reason": "length"}),
    (1.01, FILTERED),
)
BRIDGES: tuple[tuple[float, Any], ...] = (
    (0.88, "A drawn picture with a title, a row of marks and labels: all of them are listed from left to right."),
    (0.92, REFUSED),
    (0.96, "A picture with marks. Therefore the correct answer is the third one."),
    (1.01, ""),
)


def thoughts(answer: str) -> tuple[tuple[float, Any], ...]:
    """Reasoning replies by luck, from good ones to those each filter is there for."""
    body = f"I look at the marks one by one. That gives {answer}."
    good = f"<think>\n{body}\n</think>\n\nFinal Answer: {answer}"

    def instead(text: str) -> str:
        return good.replace(body, text)

    return (
        (0.30, good),
        (0.42, instead(f"Wait, let me check that again. Hmm. Alternatively, no: {body}")),
        (0.54, instead(f"The description says that there are marks. According to the caption, {body}")),
        (0.58, instead(f"The image description illustrates the marks. {body}")),
        (0.62, instead(f"{body} This must match the given answer.")),
        (0.67, instead("The description doesn't mention the marks, so I cannot determine how many there are.")),
        (0.71, instead("So the answer is 99123.")),
        (0.75, instead("So I count again and again and then I look once more. " * 12 + body)),
        (0.80, good.replace(f"Final Answer: {answer}", "Final Answer: something else, 99123")),
        (0.84, instead(f"Judging by the context, {body}")),
        (0.87, instead("我看了看图片，然后读出了所问的内容，答案就是这个。" + body)),
        (0.90, f"Final Answer: {answer}"),
        (0.93, {"content": f"<think>\n{body} and so on", "finish_reason": "length"}),
        (0.96, ""),
        (1.01, FILTERED),
    )


def _pick(luck: float, table: tuple[tuple[float, Any], ...]) -> Any:
    return next(reply for upto, reply in table if luck < upto)
