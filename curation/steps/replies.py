"""What every step checks in a model's reply before believing it: that it ended, has text, and is in a script and
markup we asked for.
"""

import json
import re
import unicodedata
from collections import Counter
from dataclasses import replace

from curation.answers.parse import TAG
from curation.errors import SampleError
from curation.records import Verdict
from curation.step import Drop
from curation.teachers.protocol import Reply

MARKUP = re.compile(
    r"<\s*/?\s*(script|style|iframe|object|embed|img|svg|html|body|head|div|span|form|input|button|link|meta"
    r"|a(?=\s*>|\s[^<>]{0,200}=))\b[^>]{0,2000}>",
    re.IGNORECASE,
)

REFUSAL = re.compile(
    r"\s*(?:(?:i['’]?m|i am) (?:very |so |really )?sorry\b|sorry,|(?:i apologi[sz]e|my apologies)\b"
    r"|(?:unfortunately, )?(?:i|we) (?:can(?:no|['’])t|cannot|am (?:not able|unable)|['’]m unable|will not|won['’]t)"
    r" (?:to )?(?:help|assist|comply|answer|describe|identify|provide|fulfil)"
    r"|as an ai\b)",
    re.IGNORECASE,
)

FENCE = re.compile(r"\s*```[ \t]*(\w*)[ \t]*\n(.*?)\n?[ \t]*(?:```)?\s*", re.DOTALL)
MARKS = " \n.!*\"'`"
COMMON = frozenset({"LATIN", "GREEK", "MATHEMATICAL", "DOUBLE-STRUCK", "SCRIPT", "MICRO", "FEMININE", "MASCULINE"})


def text_of(reply: Reply) -> str:
    """The reply's text. Raises `SampleError` when it is empty or was cut at the token limit."""
    if reply.finish == "length":
        raise SampleError("reply_truncated", "stopped at the token limit", joined(reply))
    if not reply.text.strip():
        raise SampleError("reply_empty", "", joined(reply))
    return reply.text.strip()


def refused(text: str) -> bool:
    """Whether a reply opens with an apology or a refusal instead of what was asked for."""
    return REFUSAL.match(text) is not None


def yes_or_no(text: str) -> bool | None:
    """What a judge says that was asked for Yes or No; None for anything else. A remark after a comma is let pass."""
    word = text.strip(MARKS).lower().split(",")[0].strip(MARKS)
    return {"yes": True, "no": False}.get(word)


def judgement(verdict: Verdict, reply: str) -> Verdict:
    """The verdict as a judge's reply decides it; undecided, with the judge's words, when it says neither yes nor no."""
    said = yes_or_no(reply)
    if said is None:
        words = f"{verdict.extracted} [judge: {reply[:200]}]"
        return replace(verdict, correct=None, reason="judge_unclear", source="judge", extracted=words)
    return replace(verdict, correct=said, reason="judged_yes" if said else "judged_no", source="judge")


def joined(reply: Reply) -> str:
    """Reasoning and answer as one text: a chain returned apart goes into a think block, as DeepSeek-R1 writes it."""
    if not reply.reasoning.strip():
        return reply.text.strip()
    return f"<think>\n{reply.reasoning.strip()}\n</think>\n\n{reply.text.strip()}"


def scripts(text: str) -> Counter[str]:
    """Letters by script (first word of their Unicode name: LATIN, CJK, CYRILLIC …)."""
    letters = Counter(char for char in text if char.isalpha())
    found: Counter[str] = Counter()
    for char, count in letters.items():
        found[unicodedata.name(char, "UNKNOWN").split()[0]] += count
    return found


def foreign_share(text: str, question: str) -> float:
    """Share of letters (0 to 1) in scripts the question does not use; Latin, Greek and mathematical letters are
    never foreign.
    """
    found = scripts(text)
    expected = COMMON | scripts(question).keys()
    total = sum(found.values())
    return sum(count for script, count in found.items() if script not in expected) / total if total else 0.0


def unexpected(text: str, question: str, *, max_foreign: float, markup: str) -> Drop | None:
    """Why this text is not what was asked for, or None."""
    if (share := foreign_share(text, question)) > max_foreign:
        return Drop("language_unexpected", f"{share:.0%} of the letters are in another script", text)
    if markup == "drop" and (found := MARKUP.search(text)):
        return Drop("markup_unexpected", found[0][:200], text)
    return None


def description(text: str, question: str = "", *, max_foreign: float, markup: str) -> str | Drop:
    """The text when it can be somebody's description of a picture, else why not.

    Not a description are a refusal, tags of a reply's layout, markup, and what is mostly in a script that neither
    Latin nor `question` uses. Raises `SampleError` for a text without any word, and for JSON in place of prose.
    """
    if refused(text):
        return Drop("reply_refusal", text[:200], text)
    if is_data(text):
        raise SampleError("reply_not_schema", "JSON in place of a description", text)
    if not any(char.isalpha() for char in TAG.sub("", text)):
        raise SampleError("reply_empty", "no word in the description", text)
    if found := TAG.search(text):
        return Drop("markup_unexpected", found[0], text)
    return unexpected(text, question, max_foreign=max_foreign, markup=markup) or text


def is_data(text: str) -> bool:
    """Whether a reply, without the fence around it, is JSON other than a quoted text; a fence may say so itself."""
    fenced = FENCE.fullmatch(text)
    inside = fenced[2] if fenced else text.strip(MARKS)
    try:
        value = json.loads(inside)
    except (ValueError, RecursionError):
        return bool(fenced and fenced[1].lower() == "json")
    return not isinstance(value, str)
