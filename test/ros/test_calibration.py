"""CameraInfo and cameras. What a binned or cropped camera sees is checked by projecting one point of the world."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from vision_banana_ros.core import Camera, Frame, FrameError
from vision_banana_ros.data.camera_info import camera_from_info, is_fisheye
from vision_banana_ros.ros.calibration import info_message
from vision_banana_ros.ros.intrinsics import with_given_camera

HEAD = Header(frame_id="eye")
SENSOR = Camera(1000.0, 1010.0, 640.0, 470.0, 1280, 960)


def _info(*, roi: tuple[int, int, int, int] | None = None, binning: tuple[int, int] = (0, 0), **given: Any) -> Any:
    info = info_message(SENSOR, HEAD)
    if roi is not None:
        info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = roi
    info.binning_x, info.binning_y = binning
    for name, value in given.items():
        setattr(info, name, value)
    return info


def _pixel(camera: Camera, x: float, y: float) -> tuple[float, float]:
    """Where the ray (x, y, 1) meets the image."""
    return camera.fx * x + camera.cx, camera.fy * y + camera.cy


@pytest.mark.parametrize(
    ("roi", "binning", "image_wh"),
    [
        (None, (0, 0), (1280, 960)),
        (None, (1, 1), (1280, 960)),
        (None, (2, 2), (640, 480)),
        (None, (4, 2), (320, 480)),
        ((320, 240, 640, 480), (0, 0), (640, 480)),
        ((101, 53, 640, 480), (2, 2), (320, 240)),
        ((0, 0, 1280, 960), (2, 0), (640, 960)),
        ((101, 53, 643, 481), (2, 2), (321, 240)),
    ],
)
def test_regions_and_binning_see_the_same_world(
    roi: tuple[int, int, int, int] | None, binning: tuple[int, int], image_wh: tuple[int, int]
) -> None:
    """A binned pixel's centre is the mean of the centres that it was made of."""
    camera = camera_from_info(_info(roi=roi, binning=binning), width=image_wh[0], height=image_wh[1])
    assert (camera.width, camera.height) == image_wh
    u, v = _pixel(SENSOR, 0.11, -0.07)
    left, top = roi[:2] if roi is not None else (0, 0)
    bx, by = max(1, binning[0]), max(1, binning[1])
    wanted = ((u - left + 0.5) / bx - 0.5, (v - top + 0.5) / by - 0.5)
    assert _pixel(camera, 0.11, -0.07) == pytest.approx(wanted, abs=1e-9)


def test_an_image_of_the_full_size_is_of_the_whole_sensor() -> None:
    """Some drivers fill in binning and region, and send all the same."""
    assert camera_from_info(_info(roi=(320, 240, 640, 480), binning=(2, 2)), width=1280, height=960) == SENSOR


def test_a_resized_region_is_scaled() -> None:
    camera = camera_from_info(_info(roi=(320, 240, 640, 480)), width=320, height=240)
    assert (camera.fx, camera.cx) == (500.0, (320.0 + 0.5) / 2 - 0.5)


def test_k_of_a_region_with_distortion_is_of_the_region() -> None:
    """It was scaled as if the region were the whole: 500 where 1000 is right."""
    info = _info(roi=(320, 240, 640, 480), d=[0.1, -0.05, 0.001, 0.0, 0.0])
    info.p = [900.0, 0.0, 650.0, 0.0, 0.0, 910.0, 460.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    camera = camera_from_info(info, width=640, height=480)
    message = info_message(camera, HEAD, like=info)
    assert (message.width, message.height, message.roi.width, message.binning_x) == (640, 480, 0, 0)
    assert list(message.k) == [1000.0, 0.0, 320.0, 0.0, 1010.0, 230.0, 0.0, 0.0, 1.0]
    assert (message.p[0], message.p[2], message.p[5], message.p[6]) == (900.0, 330.0, 910.0, 220.0)
    assert list(message.d) == list(info.d)


def test_the_baseline_of_a_stereo_pair_is_passed_on_at_the_outputs_size() -> None:
    info = _info()
    info.p[3], info.p[7] = -120.0, 4.0
    camera = camera_from_info(info, width=640, height=480)
    message = info_message(camera, HEAD, like=info)
    assert (message.p[3], message.p[7]) == (-60.0, 2.0)
    assert message.p[3] / message.p[0] == info.p[3] / info.p[0], "the baseline in metres is the same"
    assert camera == SENSOR.scaled_to(640, 480), "points are in the camera's own frame"


def test_rectification_is_passed_on() -> None:
    info = _info(r=[0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    assert list(info_message(SENSOR, HEAD, like=info).r) == list(info.r)
    assert list(info_message(SENSOR, HEAD, like=_info(r=[0.0] * 9)).r) == [1, 0, 0, 0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda i: i.p.__setitem__(0, 0.001), "sees 180 degrees of 1280 pixels"),
        (lambda i: i.p.__setitem__(0, 1e9), "fx=1e\\+09 sees .* degrees"),
        (lambda i: i.p.__setitem__(5, 100.0), "fx=1000 and fy=100 are of different lenses"),
        (lambda i: i.p.__setitem__(2, 1e9), "cx=1e\\+09 is far outside of 1280 pixels"),
        (lambda i: i.p.__setitem__(6, -1000.0), "cy=-1000 is far outside of 960 pixels"),
        (lambda i: i.p.__setitem__(6, math.nan), "P has values that are no numbers"),
        (lambda i: setattr(i, "d", [math.nan] * 5), "D has values that are no numbers"),
        (lambda i: i.k.__setitem__(0, math.inf), "K has values"),
        (lambda i: setattr(i.roi, "width", 1281) or setattr(i.roi, "height", 5), "is not within 1280x960"),
    ],
)
def test_figures_that_no_lens_has_are_refused(spoil: Any, said: str) -> None:
    info = _info()
    spoil(info)
    with pytest.raises(FrameError, match=said):
        camera_from_info(info, width=640, height=480)


def test_a_frame_keeps_going_without_a_camera_and_says_why() -> None:
    frame = Frame(np.zeros((480, 640, 3), np.uint8))
    info = _info(d=[math.nan] * 5)
    posed = with_given_camera(frame, info, topic="/image")
    assert posed.frame.camera is None
    assert posed.problem == "camera_info is no calibration: D has values that are no numbers: not used"


@pytest.mark.parametrize(
    ("model", "topic", "said"),
    [
        ("equidistant", "/image_raw", "fisheye"),
        ("plumb_bob", "/image_raw", "image is distorted"),
        ("equidistant", "/image_rect", ""),
    ],
)
def test_a_lens_that_bends_is_told(model: str, topic: str, said: str) -> None:
    frame = Frame(np.zeros((480, 640, 3), np.uint8))
    info: CameraInfo = _info(distortion_model=model, d=[0.1, 0.01, 0.0, 0.0])
    problem = with_given_camera(frame, info, topic=topic).problem
    assert said in problem
    assert bool(said) == bool(problem)
    assert is_fisheye(info) == (model == "equidistant")
