"""Step 4 of VLAA-Thinking: a rewriter mends caption leaks and must change nothing else."""

import difflib
import re
from collections import Counter
from typing import Literal

from curation.answers import parse
from curation.prompts import PromptSet, prompts
from curation.records import Json
from curation.step import Drop, step
from curation.steps.leaks import leaks
from curation.steps.replies import text_of
from curation.teachers.protocol import Teacher

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
LETTER = re.compile(r"\(([A-J])\)|\b([A-J])[.):]|\b(?:option|choice|answer)\s+(?:is\s+)?([A-J])\b")
TAG = re.compile(r"</?(?:think|answer)>", re.IGNORECASE)
FENCE = re.compile(r"\A-{5}\n(.*)\n-{5}\Z", re.DOTALL)


@step
async def rewrite(
    distill: str,
    question: str,
    *,
    rewriter: Teacher | None,
    prompt: PromptSet = prompts("vlaa_thinking/rewrite", role="rewriter", extra=("text",)),
    ask: Literal["on_leak", "always"] = "on_leak",
    max_word_gap: int = 15,
    remaining_leaks: Literal["drop", "keep"] = "drop",
) -> dict[str, Json] | Drop:
    """{text, asked, leaks, word_gap, diff} (arXiv 2504.11468, §3.1, step 4).

    A rewrite is dropped when its word count differs by more than `max_word_gap` (15 in the paper; words are split at
    white space, which is not published), and when it changed a number, an option letter, the tags or the answer.
    """
    found = leaks(distill, question)
    if not found and ask == "on_leak":
        return {"text": distill, "asked": False, "leaks": [], "word_gap": 0, "diff": []}
    if rewriter is None:
        return Drop(
            "leak_remains",
            "the run has no rewriter; give one with --teacher rewriter=…",
            {"text": distill, "leaks": found},
        )
    reply = text_of(await rewriter.ask(prompt.fill({"text": distill, "question": question}), sampling=prompt.sampling))
    text = reply if not (fenced := FENCE.match(reply)) else fenced[1].strip()
    value: dict[str, Json] = {
        "text": text, "asked": True, "leaks": found, "word_gap": word_gap(distill, text),
        "diff": word_diff(distill, text),
    }  # fmt: skip
    if reason := changed(distill, text, max_word_gap):
        return Drop(reason, difference(reason, distill, text), value)
    if remaining_leaks == "drop" and (left := leaks(text, question)):
        return Drop("leak_remains", "; ".join(left[:5]), value)
    return value


def word_gap(before: str, after: str) -> int:
    """Absolute difference of the numbers of white-space separated words."""
    return abs(len(after.split()) - len(before.split()))


def numbers(text: str) -> Counter[str]:
    return Counter(NUMBER.findall(text))


def letters(text: str) -> Counter[str]:
    """Option letters named in `text`: (A), A., A), option A."""
    return Counter(next(filter(None, match.groups())) for match in LETTER.finditer(text))


def changed(before: str, after: str, max_word_gap: int) -> str:
    """The reason code of the first thing a rewrite must not change and did, or nothing."""
    if word_gap(before, after) > max_word_gap:
        return "word_gap"
    if Counter(TAG.findall(before.lower())) != Counter(TAG.findall(after.lower())) or parse(after).faults:
        return "rewrite_changed_tags"
    if numbers(before) != numbers(after):
        return "rewrite_changed_number"
    if letters(before) != letters(after):
        return "rewrite_changed_option"
    if _final(before) != _final(after):
        return "rewrite_changed_answer"
    return ""


def _final(text: str) -> list[str]:
    """The answer's words without those that a mended leak may change."""
    answer = parse(text).answer
    for phrase in sorted(leaks(answer), key=len, reverse=True):
        answer = answer.replace(phrase, " ")
    return [w for w in re.findall(r"[^\W_]+", answer.lower()) if w not in PICTURE_WORDS]


PICTURE_WORDS = frozenset(
    [
        "the",
        "a",
        "an",
        "this",
        "that",
        "it",
        "as",
        "in",
        "on",
        "of",
        "to",
        "from",
        "by",
        "based",
        "according",
        "given",
        "provided",
        "shown",
        "seen",
        "visible",
        "shows",
        "show",
        "showing",
        "says",
        "say",
        "states",
        "state",
        "stated",
        "mentions",
        "mention",
        "mentioned",
        "describes",
        "described",
        "indicates",
        "indicated",
        "displays",
        "displayed",
        "depicts",
        "depicted",
        "illustrates",
        "reads",
        "image",
        "picture",
        "figure",
        "photo",
        "chart",
        "table",
        "diagram",
        "graph",
        "scene",
        "description",
        "caption",
        "rationale",
        "text",
        "i",
        "we",
        "can",
        "see",
        "is",
        "are",
    ]
)


def difference(reason: str, before: str, after: str) -> str:
    """What exactly a rewrite changed, for the reader of its reason code."""
    match reason:
        case "word_gap":
            return f"{len(before.split())} words before, {len(after.split())} after"
        case "rewrite_changed_number":
            lost, new = numbers(before) - numbers(after), numbers(after) - numbers(before)
            return f"lost {sorted(lost.elements())}, new {sorted(new.elements())}"
        case "rewrite_changed_option":
            return f"before {dict(letters(before))}, after {dict(letters(after))}"
        case "rewrite_changed_answer":
            return f"before {parse(before).answer[:200]!r}, after {parse(after).answer[:200]!r}"
        case _:
            return ", ".join(parse(after).faults)


def word_diff(before: str, after: str) -> list[list[str]]:
    """[removed, added] word runs, found line by line first so that long chains stay fast."""
    old, new = before.splitlines(), after.splitlines()
    found: list[list[str]] = []
    for op, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if op == "replace" and j - i == m - k:
            pairs = zip(old[i:j], new[k:m], strict=True)
        elif op != "equal":
            pairs = zip([" ".join(old[i:j])], [" ".join(new[k:m])], strict=True)
        else:
            continue
        found += (run for before_line, after_line in pairs for run in _words(before_line.split(), after_line.split()))
    return found


def _words(old: list[str], new: list[str]) -> list[list[str]]:
    if max(len(old), len(new)) > 5000:
        return [[" ".join(old), " ".join(new)]]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [[" ".join(old[i:j]), " ".join(new[k:m])] for op, i, j, k, m in matcher.get_opcodes() if op != "equal"]
