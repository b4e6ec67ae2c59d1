"""How far the camera went, by the robot's odometry: between stamps, by a topic or by transforms."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import TransformStamped

from vision_banana_ros.core import FrameError
from vision_banana_ros.ros.convert import header
from vision_banana_ros.ros.odometry import Odometry
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.pose import OdometrySource
from vision_banana_ros.ros.specs import ParameterError
from vision_banana_ros.ros.transforms import Transforms

pytestmark = pytest.mark.ros

STAND_INS = Path(__file__).parent / "stand_ins"
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
