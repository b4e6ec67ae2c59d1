"""Points are where their pixels look, and their bytes are where the fields say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.core import Camera, FrameError
from vision_banana_ros.geometry import CLOUD_DTYPE, CLOUD_FIELDS, POINT_STEP, pack_cloud, project, unproject

cameras = st.builds(
    Camera,
    fx=st.floats(20, 900),
    fy=st.floats(20, 900),
    cx=st.floats(-5, 40),
    cy=st.floats(-5, 30),
    width=st.integers(1, 33),
    height=st.integers(1, 21),
)


def random_depth(camera: Camera, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 80, (camera.height, camera.width)).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(camera=cameras, seed=st.integers(0, 2**32 - 1))
def test_projecting_the_cloud_gives_back_the_pixel_grid(camera: Camera, seed: int) -> None:
    depth = random_depth(camera, seed)
    points = unproject(depth, camera)
    assert points.shape == (camera.height, camera.width, 3)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points[..., 2], depth)
    grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), axis=-1)
    np.testing.assert_allclose(project(points, camera), grid, atol=2e-3)


def test_x_is_right_y_is_down_z_is_forward(lopsided: Camera) -> None:
    points = unproject(np.full((64, 48), 2.0, np.float32), lopsided)
    np.testing.assert_allclose(points[35, 20], (0, 0, 2), atol=1e-6)  # the principal point looks straight ahead
    np.testing.assert_allclose(points[35, 45], (1, 0, 2), atol=1e-6)  # 25 px right of it at fx = 50
    np.testing.assert_allclose(points[5, 20], (0, -1, 2), atol=1e-6)  # 30 px above it at fy = 60


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_missing_depth_is_a_missing_point_and_its_neighbours_stay(lopsided: Camera, missing: float) -> None:
    depth = np.ones((64, 48), np.float32)
    depth[35, 20] = missing  # the principal point, where 0 * inf would lurk
    points = unproject(depth, lopsided)
    assert np.isnan(points[35, 20]).all()
    assert np.isfinite(points).sum() == 3 * (64 * 48 - 1)


def test_far_points_end_on_their_rays_and_only_they(lopsided: Camera) -> None:
    depth = np.full((64, 48), 30.0, np.float32)
    depth[3, 4], depth[5, 6] = np.inf, np.nan
    points = unproject(depth, lopsided, far_point_m=20.0)
    np.testing.assert_allclose(points[3, 4], ((4 - 20) / 50 * 20, (3 - 35) / 60 * 20, 20), rtol=1e-6)
    assert np.isnan(points[5, 6]).all()
    assert points[0, 0, 2] == 30.0  # measured points beyond the far point are not moved


def test_input_is_not_changed(lopsided: Camera) -> None:
    depth = random_depth(lopsided, 1)
    depth[0, 0] = np.inf
    before = depth.copy()
    unproject(depth, lopsided, far_point_m=9.0)
    np.testing.assert_array_equal(depth, before)


def test_points_behind_the_camera_have_no_pixel(lopsided: Camera) -> None:
    pixels = project(np.array([[0.1, 0.2, -1.0], [0.1, 0.2, 0.0], [0.0, 0.0, 1.0]], np.float32), lopsided)
    assert np.isnan(pixels[:2]).all()
    np.testing.assert_allclose(pixels[2], (20, 35))


def test_fields_are_aligned_disjoint_and_fit_the_point() -> None:
    used: set[int] = set()
    for field in CLOUD_FIELDS:
        size = np.dtype(field.datatype).itemsize * field.count
        assert field.offset % np.dtype(field.datatype).itemsize == 0
        span = set(range(field.offset, field.offset + size))
        assert not used & span
        used |= span
    assert max(used) < POINT_STEP
    assert POINT_STEP % 16 == 0
    assert CLOUD_DTYPE.itemsize == POINT_STEP
    assert [f.name for f in CLOUD_FIELDS] == [
        *("x", "y", "z", "rgb", "normal_x", "normal_y", "normal_z", "label", "confidence")
    ]


def test_every_field_is_read_back_from_the_bytes(lopsided: Camera) -> None:
    rng = np.random.default_rng(7)
    hw = (64, 48)
    depth = random_depth(lopsided, 7)
    depth[1, 2] = np.nan
    rgb = rng.integers(0, 256, (*hw, 3), dtype=np.uint8)
    normals = rng.normal(size=(*hw, 3)).astype(np.float32)
    mask, confidence = rng.integers(0, 256, (2, *hw), dtype=np.uint8)
    data = pack_cloud(depth, lopsided, rgb=rgb, normals=normals, mask=mask, confidence=confidence)
    points = data.view(CLOUD_DTYPE).reshape(hw)
    expected = unproject(depth, lopsided)
    for axis, name in enumerate("xyz"):
        np.testing.assert_array_equal(points[name], expected[..., axis])
        np.testing.assert_array_equal(points[f"normal_{name}"], normals[..., axis])
    np.testing.assert_array_equal(points["label"], mask)
    np.testing.assert_array_equal(points["confidence"], confidence)
    color = np.ascontiguousarray(points["rgb"]).view("<u4")
    red, green, blue = np.moveaxis(rgb.astype(np.uint32), -1, 0)
    np.testing.assert_array_equal(color, red * 65536 + green * 256 + blue)


def test_what_is_not_given_is_said_to_be_unknown(lopsided: Camera) -> None:
    points = pack_cloud(np.ones((64, 48), np.float32), lopsided).view(CLOUD_DTYPE)
    assert (points["label"] == 255).all()
    assert np.isnan(points["normal_y"]).all()
    assert (points["rgb"] == 0).all()


def test_a_given_buffer_is_filled_in_place(lopsided: Camera) -> None:
    depth = random_depth(lopsided, 3)
    storage = bytearray(64 * 48 * POINT_STEP)
    out = np.frombuffer(storage, np.uint8)
    result = pack_cloud(depth, lopsided, out=out)
    assert np.shares_memory(result, out)
    assert bytes(storage) == pack_cloud(depth, lopsided).tobytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth_m": np.ones((48, 64), np.float32)}, "depth_m must be a float32 array"),
        ({"depth_m": np.ones((64, 48))}, "got float64"),
        ({"rgb": np.zeros((64, 48, 4), np.uint8)}, "rgb must be"),
        ({"normals": np.zeros((64, 48, 3))}, "normals must be"),
        ({"mask": np.zeros((64, 48), np.int32)}, "mask must be"),
        ({"confidence": np.zeros((48, 64), np.uint8)}, "confidence must be"),
        ({"far_point_m": -2.0}, "far_point_m must be"),
        ({"far_point_m": float("inf")}, "far_point_m must be"),
        ({"out": np.zeros(7, np.uint8)}, "out must be"),
        ({"out": np.zeros(64 * 48 * POINT_STEP * 2, np.uint8)[::2]}, "contiguous"),
        ({"out": np.frombuffer(bytes(64 * 48 * POINT_STEP), np.uint8)}, "writeable"),
    ],
)
def test_bad_input_is_named(lopsided: Camera, arguments: dict[str, object], message: str) -> None:
    good: dict[str, object] = {"depth_m": np.ones((64, 48), np.float32), "camera": lopsided}
    with pytest.raises(FrameError, match=message):
        pack_cloud(**(good | arguments))  # type: ignore[arg-type]


def test_project_wants_points(lopsided: Camera) -> None:
    with pytest.raises(FrameError, match=r"points must be a float array of shape \(\.\.\., 3\)"):
        project(np.zeros((5, 2), np.float32), lopsided)
