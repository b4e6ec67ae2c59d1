"""Surface normals <-> colour: each component of a unit vector mapped linearly to a channel.

    r = (1 - x) / 2,  g = (1 + y) / 2,  b = (1 + z) / 2   with x right, y up, z out of the image, towards the viewer

(arXiv 2604.20329: facing left is pinkish red, facing up light green, facing the camera light blue.) In the optical
frame y and z point the other way, which makes it one formula for all three channels:  colour = 127.5 (1 - n).

Convention
    normals     optical frame (x right, y down, z forward), unit length; a wall seen head-on is (0, 0, -1). NaN unknown.
    decode      renormalised. A vector shorter than half, such as that of mid grey, has no direction worth telling: NaN.
    confidence  255 (1 - e / 63), 0 from e = 63 on; e is how many levels the colour is off the sphere of unit vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

from vision_banana_ros.codecs.arrays import (
    INVALID_COLOR,
    REACH,
    Array,
    astype,
    channels,
    interleaved,
    namespace,
    pixelwise_all,
    refuse_where,
    require_canvas,
    require_floats,
    validity,
)
from vision_banana_ros.core import FloatArray, Rgb, UInt8Array

_RADIUS = 127.5  # levels from mid grey to a unit vector
_SHORTEST = _RADIUS - REACH  # below this length a vector has no direction, and confidence is 0 as well
_LENGTH_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class DecodedNormals:
    """normals float32 (..., H, W, 3) in the optical frame, NaN where unknown; confidence uint8 (..., H, W)."""

    normals: FloatArray
    confidence: UInt8Array


def encode(normals: Array, *, invalid: Rgb = INVALID_COLOR) -> UInt8Array:
    """Paint unit vectors (..., H, W, 3) in the optical frame; NaN is painted in the colour `invalid`."""
    require_floats(normals, name="normals", channels=3)
    xp = namespace(normals)
    components = (normals[..., 0], normals[..., 1], normals[..., 2])
    length = _length(*components)
    unknown = xp.isnan(length)
    refused = ~unknown & ~(abs(length - 1) <= _LENGTH_TOLERANCE)
    refuse_where(refused, normals, name="normals", remedy="give unit vectors, and NaN where the normal is not known")
    painted = [
        astype(xp.where(unknown, xp.full_like(n, blank), xp.round(_RADIUS * (1 - n)).clip(0, 255)), "uint8")
        for n, blank in zip(components, invalid, strict=True)
    ]
    rgb: UInt8Array = interleaved(*painted)
    return rgb


def decode(rgb: Array) -> DecodedNormals:
    """Read painted normals (..., H, W, 3) uint8 back; any colours at all are accepted."""
    require_canvas(rgb)
    return DecodedNormals(*pixelwise_all(_directions_and_validity, rgb))


def _directions_and_validity(rgb: Array) -> tuple[Array, Array]:
    x, y, z = _vector(rgb)
    length = _length(x, y, z)
    xp = namespace(rgb)
    levels_off_sphere = astype(abs(length - _RADIUS).clip(0, REACH), "uint8")
    scale = 1 / xp.where(length < _SHORTEST, xp.full_like(length, float("nan")), length)
    return interleaved(x * scale, y * scale, z * scale), validity(levels_off_sphere)


def _vector(rgb: Array) -> tuple[Array, Array, Array]:
    """The painted vector in levels; never of length zero, as mid grey lies between two values of a byte."""
    r, g, b = (_RADIUS - astype(channel, "float32") for channel in channels(rgb))
    return r, g, b


def _length(x: Array, y: Array, z: Array) -> Array:
    return namespace(x).sqrt(x * x + y * y + z * z)
