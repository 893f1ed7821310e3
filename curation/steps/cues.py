"""Self-reflection cues in the final trace: VLAA-Thinking's proxy for difficulty, Vision-R1's measure of its data."""

import re
from functools import cache
from typing import Literal

from curation.records import Json
from curation.step import step

CUES = ("wait", "again", "double-check", "hmm", "mistake", "alternatively", "check", "i should confirm")
"""arXiv 2504.11468, Appendix A.2."""
REFLECTION = ("wait", "hmm", "mistake", "alternatively", "check")
"""arXiv 2503.06749, Table 4; how case and word ends are treated is not published."""
MORE_REFLECTION = (
    "again",
    "double-check",
    "verify",
    "actually",
    "let me think",
    "on second thought",
    "i should confirm",
)
"""Ours, beside the published five, so that other habits of reflection show as well."""


@step
def cues(
    rewrite: dict[str, Json],
    *,
    words: tuple[str, ...] = CUES,
    match_mode: Literal["substring", "word"] = "substring",
) -> dict[str, Json]:
    """{reflective, cues, words}: which cues the lower-cased trace contains and how often, and how long it is.

    `substring` is the published test, under which "against" and "checkered" count as reflection; `word` asks for
    whole words.
    """
    text = str(rewrite["text"]).lower()
    found = {cue: n for cue in words if (n := occurrences(text, cue, match_mode))}
    return {"reflective": bool(found), "cues": found, "words": len(text.split())}


def occurrences(text: str, cue: str, match_mode: str) -> int:
    """How often `cue` stands in lower-cased `text`."""
    return text.count(cue) if match_mode == "substring" else len(_whole(cue).findall(text))


@cache
def _whole(cue: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(cue)}(?!\w)")
