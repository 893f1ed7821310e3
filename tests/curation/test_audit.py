"""The audit reports what was planted, all of it and nothing else, and says nothing of a clean corpus."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from curation.audit import Finding, Row, audit, worst
from curation.audit.blind import SERIOUS
from curation.audit.findings import graded, wilson_low
from curation.audit.lint import RULES
from curation.audit.report import Head, markdown, page
from curation.audit.texts import template
from curation.dedup import SIDE
from curation.errors import SampleError
from curation.pictures import phash
from curation.records import Option
from tests.curation.planted import FRUIT, PLANTS, clean, planted

ROWS = clean(600)


def found(rows: list[Row], check: str, **how: object) -> list[Finding]:
    return [finding for finding in audit(rows, **how) if finding.check == check]  # type: ignore[arg-type]


def test_a_clean_corpus_raises_nothing_above_info() -> None:
    findings = audit(ROWS)
    assert [f for f in findings if f.severity != "info"] == []
    assert len(findings) > 20


@pytest.mark.parametrize("check", PLANTS)
def test_what_was_planted_is_reported_exactly(check: str) -> None:
    rows, named = planted(check, ROWS)
    [finding] = found(rows, check)
    reported = {id for id, _ in finding.rows}
    right = len(reported & named)
    print(f"{check}: precision {right / max(len(reported), 1):.2f}, recall {right / len(named):.2f}")
    assert (reported, finding.severity == "info") == (named, False)


ERRORS = (
    "As an AI language model, I cannot view images.",
    "I can't see any image. Please upload the image.",
    "I’m sorry, but I can’t view that.",
    "None", " nan\n", "null", "N/A", "[ERROR]",
    "Failed to generate caption",
    "API error: quota exceeded",
    "Service Unavailable",
    "503 Service Unavailable: try again later",
    "upstream connect error or disconnect/reset before headers. reset reason: overflow",
    "CUDA out of memory. Tried to allocate 2.00 GiB",
    "ConnectionError: HTTPSConnectionPool(host='x', port=443): Max retries exceeded with url: /v1",
    "{'code': 'context_length_exceeded'}",
    "The image could not be loaded.",
    "Rate limit reached for gpt-4o",
    "抱歉，我无法查看图片",
    "I apologize, but I am unable to view images.",
    "Unable to process image",
    "openai.RateLimitError: Error code: 429",
    "504 Gateway Time-out",
    "Timeout",
    "Response blocked by content filter",
    "The model is currently overloaded",
    "<think>I cannot view the image.</think><answer>A</answer>",
)  # fmt: skip
SENSE = (
    "Rate limit sign: 50 km/h on a road.",
    "None of the bars is higher than 40.",
    "Error bars show the standard deviation.",
    "A laptop shows the words 'Service Unavailable'.",
    "The image shows a terror: a wolf before a barn.",
    "I can't tell the third bar from the second, so I read the axis.",
    "I cannot see the fourth apple at first; it is behind the pear.",
    "The image of the moon cannot be larger than the window.",
    "Failed to load-bearing standards, the walls of the mill still stand.",
    "Connection errors per day as a bar chart",
    "Internal server error rates by month",
    "Content policy flow chart with three boxes",
    "Sorry, we are closed, says the sign on the door.",
    "The image cannot be displayed at a larger size without blur.",
    "A timeout in a basketball game",
    "Timeout called by the blue team.",
    "Null Island on a map of the Atlantic.",
    "一个男孩在看图片",
    "",
)


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_or_a_refusal_stored_as_text_is_seen(text: str) -> None:
    [finding] = found([replace(ROWS[0], caption=text), *ROWS[1:]], "error_as_text")
    assert [id for id, _ in finding.rows] == [ROWS[0].id]


@pytest.mark.parametrize("text", SENSE)
def test_a_caption_that_speaks_of_limits_and_errors_is_none(text: str) -> None:
    [finding] = found([replace(ROWS[0], caption=text), *ROWS[1:]], "error_as_text")
    assert finding.rows == ()


@pytest.mark.parametrize(
    ("think", "answer", "contradicts"),
    [
        ("So the answer is not 5. It is 7.", "7", False),
        ("The answer isn't 5. It is 7.", "7", False),
        ("First guess: the answer is 9. Wait, I miscounted. The count is 7.", "7", False),
        ("Maybe the answer is 9? Counting again gives 7.", "7", False),
        ("So the answer is 9. But one apple is a pear.", "7", False),
        ("Hence the total is 12. Five of them are pears, which leaves 7.", "7", False),
        ("The answer is 9. Counting again, the answer is 7.", "7", False),
        ("I add them up: \\boxed{7}", "7", False),
        ("Hence the total is 7 apples.", "7", False),
        ("So there are 7 of them in the picture.", "7", False),
        ("I add them up: \\boxed{12}", "7", True),
        ("5 + 7 = 12. Hence the total is 12", "7", True),
        ("So the answer is 7. Wait, one is hidden. So the answer is 8.", "7", True),
        ("Not all are red. So the answer is 5.", "7", True),
    ],
)
def test_only_the_last_conclusion_that_stands_is_held_against_the_answer(
    think: str, answer: str, contradicts: bool
) -> None:
    trace = f"<think>{think}</think>\n<answer>{answer}</answer>"
    row = replace(ROWS[0], kind="number", options=(), reference=answer, answer=answer, trace=trace)
    [finding] = found([row, *ROWS[1:]], "trace_contradicts")
    assert bool(finding.rows) is contradicts


def test_every_lint_rule_has_a_plant() -> None:
    assert {rule.check for rule in RULES} <= PLANTS.keys()


def test_an_option_that_is_always_right_when_listed_is_found() -> None:
    chance = random.Random(1)
    rows = []
    for row in ROWS:
        if row.kind == "mcq":
            texts = [chance.choice(("figs", "plums")), *chance.sample(("dates", "limes", "kiwis", "pears"), 3)]
            chance.shuffle(texts)
            right = "ABCD"[next(i for i, text in enumerate(texts) if text in ("figs", "plums"))]
            options = tuple(Option(letter, text) for letter, text in zip("ABCD", texts, strict=True))
            row = replace(row, options=options, reference=right, answer=right)
        rows.append(row)
    [finding] = found(rows, "option_prior")
    assert finding.severity == "serious"
    assert finding.measures["accuracy"] == 1.0
    assert finding.measures["chance"] == 0.25  # one of four options, however often a text is right


def test_an_option_text_that_is_nearly_always_right_is_a_prior_and_not_chance() -> None:
    """ "All of the above" last of four and right in 90 % of 200 rows."""
    rows = []
    for i, row in enumerate([row for row in ROWS if row.kind == "mcq"][:200]):
        texts = [*(option.text for option in row.options[:3]), "all of the above"]
        options = tuple(Option(letter, text) for letter, text in zip("ABCD", texts, strict=True))
        rows.append(replace(row, options=options, reference="D" if i % 10 else "ABC"[i % 3]))
    [prior] = found(rows, "option_prior")
    assert (prior.severity, prior.measures["accuracy"], prior.measures["chance"]) == ("serious", 0.9, 0.25)


@pytest.mark.parametrize(("yes", "severities"), [(0.9, {"warning"}), (0.6, set())])
def test_one_answer_to_nearly_everything_is_a_warning(yes: float, severities: set[str]) -> None:
    rows = [
        replace(row, kind="text", question=f"Is the fruit on shelf {i} ripe?", options=(), reference=said, answer=said)
        for i, row in enumerate(ROWS[:200])
        for said in ["Yes" if i % 10 < 10 * yes else "no"]
    ]
    told = [f for f in found(rows, "answer_prior") if f.title == "text: one answer is right nearly always"]
    assert {f.severity for f in told} == severities
    assert all(f.count == 180 and f.measures["share"] == yes for f in told)


def test_a_template_that_gives_its_answer_away_is_found() -> None:
    rows = [
        replace(row, question=f"How many {FRUIT[int(row.reference)]} are in it?") if row.kind == "digit" else row
        for row in ROWS
    ]
    [finding] = [f for f in found(rows, "question_words") if f.title.startswith("digit")]
    assert (finding.severity, finding.measures["accuracy"] > 0.9) == ("serious", True)


def test_a_picture_size_that_tells_the_answer_is_found_by_name() -> None:
    sized = [replace(row, width=100 + 50 * int(row.reference)) if row.kind == "digit" else row for row in ROWS]
    grave = {f.check for f in audit(sized) if f.severity != "info"}
    assert {"shortcut_size", "shortcut_megapixels"} <= grave
    assert "shortcut_format" not in grave


def test_the_mean_colour_of_the_files_can_tell_too() -> None:
    def read(row: Row) -> bytes:
        import io

        out = io.BytesIO()
        Image.new("RGB", (16, 16), (int(row.reference) * 28, 0, 0) if row.kind == "digit" else "grey").save(out, "PNG")
        return out.getvalue()

    [finding] = found(ROWS, "shortcut_mean_colour", read=read)
    assert finding.severity in ("serious", "warning")


def test_a_letter_that_is_right_too_often_is_found() -> None:
    rows = [replace(row, reference="A") if row.kind == "mcq" and i % 4 == 1 else row for i, row in enumerate(ROWS)]
    [finding] = found(rows, "letter_bias")
    assert finding.severity == "warning"
    assert finding.measures["share_A"] > 0.5


def test_contradictions_and_repeats_are_told_apart() -> None:
    first, second = [row for row in ROWS if row.kind == "digit"][:2]
    wrong = str(int(first.reference) % 9 + 1)
    rows = [*ROWS, replace(first, id="clash", reference=wrong), replace(second, id="again")]
    [clash] = found(rows, "contradictory_answers")
    [again] = found(rows, "repeated_rows")
    assert {id for id, _ in clash.rows} == {first.id, "clash"}
    assert {id for id, _ in again.rows} == {second.id, "again"}


def test_rows_that_point_to_anothers_image_are_found() -> None:
    rows = list(ROWS)
    rows[7], rows[8] = replace(rows[7], path=ROWS[8].path), replace(rows[8], path=ROWS[7].path)
    [finding] = found(rows, "image_of_another_row")
    assert {id for id, _ in finding.rows} == {ROWS[7].id, ROWS[8].id}


def test_two_layouts_and_two_frames_are_mixed() -> None:
    rows = [
        replace(row, trace=f"Reasoning.\nFinal Answer: {row.answer}") if i < 3 else row for i, row in enumerate(ROWS)
    ]
    [layouts] = found(rows, "layouts_mixed")
    assert {id for id, _ in layouts.rows} == {row.id for row in ROWS[:3]}
    boxed = [replace(row, kind="box", options=(), reference="[0.1, 0.1, 0.5, 0.5]") for row in ROWS[:10]]
    boxed[0] = replace(boxed[0], reference="[10, 10, 50, 50]")
    [frames] = found(boxed, "frames_mixed")
    assert {id for id, _ in frames.rows} == {boxed[0].id}


def test_a_copied_question_and_an_origin_in_two_splits_are_found() -> None:
    sft = next(row for row in ROWS if row.split == "sft" and row.kind == "digit")
    rl = next(row for row in ROWS if row.split == "rl" and row.kind == "digit")
    asked = "In the shop that Mara opened last spring, how many red pears are left on the top shelf at noon?"
    rows = [
        replace(row, question=asked, reference="3", origin="book-7") if row.id in (sft.id, rl.id) else row
        for row in ROWS
    ]
    for check in ("question_across_splits", "origin_across_splits"):
        [finding] = found(rows, check)
        assert {id for id, _ in finding.rows} == {sft.id, rl.id}


def noise(seed: int) -> Image.Image:
    picture = Image.new("RGB", (256, 256), "white")
    draw = ImageDraw.Draw(picture)
    chance = random.Random(seed)
    for _ in range(60):
        x, y = chance.randrange(240), chance.randrange(240)
        draw.rectangle(
            (x, y, x + chance.randrange(8, 60), y + chance.randrange(8, 60)),
            fill=chance.choice(("red", "blue", "black", "gold")),
        )
    return picture


def test_near_pictures_in_two_splits_are_found_and_others_are_not() -> None:
    one, other = noise(1), noise(2)
    copy = one.resize((200, 200)).resize((256, 256))
    pictures = {"a": one, "b": copy, "c": other}
    rows = [
        replace(ROWS[0], id=name, split=split, pixels=name * 32, phash=phash(picture))
        for (name, picture), split in zip(pictures.items(), ("sft", "rl", "rl"), strict=True)
    ]  # fmt: skip

    def greys(row: Row) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.asarray(pictures[row.id].convert("L").resize((SIDE, SIDE)), np.uint8)

    [finding] = found(rows, "near_image_across_splits", greys=greys)
    assert ({id for id, _ in finding.rows}, finding.severity) == ({"a", "b"}, "serious")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How many of the 12 apples cost $3.50?", "How many of the 7 apples cost $1.20?"),
        ("What did Anna buy in Paris?", "What did Tom buy in Rome?"),
        ('Which word follows "cat"?', 'Which word follows "dog"?'),
    ],
)
def test_questions_of_one_template_are_the_same_to_it(one: str, other: str) -> None:
    assert template(one) == template(other)


def test_small_corpora_are_not_accused_by_chance() -> None:
    assert wilson_low(5, 5) < 0.5 < wilson_low(500, 500)
    assert wilson_low(0, 0) == 0.0
    assert graded(0, 0) == "info"
    assert SERIOUS > 0


ANY = st.text(max_size=200)


@settings(max_examples=150, deadline=None)
@given(
    question=ANY,
    trace=ANY,
    reference=ANY,
    caption=ANY,
    path=ANY,
    kind=st.sampled_from(["digit", "mcq", "box", "text", "math"]),
)
def test_no_row_makes_it_raise_and_no_text_gets_out_of_the_report(
    question: str, trace: str, reference: str, caption: str, path: str, kind: str
) -> None:
    row = replace(ROWS[0], question=question, trace=trace, reference=reference, caption=caption, path=path, kind=kind)  # type: ignore[arg-type]
    findings = audit([row, replace(row, id="<script>alert(1)</script>", split="rl")])
    head = Head("audit-1", "<b>all</b>", 2, "", "2026-11-25 23:00", 0.1)
    assert "<script>" not in page(head, findings)
    assert "\n<script" not in markdown(head, findings)
    assert worst(findings) in ("serious", "warning", "info")


def test_a_group_of_thousands_is_not_spelled_out_in_each_of_its_rows() -> None:
    rows = [replace(ROWS[0], id=f"same-{i}", split=("sft", "rl")[i % 2]) for i in range(3_000)]
    for check in ("repeated_rows", "image_across_splits"):
        [finding] = found(rows, check)
        assert finding.count == 3_000
        assert max(len(detail) for _, detail in finding.rows) < 120


def test_a_word_of_the_question_that_points_to_an_option_is_found() -> None:
    """No option is right more often than another; only together with the question they tell."""
    telling = dict(
        zip(FRUIT, ("ripe", "old", "cheap", "round", "small", "fresh", "cold", "sweet", "hard", "dry"), strict=True)
    )
    rows = [
        replace(row, question=f"Shelf {i}: which fruit does the {telling[row.label]} sign stand beside?")
        if row.kind == "mcq"
        else row
        for i, row in enumerate(ROWS)
    ]
    [words] = [f for f in found(rows, "question_words") if f.title.startswith("mcq")]
    [prior] = found(rows, "option_prior")
    assert (words.severity, prior.severity) == ("serious", "info")
    assert words.measures["accuracy"] > 0.9


def test_kinds_too_rare_to_judge_are_said_not_to_be_judged() -> None:
    [few] = found([row for row in ROWS if row.kind == "digit"][:20], "blind_too_few")
    assert (few.severity, few.of) == ("info", 20)


def test_a_blind_baseline_that_knows_nothing_does_no_worse_than_guessing() -> None:
    rows = [
        replace(row, options=tuple(Option(option.letter, f"{option.text} {i}") for option in row.options))
        for i, row in enumerate(ROWS)
    ]
    [prior] = [f for f in found(rows, "answer_prior") if f.title.startswith("mcq")]
    assert prior.measures["accuracy"] == pytest.approx(0.25, abs=0.08)


def test_boxes_in_thousandths_stand_apart_from_pixels() -> None:
    rows = [replace(row, kind="box", options=(), reference="[10, 10, 50, 50]") for row in ROWS[:10]]
    rows[0] = replace(rows[0], reference="[100, 100, 900, 990]")
    [frames] = found(rows, "frames_mixed")
    assert frames.rows == ((rows[0].id, "norm1000"),)


def test_a_lost_picture_is_counted_and_stops_no_audit() -> None:
    def lost(row: Row) -> np.ndarray:
        raise SampleError("image_missing", "gone")

    rows = [replace(ROWS[0], split="sft", phash=7), replace(ROWS[1], split="rl", phash=7, pixels="b")]
    [near] = found(rows, "near_image_across_splits", greys=lost)
    assert (near.severity, near.measures["pairs_unreadable"]) == ("info", 1)
