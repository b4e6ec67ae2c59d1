"""What comes out, of one camera and one perception process: types, sizes, stamps, values against the truth."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import String

from vision_banana_ros.geometry.cloud import CLOUD_DTYPE
from vision_banana_ros.world.moving import MovingScene

pytestmark = pytest.mark.ros

WIDTH, HEIGHT = 640, 480
IMAGES = {
    "depth/image": ("32FC1", np.float32, 1),
    "depth/confidence": ("mono8", np.uint8, 1),
    "normals/image": ("32FC3", np.float32, 3),
    "segmentation/mask": ("mono8", np.uint8, 1),
    "segmentation/confidence": ("mono8", np.uint8, 1),
    "instances/mask": ("mono16", np.uint16, 1),
    "referring/mask": ("mono8", np.uint8, 1),
    "referring/confidence": ("mono8", np.uint8, 1),
    "canvas/depth": ("rgb8", np.uint8, 3),
    "canvas/normals": ("rgb8", np.uint8, 3),
    "canvas/segmentation": ("rgb8", np.uint8, 3),
    "canvas/instances": ("rgb8", np.uint8, 3),
    "canvas/referring": ("rgb8", np.uint8, 3),
}
TRUTH = ("truth/depth", "truth/normals", "truth/mask")


@pytest.fixture(scope="module")
def frame(shared_graph: Any) -> dict[str, Any]:
    """One message per topic, all of the same frame, together with its truth and its image."""
    listener = shared_graph.listener
    for topic in (*IMAGES, *TRUTH, "image"):
        listener.subscribe(Image, topic)
    listener.subscribe(PointCloud2, "points")
    for topic in ("camera_info", "depth/camera_info"):
        listener.subscribe(CameraInfo, topic)
    everything = [*IMAGES, *TRUTH, "image", "points", "camera_info", "depth/camera_info"]
    messages: dict[str, Any] = listener.same_stamp(everything)
    for topic in everything:
        listener.unsubscribe(topic)
    return messages


def _values(message: Image, dtype: type, channels: int) -> np.ndarray:
    shape = (message.height, message.width) if channels == 1 else (message.height, message.width, channels)
    return np.frombuffer(message.data, dtype).reshape(shape)


def test_every_output_has_the_header_of_its_image(frame: dict[str, Any]) -> None:
    assert {message.header.frame_id for message in frame.values()} == {"camera_optical_frame"}
    assert len({(m.header.stamp.sec, m.header.stamp.nanosec) for m in frame.values()}) == 1


@pytest.mark.parametrize("topic", IMAGES)
def test_images_have_their_encoding_and_no_padding(frame: dict[str, Any], topic: str) -> None:
    encoding, dtype, channels = IMAGES[topic]
    message = frame[topic]
    # Canvases come as the generator paints them, everything else is aligned with the input.
    size = (160, 120) if topic.startswith("canvas/") else (WIDTH, HEIGHT)
    assert (message.encoding, message.is_bigendian) == (encoding, 0)
    assert (message.width, message.height) == size
    assert message.step == message.width * channels * np.dtype(dtype).itemsize
    assert len(message.data) == message.step * message.height


def test_depth_is_metres_along_z_with_infinity_for_the_sky(frame: dict[str, Any]) -> None:
    depth, truth = (_values(frame[topic], np.float32, 1) for topic in ("depth/image", "truth/depth"))
    both = np.isfinite(depth) & np.isfinite(truth)
    assert both.mean() > 0.7
    assert np.median(np.abs(depth[both] - truth[both]) / truth[both]) < 0.02
    assert not (depth == 0).any(), "0 is no way to say invalid in 32FC1"
    sky = np.isposinf(truth)
    assert np.isposinf(depth[sky]).mean() > 0.9


def test_normals_are_unit_vectors_in_the_optical_frame_that_face_the_camera(frame: dict[str, Any]) -> None:
    normals, truth = (_values(frame[topic], np.float32, 3) for topic in ("normals/image", "truth/normals"))
    valid = np.isfinite(normals).all(axis=2) & np.isfinite(truth).all(axis=2)
    assert np.allclose(np.linalg.norm(normals[valid], axis=1), 1, atol=1e-3)
    cosine = np.clip((normals[valid] * truth[valid]).sum(axis=1), -1, 1)
    assert np.degrees(np.median(np.arccos(cosine))) < 2


def test_labels_are_of_the_set_and_mostly_true(frame: dict[str, Any]) -> None:
    mask, truth = (_values(frame[topic], np.uint8, 1) for topic in ("segmentation/mask", "truth/mask"))
    names = ["background", "floor", "wall", "ceiling", "sky", "box", "ball", "sofa"]
    assert set(np.unique(mask)) <= {*range(len(names)), 255}
    true_names = list(MovingScene(1).truth(0).labels)
    wanted = np.array([names.index(name) if name in names else 0 for name in true_names], np.uint8)[truth]
    assert (mask == wanted).mean() > 0.95


def test_the_cloud_is_organised_and_agrees_with_depth_mask_and_image(frame: dict[str, Any]) -> None:
    cloud, info = frame["points"], frame["depth/camera_info"]
    assert (cloud.width, cloud.height, cloud.is_dense, cloud.is_bigendian) == (WIDTH, HEIGHT, False, False)
    assert cloud.row_step == cloud.width * cloud.point_step
    assert [field.name for field in cloud.fields][:4] == ["x", "y", "z", "rgb"]
    points = np.frombuffer(cloud.data, CLOUD_DTYPE).reshape(HEIGHT, WIDTH)
    depth = _values(frame["depth/image"], np.float32, 1)
    valid = np.isfinite(depth)
    assert np.array_equal(np.isfinite(points["z"]), valid), "missing points stay, as NaN"
    assert np.array_equal(points["z"][valid], depth[valid])
    columns = np.broadcast_to(np.arange(WIDTH), depth.shape)
    expected_x = (columns - info.k[2]) / info.k[0] * np.where(valid, depth, np.nan)
    assert np.allclose(points["x"][valid], expected_x[valid], rtol=1e-4, atol=1e-4)
    assert np.array_equal(points["label"], _values(frame["segmentation/mask"], np.uint8, 1))
    assert np.array_equal(points["confidence"], _values(frame["depth/confidence"], np.uint8, 1))
    image = _values(frame["image"], np.uint8, 3).astype(np.uint32)
    packed = (image[..., 0] << 16) | (image[..., 1] << 8) | image[..., 2]
    assert np.array_equal(np.ascontiguousarray(points["rgb"]).view(np.uint32).reshape(packed.shape), packed)


def test_the_given_camera_is_passed_on(frame: dict[str, Any]) -> None:
    given, published = frame["camera_info"], frame["depth/camera_info"]
    assert (published.width, published.height) == (WIDTH, HEIGHT)
    assert np.allclose(published.k, given.k)
    assert np.allclose(published.p, given.p)
    assert published.p[0] > 0


def test_instances_are_counted_from_one(frame: dict[str, Any]) -> None:
    instances = _values(frame["instances/mask"], np.uint16, 1)
    found = np.unique(instances)
    assert found[0] == 0
    assert len(found) >= 3, "the scene has several boxes"


def test_the_prompt_parameter_is_a_region(frame: dict[str, Any]) -> None:
    region = _values(frame["referring/mask"], np.uint8, 1)
    truth = _values(frame["truth/mask"], np.uint8, 1)
    lamp = truth == MovingScene(1).truth(0).labels.index("lamp")
    if lamp.sum() > 500:
        assert (region[lamp] == 1).mean() > 0.8
    assert set(np.unique(region)) <= {0, 1, 255}


@pytest.mark.parametrize("reliable", [False, True])
def test_best_effort_and_reliable_subscribers_are_both_served(shared_graph: Any, reliable: bool) -> None:
    listener = shared_graph.listener
    listener.subscribe(Image, "depth/image", reliable=reliable)
    listener.subscribe(PointCloud2, "points", reliable=reliable)
    try:
        listener.forget("depth/image")
        listener.forget("points")
        listener.same_stamp(["depth/image", "points"])
    finally:
        listener.unsubscribe("depth/image")
        listener.unsubscribe("points")


def test_a_late_joiner_gets_the_latched_labels(shared_graph: Any) -> None:
    listener = shared_graph.listener
    listener.subscribe(String, "segmentation/labels", latched=True)
    message = listener.messages("segmentation/labels")[-1]
    listener.unsubscribe("segmentation/labels")
    labels = json.loads(message.data)
    assert labels["unlabelled"] == 255
    names = ["background", "floor", "wall", "ceiling", "sky", "box", "ball", "sofa"]
    assert [(entry["id"], entry["name"]) for entry in labels["classes"]] == list(enumerate(names))
    assert all(entry["color"].startswith("#") for entry in labels["classes"])


def test_diagnostics_tell_rates_latency_drops_and_the_engine(shared_graph: Any) -> None:
    listener = shared_graph.listener
    listener.subscribe(Image, "depth/image")
    listener.subscribe(DiagnosticArray, "/diagnostics")

    def tells_latency(array: DiagnosticArray) -> bool:
        return any(v.key == "latency_p95_ms" and v.value != "unknown" for status in array.status for v in status.values)

    array = listener.newest("/diagnostics", tells_latency)
    listener.unsubscribe("/diagnostics")
    listener.unsubscribe("depth/image")
    statuses = {status.name: {v.key: v.value for v in status.values} for status in array.status}
    assert set(statuses) == {f"/perception: {part}" for part in ("camera", "frames", "engine")}
    assert float(statuses["/perception: camera"]["rate_hz"]) > 1
    assert float(statuses["/perception: frames"]["latency_p50_ms"]) > 0
    assert "dropped: newer frame came first" in statuses["/perception: frames"]
    assert statuses["/perception: engine"]["model"] == "oracle:moving@160x120"
    assert array.header.stamp.sec > 0
