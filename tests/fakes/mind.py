"""A fake teacher's mind for tests and benchmarks: it knows the samples' answers and makes the mistakes models make.

What it says depends only on the request (texts, model and seed), so any order, concurrency or restart gets the same
replies. Models: `eyes` captions, `thinker` reasons, `editor` rewrites, `judge` judges.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from curation.records import Sample

MODELS = ("eyes", "thinker", "editor", "judge")
REFLECTIVE = "Wait, let me check that again. "
LEAK = "According to the description, "


@dataclass(frozen=True)
class Truth:
    """What the mind knows of one sample: the text a reasoner is shown, and the right answer as it would be said."""

    marker: str
    answer: str


def truths(samples: Iterable[Sample]) -> list[Truth]:
    return [Truth(s.text_question or s.question, s.reference or "") for s in samples]


def mind(known: Iterable[Truth]) -> Callable[[Mapping[str, Any]], Any]:
    """A reply function for `ModelServer`. Where two samples share a question, the first one's answer is said."""
    answers: dict[str, str] = {}
    for truth in known:
        answers.setdefault(truth.marker.strip(), truth.answer)

    def reply(request: Mapping[str, Any]) -> Any:
        text = text_of(request)
        match request["model"]:
            case "eyes":
                return (
                    f"A drawn picture, number {chance(str(request['messages'])):.8f}, with a title, marks and labels."
                )
            case "editor":
                return edited(text)
            case "judge":
                return "Yes." if chance(text) < 0.7 else "No."
            case _:
                return thought(said(answers, text), chance(text + str(request.get("seed"))))

    return reply


def text_of(request: Mapping[str, Any]) -> str:
    """The last user turn as text, images left out."""
    content = request["messages"][-1]["content"]
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def chance(text: str) -> float:
    """A number in [0, 1) that the text decides."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def said(answers: Mapping[str, str], text: str) -> str:
    """The answer to the question in `text`, looked up by the lines of its question slot."""
    asked = text.split('Question:\n"""\n', 1)[-1].rsplit('\n"""', 1)[0]
    lines = asked.split("\n")
    return next(
        (answers[key] for end in range(len(lines), 0, -1) if (key := "\n".join(lines[:end]).strip()) in answers),
        "unknown",
    )


def thought(answer: str, luck: float) -> Any:
    """One reasoning reply: mostly right, sometimes wrong or malformed, as `luck` in [0, 1) says."""
    body = f"I look at the picture and read off what is asked. That gives {answer}."
    good = f"<think>\n{body}\n</think>\n\n<answer>{answer}</answer>"
    table: list[tuple[float, Any]] = [
        (0.45, good),
        (0.62, good.replace(body, REFLECTIVE + body)),
        (0.74, good.replace(body, LEAK + body)),
        (0.84, good.replace(f"<answer>{answer}", "<answer>something else, 99123")),
        (0.87, f"It is {answer}."),
        (0.90, {"content": f"<think>\n{body} and so on", "finish_reason": "length"}),
        (0.92, "<think>我看了看图片，然后读出了所问的内容，答案就是这个。</think>" + f"答案是 {answer}"),
        (0.94, good.replace(body, body + "<script>alert(1)</script>")),
        (0.96, ""),
        (0.98, good + f"<answer>{answer}</answer>"),
        (1.01, {"content": "", "finish_reason": "content_filter"}),
    ]
    return next(reply for upto, reply in table if luck < upto)


def edited(text: str) -> str:
    """The text between the fences with its leak mended; one in five edits also spoils something."""
    inner = text.split("-----\n", 1)[-1].rsplit("\n-----", 1)[0]
    mended = inner.replace(LEAK, "In the picture, ")
    match int(chance(inner) * 10):
        case 0:
            return mended.replace("</think>", "1234 </think>")
        case 1:
            return (
                mended
                + " I hope this helps you with your task, and do not hesitate to ask me for more of the same again."
            )
    return mended
