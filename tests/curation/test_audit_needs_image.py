"""Whether samples need their image: the tests' answers become findings that a teacher's own weakness does not cause."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from curation.audit import Finding, ask_all, needs_image
from curation.audit.needs_image import Asked, Test
from curation.records import Image
from curation.teachers.protocol import Message
from tests.curation.planted import clean
from tests.curation.scripted import PICTURE, Scripted

ROWS = [row for row in clean(120) if row.kind == "digit"]
CHANCES = {"digit": 0.2}


def answered(test: Test, right: int, of: int) -> list[Asked]:
    return [Asked(row, test, at < right, "7") for at, row in enumerate(ROWS[:of])]


def by_test(asked: Sequence[Asked]) -> dict[str, Finding]:
    return {f.check.removeprefix("needs_image_"): f for f in needs_image(asked, CHANCES)}


def test_answers_without_the_image_are_grave_when_they_are_many() -> None:
    [finding] = needs_image(answered("question_alone", 40, 50), CHANCES)
    assert (finding.severity, finding.count, finding.measures["accuracy"]) == ("serious", 40, 0.8)


def test_a_few_lucky_answers_accuse_nobody() -> None:
    [finding] = needs_image(answered("question_alone", 3, 4), CHANCES)
    assert finding.severity == "info"


def test_a_caption_lost_something_only_where_the_image_has_it() -> None:
    found = by_test(answered("own_image", 20, 50) + answered("caption_alone", 2, 50))
    caption = found["caption_alone"]
    assert (caption.of, caption.count, caption.severity) == (20, 18, "warning")
    assert "though rightly from the image" in caption.title
    assert found["own_image"].severity == "info"


def test_without_a_control_a_caption_is_judged_alone() -> None:
    [finding] = needs_image(answered("caption_alone", 40, 50), CHANCES)
    assert (finding.of, finding.count, finding.severity) == (50, 10, "info")
    assert "no control" in finding.title


def test_a_call_that_failed_is_counted_and_judged_by_nobody() -> None:
    [finding] = needs_image([*answered("other_image", 1, 1), Asked(ROWS[1], "other_image", None, "timeout")], CHANCES)
    assert (finding.of, finding.measures["untold"]) == (1, 1)


def test_a_teacher_that_sees_is_shown_the_own_picture_and_anothers() -> None:
    rows = [replace(row, caption="") for row in ROWS[:6]]
    images = {row.id: replace(PICTURE, sha256=row.image, pixels=row.pixels) for row in rows}
    shown: list[tuple[Image, ...]] = []

    def look(messages: Sequence[Message], draw: int) -> str:
        shown.append(tuple(image for message in messages for image in message.images))
        return "<answer>0</answer>"

    asked = asyncio.run(ask_all([(row, images[row.id]) for row in rows], Scripted(look)))
    seen = {(a.test, a.row.id): shown[int(a.call.removeprefix("key-")) - 1] for a in asked}
    for row in rows:
        assert seen["question_alone", row.id] == ()
        assert seen["own_image", row.id] == (images[row.id],)
        [other] = seen["other_image", row.id]
        assert other in images.values()
        assert other != images[row.id]
    blind = asyncio.run(ask_all([(row, images[row.id]) for row in rows], Scripted(look, sees=False)))
    assert {a.test for a in blind} == {"question_alone"}
