"""Metric scale from something that is known: the camera's height over the floor, or one distance.

A network's depth may be off by one factor s for the whole image (true depth = s * depth). The floor tells it. With
n the floor's unit normal (up) and h the camera's height over it, both as the depth has them,
    n . P = -h  for floor points P   <=>   1 / depth = -(n . r) / h   with the ray r = (X / Z, Y / Z, 1)
so inverse depth is linear in r: three numbers n / h, an ordinary weighted fit, and s = height_m / h.

Which points are floor:
    1. points whose normals lean less than 45 degrees from up; with no better hint up is -y, the camera level: this
       covers a pitch of 30 degrees together with a roll of 30;
    2. their common direction: the mean of the normals within 40, then 20, then 10 degrees of the last mean;
    3. along it, a histogram of log h; table tops agree in direction, but the floor is the LOWEST large level.
       Counting pixels favours what is near, so each one counts with the area it covers, but at most as much as a
       pixel of twice the median depth: far pixels cover much and are worth little;
    4. the plane through that level, by iteratively reweighted least squares (Tukey) on relative depth errors.
Every step is deterministic.

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
    AnyArray,
    BoolArray,
    Camera,
    FloatArray,
    FrameError,
    describe,
    require_array,
)
from vision_banana_ros.geometry.cloud import unproject

_WIDTH = 160  # a floor needs no more columns than that, and each averages the noise of several
_MAX_LEAN_DEG = 45.0
_LEVEL_WIDTH = 0.04  # log height: a bin; floors of noisy depth spread over a few
_LARGE_LEVEL = 0.25  # of the largest one's area
_FULL_SUPPORT = 0.10  # of the image's pixels on the floor make one sure of it
_BAD_RESIDUAL = 0.15  # relative depth error at which the points are no plane any more
_LEAST_POINTS = 30
_ARM = 2  # pixels of the shrunk image; shorter ones turn noise into tilt
_TUKEY = 4.685
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Points P with normal . P = -height_m; `normal` is a unit vector that points to the camera's side."""

    normal: tuple[float, float, float]
    height_m: float


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
    facing = _normals_of(points) if normals is None else _shrunk(normals, small)
    candidates = np.isfinite(points).all(axis=2) & np.isfinite(facing).all(axis=2)
    if floor_mask is not None:
        candidates &= _shrunk(floor_mask.astype(np.float32), small) > 0.5
    floor = _find_floor(points[candidates], facing[candidates], _unit(up))
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


@dataclass(frozen=True, slots=True)
class _Floor:
    plane: Plane
    count: int
    residual: float


def _find_floor(points: FloatArray, normals: FloatArray, up: AnyArray) -> _Floor | None:
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    upright = normals @ up > math.cos(math.radians(_MAX_LEAN_DEG))
    if np.count_nonzero(upright) < _LEAST_POINTS:
        return None
    points, normals = points[upright].astype(np.float64), normals[upright].astype(np.float64)
    direction = up
    for radius_deg in (40.0, 20.0, 10.0):
        close = normals @ direction > math.cos(math.radians(radius_deg))
        if not close.any():
            return None
        direction = _unit(normals[close].mean(axis=0))
    level = _lowest_large_level(-(points @ direction), points[:, 2], normals @ direction)
    return None if level is None else _fit_plane(points, direction, level)


def _lowest_large_level(heights: AnyArray, depth: AnyArray, facing: AnyArray) -> float | None:
    """The height below the camera of the lowest level that many points share."""
    below = (heights > 0) & (facing > math.cos(math.radians(20)))
    if np.count_nonzero(below) < _LEAST_POINTS:
        return None
    log_height, depth = np.log(heights[below]), depth[below]
    area = np.minimum(depth, 2 * np.median(depth)) ** 2
    lowest, highest = float(log_height.min()), float(log_height.max())
    bins = max(1, math.ceil((highest - lowest) / _LEVEL_WIDTH))
    counted, edges = np.histogram(log_height, bins=bins, range=(lowest, lowest + bins * _LEVEL_WIDTH), weights=area)
    smooth = np.convolve(counted, (0.25, 0.5, 0.25), mode="same") if bins > 2 else counted
    framed = np.concatenate(([0.0], smooth, [0.0]))
    peaks = (framed[1:-1] >= framed[:-2]) & (framed[1:-1] > framed[2:]) & (smooth >= _LARGE_LEVEL * smooth.max())
    at = int(np.flatnonzero(peaks)[-1])
    return math.exp((edges[at] + edges[at + 1]) / 2)


def _fit_plane(points: AnyArray, direction: AnyArray, level: float) -> _Floor | None:
    """Refine (direction, level) on the points near it; all arithmetic in inverse depth, see the module's text."""
    inverse = 1 / points[:, 2]
    rays = points * inverse[:, None]
    coefficients: AnyArray = -direction / level
    for limit in (0.15, 0.15, 0.10, 0.10, 0.10, 0.10):  # of the depth: first catch the level, then only refine
        relative = rays @ coefficients / inverse - 1
        near = np.abs(relative) < limit
        if np.count_nonzero(near) < _LEAST_POINTS:
            return None
        sigma = max(_MAD_TO_SIGMA * float(np.median(np.abs(relative[near]))), 1e-4)
        root = np.clip(1 - (relative[near] / (_TUKEY * sigma)) ** 2, 0, None) / inverse[near]
        coefficients = np.linalg.lstsq(rays[near] * root[:, None], root * inverse[near], rcond=None)[0]
    height = 1 / float(np.linalg.norm(coefficients))
    normal = -coefficients * height
    if normal @ direction < math.cos(math.radians(20)):
        return None
    relative = rays @ coefficients / inverse - 1
    near = np.abs(relative) < max(3 * sigma, 0.02)
    plane = Plane(normal=(float(normal[0]), float(normal[1]), float(normal[2])), height_m=height)
    return _Floor(plane, int(np.count_nonzero(near)), sigma)


def _shrunk(image: FloatArray, camera: Camera) -> FloatArray:
    return np.asarray(cv2.resize(image, (camera.width, camera.height), interpolation=cv2.INTER_AREA))


def _shrunk_depth(depth_m: FloatArray, camera: Camera) -> FloatArray:
    """Mean inverse depth (exact on planes) of the valid pixels, as depth; NaN where fewer than half are valid."""
    valid = (depth_m > 0) & np.isfinite(depth_m)
    inverse = np.divide(np.float32(1), depth_m, out=np.zeros_like(depth_m), where=valid)
    share = _shrunk(valid.astype(np.float32), camera)
    known = share >= 0.5
    return np.divide(share, _shrunk(inverse, camera), out=np.full(share.shape, np.nan, np.float32), where=known)


def _normals_of(points: FloatArray) -> FloatArray:
    """Unit normals that face the camera, from differences over 2 * _ARM pixels of a cloud; NaN at the border."""
    normals = np.full(points.shape, np.nan, np.float32)
    if min(points.shape[:2]) <= 2 * _ARM:
        return normals
    inner = slice(_ARM, -_ARM)
    across = points[inner, 2 * _ARM :] - points[inner, : -2 * _ARM]
    down = points[2 * _ARM :, inner] - points[: -2 * _ARM, inner]
    normals[inner, inner] = np.cross(down, across)  # y cross x = -z: towards the camera
    with np.errstate(invalid="ignore", divide="ignore"):
        normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    return normals


def _unit(vector: AnyArray | tuple[float, float, float]) -> AnyArray:
    array = np.asarray(vector, np.float64)
    length = float(np.linalg.norm(array)) if array.shape == (3,) else math.nan
    if not (math.isfinite(length) and length > 0):
        raise FrameError(f"a direction must be three finite numbers, not all 0, got {describe(vector)}")
    return np.asarray(array / length)


def _require_length(value: float, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (math.isfinite(value) and value > 0):
        raise FrameError(f"{name} must be a positive number of metres, got {describe(value)}")
