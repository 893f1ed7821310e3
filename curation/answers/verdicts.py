"""Says whether a response answers as its reference does: the one entry for curation, pass rates, audits and
rewards.

`check` finds the answer (`curation.answers.extract`), reads it as the kind wants and compares; each `by_*`
module states its rules. What the outcomes mean:

- True: it agrees; `reason` says how (`exact`, `number`, `letter`, `option_text`, `option_number`, `text`,
  `iou`, `math_verify`);
- False, `wrong_answer`: it was read and differs; False, `answer_not_found`: nothing that could be an answer
  was said (VLAA-Thinking's implicit format; whoever wants strict tags looks at `parse(response).faults` as
  well);
- None, `undecided`: the rules cannot tell (open answers, several numbers of which one is right, an unreadable
  reference, letter and text in conflict); None, `timeout`: Math-Verify did not end in time. None is never
  counted as wrong.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from curation.answers import asked as by_question
from curation.answers import (
    besides,
    by_box,
    by_choice,
    by_math,
    by_number,
    by_words,
    changes,
    cut,
    domains,
    doubts,
    labelled,
    math_workers,
    polarity,
    settings,
)
from curation.answers.about import asked_part
from curation.answers.extract import LONGEST, Extracted, candidates, explicit, places, reference_text
from curation.answers.fields import answer_text, options_of
from curation.answers.frames import Frame, Size, convert
from curation.answers.kinds import infer_kind
from curation.answers.normal import folded
from curation.answers.options import lettered, options_in
from curation.answers.order import chain, in_order
from curation.answers.other_readings import factorial
from curation.answers.parse import Parsed, parse
from curation.answers.quantity import Quantity, quantity
from curation.answers.spellings import polar
from curation.records import Json, Kind, Option, Verdict

VERSION = 10  # part of every verifying step's fingerprint: raise it when a verdict may change


INTERVAL = re.compile(r"\b(?:intervals?|increas\w+|decreas\w+|domain|range)\b", re.IGNORECASE)
COMMAND = re.compile(
    r"\\(?:[dtc]?frac|sqrt|sin|cos|tan|cot|sec|csc|arc[a-z]{3}|log|ln|exp|binom|sum|prod|int|pi|cdot|times|left|[lr]floor)"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a comparison needs besides the response."""

    reference: str
    kind: Kind
    options: tuple[Option, ...]
    tolerance: float | None
    iou: float
    frame: Frame
    seconds: float
    answer_frame: Frame
    size: Size | None = None
    ordered: bool | None = None
    question: str | None = None


def check(
    response: str,
    reference: Json,
    *,
    kind: Kind | None = None,
    options: Sequence[Option | str] | Mapping[str, Json] = (),
    question: str | None = None,
    tolerance: float | None = None,
    iou: float = 0.5,
    frame: Frame = "norm01",
    answer_frame: Frame | None = None,
    size: Size | None = None,
    seconds: float = math_workers.SECONDS,
) -> Verdict:
    """Whether `response` answers as `reference` does; no string makes it raise.

    `reference` is a text, number, truth value or list (`curation.answers.fields`; `SampleError` for anything else).
    `kind` is inferred from it when None. `options`, a sequence or a dict from letter to text, default to those the
    question lists. `tolerance` is relative and replaces the rounding rules. For boxes: `iou` is the least overlap,
    `frame` the reference's coordinate frame, `answer_frame` the response's (the same by default, see
    `curation.answers.frames`), `size` the picture's (width, height) in pixels. `seconds` is Math-Verify's time
    limit. Blocks for up to `seconds` of work on a formula. Raises `ConfigError` for a setting out of range.
    """
    settings.refuse(kind, tolerance, iou, seconds)
    settings.refuse_frames(frame, answer_frame or frame, size)
    choices = lettered(options_of(options) if isinstance(options, Mapping) else options) or (
        options_in(question) if question and kind in ("mcq", None) else ()
    )
    text = _reference(reference if isinstance(reference, str) else answer_text(reference))
    decided = kind or _kind(text, choices, question)
    asked = _Asked(
        text,
        decided,
        choices,
        tolerance,
        iou,
        frame,
        seconds,
        answer_frame or frame,
        size,
        in_order(question),
        question,
    )
    return _compared(parse(response), asked)


async def check_async(response: str, reference: Json, **settings: object) -> Verdict:
    """`check` off the event loop, in as many threads as there are maths workers; same settings."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads(), lambda: check(response, reference, **settings))  # type: ignore[arg-type]


_reference = lru_cache(maxsize=1024)(reference_text)
_kind = lru_cache(maxsize=1024)(infer_kind)


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(math_workers.WORKERS, thread_name_prefix="answers")


def extract(response: str, *, kind: Kind, options: Sequence[Option | str] = ()) -> Extracted | None:
    """The answer a response states, read as `kind`, and where it stood; None when there is none."""
    choices = lettered(options)
    return next((each for each in candidates(response) if _readable(each, kind, choices)), None)


def _readable(each: Extracted, kind: Kind, options: tuple[Option, ...]) -> bool:
    match kind:
        case "digit" | "number":
            return by_number.reading([each]) is not None
        case "mcq":
            return by_choice.named(each.text, options) is not None
        case "box":
            return by_box.reading([each]) is not None
        case "math":
            return bool(by_math.reading([each]))
    return bool(folded(each.text))


def _compared(parsed: Parsed, asked: _Asked) -> Verdict:
    """The verdict; a refusal is no answer, and what agrees in a reply that breaks off is undecided."""
    if not parsed.answer:
        return _not_found(asked)
    if _refuses(parsed, asked):
        return _not_found(asked)
    whole, loose = parsed, not (parsed.tagged or explicit(parsed))
    if asked.kind in ("digit", "number", "math") and loose:
        parsed = replace(parsed, answer=asked_part(parsed.answer, asked.question))
    verdict = _by_kind(parsed, asked)
    wrong = loose and verdict.correct is False and verdict.reason == "wrong_answer"
    if wrong and doubts.doubtful(whole.answer, verdict, asked.reference, asked.options, asked.question):
        return replace(verdict, correct=None, reason="undecided")
    if verdict.correct and asked.kind in ("digit", "number") and cut.unfinished(parsed.answer) and not explicit(parsed):
        return replace(verdict, correct=None, reason="undecided")
    return verdict


def _refuses(parsed: Parsed, asked: _Asked) -> bool:
    """Whether the response says that it has no answer, where that is none of the answers to choose from."""
    possible = (asked.reference, *(one.text for one in asked.options))
    if asked.kind in ("open", "box") or any(cut.REFUSAL.search(text) for text in possible):
        return False
    said = explicit(parsed)
    return cut.refused(said[0].text if said else parsed.answer[-LONGEST:])


def _by_kind(parsed: Parsed, asked: _Asked) -> Verdict:
    if not asked.reference:
        return Verdict(None, parsed.answer[:LONGEST], asked.kind, "undecided")
    match asked.kind:
        case "digit" | "number":
            return _number(parsed, asked)
        case "mcq":
            return _choice(parsed, asked)
        case "box":
            return _box(parsed, asked)
        case "math":
            return _math(parsed, asked)
        case "text":
            return _words(parsed, asked)
    return _open(parsed, asked)


def _not_found(asked: _Asked) -> Verdict:
    return Verdict(False, "", asked.kind, "answer_not_found")


def _verdict(correct: bool | None, extracted: str, asked: _Asked, how: str) -> Verdict:
    reason = how if correct else "undecided" if correct is None else "wrong_answer"
    return Verdict(correct, extracted.strip()[:LONGEST], asked.kind, reason)


def _number(parsed: Parsed, asked: _Asked) -> Verdict:
    reference = factorial(asked.reference) or quantity(asked.reference)
    if reference is None:
        return _fallback(parsed, asked)
    read = by_number.reading(by_question.intercepts(places(parsed), asked.question), asked.question)
    if read is None:
        return _function(parsed, asked) or _not_found(asked)
    if _another_name(asked.reference, parsed.answer):
        return _verdict(None, read.text, asked, "number")
    correct = _same_number(reference, read, parsed, asked)
    if correct and by_question.unsimplified(read.text, asked.question):
        correct = None
    if correct and by_number.opposite(reference, read, parsed.answer, asked.question):
        correct = None
    return _verdict(correct, read.text, asked, "number")


def _same_number(reference: Quantity, read: by_number.Reading, parsed: Parsed, asked: _Asked) -> bool | None:
    """By the rules for numbers, and by what the question asks of them."""
    tolerance = 0.0 if asked.kind == "digit" else asked.tolerance
    reference = by_question.in_unit_asked(reference, read.main, asked.question)
    correct = by_number.agrees(reference, read, tolerance)
    if (fell := by_question.fell_by(parsed.answer, asked.question)) and fell == -read.main.value:
        return fell == reference.value
    if not reference.scale and read.main.scale == "dollar" and by_question.about_money(asked.question):
        dollars = by_number.agrees(replace(reference, scale="dollar"), read, tolerance)
        whole = read.main.value == reference.value and reference.value.denominator == 1
        return dollars if dollars or not whole else None  # 77 may well count cents
    cents = by_question.in_cents if correct else by_question.asks_cents
    if not reference.scale and read.main.scale == "dollar" and cents(asked.question):
        return by_number.agrees(replace(reference, scale="dollar", factor=Fraction(1, 100)), read, tolerance)
    got = (read.main, *read.also) if asked.tolerance is None and not read.listed and not read.bounded else ()
    rounded = not correct and any(by_question.rounds_to(reference, one, asked.question, parsed.answer) for one in got)
    return rounded or correct


def _another_name(reference: str, answer: str) -> bool:
    """`y = 5` where `x = 5` was asked."""
    left, right = by_math.ASSIGNED.match(reference), by_math.ASSIGNED.match(by_math.trimmed(answer[:LONGEST]))
    return bool(left and right) and left[1] != right[1]  # type: ignore[index]


def _function(parsed: Parsed, asked: _Asked) -> Verdict | None:
    """An answer that is a formula without a number of its own, such as `\\cos(0)`: Math-Verify compares it."""
    formula = by_math.reading(places(parsed))
    if not formula or not COMMAND.search(formula) or "boxed" in formula or len(formula) > by_math.LONGEST:
        return None
    correct, reason = by_math.agrees(by_math.trimmed(asked.reference), formula, seconds=asked.seconds)
    return Verdict(correct, formula, asked.kind, reason)


def _choice(parsed: Parsed, asked: _Asked) -> Verdict:
    letter = by_choice.correct_letter(asked.reference, asked.options)
    if letter is None:
        return _fallback(parsed, asked)
    said = besides.without_remarks(parsed.answer, asked.options, asked.question)
    if not said.strip():
        return _verdict(None, parsed.answer, asked, "option_text")
    parsed = replace(parsed, answer=said)
    choice = by_choice.reading(places(parsed), asked.options, asked.question)
    if choice is None and (ratios := besides.quotients(said, asked.options, asked.question)):
        choice = by_choice.reading(places(parsed), ratios, asked.question)
    if choice is None:
        found = _stated_side(parsed, asked, letter) or _changed(parsed, asked, letter)
        if not found and by_choice.may_name(parsed.answer, asked.options):
            return _verdict(None, parsed.answer, asked, "option_text")
        return found or _not_found(asked)
    said = "".join(sorted(choice.letters)) if choice.how != "several" else choice.text
    return _verdict(by_choice.agrees(letter, choice), said, asked, choice.how)


def _stated_side(parsed: Parsed, asked: _Asked, letter: str) -> Verdict | None:
    """Options yes and no, and a response that states the fact instead: undecided where it cannot be matched."""
    sides = {side: one.letter for one in asked.options if (side := polar(one.text))}
    if len(asked.options) != 2 or len(sides) != 2:
        return None
    side = polarity.stated(asked.question, places(parsed))
    return _verdict(sides[side] == letter, side, asked, "option_text") if side else None


def _changed(parsed: Parsed, asked: _Asked, letter: str) -> Verdict | None:
    """Options such as "It increases", and a response that says "would increase"."""
    said = changes.changed(parsed.answer, asked.options, asked.question)
    return _verdict(by_choice.agrees(letter, said), "".join(sorted(said.letters)), asked, said.how) if said else None


def _box(parsed: Parsed, asked: _Asked) -> Verdict:
    references = by_box.boxes(asked.reference)
    read = by_box.reading(places(parsed))
    if (
        asked.frame == asked.answer_frame == "norm01"
        and references
        and read
        and min(max(references[0]), max(read[1])) > 1
    ):
        asked = replace(asked, frame="abs", answer_frame="abs")  # no shares of a picture: both count pixels
    if read is None and len(references) == 1 and by_box.is_box(references[0], "abs"):
        return _not_found(asked)
    if len(references) != 1 or not by_box.is_box(references[0], asked.frame):
        return Verdict(None, parsed.answer[:LONGEST], asked.kind, "undecided")
    if read is None:
        return _not_found(asked)
    got = convert(read[1], asked.answer_frame, asked.frame, size=asked.size)
    right = by_box.agrees(references[0], got, frame=asked.frame, at_least=asked.iou)
    return _verdict(right, str(list(read[1])), asked, "iou")


def _math(parsed: Parsed, asked: _Asked) -> Verdict:
    parsed = replace(parsed, answer=domains.without_domain(parsed.answer, asked.reference))
    found = (replace(each, text=domains.without_domain(each.text, asked.reference)) for each in places(parsed))
    if not re.search(r"[<>]", asked.reference):
        found = (replace(each, text=chain(asked.question, each.text)) for each in found)
    listed = by_math.listed(asked.reference, found, asked.ordered)
    if not listed and (values := by_question.crossings(asked.reference, asked.question)):
        listed = by_math.listed(values, places(parsed), False)
    if listed:
        return _verdict(True, listed, asked, "exact")
    asks_interval = INTERVAL.search(asked.question or "")
    if asks_interval and (union := domains.united(asked.reference, places(parsed), asked.question)):
        return _verdict(union[0], union[1], asked, "exact")
    formula = by_math.reading(
        replace(each, text=domains.without_domain(each.text, asked.reference)) for each in places(parsed)
    )
    if not formula and asks_interval:
        spanned = by_math.spanned(asked.reference, places(parsed))
        if spanned is not None:
            return _verdict(spanned, parsed.answer, asked, "exact")
    if not formula:
        return _fallback(parsed, asked)
    correct, reason = by_math.agrees(
        by_math.trimmed(asked.reference), formula, seconds=asked.seconds, ordered=asked.ordered
    )
    return Verdict(correct, formula, asked.kind, reason)


def _words(parsed: Parsed, asked: _Asked) -> Verdict:
    side = polar(asked.reference) if len(asked.reference.split()) == 1 else None
    if side:  # "No pneumothorax is seen", where effusions are asked about, is no answer
        said = polarity.without_other_nouns(parsed.answer, asked.question)
        if not said:
            return _verdict(None, parsed.answer, asked, "text")
        parsed = replace(parsed, answer=said)
    correct, text = by_words.agrees(asked.reference, places(parsed), ordered=asked.ordered, question=asked.question)
    if not correct and (span := _duration(parsed, asked)):
        return span
    by_label = "" if correct or explicit(parsed) else labelled.values(parsed.answer, asked.question)
    if by_label and by_words.compare(asked.reference, by_label, ordered=True):
        return _verdict(True, by_label, asked, "text")
    if side and (closing := polarity.closing(parsed.answer)) and not explicit(parsed):
        opening = polar(parsed.answer)
        return _verdict(closing == side if opening in (None, closing) else None, closing, asked, "text")
    if correct and labelled.turned(asked.reference, text, asked.question):
        return _verdict(None, text, asked, "text")
    side = None if correct else side
    if side and not polar(text) and (told := polarity.stated(asked.question, places(parsed))):
        return _verdict(told == side, text, asked, "text")
    if side and correct is False and not polar(text) and polarity.may_answer(asked.question, text):
        return _verdict(None, text, asked, "text")  # "The door is closed" may well answer "Is the door open?"
    return _verdict(correct, text, asked, "text")


def _duration(parsed: Parsed, asked: _Asked) -> Verdict | None:
    """A sentence that states a time span as numbers are stated, in any unit; None unless that agrees."""
    reference = quantity(asked.reference)
    if reference is None or reference.scale != "time":
        return None
    found = _number(parsed, asked)
    return found if found.correct else None


def _open(parsed: Parsed, asked: _Asked) -> Verdict:
    same = any(folded(each.text) == folded(asked.reference) for each in places(parsed))
    return _verdict(True if same else None, parsed.answer, asked, "exact")


def _fallback(parsed: Parsed, asked: _Asked) -> Verdict:
    """The reference, or the answer, cannot be read as the kind: equal texts agree, anything else is
    undecided.
    """
    correct, text = by_words.agrees(asked.reference, places(parsed), ordered=asked.ordered, question=asked.question)
    return _verdict(correct or None, text, asked, "text")
