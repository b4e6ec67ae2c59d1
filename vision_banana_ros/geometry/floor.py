"""The floor among the points of a cloud.

    n . P = -h  for floor points P, n the unit normal that points up, h the camera's height over the floor
    <=>   1 / depth = -(n . r) / h   with the ray r = (X / Z, Y / Z, 1)

Inverse depth is linear in r: three numbers n / h, an ordinary weighted fit. Which points are floor:
    1. points whose normals lean less than 45 degrees from up; with no better hint up is -y, the camera level: this
       covers a pitch of 30 degrees together with a roll of 30;
    2. their common direction: the mean of the normals within 40, then 20, then 10 degrees of the last mean;
    3. along it, a histogram of log h; table tops agree in direction, but the floor is the LOWEST large level.
       Counting pixels favours what is near, so each one counts with the area it covers, but at most as much as a
       pixel of twice the median depth: far pixels cover much and are worth little;
    4. the plane through that level, by iteratively reweighted least squares (Tukey) on relative depth errors.
Every step is deterministic.

Convention
    Optical frame, metres as the points have them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import AnyArray, FloatArray, FrameError, describe

_MAX_LEAN_DEG = 45.0
_LEVEL_WIDTH = 0.04  # log height: a bin; floors of noisy depth spread over a few
_LARGE_LEVEL = 0.25  # of the largest one's area
_LEAST_POINTS = 30
_ARM = 2  # pixels; shorter ones turn noise into tilt
_TUKEY = 4.685
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Points P with normal . P = -height_m; `normal` is a unit vector that points to the camera's side."""

    normal: tuple[float, float, float]
    height_m: float


@dataclass(frozen=True, slots=True)
class Floor:
    """`count` points lie on `plane`, with relative depth errors of `residual` (robust sigma)."""

    plane: Plane
    count: int
    residual: float


def find_floor(points: FloatArray, normals: FloatArray, up: AnyArray) -> Floor | None:
    """The floor among points (N, 3) with normals (N, 3), or None."""
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
        direction = unit(normals[close].mean(axis=0))
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


def _fit_plane(points: AnyArray, direction: AnyArray, level: float) -> Floor | None:
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
    return Floor(plane, int(np.count_nonzero(near)), sigma)


def normals_of(points: FloatArray) -> FloatArray:
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


def unit(vector: AnyArray | tuple[float, float, float]) -> AnyArray:
    array = np.asarray(vector, np.float64)
    length = float(np.linalg.norm(array)) if array.shape == (3,) else math.nan
    if not (math.isfinite(length) and length > 0):
        raise FrameError(f"a direction must be three finite numbers, not all 0, got {describe(vector)}")
    return np.asarray(array / length)
