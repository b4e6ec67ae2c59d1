"""Metres for depth that has none: scale and shift fitted to what is known, robustly and smoothly over time.

    inverse_affine   1 / z = scale * q + shift     (MiDaS, relative Depth-Anything, TCMonoDepth)
    affine               z = scale * q + shift     (Marigold, shifted point maps)
    up_to_scale          z = scale * q             (any-view models)

What is known comes as a depth image, NaN where nothing is: a LiDAR or ToF frame projected into the camera
(`sparse_depth`), the ideal floor under a camera of known height (`floor_depth`), or another generator's metres. Errors
are differences of log depth, so that infinitely far is infinitely wrong. The fit starts from the best of many pairs of
points (so half of them may be wrong) and ends with iteratively reweighted least squares (Tukey).

A shift needs depth that varies: where the known points are nearly all at one distance, only the scale is fitted, about
the shift that is already known, or about none; that is then believed close to the known distances alone.

Convention
    Optical frame, metres along z. A fit of confidence 0 is no fit. The same input gives the same fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import BoolArray, Camera, FloatArray, FrameError, require_array
from vision_banana_ros.geometry.floor import unit

_Floats = npt.NDArray[np.float64]

FARTHEST_M = 200.0
_LEAST_POINTS = 30
_MOST_POINTS = 4000
_PAIRS = 300
_TUKEY = 4.685
_MAD_TO_SIGMA = 1.4826
#: Relative depth error at which a pair of points has no say any more, and at which a fit is worth nothing.
_STRAY = 0.15
_BAD_SPREAD = 0.25
#: Nearest and farthest known point (5th and 95th percentile) must differ by this factor for a shift to show.
_LEAST_RANGE = 1.25
_LEAST_INLIERS = 0.3
#: So many times the farthest known distance a fit is believed.
_BEYOND = 2.0
_NEAREST_M = 0.05


class DepthKind(str, Enum):
    """What the numbers of a depth model mean."""

    METRIC = "metric"  # metres
    CANONICAL_FOCAL = "canonical_focal"  # metres once multiplied by the focal length over a reference
    UP_TO_SCALE = "up_to_scale"
    AFFINE = "affine"
    INVERSE_AFFINE = "inverse_affine"

    @property
    def needs_anchor(self) -> bool:
        return self in (DepthKind.UP_TO_SCALE, DepthKind.AFFINE, DepthKind.INVERSE_AFFINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFit:
    """`spread` is the robust sigma of relative depth errors of the points that were believed, `points` their number.

    `low` and `high` are the model's values that frame most of them: where a later fit is compared with this one.
    """

    kind: DepthKind
    scale: float
    shift: float = 0.0
    spread: float = 0.0
    points: int = 0
    confidence: float = 1.0
    low: float = 0.0
    high: float = 1.0
    farthest_m: float = FARTHEST_M

    def depth_m(self, values: FloatArray) -> FloatArray:
        """Metres of the model's values; NaN where they are unknown, behind the lens, or beyond `farthest_m`: a line
        that was fitted to near things says nothing of far ones.
        """
        line = np.float32(self.scale) * values + np.float32(self.shift)
        depth = line
        if self.kind is DepthKind.INVERSE_AFFINE:
            near = line > np.float32(1 / FARTHEST_M)
            depth = np.divide(np.float32(1), line, out=np.full(line.shape, np.nan, np.float32), where=near)
        with np.errstate(invalid="ignore"):
            good = (depth >= _NEAREST_M) & (depth <= self.farthest_m)
        result: FloatArray = np.where(good, depth, np.float32(np.nan)).astype(np.float32)
        return result

    def __str__(self) -> str:
        return (
            f"scale {self.scale:.4g}, shift {self.shift:.4g}, spread {100 * self.spread:.1f} % of {self.points} points"
        )


def fit(
    values: FloatArray,
    known_m: FloatArray,
    kind: DepthKind,
    *,
    shift: float | None = None,
    mask: BoolArray | None = None,
) -> AnchorFit | None:
    """Scale and shift that bring `values` to `known_m`, or None where they cannot be told.

    `shift` is one that is known already: it is used where the points' distances hardly vary.
    """
    require_array(values, name="values", dtype="float32", error=FrameError)
    require_array(known_m, name="known_m", dtype="float32", hw=values.shape[:2], error=FrameError)
    if not kind.needs_anchor:
        raise FrameError(f"{kind.value} depth has metres of its own: only relative depth is fitted")
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(values) & np.isfinite(known_m) & (known_m >= _NEAREST_M) & (known_m <= FARTHEST_M)
    if mask is not None:
        usable &= mask
    q, z = values[usable].astype(np.float64), known_m[usable].astype(np.float64)
    if len(q) < _LEAST_POINTS:
        return None
    step = -(-len(q) // _MOST_POINTS)
    total = len(q)
    q, z = q[::step], z[::step]
    # (s q + t) * weight is 1 where the fit is right
    weight = z if kind is DepthKind.INVERSE_AFFINE else 1 / z
    near, far = np.quantile(z, (0.05, 0.95))
    held = 0.0 if kind is DepthKind.UP_TO_SCALE else None
    beyond = _BEYOND
    if held is None and far < _LEAST_RANGE * near:
        held = shift or 0.0
        beyond = _BEYOND if shift is not None else _LEAST_RANGE
    line = _first_guess(q, weight, held)
    if line is None:
        return None
    found = _refined(q, weight, kind, line, held, total / len(q))
    reach = min(FARTHEST_M, beyond * float(np.quantile(z, 0.99)))
    return None if found is None else replace(found, farthest_m=reach)


def _first_guess(q: _Floats, weight: _Floats, held: float | None) -> tuple[float, float] | None:
    """The line through two of the points (or one, where the shift is held) that most others are near to."""
    rng = np.random.default_rng(len(q))
    target = 1 / weight
    one, two = rng.integers(0, len(q), (2, _PAIRS))
    with np.errstate(divide="ignore", invalid="ignore"):
        if held is None:
            scales = (target[one] - target[two]) / (q[one] - q[two])
            shifts = target[one] - scales * q[one]
        else:
            scales = (target[one] - held) / q[one]
            shifts = np.full(_PAIRS, held)
    good = np.isfinite(scales) & (scales > 0)
    if not good.any():
        return None
    scales, shifts = scales[good], shifts[good]
    some = rng.integers(0, len(q), min(len(q), 500))
    errors = np.abs(_log_error(scales[:, None], shifts[:, None], q[some], weight[some]))
    best = int(np.minimum(errors, _STRAY).sum(axis=1).argmin())
    return float(scales[best]), float(shifts[best])


def _refined(
    q: _Floats, weight: _Floats, kind: DepthKind, line: tuple[float, float], held: float | None, each: float
) -> AnchorFit | None:
    scale, offset = line
    sigma = _STRAY / _TUKEY * 2
    for _ in range(10):
        error = _log_error(scale, offset, q, weight)
        near = np.abs(error) < _TUKEY * sigma
        if np.count_nonzero(near) < _LEAST_POINTS:
            return None
        sigma = min(max(_MAD_TO_SIGMA * float(np.median(np.abs(error[near]))), 1e-4), _BAD_SPREAD)
        # of a log error's tangent: d log(s q + t) = (q ds + dt) / (s q + t)
        root = np.clip(1 - (error / (_TUKEY * sigma)) ** 2, 0, None) * weight * np.exp(-error)
        if held is None:
            design = np.stack([root * q, root], axis=1)
            target = root * (scale * q + offset) * (1 - error)
            scale, offset = (float(c) for c in np.linalg.lstsq(design, target, rcond=None)[0])
        else:
            target = root * ((scale * q + held) * (1 - error) - held)
            scale, offset = float((root * q * target).sum() / (root * q * root * q).sum()), held
    if not (math.isfinite(scale) and scale > 0):
        return None
    error = _log_error(scale, offset, q, weight)
    near = np.abs(error) < max(3 * sigma, 0.02)
    share = float(near.mean())
    if share < _LEAST_INLIERS:
        return None
    low, high = (float(v) for v in np.quantile(q[near], (0.1, 0.9)))
    confidence = min(1.0, share / 0.6) * max(0.0, 1 - sigma / _BAD_SPREAD)
    return AnchorFit(
        kind=kind, scale=scale, shift=offset, spread=sigma, points=int(np.count_nonzero(near) * each),
        confidence=confidence, low=low, high=high,
    )  # fmt: skip


def _log_error(scale: float | _Floats, shift: float | _Floats, q: _Floats, weight: _Floats) -> _Floats:
    error: _Floats = np.log(np.maximum((scale * q + shift) * weight, 1e-6))
    return error


@dataclass(frozen=True, slots=True)
class AnchorFilter:
    """One steady fit out of one a frame. Immutable: `filter = filter.updated(fit)`.

    A confidence-weighted mean with a memory of about `memory` sure frames: short, since such models move their own
    scale a little with every picture. A fit that puts things more than `jump` (relative) elsewhere is a stray until
    `patience` came in a row.
    """

    memory: float = 8.0
    jump: float = 0.3
    patience: int = 3
    current: AnchorFit | None = None
    weight: float = 0.0
    strays: int = 0

    def updated(self, found: AnchorFit | None) -> AnchorFilter:
        if found is None or found.confidence <= 0:
            return self
        if self.current is None or self.current.kind is not found.kind:
            return replace(self, current=found, weight=found.confidence, strays=0)
        if _apart(self.current, found) > self.jump:
            if self.strays + 1 < self.patience:
                return replace(self, strays=self.strays + 1)
            return replace(self, current=found, weight=found.confidence, strays=0)
        weight = min(self.weight + found.confidence, self.memory)
        share = found.confidence / weight
        scale = self.current.scale * (found.scale / self.current.scale) ** share
        shift = self.current.shift + share * (found.shift - self.current.shift)
        return replace(self, current=replace(found, scale=scale, shift=shift), weight=weight, strays=0)


def _apart(one: AnchorFit, two: AnchorFit) -> float:
    """How differently they place what the newer one was fitted to, as a relative error."""
    at = np.array([two.low, two.high])
    old, new = one.scale * at + one.shift, two.scale * at + two.shift
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((old > 0) & (new > 0), np.maximum(old / new, new / old), np.inf)
    return float(ratio.max()) - 1


def sparse_depth(points: FloatArray, camera: Camera) -> FloatArray:
    """Points (N, 3) in the camera's optical frame as a depth image, NaN where none falls; the nearest one wins."""
    require_array(points, name="points", dtype="float32", error=FrameError)
    if points.ndim != 2 or points.shape[1] != 3:
        raise FrameError(f"points must be (N, 3) in the optical frame, got {points.shape}")
    seen = points[np.isfinite(points).all(axis=1) & (points[:, 2] > _NEAREST_M)]
    u = np.floor(seen[:, 0] / seen[:, 2] * camera.fx + camera.cx + 0.5).astype(np.int64)
    v = np.floor(seen[:, 1] / seen[:, 2] * camera.fy + camera.cy + 0.5).astype(np.int64)
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    depth = np.full(camera.height * camera.width, np.inf, np.float32)
    np.minimum.at(depth, v[inside] * camera.width + u[inside], seen[inside, 2])
    depth[np.isinf(depth)] = np.nan
    return depth.reshape(camera.height, camera.width)


def floor_depth(
    camera: Camera, height_m: float, *, up: tuple[float, float, float] = (0.0, -1.0, 0.0), farthest_m: float = 8.0
) -> FloatArray:
    """Depth of a level floor `height_m` below the camera, NaN above its horizon and beyond `farthest_m`.

    `up` points away from gravity in the optical frame (from an IMU or tf). The default is a level camera: a pitch that
    is not told turns up as a wrong shift, 1 degree as 7 % at 2 m and 35 % at 10 m for a camera 0.5 m high.
    """
    if not (math.isfinite(height_m) and height_m > 0):
        raise FrameError(f"height_m must be a positive number of metres, got {height_m}")
    normal = unit(up)
    x = (np.arange(camera.width) - camera.cx) / camera.fx
    y = (np.arange(camera.height)[:, None] - camera.cy) / camera.fy
    inverse = -(normal[0] * x + normal[1] * y + normal[2]) / height_m
    depth = np.divide(1.0, inverse, out=np.full(inverse.shape, np.nan), where=inverse > 1 / farthest_m)
    floor: FloatArray = depth.astype(np.float32)
    return floor
