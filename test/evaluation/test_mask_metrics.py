"""mIoU, cIoU, gIoU and pmF1 against cases counted by hand; the matching against all permutations."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import DataError
from vision_banana_ros.evaluation.mask_metrics import (
    Confusion,
    InstanceMatches,
    cumulative_iou,
    instance_iou,
    mean_region_iou,
    overlap,
)
from vision_banana_ros.geometry.assignment import maximum_assignment


def test_mean_iou_by_hand_over_two_frames() -> None:
    confusion = Confusion(3)
    confusion.add(np.uint8([[0, 0, 1, 1]]), np.uint8([[0, 1, 1, 255]]))
    confusion.add(np.uint8([[1, 1, 1, 255]]), np.uint8([[1, 1, 0, 0]]))
    # class 0: hit 1, truth 3, painted 2 (one on class 1) -> 1 / 4; class 1: hit 3, truth 4, painted 4 -> 3 / 5
    assert confusion.iou()[:2] == pytest.approx([1 / 4, 3 / 5])
    assert math.isnan(confusion.iou()[2])
    assert confusion.mean_iou() == pytest.approx((1 / 4 + 3 / 5) / 2)


def test_a_class_that_is_painted_but_never_true_counts_as_zero() -> None:
    confusion = Confusion(3)
    confusion.add(np.uint8([[0, 2]]), np.uint8([[0, 0]]))
    assert confusion.mean_iou() == pytest.approx((1 / 2 + 0) / 2)


def test_cumulative_and_mean_region_iou_weigh_regions_differently() -> None:
    small = overlap(np.array([[True, False]]), np.array([[True, False]]))
    large = overlap(np.ones((10, 10), bool), np.repeat([[True, False]], 50, axis=0).reshape(10, 10))
    assert mean_region_iou([small, large]) == pytest.approx((1 + 0.5) / 2)
    assert cumulative_iou([small, large]) == pytest.approx(51 / 101)
    nothing = overlap(np.zeros((2, 3), bool), np.zeros((2, 3), bool))
    assert nothing.iou == 1


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 5), columns=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_the_matching_is_one_to_one_and_none_is_better(rows: int, columns: int, seed: int) -> None:
    gain = np.round(np.random.default_rng(seed).random((rows, columns)), 1)  # rounded: ties happen
    r, c = maximum_assignment(gain)
    assert len(set(r.tolist())) == len(set(c.tolist())) == min(rows, columns)
    wide = gain if rows <= columns else gain.T
    best = max(
        sum(wide[i, p] for i, p in enumerate(order))
        for order in itertools.permutations(range(wide.shape[1]), wide.shape[0])
    )
    assert gain[r, c].sum() == pytest.approx(best)


def two_boxes() -> np.ndarray:
    truth = np.zeros((20, 30), np.uint16)
    truth[2:12, 2:12] = 7
    truth[2:12, 15:25] = 9
    return truth


def test_instances_are_matched_whatever_their_ids() -> None:
    truth = two_boxes()
    matches = InstanceMatches()
    matches.add(np.where(truth == 7, 2, np.where(truth == 9, 1, 0)), truth)
    assert matches.pm_f1() == 1
    assert instance_iou(truth, truth) == pytest.approx(np.eye(2))


def test_pm_f1_by_hand() -> None:
    truth = two_boxes()
    found = np.zeros_like(truth)
    found[2:12, 2:10] = 1  # IoU 0.8: matched at 7 of the 10 thresholds (0.5 .. 0.8)
    found[15:19, 2:12] = 2  # invented
    matches = InstanceMatches()
    matches.add(found, truth)
    matched, missed = 2 * 1 / (2 * 1 + 1 + 1), 0.0
    assert matches.pm_f1() == pytest.approx((7 * matched + 3 * missed) / 10)


def test_frames_without_the_class_are_no_positives() -> None:
    matches = InstanceMatches()
    matches.add(two_boxes(), np.zeros((20, 30), np.uint16))
    assert math.isnan(matches.pm_f1())


def test_missing_everything_is_zero() -> None:
    matches = InstanceMatches()
    matches.add(np.zeros((20, 30), np.uint16), two_boxes())
    assert matches.pm_f1() == 0


def test_sizes_must_agree() -> None:
    with pytest.raises(DataError, match="one size"):
        overlap(np.zeros((2, 3), bool), np.zeros((3, 2), bool))


def test_scores_of_nothing_are_nan_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert math.isnan(Confusion(3).mean_iou())
    assert math.isnan(cumulative_iou([]))
    assert math.isnan(mean_region_iou([]))
    assert math.isnan(InstanceMatches().pm_f1())
    assert not recwarn.list


def test_truth_outside_of_the_classes_is_left_out() -> None:
    confusion = Confusion(2)
    confusion.add(np.uint8([[0, 1, 0, 1]]), np.uint8([[0, 2, 3, 255]]))
    assert confusion.counts.tolist() == [[1, 0, 0], [0, 0, 0]]


def test_matches_add_up_over_frames_also_where_each_holds_one() -> None:
    one, none = np.uint8([[1, 1, 0]]), np.uint8([[0, 0, 0]])
    matches = InstanceMatches()
    matches.add(one, one)
    matches.add(none, one)
    matches.add(np.uint8([[5, 5, 6]]), one)  # one more than there is
    assert (set(matches.tp), set(matches.fp), set(matches.fn)) == ({2}, {1}, {1})
    assert matches.pm_f1() == pytest.approx(4 / 6)
    even = InstanceMatches()
    even.add(one, one)
    even.add(none, one)  # as many found as missed
    assert even.pm_f1() == pytest.approx(2 / 3)
