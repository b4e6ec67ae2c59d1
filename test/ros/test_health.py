"""What /diagnostics says when something is wrong that ROS itself says nothing of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vision_banana_ros.core import Camera
from vision_banana_ros.ros.convert import header, image_message, info_message
from vision_banana_ros.world.moving import MovingScene

pytestmark = pytest.mark.ros

PICTURE = MovingScene(150).frame(0).rgb
CAMERA = Camera.from_hfov(70.0, 640, 480)


@pytest.fixture(scope="module")
def node(shared_perception: Any) -> Any:
    """A listener beside a perception node whose camera the tests are."""
    listener = shared_perception.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    return listener


@contextmanager
def camera(listener: Any, *, every: int = 1, info: bool = True, period_s: float = 0.05) -> Iterator[Callable[[], None]]:
    """Sends at a steady rate; of the images only every so manyth arrives. What it gives stops it."""
    images = listener.node.create_publisher(Image, "image", 1)
    infos = listener.node.create_publisher(CameraInfo, "camera_info", 1) if info else None
    stopping = threading.Event()
    start_ns = time.time_ns()

    def send() -> None:
        count = 0
        while not stopping.wait(period_s):
            count += 1
            head = header(start_ns + count * round(period_s * 1e9), "eye")
            if infos is not None:
                infos.publish(info_message(CAMERA, head))
            # Without witnesses losses must be irregular to be seen, as they are.
            if every == 1 or count % (2 * every) in (0, 1):
                images.publish(image_message(PICTURE, "rgb8", head))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield stopping.set
    finally:
        stopping.set()
        thread.join()
        for publisher in (images, infos):
            if publisher is not None:
                listener.destroy(publisher)


def _status(array: DiagnosticArray, part: str) -> DiagnosticStatus:
    return next(status for status in array.status if status.name.endswith(f": {part}"))


def _value(array: DiagnosticArray, part: str, key: str) -> str:
    return str(next(value.value for value in _status(array, part).values if value.key == key))


def _set(listener: Any, **values: object) -> None:
    request = SetParameters.Request()
    request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    results = listener.call(SetParameters, "/perception/set_parameters", request).results
    assert all(result.successful for result in results), results


@pytest.mark.parametrize("info", [True, False])
def test_images_that_get_lost_on_their_way_are_told_with_the_remedy(node: Any, info: bool) -> None:
    node.newest("/diagnostics", lambda a: _value(a, "camera", "listening") == "False")  # and all is forgotten
    node.subscribe(Image, "depth/confidence")
    with camera(node, every=5, info=info):
        array = node.newest("/diagnostics", lambda a: "lost on their way" in _status(a, "camera").message)
    node.unsubscribe("depth/confidence")
    assert _status(array, "camera").level == DiagnosticStatus.WARN
    assert "fastdds_large_messages.xml" in _status(array, "camera").message
    assert 0.6 < float(_value(array, "camera", "lost_on_the_way")) < 0.95


def test_topics_on_which_nothing_can_be_said_are_told(node: Any) -> None:
    node.subscribe(Image, "depth/image")
    node.subscribe(Image, "referring/mask")
    node.subscribe(Image, "instances/mask")
    _set(node, tasks=["normals", "referring", "instance"])
    with camera(node):
        array = node.newest("/diagnostics", lambda a: "depth/image" in _status(a, "frames").message)
        before = int(_value(array, "frames", "published"))
        later = node.newest("/diagnostics", lambda a: int(_value(a, "frames", "dropped: nothing to tell of it")) > 5)
        told = _status(later, "frames")
        assert told.level == DiagnosticStatus.WARN
        assert "depth/image: the parameter tasks leaves out depth" in told.message
        assert "referring/mask: no prompt names a region" in told.message
        assert "instances/mask: the parameter instance_class names no class" in told.message
        assert int(_value(later, "frames", "published")) == before, "frames without a message count for nothing"
        _set(node, tasks=["depth", "normals", "rays", "semantic", "instance", "referring"])
        for topic in ("referring/mask", "instances/mask"):
            node.unsubscribe(topic)
        node.newest("depth/image")
        node.newest("/diagnostics", lambda a: _status(a, "frames").level == DiagnosticStatus.OK)
    node.unsubscribe("depth/image")


def test_images_are_left_alone_while_nobody_listens(node: Any) -> None:
    with camera(node):
        node.newest("/diagnostics", lambda a: _value(a, "camera", "listening") == "False")
        node.wait_for(lambda: node.node.count_subscribers("/image") == 0, "the images to be left alone")
        idle = node.newest("/diagnostics", lambda a: "nobody listens" in _status(a, "camera").message)
        assert {status.level for status in idle.status} == {DiagnosticStatus.OK}
        received = int(_value(idle, "camera", "received"))
        later = node.newest("/diagnostics")
        assert int(_value(later, "camera", "received")) == received
        node.subscribe(Image, "depth/image")
        node.newest("depth/image")
        assert node.node.count_subscribers("/image") == 1
    node.unsubscribe("depth/image")


def test_a_camera_that_dies_is_no_good_rate_of_frames(node: Any) -> None:
    node.subscribe(Image, "depth/confidence")
    _set(node, stale_after_s=0.6)
    with camera(node) as stop:
        node.newest("/diagnostics", lambda a: float(_value(a, "frames", "rate_hz")) > 0)
        stop()
        array = node.newest("/diagnostics", lambda a: _status(a, "frames").level == DiagnosticStatus.STALE)
    node.unsubscribe("depth/confidence")
    assert _status(array, "frames").message == "no images"
    assert "camera lost" in _status(array, "camera").message
    _set(node, stale_after_s=2.0)


def test_a_clock_that_never_comes_and_messages_too_large_are_told(ros: Any) -> None:
    """Two faults for one start: use_sim_time without /clock, and a segment that VGA does not fit into."""
    ros.start(
        "node",
        environment={"VISION_BANANA_SEGMENT_MB": "16", "FASTDDS_DEFAULT_PROFILES_FILE": None},
        model="oracle:moving@160x120",
        use_sim_time=True,
        diagnostics_period_s=0.2,
    )
    listener = ros.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    for kind, topic in ((PointCloud2, "points"), (Image, "normals/image"), (Image, "depth/image")):
        listener.subscribe(kind, topic)
    with camera(listener):
        array = listener.newest("/diagnostics", lambda a: "/clock" in _status(a, "camera").message)
        assert array.header.stamp.sec > 1_000_000_000, "a stamp, though there is no clock"
        array = listener.newest("/diagnostics", lambda a: "MB" in _status(a, "frames").message)
    assert _status(array, "frames").level == DiagnosticStatus.WARN
    assert "points 10 MB" in _status(array, "frames").message
    assert "holds 17 MB" in _status(array, "frames").message
    assert "VISION_BANANA_SEGMENT_MB" in _status(array, "frames").message
