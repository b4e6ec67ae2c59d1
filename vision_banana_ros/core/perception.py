"""What a robot gets: decoded values, each with the validity of its decode.

Layers are called by name. Which task fills which, and of what type, stands in the task's file (tasks/); these are the
usual ones:

    depth_m      float32, metres along z (REP 118); NaN invalid, +inf beyond range (REP 117).
    normals      float32 (H, W, 3), unit vectors in the optical frame (x right, y down, z forward) that face the camera:
                 a wall seen head-on is (0, 0, -1). NaN invalid.
    mask         uint8, class ids into `labels`: 0 background, i + 1 the i-th target, 255 unlabelled.
    instances    uint16, 0 background, 1.. the instances found; instance_labels[i - 1] is the class of instance i.
    referring    uint8, as mask, into `referring_labels`.
    *_confidence uint8; 0: the painted colour is near no valid code; 255: it is one exactly.
    All arrays have the size of the frame. None: not asked for, or nobody could tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from vision_banana_ros.core.arrays import FloatArray, UInt8Array, UInt16Array, describe
from vision_banana_ros.core.ask import Ask
from vision_banana_ros.core.camera import Camera
from vision_banana_ros.core.canvas import Canvas
from vision_banana_ros.core.errors import FrameError
from vision_banana_ros.core.frame import require_camera_fits
from vision_banana_ros.core.task import Task

UNLABELLED = 255

#: Layers by name: arrays of the frame's size, and the words that belong to them.
Layers: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What one instruction brought: its canvas, and the layers that it alone fills."""

    canvas: Canvas
    layers: Layers = field(default_factory=dict)

    @property
    def instruction(self) -> Ask:
        return self.canvas.instruction


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What was asked and brought nothing, and why."""

    instruction: Ask
    why: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Perception:
    """Everything decoded from one frame, pixel-aligned with it.

    `layers` are those of all answers together: several answers of one task share the task's layers (the instances of
    one class are numbered on after those of the other). `answers` has each one's own.
    """

    stamp_ns: int
    frame_id: str
    hw: tuple[int, int]
    layers: Layers = field(default_factory=dict)
    camera: Camera | None = None
    camera_recovered: bool = False
    answers: tuple[Answer, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()

    def __post_init__(self) -> None:
        for name, value in self.layers.items():
            if isinstance(value, np.ndarray) and value.shape[:2] != self.hw:
                raise FrameError(f"layer {name} must be {self.hw[0]} high and {self.hw[1]} wide, got {describe(value)}")
        require_camera_fits(self.camera, self.hw, owner="Perception")

    @property
    def canvases(self) -> tuple[Canvas, ...]:
        return tuple(answer.canvas for answer in self.answers)

    def layer(self, name: str) -> Any:
        """The layer of that name, or None."""
        return self.layers.get(name)

    def with_layers(self, **changed: Any) -> Perception:
        """The same with some layers replaced."""
        return Perception(
            stamp_ns=self.stamp_ns,
            frame_id=self.frame_id,
            hw=self.hw,
            layers={**self.layers, **changed},
            camera=self.camera,
            camera_recovered=self.camera_recovered,
            answers=self.answers,
            unanswered=self.unanswered,
        )

    @property
    def depth_m(self) -> FloatArray | None:
        return self.layers.get("depth_m")

    @property
    def depth_confidence(self) -> UInt8Array | None:
        return self.layers.get("depth_confidence")

    @property
    def normals(self) -> FloatArray | None:
        return self.layers.get("normals")

    @property
    def normals_confidence(self) -> UInt8Array | None:
        return self.layers.get("normals_confidence")

    @property
    def mask(self) -> UInt8Array | None:
        return self.layers.get("mask")

    @property
    def mask_confidence(self) -> UInt8Array | None:
        return self.layers.get("mask_confidence")

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.layers.get("labels", ()))

    @property
    def instances(self) -> UInt16Array | None:
        return self.layers.get("instances")

    @property
    def instances_confidence(self) -> UInt8Array | None:
        return self.layers.get("instances_confidence")

    @property
    def instance_labels(self) -> tuple[str, ...]:
        return tuple(self.layers.get("instance_labels", ()))

    @property
    def instance_label(self) -> str | None:
        """The class whose instances were asked for, the first of several."""
        asked = (a.instruction for a in self.answers if a.instruction.task is Task.INSTANCE)
        return next((instruction.targets[0].text for instruction in asked), None)

    @property
    def referring(self) -> UInt8Array | None:
        return self.layers.get("referring")

    @property
    def referring_confidence(self) -> UInt8Array | None:
        return self.layers.get("referring_confidence")

    @property
    def referring_labels(self) -> tuple[str, ...]:
        return tuple(self.layers.get("referring_labels", ()))
