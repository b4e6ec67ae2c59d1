"""The table of topics that are made of a frame: which there are, what each needs, how its message is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header, String

from vision_banana_ros.core import UNLABELLED, Perception, Task
from vision_banana_ros.geometry.objects import SeenObject, seen_objects
from vision_banana_ros.geometry.sparse import Heights, sparse_cloud
from vision_banana_ros.perceiver import Sight
from vision_banana_ros.ros import compressed, convert, labels
from vision_banana_ros.ros.params import Settings
from vision_banana_ros.ros.quality import SENSOR, VOLATILE
from vision_banana_ros.tasks import Layer, Room, rooms

CLOUD = "points"
NAV2 = "points/nav2"
OBJECTS = "objects"
TRACKS = "tracks"
DETECTIONS = "instances/detections"
DETECTIONS_3D = "instances/detections_3d"


@dataclass(frozen=True, slots=True)
class Context:
    sight: Sight
    header: Header
    settings: Settings
    info_like: CameraInfo | None
    heights: Heights | None = None  # that points/nav2 keeps


@dataclass(frozen=True, slots=True)
class Topic:
    """`build` makes the message, or None when this frame has nothing for it."""

    name: str
    message: Any
    tasks: frozenset[Task]
    build: Callable[[Context], Any]
    camera: bool = False
    qos: QoSProfile = field(default_factory=lambda: VOLATILE)


def _of_layer(layer: Layer, task: Task) -> Topic:
    """An image of the layer as its task describes it; what needs another form has a builder of its own."""

    def build(context: Context) -> Image | None:
        values = context.sight.perception.layer(layer.name)
        return None if values is None else convert.image_message(values, layer.encoding, context.header)

    return Topic(layer.topic, Image, frozenset({task}), _BUILDERS.get(layer.topic, build))


def _of_words(layer: Layer, task: Task) -> Topic:
    def build(context: Context) -> String | None:
        perception = context.sight.perception
        if perception.layer(layer.name) is None:
            return None
        return labels.words_message(layer.words, perception.layer(layer.words) or (), context.header)

    return Topic(layer.words_topic, String, frozenset({task}), build)


def _canvas(room: Room) -> Topic:
    def build(context: Context) -> Image | None:
        canvases = context.sight.perception.canvases
        canvas = next((canvas for canvas in canvases if canvas.instruction.task is room.task), None)
        return None if canvas is None else convert.image_message(canvas.rgb, "rgb8", context.header)

    return Topic(f"canvas/{room.topic}", Image, frozenset({room.task}), build)


def _depth(context: Context) -> Image | None:
    depth_m = context.sight.perception.depth_m
    if depth_m is None:
        return None
    if context.settings.depth_format == "16UC1":
        return convert.image_message(convert.depth_as_millimetres(depth_m), "16UC1", context.header)
    return convert.image_message(depth_m, "32FC1", context.header)


def _info(context: Context) -> CameraInfo | None:
    camera = context.sight.perception.camera
    return None if camera is None else convert.info_message(camera, context.header, like=context.info_like)


def _nav2(context: Context) -> PointCloud2 | None:
    """The cloud for costmaps: few points, the nearest ones, without the classes and heights that are no obstacles."""
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
        heights=context.heights,
        voxel_m=settings.nav2_voxel_m,
        far_point_m=settings.far_point_m or None,
    )
    return convert.sparse_cloud_message(cloud.points, cloud.label, context.header)


def _objects(context: Context) -> String | None:
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


def _tracks(context: Context) -> String | None:
    """Instances that keep their numbers; only the steady way has them."""
    if not context.settings.steady or context.sight.perception.instances is None:
        return None
    return labels.words_message("tracks", context.sight.tracks, context.header)


def _of_detections(messages: Any) -> tuple[Topic, Topic]:
    """In vision_msgs' own kinds."""

    def flat(context: Context) -> Any:
        return labels.detections_message(messages, context.sight.perception, context.header)

    def deep(context: Context) -> Any:
        seen = context.sight.perception
        found = _found(seen, "instances", seen.instance_labels)
        return labels.detections_3d_message(messages, found or (), context.header)

    both = frozenset({Task.INSTANCE, Task.DEPTH})
    return (
        Topic(DETECTIONS, messages.Detection2DArray, frozenset({Task.INSTANCE}), flat),
        Topic(DETECTIONS_3D, messages.Detection3DArray, both, deep, camera=True),
    )


_BUILDERS: dict[str, Callable[[Context], Any]] = {"depth/image": _depth}


def topics(vision_msgs: Any | None = None) -> tuple[Topic, ...]:
    """Every layer that a task gives a topic, every canvas, those that image_transport can compress so too, and
    detections where their message package is installed.
    """
    published = [room for room in rooms() if room.published]
    images = (
        *(_of_layer(layer, room.task) for room in published for layer in room.layers if layer.topic),
        *(_canvas(room) for room in published),
    )
    return (
        Topic("depth/camera_info", CameraInfo, frozenset(), _info, camera=True),
        Topic(NAV2, PointCloud2, frozenset({Task.DEPTH}), _nav2, camera=True, qos=SENSOR),
        Topic(OBJECTS, String, frozenset({Task.INSTANCE, Task.REFERRING, Task.DEPTH}), _objects, camera=True),
        Topic(TRACKS, String, frozenset({Task.INSTANCE}), _tracks),
        *images,
        *(_of_words(layer, room.task) for room in published for layer in room.layers if layer.words_topic),
        *(_compressed(topic) for topic in images if topic.name not in _UNCOMPRESSED),
        *([] if vision_msgs is None else _of_detections(vision_msgs)),
    )


#: image_transport has no form for three floats a pixel.
_UNCOMPRESSED = frozenset({"normals/image"})


def _compressed(raw: Topic) -> Topic:
    """The same image as image_transport's plugins name and send it."""
    is_depth = raw.name == "depth/image"

    def build(context: Context) -> CompressedImage | None:
        image = raw.build(context)
        if image is None:
            return None
        if is_depth:
            return compressed.compressed_depth_message(image, max_range_m=context.settings.max_range_m)
        return compressed.compressed_message(image)

    return Topic(f"{raw.name}/{'compressedDepth' if is_depth else 'compressed'}", CompressedImage, raw.tasks, build)
