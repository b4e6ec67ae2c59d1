"""The node's topics as messages of a bag, without ROS: the same bytes as ros/convert.py and ros/labels.py make.

Types come from a rosbags typestore. Which topics there are is told by the tasks' layers, as for the node.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import numpy as np

from vision_banana_ros.core import UNLABELLED, AnyArray, Camera, FloatArray, FrameError, Rgb, Task
from vision_banana_ros.data.camera_info import info_fields
from vision_banana_ros.geometry import CLOUD_FIELDS, POINT_STEP, pack_cloud
from vision_banana_ros.perceiver import Sight
from vision_banana_ros.prompts import ClassSet
from vision_banana_ros.tasks import Layer, rooms

IMAGE, INFO, CLOUD = "sensor_msgs/msg/Image", "sensor_msgs/msg/CameraInfo", "sensor_msgs/msg/PointCloud2"
STRING = "std_msgs/msg/String"
LABELS = "segmentation/labels"
POINTS = "points"

_ENCODINGS = {
    "32FC1": ("f4", 1),
    "32FC3": ("f4", 3),
    "rgb8": ("u1", 3),
    "mono8": ("u1", 1),
    "mono16": ("u2", 1),
    "16UC1": ("u2", 1),
}
_DATATYPES = {"int8": 1, "uint8": 2, "int16": 3, "uint16": 4, "int32": 5, "uint32": 6, "float32": 7, "float64": 8}
_MOST_MILLIMETRES = 65535


@dataclass(frozen=True, slots=True)
class Topic:
    """One output; `build` makes its message, or None when a frame has nothing for it."""

    name: str
    msgtype: str
    tasks: frozenset[Task]
    build: Callable[[Messages, Sight, Any, Any], Any]
    latched: bool = False


class Messages:
    """Makes messages of the types in `store`."""

    def __init__(self, store: Any, *, depth_format: str = "32FC1") -> None:
        self._types: Any = store.types
        self.depth_format = depth_format

    def header(self, stamp_ns: int, frame_id: str) -> Any:
        stamp = self._types["builtin_interfaces/msg/Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        return self._types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)

    def image(self, values: AnyArray, encoding: str, head: Any) -> Any:
        dtype, channels = _ENCODINGS[encoding]
        if values.dtype != np.dtype(dtype) or values.ndim != (2 if channels == 1 else 3):
            raise FrameError(f"{encoding} needs {dtype} with {channels} channel(s), got {values.dtype} {values.shape}")
        height, width = values.shape[:2]
        stored = np.ascontiguousarray(values, np.dtype(dtype).newbyteorder("<"))
        return self._types[IMAGE](
            header=head,
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=0,
            step=width * channels * stored.dtype.itemsize,
            data=stored.reshape(-1).view(np.uint8),
        )

    def depth(self, depth_m: FloatArray, head: Any) -> Any:
        if self.depth_format == "32FC1":
            return self.image(depth_m, "32FC1", head)
        millimetres = np.rint(np.nan_to_num(depth_m * 1000.0, nan=0.0, posinf=0.0))
        millimetres[millimetres > _MOST_MILLIMETRES] = 0.0
        return self.image(millimetres.astype(np.uint16), "16UC1", head)

    def info(self, camera: Camera, head: Any, *, like: Any = None) -> Any:
        """As the node's: distortion, rectification and baseline of the info that the camera was read from, if any."""
        fields = info_fields(camera, like)
        numbers = {name: np.asarray(fields[name], np.float64) for name in ("d", "k", "r", "p")}
        region = self._types["sensor_msgs/msg/RegionOfInterest"](
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        return self._types[INFO](
            header=head,
            height=camera.height,
            width=camera.width,
            distortion_model=fields["distortion_model"],
            **numbers,
            binning_x=0,
            binning_y=0,
            roi=region,
        )

    def cloud(self, sight: Sight, head: Any) -> Any:
        seen = sight.perception
        if seen.depth_m is None or seen.camera is None:
            return None
        height, width = seen.hw
        data = pack_cloud(
            seen.depth_m,
            seen.camera,
            rgb=sight.frame.rgb,
            normals=seen.normals,
            mask=seen.mask,
            confidence=seen.depth_confidence,
        )
        fields = [
            self._types["sensor_msgs/msg/PointField"](
                name=f.name, offset=f.offset, datatype=_DATATYPES[f.datatype], count=f.count
            )
            for f in CLOUD_FIELDS
        ]
        return self._types[CLOUD](
            header=head,
            height=height,
            width=width,
            fields=fields,
            is_bigendian=False,
            point_step=POINT_STEP,
            row_step=POINT_STEP * width,
            data=data,
            is_dense=False,
        )

    def string(self, content: Any) -> Any:
        return self._types[STRING](data=json.dumps(content, ensure_ascii=False))

    def labels(self, classes: ClassSet) -> Any:
        entries = [] if classes.background is None else [_entry(0, "background", classes.background)]
        entries += [_entry(i + 1, target.text, target.color) for i, target in enumerate(classes.targets)]
        return self.string({"classes": entries, "unlabelled": UNLABELLED})

    def words(self, name: str, entries: Sequence[Any], head: Any) -> Any:
        told = [asdict(entry) if is_dataclass(entry) and not isinstance(entry, type) else entry for entry in entries]
        stamp = {"sec": head.stamp.sec, "nanosec": head.stamp.nanosec}
        return self.string({"stamp": stamp, "frame_id": head.frame_id, name: told})


def topics() -> tuple[Topic, ...]:
    """All that the node publishes of a frame, without what needs message packages that rosbags does not know."""
    published = [room for room in rooms() if room.published]
    return (
        Topic("depth/camera_info", INFO, frozenset(), _info),
        *(_of_layer(layer, room.task) for room in published for layer in room.layers if layer.topic),
        *(_of_words(layer, room.task) for room in published for layer in room.layers if layer.words_topic),
        *(_of_canvas(f"canvas/{room.topic}", room.task) for room in published),
        Topic(POINTS, CLOUD, frozenset({Task.DEPTH}), lambda make, sight, head, _like: make.cloud(sight, head)),
    )


def _of_layer(layer: Layer, task: Task) -> Topic:
    def build(make: Messages, sight: Sight, head: Any, _like: Any) -> Any:
        values = sight.perception.layer(layer.name)
        if values is None:
            return None
        return make.depth(values, head) if layer.name == "depth_m" else make.image(values, layer.encoding, head)

    return Topic(layer.topic, IMAGE, frozenset({task}), build)


def _of_words(layer: Layer, task: Task) -> Topic:
    def build(make: Messages, sight: Sight, head: Any, _like: Any) -> Any:
        seen = sight.perception
        if seen.layer(layer.name) is None:
            return None
        return make.words(layer.words, seen.layer(layer.words) or (), head)

    return Topic(layer.words_topic, STRING, frozenset({task}), build)


def _of_canvas(name: str, task: Task) -> Topic:
    def build(make: Messages, sight: Sight, head: Any, _like: Any) -> Any:
        canvas = next((c for c in sight.perception.canvases if c.instruction.task is task), None)
        return None if canvas is None else make.image(canvas.rgb, "rgb8", head)

    return Topic(name, IMAGE, frozenset({task}), build)


def _info(make: Messages, sight: Sight, head: Any, like: Any) -> Any:
    camera = sight.perception.camera
    return None if camera is None else make.info(camera, head, like=like)


def _entry(class_id: int, name: str, color: Rgb | None) -> dict[str, object]:
    return {"id": class_id, "name": name, "color": None if color is None else "#{:02X}{:02X}{:02X}".format(*color)}
