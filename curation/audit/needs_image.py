"""Does a sample need its image? A teacher answers without it, from the caption alone, and beside another's image.

Each sample is asked from the question alone (what language prior solves), from question and caption (what a caption
keeps of what the question needs) and, of a teacher that sees, beside its own image (the control: only what the image
answers can be lost by a caption) and beside that of another sample of the same kind (an answer that stays right did not
come from the image). The calls go through the ledger like any other, so a repeated audit pays nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from curation.answers import check_async
from curation.audit.findings import Finding, Severity, excluding, wilson_low
from curation.audit.rows import Row
from curation.errors import SampleError
from curation.prompts import PromptSet, prompts
from curation.records import Image
from curation.steps.distill import lettered
from curation.teachers.protocol import Teacher

Test = Literal["question_alone", "caption_alone", "own_image", "other_image"]
TESTS: tuple[Test, ...] = ("question_alone", "caption_alone", "own_image", "other_image")
WARN, SERIOUS = 0.1, 0.3
"""Margins over chance (of the lower end of Wilson's interval) from which an answer without the image is a warning, or
serious."""
LOST = 0.5
"""Share of captions without what the question needs (again its lower end) that is a warning."""

ASK = prompts("audit/answer", role="auditor", extra=("options",))
SEE = prompts("audit/see", role="auditor", extra=("options",))

TITLES: dict[Test, str] = {
    "question_alone": "answered rightly from the question alone",
    "caption_alone": "not answered rightly from the caption alone",
    "own_image": "not answered rightly beside its own image",
    "other_image": "answered rightly beside another sample's image",
}


CONTROLLED = ", though rightly from the image"
UNCONTROLLED = " (no control: the caption may lack it, or the teacher the skill)"


@dataclass(frozen=True, slots=True)
class Asked:
    """One row under one test: right (None: could not be told), what was answered, and the call's key."""

    row: Row
    test: Test
    correct: bool | None
    said: str
    call: str = ""


async def ask_all(
    rows: Sequence[tuple[Row, Image | None]], auditor: Teacher, tests: Sequence[Test] = TESTS
) -> list[Asked]:
    """Every test on every row it fits: `caption_alone` needs a caption, the last two images and a teacher that sees.

    A call that fails leaves `correct` None with the reason as what was said; nothing is counted for it.
    """
    swapped = swap([row for row, _ in rows])
    images = {row.id: image for row, image in rows}
    jobs = [
        _ask(row, test, auditor, image if test == "own_image" else images.get(swapped.get(row.id, "")))
        for row, image in rows
        for test in tests
        if _fits(row, image, test, auditor, swapped)
    ]
    return list(await asyncio.gather(*jobs))


def _fits(row: Row, image: Image | None, test: Test, auditor: Teacher, swapped: dict[str, str]) -> bool:
    match test:
        case "question_alone":
            return bool(row.reference)
        case "caption_alone":
            return bool(row.reference and row.caption)
    beside = image is not None and auditor.sees and (test == "own_image" or row.id in swapped)
    return bool(row.reference and beside)


def swap(rows: Sequence[Row]) -> dict[str, str]:
    """For each row the id of another with the same kind, another picture and another answer, by rotation; rows without
    such a partner are left out.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.id):
        if row.pixels:
            groups[row.kind].append(row)
    partners: dict[str, str] = {}
    for group in groups.values():
        for at, row in enumerate(group):
            turned = [*group[at + 1 :], *group[:at]]
            other = next((o for o in turned if o.pixels != row.pixels and o.label != row.label), None)
            if other:
                partners[row.id] = other.id
    return partners


async def _ask(row: Row, test: Test, auditor: Teacher, image: Image | None) -> Asked:
    seen = test in ("own_image", "other_image")
    prompt: PromptSet = SEE if seen else ASK
    columns = {
        "question": row.question, "options": lettered(row.options),
        "caption": f"What the picture shows:\n{row.caption}\n" if test == "caption_alone" else "",
    }  # fmt: skip
    if seen:
        del columns["caption"]
    shown = (image,) if seen and image else ()
    suited = prompt.suited(auditor.prompts)
    try:
        reply = await auditor.ask(suited.fill(columns, images=shown), sampling=suited.sampling)
    except SampleError as error:
        return Asked(row, test, None, error.reason)
    verdict = await check_async(
        reply.text, row.reference, kind=row.kind, options=row.options, question=row.question
    )  # fmt: skip
    return Asked(row, test, verdict.correct, verdict.extracted or reply.text[:100], reply.key)


def needs_image(asked: Sequence[Asked], chances: Mapping[str, float]) -> list[Finding]:
    """One finding a test; `chances` is, by kind of question, what guessing gives (0 to 1)."""
    told = {test: [a for a in asked if a.test == test and a.correct is not None] for test in TESTS}
    sure = {a.row.id for a in told["own_image"] if a.correct}
    findings = []
    for test in TESTS:
        if told[test]:
            untold = sum(a.test == test and a.correct is None for a in asked)
            judged = [a for a in told[test] if a.row.id in sure] if test == "caption_alone" and sure else told[test]
            findings.append(_finding(test, judged, chances, untold, controlled=bool(sure)))
    return findings


def _finding(
    test: Test, told: Sequence[Asked], chances: Mapping[str, float], untold: int, *, controlled: bool
) -> Finding:
    right = [a for a in told if a.correct]
    chance = sum(chances.get(a.row.kind, 0.0) for a in told) / len(told) if told else 0.0
    flagged = [a for a in told if not a.correct] if test in ("caption_alone", "own_image") else right
    title = TITLES[test]
    if test == "caption_alone":
        title += CONTROLLED if controlled else UNCONTROLLED
    return Finding(
        f"needs_image_{test}", _severity(test, len(flagged), len(told), chance), title,
        tuple((a.row.id, f"answered {a.said[:80]!r}") for a in flagged), len(told),
        {"accuracy": len(right) / len(told) if told else 0.0, "chance": chance, "untold": untold},
        fix=excluding(f"needs_image_{test}", "or caption them again" if test == "caption_alone" else ""),
    )  # fmt: skip


def _severity(test: Test, flagged: int, of: int, chance: float) -> Severity:
    least = wilson_low(flagged, of)
    match test:
        case "own_image":
            return "info"
        case "caption_alone":
            return "warning" if least > LOST else "info"
    return "serious" if least - chance > SERIOUS else "warning" if least - chance > WARN else "info"
