"""What the reasoning of a trace concludes, where it says so plainly: the last conclusion, unless it is taken back.

A trace may try an answer, deny it and find another; only what stands last and unopposed is held against its answer.
"""

import re

from curation.answers.extract import CORRECTED, boxes, sentences

CHECKED_KINDS = ("digit", "number", "mcq")
"""Kinds whose rules compare a conclusion with an answer."""
STATED = re.compile(
    r"(?:(?:so|therefore|thus|hence),? )?(?:the )?(?:final |correct )?answer (?:is|must be|should be|would be)"
    r"(?:n['’]t|(?= not\b))?[:\s]+((?:[^\n.;]|\.(?=\d)){1,80})",
    re.IGNORECASE,
)
RESULT = re.compile(
    r"\b(?:so|therefore|thus|hence|in total|altogether),? "
    r"(?:there (?:are|is)|it (?:is|equals)|the (?:[\w'-]+ ){0,4}(?:total|count|sum|result|number|value|difference)"
    r"(?: of [\w' -]{1,30}?)? (?:is|are|equals))[:\s]+((?:[^\n.;]|\.(?=\d)){1,80})",
    re.IGNORECASE,
)
"""An amount; only in the last sentence, since a sum on the way is no conclusion."""
DENIED = re.compile(r"(?:n['’]t|\bnot|\bnever|\bneither)\b", re.IGNORECASE)
TAKEN_BACK = re.compile(
    r"\b(?:wait|hmm|actually|however|instead|mistake|mistaken|miscount(?:ed)?|misread|re-?check\w*|re-?count\w*"
    r"|double.check\w*|verify|wrong|incorrect|second thought|rather|let me (?:see|check|look|think|re\w+))\b"
    r"|\b(?:no|but)\b[,.: ]|\?",
    re.IGNORECASE,
)
"""Broader than `CORRECTED`: a conclusion followed by any doubt is not held against a trace."""


def conclusion(think: str) -> str | None:
    """The last thing concluded; None when nothing is, when that is a denial or when a doubt follows it."""
    found = [(start, start, text) for start, text in boxes(think)]
    found += [(mark.start(), mark.end(), mark[1]) for mark in STATED.finditer(think)]
    last = (sentences(think.strip().rsplit("\n", 1)[-1]) or [""])[-1]
    if mark := RESULT.search(last):
        at = think.rindex(last)
        found.append((at + mark.start(), at + mark.end(), mark[1]))
    if not found:
        return None
    start, end, said = max(found)
    after = think[end:]
    if DENIED.search(think[start:end]) or TAKEN_BACK.search(said + after) or CORRECTED.search(after):
        return None
    return said.strip()
