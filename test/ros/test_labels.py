"""The words behind the numbers; vision_msgs by stand-ins, since no wheel carries that package."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
from std_msgs.msg import Header

from vision_banana_ros.core import Perception, Target
from vision_banana_ros.geometry.objects import SeenObject
from vision_banana_ros.prompts import ClassSet
from vision_banana_ros.ros.labels import (
    detections_3d_message,
    detections_message,
    label_info_message,
    labels_message,
    vision_msgs,
)

CLASSES = ClassSet((Target("floor", (128, 192, 0)), Target('Stuhl "Eames", grün', (255, 0, 0))))


class _Message(SimpleNamespace):
    """Fields as attributes, made when first looked at: as much of a ROS message as the code needs."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = [] if name in ("detections", "class_map") else _Message()
        setattr(self, name, value)
        return value


MESSAGES = SimpleNamespace(
    **dict.fromkeys(
        (
            "LabelInfo",
            "VisionClass",
            "Detection2DArray",
            "Detection2D",
            "ObjectHypothesisWithPose",
            "Detection3DArray",
            "Detection3D",
        ),
        _Message,
    )
)


def test_json_lists_ids_names_and_colours_in_any_script() -> None:
    labels = json.loads(labels_message(CLASSES).data)
    assert labels == {
        "classes": [
            {"id": 0, "name": "background", "color": "#000000"},
            {"id": 1, "name": "floor", "color": "#80C000"},
            {"id": 2, "name": 'Stuhl "Eames", grün', "color": "#FF0000"},
        ],
        "unlabelled": 255,
    }


def test_without_a_background_there_is_no_id_0() -> None:
    labels = json.loads(labels_message(ClassSet(CLASSES.targets, None)).data)
    assert [entry["id"] for entry in labels["classes"]] == [1, 2]


def test_label_info_maps_the_same_ids() -> None:
    """Against stand-ins for vision_msgs: the field names are those of its LabelInfo and VisionClass."""
    info = label_info_message(MESSAGES, CLASSES, Header(frame_id="x"), threshold=0.5)
    assert [(entry.class_id, entry.class_name) for entry in info.class_map][:1] == [(1, "floor")], "no background"
    assert info.threshold == 0.5


def test_detections_are_the_boxes_of_the_instances() -> None:
    """Against stand-ins for vision_msgs: the field names are those of its Detection2DArray (4.x)."""
    instances = np.zeros((20, 30), np.uint16)
    instances[2:6, 10:20] = 1
    instances[15, 5] = 3  # 2 is missing: ids need not be dense
    confidence = np.full((20, 30), 51, np.uint8)
    seen = Perception(
        stamp_ns=0,
        frame_id="",
        hw=(20, 30),
        layers={
            "instances": instances,
            "instances_confidence": confidence,
            "instance_labels": ("box", "lid", "box"),
        },
    )
    array = detections_message(MESSAGES, seen, Header())
    boxes = [
        (d.id, d.bbox.center.position.x, d.bbox.center.position.y, d.bbox.size_x, d.bbox.size_y)
        for d in array.detections
    ]
    assert boxes == [("1", 14.5, 3.5, 10.0, 4.0), ("3", 5.0, 15.0, 1.0, 1.0)]
    hypothesis = array.detections[0].results[0].hypothesis
    assert (hypothesis.class_id, round(hypothesis.score, 3)) == ("box", 0.2)
    assert type(array.detections[0].bbox.size_x) is float


def test_detections_in_space_are_boxes_along_the_cameras_axes() -> None:
    """Against stand-ins for vision_msgs: the field names are those of its Detection3DArray (4.x)."""
    found = [
        SeenObject(3, "ball", 0.5, 40, (1, 2, 3, 4), (0.5, -0.25, 2.0), (0.2, 0.3, 0.4)),
        SeenObject(4, "box", 1.0, 9, (1, 2, 3, 4)),  # of no known depth
    ]
    (detection,) = detections_3d_message(MESSAGES, found, Header()).detections
    hypothesis = detection.results[0]
    assert (detection.id, hypothesis.hypothesis.class_id, hypothesis.hypothesis.score) == ("3", "ball", 0.5)
    for pose in (detection.bbox.center, hypothesis.pose.pose):
        assert (pose.position.x, pose.position.y, pose.position.z) == (0.5, -0.25, 2.0)
        assert pose.orientation.w == 1.0
    assert (detection.bbox.size.x, detection.bbox.size.y, detection.bbox.size.z) == (0.2, 0.3, 0.4)


def test_the_package_is_used_exactly_where_it_exists() -> None:
    import importlib.util

    assert (vision_msgs() is None) == (importlib.util.find_spec("vision_msgs") is None)
