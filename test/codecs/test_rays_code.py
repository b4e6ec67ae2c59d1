"""The rays code: directions within half a degree, and intrinsics that survive eight bits and noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.codecs import rays
from vision_banana_ros.core import Camera, CodecError


def tilted_camera(hfov_deg, width=320, height=256):
    """Different focal lengths and a principal point off the middle, so that swapped axes show."""
    focal = width / 2 / np.tan(np.radians(hfov_deg / 2))
    return Camera(focal, focal * 1.07, width / 2 - 9.3, height / 2 + 5.6, width, height)


def angles_deg(directions):
    x, y, z = np.moveaxis(directions.astype(np.float64), -1, 0)
    return np.degrees(np.arctan2(x, z)), np.degrees(np.arctan2(y, z))


def fitted(directions):
    """fx, cx, fy, cy from mean angles per column and per row."""
    ax, ay = angles_deg(directions)
    across, down = np.tan(np.radians(ax.mean(axis=0))), np.tan(np.radians(ay.mean(axis=1)))
    return (*np.polyfit(across, np.arange(len(across)), 1), *np.polyfit(down, np.arange(len(down)), 1))


def test_right_is_more_red_down_more_green_and_the_axis_is_grey():
    straight, right, down = (0.0, 0.0, 1.0), (0.6, 0.0, 0.8), (0.0, 0.6, 0.8)
    rgb = rays.encode(np.array([[straight, right, down]], np.float32)).astype(int)[0]
    assert rgb[0].tolist() == [128, 128, 128]
    ramp = 127.5 * np.degrees(np.arctan2(0.6, 0.8)) / 75
    np.testing.assert_allclose(rgb[1], [127.5 + ramp, 127.5, 127.5 + ramp / 2], atol=0.51)
    np.testing.assert_allclose(rgb[2], [127.5, 127.5 + ramp, 127.5 - ramp / 2], atol=0.51)


@settings(max_examples=30, deadline=None)
@given(st.floats(30, 130))
def test_directions_come_back_within_the_quantisation(hfov_deg):
    camera = tilted_camera(hfov_deg, 64, 48)
    decoded = rays.decode(rays.encode(camera))
    expected = rays.camera_directions(camera)
    half_level_deg = 0.5 * 75 / 127.5
    for found, true in zip(angles_deg(decoded.directions), angles_deg(expected), strict=True):
        assert np.abs(found - true).max() <= 4 / 3 * half_level_deg + 1e-3  # weights 5/6 + 1/6 + 1/3
    np.testing.assert_allclose(np.linalg.norm(decoded.directions, axis=-1), 1, atol=1e-6)
    assert decoded.confidence.min() == 255


@pytest.mark.parametrize("hfov_deg", [60, 90, 120])
def test_intrinsics_survive_eight_bits_and_noise(hfov_deg):
    camera = tilted_camera(hfov_deg)
    canvas = rays.encode(camera)
    noise = np.random.default_rng(hfov_deg).normal(0, 4, canvas.shape)
    for painted in (canvas, (canvas + noise).clip(0, 255).round().astype(np.uint8)):
        fx, cx, fy, cy = fitted(rays.decode(painted).directions)
        assert fx == pytest.approx(camera.fx, rel=0.005)
        assert fy == pytest.approx(camera.fy, rel=0.005)
        assert (cx, cy) == pytest.approx((camera.cx, camera.cy), abs=0.5)


def test_noise_model_of_the_docstring_holds():
    camera = tilted_camera(90)
    canvas = rays.encode(camera)
    noisy = (canvas + np.random.default_rng(1).normal(0, 4, canvas.shape)).clip(0, 255).round().astype(np.uint8)
    expected = angles_deg(rays.camera_directions(camera))
    for found, true in zip(angles_deg(rays.decode(noisy).directions), expected, strict=True):
        assert (found - true).std() == pytest.approx(4 * 0.54, rel=0.05)
        assert (found - true).mean() == pytest.approx(0, abs=0.05)


def test_every_color_gives_a_unit_vector_forward(random_canvas):
    directions = rays.decode(random_canvas).directions
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1, atol=1e-6)
    assert (directions[..., 2] > 0).all()


@pytest.mark.parametrize(("off", "expected"), [(0, 255), (8, 247), (100, 154), (252, 0), (-256, 0)])
def test_confidence_counts_levels_to_the_plane_of_valid_colors(off, expected):
    rgb = np.array([[[128 + off // 2, 128 - off // 2, 127]]]).clip(0, 255).astype(np.uint8)
    assert rays.decode(rgb).confidence.item() == pytest.approx(expected, abs=2)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.full((2, 3, 3), np.nan, np.float32), "6 pixels"),
        (np.array([[[0, 0, 1], [0, 0, -1]]], np.float32), r"\(0, 1\) is \[0.0, 0.0, -1.0\]; stay within 75 degrees"),
        (Camera.from_hfov(160, 64, 48), "stay within 75 degrees"),
        (np.zeros((2, 3, 2), np.float32), r"shape \(2, 3, 2\)"),
        (90, "got int 90"),
    ],
)
def test_encode_refuses_what_cannot_be_painted(bad, said):
    with pytest.raises(CodecError, match=said):
        rays.encode(bad)
