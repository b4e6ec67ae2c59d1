"""How far the camera went, by the robot's odometry: between stamps, by a topic or by transforms."""

from __future__ import annotations

import itertools
import math
import sys
from importlib import import_module, util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from vision_banana_ros.core import FrameError
from vision_banana_ros.ros.convert import header, image_message, info_message, stamp_ns
from vision_banana_ros.ros.odometry import Odometry
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.pose import OdometrySource
from vision_banana_ros.ros.specs import ParameterError
from vision_banana_ros.ros.transforms import Transforms
from vision_banana_ros.world.moving import MovingScene, pose_at

pytestmark = pytest.mark.ros

STAND_INS = Path(__file__).parent / "stand_ins"
MESSAGES = Path(__file__).parent / "stand_ins_messages"
START = 1_700_000_000 * 10**9
MS = 10**6


def told(at_ns: int, x: float, y: float = 0.0, yaw: float = 0.0) -> Any:
    """As nav_msgs/Odometry."""
    position = SimpleNamespace(x=x, y=y, z=0.0)
    turn = SimpleNamespace(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))
    pose = SimpleNamespace(position=position, orientation=turn)
    return SimpleNamespace(header=header(at_ns, "odom"), pose=SimpleNamespace(pose=pose))


def test_the_way_between_two_stamps_that_no_message_has() -> None:
    odometry = Odometry(OdometrySource.of("/odom"))
    assert odometry.moved_m("eye", START, START + 100 * MS) is None, "nothing is known yet"
    for k in range(11):  # 1 m/s, 50 Hz; 3-4-5
        odometry.take(told(START + 20 * k * MS, 0.6 * 0.02 * k, 0.8 * 0.02 * k))
    assert odometry.moved_m("eye", START + 33 * MS, START + 147 * MS) == pytest.approx(0.114)
    assert odometry.moved_m("eye", START + 100 * MS, START + 250 * MS) == pytest.approx(0.15), "a moment ahead"
    assert odometry.moved_m("eye", START + 100 * MS, START + 400 * MS) is None, "too far ahead"
    assert odometry.moved_m("eye", START - 50 * MS, START + 100 * MS) is None
    odometry.take(told(START + 220 * MS, math.nan))
    assert odometry.moved_m("eye", START + 100 * MS, START + 250 * MS) == pytest.approx(0.15)
    odometry.take(told(START - 10**9, 5.0))  # a recording begins anew
    assert odometry.moved_m("eye", START + 33 * MS, START + 147 * MS) is None


def test_a_step_that_turns_says_nothing_of_the_camera() -> None:
    odometry = Odometry(OdometrySource.of("odom"))
    for k in range(5):
        odometry.take(told(START + 100 * k * MS, 0.05 * k, yaw=0.001 * k if k < 3 else 0.3 * k))
    assert odometry.moved_m("eye", START, START + 200 * MS) == pytest.approx(0.1)
    assert odometry.moved_m("eye", START + 200 * MS, START + 400 * MS) is None


def test_transforms_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STAND_INS))
    heard: dict[str, Any] = {}
    node = SimpleNamespace(create_subscription=lambda _kind, _topic, take, _qos: heard.update(take=take))
    transforms = Transforms(node)
    transforms.listen()
    odometry = Odometry(OdometrySource.of("tf:odom"), transforms)
    with pytest.raises(FrameError, match="no transform from 'eye' to 'odom'"):
        odometry.moved_m("eye", START, START)
    ways = []
    for k in range(4):  # each transform is 30 ms older than its image
        message = TransformStamped(header=header(START + (100 * k - 30) * MS, "odom"), child_frame_id="eye")
        message.transform.translation.z = 0.07 * k
        heard["take"](message)
        ways.append(odometry.moved_m("eye", START + 100 * (k - 1) * MS, START + 100 * k * MS))
    assert ways[0] is None
    np.testing.assert_allclose(ways[1:], 0.07, atol=1e-9)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"odometry": "/odom"}, "odometry needs steady: true"),
        ({"odometry": "tf", "steady": True}, "odometry: tf:FRAME"),
        ({"odometry": "two words", "steady": True}, "a topic such as /odom or tf:FRAME"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Settings().changed(values)
    assert Settings().changed({"odometry": "tf:odom", "steady": True}).looks_up
    assert not Settings().changed({"odometry": "/odom", "steady": True}).looks_up


def test_without_the_message_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nav_msgs", None)
    monkeypatch.setattr("vision_banana_ros.ros.odometry.util.find_spec", lambda _name: None)
    with pytest.raises(FrameError, match=r"nav_msgs is not installed.*odometry: tf:odom"):
        Odometry(OdometrySource.of("/odom")).message()
    kind = type("Odometry", (), {})
    package = ModuleType("nav_msgs.msg")
    package.Odometry = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nav_msgs", ModuleType("nav_msgs"))
    monkeypatch.setitem(sys.modules, "nav_msgs.msg", package)
    monkeypatch.setattr("vision_banana_ros.ros.odometry.util.find_spec", lambda name: name)
    assert Odometry(OdometrySource.of("/odom")).message() is kind


# Across processes.


SCENE = MovingScene(150, 320, 240)
PLACES = [np.asarray(pose_at(2 * np.pi * index / 150).position) for index in range(0, 150, 5)]


class Footage:
    """A picture that comes nearer, again and again; `place` is where the newest was taken."""

    def __init__(self) -> None:
        self._pictures = [SCENE.frame(index).rgb for index in range(0, 150, 5)]
        self._at = itertools.cycle(range(len(PLACES)))
        self.place = PLACES[0]
        self._shown = 0

    def info(self, head: Any) -> CameraInfo:
        """The first message of a moment: the camera goes on."""
        self._shown = next(self._at)
        self.place = PLACES[self._shown]
        return info_message(SCENE.frame(0).camera, header(stamp_ns(head), "eye"))

    def picture(self, head: Any) -> Image:
        return image_message(self._pictures[self._shown], "rgb8", header(stamp_ns(head), "eye"))


def scale_is_by_odometry(listener: Any, *messages: tuple[str, Any]) -> None:
    with listener.feeding(*messages, period_s=0.3):
        told = listener.newest("/diagnostics", lambda array: figures(array).get("scale_source") == "odometry")
    assert float(figures(told)["scale"]) == pytest.approx(float(figures(told)["odometry_scale"]))
    assert float(figures(told)["odometry_spread"]) < 0.5


def test_the_node_finds_the_scale_of_its_depth_by_the_robots_way(ros: Any) -> None:
    """A picture that comes nearer; the robot says by how much, and the student's metres are set by that."""
    footage = Footage()
    ros.perception(
        model="student@128x96",
        environment={"PYTHONPATH": f"{STAND_INS}:{Path(__file__).parents[2]}"},
        steady=True,
        odometry="tf:odom",
    )
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    listener.subscribe(DiagnosticArray, "/diagnostics")
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = listener.node.create_publisher(TransformStamped, "/tf_static", latched)

    def picture(head: Any) -> Image:
        image = footage.picture(head)
        message = TransformStamped(header=header(stamp_ns(head), "odom"), child_frame_id="eye")
        translation = message.transform.translation
        translation.x, translation.y, translation.z = map(float, footage.place)
        publisher.publish(message)
        return image

    scale_is_by_odometry(listener, ("camera_info", footage.info), ("image", picture))
    listener.destroy(publisher)


def test_the_node_finds_the_scale_of_its_depth_by_an_odometry_topic(ros: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of /odom in another process; where nav_msgs is not installed, of a type with the same fields."""
    root = str(Path(__file__).parents[2])
    if util.find_spec("nav_msgs") is None:
        monkeypatch.syspath_prepend(str(MESSAGES))
        root = f"{MESSAGES}:{root}"
    kind = import_module("nav_msgs.msg").Odometry
    footage = Footage()
    ros.perception(model="student@128x96", environment={"PYTHONPATH": root}, steady=True, odometry="/odom")
    listener = ros.listener
    listener.subscribe(Image, "depth/image")
    listener.subscribe(DiagnosticArray, "/diagnostics")

    def odometry(head: Any) -> Any:
        message = kind(header=header(stamp_ns(head), "odom"))
        place = message.pose.pose.position
        place.x, place.y, place.z = map(float, footage.place)
        message.pose.pose.orientation.w = 1.0
        return message

    scale_is_by_odometry(listener, ("camera_info", footage.info), ("/odom", odometry), ("image", footage.picture))


def figures(array: DiagnosticArray) -> dict[str, str]:
    frames = next(status for status in array.status if status.name.endswith(": frames"))
    return {value.key: value.value for value in frames.values}
