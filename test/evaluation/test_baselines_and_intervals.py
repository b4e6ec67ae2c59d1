"""Baselines are the best that answers without eyes can be; intervals hold what they promise."""

import math

import numpy as np
import pytest

from vision_banana_ros.core import Camera, DataError, Truth
from vision_banana_ros.evaluation.baselines import ConstantDepth, ConstantNormal, PriorMaps
from vision_banana_ros.evaluation.depth_metrics import DepthRange, score_depth
from vision_banana_ros.evaluation.intervals import estimate

HW = (24, 36)


def truths(count: int = 6) -> list[Truth]:
    rng = np.random.default_rng(0)
    camera = Camera.from_hfov(70, HW[1], HW[0])
    found = []
    for _ in range(count):
        depth = (rng.uniform(1, 3) * np.linspace(3, 1, HW[0])[:, None] * np.ones(HW)).astype(np.float32)
        normals = rng.normal((0, -1, -1), 0.2, (*HW, 3)).astype(np.float32)
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        depth[0, :5] = np.inf
        found.append(Truth(camera=camera, depth_m=depth, normals=normals))
    return found


def test_no_constant_is_better_than_the_best_constant() -> None:
    baseline = ConstantDepth(DepthRange())
    for truth in truths():
        baseline.add(truth.depth_m)
    best = baseline.scores()
    for constant in np.linspace(0.5, 12, 60, dtype=np.float32):
        rivals = [score_depth(np.full(HW, constant), t.depth_m) for t in truths()]
        assert np.mean([s.delta1 for s in best]) >= np.mean([s.delta1 for s in rivals]) - 0.02
        assert np.mean([s.abs_rel for s in best]) <= np.mean([s.abs_rel for s in rivals]) + 0.005
        assert np.mean([s.rmse_m for s in best]) <= np.mean([s.rmse_m for s in rivals]) + 0.02
        assert best[0].scaled_delta1 == pytest.approx(rivals[0].scaled_delta1)


def test_the_mean_normal_is_scored_on_the_sets_own_truth() -> None:
    baseline = ConstantNormal()
    for truth in truths():
        baseline.add(truth.normals)
    assert np.mean([s.mean_deg for s in baseline.scores()]) < 20
    assert ConstantNormal().scores() == []


def test_prior_maps_keep_the_layout_of_the_image(tmp_path) -> None:
    priors = PriorMaps.fit(truths())
    assert priors.depth_m.shape == (48, 64)
    assert priors.depth_m[0].mean() > 2 * priors.depth_m[-1].mean()  # far above, near below
    assert np.isfinite(priors.depth_m).all()
    assert np.linalg.norm(priors.normals_at((30, 50)), axis=-1) == pytest.approx(1, abs=1e-5)
    priors.save(tmp_path / "p.npz")
    again = PriorMaps.load(tmp_path / "p.npz")
    assert again is not None
    assert np.array_equal(again.depth_at(HW), priors.depth_at(HW))
    assert again.frames == 6
    assert PriorMaps.load(tmp_path / "none.npz") is None


def test_prior_maps_need_frames() -> None:
    with pytest.raises(DataError, match="got none"):
        PriorMaps.fit([])


def test_an_interval_holds_the_mean_and_narrows_with_more_frames() -> None:
    rng = np.random.default_rng(1)
    few, many = estimate(rng.normal(3, 1, 20)), estimate(rng.normal(3, 1, 2000))
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 4
    assert many.low < 3 < many.high
    assert math.isnan(estimate([]).value)
