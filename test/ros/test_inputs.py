"""What may come in: encodings and padding, cameras of all kinds, sizes that change, images that are none."""

from __future__ import annotations

import array
from typing import Any

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from vision_banana_ros.core import Camera
from vision_banana_ros.ros.convert import image_message, info_message
from vision_banana_ros.ros.mosaic import FROM_RGB
from vision_banana_ros.world.moving import MovingScene

pytestmark = pytest.mark.ros

SCENE = MovingScene(150)
WIDTH, HEIGHT = 162, 122
CAMERA = Camera.from_hfov(70.0, WIDTH, HEIGHT)


def picture(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A frame that the oracle knows, at another size."""
    return cv2.resize(SCENE.frame(0).rgb, (width, height), interpolation=cv2.INTER_AREA)


def image(
    encoding: str = "rgb8", *, width: int = WIDTH, height: int = HEIGHT, padding: int = 0, big: bool = False
) -> Any:
    """A maker of image messages, with rows of their own length and byte order."""
    values = FROM_RGB[encoding](picture(width, height))

    def make(head: Any) -> Image:
        message = image_message(values, encoding, head)
        stored = values.astype(values.dtype.newbyteorder(">")) if big else values
        rows = np.ascontiguousarray(stored).reshape(height, -1).view(np.uint8)
        padded = np.concatenate([rows, np.full((height, padding), 0xAB, np.uint8)], axis=1)
        message.step, message.is_bigendian = int(padded.shape[1]), int(big)
        message.data = array.array("B", padded.tobytes())
        return message

    return make


def info(camera: Camera = CAMERA) -> Any:
    return lambda head: info_message(camera, head)


@pytest.fixture(scope="module")
def node(shared_perception: Any) -> Any:
    """A listener beside a perception node that has no camera of its own; the tests are the camera."""
    listener = shared_perception.listener
    listener.subscribe(Image, "depth/image")
    listener.subscribe(CameraInfo, "depth/camera_info")
    listener.subscribe(PointCloud2, "points")
    listener.subscribe(DiagnosticArray, "/diagnostics")
    return listener


def depth_values(message: Image) -> np.ndarray:
    return np.frombuffer(message.data, np.float32).reshape(message.height, message.width)


@pytest.mark.parametrize("encoding", sorted(FROM_RGB))
def test_every_encoding_is_seen(node: Any, encoding: str) -> None:
    size = (
        2 * WIDTH,
        2 * HEIGHT,
    )  # so large that the oracle knows a mosaic at once, else it looks through all its frames
    made = image(encoding, padding=6, width=size[0], height=size[1])
    with node.feeding(("image", made), ("camera_info", info())):
        message = node.newest("depth/image", lambda m: (m.width, m.height) == size)
    truth = cv2.resize(SCENE.truth(0).depth_m, size, interpolation=cv2.INTER_NEAREST)
    depth = depth_values(message)
    both = np.isfinite(depth) & np.isfinite(truth)
    assert np.median(np.abs(depth[both] - truth[both]) / truth[both]) < 0.03


def test_big_endian_16_bits(node: Any) -> None:
    with node.feeding(("image", image("mono16", width=240, height=176, big=True, padding=2)), ("camera_info", info())):
        node.newest("depth/image", lambda m: (m.width, m.height) == (240, 176))


def test_size_and_encoding_may_change_from_one_image_to_the_next(node: Any) -> None:
    with node.feeding(("image", image("rgb8", width=200, height=150))):
        node.newest("points", lambda m: (m.width, m.height) == (200, 150))
    with node.feeding(("image", image("mono8", width=192, height=256))):
        cloud = node.newest("points", lambda m: (m.width, m.height) == (192, 256))
    assert len(cloud.data) == cloud.row_step * 256


def test_without_camera_info_the_camera_is_recovered(node: Any) -> None:
    with node.feeding(("image", image(width=320, height=240))):
        message = node.newest("depth/camera_info", lambda m: m.width == 320)
        cloud = node.newest("points", lambda m: m.width == 320)
    wanted = Camera.from_hfov(70.0, 320, 240)
    assert message.k[0] == pytest.approx(wanted.fx, rel=0.02)
    assert message.k[2] == pytest.approx(wanted.cx, abs=4)
    assert message.p[0] == message.k[0]
    assert list(message.d) == [0.0] * 5
    assert cloud.header.frame_id == "camera_optical_frame"


def test_camera_info_that_comes_late_or_changes_takes_over(node: Any) -> None:
    wide, narrow = Camera.from_hfov(100.0, WIDTH, HEIGHT), Camera(200.0, 210.0, 80.0, 70.0, WIDTH, HEIGHT)
    with node.feeding(("image", image())):
        node.newest("depth/camera_info", lambda m: m.width == WIDTH)
    for camera in (wide, narrow):
        with node.feeding(("camera_info", info(camera)), ("image", image())):
            message = node.newest("depth/camera_info", lambda m, c=camera: m.k[0] == c.fx)
        assert (message.k[4], message.k[2], message.k[5]) == (camera.fy, camera.cx, camera.cy)


def test_the_info_of_a_larger_image_is_scaled(node: Any) -> None:
    full = Camera(600.0, 610.0, 330.0, 230.0, WIDTH * 4, HEIGHT * 4)
    with node.feeding(("camera_info", info(full)), ("image", image())):
        message = node.newest("depth/camera_info", lambda m: m.k[0] == 150.0)
    assert (message.width, message.height) == (WIDTH, HEIGHT)
    assert message.p[5] == pytest.approx(610.0 / 4)
    assert message.p[2] == pytest.approx((330.5) / 4 - 0.5)


@pytest.mark.parametrize("broken", ["zero", "other shape", "tiny fx", "cx far away", "D is NaN"])
def test_info_that_cannot_be_meant_is_told_and_not_used(node: Any, broken: str) -> None:
    def make(head: Any) -> CameraInfo:
        if broken == "zero":
            return CameraInfo(header=head, width=WIDTH, height=HEIGHT)
        if broken == "other shape":
            return info_message(Camera.from_hfov(70.0, 400, 100), head)
        message = info_message(CAMERA, head)
        if broken == "tiny fx":
            message.k[0] = message.p[0] = 0.001
        elif broken == "cx far away":
            message.k[2] = message.p[2] = 1e9
        else:
            message.d = [float("nan")] * 5
        return message

    with node.feeding(("camera_info", make), ("image", image())):
        node.newest("/diagnostics", lambda a: "not used" in a.status[0].message)
        message = node.newest("depth/camera_info", lambda m: m.width == WIDTH)
    assert message.k[0] == pytest.approx(CAMERA.fx, rel=0.05), "recovered instead"


def test_a_binned_region_of_a_distorted_camera_keeps_its_focal_length(node: Any) -> None:
    """A region of the sensor, each pixel of it 2x2 of the sensor's: K was scaled as if the region were all."""
    sensor = Camera(600.0, 610.0, 500.0, 400.0, 1000, 800)

    def make(head: Any) -> CameraInfo:
        message = info_message(sensor, head)
        message.d = [-0.2, 0.05, 0.0, 0.0, 0.0]
        message.roi.x_offset, message.roi.y_offset = 300, 200
        message.roi.width, message.roi.height = 2 * WIDTH, 2 * HEIGHT
        message.binning_x = message.binning_y = 2
        message.p[3] = -60.0  # the second camera of a stereo pair
        return message

    with node.feeding(("camera_info", make), ("image", image())):
        message = node.newest("depth/camera_info", lambda m: m.k[0] == 300.0)
    assert (message.k[4], message.k[2], message.k[5]) == (305.0, (200.5) / 2 - 0.5, (200.5) / 2 - 0.5)
    assert list(message.p[0:4]) == [300.0, 0.0, message.k[2], -30.0]


def test_distortion_is_passed_on_and_warned_about(node: Any) -> None:
    def make(head: Any) -> CameraInfo:
        message = info_message(CAMERA, head)
        message.d = [-0.2, 0.05, 0.0, 0.0, 0.0]
        message.k = [v * 1.1 if v > 1 else v for v in message.k]  # K of the distorted image differs from P
        return message

    with node.feeding(("camera_info", make), ("image", image())):
        node.newest("/diagnostics", lambda a: "distorted" in a.status[0].message)
        # not what is still under way of the camera before
        message = node.newest("depth/camera_info", lambda m: m.k[0] == pytest.approx(CAMERA.fx * 1.1))
    assert list(message.d) == [-0.2, 0.05, 0.0, 0.0, 0.0]
    assert message.p[0] == pytest.approx(CAMERA.fx)


def _spoilt(**changes: object) -> Any:
    def make(head: Any) -> Image:
        message = image()(head)
        for name, value in changes.items():
            setattr(message, name, value)
        return message

    return make


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_spoilt(height=0, width=0, data=array.array("B")), "0x0"),
        (_spoilt(data=array.array("B", b"\0" * 1000)), "got 1000"),
        (_spoilt(step=7), "step is 7"),
        (_spoilt(encoding="thermal"), "'thermal' is not known"),
    ],
)
def test_an_image_that_is_none_is_counted_and_the_next_one_seen(node: Any, make: Any, said: str) -> None:
    with node.feeding(("image", make)):
        node.newest("/diagnostics", lambda array_: said in _value(array_, "frames", "last_error"))
    with node.feeding(("image", image())):
        node.newest("depth/image")


def _value(message: DiagnosticArray, part: str, key: str) -> str:
    status = next(status for status in message.status if status.name.endswith(f": {part}"))
    return str(next(value.value for value in status.values if value.key == key))


def test_compressed_images(ros: Any) -> None:
    ros.perception(transport="compressed")
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    data = cv2.imencode(".jpg", cv2.cvtColor(picture(2 * WIDTH, 2 * HEIGHT), cv2.COLOR_RGB2BGR))[1].tobytes()

    def good(head: Any) -> CompressedImage:
        return CompressedImage(header=head, format="jpeg", data=array.array("B", data))

    def bad(head: Any) -> CompressedImage:
        return CompressedImage(header=head, format="jpeg", data=array.array("B", data[:40]))

    with listener.feeding(("image/compressed", bad), ("image/compressed", good)):
        message = listener.newest("depth/image")
    assert (message.width, message.height) == (2 * WIDTH, 2 * HEIGHT)
