"""Nothing is invented where colours mix, and nothing real is taken for a mix: blends, gaps, tips and necks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_banana_ros.codecs import instances

BACKGROUND = (88, 50, 82)
RED, CYAN, YELLOW, BLUE = (250, 20, 20), (20, 220, 250), (250, 220, 20), (20, 20, 250)
BETWEEN_RED_AND_CYAN = (135, 120, 135)


def canvas(*rectangles, hw=(90, 140), background=BACKGROUND):
    """A plain canvas with (top, left, bottom, right, colour) rectangles, the last one on top."""
    rgb = np.empty((*hw, 3), np.uint8)
    rgb[:] = background
    for top, left, bottom, right, color in rectangles:
        rgb[top:bottom, left:right] = color
    return rgb


def generated(rgb, *, blur=1.0, noise=6.0, quality=85, seed=0):
    """A canvas as a generator would hand it over: soft, noisy, and through JPEG with halved chroma."""
    soft = cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), blur)
    soft += np.random.default_rng(seed).normal(0, noise, rgb.shape)
    pixels = soft.clip(0, 255).round().astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1])


@pytest.mark.parametrize("blur", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("known", [True, False])
def test_three_shapes_that_meet_in_a_point_are_three(blur, known):
    rgb = canvas((15, 20, 45, 70, RED), (15, 70, 45, 125, CYAN), (45, 30, 78, 110, YELLOW))
    for seed in range(3):
        decoded = instances.decode(generated(rgb, blur=blur, seed=seed), BACKGROUND if known else None)
        assert decoded.count == 3


@pytest.mark.parametrize("gap", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("background", [BACKGROUND, (0, 0, 0)])
def test_a_narrow_gap_is_no_instance(gap, background):
    rgb = canvas((10, 10, 80, 60, (255, 255, 255)), (10, 60 + gap, 80, 130, YELLOW), background=background)
    for blur in (0.8, 1.5):
        assert instances.decode(generated(rgb, blur=blur), background).count == 2


@pytest.mark.parametrize("inset", [1, 2, 3])
def test_a_gap_at_the_border_is_no_instance(inset):
    rgb = canvas((inset, inset, 60, 90, RED))
    assert instances.decode(generated(rgb, blur=1.5), BACKGROUND).count == 1


@pytest.mark.parametrize("blur", [0.8, 1.5])
def test_the_tip_of_a_spike_is_no_instance_of_its_own(blur):
    rgb = canvas()
    cv2.fillPoly(rgb, [np.array([[10, 30], [40, 30], [130, 45], [40, 60], [10, 60]])], YELLOW)
    assert instances.decode(generated(rgb, blur=blur), BACKGROUND).count == 1


@pytest.mark.parametrize("length", [4, 7, 10])
@pytest.mark.parametrize("seed", range(3))
def test_a_neck_of_three_pixels_joins_its_halves(length, seed):
    rgb = canvas((20, 10, 70, 60, YELLOW), (20, 60 + length, 70, 130, YELLOW), (44, 60, 47, 60 + length, YELLOW))
    decoded = instances.decode(generated(rgb, seed=seed), BACKGROUND)
    assert decoded.count == 1


@pytest.mark.parametrize("occluder", [BACKGROUND, BLUE])
@pytest.mark.parametrize("blur", [0.5, 1.5])
def test_an_occluder_of_six_pixels_leaves_two_pieces(occluder, blur):
    rgb = canvas((20, 10, 70, 130, YELLOW), (5, 67, 85, 73, occluder))
    decoded = instances.decode(generated(rgb, blur=blur), BACKGROUND)
    assert decoded.instances[45, 40] != decoded.instances[45, 100]
    assert decoded.count == (2 if occluder == BACKGROUND else 3)


@pytest.mark.parametrize("side", [12, 14])
def test_a_small_instance_between_the_two_colors_that_it_could_be_a_blend_of_stays(side):
    top, left = 45 - side // 2, 70 - side // 2
    rgb = canvas(
        (10, 10, 80, 70, RED), (10, 70, 80, 130, CYAN), (top, left, top + side, left + side, BETWEEN_RED_AND_CYAN)
    )
    for seed in range(3):
        decoded = instances.decode(generated(rgb, seed=seed), BACKGROUND)
        assert decoded.count == 3
        found = decoded.instances == decoded.instances[45, 70]
        assert found.sum() == pytest.approx(side * side, rel=0.25)


def test_a_bar_whose_color_lies_between_two_stays_where_it_is_near_to_one_only():
    rgb = canvas((10, 5, 80, 40, RED), (10, 120, 80, 138, CYAN), (40, 50, 49, 105, BETWEEN_RED_AND_CYAN))
    decoded = instances.decode(generated(rgb), BACKGROUND)
    assert decoded.count == 3
    assert (decoded.instances[42:47, 54:101] == decoded.instances[44, 75]).all()


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 180), st.integers(6, 9), st.floats(0.5, 1.5), st.sampled_from([RED, CYAN, YELLOW, BLUE]))
def test_thin_bars_survive_in_any_direction(angle, width, blur, color):
    bar = cv2.boxPoints(((70.0, 45.0), (60.0, float(width)), angle))
    rgb = canvas()
    cv2.fillPoly(rgb, [bar.round().astype(np.int32)], color)
    decoded = instances.decode(generated(rgb, blur=blur), BACKGROUND)
    assert decoded.count == 1
    assert decoded.instances[45, 70] == 1


def test_edges_end_half_way_between_the_colors():
    rgb = canvas((20, 20, 70, 70, RED), (20, 70, 70, 120, CYAN))
    decoded = instances.decode(generated(rgb, blur=1.5), BACKGROUND)
    left, right = decoded.instances[45, 40], decoded.instances[45, 100]
    assert left != right
    assert np.mean(decoded.instances[22:68, 22:70] == left) > 0.98
    assert np.mean(decoded.instances[22:68, 70:118] == right) > 0.98
    assert np.mean(decoded.instances[:18] == 0) == 1
