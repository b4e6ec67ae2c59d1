"""How the camera moved between two frames, from the motion of the picture and the depth of the old one.

A point of a scene at rest, seen at slopes x, y and depth d, is at X' = R X + t in the new camera. A small turn w and
slide s more, X'' = X' + w x X' + s, move its slopes, multiplied out, linearly:

    x'' - x' =  s_x / d' - x'' s_z / d'  -  w_x x'' y'         + w_y (1 + x'' x')  -  w_z y'
    y'' - y' =  s_y / d' - y'' s_z / d'  -  w_x (1 + y'' y')   + w_y y'' x'        +  w_z x'

x'', y'' are measured. A few rounds of least squares, each from where the last one led, with Tukey's biweight, over
pixels with texture; what moves by itself falls out.

Convention
    Optical frame; `rotation` (3, 3) and `translation` take points of the old camera to the new. Metres are those of
    the depth: the true length of the way over the one found here is the depth's error of scale, which is what
    `scale_from_odometry` tells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import BoolArray, Camera, FloatArray, FrameError
from vision_banana_ros.geometry.motion import Motion, carry
from vision_banana_ros.geometry.scale import NO_SCALE, ScaleEstimate

Matrix = npt.NDArray[np.float64]

_POINTS = 500
_LEAST_POINTS = 150
_ROUNDS = 4
_LEAST_SIGMA_PX, _WORST_SIGMA_PX = 0.15, 1.5
_LEAST_SHARE = 0.5
_MAD_TO_SIGMA = 1.4826
_TUKEY = 4.685
_LEAST_WAY_PX = 0.7  # a way that moves the picture by less tells more about noise than about metres


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CameraMotion:
    """`share` of the looked-at pixels agree with it; `sigma_px` is how far they miss it; `way_px` is how far the
    translation alone moves the picture (median). A painter's far things are often too near or too far beside its near
    ones; `bend` is by how much, around the log depth `about`: the way fits depths so corrected."""

    rotation: Matrix
    translation: Matrix
    share: float
    sigma_px: float
    way_px: float
    bend: float = 0.0
    about: float = 0.0

    def inverse(self, log_depth: FloatArray) -> FloatArray:
        """One over the corrected depth."""
        return np.exp(np.float32(self.bend * self.about) - np.float32(1 + self.bend) * log_depth)


def camera_motion(motion: Motion, log_depth: FloatArray, camera: Camera) -> CameraMotion | None:
    """`log_depth` is the old one carried to the new pixels. None where too little is seen or nothing agrees."""
    places = np.flatnonzero(motion.known & motion.textured & np.isfinite(log_depth))
    if places.size < _LEAST_POINTS:
        return None
    places = places[:: max(1, places.size // _POINTS)]
    rows, columns = np.divmod(places, log_depth.shape[1])
    source = motion.source.reshape(-1, 2)[places].astype(np.float64)
    depth = np.exp(log_depth.reshape(-1)[places].astype(np.float64))
    focal = np.array((camera.fx, camera.fy))
    slopes = (source - (camera.cx, camera.cy)) / focal
    points = np.concatenate([slopes, np.ones((len(places), 1))], axis=1) * depth[:, None]
    measured = np.stack([columns - camera.cx, rows - camera.cy], axis=1) / focal
    rotation, translation = np.eye(3), np.zeros(3)
    weights = np.ones(len(places))
    sigma = math.inf
    agrees = np.zeros(len(places), np.bool_)
    for _ in range(_ROUNDS):
        turn, slide = _step(points @ rotation.T + translation, measured, weights)
        more, _jacobian = cv2.Rodrigues(turn)
        rotation, translation = more @ rotation, more @ translation + slide
        missed_px = np.linalg.norm((_slopes(points @ rotation.T + translation) - measured) * focal, axis=1)
        sigma = max(_LEAST_SIGMA_PX, _MAD_TO_SIGMA * float(np.median(missed_px)) / 1.75)  # of two dimensions
        weights = np.square(1 - np.minimum(1, np.square(missed_px / (_TUKEY * sigma))))
        agrees = missed_px < 3 * sigma
    share = float(agrees.mean())
    if not sigma <= _WORST_SIGMA_PX or share < _LEAST_SHARE:
        return None
    turned = points @ rotation.T
    way = np.linalg.norm((_slopes(turned + translation) - _slopes(turned)) * focal, axis=1)
    return CameraMotion(
        rotation=rotation, translation=translation, share=share, sigma_px=sigma, way_px=float(np.median(way))
    )


def _step(points: Matrix, measured: Matrix, weights: Matrix) -> tuple[Matrix, Matrix]:
    """The small turn and slide that bring the points to where they are measured."""
    inverse = 1.0 / np.maximum(points[:, 2], 1e-3)
    x, y = points[:, 0] * inverse, points[:, 1] * inverse
    x_new, y_new = measured[:, 0], measured[:, 1]
    count = len(points)
    design = np.zeros((6, 2 * count))  # a row for each unknown: s, then w
    across, down = design[:, :count], design[:, count:]
    across[0] = down[1] = inverse
    across[2], down[2] = -x_new * inverse, -y_new * inverse
    across[3], down[3] = -x_new * y, -(1 + y_new * y)
    across[4], down[4] = 1 + x_new * x, y_new * x
    across[5], down[5] = -y, x
    off = np.concatenate([x_new - x, y_new - y])
    weighted = design * np.concatenate([weights, weights])
    # A hair of regularisation: with everything at one distance, turning and sliding look alike.
    normal = weighted @ design.T
    normal[np.diag_indices(6)] += 1e-6 * np.diag(normal) + 1e-12
    solution = np.linalg.solve(normal, weighted @ off)
    return solution[3:], solution[:3]


def _slopes(points: Matrix) -> Matrix:
    return np.asarray(points[:, :2] / np.maximum(points[:, 2:], 1e-3))


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """What a scene at rest becomes. `source`: where its pixels were, from the new depth; `log_depth`: what the old log
    depth at these places has become, and by how much the way `changed` it; `missed_px`: how far the picture's motion
    is from all that."""

    source: FloatArray
    log_depth: FloatArray
    changed: FloatArray
    missed_px: FloatArray


def at_rest(
    new_log_depth: FloatArray, old_log_depth: FloatArray, motion: Motion, camera: Camera, how: CameraMotion
) -> Rest:
    """`new_log_depth` (NaN: none) tells where each pixel was; the value comes from the old one."""
    source = source_at_rest(new_log_depth, camera, how)
    missed = source - motion.source
    # Z' = r3 . X + t_z is exact for the old point: the ray and the depth at the source.
    x = (source[..., 0] - np.float32(camera.cx)) * np.float32(1 / camera.fx)
    y = (source[..., 1] - np.float32(camera.cy)) * np.float32(1 / camera.fy)
    r = how.rotation.astype(np.float32)
    carried = carry_log(old_log_depth, source)
    turned = r[2, 0] * x + r[2, 1] * y + r[2, 2]
    slid = np.float32(how.translation[2]) * how.inverse(carried)
    with np.errstate(invalid="ignore"):
        log_depth = carried + np.log(np.maximum(turned + slid, np.float32(0.05)))
    return Rest(source, log_depth, np.abs(slid), cv2.magnitude(missed[..., 0], missed[..., 1]))  # type: ignore[arg-type]


def source_at_rest(new_log_depth: FloatArray, camera: Camera, how: CameraMotion) -> FloatArray:
    """Where each pixel of a scene at rest was, by its new depth."""
    height, width = new_log_depth.shape
    back = how.rotation.T.astype(np.float32)
    away = -(how.rotation.T @ how.translation).astype(np.float32)
    x = ((np.arange(width) - camera.cx) / camera.fx).astype(np.float32)[None]
    y = ((np.arange(height) - camera.cy) / camera.fy).astype(np.float32)[:, None]
    # Without a depth of its own a pixel is far away: then turning alone moves it.
    inverse = how.inverse(np.nan_to_num(new_log_depth, nan=7.0))
    old_x, old_y, old_z = (back[k, 0] * x + back[k, 1] * y + back[k, 2] + away[k] * inverse for k in range(3))
    np.maximum(old_z, np.float32(1e-3), out=old_z)
    source = np.empty((height, width, 2), np.float32)
    source[..., 0] = old_x / old_z * np.float32(camera.fx) + np.float32(camera.cx)
    source[..., 1] = old_y / old_z * np.float32(camera.fy) + np.float32(camera.cy)
    return source


def carry_log(log_depth: FloatArray, source: FloatArray) -> FloatArray:
    """Carried; where the four samples around are of two surfaces, the nearest of them instead of a blend."""
    blended, nearest = carry(log_depth, source), carry(log_depth, source, cv2.INTER_NEAREST)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(blended - nearest) < 0.05, blended, nearest).astype(np.float32)


def moves_by_itself(rest: Rest, motion: Motion, how: CameraMotion) -> BoolArray:
    """Where the picture is known to move, but not as a scene at rest would."""
    return np.asarray(motion.known & motion.textured & (rest.missed_px > max(0.9, 4 * how.sigma_px)))


def scale_from_odometry(ways: Sequence[tuple[CameraMotion, float]]) -> ScaleEstimate:
    """Metres from moving: `ways` are (motion found, metres that odometry says the camera moved) of single steps.

    The weighted median of the ratios; steps that hardly move the picture say nothing. Confidence falls with their
    disagreement, and with fewer than ten of them.
    """
    ratios, weights = [], []
    for how, true_m in ways:
        if not (math.isfinite(true_m) and true_m >= 0):
            raise FrameError(f"odometry must give metres at least 0, got {true_m!r}")
        found_m = float(np.linalg.norm(how.translation))
        if how.way_px >= _LEAST_WAY_PX and found_m > 0 and true_m > 0:
            ratios.append(math.log(true_m / found_m))
            weights.append(how.way_px * how.share)
    if not ratios:
        return NO_SCALE
    order = np.argsort(ratios)
    sorted_ratios, cumulated = np.array(ratios)[order], np.cumsum(np.array(weights)[order])
    middle = float(sorted_ratios[np.searchsorted(cumulated, cumulated[-1] / 2)])
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(sorted_ratios - middle)))
    confidence = min(1.0, len(ratios) / 10) * max(0.0, 1 - spread / 0.5)
    return ScaleEstimate(scale=math.exp(middle), confidence=confidence)
