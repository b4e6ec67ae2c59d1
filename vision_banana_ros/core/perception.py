"""What a robot gets: decoded values, each with the validity of its decode.

Conventions
    depth_m      metres along z (REP 118); NaN invalid, +inf beyond range (REP 117).
    normals      unit vectors in the optical frame (x right, y down, z forward) that face the camera:
                 a wall seen head-on is (0, 0, -1). NaN invalid.
    mask         class ids into `labels`: 0 background, i + 1 the i-th target, 255 unlabelled.
    instances    0 background, 1.. the instances found.
    confidence   0: the painted colour is near no valid code; 255: it is one exactly.
    All arrays have the size of the frame. None: not asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from vision_banana_ros.core.arrays import FloatArray, UInt8Array, UInt16Array, require_array
from vision_banana_ros.core.camera import Camera
from vision_banana_ros.core.canvas import Canvas
from vision_banana_ros.core.errors import FrameError
from vision_banana_ros.core.frame import require_camera_fits

UNLABELLED = 255


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Perception:
    """Everything decoded from one frame, pixel-aligned with it."""

    stamp_ns: int
    frame_id: str
    hw: tuple[int, int]
    depth_m: FloatArray | None = None
    depth_confidence: UInt8Array | None = None
    normals: FloatArray | None = None
    normals_confidence: UInt8Array | None = None
    mask: UInt8Array | None = None
    mask_confidence: UInt8Array | None = None
    labels: tuple[str, ...] = ()
    instances: UInt16Array | None = None
    instances_confidence: UInt8Array | None = None
    instance_label: str | None = None
    referring: UInt8Array | None = None
    referring_confidence: UInt8Array | None = None
    referring_labels: tuple[str, ...] = ()
    camera: Camera | None = None
    camera_recovered: bool = False
    canvases: tuple[Canvas, ...] = ()

    def __post_init__(self) -> None:
        for name, dtype, channels in _LAYERS:
            value = getattr(self, name)
            if value is not None:
                require_array(
                    value, name=f"Perception.{name}", dtype=dtype, channels=channels, hw=self.hw, error=FrameError
                )
        require_camera_fits(self.camera, self.hw, owner="Perception")


_LAYERS: tuple[tuple[str, str, int | None], ...] = (
    ("depth_m", "float32", None),
    ("depth_confidence", "uint8", None),
    ("normals", "float32", 3),
    ("normals_confidence", "uint8", None),
    ("mask", "uint8", None),
    ("mask_confidence", "uint8", None),
    ("instances", "uint16", None),
    ("instances_confidence", "uint8", None),
    ("referring", "uint8", None),
    ("referring_confidence", "uint8", None),
)
