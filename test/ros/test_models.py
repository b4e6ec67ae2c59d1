"""The node with models of other families, in real processes: an ONNX card, an HTTP server of this machine, and models
that are refused.
"""

from __future__ import annotations

import array
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from load_file import load_file
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, LaserScan
from std_msgs.msg import String
from std_srvs.srv import Trigger

from vision_banana_ros.core import Camera
from vision_banana_ros.ros.convert import image_message, info_message

pytestmark = pytest.mark.ros

#: Helpers of the generators' tests.
GENERATORS = Path(__file__).parents[1] / "generators"
HW = (96, 128)
CAMERA = Camera.from_hfov(70.0, HW[1], HW[0])
RED = np.linspace(20, 235, HW[1])[None].repeat(HW[0], 0).astype(np.uint8)


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cards")
    load_file(GENERATORS / "tiny_graphs.py").write_all(root)
    return root


@pytest.fixture(scope="module")
def graph(shared_processes: Any) -> Any:
    """One node for all models here, told another by its parameters."""
    found = shared_processes
    found.perception(autostart=False, backend="onnxruntime", filter_flying_pixels=False)
    found.listener.subscribe(DiagnosticArray, "/diagnostics")
    found.listener.subscribe(Image, "depth/image")
    return found


def _set(listener: Any, **values: object) -> list[Any]:
    request = SetParameters.Request()
    request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    return list(listener.call(SetParameters, "/perception/set_parameters", request).results)


def _engine(array_: DiagnosticArray) -> dict[str, str]:
    status = next(status for status in array_.status if status.name.endswith(": engine"))
    return {"message": status.message, **{v.key: v.value for v in status.values}}


DEFAULTS = {"anchor": "", "allow_remote": False, "scan_pose": "", "max_rate_hz": 0.0}


@pytest.fixture
def load(graph: Any) -> Iterator[Any]:
    """load(model=...) -> a listener beside the node that runs it."""

    def start(**values: object) -> Any:
        results = _set(graph.listener, **{**DEFAULTS, **values})
        assert all(result.successful for result in results), results
        assert graph.listener.change_state(Transition.TRANSITION_CONFIGURE)
        assert graph.listener.change_state(Transition.TRANSITION_ACTIVATE)
        return graph.listener

    yield start
    if graph.listener.state() == State.PRIMARY_STATE_ACTIVE:
        assert graph.listener.change_state(Transition.TRANSITION_DEACTIVATE)
        assert graph.listener.change_state(Transition.TRANSITION_CLEANUP)


def _picture(head: Any) -> Image:
    rgb = np.zeros((*HW, 3), np.uint8)
    rgb[..., 0] = RED
    return image_message(rgb, "rgb8", head)


def _info(head: Any) -> CameraInfo:
    return info_message(CAMERA, head)


def stamp(message: Any) -> tuple[int, int]:
    return message.header.stamp.sec, message.header.stamp.nanosec


def _depth(message: Image) -> np.ndarray:
    return np.frombuffer(message.data, np.float32).reshape(message.height, message.width)


def test_models_that_cannot_be_had_leave_the_node_alive_with_one_line(graph: Any, cards: Path) -> None:
    listener = graph.listener
    for model, said in (
        (f"onnx:{cards / 'inverse.yaml'}", "no metres of its own: give an anchor"),
        ("http://127.0.0.1:9", "which is off"),
        ("oracle:nothing", "no footage 'nothing'"),
        ("hf:/no/such/folder", "/no/such/folder"),
        ("mix:/no/such.yaml", "no mix '/no/such.yaml'"),
        (f"onnx:{cards / 'constant.yaml'}", "constant"),
    ):
        assert all(result.successful for result in _set(listener, **{**DEFAULTS, "model": model}))
        assert not listener.change_state(Transition.TRANSITION_CONFIGURE), model
        assert listener.state() == State.PRIMARY_STATE_UNCONFIGURED
        told = _engine(listener.newest("/diagnostics", lambda a, model=model: _engine(a)["model"] == model))
        assert said in told["message"], told["message"]
        assert "\n" not in told["message"]
    result = _set(listener, device="abacus")[0]
    assert not result.successful
    assert "device must be of auto, cpu, cuda, mps" in result.reason


def test_a_crop_and_a_laser_that_sets_the_scale(load: Any, cards: Path) -> None:
    node = load(model=f"onnx:{cards / 'plane.yaml'}", scan_pose="0 0 0 0 0 0")
    plane = 4 + 4 * RED.astype(np.float32) / 255

    with node.feeding(("image", _picture), ("camera_info", _info)):
        whole = _depth(node.newest("depth/image", lambda m: m.width == HW[1]))
        np.testing.assert_allclose(whole, plane, rtol=0.03)
        told = _engine(node.newest("/diagnostics", lambda a: _engine(a)["message"] == "loaded"))
        assert (told["name"], told["metres"], told["cost"]) == ("onnx:plane", "yes", "light")
        assert "MIT" in told["licence"]
        assert "loaded in" in told["ready"]
        assert "MiB" in told["ready"]
        node.subscribe(CameraInfo, "depth/camera_info")
        node.subscribe(Image, "segmentation/mask")  # which a depth model does not paint
        for name, value in {"crop_x": 32, "crop_y": 16, "crop_width": 64, "crop_height": 40}.items():
            assert _set(node, **{name: value})[0].successful
        cut = node.newest("depth/image", lambda m: (m.width, m.height) == (64, 40))
        np.testing.assert_allclose(_depth(cut), plane[16:56, 32:96], rtol=0.03)
        info = node.newest("depth/camera_info", lambda m: (m.width, m.height) == (64, 40))
        assert (info.k[0], info.k[2], info.k[5]) == (CAMERA.fx, CAMERA.cx - 32, CAMERA.cy - 16)
        assert (info.p[0], info.p[2], info.p[6]) == (CAMERA.fx, CAMERA.cx - 32, CAMERA.cy - 16)
        array_ = node.newest("/diagnostics", lambda a: "semantic" in _engine(a)["unanswered"])
        assert "does not paint semantic" in _engine(array_)["unanswered"]
        assert _set(node, crop_x=100)[0].successful  # 100 + 64 > 128
        node.newest("/diagnostics", lambda a: "crop 64x40 at 100, 16" in str(a.status))
        for name in ("crop_x", "crop_y", "crop_width", "crop_height"):
            assert _set(node, **{name: 0})[0].successful
        node.unsubscribe("depth/camera_info")
        node.unsubscribe("segmentation/mask")

    def scan(head: Any) -> LaserScan:
        """The world is twice as large as the model says, but for a few strays."""
        count, widest = 180, 0.55
        angles = np.linspace(-widest, widest, count)
        columns = np.rint(CAMERA.cx - CAMERA.fx * np.tan(angles)).astype(int)
        ranges = 2 * plane[48, columns] / np.cos(angles)
        ranges[::7] = 0.9
        message = LaserScan(header=head, angle_min=-widest, angle_increment=2 * widest / (count - 1), range_max=30.0)
        message.ranges = array.array("f", ranges.astype(np.float32).tolist())
        return message

    with node.feeding(("scan", scan), ("image", _picture), ("camera_info", _info)):
        doubled = _depth(node.newest("depth/image", lambda m: m.width == HW[1] and np.nanmedian(_depth(m)) > 9))
    np.testing.assert_allclose(doubled, 2 * plane, rtol=0.04)


def test_relative_depth_becomes_metres_by_a_measured_depth_image(load: Any, cards: Path) -> None:
    node = load(model=f"onnx:{cards / 'inverse.yaml'}", anchor="sparse")
    true_z = 1 + 9 * RED.astype(np.float32) / 255

    def measured(head: Any) -> Image:
        """Every ninth pixel, in millimetres."""
        values = np.zeros(HW, np.uint16)
        values[::3, ::3] = np.rint(true_z[::3, ::3] * 1000)
        message = image_message(values, "mono16", head)
        message.encoding = "16UC1"
        return message

    def no_depth(head: Any) -> Image:
        return image_message(np.zeros((*HW, 3), np.uint8), "rgb8", head)

    with node.feeding(("depth_prompt", no_depth), ("image", _picture), ("camera_info", _info)):
        node.newest("/diagnostics", lambda a: "must be 16UC1 or 32FC1, got 'rgb8': not used" in a.status[0].message)
        array_ = node.newest("/diagnostics", lambda a: "says of metres" in _engine(a))
        assert "none: sparse depth says too little" in _engine(array_)["says of metres"]
    with node.feeding(("depth_prompt", measured), ("image", _picture), ("camera_info", _info)):
        message = node.newest("depth/image", lambda m: np.isfinite(_depth(m)).mean() > 0.9)
        array_ = node.newest("/diagnostics", lambda a: "sparse depth: scale" in _engine(a)["says of metres"])
    both = np.isfinite(_depth(message))
    assert np.median(np.abs(_depth(message) - true_z)[both] / true_z[both]) < 0.02
    assert node.node.count_subscribers("/depth_prompt") == 1


def test_a_slow_part_of_a_mix_gives_masks_of_every_third_frame_under_their_own_stamp(
    load: Any, cards: Path, tmp_path: Path
) -> None:
    (tmp_path / "mix.yaml").write_text(
        f"parts: [{{model: 'onnx:{cards / 'plane.yaml'}', tasks: [depth]}}, "
        f"{{model: 'onnx:{cards / 'logits.yaml'}', tasks: [semantic], every: 3}}]"
    )
    node = load(model=f"mix:{tmp_path / 'mix.yaml'}", anchor="scale")
    node.subscribe(Image, "segmentation/mask")
    node.forget("depth/image")

    def measured(head: Any) -> Image:
        """Twice as far as the model says, in metres."""
        return image_message((2 * (4 + 4 * RED.astype(np.float32) / 255)).astype(np.float32), "32FC1", head)

    with node.feeding(("depth_prompt", measured), ("image", _picture), ("camera_info", _info)):
        masks = [stamp(message) for message in node.messages("segmentation/mask", 4)][:3]  # whose depth is here by now
        depths = [stamp(message) for message in node.messages("depth/image")]  # before they are forgotten
        doubled = _depth(node.newest("depth/image", lambda m: np.nanmedian(_depth(m)) > 9))
        array_ = node.newest("/diagnostics", lambda a: "its own times" in _engine(a).get("says of metres", ""))
    np.testing.assert_allclose(np.nanmedian(doubled), 12.0, rtol=0.03)
    assert set(np.diff([depths.index(one) for one in masks])) == {3}
    assert "nothing to publish" not in str(array_.status)
    node.unsubscribe("segmentation/mask")


@pytest.fixture
def server() -> Iterator[Any]:
    """Paints a white square where the region is asked for."""
    fake = load_file(GENERATORS / "fake_server.py").FakeServer()

    def paint(picture: np.ndarray, _prompt: str) -> np.ndarray:
        canvas = np.zeros_like(picture)
        height, width = picture.shape[:2]
        canvas[height // 4 : height // 2, width // 4 : width // 2] = 255
        return canvas

    fake.paint = paint
    yield fake
    fake.close()


def test_a_remote_model_without_a_rate_sees_only_what_a_prompt_asks_about(load: Any, server: Any) -> None:
    node = load(model=f"http:{server.url}", allow_remote=True)
    node.subscribe(Image, "referring/mask")
    node.subscribe(String, "prompt/answer", reliable=True)
    publisher = node.node.create_publisher(String, "prompt", 10)
    node.wait_for(lambda: publisher.get_subscription_count() > 0, "the prompt's subscription")

    def dropped(array_: DiagnosticArray, why: str) -> int:
        frames = next(status for status in array_.status if status.name.endswith(": frames"))
        return next(int(v.value) for v in frames.values if v.key.startswith("dropped: ") and why in v.key)

    with node.feeding(("image", _picture), ("camera_info", _info), period_s=0.05):
        node.newest("/diagnostics", lambda a: dropped(a, "sees only what a prompt asks") > 3)
        assert server.asked == []
        publisher.publish(String(data="the lamp"))
        first, second = (json.loads(message.data) for message in node.messages("prompt/answer", 2)[:2])
        assert (first["accepted"], "regions" in first) == (True, False)
        (region,) = second["regions"]
        assert (region["label"], region["centre_m"]) == ("the lamp", None), "nobody knows its metres"
        assert region["box"] == [32, 24, 32, 24]
        assert region["pixels"] == 32 * 24
        mask = node.messages("referring/mask")[-1]
        assert np.frombuffer(mask.data, np.uint8).reshape(HW)[30, 40] == 1
        assert len(server.asked) == 1
        assert _set(node, max_rate_hz=4.0)[0].successful
        node.wait_for(lambda: len(server.asked) >= 4, "a picture at that rate")
        node.newest("/diagnostics", lambda a: dropped(a, "over max_rate_hz") > 3)
        assert _set(node, max_rate_hz=0.0)[0].successful
        answer = node.call(Trigger, "/perception/self_test", Trigger.Request())
    assert not answer.success
    assert "costs a picture" in answer.message
    for topic in ("referring/mask", "prompt/answer"):
        node.unsubscribe(topic)
    node.destroy(publisher)
