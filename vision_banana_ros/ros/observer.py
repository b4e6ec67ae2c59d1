"""A node that watches the others: rates and latencies of every topic, and how right the values are.

The truth comes from camera_node's truth topics; a frame is scored when its outputs and its truth have arrived, at
most a few times a second, since scoring must not take the processor from what is being watched.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import rclpy
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import String

from vision_banana_ros.core import UNLABELLED, AnyArray, Camera, FloatArray, UInt8Array
from vision_banana_ros.data.camera_info import camera_from_info
from vision_banana_ros.evaluation.depth_metrics import score_depth
from vision_banana_ros.evaluation.normal_metrics import score_normals
from vision_banana_ros.ros import convert

OUTPUTS: dict[str, Any] = {
    "depth/image": Image,
    "depth/camera_info": CameraInfo,
    "depth/confidence": Image,
    "normals/image": Image,
    "points": PointCloud2,
    "segmentation/mask": Image,
    "segmentation/confidence": Image,
    "canvas/segmentation": Image,
}
_FOR_SCORING = ("image", "depth/image", "normals/image", "segmentation/mask", "canvas/segmentation")
_TRUTHS = ("truth/depth", "truth/normals", "truth/mask")
_FORMATS = {"32FC1": (np.float32, 1), "32FC3": (np.float32, 3), "mono8": (np.uint8, 1), "rgb8": (np.uint8, 3)}
_KEPT_FRAMES = 8
_KEPT_LATENCIES = 3000
_BETWEEN_SCORES_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicReport:
    topic: str
    messages: int
    rate_hz: float
    latency_p50_ms: float
    latency_p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Means over the frames that were scored; None where there is no truth. `label_accuracy` is a share of pixels."""

    frames: int
    depth_abs_rel: float | None
    depth_delta1: float | None
    normals_mean_deg: float | None
    normals_median_deg: float | None
    label_accuracy: float | None


@dataclass(frozen=True, slots=True, eq=False)
class SeenFrame:
    """Arrays of one frame, by topic, and the camera that it was seen with."""

    values: dict[str, AnyArray]
    camera: Camera | None


class Observer:
    """Spins on a thread of its own until closed."""

    def __init__(self) -> None:
        self._node = rclpy.create_node("observer")
        self._lock = threading.Lock()
        self._latencies: dict[str, deque[float]] = {topic: deque(maxlen=_KEPT_LATENCIES) for topic in OUTPUTS}
        self._counts = dict.fromkeys(OUTPUTS, 0)
        self._spans: dict[str, tuple[float, float]] = {}
        self._frames: OrderedDict[int, dict[str, Image]] = OrderedDict()
        self._complete: SeenFrame | None = None
        self._next_score_s = 0.0
        self._scores: dict[str, list[float]] = {name: [] for name in ("abs_rel", "delta1", "mean", "median", "labels")}
        self._scored = 0
        self.labels: dict[str, Any] = {}
        self._true_labels: list[str] = []
        self._camera: Camera | None = None
        self._subscribe()
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="observer", daemon=True)
        self._thread.start()

    def _subscribe(self) -> None:
        best_effort = QoSProfile(depth=2, reliability=ReliabilityPolicy.BEST_EFFORT)
        latched = QoSProfile(
            depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
        )
        for topic, kind in OUTPUTS.items():
            self._node.create_subscription(kind, topic, lambda m, t=topic: self._on_output(t, m), best_effort)
        for topic in ("image", *_TRUTHS):
            self._node.create_subscription(Image, topic, lambda m, t=topic: self._keep(t, m), best_effort)
        self._node.create_subscription(String, "segmentation/labels", self._on_labels, latched)
        self._node.create_subscription(String, "truth/labels", self._on_true_labels, latched)

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except (ExternalShutdownException, InvalidHandle):
            return  # the second: the executor was shut down between two of its own steps

    def _on_output(self, topic: str, message: Any) -> None:
        now = time.time()
        with self._lock:
            self._counts[topic] += 1
            self._latencies[topic].append(now - convert.stamp_ns(message.header) * 1e-9)
            self._spans[topic] = (self._spans.get(topic, (now, now))[0], now)
        if topic == "depth/camera_info":
            self._camera = camera_from_info(message, width=message.width, height=message.height)
        if topic in _FOR_SCORING:
            self._keep(topic, message)

    def _on_labels(self, message: String) -> None:
        self.labels = json.loads(message.data)

    def _on_true_labels(self, message: String) -> None:
        self._true_labels = json.loads(message.data)

    def _keep(self, topic: str, message: Image) -> None:
        stamp = convert.stamp_ns(message.header)
        frame = self._frames.setdefault(stamp, {})
        frame[topic] = message
        while len(self._frames) > _KEPT_FRAMES:
            self._frames.popitem(last=False)
        if all(name in frame for name in _FOR_SCORING):
            seen = SeenFrame({name: _values(kept) for name, kept in frame.items()}, self._camera)
            with self._lock:
                self._complete = seen
            if all(name in frame for name in _TRUTHS) and time.monotonic() >= self._next_score_s:
                self._score(seen)
                self._next_score_s = time.monotonic() + _BETWEEN_SCORES_S

    def _score(self, seen: SeenFrame) -> None:
        depth = score_depth(_float(seen, "depth/image"), _float(seen, "truth/depth"))
        normals = score_normals(_float(seen, "normals/image"), _float(seen, "truth/normals"))
        with self._lock:
            self._scored += 1
            if depth is not None:
                self._scores["abs_rel"].append(depth.abs_rel)
                self._scores["delta1"].append(depth.delta1)
            if normals is not None:
                self._scores["mean"].append(normals.mean_deg)
                self._scores["median"].append(normals.median_deg)
            if self.labels and self._true_labels:
                mask, truth = seen.values["segmentation/mask"], seen.values["truth/mask"]
                self._scores["labels"].append(label_accuracy(mask, truth, self._names(), self._true_labels))

    def _names(self) -> dict[int, str]:
        return {entry["id"]: entry["name"] for entry in self.labels["classes"]}

    @property
    def newest(self) -> SeenFrame | None:
        """The newest frame of which everything arrived."""
        with self._lock:
            return self._complete

    def topics(self) -> list[TopicReport]:
        with self._lock:
            return [self._topic(topic) for topic in OUTPUTS]

    def _topic(self, topic: str) -> TopicReport:
        first, last = self._spans.get(topic, (0.0, 0.0))
        count, ordered = self._counts[topic], sorted(self._latencies[topic])
        return TopicReport(
            topic=topic,
            messages=count,
            rate_hz=(count - 1) / (last - first) if last > first else 0.0,
            latency_p50_ms=median(ordered) * 1e3 if ordered else float("nan"),
            latency_p95_ms=ordered[int(len(ordered) * 0.95)] * 1e3 if ordered else float("nan"),
        )

    def accuracy(self) -> Accuracy:
        with self._lock:
            mean = {name: float(np.mean(values)) if values else None for name, values in self._scores.items()}
            return Accuracy(
                frames=self._scored,
                depth_abs_rel=mean["abs_rel"],
                depth_delta1=mean["delta1"],
                normals_mean_deg=mean["mean"],
                normals_median_deg=mean["median"],
                label_accuracy=mean["labels"],
            )

    def close(self) -> None:
        self._executor.shutdown()
        self._thread.join(5.0)
        self._node.destroy_node()


def label_accuracy(mask: AnyArray, truth: AnyArray, names: dict[int, str], true_names: list[str]) -> float:
    """The share of pixels with the right name, of those whose true name could have been said."""
    ids = {name: class_id for class_id, name in names.items()}
    wanted = np.full(256, UNLABELLED, np.uint8)
    for index, name in enumerate(true_names):
        wanted[index] = ids.get(name, UNLABELLED)
    right: UInt8Array = wanted[truth]
    known = right != UNLABELLED
    return float((mask[known] == right[known]).mean()) if known.any() else float("nan")


def _values(message: Image) -> AnyArray:
    dtype, channels = _FORMATS[message.encoding]
    shape = (message.height, message.width) if channels == 1 else (message.height, message.width, channels)
    return np.frombuffer(message.data, dtype).reshape(shape)


def _float(seen: SeenFrame, topic: str) -> FloatArray:
    values: FloatArray = seen.values[topic]
    return values
