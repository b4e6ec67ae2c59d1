"""The camera's way from the pictures themselves: one turn and slide under which the old picture explains the new one.

    r(p) = old(pi(T X(p))) - new(p),     X(p) the point that pixel p sees, by its depth;  T: new camera to old
    step:   J delta = r,   T <- T delta^-1       J = grad new * d pi / d delta, the same for all steps of a level

Inverse compositional Gauss-Newton (Baker and Matthews 2004) on the depth of the frame, as in dense visual odometry
(Kerl et al. 2013), from coarse to fine, weights by Tukey's biweight. Optical flow guesses where it sees little, and
on a bare road it guesses too little motion; here an edge says only what it knows, how far it went across itself.

Convention
    As in egomotion.py. Pictures lose their local mean first, so light may change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import Camera, FloatArray, UInt8Array
from vision_banana_ros.geometry.egomotion import CameraMotion
from vision_banana_ros.geometry.motion import median

Matrix = npt.NDArray[np.float64]

_LEVELS = (2, 1)  # halvings; the finest pixels cost most and bring next to nothing
_ROUNDS = {2: 8, 1: 4}
_POINTS = 400
_LEAST_POINTS = 150
_LEAST_GRADIENT = 3.0  # levels a pixel
_LEAST_SIGMA, _MOST_SIGMA = 2.0, 30.0  # levels
_OUTSIDE = 1e6
_STILL = 3e-4  # of a slope
_TUKEY = 4.685
_MAD_TO_SIGMA = 1.4826
_LIKELY_BEND, _MOST_BEND = 0.1, 0.6
_STRETCHES = (0.0, 1.0, 1.6, 2.6)


@dataclass(frozen=True, slots=True, eq=False)
class _Pose:
    """New camera to old; see CameraMotion for the bend."""

    turn: Matrix
    way: Matrix
    bend: float


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """The pixels of one level that say something: their points, what the new picture shows, how it changes."""

    halvings: int
    camera: Camera
    old: FloatArray
    rays: Matrix
    inverse: Matrix
    distance: Matrix
    about: float
    shown: FloatArray
    gradients: Matrix
    jacobian: Matrix

    def bent(self, bend: float) -> Matrix:
        """Inverse depths, corrected."""
        return np.asarray(self.inverse * np.exp(-bend * self.distance))


def align(
    old: UInt8Array, new: UInt8Array, log_depth: FloatArray, camera: Camera, starts: Sequence[CameraMotion]
) -> CameraMotion | None:
    """From the best of `starts`, of longer ways than they have, and of standing still; `log_depth` is the new
    frame's. None where too little is to be seen."""
    olds, news = _pyramid(old), _pyramid(new)
    back: _Pose | None = None
    level = None
    bend = starts[0].bend if starts else 0.0
    for k in _LEVELS:
        level = _level(olds[k], news[k], log_depth[:: 1 << k, :: 1 << k], camera, k)
        if level is None:
            return None
        if back is None:
            back = min(_candidates(starts, bend), key=lambda pose, level=level: _cost(level, pose))  # type: ignore[misc]
        for _ in range(_ROUNDS[k]):
            before, back = back, _step(level, back)
            if _near(before, back, level):
                break
    assert level is not None
    assert back is not None
    return _told(level, back)


def _candidates(starts: Sequence[CameraMotion], bend: float) -> list[_Pose]:
    found = []
    for start in starts:
        turn = start.rotation.T
        stretches = _STRETCHES if start.translation.any() else (0.0,)
        found += [_Pose(turn, -(turn @ start.translation) * stretch, bend) for stretch in stretches]
    return found or [_Pose(np.eye(3), np.zeros(3), bend)]


def _pyramid(picture: UInt8Array) -> dict[int, FloatArray]:
    small = cv2.pyrDown(picture).astype(np.float32)
    small -= cv2.blur(small, (15, 15))
    return {1: small, 2: np.asarray(cv2.pyrDown(small), np.float32)}


def _level(old: FloatArray, new: FloatArray, log_depth: FloatArray, camera: Camera, k: int) -> _Level | None:
    height, width = new.shape
    # pyrDown keeps pixel 0 where it was: pixel i of a level is pixel 2 i of the one below
    small = Camera(
        camera.fx / (1 << k), camera.fy / (1 << k), camera.cx / (1 << k), camera.cy / (1 << k), width, height
    )
    across, down = cv2.Sobel(new, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(new, cv2.CV_32F, 0, 1, scale=1 / 8)
    strong = cv2.magnitude(across, down) > _LEAST_GRADIENT
    strong &= np.isfinite(log_depth)
    places = np.flatnonzero(strong)
    if places.size < _LEAST_POINTS / (1 << k):
        return None
    places = places[:: max(1, places.size // _POINTS)]
    rows, columns = np.divmod(places, width)
    logs = log_depth.reshape(-1)[places].astype(np.float64)
    x, y = (columns - small.cx) / small.fx, (rows - small.cy) / small.fy
    gx = across.reshape(-1)[places].astype(np.float64) * small.fx
    gy = down.reshape(-1)[places].astype(np.float64) * small.fy
    inverse = np.exp(-logs)
    about = float(np.mean(logs))
    jacobian = np.stack(
        [
            gx,
            gy,
            -(gx * x + gy * y),
            -gx * x * y - gy * (1 + y * y),
            gx * (1 + x * x) + gy * x * y,
            -gx * y + gy * x,
        ]
    )
    rays = np.stack([x, y, np.ones_like(x)])
    shown = new.reshape(-1)[places]
    return _Level(k, small, old, rays, inverse, logs - about, about, shown, np.stack([gx, gy]), jacobian)


def _seen(level: _Level, pose: _Pose) -> FloatArray:
    """What the old picture shows at the points; outside of it, nothing like what any picture shows."""
    x, y, z = pose.turn @ level.rays + pose.way[:, None] * level.bent(pose.bend)
    z = np.maximum(z, 1e-3)
    places = np.empty((1, x.size, 2), np.float32)
    places[0, :, 0] = level.camera.fx * x / z + level.camera.cx
    places[0, :, 1] = level.camera.fy * y / z + level.camera.cy
    nothing: Any = None
    outside = cv2.BORDER_CONSTANT
    shown = cv2.remap(level.old, places, nothing, cv2.INTER_LINEAR, borderMode=outside, borderValue=_OUTSIDE)
    return np.asarray(shown[0], np.float32)


def _missed(level: _Level, pose: _Pose) -> tuple[FloatArray, Matrix, float]:
    """Differences, their weights, and their sigma."""
    missed = _seen(level, pose) - level.shown
    sigma = min(_MOST_SIGMA, max(_LEAST_SIGMA, _MAD_TO_SIGMA * median(np.abs(missed))))
    weights = np.square(1 - np.minimum(1, np.square(missed / np.float32(_TUKEY * sigma))))
    return missed, weights.astype(np.float64), sigma


def _cost(level: _Level, pose: _Pose) -> float:
    missed = np.abs(_seen(level, pose) - level.shown)
    return float(np.minimum(missed, np.float32(20)).sum())


def _step(level: _Level, pose: _Pose) -> _Pose:
    missed, weights, sigma = _missed(level, pose)
    inverse = level.bent(pose.bend)
    design = np.empty((7, inverse.size))
    design[:3] = level.jacobian[:3] * inverse
    design[3:6] = level.jacobian[3:]
    # More bend moves a point by its share of the way, which is the slide seen from the new camera.
    slide = pose.turn.T @ pose.way
    design[6] = (slide @ design[:3]) * level.distance
    weighted = design * weights
    normal = weighted @ design.T
    normal[np.diag_indices(6)] += 1e-4 * np.diag(normal)[:6] + 1e-9
    prior = (sigma / _LIKELY_BEND) ** 2
    normal[6, 6] += prior
    right = weighted @ missed
    right[6] -= prior * pose.bend
    delta = np.linalg.solve(normal, right)
    more, _ = cv2.Rodrigues(delta[3:6])
    # T <- T delta^-1, delta: X -> more X + slide
    turned = pose.turn @ more.T
    bend = min(_MOST_BEND, max(-_MOST_BEND, pose.bend + float(delta[6])))
    return _Pose(turned, pose.way - turned @ delta[:3], bend)


def _near(before: _Pose, now: _Pose, level: _Level) -> bool:
    """Whether the last step moved the picture by less than a few hundredths of a pixel."""
    slid = float(np.abs(now.way - before.way).max()) * float(level.inverse.mean())
    return max(slid, float(np.abs(now.turn - before.turn).max())) < _STILL


def _told(level: _Level, pose: _Pose) -> CameraMotion | None:
    missed, weights, _ = _missed(level, pose)
    across = np.abs(missed) / np.maximum(np.hypot(*level.gradients), 1e-6) * level.camera.fx
    sigma = _MAD_TO_SIGMA * median(across[weights > 0]) if (weights > 0).any() else 9.0
    turned = pose.turn @ level.rays
    x, y, z = turned + pose.way[:, None] * level.bent(pose.bend)
    slid = np.hypot(
        level.camera.fx * (x / np.maximum(z, 1e-3) - turned[0] / np.maximum(turned[2], 1e-3)),
        level.camera.fy * (y / np.maximum(z, 1e-3) - turned[1] / np.maximum(turned[2], 1e-3)),
    )
    return CameraMotion(
        rotation=pose.turn.T,
        translation=-(pose.turn.T @ pose.way),
        share=float((weights > 0.3).mean()),
        sigma_px=max(0.15, sigma * (1 << level.halvings) / 2),
        way_px=median(slid) * (1 << level.halvings),
        bend=pose.bend,
        about=level.about,
    )
