"""Instances: as many as were painted, through blur, noise and JPEG; and the shapes that are easy to lose."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vision_banana_ros.codecs import instances
from vision_banana_ros.core import CodecError

BACKGROUND = (88, 50, 82)


def canvas(*rectangles, hw=(90, 140), background=BACKGROUND):
    """A plain canvas with (top, left, bottom, right, colour) rectangles."""
    rgb = np.empty((*hw, 3), np.uint8)
    rgb[:] = background
    for top, left, bottom, right, color in rectangles:
        rgb[top:bottom, left:right] = color
    return rgb


def blurred(rgb, sigma=1.0):
    return cv2.GaussianBlur(rgb, (0, 0), sigma)


@pytest.mark.parametrize("known_background", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_thirty_instances_survive_blur_noise_and_jpeg(painted_scene, seed, known_background):
    scene = painted_scene(count=30, seed=seed)
    decoded = instances.decode(scene.rgb, BACKGROUND if known_background else None)
    assert len(scene.matched(decoded.instances, iou=0.9)) >= 28
    assert decoded.count <= 30


@pytest.mark.parametrize("seed", range(3))
def test_wide_blends_along_edges_are_no_instances(painted_scene, seed):
    assert instances.decode(painted_scene(count=30, seed=seed, blur=2.0).rgb, BACKGROUND).count == 30


def test_a_blend_cut_by_the_border_is_no_instance():
    rgb = canvas((0, 4, 20, 90, (250, 20, 20)))
    rgb[:20, :4] = (169, 35, 51)  # half-way to the background, as seen at the border of a blurred edge
    rgb[20:24, :90] = (169, 35, 51)
    assert instances.decode(rgb, BACKGROUND).count == 1


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_few_instances_are_counted_right(painted_scene, count):
    scene = painted_scene(count=count, blur=1.5)
    decoded = instances.decode(scene.rgb, BACKGROUND)
    assert decoded.count == count == decoded.instances.max()
    assert len(scene.matched(decoded.instances, iou=0.9)) == count


def test_two_of_one_color_that_do_not_touch_are_two():
    decoded = instances.decode(
        blurred(canvas((20, 10, 60, 50, (250, 20, 20)), (20, 70, 60, 120, (250, 20, 20)))), BACKGROUND
    )
    assert decoded.count == 2
    assert decoded.instances[40, 30] != decoded.instances[40, 90]


def test_two_colors_that_touch_are_two_and_meet_where_they_were_painted():
    decoded = instances.decode(
        blurred(canvas((20, 10, 60, 70, (250, 20, 20)), (20, 70, 60, 120, (20, 200, 250)))), BACKGROUND
    )
    assert decoded.count == 2
    left, right = decoded.instances[40, 30], decoded.instances[40, 100]
    assert (decoded.instances[25:55, 20:69] == left).all()
    assert (decoded.instances[25:55, 72:115] == right).all()


def test_an_instance_may_touch_the_border_and_fill_a_corner():
    decoded = instances.decode(blurred(canvas((50, 90, 90, 140, (250, 220, 20)))), BACKGROUND)
    assert decoded.count == 1
    assert decoded.instances[89, 139] == 1
    assert (decoded.instances == 1).sum() == pytest.approx(40 * 50, rel=0.05)


def test_thin_shapes_are_kept_whole():
    decoded = instances.decode(canvas((10, 60, 85, 64, (250, 220, 20)), (40, 5, 44, 55, (20, 220, 250))), BACKGROUND)
    assert decoded.count == 2
    assert len(np.unique(decoded.instances[15:80, 61:63])) == 1
    assert len(np.unique(decoded.instances[41:43, 10:50])) == 1


def test_a_hole_in_an_instance_is_background():
    decoded = instances.decode(canvas((10, 10, 80, 110, (250, 220, 20)), (30, 40, 60, 80, BACKGROUND)), BACKGROUND)
    assert decoded.count == 1
    assert decoded.instances[45, 60] == 0


def test_edges_between_background_and_instance_are_no_instance_of_the_color_between():
    middle = tuple(((np.array(BACKGROUND) + np.array((250, 220, 20))) // 2).tolist())
    rgb = canvas((20, 20, 70, 70, (250, 220, 20)), (20, 95, 70, 130, middle))
    for sigma in (1.0, 2.0):
        assert instances.decode(blurred(rgb, sigma), BACKGROUND).count == 2


def test_specks_are_dropped_and_the_limit_is_the_callers():
    rgb = canvas((20, 20, 25, 25, (250, 220, 20)), (40, 60, 70, 100, (20, 220, 250)))
    assert instances.decode(rgb, BACKGROUND).count == 1
    assert instances.decode(rgb, BACKGROUND, min_area=16).count == 2
    assert instances.decode(rgb, BACKGROUND, min_area=5000).count == 0


def test_an_unknown_background_is_the_largest_color_at_the_border():
    rgb = canvas((0, 0, 30, 30, (20, 220, 250)), (35, 20, 85, 135, (250, 220, 20)), background=(255, 255, 255))
    decoded = instances.decode(rgb)
    assert decoded.count == 2
    assert decoded.instances[89, 0] == 0


def test_ids_go_by_size():
    rgb = canvas((5, 5, 25, 25, (20, 220, 250)), (35, 20, 85, 135, (250, 220, 20)), (5, 60, 30, 90, (20, 20, 250)))
    decoded = instances.decode(rgb, BACKGROUND)
    areas = np.bincount(decoded.instances.ravel())[1:]
    assert (np.diff(areas) < 0).all()


def test_confidence_is_full_inside_and_low_on_blended_edges():
    clean = canvas((20, 20, 70, 70, (250, 220, 20)))
    assert instances.decode(clean, BACKGROUND).confidence.min() >= 247
    decoded = instances.decode(blurred(clean, 2.0), BACKGROUND)
    assert decoded.confidence[45, 45] >= 247
    assert decoded.confidence[45, 19:21].max() <= 128


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6))
@example(12, 11)
@example(1, 1)
def test_a_grid_of_instances_comes_back_as_painted(rows, columns):
    truth = np.zeros((rows * 14 + 4, columns * 16 + 4), np.uint16)
    for i in range(rows * columns):
        top, left = 4 + i // columns * 14, 4 + i % columns * 16
        truth[top : top + 10, left : left + 12] = i + 1
    decoded = instances.decode(instances.encode(truth, background=(0, 0, 0)), (0, 0, 0))
    assert decoded.count == rows * columns
    np.testing.assert_array_equal(decoded.instances > 0, truth > 0)
    pairs = np.unique(np.stack([truth.ravel(), decoded.instances.ravel()]), axis=1)
    assert pairs.shape[1] == rows * columns + 1


def test_encode_paints_the_smallest_id_in_the_first_color():
    truth = np.array([[0, 700, 3]], np.uint16)
    rgb = instances.encode(truth, colors=[(1, 1, 1), (2, 2, 2)], background=(9, 9, 9))
    assert rgb.tolist() == [[[9, 9, 9], [2, 2, 2], [1, 1, 1]]]


@pytest.mark.parametrize("value", [0, 255])
def test_a_plain_canvas_holds_no_instance(value):
    plain = np.full((40, 60, 3), value, np.uint8)
    assert instances.decode(plain).count == 0
    assert instances.decode(plain, (value,) * 3).count == 0


def test_random_colors_upset_nothing(random_canvas):
    decoded = instances.decode(random_canvas)
    assert decoded.instances.shape == random_canvas.shape[:2]
    assert decoded.instances.dtype == np.uint16
    assert decoded.count == decoded.instances.max()


@pytest.mark.parametrize("hw", [(1, 1), (1, 7), (3, 2)])
def test_tiny_canvases_upset_nothing(hw):
    assert instances.decode(np.zeros((*hw, 3), np.uint8)).count == 0


def test_bad_input_is_refused(random_canvas):
    with pytest.raises(CodecError, match="canvas must be uint8"):
        instances.decode(random_canvas.astype(np.float32))
    with pytest.raises(CodecError, match="one NumPy canvas"):
        instances.decode(random_canvas[None])
    with pytest.raises(CodecError, match="min_area"):
        instances.decode(random_canvas, min_area=0)
    with pytest.raises(CodecError, match="instances must be a uint16 array"):
        instances.encode(np.ones((2, 3), np.uint8))
    with pytest.raises(CodecError, match="2 instances need as many colours, got 1"):
        instances.encode(np.array([[1, 2]], np.uint16), colors=[(1, 1, 1)])
