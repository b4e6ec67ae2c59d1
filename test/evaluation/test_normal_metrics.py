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


def test_angles_are_those_of_the_directions_whatever_the_lengths() -> None:
    rng = np.random.default_rng(4)
    p, t = (rng.normal(size=(20, 30, 3)).astype(np.float32) for _ in range(2))
    cosine = (p * t).sum(-1) / np.linalg.norm(p, axis=-1) / np.linalg.norm(t, axis=-1)
    assert angles_deg(p, t) == pytest.approx(np.degrees(np.arccos(cosine)), abs=0.02)


@pytest.mark.parametrize("limit", [11.25, 22.5, 30.0])
def test_a_share_counts_what_is_nearer_than_its_limit(limit: float) -> None:
    """A third of the pixels lies half a degree below, the rest half a degree above."""
    angle = np.full((10, 12), np.radians(limit + 0.5))
    angle[:, :4] = np.radians(limit - 0.5)
    truth = np.zeros((10, 12, 3), np.float32)
    truth[..., 2] = -1
    predicted = np.stack([np.sin(angle), 0 * angle, -np.cos(angle)], axis=-1).astype(np.float32)
    scores = score_normals(predicted, truth)
    assert scores is not None
    shares = {11.25: scores.within_11, 22.5: scores.within_22, 30.0: scores.within_30}
    assert shares[limit] == pytest.approx(1 / 3)


def test_fifty_pixels_are_enough() -> None:
    truth = np.full((5, 10, 3), np.nan, np.float32)
    truth[:] = (0, 0, -1)
    assert score_normals(truth, truth) is not None
    assert score_normals(truth[:, :-1], truth[:, :-1]) is None
