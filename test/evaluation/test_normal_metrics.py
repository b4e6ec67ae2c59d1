"""Angles between normal maps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import DataError
from vision_banana_ros.evaluation.normal_metrics import angles_deg, score_normals

HEAD_ON = np.broadcast_to(np.float32((0, 0, -1)), (7, 11, 3))


def tilted(degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    return np.broadcast_to(np.float32((np.sin(a), 0, -np.cos(a))), (7, 11, 3))


@settings(max_examples=50, deadline=None)
@given(degrees=st.floats(0, 180))
def test_the_angle_is_the_angle(degrees: float) -> None:
    assert angles_deg(tilted(degrees), HEAD_ON)[0, 0] == pytest.approx(degrees, abs=1e-3)


def test_shares_under_the_three_thresholds() -> None:
    predicted = np.concatenate([tilted(10), tilted(20), tilted(25), tilted(40)])
    scores = score_normals(predicted, np.concatenate([HEAD_ON] * 4))
    assert scores is not None
    assert (scores.within_11, scores.within_22, scores.within_30) == (0.25, 0.5, 0.75)
    assert scores.mean_deg == pytest.approx(23.75, abs=1e-3)
    assert scores.median_deg == pytest.approx(22.5, abs=1e-3)


def test_unknown_truth_is_not_scored_and_missing_predictions_count_as_ninety() -> None:
    truth, predicted = HEAD_ON.copy(), HEAD_ON.copy()
    truth[0] = np.nan
    truth[1] = 0
    predicted[:3] = np.nan
    scores = score_normals(predicted, truth)
    assert scores is not None
    assert scores.pixels == 55
    assert scores.mean_deg == pytest.approx(90 / 5)


def test_too_few_pixels_and_other_sizes() -> None:
    assert score_normals(HEAD_ON[:2], HEAD_ON[:2]) is None
    with pytest.raises(DataError, match="one size"):
        score_normals(HEAD_ON[:2], HEAD_ON)
