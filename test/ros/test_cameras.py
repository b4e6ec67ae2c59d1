"""Several cameras, one process, one model: topics and settings of each, and none of them another's matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import String

from vision_banana_ros.ros.convert import header, image_message
from vision_banana_ros.world.moving import MovingScene

pytestmark = pytest.mark.ros

FRONT_WH, REAR_WH = (640, 480), (162, 122)
FRONT_HZ, REAR_HZ = 15.0, 5.0


def _play(graph: Any, folder: Path, name: str, wh: tuple[int, int], rate_hz: float, hfov_deg: float) -> Any:
    """A camera process that plays frames which the oracle knows, in a size of its own."""
    scene, images = MovingScene(150), folder / name
    images.mkdir()
    for index in range(4):
        bgr = cv2.cvtColor(scene.frame(index).rgb, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(images / f"{index}.png"), cv2.resize(bgr, wh, interpolation=cv2.INTER_AREA))
    topics = {topic: f"{name}/{topic}" for topic in ("image", "camera_info", "image/compressed")}
    return graph.camera(
        remaps={**topics, "__node": f"{name}_camera"},
        source=str(images), rate_hz=rate_hz, hfov_deg=hfov_deg, frame_id=f"{name}_optical_frame",
    )  # fmt: skip


@pytest.fixture(scope="module")
def two(shared_processes: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("cameras")
    _play(shared_processes, folder, "front", FRONT_WH, FRONT_HZ, 70.0)
    _play(shared_processes, folder, "rear", REAR_WH, REAR_HZ, 0.0)
    shared_processes.perception(
        **{"cameras": ["front", "rear"], "max_range_m": 80.0, "rear.hfov_deg": 100, "classes": "floor, wall"}
    )
    listener = shared_processes.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    for name in ("front", "rear"):
        listener.subscribe(Image, f"{name}/depth/image")
        listener.subscribe(CameraInfo, f"{name}/depth/camera_info")
    return listener


def _status(array: DiagnosticArray, name: str) -> DiagnosticStatus:
    return next(status for status in array.status if status.name == name)


def _set(listener: Any, **values: object) -> Any:
    request = SetParameters.Request()
    request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    return listener.call(SetParameters, "/perception/set_parameters", request).results


@pytest.mark.parametrize(("name", "wh"), [("front", FRONT_WH), ("rear", REAR_WH)])
def test_each_camera_has_its_outputs_in_its_size_and_frame(two: Any, name: str, wh: tuple[int, int]) -> None:
    depth = two.messages(f"{name}/depth/image")[-1]
    assert (depth.width, depth.height) == wh
    assert depth.header.frame_id == f"{name}_optical_frame"


def test_what_is_given_for_one_camera_is_that_cameras(two: Any) -> None:
    front, rear = (two.messages(f"{name}/depth/camera_info")[-1] for name in ("front", "rear"))
    assert front.k[0] == pytest.approx(320 / 0.70021, rel=1e-3)  # its camera_info: 70 degrees
    assert rear.k[0] == pytest.approx(81 / 1.19175, rel=1e-3)  # none comes: rear.hfov_deg


def test_the_faster_camera_leaves_the_other_its_turns(two: Any) -> None:
    for name in ("front", "rear"):
        two.messages(f"{name}/depth/image", 4)  # each picture is painted once, which takes its time
    two.forget("front/depth/image")
    two.forget("rear/depth/image")
    two.messages("rear/depth/image", 10)
    assert len(two.messages("front/depth/image")) <= 10 * (FRONT_HZ / REAR_HZ) * 2


def test_diagnostics_are_of_each_camera_and_of_the_one_engine(two: Any) -> None:
    array = two.newest("/diagnostics", lambda a: all(status.level == DiagnosticStatus.OK for status in a.status))
    assert [status.name for status in array.status] == [
        "/perception/front: camera",
        "/perception/front: frames",
        "/perception/rear: camera",
        "/perception/rear: frames",
        "/perception: engine",
    ]
    values = {value.key: value.value for value in _status(array, "/perception/rear: camera").values}
    assert values["intrinsics"] == "from hfov_deg"


def test_a_prompt_is_one_cameras_and_so_is_its_answer(two: Any) -> None:
    for name in ("front", "rear"):
        two.subscribe(String, f"{name}/prompt/answer", reliable=True)
    publisher = two.node.create_publisher(String, "rear/prompt", 10)
    two.wait_for(lambda: publisher.get_subscription_count() > 0, "the node to listen to rear/prompt")
    publisher.publish(String(data="the lamp"))
    answers = [json.loads(message.data) for message in two.messages("rear/prompt/answer", 2)]
    assert answers[1]["frame_id"] == "rear_optical_frame"
    assert not two.received["front/prompt/answer"]
    two.destroy(publisher)


def test_parameters_of_one_camera_change_live_and_bad_ones_are_refused(two: Any) -> None:
    assert _set(two, **{"front.output_width": 320})[0].successful
    try:
        assert two.newest("front/depth/image", lambda m: m.width == 320).height == 240
        assert two.newest("rear/depth/image").width == REAR_WH[0]
        [refused] = _set(two, **{"front.output_width": -1})
        assert not refused.successful
        [refused] = _set(two, **{"front.classes": "floor=#010101, wall=#010101"})
        assert not refused.successful
        assert "front: classes" in refused.reason
        [refused] = _set(two, cameras=["front"])
        assert "cannot change while" in refused.reason
    finally:
        assert _set(two, **{"front.output_width": 0})[0].successful


def test_a_broken_camera_and_a_dead_one_hold_up_no_other(ros: Any, tmp_path: Path) -> None:
    front = _play(ros, tmp_path, "front", (322, 242), FRONT_HZ, 70.0)
    _play(ros, tmp_path, "rear", REAR_WH, REAR_HZ, 70.0)
    ros.perception(cameras=["front", "rear", "third"], stale_after_s=2.0, max_latency_s=30.0)
    listener = ros.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    for name in ("front", "rear", "third"):
        listener.subscribe(Image, f"{name}/depth/image")
        listener.subscribe(PointCloud2, f"{name}/points")
    listener.messages("rear/depth/image")
    listener.messages("front/depth/image")
    broken = image_message(MovingScene(150).frame(0).rgb, "rgb8", header(1, "third_optical_frame"))
    broken.step = 7
    with listener.feeding(("third/image", lambda _: broken)):
        array = listener.newest(
            "/diagnostics",
            lambda a: (
                _status(a, "/perception/third: frames").level == DiagnosticStatus.ERROR
                and _status(a, "/perception/rear: frames").level == DiagnosticStatus.OK
            ),
        )
        assert "step is 7" in _status(array, "/perception/third: frames").message
        front.signal(9)
        lost = listener.newest("/diagnostics", lambda a: "lost" in _status(a, "/perception/front: camera").message)
        assert "lost" not in _status(lost, "/perception/rear: camera").message
        listener.forget("rear/depth/image")
        listener.messages("rear/depth/image", 5)
    assert not listener.received["third/depth/image"]


def test_names_that_make_no_topic_are_refused_in_one_line(ros: Any) -> None:
    process = ros.perception(cameras=["front", "2nd"])
    assert process.wait() == 1
    assert "cameras must be different names of letters, digits and _, got str '2nd'" in process.output
