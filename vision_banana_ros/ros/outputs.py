"""The publishers: what somebody listens to, what that needs to be asked, and publishing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, PointCloud2
from std_msgs.msg import String

from vision_banana_ros.core import Task
from vision_banana_ros.geometry import pack_cloud
from vision_banana_ros.geometry.sparse import Heights
from vision_banana_ros.perceiver import Sight
from vision_banana_ros.prompts import ClassSet
from vision_banana_ros.ros import convert, labels
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.quality import LATCHED, VOLATILE, copy_of
from vision_banana_ros.ros.topics import CLOUD, NAV2, OBJECTS, TRACKS, Context, topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the subscribers of this moment need."""

    tasks: frozenset[Task]
    camera: bool


@dataclass(frozen=True, slots=True)
class Published:
    """What came of one frame: the bytes of each topic's message, of those that got one."""

    sizes: Mapping[str, int]

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(self.sizes)

    @property
    def bytes_in_all(self) -> int:
        return sum(self.sizes.values())

    @property
    def largest(self) -> str:
        return max(self.sizes, key=lambda name: self.sizes[name], default="")


NO_CAMERA = "no camera is known, so there is no cloud: send camera_info, set hfov_deg or allow the task rays"
#: Of tasks that ask nothing by themselves.
_REMEDIES = {
    Task.REFERRING: "no prompt names a region: publish words on the topic prompt",
    Task.INSTANCE: "the parameter instance_class names no class",
}


class Outputs:
    """The publishers of a camera of a configured node; its topics have `prefix` before their names."""

    def __init__(self, node: Any, prefix: str = "") -> None:
        self._node = node
        self._prefix = prefix
        messages = labels.vision_msgs()
        self._vision_msgs = messages
        self._topics = topics(messages)
        self._publishers = {t.name: self._publisher(t.message, t.name, t.qos) for t in self._topics}
        self._publishers[CLOUD] = self._publisher(PointCloud2, CLOUD)
        self._labels = self._publisher(String, "segmentation/labels", LATCHED)
        self._answers = self._publisher(String, "prompt/answer")
        self._label_info = None
        if messages is not None:
            self._label_info = self._publisher(messages.LabelInfo, "segmentation/label_info", LATCHED)
        self._cloud_message = PointCloud2()

    def _publisher(self, kind: Any, name: str, qos: QoSProfile = VOLATILE) -> Any:
        overridable = QoSOverridingOptions.with_default_policies()
        return self._node.create_lifecycle_publisher(
            kind, f"{self._prefix}{name}", copy_of(qos), qos_overriding_options=overridable
        )

    def wanted(self) -> frozenset[str]:
        """Topics with at least one subscriber now."""
        return frozenset(name for name, publisher in self._publishers.items() if publisher.get_subscription_count() > 0)

    def full_name(self, name: str) -> str:
        """A topic's as the graph knows it: with namespace, remapped."""
        return str(self._publishers[name].topic_name)

    def request(self, wanted: frozenset[str], settings: Settings) -> Request:
        listened = [topic for topic in self._topics if topic.name in wanted]
        tasks = {task for topic in listened for task in topic.tasks}
        if CLOUD in wanted:
            tasks.add(Task.DEPTH)
            tasks |= {Task.NORMALS} if "normals" in settings.cloud_fields else set()
            tasks |= {Task.SEMANTIC} if "label" in settings.cloud_fields else set()
        if NAV2 in wanted and settings.nav2_without:
            tasks.add(Task.SEMANTIC)
        allowed = frozenset(task for task in tasks if task.value in settings.tasks)
        return Request(tasks=allowed, camera=CLOUD in wanted or any(topic.camera for topic in listened))

    def publish(
        self,
        sight: Sight,
        wanted: frozenset[str],
        settings: Settings,
        info: CameraInfo | None,
        heights: Heights | None = None,
    ) -> Published:
        """All with one header. `info` is the one that the sight's camera was read from, if it was."""
        head = convert.header(sight.frame.stamp_ns, sight.frame.frame_id)
        context = Context(sight, head, settings, info, heights)
        sizes: dict[str, int] = {}
        for topic in self._topics:
            if topic.name in wanted:
                message = topic.build(context)
                if message is not None:
                    self._publishers[topic.name].publish(message)
                    sizes[topic.name] = len(getattr(message, "data", ()))
        if CLOUD in wanted:
            self._publish_cloud(context, sizes)
        return Published(sizes)

    def _publish_cloud(self, context: Context, sizes: dict[str, int]) -> None:
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
        sizes[CLOUD] = len(message.data)

    def why_not(self, name: str, sight: Sight, settings: Settings) -> str:
        """Why nothing was said on a topic that somebody listens to; empty where that is as it should be."""
        if name == TRACKS and not settings.steady:
            return "only with the parameter steady"
        if name == OBJECTS:
            return "neither a prompt nor instance_class names anything"
        topic = next((topic for topic in self._topics if topic.name == name), None)
        tasks = topic.tasks if topic is not None else frozenset({Task.DEPTH})
        if sight.resting & (tasks | ({Task.SEMANTIC} if name == NAV2 else set())):
            return ""  # it comes with a later frame
        for task in tasks:
            if task is Task.RAYS and sight.perception.camera is not None:
                return ""  # a camera that is known is not asked for
            if task.value not in settings.tasks:
                return f"the parameter tasks leaves out {task.value}"
            unanswered = [u.why for u in sight.perception.unanswered if u.instruction.task is task]
            if unanswered:
                return unanswered[0]
        if sight.perception.camera is None and (topic is None or topic.camera):
            return NO_CAMERA
        return next((_REMEDIES[task] for task in tasks if task in _REMEDIES), "the model gave no answer")

    def publish_labels(self, classes: ClassSet, settings: Settings) -> None:
        self._labels.publish(labels.labels_message(classes))
        if self._label_info is not None:
            head = convert.header(self._node.get_clock().now().nanoseconds, "")
            threshold = settings.min_mask_confidence / 255
            self._label_info.publish(labels.label_info_message(self._vision_msgs, classes, head, threshold=threshold))

    def answer_prompt(self, message: String) -> None:
        self._answers.publish(message)

    def destroy(self) -> None:
        publishers = [*self._publishers.values(), self._labels, self._answers]
        for publisher in [*publishers, self._label_info] if self._label_info is not None else publishers:
            self._node.destroy_lifecycle_publisher(publisher)
