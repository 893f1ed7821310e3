"""Mulberry-SFT (arXiv 2412.18319): role/content messages whose responses have Markdown headings.

`### Image Description:`, `### Rationales:`, `### Let's think step by step.`, `### Step n:` and
`### The final answer is: X`. The description is kept as the caption, all before the last final-answer heading becomes
the think block, and what follows it the answer. The reference is that answer itself, and `meta` says so.
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

_FINAL = re.compile(r"^[ \t]*#{1,6}[ \t]*(?:the[ \t]+)?final[ \t]+answer(?:[ \t]+is)?[ \t]*:?[ \t]*", re.I | re.M)
_DESCRIPTION = re.compile(
    r"^#{1,6}[ \t]*image description[ \t]*:?[ \t]*\n?(.*?)(?=^#{1,6}[ \t]|\Z)", re.I | re.M | re.S
)


def read(record: Record) -> Iterator[Row]:
    """One row a question of the conversation."""
    path = image_path(record.get("images", record.get("image")))
    pairs = turns(record.get("messages") or needed(record, "conversations"))
    for at, (human, response) in enumerate(pairs):
        question = asked(human)
        chain, final = taken_apart(response)
        answer, kind = reference(final, question) if final else (None, "")
        described = _DESCRIPTION.search(response)
        meta = {"corpus": "mulberry", REFERENCE_FROM: "trace"} | ({"turn": at + 1} if len(pairs) > 1 else {})
        meta |= as_published(final, answer)
        yield {
            "id": turn_id(record.get("id"), question), "source": folder_of(path) or None, "image": path,
            "question": question, "answer": answer, "kind": kind or None,
            "caption": described[1].strip() if described else "", "meta": meta,
            "solution": escaped(f"<think>\n{chain}\n</think>\n<answer>{final}</answer>" if final else response),
            "context": earlier([(q, taken_apart(r)[1]) for q, r in pairs[:at]]),
        }  # fmt: skip


FORMAT = Format("mulberry", (("images", "messages"), ("image", "messages"), ("images", "conversations")), read)


def taken_apart(response: str) -> tuple[str, str]:
    """(what stands before the last final-answer heading, the answer after it), or the response and nothing."""
    headings = list(_FINAL.finditer(response))
    if not headings:
        return response, ""
    return response[: headings[-1].start()].strip(), response[headings[-1].end() :].strip()
