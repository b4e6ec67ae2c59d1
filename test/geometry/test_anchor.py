"""Metres for depth that has none: exact, robust where a third is wrong, silent where nothing is known."""

import numpy as np
import pytest

from vision_banana_ros.core import Camera, FrameError
from vision_banana_ros.geometry import AnchorFilter, AnchorFit, DepthKind, floor_depth, sparse_depth
from vision_banana_ros.geometry.anchor import fit

HW = (48, 64)


def scene(near_m: float = 0.5, far_m: float = 20.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.exp(rng.uniform(np.log(near_m), np.log(far_m), HW)).astype(np.float32)


def values_of(z: np.ndarray, kind: DepthKind) -> np.ndarray:
    """What a model of that kind would say: scale 0.7 and shift 0.03 lead back to z."""
    line = 1 / z if kind is DepthKind.INVERSE_AFFINE else z
    shift = 0.0 if kind is DepthKind.UP_TO_SCALE else 0.03
    return ((line - shift) / 0.7).astype(np.float32)


def known(z: np.ndarray, *, share: float = 0.1, wrong: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    some = np.where(rng.random(z.shape) < share, z, np.nan)
    return np.where(rng.random(z.shape) < wrong, some * rng.uniform(0.2, 5, z.shape), some).astype(np.float32)


RELATIVE = [kind for kind in DepthKind if kind.needs_anchor]


@pytest.mark.parametrize("kind", RELATIVE)
@pytest.mark.parametrize("wrong", [0.0, 0.35])
def test_scale_and_shift_are_found_though_a_third_of_the_points_is_wrong(kind: DepthKind, wrong: float) -> None:
    z = scene()
    found = fit(values_of(z, kind), known(z, wrong=wrong), kind)
    assert found is not None
    assert found.scale == pytest.approx(0.7, rel=0.01)
    assert found.shift == pytest.approx(0.0 if kind is DepthKind.UP_TO_SCALE else 0.03, abs=0.003)
    np.testing.assert_allclose(found.depth_m(values_of(z, kind)), z, rtol=0.02)
    assert found.confidence > 0.5


def test_noise_shows_as_the_spread() -> None:
    z = scene()
    noisy = (known(z, share=0.5) * np.random.default_rng(2).lognormal(0, 0.1, HW)).astype(np.float32)
    found = fit(values_of(z, DepthKind.INVERSE_AFFINE), noisy, DepthKind.INVERSE_AFFINE)
    assert found is not None
    assert found.spread == pytest.approx(0.1, abs=0.02)


def test_few_points_and_points_that_agree_on_nothing_tell_nothing() -> None:
    z = scene()
    q = values_of(z, DepthKind.INVERSE_AFFINE)
    assert fit(q, known(z, share=0.005), DepthKind.INVERSE_AFFINE) is None
    flat = known(z, share=0.5)
    upside_down = (10 / flat).astype(np.float32)  # near where the model says far: no scale above 0 fits
    assert fit(q, upside_down, DepthKind.INVERSE_AFFINE) is None


def test_a_wall_alone_is_believed_near_itself_only() -> None:
    z = scene()
    wall = np.where((z > 2) & (z < 2.2), z, np.nan).astype(np.float32)
    q = values_of(z, DepthKind.INVERSE_AFFINE)
    found = fit(q, wall, DepthKind.INVERSE_AFFINE)
    assert found is not None
    metres = found.depth_m(q)
    np.testing.assert_allclose(metres[np.isfinite(wall)], wall[np.isfinite(wall)], rtol=0.05)
    assert np.isnan(metres[z > 3.2]).all()
    held = fit(q, wall, DepthKind.INVERSE_AFFINE, shift=0.03)
    assert held is not None
    assert (held.scale, held.shift) == (pytest.approx(0.7, rel=1e-3), 0.03)


def test_what_lies_far_beyond_the_known_points_is_unknown() -> None:
    z = scene()
    near = np.where(z < 2, z, np.nan).astype(np.float32)
    found = fit(values_of(z, DepthKind.INVERSE_AFFINE), near, DepthKind.INVERSE_AFFINE)
    assert found is not None
    metres = found.depth_m(values_of(z, DepthKind.INVERSE_AFFINE))
    assert np.isnan(metres[z > 4.2]).all()
    np.testing.assert_allclose(metres[z < 3.5], z[z < 3.5], rtol=0.02)


def test_metric_depth_is_not_fitted() -> None:
    with pytest.raises(FrameError, match="only relative depth is fitted"):
        fit(scene(), scene(), DepthKind.METRIC)


def test_the_filter_is_steady_and_gives_way_to_what_lasts() -> None:
    def said(scale: float) -> AnchorFit:
        return AnchorFit(kind=DepthKind.UP_TO_SCALE, scale=scale, low=1.0, high=2.0)

    steady = AnchorFilter()
    for scale in (1.0, 1.1, 0.9) * 5:
        steady = steady.updated(said(scale))
    assert steady.current is not None
    assert steady.current.scale == pytest.approx(1.0, abs=0.03)
    assert steady.updated(None) is steady
    jumped = steady.updated(said(3.0))
    assert jumped.current == steady.current
    for _ in range(2):
        jumped = jumped.updated(said(3.0))
    assert jumped.current is not None
    assert jumped.current.scale == 3.0


def test_points_fall_into_their_pixels_and_the_nearest_wins() -> None:
    camera = Camera(50.0, 60.0, 30.0, 20.0, 64, 48)
    points = np.array([[0, 0, 2], [0, 0, 5], [0.4, -0.25, 2], [0, 0, -1], [9, 0, 1], [np.nan, 0, 1]], np.float32)
    depth = sparse_depth(points, camera)
    assert depth[20, 30] == 2
    assert depth[round(20 - 0.125 * 60 + 0.5), 40] == 2
    assert np.isfinite(depth).sum() == 2


def test_the_floor_lies_where_a_level_camera_sees_it() -> None:
    camera = Camera(100.0, 100.0, 31.5, 23.5, 64, 48)
    depth = floor_depth(camera, 0.5)
    assert np.isnan(depth[:24]).all()
    assert depth[43, 10] == pytest.approx(0.5 * 100 / (43 - 23.5))
    tilted = floor_depth(camera, 0.5, up=(0.0, -np.cos(0.2), -np.sin(0.2)))  # looking down by 0.2
    assert np.nanmin(tilted) < np.nanmin(depth)


def test_the_floor_gives_relative_depth_its_metres() -> None:
    """Two boxes stand on it, a third of what is below the horizon."""
    camera = Camera(60.0, 60.0, 31.5, 10.0, 64, 48)
    true = np.where(np.isfinite(floor_depth(camera, 0.5, farthest_m=50)), floor_depth(camera, 0.5, farthest_m=50), 6.0)
    true[20:, 5:20], true[25:, 45:55] = 0.9, 0.7
    true = true.astype(np.float32)
    q = values_of(true, DepthKind.INVERSE_AFFINE)
    found = fit(q, floor_depth(camera, 0.5), DepthKind.INVERSE_AFFINE)
    assert found is not None
    assert found.scale == pytest.approx(0.7, rel=0.02)
