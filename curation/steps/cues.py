"""Self-reflection cues: VLAA-Thinking's proxy for difficulty, counted in the final trace."""

import re
from functools import cache
from typing import Literal

from curation.records import Json
from curation.step import step

CUES = ("wait", "again", "double-check", "hmm", "mistake", "alternatively", "check", "i should confirm")
"""arXiv 2504.11468, Appendix A.2."""


@step
def cues(
    rewrite: dict[str, Json],
    *,
    words: tuple[str, ...] = CUES,
    match_mode: Literal["substring", "word"] = "substring",
) -> dict[str, Json]:
    """{reflective, cues}: which cues the lower-cased trace contains and how often.

    `substring` is the published test, under which "against" and "checkered" count as reflection; `word` asks for
    whole words.
    """
    text = str(rewrite["text"]).lower()
    found = {cue: n for cue in words if (n := occurrences(text, cue, match_mode))}
    return {"reflective": bool(found), "cues": found}


def occurrences(text: str, cue: str, match_mode: str) -> int:
    """How often `cue` stands in lower-cased `text`."""
    return text.count(cue) if match_mode == "substring" else len(_whole(cue).findall(text))


@cache
def _whole(cue: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(cue)}(?!\w)")
