"""Messages to arrays and back, without any process."""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vision_banana_ros.core import Camera, FrameError
from vision_banana_ros.data.camera_info import camera_from_info
from vision_banana_ros.data.pixels import PIXEL_FORMATS
from vision_banana_ros.geometry.cloud import CLOUD_DTYPE, POINT_STEP, pack_cloud
from vision_banana_ros.ros import convert

HEAD = convert.header(1_234_567_890_123, "eye")
CAMERA = Camera(300.0, 310.0, 31.0, 25.5, 64, 48)


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_stamps_survive_both_ways(stamp: int) -> None:
    assert convert.stamp_ns(convert.header(stamp, "")) == stamp


@pytest.mark.parametrize(
    ("encoding", "values"),
    [
        ("rgb8", np.arange(60, dtype=np.uint8).reshape(4, 5, 3)),
        ("mono8", np.arange(20, dtype=np.uint8).reshape(4, 5)),
        ("mono16", np.arange(20, dtype=np.uint16).reshape(4, 5) * 999),
        ("16UC1", np.arange(20, dtype=np.uint16).reshape(4, 5)),
        ("32FC1", np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)),
        ("32FC3", np.linspace(0, 1, 60, dtype=np.float32).reshape(4, 5, 3)),
    ],
)
@pytest.mark.parametrize("contiguous", [True, False])
def test_images_are_filled_with_what_the_array_holds(encoding: str, values: np.ndarray, contiguous: bool) -> None:
    if not contiguous:
        values = np.repeat(values, 2, axis=1)[:, ::2]
    message = convert.image_message(values, encoding, HEAD)
    assert (message.height, message.width, message.encoding) == (4, 5, encoding)
    assert message.step == len(message.data) // 4
    assert np.array_equal(np.frombuffer(message.data, values.dtype).reshape(values.shape), values)


@pytest.mark.parametrize(
    ("values", "encoding"),
    [
        (np.zeros((4, 5), np.float64), "32FC1"),
        (np.zeros((4, 5, 3), np.uint8), "mono8"),
        (np.zeros((0, 5), np.uint8), "mono8"),
    ],
)
def test_an_array_of_another_kind_is_refused(values: np.ndarray, encoding: str) -> None:
    with pytest.raises(FrameError, match=encoding):
        convert.image_message(values, encoding, HEAD)


def test_millimetres_say_invalid_and_beyond_range_with_zero() -> None:
    depth = np.array([[0.0, 1.2344, np.nan, np.inf, 65.535, 65.6, 1000.0]], np.float32)
    assert convert.depth_as_millimetres(depth).tolist() == [[0, 1234, 0, 0, 65535, 0, 0]]


def test_an_image_of_its_own_memory_order_is_read_without_a_copy() -> None:
    message = convert.image_message(np.zeros((4, 5, 3), np.uint8), "rgb8", HEAD)
    frame = convert.frame_from_image(message)
    assert np.shares_memory(frame.rgb, np.frombuffer(message.data, np.uint8))
    assert (frame.stamp_ns, frame.frame_id, frame.camera) == (1_234_567_890_123, "eye", None)


def test_broken_jpegs_are_refused() -> None:
    for data in (b"", b"\xff\xd8\xff\xe0 no jpeg"):
        with pytest.raises(FrameError, match=f"{len(data)} bytes"):
            convert.frame_from_compressed(CompressedImage(header=HEAD, format="jpeg", data=data))


def test_a_cloud_is_written_in_place() -> None:
    message = convert.empty_cloud((48, 64))
    depth = np.full((48, 64), 2.0, np.float32)
    pack_cloud(depth, CAMERA, out=np.frombuffer(message.data, np.uint8))
    points = np.frombuffer(message.data, CLOUD_DTYPE)
    assert (points["z"] == 2.0).all()
    assert (message.point_step, message.row_step, message.is_dense) == (POINT_STEP, POINT_STEP * 64, False)
    by_name = {field.name: field for field in message.fields}
    for name in CLOUD_DTYPE.names:
        assert by_name[name].offset == CLOUD_DTYPE.fields[name][1]
        assert by_name[name].count == 1
    assert (by_name["x"].datatype, by_name["label"].datatype) == (7, 2)  # FLOAT32, UINT8


def test_a_camera_survives_both_ways() -> None:
    info = convert.info_message(CAMERA, HEAD)
    assert camera_from_info(info, width=64, height=48) == CAMERA
    assert info.p[0] == info.k[0] == 300.0
    assert (info.p[5], info.p[6], info.p[10]) == (310.0, 25.5, 1.0)
    assert list(info.r) == [1, 0, 0, 0, 1, 0, 0, 0, 1]


def test_p_is_taken_where_it_is_set_else_k() -> None:
    info = convert.info_message(CAMERA, HEAD)
    info.k = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]
    assert camera_from_info(info, width=64, height=48) == CAMERA
    info.k, info.p = convert.info_message(CAMERA, HEAD).k, [0.0] * 12
    assert camera_from_info(info, width=64, height=48) == CAMERA


def test_a_region_of_interest_moves_the_principal_point() -> None:
    info = convert.info_message(Camera(300.0, 310.0, 131.0, 75.5, 640, 480), HEAD)
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 100, 50, 64, 48
    assert camera_from_info(info, width=64, height=48) == CAMERA


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda info: setattr(info, "width", 0), "no image size"),
        (lambda info: (setattr(info, "k", [0.0] * 9), setattr(info, "p", [0.0] * 12)), "not calibrated"),
        (lambda info: setattr(info, "p", [-5.0, *list(info.p)[1:]]), "not calibrated"),
        (lambda info: setattr(info, "height", 64), "is for 64x64 but the image is 64x48"),
    ],
)
def test_info_that_cannot_be_meant_is_refused(spoil: Any, said: str) -> None:
    info = convert.info_message(CAMERA, HEAD)
    spoil(info)
    with pytest.raises(FrameError, match=said):
        camera_from_info(info, width=64, height=48)


def test_k_of_a_distorted_image_is_scaled_with_it() -> None:
    given_ = CameraInfo(width=128, height=96, distortion_model="plumb_bob", d=[0.1, 0.0, 0.0, 0.0, 0.0])
    given_.k = [620.0, 0.0, 60.0, 0.0, 640.0, 50.0, 0.0, 0.0, 1.0]
    info = convert.info_message(CAMERA, HEAD, like=given_)
    assert (info.k[0], info.k[4], info.k[2]) == (310.0, 320.0, 29.75)
    assert (info.p[0], list(info.d)) == (300.0, [0.1, 0.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("encoding", sorted(PIXEL_FORMATS))
def test_cv_bridge_reads_the_same_where_it_is_installed(encoding: str) -> None:
    """No wheel carries cv_bridge: without a ROS distribution there is nothing to compare with."""
    if importlib.util.find_spec("cv_bridge") is None:
        return
    from cv_bridge import CvBridge, CvBridgeError

    pixel_format = PIXEL_FORMATS[encoding]
    shape = (6, 10) if pixel_format.channels == 1 else (6, 10, pixel_format.channels)
    values = np.random.default_rng(5).integers(0, 256, shape).astype(pixel_format.dtype)
    values = values * 257 if values.dtype == np.uint16 else values
    message = convert.image_message(values, encoding, HEAD)
    try:
        theirs = CvBridge().imgmsg_to_cv2(message, desired_encoding="rgb8")
    except CvBridgeError:
        return  # one that it does not know
    assert np.abs(convert.frame_from_image(message).rgb.astype(int) - theirs).max() <= 1


def test_sensor_msgs_py_reads_our_cloud_where_it_is_installed() -> None:
    """No wheel carries sensor_msgs_py: without a ROS distribution the layout is compared with CLOUD_DTYPE above."""
    if importlib.util.find_spec("sensor_msgs_py") is None:
        return
    from sensor_msgs_py.point_cloud2 import read_points

    message = convert.empty_cloud((48, 64))
    depth = np.random.default_rng(1).uniform(1, 5, (48, 64)).astype(np.float32)
    pack_cloud(depth, CAMERA, out=np.frombuffer(message.data, np.uint8))
    points = read_points(message, field_names=["x", "y", "z", "label"])
    assert np.array_equal(points["z"].reshape(-1), depth.reshape(-1))


def test_an_unknown_encoding_says_what_is_known() -> None:
    message = Image(header=HEAD, encoding="nv21", height=2, width=2, step=2)
    with pytest.raises(FrameError, match=r"'nv21' is not known here and cv_bridge is not installed.*rgb8"):
        convert.frame_from_image(message)


def test_an_unknown_encoding_goes_to_cv_bridge_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for cv_bridge, which no wheel carries: only that it is asked, and how, is tested here."""
    asked: list[str] = []

    class CvBridge:
        def imgmsg_to_cv2(self, message: Image, desired_encoding: str) -> np.ndarray:
            asked.append(f"{message.encoding} as {desired_encoding}")
            return np.zeros((2, 2, 3), np.uint8)

    module = types.ModuleType("cv_bridge")
    module.CvBridge, module.CvBridgeError = CvBridge, ValueError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cv_bridge", module)
    frame = convert.frame_from_image(Image(header=HEAD, encoding="nv21", height=2, width=2, step=2))
    assert frame.hw == (2, 2)
    convert.frame_from_image(convert.image_message(np.zeros((4, 5), np.uint8), "mono8", HEAD))
    assert asked == ["nv21 as rgb8"], "what we know ourselves is not asked for"
