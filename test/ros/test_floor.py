"""Heights over the floor in points/nav2, and places that transforms tell: a camera's, a laser's."""

from __future__ import annotations

import array
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import TransformStamped
from lifecycle_msgs.msg import Transition
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image, LaserScan, PointCloud2

from vision_banana_ros.core import Camera, Frame, FrameError
from vision_banana_ros.ros.convert import header, image_message, info_message
from vision_banana_ros.ros.floor import heights_kept
from vision_banana_ros.ros.measured import Measured
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.pose import Place, read_pose
from vision_banana_ros.ros.specs import ParameterError
from vision_banana_ros.ros.transforms import Transforms
from vision_banana_ros.world.moving import MovingScene

pytestmark = pytest.mark.ros

STAND_INS = Path(__file__).parent / "stand_ins"
FRAME = Frame(np.zeros((4, 6, 3), np.uint8), stamp_ns=10**9, frame_id="eye")
SCENE = MovingScene(150)
CAMERA = SCENE.frame(0).camera
BAND = {"nav2_min_height_m": 0.2, "nav2_max_height_m": 1.0}


def transform(parent: str, child: str, pose: str) -> TransformStamped:
    """Of a pose in numbers."""
    turn, shift = read_pose(pose)
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    w = math.sqrt(max(0.0, 1 + np.trace(turn))) / 2
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / (4 * w)
    rotation, translation = message.transform.rotation, message.transform.translation
    rotation.x, rotation.y, rotation.z, rotation.w = (float(v) for v in (*axis, w))
    translation.x, translation.y, translation.z = (float(v) for v in shift)
    return message


class _Node:
    """Gives the listener's callback to the test."""

    def create_subscription(self, _kind: Any, _topic: str, take: Any, _qos: Any) -> None:
        self.take = take

    def destroy_subscription(self, _subscription: Any) -> None:
        self.take = None


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> tuple[Transforms, _Node]:
    monkeypatch.syspath_prepend(str(STAND_INS))
    node = _Node()
    transforms = Transforms(node)
    transforms.listen()
    return transforms, node


def _settings(**values: object) -> Settings:
    return Settings().changed({**BAND, **values})


def test_a_level_camera_of_known_height() -> None:
    band = heights_kept(_settings(camera_height_m=0.4), FRAME, Transforms(None))
    assert band is not None
    assert (band.lowest_m, band.highest_m, band.camera_m, band.up) == (0.2, 1.0, 0.4, (0.0, -1.0, 0.0))
    assert heights_kept(Settings(camera_height_m=0.4), FRAME, Transforms(None)) is None, "no band is set"


def test_a_camera_that_looks_down_and_one_that_stands_on_its_side() -> None:
    band = heights_kept(_settings(camera_pose="0.1 0 0.5 0 0.3 0"), FRAME, Transforms(None))
    assert band is not None
    assert band.camera_m == 0.5
    np.testing.assert_allclose(band.up, [0, -math.cos(0.3), -math.sin(0.3)], atol=1e-12)  # what is ahead lies lower
    band = heights_kept(_settings(camera_pose=f"0 0 0.5 {math.pi / 2} 0 0"), FRAME, Transforms(None))
    assert band is not None
    np.testing.assert_allclose(band.up, [-1, 0, 0], atol=1e-12)  # rolled to its right: its left is up


def test_the_same_by_transforms(listening: tuple[Transforms, _Node]) -> None:
    transforms, node = listening
    settings = _settings(camera_pose="tf:base_footprint")
    with pytest.raises(FrameError, match=r"no transform from 'eye' to 'base_footprint': .*does not exist"):
        heights_kept(settings, FRAME, transforms)
    optical = f"0.1 0 0.5 {-math.pi / 2} 0 {-math.pi / 2}"  # level, in the optical frame's own axes
    node.take(transform("base_footprint", "eye", optical))
    band = heights_kept(settings, FRAME, transforms)
    assert band is not None
    assert band.camera_m == 0.5
    np.testing.assert_allclose(band.up, [0, -1, 0], atol=1e-9)


def test_a_laser_whose_place_transforms_tell(listening: tuple[Transforms, _Node]) -> None:
    transforms, node = listening
    scan = LaserScan(header=header(10**9, "laser"), angle_min=0.0, angle_increment=math.pi / 2, range_max=30.0)
    scan.ranges = array.array("f", [2.0, 3.0])
    measured = Measured(scan=scan, place=Place.of("tf"), transforms=transforms)
    with pytest.raises(FrameError, match="no transform from 'laser' to 'eye'"):
        measured.points(10**9, "eye")
    # The laser is upside down, 0.2 m below the camera and 0.1 m ahead: given in the camera's optical axes.
    message = transform("eye", "laser", "0 0.2 0.1 0 0 0")
    message.transform.rotation.x, message.transform.rotation.y = 0.5, -0.5
    message.transform.rotation.z, message.transform.rotation.w = 0.5, 0.5
    node.take(message)
    points = measured.points(10**9, "eye")
    assert points is not None
    np.testing.assert_allclose(np.linalg.norm(points - [0, 0.2, 0.1], axis=1), [2, 3], atol=1e-6)
    assert abs((points[0] - [0, 0.2, 0.1]) @ (points[1] - [0, 0.2, 0.1])) < 1e-6


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (BAND, "needs to know where the floor is"),
        (
            {"nav2_min_height_m": 2.0, "nav2_max_height_m": 1.0, "camera_height_m": 1.0},
            "must be below nav2_max_height_m",
        ),
        ({"camera_pose": "tf"}, "camera_pose: tf:FRAME"),
        ({"scan_pose": "tf:laser"}, "scan_pose: tf expected"),
        ({"camera_pose": "above"}, "camera_pose: a pose is six numbers"),
    ],
)
def test_places_and_bands_that_make_no_sense_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Settings().changed(values)


# Across processes.


def _picture(head: Any) -> Image:
    return image_message(SCENE.frame(0).rgb, "rgb8", header(head.stamp.sec * 10**9 + head.stamp.nanosec, "eye"))


def _info(head: Any) -> CameraInfo:
    assert isinstance(CAMERA, Camera)
    return info_message(CAMERA, header(head.stamp.sec * 10**9 + head.stamp.nanosec, "eye"))


def _set(listener: Any, **values: object) -> Any:
    request = SetParameters.Request()
    request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    return listener.call(SetParameters, "/perception/set_parameters", request).results[0]


def _points(message: PointCloud2) -> np.ndarray:
    return np.frombuffer(message.data, "<f4").reshape(-1, 4)[:, :3]


def _frames(array: DiagnosticArray) -> DiagnosticStatus:
    return next(status for status in array.status if status.name.endswith(": frames"))


def test_the_cloud_keeps_the_band_by_a_transform_and_is_silent_and_says_so_without(ros: Any) -> None:
    ros.perception(environment={"PYTHONPATH": f"{STAND_INS}:{Path(__file__).parents[2]}"}, camera_height_m=0.0)
    listener = ros.listener
    listener.subscribe(PointCloud2, "points/nav2")
    listener.subscribe(DiagnosticArray, "/diagnostics")
    with listener.feeding(("image", _picture), ("camera_info", _info)):
        everything = _points(listener.newest("points/nav2"))
        assert _set(listener, camera_pose="tf:base_footprint").successful
        for name, value in (("nav2_max_height_m", 1.0), ("nav2_min_height_m", 0.2)):
            assert _set(listener, **{name: value}).successful
        told = listener.newest("/diagnostics", lambda a: "no transform" in _frames(a).message)
        assert _frames(told).level == DiagnosticStatus.WARN
        assert "points/nav2: no transform from 'eye' to 'base_footprint'" in _frames(told).message
        listener.forget("points/nav2")
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        publisher = listener.node.create_publisher(TransformStamped, "/tf_static", latched)
        publisher.publish(transform("base_footprint", "eye", f"0 0 0.9 {-math.pi / 2} 0 {-math.pi / 2}"))
        banded = _points(listener.newest("points/nav2"))
    heights = 0.9 - everything[:, 1]
    assert heights.min() < 0.19, "there is something below the band"
    assert ((0.9 - banded[:, 1] > 0.19) & (0.9 - banded[:, 1] < 1.01)).all()
    assert 0 < len(banded) < len(everything)
    listener.destroy(publisher)


def test_without_tf2_ros_a_place_to_look_up_is_refused_in_one_line(ros: Any) -> None:
    process = ros.perception(camera_height_m=0.3, autostart=False)
    listener = ros.listener
    assert _set(listener, camera_pose="tf:base_footprint").successful, "nothing is looked up yet"
    assert not listener.change_state(Transition.TRANSITION_CONFIGURE)
    assert _set(listener, camera_pose="").successful
    assert listener.change_state(Transition.TRANSITION_CONFIGURE)
    result = _set(listener, camera_pose="tf:base_footprint")
    assert not result.successful
    assert "tf2_ros is not installed" in result.reason
    assert "cannot configure: tf2_ros is not installed" in process.output
