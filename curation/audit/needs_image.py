"""Does a sample need its image? A teacher answers without it, from the caption alone, and beside another's image.

Three tests, each optional: from the question alone (what language prior solves), from question and caption (what a
caption keeps of what the question needs), and with the image of another sample of the same kind (an answer that stays
right did not come from the image). The calls go through the ledger like any other, so a repeated audit pays nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from curation.answers import check_async
from curation.audit.findings import Finding, excluding, graded
from curation.audit.rows import Row
from curation.errors import SampleError
from curation.prompts import PromptSet, prompts
from curation.records import Image
from curation.steps.distill import lettered
from curation.teachers.protocol import Teacher

Test = Literal["question_alone", "caption_alone", "other_image"]
TESTS: tuple[Test, ...] = ("question_alone", "caption_alone", "other_image")
WARN, SERIOUS = 0.1, 0.3
"""Margins over chance from which being answerable without the image is a warning, or serious."""

ASK = prompts("audit/answer", role="auditor", extra=("options",))
SEE = prompts("audit/see", role="auditor", extra=("options",))

TITLES: dict[Test, str] = {
    "question_alone": "answered rightly from the question alone",
    "caption_alone": "not answered rightly from the caption alone: it lost what the question needs",
    "other_image": "answered rightly beside another sample's image",
}


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
    """Every test on every row it fits: `caption_alone` needs a caption, `other_image` images and a teacher that sees.

    A call that fails leaves `correct` None with the reason as what was said; nothing is counted for it.
    """
    swapped = swap([row for row, _ in rows])
    images = {row.id: image for row, image in rows}
    jobs = [
        _ask(row, test, auditor, images.get(swapped.get(row.id, "")))
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
    return bool(row.reference and image is not None and auditor.sees and row.id in swapped)


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
    prompt: PromptSet = SEE if test == "other_image" else ASK
    columns = {
        "question": row.question, "options": lettered(row.options),
        "caption": f"What the picture shows:\n{row.caption}\n" if test == "caption_alone" else "",
    }  # fmt: skip
    if test == "other_image":
        del columns["caption"]
    shown = (image,) if test == "other_image" and image else ()
    suited = prompt.suited(auditor.prompts)
    try:
        reply = await auditor.ask(suited.fill(columns, images=shown), sampling=suited.sampling)
    except SampleError as error:
        return Asked(row, test, None, error.reason)
    verdict = await check_async(
        reply.text, row.reference, kind=row.kind, options=row.options, question=row.question
    )  # fmt: skip
    return Asked(row, test, verdict.correct, verdict.extracted or reply.text[:100], reply.key)


def needs_image(asked: Sequence[Asked], chance: float) -> list[Finding]:
    """One finding a test; `chance` (0 to 1) is what guessing gives on these rows."""
    return [finding for test in TESTS if (finding := _finding(test, [a for a in asked if a.test == test], chance))]


def _finding(test: Test, asked: Sequence[Asked], chance: float) -> Finding | None:
    told = [a for a in asked if a.correct is not None]
    if not told:
        return None
    right = [a for a in told if a.correct]
    share = len(right) / len(told)
    flagged = [a for a in told if not a.correct] if test == "caption_alone" else right
    over = (1 - share) if test == "caption_alone" else share - chance
    severity = graded(round(1000 * max(over, 0)), 1000, warn=WARN if test != "caption_alone" else 0.5, serious=SERIOUS
                      if test != "caption_alone" else None)  # fmt: skip
    return Finding(
        f"needs_image_{test}", severity, TITLES[test], tuple((a.row.id, f"answered {a.said[:80]!r}") for a in flagged),
        len(told), {"accuracy": share, "chance": chance, "untold": len(asked) - len(told)},
        fix=excluding(f"needs_image_{test}", "or caption them again" if test == "caption_alone" else ""),
    )  # fmt: skip
