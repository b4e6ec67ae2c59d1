"""How the camera moved between two frames (found by alignment.py), and what a scene at rest becomes by it.

A point at rest, seen along the ray r at depth d, is at X' = R r d + t in the new camera. So where a pixel was follows
from its new depth, and what its old depth has become from r and t alone.

Convention
    Optical frame; `rotation` (3, 3) and `translation` take points of the old camera to the new. Metres are those of
    the depth: the true length of the way over the one found here is the depth's error of scale, which is what
    odometry.py tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import BoolArray, Camera, FloatArray
from vision_banana_ros.geometry.motion import Motion, carry, median

Matrix = npt.NDArray[np.float64]


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
        inverse: FloatArray = np.exp(np.float32(self.bend * self.about) - np.float32(1 + self.bend) * log_depth)
        return inverse


def as_turn(motion: Motion, camera: Camera) -> CameraMotion:
    """The turn that moves the picture as much as it moved as a whole: a place to begin from."""
    few = (slice(None, None, 4), slice(None, None, 4))
    seen = (motion.known & motion.textured)[few]
    rows, columns = np.nonzero(seen)
    x = y = 0.0
    if rows.size:
        source = motion.source[few][seen]
        x, y = median(source[:, 0] - 4 * columns), median(source[:, 1] - 4 * rows)
    back, _jacobian = cv2.Rodrigues(np.array((-y / camera.fy, x / camera.fx, 0.0)))
    return CameraMotion(
        rotation=np.asarray(back.T, np.float64), translation=np.zeros(3), share=0.0, sigma_px=math.inf, way_px=0.0
    )


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
