"""Changing one's mind while it runs: parameters accepted and refused, prompts, classes, and working only on demand."""

from __future__ import annotations

import json
import struct
from typing import Any

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from std_msgs.msg import String

from vision_banana_ros.geometry.cloud import CLOUD_DTYPE
from vision_banana_ros.ros.params import Settings, parameters
from vision_banana_ros.world.moving import MovingScene

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def node(shared_first_frames: Any) -> Any:
    listener = shared_first_frames.listener
    listener.subscribe(DiagnosticArray, "/diagnostics")
    return listener


def _set(listener: Any, **values: object) -> list[Any]:
    request = SetParameters.Request()
    request.parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
    return list(listener.call(SetParameters, "/perception/set_parameters", request).results)


def _get(listener: Any, name: str) -> Any:
    request = GetParameters.Request(names=[name])
    answer = listener.call(GetParameters, "/perception/get_parameters", request)
    return Parameter.from_parameter_msg(_as_message(name, answer.values[0])).value


def _as_message(name: str, value: Any) -> Any:
    from rcl_interfaces.msg import Parameter as ParameterMessage

    return ParameterMessage(name=name, value=value)


def test_every_parameter_is_declared_with_its_words(node: Any) -> None:
    names = [name for name, _, _ in parameters()]
    answer = node.call(DescribeParameters, "/perception/describe_parameters", DescribeParameters.Request(names=names))
    assert [descriptor.name for descriptor in answer.descriptors] == names
    for descriptor, (_, _, spec) in zip(answer.descriptors, parameters(), strict=True):
        assert descriptor.description == spec.about
        assert len(descriptor.floating_point_range) + len(descriptor.integer_range) == (spec.low is not None)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_range_m", -3.0, "max_range_m"),
        ("min_range_m", 500.0, "min_range_m 500.0 must be below max_range_m"),
        ("depth_format", "64FC1", "depth_format must be of 32FC1, 16UC1"),
        ("classes", "floor=#010101, wall=#010101", "classes: "),
        ("classes", "", "classes: "),
        ("tasks", ["depth", "music"], "music"),
        ("model", "oracle:clip", "model cannot change while the node is configured"),
        ("autostart", False, "autostart cannot change"),
    ],
)
def test_a_bad_value_is_refused_with_the_reason_and_the_old_one_stays(
    node: Any, name: str, value: Any, said: str
) -> None:
    before = _get(node, name)
    result = _set(node, **{name: value})[0]
    assert not result.successful
    assert said in result.reason
    assert _get(node, name) == before


def test_a_set_of_parameters_is_refused_as_a_whole(node: Any) -> None:
    request = SetParametersAtomically.Request()
    request.parameters = [
        Parameter("far_point_m", value=7.0).to_parameter_msg(),
        Parameter("output_width", value=-1).to_parameter_msg(),
    ]
    result = node.call(SetParametersAtomically, "/perception/set_parameters_atomically", request).result
    assert not result.successful
    assert _get(node, "far_point_m") == Settings().far_point_m


def test_an_integer_serves_as_a_number(node: Any) -> None:
    assert _set(node, max_range_m=70)[0].successful
    assert _set(node, max_range_m=80.0)[0].successful


def test_new_classes_are_segmented_and_their_labels_published_again(node: Any) -> None:
    node.subscribe(String, "segmentation/labels", latched=True)
    node.subscribe(Image, "segmentation/mask")
    node.messages("segmentation/labels")
    node.forget("segmentation/labels")
    before = _get(node, "classes")
    assert _set(node, classes="sofa=#FF0000, floor=#0000FF")[0].successful
    labels = json.loads(node.messages("segmentation/labels")[-1].data)
    assert [(entry["name"], entry["color"]) for entry in labels["classes"]][1:] == [
        ("sofa", "#FF0000"),
        ("floor", "#0000FF"),
    ]

    def only_two(message: Image) -> bool:
        return set(np.unique(np.frombuffer(message.data, np.uint8))) <= {0, 1, 2, 255}

    node.newest("segmentation/mask", only_two)
    assert _set(node, classes=before)[0].successful
    node.unsubscribe("segmentation/mask")
    node.unsubscribe("segmentation/labels")


def test_the_prompt_topic_takes_words_and_full_prompts_and_refuses_others(node: Any) -> None:
    node.subscribe(Image, "referring/mask")
    publisher = node.node.create_publisher(String, "prompt", 10)

    def ids(message: Image) -> set[int]:
        return set(np.unique(np.frombuffer(message.data, np.uint8)).tolist())

    while publisher.get_subscription_count() == 0:
        pass
    node.subscribe(String, "prompt/answer", reliable=True)
    publisher.publish(
        String(
            data="A referring segmentation. The floor is solid white; the ceiling is green. Everything else is black."
        )
    )
    node.newest("referring/mask", lambda message: {1, 2} <= ids(message))
    refused = "A referring segmentation. The floor is solid white; the wall is solid white."
    publisher.publish(String(data=refused))

    def at_once() -> list[dict[str, Any]]:
        """What is said before a frame is seen."""
        answers = [json.loads(message.data) for message in list(node.received["prompt/answer"])]
        return [answer for answer in answers if "regions" not in answer]

    node.wait_for(lambda: len(at_once()) == 2, "both answers")
    first, second = at_once()
    assert (first["accepted"], first["reason"]) == (True, "")
    assert (second["accepted"], second["prompt"]) == (False, refused)
    assert "same colour" in second["reason"]
    node.newest("referring/mask", lambda message: {1, 2} <= ids(message))
    publisher.publish(String(data="floor"))
    node.newest("referring/mask", lambda message: 1 in ids(message) and 2 not in ids(message))
    node.unsubscribe("prompt/answer")
    node.destroy(publisher)
    node.unsubscribe("referring/mask")


def test_depth_in_millimetres_and_a_nearer_range(node: Any) -> None:
    node.subscribe(Image, "depth/image")
    assert all(result.successful for result in _set(node, depth_format="16UC1", max_range_m=3.0))
    message = node.newest("depth/image", lambda m: m.encoding == "16UC1")
    millimetres = np.frombuffer(message.data, "<u2")
    assert message.step == message.width * 2
    assert 0 in millimetres, "beyond range is 0 here"
    assert 500 < np.median(millimetres[millimetres > 0]) < 3000
    assert all(result.successful for result in _set(node, depth_format="32FC1", max_range_m=80.0))
    node.newest("depth/image", lambda m: m.encoding == "32FC1")
    node.unsubscribe("depth/image")


def test_far_points_get_an_end_that_clears(node: Any) -> None:
    node.subscribe(PointCloud2, "points")

    def longest(message: PointCloud2) -> float:
        return float(np.nanmax(np.frombuffer(message.data, CLOUD_DTYPE)["z"]))

    assert _set(node, far_point_m=30.0)[0].successful
    node.newest("points", lambda m: longest(m) == 30.0)
    assert _set(node, far_point_m=0.0)[0].successful
    node.newest("points", lambda m: longest(m) < 20.0)
    node.unsubscribe("points")


def test_compressed_images_are_those_of_image_transport(node: Any) -> None:
    """Read back as its plugins read them: compressed_depth_image_transport's codec, written anew from its formulas."""
    kinds = {"depth/image": Image, "depth/image/compressedDepth": CompressedImage, "segmentation/mask": Image}
    kinds |= {"segmentation/mask/compressed": CompressedImage, "canvas/depth/compressed": CompressedImage}
    kinds["canvas/depth"] = Image
    for topic, kind in kinds.items():
        node.subscribe(kind, topic)
    frame = node.same_stamp(list(kinds))
    for topic in kinds:
        node.unsubscribe(topic)
        node.forget(topic)
    sent = frame["depth/image/compressedDepth"]
    assert sent.format == "32FC1; compressedDepth png"
    kind, a, b = struct.unpack_from("<iff", bytes(sent.data))
    png = cv2.imdecode(np.frombuffer(sent.data, np.uint8)[12:], cv2.IMREAD_UNCHANGED)
    depth = np.frombuffer(frame["depth/image"].data, "<f4").reshape(png.shape)
    with np.errstate(divide="ignore"):
        read = np.where(png > 0, a / (png - b), np.nan)
    assert (kind, png.dtype) == (0, np.uint16)
    known = np.isfinite(depth)
    assert np.array_equal(np.isfinite(read), known)
    assert (np.abs(read - depth)[known] <= depth[known] ** 2 / a + 1e-4).all()
    mask = frame["segmentation/mask/compressed"]
    assert mask.format == "mono8; png compressed "
    png = cv2.imdecode(np.frombuffer(mask.data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert png.tobytes() == bytes(frame["segmentation/mask"].data)
    canvas = frame["canvas/depth/compressed"]
    assert canvas.format == "rgb8; png compressed bgr8"
    png = cv2.imdecode(np.frombuffer(canvas.data, np.uint8), cv2.IMREAD_COLOR)
    assert png[..., ::-1].tobytes() == bytes(frame["canvas/depth"].data)


def test_objects_have_boxes_in_the_picture_and_in_metres(node: Any) -> None:
    node.subscribe(String, "objects", reliable=True)

    def entries(message: String) -> list[Any]:
        return list(json.loads(message.data)["objects"])

    assert _set(node, instance_class=["ball"])[0].successful
    message = node.newest("objects", lambda m: any(e["label"] == "ball" and e["centre_m"] for e in entries(m)))
    (ball,) = [entry for entry in entries(message) if entry["label"] == "ball"][:1]
    x, y, width, height = ball["box"]
    assert 0 <= x < x + width <= 640
    assert 0 <= y < y + height <= 480
    assert 0.3 < ball["centre_m"][2] < 7
    assert 0.05 < ball["size_m"][0] < 1.5
    assert 0 < ball["score"] <= 1
    assert _set(node, instance_class=["box"])[0].successful
    node.unsubscribe("objects")


def test_the_cloud_for_costmaps_has_few_points_and_no_floor(node: Any) -> None:
    node.subscribe(PointCloud2, "points/nav2")

    def points(message: PointCloud2) -> np.ndarray:
        return np.frombuffer(message.data, "<f4").reshape(-1, 4)[:, :3]

    full = node.newest("points/nav2")
    assert 10_000 < full.width <= 20_000
    assert (full.height, full.point_step, full.is_dense) == (1, 16, True)
    assert np.isfinite(points(full)).all()
    assert _set(node, nav2_max_points=1000, nav2_without=["floor"])[0].successful

    def without_floor(message: PointCloud2) -> bool:
        labels = np.frombuffer(message.data, np.uint8).reshape(-1, 16)[:, 12]
        return 100 < message.width <= 1000 and 1 not in labels and 2 in labels  # floor, wall

    node.newest("points/nav2", without_floor)
    assert _set(node, nav2_max_points=20_000, nav2_without=[""])[0].successful
    node.unsubscribe("points/nav2")


def test_a_cloud_may_carry_less_in_the_same_layout(node: Any) -> None:
    node.subscribe(PointCloud2, "points")
    full = node.newest("points")
    assert _set(node, cloud_fields=["rgb"])[0].successful

    def is_bare(message: PointCloud2) -> bool:
        points = np.frombuffer(message.data, CLOUD_DTYPE)
        return bool(np.isnan(points["normal_x"]).all() and (points["label"] == 255).all())

    bare = node.newest("points", is_bare)
    assert (bare.point_step, bare.fields) == (full.point_step, full.fields)
    assert _set(node, cloud_fields=list(Settings().cloud_fields))[0].successful
    node.unsubscribe("points")


def test_outputs_may_be_smaller_than_the_input(node: Any) -> None:
    node.subscribe(Image, "depth/image")
    node.subscribe(PointCloud2, "points")
    assert _set(node, output_width=320)[0].successful
    message = node.newest("depth/image", lambda m: m.width == 320)
    cloud = node.newest("points", lambda m: m.width == 320)
    assert (message.height, cloud.height) == (240, 240)
    assert _set(node, output_width=0)[0].successful
    node.newest("depth/image", lambda m: m.width == 640)
    node.unsubscribe("depth/image")
    node.unsubscribe("points")


def test_the_cameras_height_sets_the_scale(node: Any) -> None:
    """The scene's camera is at a fixed height; told twice that, every depth doubles."""
    node.subscribe(Image, "depth/image")
    before = np.nanmedian(_finite(node.newest("depth/image")))
    truth = MovingScene(1).truth(0)
    floor = truth.mask == truth.labels.index("floor")
    rows = np.nonzero(floor)[0]
    assert rows.size, "the scene shows its floor"
    for height_m in (1.0, 2.0):
        assert _set(node, camera_height_m=height_m)[0].successful
        node.newest("/diagnostics", lambda a: _diagnostic(a, "frames", "scale") != "unknown")
        for _ in range(15):
            message = node.newest("depth/image")
        scaled = np.nanmedian(_finite(message))
        if height_m == 1.0:
            single = scaled
    assert scaled / single == pytest.approx(2.0, rel=0.15)
    assert _set(node, camera_height_m=0.0)[0].successful
    node.newest("depth/image", lambda m: abs(np.nanmedian(_finite(m)) / before - 1) < 0.3)
    node.unsubscribe("depth/image")


def _finite(message: Image) -> np.ndarray:
    depth = np.frombuffer(message.data, np.float32)
    return depth[np.isfinite(depth)]


def _diagnostic(message: DiagnosticArray, part: str, key: str) -> str:
    status = next(status for status in message.status if status.name.endswith(f": {part}"))
    return str(next(value.value for value in status.values if value.key == key))


def test_nothing_is_done_while_nobody_listens_and_the_next_frame_serves_a_newcomer(node: Any) -> None:
    idle = node.newest("/diagnostics", lambda a: _diagnostic(a, "camera", "listening") == "False")
    later = node.newest("/diagnostics")
    for part, key in (("frames", "published"), ("camera", "received")):
        assert _diagnostic(later, part, key) == _diagnostic(idle, part, key)
    node.subscribe(Image, "canvas/normals")
    node.newest("canvas/normals")
    node.unsubscribe("canvas/normals")


def test_tasks_that_are_not_allowed_are_not_generated(node: Any) -> None:
    node.subscribe(Image, "depth/image")
    node.subscribe(Image, "canvas/normals")
    node.newest("canvas/normals")
    assert _set(node, tasks=["depth"])[0].successful
    node.newest("depth/image")
    node.newest("depth/image")
    node.forget("canvas/normals")
    for _ in range(5):
        node.newest("depth/image")
    assert node.received["canvas/normals"] == []
    assert _set(node, tasks=list(Settings().tasks))[0].successful
    node.newest("canvas/normals")
    node.unsubscribe("depth/image")
    node.unsubscribe("canvas/normals")


def test_a_rate_limit_drops_and_counts(node: Any) -> None:
    node.subscribe(Image, "depth/confidence")
    node.newest("depth/confidence")
    assert _set(node, max_rate_hz=2.0)[0].successful
    node.newest("/diagnostics", lambda a: int(_diagnostic(a, "frames", "dropped: over max_rate_hz")) > 3)
    messages = [node.newest("depth/confidence") for _ in range(4)]
    stamps = [m.header.stamp.sec + m.header.stamp.nanosec * 1e-9 for m in messages]
    assert np.mean(np.diff(stamps)) > 0.35
    assert _set(node, max_rate_hz=0.0)[0].successful
    node.unsubscribe("depth/confidence")
