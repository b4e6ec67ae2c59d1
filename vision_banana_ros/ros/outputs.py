"""The topics: which there are, what each needs, and publishing those that somebody listens to.

QoS: RELIABLE, so that best-effort and reliable subscribers both get them; VOLATILE; the last few kept, since a newer
frame is always worth more than an older one. Latched topics are TRANSIENT_LOCAL. All can be overridden by
qos_overrides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header, String

from vision_banana_ros.core import Canvas, Task
from vision_banana_ros.geometry import pack_cloud
from vision_banana_ros.ros import convert, labels
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.pipeline import Request, Sight
from vision_banana_ros.ros.wording import ClassSet

_VOLATILE = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=4,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
_LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


@dataclass(frozen=True, slots=True)
class _Context:
    sight: Sight
    header: Header
    settings: Settings
    info_like: CameraInfo | None


@dataclass(frozen=True, slots=True)
class _Topic:
    """`build` makes the message, or None when this frame has nothing for it."""

    name: str
    message: Any
    tasks: frozenset[Task]
    build: Callable[[_Context], Any]
    camera: bool = False


def _plane(name: str, layer: str, encoding: str, task: Task) -> _Topic:
    def build(context: _Context) -> Image | None:
        values = getattr(context.sight.perception, layer)
        return None if values is None else convert.image_message(values, encoding, context.header)

    return _Topic(name, Image, frozenset({task}), build)


def _canvas(name: str, task: Task) -> _Topic:
    def build(context: _Context) -> Image | None:
        canvas = _find_canvas(context.sight.perception.canvases, task)
        return None if canvas is None else convert.image_message(canvas.rgb, "rgb8", context.header)

    return _Topic(f"canvas/{name}", Image, frozenset({task}), build)


def _find_canvas(canvases: tuple[Canvas, ...], task: Task) -> Canvas | None:
    return next((canvas for canvas in canvases if canvas.instruction.task is task), None)


def _depth(context: _Context) -> Image | None:
    depth_m = context.sight.perception.depth_m
    if depth_m is None:
        return None
    if context.settings.depth_format == "16UC1":
        return convert.image_message(convert.depth_as_millimetres(depth_m), "16UC1", context.header)
    return convert.image_message(depth_m, "32FC1", context.header)


def _info(context: _Context) -> CameraInfo | None:
    camera = context.sight.perception.camera
    return None if camera is None else convert.info_message(camera, context.header, like=context.info_like)


def _detections(context: _Context) -> Any:
    return labels.detections_message(labels.vision_msgs(), context.sight.perception, context.header)


TOPICS: tuple[_Topic, ...] = (
    _Topic("depth/image", Image, frozenset({Task.DEPTH}), _depth),
    _Topic("depth/camera_info", CameraInfo, frozenset(), _info, camera=True),
    _plane("depth/confidence", "depth_confidence", "mono8", Task.DEPTH),
    _plane("normals/image", "normals", "32FC3", Task.NORMALS),
    _plane("segmentation/mask", "mask", "mono8", Task.SEMANTIC),
    _plane("segmentation/confidence", "mask_confidence", "mono8", Task.SEMANTIC),
    _plane("instances/mask", "instances", "mono16", Task.INSTANCE),
    _plane("referring/mask", "referring", "mono8", Task.REFERRING),
    _plane("referring/confidence", "referring_confidence", "mono8", Task.REFERRING),
    _canvas("depth", Task.DEPTH),
    _canvas("normals", Task.NORMALS),
    _canvas("rays", Task.RAYS),
    _canvas("segmentation", Task.SEMANTIC),
    _canvas("instances", Task.INSTANCE),
    _canvas("referring", Task.REFERRING),
)
CLOUD = "points"


class Outputs:
    """The publishers of a configured node."""

    def __init__(self, node: Any) -> None:
        self._node = node
        messages = labels.vision_msgs()
        self._vision_msgs = messages
        self._topics = list(TOPICS)
        if messages is not None:
            kind = messages.Detection2DArray
            self._topics.append(_Topic("instances/detections", kind, frozenset({Task.INSTANCE}), _detections))
        self._publishers = {topic.name: self._publisher(topic.message, topic.name) for topic in self._topics}
        self._publishers[CLOUD] = self._publisher(PointCloud2, CLOUD)
        self._labels = self._publisher(String, "segmentation/labels", _LATCHED)
        self._label_info = None
        if messages is not None:
            self._label_info = self._publisher(messages.LabelInfo, "segmentation/label_info", _LATCHED)
        self._cloud_message = PointCloud2()

    def _publisher(self, kind: Any, name: str, qos: QoSProfile = _VOLATILE) -> Any:
        # A profile of its own each: qos_overrides are written into it.
        own = QoSProfile(history=qos.history, depth=qos.depth, reliability=qos.reliability, durability=qos.durability)
        return self._node.create_lifecycle_publisher(
            kind, name, own, qos_overriding_options=QoSOverridingOptions.with_default_policies()
        )

    def wanted(self) -> frozenset[str]:
        """Topics with at least one subscriber now."""
        return frozenset(name for name, publisher in self._publishers.items() if publisher.get_subscription_count() > 0)

    def request(self, wanted: frozenset[str], settings: Settings) -> Request:
        topics = [topic for topic in self._topics if topic.name in wanted]
        tasks = {task for topic in topics for task in topic.tasks}
        if CLOUD in wanted:
            tasks.add(Task.DEPTH)
            tasks |= {Task.NORMALS} if "normals" in settings.cloud_fields else set()
            tasks |= {Task.SEMANTIC} if "label" in settings.cloud_fields else set()
        return Request(tasks=frozenset(tasks), camera=CLOUD in wanted or any(topic.camera for topic in topics))

    def publish(self, sight: Sight, wanted: frozenset[str], settings: Settings, info: CameraInfo | None) -> None:
        """All with one header. `info` is the one that the sight's camera was read from, if it was."""
        head = convert.header(sight.frame.stamp_ns, sight.frame.frame_id)
        context = _Context(sight, head, settings, info)
        for topic in self._topics:
            if topic.name in wanted:
                message = topic.build(context)
                if message is not None:
                    self._publishers[topic.name].publish(message)
        if CLOUD in wanted:
            self._publish_cloud(context)

    def _publish_cloud(self, context: _Context) -> None:
        """Last, being the largest; its message is kept and written in place, for publishing copies it."""
        sight, fields = context.sight.perception, context.settings.cloud_fields
        if sight.depth_m is None or sight.camera is None:
            return
        if (self._cloud_message.height, self._cloud_message.width) != sight.hw:
            self._cloud_message = convert.empty_cloud(sight.hw)
        message = self._cloud_message
        message.header = context.header
        pack_cloud(
            sight.depth_m,
            sight.camera,
            rgb=context.sight.frame.rgb if "rgb" in fields else None,
            normals=sight.normals if "normals" in fields else None,
            mask=sight.mask if "label" in fields else None,
            confidence=sight.depth_confidence if "confidence" in fields else None,
            far_point_m=context.settings.far_point_m or None,
            out=np.frombuffer(message.data, np.uint8),
        )
        self._publishers[CLOUD].publish(message)

    def publish_labels(self, classes: ClassSet, settings: Settings) -> None:
        self._labels.publish(labels.labels_message(classes))
        if self._label_info is not None:
            head = convert.header(self._node.get_clock().now().nanoseconds, "")
            threshold = settings.min_mask_confidence / 255
            self._label_info.publish(labels.label_info_message(self._vision_msgs, classes, head, threshold=threshold))

    def destroy(self) -> None:
        publishers = [*self._publishers.values(), self._labels]
        for publisher in [*publishers, self._label_info] if self._label_info is not None else publishers:
            self._node.destroy_lifecycle_publisher(publisher)
