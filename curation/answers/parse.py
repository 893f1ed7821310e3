"""Finds the think block and the answer block of a response, and says what is wrong with its format.

Two layouts are well formed: `<think>…</think>` followed by free text (DeepSeek-R1), and `<think>…</think>`
followed by `<answer>…</answer>`. Whether the answer is right is not asked here. Everything is found in one
pass over the tags, so hostile text costs linear time, and no string raises.
"""

import re
from dataclasses import dataclass
from typing import Literal

TAG = re.compile(r"<(/?)(think|answer)>", re.IGNORECASE)
STRAY = re.compile(r"</?(?:think|answer)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A response taken apart.

    `answer` is what the last complete answer block holds, else the whole tail; `tail` is everything after the
    think block; `tagged` tells which. `faults` are codes of `curation.reasons`, empty for a well-formed
    response.
    """

    think: str
    answer: str
    tail: str
    faults: tuple[str, ...] = ()
    tagged: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    """One complete block: where its content starts and ends, and where the tags around it do (offsets in
    characters).
    """

    open: int
    start: int
    end: int
    close: int


def parse(response: str) -> Parsed:
    """Take a response apart; the last complete block of each name counts, and every departure is a fault."""
    text = response.strip()
    if "<" not in text:
        return Parsed("", text, text, ("think_missing",) if text else ("think_missing", "answer_empty"))
    tags = [(tag[2].lower(), bool(tag[1]), tag.start(), tag.end()) for tag in TAG.finditer(text)]
    think, thinks = _last_block(tags, "think")
    after = think.close if think else 0
    answer, _ = _last_block([tag for tag in tags if tag[2] >= after], "answer")
    tail = _tail(text, tags, after)
    faults = [*_think_faults(text, think, thinks, tags), *_answer_faults(text, think, answer, tail, tags)]
    inside = text[answer.start : answer.end].strip() if answer else _unclosed(tail)
    said = text[think.start : think.end] if think else text.removesuffix(tail) if _count(tags, "think", True) else ""
    tagged = any(tag[0] == "answer" for tag in tags if tag[2] >= after)
    return Parsed(STRAY.sub("", said).strip(), inside, tail, tuple(dict.fromkeys(faults)), tagged)


def tagged_answer(response: str, *, strict: bool, layout: Literal["tags", "r1"] = "tags") -> tuple[str | None, str]:
    """(answer, "") or (None, the reason code why it is refused).

    Strict: exactly one think block, then exactly one answer block (`tags`) or free text (`r1`), nothing empty, nothing
    outside; white space around is allowed. Lenient: whatever `parse` finds, and only an empty answer is refused.
    """
    parsed = parse(response)
    if strict and parsed.faults:
        return None, parsed.faults[0]
    if strict and layout == "tags" and not parsed.tagged:
        return None, "answer_untagged"
    return (parsed.answer, "") if parsed.answer else (None, "answer_empty")


def _last_block(tags: list[tuple[str, bool, int, int]], name: str) -> tuple[_Block | None, int]:
    """The last complete block of this name, and how many complete ones there are."""
    opened, last, count = None, None, 0
    for tag, closing, start, end in tags:
        if tag != name:
            continue
        if not closing:
            opened = (start, end)
        elif opened:
            last, opened, count = _Block(opened[0], opened[1], start, end), None, count + 1
    return last, count


def _tail(text: str, tags: list[tuple[str, bool, int, int]], after: int) -> str:
    """What follows the think block. A think block that never closes has no tail, unless an answer block
    follows.

    A closing tag alone ends a think block too: chat templates often put the opening tag into the prompt.
    """
    thinks = [tag for tag in tags if tag[0] == "think" and tag[2] >= after]
    for _, closing, start, end in thinks[-1:]:
        if closing:
            return text[end:].strip()
        answers = [tag[2] for tag in tags if tag[0] == "answer" and tag[2] >= start]
        return (text[answers[0] :] if answers else text[after:start]).strip()
    return text[after:].strip()


def _unclosed(tail: str) -> str:
    """The answer when no block is complete: what follows the last opening tag, else the tail without stray
    tags.
    """
    opened = [tag.end() for tag in TAG.finditer(tail) if tag[2].lower() == "answer" and not tag[1]]
    return STRAY.sub("", tail[opened[-1] :] if opened else tail).strip()


def _count(tags: list[tuple[str, bool, int, int]], name: str, closing: bool) -> int:
    return len([tag for tag in tags if tag[0] == name and tag[1] is closing])


def _think_faults(
    text: str, think: _Block | None, complete: int, tags: list[tuple[str, bool, int, int]]
) -> tuple[str, ...]:
    opened, closed = _count(tags, "think", False), _count(tags, "think", True)
    if think is None:
        return ("think_missing",)
    if complete > 1 or opened > 1 or closed > 1:
        return ("think_repeated",)
    faults = () if text[think.start : think.end].strip() else ("think_empty",)
    return (*faults, "text_outside") if text[: think.open].strip() else faults


def _answer_faults(
    text: str, think: _Block | None, answer: _Block | None, tail: str, tags: list[tuple[str, bool, int, int]]
) -> tuple[str, ...]:
    opened, closed = _count(tags, "answer", False), _count(tags, "answer", True)
    if opened != closed:
        return ("answer_unclosed",)
    if opened > 1:
        return ("answer_repeated",)
    if answer is None:
        misplaced = ("answer_in_think",) if opened else ()
        return misplaced if tail else (*misplaced, "answer_empty")
    empty = () if text[answer.start : answer.end].strip() else ("answer_empty",)
    before = text[think.close if think else 0 : answer.open]
    return (*empty, "text_outside") if (before + text[answer.close :]).strip() else empty
