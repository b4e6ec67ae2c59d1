"""Metric depth <-> colour: a curve from metres to [0, 1] (`curve`), then a walk through colours (`cubewalk`).

    position = f(d) = 1 - (1 + d / 10)^-2;  colour = the point at that position of the walk along the cube's edges

At 8 bits the walk has 1785 levels: 2.8 mm a level at 0 m, 2.2 cm at 10 m, 35 cm at 40 m (arXiv 2604.20329).
The other encodings put a colour map in place of the walk, for training a generator on more than one rendering of depth.

Convention
    depth_m     metres along the optical axis z; encode: +inf is beyond range and painted white.
    decode      the nearest point of the walk (Euclidean), then the inverse curve. Total: every colour gives a depth in
                0..FARTHEST_M, and white alone gives +inf (the last colour, with another encoding).
    confidence  255 (1 - e / 63), 0 from e = 63 on; e is how many levels the worst channel is off the walk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from vision_banana_ros.codecs import colormaps, cubewalk
from vision_banana_ros.codecs.arrays import (
    INVALID_COLOR,
    REACH,
    Array,
    astype,
    namespace,
    pixelwise,
    refuse_where,
    require_canvas,
    require_floats,
    take,
    validity,
)
from vision_banana_ros.codecs.curve import FARTHEST_M, LEVELS, curve, uncurve
from vision_banana_ros.codecs.distinct import farthest_color
from vision_banana_ros.core import DEPTH_ENCODINGS, CodecError, FloatArray, Rgb, UInt8Array

__all__ = ["FARTHEST_M", "LEVELS", "DecodedDepth", "curve", "decode", "encode", "rescaled", "uncurve", "unknown_color"]


@dataclass(frozen=True, slots=True, eq=False)
class DecodedDepth:
    """depth_m float32 (..., H, W), and its validity uint8, None when it was not asked for."""

    depth_m: FloatArray
    confidence: UInt8Array | None


def encode(depth_m: Array, encoding: str = "cube", *, invalid: Rgb | None = None) -> UInt8Array:
    """Paint depth (..., H, W) as (..., H, W, 3) uint8. NaN needs a colour for `invalid`, such as INVALID_COLOR."""
    require_floats(depth_m, name="depth_m")
    _require_encoding(encoding)
    xp = namespace(depth_m)
    unknown = xp.isnan(depth_m)
    refused = (depth_m < 0) | (unknown & (invalid is None))
    refuse_where(refused, depth_m, name="depth", remedy="give metres >= 0, +inf beyond range; NaN needs invalid=COLOUR")

    known_m = astype(xp.where(unknown, xp.zeros_like(depth_m), depth_m), "float32")
    level = astype(xp.round(curve(known_m) * LEVELS), "int64")
    # Finite depth stays finite: the last level is kept for +inf.
    level = xp.where(xp.isinf(known_m), xp.full_like(level, LEVELS), level.clip(0, LEVELS - 1))
    colors = cubewalk.colors() if encoding == "cube" else colormaps.colors(encoding)
    if invalid is not None:
        colors = np.concatenate([colors, np.array([invalid], np.uint8)])
        level = xp.where(unknown, xp.full_like(level, LEVELS + 1), level)
    rgb: UInt8Array = take(colors, level)
    return rgb


def decode(rgb: Array, encoding: str = "cube", *, with_confidence: bool = True) -> DecodedDepth:
    """Read painted depth (..., H, W, 3) uint8 back to metres; any colours at all are accepted."""
    require_canvas(rgb)
    _require_encoding(encoding)
    depth: Callable[[Array], Array] = cubewalk.depth
    levels_off: Callable[[Array], Array] = cubewalk.levels_off
    if encoding != "cube":
        depth, levels_off = partial(colormaps.depth, name=encoding), partial(colormaps.levels_off, name=encoding)
    confidence = pixelwise(lambda pixels: validity(levels_off(pixels)), rgb) if with_confidence else None
    return DecodedDepth(pixelwise(depth, rgb), confidence)


@cache
def unknown_color(encoding: str) -> Rgb:
    """What unknown depth is painted in: mid grey is far from the walk along the cube's edges, no colour map has all."""
    if encoding == "cube":
        return INVALID_COLOR
    return farthest_color(tuple(tuple(map(int, color)) for color in colormaps.colors(encoding)[::16]))


def rescaled(rgb: UInt8Array, factor: float) -> UInt8Array:
    """The canvas (..., H, W, 3) in the cube code with every depth times `factor`; confidences stay as they were.

    White stays white, and what is no depth (confidence 0) stays what it is.
    """
    require_canvas(rgb)
    if not (np.isfinite(factor) and factor > 0):
        raise CodecError(f"a factor of depth must be a positive number, got {factor}")
    depth_m = pixelwise(cubewalk.depth, rgb)
    off = pixelwise(cubewalk.levels_off, rgb).astype(np.int16)
    level = np.round(curve(depth_m * np.float32(factor)) * LEVELS)
    level = np.where(np.isinf(depth_m), LEVELS, level.clip(0, LEVELS - 1)).astype(np.int64)
    painted = cubewalk.colors()[level].astype(np.int16) + cubewalk.inwards()[level] * off[..., None]
    return np.where((off < REACH)[..., None], painted, rgb).astype(np.uint8)


def _require_encoding(encoding: str) -> None:
    if encoding not in DEPTH_ENCODINGS:
        raise CodecError(f"encoding must be one of {', '.join(DEPTH_ENCODINGS)}, got {encoding!r}")
