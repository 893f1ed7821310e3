"""What holds of every reward on any text: no exception, bounds, symmetry, and rising or falling where it should."""

import asyncio
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.answers.by_box import iou
from curation.rewards import REWARDS, Reward, score_async
from curation.rewards.average_precision import average_precision, mean_average_precision
from curation.rewards.boxes import Labelled, giou, listed
from curation.rewards.criterion import SCHEDULE, criterion
from curation.rewards.detection import detection_map, greedy, weighted_sum
from curation.rewards.gui import literal, token_f1
from curation.rewards.length import cosine, overlong
from curation.rewards.repetition import repetition
from curation.rewards.vlaa import open_value

EASY = settings(deadline=None)
"""For tests that may be the first to assign pairs, which imports scipy."""

BOUNDS = {
    "med_r1": (0, 2), "criterion": (0, 3), "so_fake": (0, 3), "patho_dapo": (-1, 1), "soft_overlong": (-1, 0),
    "cosine_length": (-0.5, 1), "repetition": (-1, 0),
}  # fmt: skip
PIECES = st.sampled_from(
    ["<think>", "</think>", "<answer>", "</answer>", "```json", "```", "[", "]", "{", "}", '"bbox_2d":', '"label":',
     '"x"', "[0, 0, 10, 10]", "(1,2),(30,40)", ",", "None", "B", "5", "-1e999", "9" * 400, "TAMPERED,", "REAL", ".",
     "'action':", "'click'", "\\boxed{", "\\frac{1}{2}", "\x00", "\ud800", "½", "\n", " ", "nan", "Infinity"]
)  # fmt: skip
HOSTILE = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=25).map("".join))
REFERENCES = st.one_of(
    HOSTILE, st.sampled_from(["B", "5", "[0.1, 0.1, 0.5, 0.5]", '[{"bbox_2d": [0, 0, 10, 10], "label": "x"}]', "None"])
)


async def tenth(**_: object) -> float:
    return 0.5


@pytest.mark.parametrize("name", REWARDS)
@settings(max_examples=60, deadline=None)
@given(
    response=HOSTILE,
    reference=REFERENCES,
    tokens=st.integers(0, 10**9),
    kind=st.sampled_from(["mcq", "number", "box", "text", "open"]),
)
def test_no_text_makes_a_reward_raise_or_leave_its_bounds(
    name: str, response: str, reference: str, tokens: int, kind: str
) -> None:
    row = dict.fromkeys(("reference", "label", "box", "action", "target", "text", "question"), reference)
    row |= {"kind": kind, "options": ["red", "blue"], "completion_tokens": tokens, "progress": 0.3}
    got = asyncio.run(score_async(name, response, row, judge=tenth, scorer=tenth))
    low, high = BOUNDS.get(name, (0, 1))
    assert got.total is None or low - 1e-9 <= got.total <= high + 1e-9
    assert got.reason


@settings(max_examples=40, deadline=None)
@given(response=HOSTILE, reference=HOSTILE)
def test_formulas_never_raise(response: str, reference: str) -> None:
    for name in ("accuracy", "hfrrf", "vlaa_rules"):
        got = asyncio.run(score_async(name, response, {"reference": reference, "kind": "math"}))
        assert isinstance(got, Reward)


@pytest.mark.parametrize(
    "text", ["(" * 3000, "-" * 3900 + "1", "[" * 3900, "9" * 4000, "{" * 3000, "'" * 3999, "1+" * 1900 + "1"]
)
def test_deep_literals_are_refused_not_fatal(text: str) -> None:
    assert literal(text) is None or isinstance(literal(text), int | float)


SIDES = st.integers(0, 60)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    x, y, w, h = draw(SIDES), draw(SIDES), draw(st.integers(1, 40)), draw(st.integers(1, 40))
    return float(x), float(y), float(x + w), float(y + h)


ITEMS = st.lists(st.builds(Labelled, boxes(), st.sampled_from("xyz")), min_size=1, max_size=6)


@given(boxes(), boxes())
def test_overlaps_are_symmetric_and_bounded(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    assert giou(a, b) == pytest.approx(giou(b, a))  # type: ignore[arg-type]
    assert iou(a, b) == pytest.approx(iou(b, a))  # type: ignore[arg-type]
    assert -1 < giou(a, b) <= iou(a, b) + 1e-12 <= 1 + 1e-12  # type: ignore[arg-type]
    assert giou(a, a) == pytest.approx(1)  # type: ignore[arg-type]


def text(items: list[Labelled]) -> str:
    return json.dumps([{"bbox_2d": one.box, "label": one.label} for one in items])


@given(ITEMS)
def test_listing_reads_back_what_was_written(items: list[Labelled]) -> None:
    assert list(listed(text(items)).items) == items


@EASY
@given(ITEMS)
def test_the_reference_itself_is_worth_everything(items: list[Labelled]) -> None:
    answer, reference = f"<answer>{text(items)}</answer>", text(items)
    assert detection_map(answer, reference).total == pytest.approx(1)
    assert weighted_sum(answer, reference).components["completeness"] == 1
    assert criterion(answer, reference).components["format"] == 1


@given(ITEMS, ITEMS, st.integers(1, 10))
def test_a_box_that_is_nowhere_never_pays(truth: list[Labelled], got: list[Labelled], further: int) -> None:
    stray = [Labelled((1000.0 + 50 * i, 1000.0, 1040.0 + 50 * i, 1040.0), "x") for i in range(further)]
    plain, more = (f"<answer>{text(items)}</answer>" for items in (got, got + stray))
    for reward in (detection_map, weighted_sum):
        assert (reward(more, text(truth)).total or 0) <= (reward(plain, text(truth)).total or 0) + 1e-9


@given(ITEMS, ITEMS)
def test_a_right_box_in_front_never_costs_average_precision(truth: list[Labelled], got: list[Labelled]) -> None:
    """Unless another box lies on the same object: that one is a duplicate then, and costs precision."""
    right = truth[0]
    without = [one for one in got if one.label != right.label or iou(one.box, right.box) < 0.5]
    assert mean_average_precision(truth, [truth[0], *without]) >= mean_average_precision(truth, without) - 1e-9


@given(st.lists(st.booleans(), max_size=8), st.integers(1, 8))
def test_average_precision_is_the_area_read_at_101_recalls(hits: list[bool], wanted: int) -> None:
    hits = [hit and sum(hits[:at]) < wanted for at, hit in enumerate(hits)]
    columns = itertools.count()
    overlaps = [
        [float(hit and column == place) for column in range(wanted)]
        for hit in hits
        for place in [next(columns) if hit else -1]
    ]
    curve = [(sum(hits[:at]) / wanted, sum(hits[:at]) / at) for at in range(1, len(hits) + 1)]
    expected = sum(
        max((precision for recall, precision in curve if recall >= point / 100 - 1e-12), default=0.0)
        for point in range(101)
    )
    assert average_precision(overlaps, wanted, 0.5) == pytest.approx(expected / 101)


@given(ITEMS, ITEMS)
def test_greedy_pairs_are_one_to_one(truth: list[Labelled], got: list[Labelled]) -> None:
    pairs = greedy(truth, got)
    assert len(pairs) <= min(len(truth), len(got))
    assert all(value >= 0.5 for value, _, _ in pairs)


@EASY
@given(ITEMS, ITEMS)
def test_later_thresholds_never_pay_more(truth: list[Labelled], got: list[Labelled]) -> None:
    early, late = (criterion(text(got), text(truth), at).total or 0 for at in (0.0, SCHEDULE[1][0]))
    assert late <= early + 1e-9


@given(boxes(), boxes())
def test_criterion_rises_with_the_overlap(truth: tuple[float, ...], got: tuple[float, ...]) -> None:
    nearer = tuple((a + b) / 2 for a, b in zip(truth, got, strict=True))
    reference = text([Labelled(truth, "x")])  # type: ignore[arg-type]
    values = [criterion(text([Labelled(one, "x")]), reference).total or 0 for one in (got, nearer, truth)]  # type: ignore[arg-type]
    pairs = sorted((iou(truth, one), value) for one, value in zip((got, nearer, truth), values, strict=True))  # type: ignore[arg-type]
    assert [value for _, value in pairs] == sorted(values)


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(1, 10**5), st.integers(1, 10**5))
def test_length_punishments_never_rise(tokens: int, more: int, expected: int, buffer: int) -> None:
    assert -1 <= overlong(tokens + more, expected, buffer) <= overlong(tokens, expected, buffer) <= 0
    assert cosine(tokens + more, 1.0, 0.5, longest=expected) <= cosine(tokens, 1.0, 0.5, longest=expected) + 1e-12
    assert cosine(tokens + more, -0.5, 0.0, longest=expected) >= cosine(tokens, -0.5, 0.0, longest=expected) - 1e-12


@given(st.floats(-50, 50), st.floats(0, 50), st.floats(0.01, 10))
def test_the_open_reward_rises_with_the_margin(margin: float, more: float, beta: float) -> None:
    assert 0 <= open_value(margin, beta=beta) <= open_value(margin + more, beta=beta) <= 1


@given(st.text(max_size=80), st.text(max_size=80))
def test_token_f1_is_symmetric(a: str, b: str) -> None:
    assert 0 <= token_f1(a, b) == token_f1(b, a) <= 1


@given(st.lists(st.sampled_from("abcd"), min_size=6, max_size=30))
def test_saying_it_all_again_is_repetition(words: list[str]) -> None:
    """Ten times n words have at most n different 6-grams among 10n - 5; twice may have more new ones than old."""
    many, grams = repetition(" ".join(words * 10)).total or 0, 10 * len(words) - 5
    assert -1 <= many <= -(1 - len(words) / grams) + 1e-9
