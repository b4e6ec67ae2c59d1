"""The topics: which there are, what each needs, and publishing those that somebody listens to.

QoS: RELIABLE, so that best-effort and reliable subscribers both get them; VOLATILE; the last few kept, since a newer
frame is always worth more than an older one. Latched topics are TRANSIENT_LOCAL. All can be overridden by
qos_overrides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header, String

from vision_banana_ros.core import UNLABELLED, Perception, Task
from vision_banana_ros.geometry import pack_cloud
from vision_banana_ros.geometry.objects import SeenObject, seen_objects
from vision_banana_ros.geometry.sparse import sparse_cloud
from vision_banana_ros.perceiver import Sight
from vision_banana_ros.prompts import ClassSet
from vision_banana_ros.ros import compressed, convert, labels
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.tasks import Layer, Room, rooms

CLOUD = "points"
NAV2 = "points/nav2"
OBJECTS = "objects"
TRACKS = "tracks"
DETECTIONS_3D = "instances/detections_3d"
_VOLATILE = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=4,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.VOLATILE,
)
_SENSOR = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=4,
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
)
_LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the subscribers of this moment need."""

    tasks: frozenset[Task]
    camera: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What came of one frame: the topics that got a message, and the bytes of them all and of the largest."""

    topics: frozenset[str]
    bytes_in_all: int
    largest: str
    largest_bytes: int


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
    qos: QoSProfile = field(default_factory=lambda: _VOLATILE)


def _of_layer(layer: Layer, task: Task) -> _Topic:
    """An image of the layer as its task describes it; what needs another form has a builder of its own."""

    def build(context: _Context) -> Image | None:
        values = context.sight.perception.layer(layer.name)
        return None if values is None else convert.image_message(values, layer.encoding, context.header)

    return _Topic(layer.topic, Image, frozenset({task}), _BUILDERS.get(layer.topic, build))


def _of_words(layer: Layer, task: Task) -> _Topic:
    def build(context: _Context) -> String | None:
        perception = context.sight.perception
        if perception.layer(layer.name) is None:
            return None
        return labels.words_message(layer.words, perception.layer(layer.words) or (), context.header)

    return _Topic(layer.words_topic, String, frozenset({task}), build)


def _canvas(room: Room) -> _Topic:
    def build(context: _Context) -> Image | None:
        canvases = context.sight.perception.canvases
        canvas = next((canvas for canvas in canvases if canvas.instruction.task is room.task), None)
        return None if canvas is None else convert.image_message(canvas.rgb, "rgb8", context.header)

    return _Topic(f"canvas/{room.topic}", Image, frozenset({room.task}), build)


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


def _nav2(context: _Context) -> PointCloud2 | None:
    """The cloud for costmaps: few points, the nearest ones, without the classes that are no obstacles."""
    seen, settings = context.sight.perception, context.settings
    if seen.depth_m is None or seen.camera is None:
        return None
    if settings.nav2_without and Task.SEMANTIC in context.sight.resting:
        return None  # without classes the floor would be an obstacle
    words = seen.labels if seen.mask is not None else ()
    cloud = sparse_cloud(
        seen.depth_m,
        seen.camera,
        most_points=settings.nav2_max_points,
        mask=seen.mask,
        without=[number for number, word in enumerate(words) if word in settings.nav2_without],
        voxel_m=settings.nav2_voxel_m,
        far_point_m=settings.far_point_m or None,
    )
    return convert.sparse_cloud_message(cloud.points, cloud.label, context.header)


def _objects(context: _Context) -> String | None:
    """Of the instances; of the prompt's regions where no class of instances is named."""
    seen = context.sight.perception
    if seen.instances is not None:
        found = _found(seen, "instances", seen.instance_labels)
    else:
        found = _found(seen, "referring", seen.referring_labels[1:])
    return None if found is None else labels.objects_message(found, context.header)


def _found(seen: Perception, layer: str, words: tuple[str, ...]) -> list[SeenObject] | None:
    numbers = seen.layer(layer)
    if numbers is None:
        return None
    if numbers.dtype == np.uint8:
        numbers = np.where(numbers == UNLABELLED, np.uint8(0), numbers)
    confidence = seen.layer(f"{layer}_confidence")
    return seen_objects(numbers, words, confidence=confidence, depth_m=seen.depth_m, camera=seen.camera)


def _tracks(context: _Context) -> String | None:
    """Instances that keep their numbers; only the steady way has them."""
    if not context.settings.steady or context.sight.perception.instances is None:
        return None
    return labels.words_message("tracks", context.sight.tracks, context.header)


def _detections(context: _Context) -> Any:
    return labels.detections_message(labels.vision_msgs(), context.sight.perception, context.header)


def _detections_3d(context: _Context) -> Any:
    seen = context.sight.perception
    found = _found(seen, "instances", seen.instance_labels)
    return labels.detections_3d_message(labels.vision_msgs(), found or (), context.header)


_BUILDERS: dict[str, Callable[[_Context], Any]] = {"depth/image": _depth}


def topics() -> tuple[_Topic, ...]:
    """Every layer that a task gives a topic, every canvas, and those that image_transport can compress so too."""
    published = [room for room in rooms() if room.published]
    images = (
        *(_of_layer(layer, room.task) for room in published for layer in room.layers if layer.topic),
        *(_canvas(room) for room in published),
    )
    return (
        _Topic("depth/camera_info", CameraInfo, frozenset(), _info, camera=True),
        _Topic(NAV2, PointCloud2, frozenset({Task.DEPTH}), _nav2, camera=True, qos=_SENSOR),
        _Topic(OBJECTS, String, frozenset({Task.INSTANCE, Task.REFERRING, Task.DEPTH}), _objects, camera=True),
        _Topic(TRACKS, String, frozenset({Task.INSTANCE}), _tracks),
        *images,
        *(_of_words(layer, room.task) for room in published for layer in room.layers if layer.words_topic),
        *(_compressed(topic) for topic in images if topic.name not in _UNCOMPRESSED),
    )


#: image_transport has no form for three floats a pixel.
_UNCOMPRESSED = frozenset({"normals/image"})


def _compressed(raw: _Topic) -> _Topic:
    """The same image as image_transport's plugins name and send it."""
    is_depth = raw.name == "depth/image"

    def build(context: _Context) -> CompressedImage | None:
        image = raw.build(context)
        if image is None:
            return None
        if is_depth:
            return compressed.compressed_depth_message(image, max_range_m=context.settings.max_range_m)
        return compressed.compressed_message(image)

    return _Topic(f"{raw.name}/{'compressedDepth' if is_depth else 'compressed'}", CompressedImage, raw.tasks, build)


NO_CAMERA = "no camera is known, so there is no cloud: send camera_info, set hfov_deg or allow the task rays"
#: Of tasks that ask nothing by themselves.
_REMEDIES = {
    Task.REFERRING: "no prompt names a region: publish words on the topic prompt",
    Task.INSTANCE: "the parameter instance_class names no class",
}


class Outputs:
    """The publishers of a configured node."""

    def __init__(self, node: Any) -> None:
        self._node = node
        messages = labels.vision_msgs()
        self._vision_msgs = messages
        self._topics = list(topics())
        if messages is not None:
            kind = messages.Detection2DArray
            self._topics.append(_Topic("instances/detections", kind, frozenset({Task.INSTANCE}), _detections))
            kind, tasks = messages.Detection3DArray, frozenset({Task.INSTANCE, Task.DEPTH})
            self._topics.append(_Topic(DETECTIONS_3D, kind, tasks, _detections_3d, camera=True))
        self._publishers = {t.name: self._publisher(t.message, t.name, t.qos) for t in self._topics}
        self._publishers[CLOUD] = self._publisher(PointCloud2, CLOUD)
        self._labels = self._publisher(String, "segmentation/labels", _LATCHED)
        self._answers = self._publisher(String, "prompt/answer")
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

    def publish(self, sight: Sight, wanted: frozenset[str], settings: Settings, info: CameraInfo | None) -> Published:
        """All with one header. `info` is the one that the sight's camera was read from, if it was."""
        head = convert.header(sight.frame.stamp_ns, sight.frame.frame_id)
        context = _Context(sight, head, settings, info)
        sizes: dict[str, int] = {}
        for topic in self._topics:
            if topic.name in wanted:
                message = topic.build(context)
                if message is not None:
                    self._publishers[topic.name].publish(message)
                    sizes[topic.name] = len(getattr(message, "data", ()))
        if CLOUD in wanted:
            self._publish_cloud(context, sizes)
        largest = max(sizes, key=lambda name: sizes[name], default="")
        return Published(
            topics=frozenset(sizes),
            bytes_in_all=sum(sizes.values()),
            largest=largest,
            largest_bytes=sizes.get(largest, 0),
        )

    def _publish_cloud(self, context: _Context, sizes: dict[str, int]) -> None:
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
