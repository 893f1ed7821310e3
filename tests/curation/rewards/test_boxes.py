"""Overlap, detection and criterion rewards: the measured vectors of the specification, and their defects mended."""

import json

import pytest

from curation.rewards.boxes import giou, listed, pixel_iou
from curation.rewards.criterion import criterion
from curation.rewards.detection import detection_map, weighted_sum
from curation.rewards.grounding import box_overlap, rec

A, B = [0, 0, 100, 100], [200, 200, 300, 300]


def rows(*pairs: tuple[list[float], str]) -> str:
    return json.dumps([{"bbox_2d": box, "label": label} for box, label in pairs])


def said(*pairs: tuple[list[float], str]) -> str:
    return f"<think>I look.</think><answer>```json\n{rows(*pairs)}\n```</answer>"


@pytest.mark.parametrize(
    ("truth", "got", "precision", "total"),
    [
        ([(A, "x")], [(A, "x")], 1.0, 1.0),
        ([(A, "x")], [(A, "x")] * 5, 1.0, 0.2),
        ([(A, "x")], [(B, "x"), (A, "x")], 0.5, 0.25),
        ([(A, "x")], [(A, "x"), (B, "y"), (B, "z"), (B, "w")], 1.0, 0.25),
        ([(A, "x"), (B, "x")], [(A, "x")], 0.505, 0.505),
        ([(A, "x"), (B, "y")], [(A, "x")], 0.5, 0.5),
        ([(A, "x")], [([10, 0, 110, 100], "x")], 0.7, 0.7),
        ([(A, "x")], [(B, "x")], 0.0, 0.0),
        ([(A, "x")], [(A, "y")], 0.0, 0.0),
    ],
)
def test_od_length_gives_the_measured_values(truth, got, precision, total) -> None:  # type: ignore[no-untyped-def]
    reward = detection_map(said(*got), rows(*truth))
    assert reward.components["map"] == pytest.approx(precision, abs=5e-4)
    assert reward.total == pytest.approx(total, abs=5e-4)
    assert detection_map(said(*got), rows(*truth), penalty=False).total == pytest.approx(precision, abs=5e-4)


def test_ap50_forgives_what_the_mean_does_not() -> None:
    shifted = said(([10, 0, 110, 100], "x"))
    assert detection_map(shifted, rows((A, "x")), thresholds="50").total == 1


@pytest.mark.parametrize("reward", [detection_map, weighted_sum])
@pytest.mark.parametrize(
    ("reference", "answer", "total"),
    [
        ("None", "None", 1),
        ("None", "[]", 1),
        ("[]", "none.", 1),
        ("None", "```json\n[]\n```", 1),
        ("None", "nothing at all, I think", 0),
        ("None", "[{", 0),
        ("None", rows((A, "x")), 0),
        (rows((A, "x")), "None", 0),
        (rows((A, "x")), "[]", 0),
        (rows((A, "x")), "[1, 2, 3]", 0),
        (rows((A, "x")), "{}", 0),
        ("garbage", rows((A, "x")), None),
        (rows(([5, 5, 1, 1], "x")), rows((A, "x")), None),
    ],
)
def test_the_case_table_of_empty_and_unreadable_lists(reward, reference, answer, total) -> None:  # type: ignore[no-untyped-def]
    assert reward(f"<think>a</think><answer>{answer}</answer>", reference).total == total


def test_garbage_without_an_answer_block_earns_nothing_where_nothing_is_to_be_found() -> None:
    assert detection_map("lorem ipsum", "None").total == 0
    assert detection_map("None", "None").total == 0
    assert detection_map("None", "None", answer_block=False).total == 1


def test_malformed_items_count_as_predictions() -> None:
    answer = f'[{{"bbox_2d": {A}, "label": "x"}}, {{"bbox_2d": [1, 2, 3], "label": "x"}}]'
    assert detection_map(f"<answer>{answer}</answer>", rows((A, "x"))).total == 0.5


@pytest.mark.parametrize(
    ("got", "total"),
    [
        ([([0, 0, 80, 100], "x")], 0.86),
        ([([0, 0, 80, 100], "X")], 0.86),
        ([([0, 0, 80, 100], "y")], 0.30),
        ([([0, 0, 80, 100], "x"), (B, "x")], 0.785),
    ],
)
def test_weighted_sum_gives_the_measured_values(got, total) -> None:  # type: ignore[no-untyped-def]
    assert weighted_sum(said(*got), rows((A, "x"))).total == pytest.approx(total)


def test_rec_is_the_soft_iou_and_the_codes_pixel_rule_is_a_setting() -> None:
    response, reference = "<think>a</think><answer>{[9, 0, 19, 10]}</answer>", "[0, 0, 10, 10]"
    assert rec(response, reference).total == pytest.approx(10 / 190)
    assert rec(response, reference, narrowest=1.0).total == 0
    assert rec("<answer>[0.5, 0, 10.5, 10]</answer>", reference).total == pytest.approx(95 / 105)
    assert rec("[0, 0, 10, 10]", reference).total == 0
    assert rec("[0, 0, 10, 10]", reference, answer_block=False).total == 1
    assert rec("<answer>[10, 10, 0, 0]</answer>", reference).reason == "box_invalid"
    assert rec("<answer>[-5, 0, 10, 10]</answer>", reference).total == pytest.approx(100 / 150)
    assert rec("<answer>[0, 0, 10, 10]</answer>", "left of the tree").total is None


def test_giou_orders_boxes_that_do_not_touch() -> None:
    unit = (0.0, 0.0, 1.0, 1.0)
    assert giou(unit, unit) == 1
    assert giou(unit, (2.0, 0.0, 3.0, 1.0)) == pytest.approx(-1 / 3)
    assert giou(unit, (2.0, 0.0, 3.0, 1.0)) > giou(unit, (9.0, 0.0, 10.0, 1.0)) > -1
    assert giou(unit, (0.0, 0.0, 0.5, 1.0)) == 0.5
    assert pixel_iou(unit, unit) == 1


def test_box_overlap_bounds_what_it_cannot_read() -> None:
    assert box_overlap("nothing", "[0,0,10,10]").total == 0
    assert box_overlap("nothing", "[0,0,10,10]", score="giou").total == -1
    assert box_overlap("[0,0,10,8]", "[0,0,10,10]", at_least=0.75).total == 1
    assert box_overlap("[0,0,10,7]", "[0,0,10,10]", at_least=0.75).total == 0


LATE = 0.5
SHIFT60, SHIFT80 = [0, 0, 60, 100], [0, 0, 80, 100]


@pytest.mark.parametrize(
    ("truth", "got", "progress", "recall", "precision"),
    [
        ([(A, "x"), (B, "x")], [(A, "x")], 0, 0.5, 1),
        ([(A, "x"), (B, "x")], [(A, "x"), ([0, 200, 50, 300], "x")], 0, 0.5, 0.5),
        ([(A, "x")], [(A, "x"), (B, "x")], 0, 1, 0.5),
        ([(A, "x")], [(SHIFT60, "x")], 0, 1, 0.6),
        ([(A, "x")], [(SHIFT60, "x")], LATE, 0, 0),
        ([(A, "x")], [(SHIFT80, "x")], 0, 1, 1),
        ([(A, "x")], [(SHIFT80, "x")], LATE, 1, 0.8),
        ([(A, "x")], [(A, "y")], 0, 0, 0),
    ],
)
def test_criterion_gives_the_papers_values(truth, got, progress, recall, precision) -> None:  # type: ignore[no-untyped-def]
    reward = criterion(rows(*got), rows(*truth), progress)
    assert (reward.components["recall"], reward.components["precision"]) == pytest.approx((recall, precision))
    assert reward.total == pytest.approx(1 + recall + precision)


def test_the_denominator_decides_what_surplus_boxes_cost() -> None:
    response, reference = rows((A, "x"), (B, "x")), rows((A, "x"))
    assert criterion(response, reference).total == 2.5
    assert criterion(response, reference, precision_denominator="matched").total == 3.0
    assert (
        criterion(rows((A, "x")), rows((A, "x"), (B, "x")), precision_denominator="max").components["precision"] == 0.5
    )


def test_twenty_boxes_of_which_one_is_right_earn_a_twentieth() -> None:
    many = rows(*[([i * 110, 0, i * 110 + 100, 100], "x") for i in range(20)])
    assert criterion(many, rows((A, "x"))).components["precision"] == 0.05


def test_labels_can_be_ignored_as_the_paper_does() -> None:
    assert criterion(rows((A, "y")), rows((A, "x")), labels="ignored").total == 3


def test_cut_json_earns_recall_but_no_format() -> None:
    cut = rows((A, "x"), (B, "x"))[:-20]
    got = criterion(f"```json\n{cut}", rows((A, "x"), (B, "x")))
    assert (got.components["format"], got.components["recall"]) == (0, 0.5)
    assert criterion(cut, rows((A, "x")), salvage=False).total == 0


@pytest.mark.parametrize(
    ("answer", "formed"),
    [
        (rows((A, "x")), 1),
        (rows(([0, 0, 100, 101], "x")), 0),
        (rows(([-1, 0, 100, 100], "x")), 0),
        (rows(([100, 0, 0, 100], "x")), 0),
        ('[{"bbox_2d": [0, 0, 100, 100]}]', 0),
        ('[{"bbox_2d": [[0, 0], [100, 100]], "label": "x"}]', 0),
        ("7", 0),
        ("", 0),
    ],
)
def test_the_dual_format_checks_structure_and_numbers(answer: str, formed: int) -> None:
    assert criterion(answer, rows((A, "x")), 0.0, 100, 100).components["format"] == formed


def test_rows_with_nothing_to_find_are_well_defined() -> None:
    assert criterion("[]", "[]").total == 3
    assert criterion(rows((A, "x")), "[]").total == 1
    assert criterion("nothing here", "[]").total == 0
    assert criterion("[]", rows((A, "x"))).total == 1


def test_griffons_pairs_are_read_as_references() -> None:
    reference = json.dumps([["dog", A], ["cat", B]])
    assert criterion(rows((A, "dog"), (B, "cat")), reference).total == 3


def test_the_last_fence_counts_and_python_is_not_evaluated() -> None:
    assert listed(f"```json\n[]\n``` no, ```json\n{rows((A, 'x'))}\n```").count == 1
    assert not listed("__import__('os').getcwd()").readable
    assert not listed("[" * 100_000).readable
