"""The latched words behind the numbers of a mask: JSON for everybody, vision_msgs where that package exists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from importlib import import_module, util
from typing import Any

import numpy as np
from std_msgs.msg import Header, String

from vision_banana_ros.core import UNLABELLED, Perception, Rgb
from vision_banana_ros.geometry.objects import SeenObject
from vision_banana_ros.prompts import ClassSet


def vision_msgs() -> Any | None:
    """The message package's `msg` module; None where it is not installed, as with the wheels from PyPI."""
    return import_module("vision_msgs.msg") if util.find_spec("vision_msgs") is not None else None


def labels_message(classes: ClassSet) -> String:
    """{"classes": [{"id", "name", "color"}, ...], "unlabelled": 255}; ids as in segmentation/mask."""
    entries = [] if classes.background is None else [_entry(0, "background", classes.background)]
    entries += [_entry(i + 1, target.text, target.color) for i, target in enumerate(classes.targets)]
    return String(data=json.dumps({"classes": entries, "unlabelled": UNLABELLED}, ensure_ascii=False))


def words_message(name: str, entries: Sequence[Any], head: Header) -> String:
    """{"stamp": {"sec", "nanosec"}, "frame_id", NAME: [...]}: what the numbers of a mask of this stamp stand for."""
    told = [asdict(entry) if is_dataclass(entry) and not isinstance(entry, type) else entry for entry in entries]
    stamp = {"sec": head.stamp.sec, "nanosec": head.stamp.nanosec}
    return String(data=json.dumps({"stamp": stamp, "frame_id": head.frame_id, name: told}, ensure_ascii=False))


def objects_message(found: Sequence[SeenObject], head: Header) -> String:
    """What vision_msgs' detections say and more, for whoever lacks that package: {"stamp", "frame_id", "objects":
    [{"id", "label", "score", "pixels", "box": [x, y, width, height], "centre_m": [x, y, z] or null, "size_m"}]}.
    """
    return words_message("objects", [object_entry(seen) for seen in found], head)


def object_entry(seen: SeenObject) -> dict[str, Any]:
    entry = {"id": seen.number, "label": seen.label, "score": round(seen.score, 3), "pixels": seen.pixels}
    return {**entry, "box": seen.box, "centre_m": seen.centre_m, "size_m": seen.size_m}


def _entry(class_id: int, name: str, color: Rgb | None) -> dict[str, object]:
    return {"id": class_id, "name": name, "color": None if color is None else "#{:02X}{:02X}{:02X}".format(*color)}


def label_info_message(messages: Any, classes: ClassSet, head: Header, *, threshold: float) -> Any:
    """vision_msgs/LabelInfo; `messages` is what vision_msgs() returned.

    The background, id 0, is no class and not among them: Nav2's semantic layer calls each class that its configuration
    lacks a critical error, and skips ids that it was not told of without a word.
    """
    names = {i + 1: target.text for i, target in enumerate(classes.targets)}
    info = messages.LabelInfo(header=head, threshold=float(threshold))
    info.class_map = [messages.VisionClass(class_id=class_id, class_name=name) for class_id, name in names.items()]
    return info


def detections_message(messages: Any, perception: Perception, head: Header) -> Any:
    """vision_msgs/Detection2DArray: a box around each instance, scored by the mean confidence of its pixels.

    A box's centre is in pixels with the first pixel's centre at (0, 0); its size counts the pixels that it spans.
    """
    array = messages.Detection2DArray(header=head)
    instances, confidence = perception.instances, perception.instances_confidence
    if instances is None:
        return array
    for instance_id in range(1, int(instances.max(initial=0)) + 1):
        rows, columns = np.nonzero(instances == instance_id)
        if rows.size == 0:
            continue
        detection = messages.Detection2D(header=head, id=str(instance_id))
        left, right, top, bottom = int(columns.min()), int(columns.max()), int(rows.min()), int(rows.max())
        detection.bbox.center.position.x, detection.bbox.center.position.y = (left + right) / 2, (top + bottom) / 2
        detection.bbox.size_x, detection.bbox.size_y = float(right - left + 1), float(bottom - top + 1)
        hypothesis = messages.ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id = perception.instance_labels[instance_id - 1]
        score = 1.0 if confidence is None else float(confidence[rows, columns].mean()) / 255
        hypothesis.hypothesis.score = score
        detection.results = [hypothesis]
        array.detections.append(detection)
    return array


def detections_3d_message(messages: Any, found: Sequence[SeenObject], head: Header) -> Any:
    """vision_msgs/Detection3DArray: what has a place in space; boxes in metres along the optical frame's axes."""
    array = messages.Detection3DArray(header=head)
    for seen in found:
        if seen.centre_m is None or seen.size_m is None:
            continue
        detection = messages.Detection3D(header=head, id=str(seen.number))
        hypothesis = messages.ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = seen.label, float(seen.score)
        for pose in (detection.bbox.center, hypothesis.pose.pose):
            pose.position.x, pose.position.y, pose.position.z = seen.centre_m
            pose.orientation.w = 1.0
        detection.bbox.size.x, detection.bbox.size.y, detection.bbox.size.z = seen.size_m
        detection.results = [hypothesis]
        array.detections.append(detection)
    return array
