"""Metric scale from something that is known: the camera's height over the floor, one distance, or a laser's points.

A network's depth may be off by one factor s for the whole image: true depth = s * depth. A floor that the depth puts
h below the camera (floor.py finds it) while the camera is known to be height_m above it gives s = height_m / h; a
distance known along one ray gives s = range_m / (depth there * length of the ray (X / Z, Y / Z, 1)).

Convention
    Optical frame; metres as the depth has them. Lengths along rays are called range, along z depth (REP 118).
    `confidence` 0..1 is 0 when nothing was found: then `scale` is 1, `plane` None, and nothing is raised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vision_banana_ros.core import (
    BoolArray,
    Camera,
    FloatArray,
    FrameError,
    describe,
    require_array,
)
from vision_banana_ros.geometry.anchor import DepthKind, fit, sparse_depth
from vision_banana_ros.geometry.cloud import unproject
from vision_banana_ros.geometry.floor import Plane, find_floor, normals_of, unit

_WIDTH = 160  # a floor needs no more columns than that, and each averages the noise of several
_FULL_SUPPORT = 0.10  # of the image's pixels on the floor make one sure of it
_BAD_RESIDUAL = 0.15  # relative depth error at which the points are no plane any more
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleEstimate:
    """Multiply depth by `scale`. `plane` is the floor in the depth's own, unscaled metres."""

    scale: float = 1.0
    confidence: float = 0.0
    plane: Plane | None = None


NO_SCALE = ScaleEstimate()


def scale_from_height(
    depth_m: FloatArray,
    camera: Camera,
    height_m: float,
    *,
    normals: FloatArray | None = None,
    floor_mask: BoolArray | None = None,
    up: tuple[float, float, float] = (0.0, -1.0, 0.0),
) -> ScaleEstimate:
    """Scale from the camera's optical centre being `height_m` above the floor.

    `normals` save estimating them from the depth; `floor_mask` says where the floor is (a segmentation) so that nothing
    else is looked at; `up` is the direction away from gravity in the optical frame where an IMU knows it.
    """
    require_array(depth_m, name="depth_m", dtype="float32", hw=(camera.height, camera.width), error=FrameError)
    _require_length(height_m, "height_m")
    hw = camera.height, camera.width
    if normals is not None:
        require_array(normals, name="normals", dtype="float32", channels=3, hw=hw, error=FrameError)
    if floor_mask is not None:
        require_array(floor_mask, name="floor_mask", dtype="bool", hw=hw, error=FrameError)
    small = camera.scaled_to(
        min(_WIDTH, camera.width), max(1, camera.height * min(_WIDTH, camera.width) // camera.width)
    )
    points = unproject(_shrunk_depth(depth_m, small), small)
    facing = normals_of(points) if normals is None else _shrunk(normals, small)
    candidates = np.isfinite(points).all(axis=2) & np.isfinite(facing).all(axis=2)
    if floor_mask is not None:
        candidates &= _shrunk(floor_mask.astype(np.float32), small) > 0.5
    floor = find_floor(points[candidates], facing[candidates], unit(up))
    if floor is None:
        return NO_SCALE
    support = min(1.0, floor.count / (_FULL_SUPPORT * candidates.size))
    fit = max(0.0, 1.0 - floor.residual / _BAD_RESIDUAL)
    return ScaleEstimate(scale=height_m / floor.plane.height_m, confidence=support * fit, plane=floor.plane)


def scale_from_range(
    depth_m: FloatArray,
    camera: Camera,
    range_m: float,
    *,
    pixel: tuple[float, float] | None = None,
    radius_px: int = 4,
) -> ScaleEstimate:
    """Scale from one distance along the ray of `pixel` (u, v; by default the image's centre), as a lidar gives it.

    The median over a square of `radius_px` around it; confidence is the share of valid pixels times their agreement.
    """
    require_array(depth_m, name="depth_m", dtype="float32", hw=(camera.height, camera.width), error=FrameError)
    _require_length(range_m, "range_m")
    u, v = pixel if pixel is not None else ((camera.width - 1) / 2, (camera.height - 1) / 2)
    if not (-0.5 <= u < camera.width - 0.5 and -0.5 <= v < camera.height - 0.5):
        raise FrameError(f"pixel must be (u, v) inside {camera.width}x{camera.height}, got {pixel}")
    row, column = math.floor(v + 0.5), math.floor(u + 0.5)
    around = (
        slice(max(0, row - radius_px), row + radius_px + 1),
        slice(max(0, column - radius_px), column + radius_px + 1),
    )
    ranges = np.linalg.norm(unproject(depth_m, camera)[around], axis=2)
    seen = ranges[np.isfinite(ranges)]
    if not seen.size:
        return NO_SCALE
    middle = float(np.median(seen))
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(seen - middle))) / middle
    return ScaleEstimate(
        scale=range_m / middle, confidence=seen.size / ranges.size * max(0.0, 1.0 - spread / _BAD_RESIDUAL)
    )


def scale_from_points(depth_m: FloatArray, camera: Camera, points: FloatArray) -> ScaleEstimate:
    """Scale from points (N, 3) that a laser measured, in the optical frame; up to half of them may be wrong."""
    require_array(depth_m, name="depth_m", dtype="float32", hw=(camera.height, camera.width), error=FrameError)
    found = fit(depth_m, sparse_depth(points, camera), DepthKind.UP_TO_SCALE)
    return NO_SCALE if found is None else ScaleEstimate(scale=found.scale, confidence=found.confidence)


@dataclass(frozen=True, slots=True)
class ScaleFilter:
    """One steady scale out of one estimate per frame. Immutable: `filter = filter.updated(estimate)`.

    A confidence-weighted mean of log scale with a memory of about `memory` sure frames. Estimates of confidence 0
    change nothing. Those off by more than `jump` (relative) are strays until `patience` came in a row.
    """

    memory: float = 60.0
    jump: float = 0.25
    patience: int = 10
    scale: float = 1.0
    weight: float = 0.0
    strays: int = 0

    def updated(self, estimate: ScaleEstimate) -> ScaleFilter:
        if estimate.confidence <= 0:
            return self
        if self.weight <= 0:
            return replace(self, scale=estimate.scale, weight=estimate.confidence, strays=0)
        off = math.log(estimate.scale / self.scale)
        if abs(off) > math.log1p(self.jump):
            if self.strays + 1 < self.patience:
                return replace(self, strays=self.strays + 1)
            return replace(self, scale=estimate.scale, weight=estimate.confidence, strays=0)
        weight = min(self.weight + estimate.confidence, self.memory)
        return replace(self, scale=self.scale * math.exp(off * estimate.confidence / weight), weight=weight, strays=0)


def _shrunk(image: FloatArray, camera: Camera) -> FloatArray:
    return np.asarray(cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA))


def _shrunk_depth(depth_m: FloatArray, camera: Camera) -> FloatArray:
    """Mean inverse depth (exact on planes) of the valid pixels, as depth; NaN where fewer than half are valid."""
    valid = (depth_m > 0) & np.isfinite(depth_m)
    inverse = np.divide(np.float32(1), depth_m, out=np.zeros_like(depth_m), where=valid)
    share = _shrunk(valid.astype(np.float32), camera)
    known = share >= 0.5
    return np.divide(share, _shrunk(inverse, camera), out=np.full(share.shape, np.nan, np.float32), where=known)


def _require_length(value: float, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (math.isfinite(value) and value > 0):
        raise FrameError(f"{name} must be a positive number of metres, got {describe(value)}")
