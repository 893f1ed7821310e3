"""LLaVA-CoT-100k (arXiv 2411.10440): ShareGPT rows whose responses have four tagged stages.

`<SUMMARY>`, `<CAPTION>`, `<REASONING>`, `<CONCLUSION>`: the caption is kept as one, the first three become the think
block in their order, the conclusion the answer. A conclusion that is not closed runs to the end. The reference is the
conclusion itself, and `meta` says so.
"""

import re
from collections.abc import Iterator

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
    turn_id,
    turns,
)

STAGES = ("SUMMARY", "CAPTION", "REASONING", "CONCLUSION")
_STAGE = re.compile(rf"<({'|'.join(STAGES)})>(.*?)(?:</\1>|(?=<(?:{'|'.join(STAGES)})>)|\Z)", re.IGNORECASE | re.DOTALL)


def read(record: Record) -> Iterator[Row]:
    """One row a question of the conversation."""
    path = image_path(needed(record, "image"))
    pairs = turns(needed(record, "conversations"))
    staged = [stages(response) for _, response in pairs]
    for at, (human, response) in enumerate(pairs):
        question, found = asked(human), staged[at]
        answer, kind = reference(found["CONCLUSION"], question) if "CONCLUSION" in found else (None, "")
        meta = {"corpus": "llava-cot", "published_id": record.get("id"), REFERENCE_FROM: "trace"}
        meta |= as_published(found.get("CONCLUSION"), answer)
        meta |= {"turn": at + 1} if len(pairs) > 1 else {}
        yield {
            "id": turn_id(record.get("id"), question), "source": folder_of(path) or None, "image": path,
            "question": question, "answer": answer, "kind": kind or None, "caption": found.get("CAPTION", ""),
            "solution": escaped(trace(found) or response), "meta": meta,
            "context": earlier([(pairs[i][0], staged[i].get("CONCLUSION", "")) for i in range(at)]),
        }  # fmt: skip


FORMAT = Format("llava-cot", (("image", "conversations"),), read)


def stages(response: str) -> dict[str, str]:
    """The text of each stage by its name in capitals; the last of a repeated one."""
    return {found[1].upper(): found[2].strip() for found in _STAGE.finditer(response)}


def trace(found: dict[str, str]) -> str:
    """Think and answer blocks, or nothing where the conclusion is missing."""
    if "CONCLUSION" not in found:
        return ""
    chain = "\n\n".join(found[name] for name in STAGES[:3] if found.get(name))
    return f"<think>\n{chain}\n</think>\n<answer>{found['CONCLUSION']}</answer>"
