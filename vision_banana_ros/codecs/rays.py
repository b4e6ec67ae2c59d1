"""Viewing directions <-> colour: our own code, from which a camera's intrinsics are recovered.

    r = 127.5 + 127.5 ax / 75 deg        ax = atan2(x, z), positive to the right
    g = 127.5 + 127.5 ay / 75 deg        ay = atan2(y, z), positive downwards
    b = 127.5 + 127.5 (ax - ay) / 150 deg

Linear in the angles, so a degree is worth 1.7 levels from the middle to the edge of the view, and a generator paints
plain ramps without folds or jumps. The third channel repeats the first two: valid colours form the plane
r - g - 2 b + 255 = 0, the nearest point of it (Euclidean) averages noise, the distance from it is the confidence.

Noise model, for whoever fits a camera to decoded directions: noise of s levels per channel becomes 0.54 s degrees of
noise in ax and in ay, unbiased and the same everywhere (s = 4: 2.1 degrees). The tangents x / z and y / z are not
unbiased: average or fit in angles, u = cx + fx tan(ax), not in tangents.

Convention
    directions  unit vectors in the optical frame (x right, y down, z forward), at most 75 degrees to either side and up
                or down: cameras of up to 150 degrees. Pixel (u, v) looks along ((u - cx) / fx, (v - cy) / fy, 1).
    confidence  255 (1 - e / 63), 0 from e = 63 on; e is how many levels every channel must move to reach the plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from vision_banana_ros.codecs.arrays import (
    Array,
    astype,
    channels,
    interleaved,
    namespace,
    pixelwise,
    refuse_where,
    require_canvas,
    require_floats,
    take,
    validity,
)
from vision_banana_ros.core import Camera, FloatArray, UInt8Array

#: Angles beyond this cannot be painted: a camera's view may be twice as wide and twice as high.
WIDEST_DEG = 75.0

_MIDDLE = 127.5


@dataclass(frozen=True, slots=True, eq=False)
class DecodedRays:
    """directions float32 (..., H, W, 3), unit vectors in the optical frame; confidence uint8 (..., H, W)."""

    directions: FloatArray
    confidence: UInt8Array


def camera_directions(camera: Camera) -> FloatArray:
    """Unit vectors (height, width, 3) along which the pixel centres of a pinhole camera look."""
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], axis=-1)
    directions: FloatArray = (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).astype(np.float32)
    return directions


def encode(view: Camera | Array) -> UInt8Array:
    """Paint the viewing directions of a camera, or directions (..., H, W, 3), as (..., H, W, 3) uint8."""
    directions = camera_directions(view) if isinstance(view, Camera) else view
    require_floats(directions, name="directions", channels=3)
    xp = namespace(directions)
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    ax, ay = xp.rad2deg(xp.arctan2(x, z)), xp.rad2deg(xp.arctan2(y, z))
    paintable = (abs(ax) <= WIDEST_DEG) & (abs(ay) <= WIDEST_DEG)  # false for NaN
    refuse_where(~paintable, directions, name="directions", remedy=f"stay within {WIDEST_DEG:g} degrees of the axis")
    ramps = (ax, ay, (ax - ay) / 2)
    rgb: UInt8Array = interleaved(*(astype(xp.round(_MIDDLE + a * (_MIDDLE / WIDEST_DEG)), "uint8") for a in ramps))
    return rgb


def decode(rgb: Array) -> DecodedRays:
    """Read painted directions (..., H, W, 3) uint8 back; any colours at all are accepted."""
    require_canvas(rgb)
    return DecodedRays(
        directions=pixelwise(_directions, rgb),
        confidence=pixelwise(lambda pixels: validity(_levels_off_plane(pixels)), rgb),
    )


def _directions(rgb: Array) -> Array:
    r, g, b = (astype(channel, "int32") for channel in channels(rgb))
    # Least squares over the three channels; six times the angles, in levels, are whole numbers.
    x = take(_tangents(), 5 * r + g + 2 * b)
    y = take(_tangents(), r + 5 * g - 2 * b + 510)
    scale = 1 / namespace(rgb).sqrt(1 + x * x + y * y)
    return interleaved(x * scale, y * scale, scale)


def _levels_off_plane(rgb: Array) -> Array:
    """A step of one level in all three channels changes r - g - 2 b by at most four."""
    r, g, b = (astype(channel, "int16") for channel in channels(rgb))
    return astype(abs(r - g - 2 * b + 255) // 4, "uint8")


@cache
def _tangents() -> FloatArray:
    """Tangent of the angle by six times its level, 0..2040; levels off the plane may run past the widest angle."""
    sixfold = np.arange(8 * 255 + 1) - 4 * 255
    angle_deg = np.clip(sixfold / 6 * (WIDEST_DEG / _MIDDLE), -WIDEST_DEG, WIDEST_DEG)
    tangents: FloatArray = np.tan(np.radians(angle_deg)).astype(np.float32)
    return tangents
