"""Vision-R1 (arXiv 2503.06749): both files of the cold-start set, and the RL set.

The cold files differ in columns and speakers: `image` with human/gpt (LLaVA-CoT) and `images` with user/assistant
(Mulberry); `images` is text, not a list. A response is `<think> … </think><answer> Final Answer:X </answer>`. The
upstream answer is not in the file: the reference is the trace's own, and `meta` says so. RL rows are in the
geometry3k layout and carry no trace.
"""

from collections.abc import Iterator

from curation.answers import parse
from curation.sources.published.shared import (
    REFERENCE_FROM,
    Format,
    Record,
    Row,
    as_published,
    asked,
    earlier,
    escaped,
    folder_of,
    image_path,
    needed,
    reference,
    text_in,
    turn_id,
    turns,
)

LICENCE = "cc-by-nc-sa-4.0"


def read_cold(record: Record) -> Iterator[Row]:
    """One row a question of the conversation."""
    path = image_path(record.get("image", record.get("images")))
    pairs = turns(needed(record, "conversations"))
    for at, (human, response) in enumerate(pairs):
        question = asked(human)
        given = parse(response).answer
        answer, kind = reference(given, question)
        meta: Row = {"corpus": "vision-r1-cold", "style": "llava_cot" if "image" in record else "mulberry"}
        meta |= {"published_id": record["id"]} if "id" in record else {}
        meta |= {"turn": at + 1} if len(pairs) > 1 else {}
        yield {
            "id": turn_id(record.get("id"), question), "source": folder_of(path) or None, "image": path,
            "question": question, "answer": answer, "kind": kind or None, "solution": escaped(response),
            "context": earlier([(q, parse(r).answer) for q, r in pairs[:at]]), "licence": LICENCE,
            "meta": {**meta, **as_published(given, answer), REFERENCE_FROM: "trace"},
        }  # fmt: skip


def read_rl(record: Record) -> Iterator[Row]:
    """One row, without a trace."""
    question = asked(text_in(record, "problem"))
    answer, kind = reference(record.get("answer"), question)
    rest = {name: value for name, value in record.items() if name not in ("problem", "images", "answer", "image")}
    yield {
        "id": record.get("id"), "image": record.get("images", record.get("image")), "question": question,
        "answer": answer, "kind": kind or None, "licence": LICENCE, 
        "meta": {"corpus": "vision-r1-rl", **as_published(record.get("answer"), answer), **rest},
    }  # fmt: skip


COLD = Format("vision-r1-cold", (("image", "conversations"), ("images", "conversations")), read_cold)
RL = Format("vision-r1-rl", (("problem", "images", "answer"),), read_rl)
