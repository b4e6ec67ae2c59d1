"""Depth scores against values worked out by hand, and the claims of the module's docstring."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import DataError
from vision_banana_ros.evaluation.depth_metrics import DepthRange, explained_variance, score_depth


def random_depth(seed: int, hw: tuple[int, int] = (9, 14)) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 20, hw).astype(np.float32)


def test_values_worked_out_by_hand() -> None:
    truth = np.full((10, 12), 2.0, np.float32)
    predicted = np.full((10, 12), 2.0, np.float32)
    predicted[:5] = 3.0  # 1.5 times too far in one half
    scores = score_depth(predicted, truth)
    assert scores is not None
    assert scores.delta1 == pytest.approx(0.5)
    assert scores.abs_rel == pytest.approx(0.25)
    assert scores.rmse_m == pytest.approx(math.sqrt(0.5))
    assert scores.scale == pytest.approx((1 + 2 / 3) / 2)  # the median between the two ratios
    assert scores.pixels == 120


def test_the_scale_is_the_median_of_the_ratios_and_not_their_mean() -> None:
    truth = np.full((10, 12), 2.0, np.float32)
    predicted = truth.copy()
    predicted[:3] = 8.0  # a third, four times too far: a mean would move the rest
    scores = score_depth(predicted, truth)
    assert scores is not None
    assert scores.scale == 1
    assert scores.scaled_delta1 == pytest.approx(0.7)
    assert scores.scaled_abs_rel == pytest.approx(0.3 * 3)
    assert scores.scaled_rmse_m == pytest.approx(math.sqrt(0.3 * 36))
    halved = score_depth(predicted / 2, truth)
    assert halved is not None
    assert halved.scale == 2
    assert halved.scaled_delta1 == pytest.approx(0.7)


def test_delta1_counts_ratios_on_both_sides_of_one_and_a_quarter() -> None:
    truth = np.full((8, 10), 4.0, np.float32)
    for factor, expected in ((1.249, 1.0), (1.251, 0.0), (1 / 1.249, 1.0), (1 / 1.251, 0.0)):
        scores = score_depth(truth * np.float32(factor), truth)
        assert scores is not None
        assert scores.delta1 == expected


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), factor=st.floats(0.2, 4))
def test_scaled_scores_do_not_depend_on_a_common_factor(seed: int, factor: float) -> None:
    truth, predicted = random_depth(seed), random_depth(seed + 1)
    limits = DepthRange(clip_nearest_m=1e-3, clip_farthest_m=1e3)
    plain, scaled = score_depth(predicted, truth, limits), score_depth(predicted * np.float32(factor), truth, limits)
    assert plain is not None
    assert scaled is not None
    assert scaled.scaled_abs_rel == pytest.approx(plain.scaled_abs_rel, rel=1e-4)
    assert scaled.scaled_rmse_m == pytest.approx(plain.scaled_rmse_m, rel=1e-4)
    assert explained_variance([scaled]) == pytest.approx(explained_variance([plain]), abs=1e-4)


def test_a_perfect_prediction_explains_everything_and_a_constant_nothing() -> None:
    truth = random_depth(3)
    perfect, constant = score_depth(truth * 2, truth), score_depth(np.full_like(truth, 2.5), truth)
    assert perfect is not None
    assert constant is not None
    assert explained_variance([perfect]) == pytest.approx(1)
    assert explained_variance([constant]) == pytest.approx(0)
    assert math.isnan(explained_variance([]))


def test_unknown_truth_is_left_out_and_missing_predictions_are_not() -> None:
    truth = random_depth(4)
    truth[0], truth[1], truth[2] = np.nan, np.inf, 0
    predicted = truth.copy()
    predicted[:3] = 7  # whatever is painted where nothing is known
    scores = score_depth(predicted, truth)
    assert scores is not None
    assert scores.delta1 == 1
    predicted[3] = np.nan
    missing = score_depth(predicted, truth)
    assert missing is not None
    assert missing.delta1 == pytest.approx(1 - 1 / 6)
    assert missing.pixels == scores.pixels
    assert (scores.coverage, missing.coverage) == (1, pytest.approx(5 / 6))


def test_missing_pixels_have_no_say_in_the_scale_and_are_wrong_after_it_too() -> None:
    truth = random_depth(6, (10, 12))
    predicted = truth * 2
    predicted[:6] = np.nan  # most of the frame
    scores = score_depth(predicted, truth)
    assert scores is not None
    assert scores.scale == pytest.approx(0.5)
    assert scores.scaled_delta1 == pytest.approx(0.4)
    assert scores.coverage == pytest.approx(0.4)
    nothing = score_depth(np.full_like(truth, np.nan), truth)
    assert nothing is not None
    assert (nothing.scaled_delta1, nothing.coverage) == (0, 0)


def test_beyond_range_counts_as_the_farthest_depth() -> None:
    truth = random_depth(5)
    scores = score_depth(np.full_like(truth, np.inf), truth)
    assert scores is not None
    assert scores.delta1 == 0
    assert math.isfinite(scores.rmse_m)


def test_too_few_pixels_give_no_score_and_sizes_must_agree() -> None:
    assert score_depth(np.ones((5, 9), np.float32), np.ones((5, 9), np.float32)) is None
    with pytest.raises(DataError, match="one size"):
        score_depth(np.ones((9, 5), np.float32), np.ones((5, 9), np.float32))


def test_the_ends_of_the_range_belong_to_it_and_fifty_pixels_are_enough() -> None:
    truth = np.full((5, 10), 0.5, np.float32)
    truth[:, 5:] = 4.0
    scores = score_depth(truth, truth, DepthRange(nearest_m=0.5, farthest_m=4.0))
    assert scores is not None
    assert scores.pixels == 50
    assert score_depth(truth[:, 1:], truth[:, 1:]) is None


def test_a_pixel_that_is_off_by_a_quarter_is_no_hit() -> None:
    truth = np.full((10, 12), 4.0, np.float32)
    scores = score_depth(truth * np.float32(1.25), truth)
    assert scores is not None
    assert scores.delta1 == 0
