"""The camera behind an image of viewing rays.

A pinhole's rays obey  x / z = (u - cx) / fx  and  y / z = (v - cy) / fy : each column has one x slope, each row one y
slope, and both are straight lines over the pixel index, whose gradients are 1 / fx and 1 / fy.

The errors are in the rays, the pixel grid is exact; so slopes are fitted over pixels. (Pixels over slopes would shrink
the focal length by the noise's share of the variance.) How a code turns colour noise into slope noise is its own
affair: linear in the angle, in the tangent, or bent. The median commutes with every monotone code, means do not; so
each column and each row is first reduced to its median, which leaves a few hundred values with little noise:

    1. median slope of every column and every row over the pixels that are in;
    2. a line through the medians: Theil-Sen to start, Tukey's biweight (residuals as angles) to finish;
    3. pixels farther than 3 robust sigma from the lines are out; twice more from 1.

Convention
    Rays in the optical frame, pixel centres at integers (core/camera.py). The rays may be painted smaller than the
    image that the camera is for: `width` and `height` are the image's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from vision_banana_ros.core import (
    AnyArray,
    Camera,
    FloatArray,
    FrameError,
    UInt8Array,
    describe,
    require_array,
)
from vision_banana_ros.geometry.slopes import Line, Slopes, fit_lines, robust_sigma

_MIN_USABLE = 0.1  # of all pixels
_MIN_CONFIDENCE = 128  # colours half way to no code at all are no rays
_MAX_NOISE_DEG = 20.0  # robust sigma of the angles; rays under heavy noise stay below 15, anything else is above 30
_MIN_HFOV_DEG, _MAX_HFOV_DEG = 5.0, 170.0
_GATE = 3.0  # robust sigmas; at 4, wrong rays that are nearly right at their edge move some cameras by .6 %
_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredCamera:
    """`inlier_fraction` of all pixels agree with `camera`; they miss it by `residual_px` (median distance)."""

    camera: Camera
    inlier_fraction: float
    residual_px: float


def camera_from_rays(
    directions: FloatArray,
    confidence: UInt8Array | None = None,
    *,
    width: int,
    height: int,
    square_pixels: bool = False,
) -> RecoveredCamera:
    """Intrinsics for a `width` x `height` image from directions (H, W, 3) that need not be of unit length.

    Directions that are not finite or not ahead (z <= 0) and those of confidence under 128 are ignored.
    `square_pixels` finds one focal length from both axes. FrameError when no camera fits.
    """
    require_array(directions, name="directions", dtype="float32", channels=3, error=FrameError)
    hw = directions.shape[0], directions.shape[1]
    if min(hw) < 2:
        raise FrameError(f"directions must have at least 2 rows and 2 columns, got {describe(directions)}")
    usable = np.isfinite(directions).all(axis=2) & (directions[..., 2] > 0)
    if confidence is not None:
        require_array(confidence, name="confidence", dtype="uint8", hw=hw, error=FrameError)
        usable &= confidence >= _MIN_CONFIDENCE
    if usable.mean() < _MIN_USABLE:
        raise FrameError(
            f"a camera needs rays in at least {_MIN_USABLE:.0%} of the pixels, got {usable.mean():.1%}: "
            "is this a canvas of rays?"
        )
    ahead = np.where(usable, directions[..., 2], np.float32(1))
    columns = Slopes(np.divide(directions[..., 0], ahead), _grid(hw[1], width))
    rows = Slopes(np.divide(directions[..., 1], ahead).T, _grid(hw[0], height))

    inliers = usable
    for _ in range(_ROUNDS):
        across, down = fit_lines(columns.medians(inliers), rows.medians(inliers.T), shared_gradient=square_pixels)
        _require_spread(across, down)
        off_x, off_y = columns.angles_off(across), rows.angles_off(down).T
        sigma_x, sigma_y = robust_sigma(off_x[inliers]), robust_sigma(off_y[inliers])
        inliers = usable & (np.abs(off_x) < _GATE * sigma_x) & (np.abs(off_y) < _GATE * sigma_y)
    noise_deg = math.degrees(max(sigma_x, sigma_y))
    if noise_deg > _MAX_NOISE_DEG:
        raise FrameError(
            f"the rays scatter by {noise_deg:.0f} degrees (limit {_MAX_NOISE_DEG:.0f}): is this a canvas of rays?"
        )
    camera = _require_plausible(across, down, width, height)
    missed = np.hypot(columns.pixels_off(across), rows.pixels_off(down).T)[inliers]
    return RecoveredCamera(
        camera=camera,
        inlier_fraction=float(inliers.mean()),
        residual_px=float(np.median(missed)) if missed.size else math.inf,
    )


@dataclass(frozen=True, slots=True)
class CameraFilter:
    """One steady camera out of one per frame. Immutable: `filter = filter.updated(recovered.camera)`.

    The mean of the first `memory` cameras, then an exponential mean over about that many. A camera that disagrees by
    more than `jump` (relative focal length, or centre in image widths) is a stray and changes nothing, until
    `patience` of them came in a row: then the lens was zoomed or the source switched, and the mean starts anew, as it
    does at once when the image size changes.
    """

    memory: int = 30
    jump: float = 0.05
    patience: int = 5
    camera: Camera | None = None
    seen: int = 0
    strays: int = 0

    def updated(self, camera: Camera) -> CameraFilter:
        old = self.camera
        if old is None or (old.width, old.height) != (camera.width, camera.height):
            return replace(self, camera=camera, seen=1, strays=0)
        if self._is_stray(old, camera):
            if self.strays + 1 >= self.patience:
                return replace(self, camera=camera, seen=1, strays=0)
            return replace(self, strays=self.strays + 1)
        seen = min(self.seen + 1, self.memory)
        steady = Camera(
            fx=old.fx + (camera.fx - old.fx) / seen,
            fy=old.fy + (camera.fy - old.fy) / seen,
            cx=old.cx + (camera.cx - old.cx) / seen,
            cy=old.cy + (camera.cy - old.cy) / seen,
            width=old.width,
            height=old.height,
        )
        return replace(self, camera=steady, seen=seen, strays=0)

    def _is_stray(self, old: Camera, new: Camera) -> bool:
        zoom = max(abs(math.log(new.fx / old.fx)), abs(math.log(new.fy / old.fy)))
        shift = max(abs(new.cx - old.cx), abs(new.cy - old.cy)) / old.width
        return max(zoom, shift) > self.jump


def _grid(source: int, target: int) -> AnyArray:
    """Coordinates, in an image of `target` pixels, of the pixel centres of one of `source`."""
    return np.asarray((np.arange(source) + 0.5) * (target / source) - 0.5)


def _require_spread(across: Line, down: Line) -> None:
    if not (across.gradient > 1e-7 and down.gradient > 1e-7):
        raise FrameError(
            "rays must turn right with the columns and down with the rows, "
            f"got gradients {across.gradient:.2g} and {down.gradient:.2g} a pixel: is this a canvas of rays?"
        )


def _require_plausible(across: Line, down: Line, width: int, height: int) -> Camera:
    camera = Camera(
        fx=1 / across.gradient,
        fy=1 / down.gradient,
        cx=-across.offset / across.gradient,
        cy=-down.offset / down.gradient,
        width=width,
        height=height,
    )
    if not _MIN_HFOV_DEG <= camera.hfov_deg <= _MAX_HFOV_DEG:
        raise FrameError(
            f"the rays span {camera.hfov_deg:.1f} degrees from left to right; "
            f"a pinhole camera has {_MIN_HFOV_DEG:.0f} to {_MAX_HFOV_DEG:.0f}: is this a canvas of rays?"
        )
    return camera
