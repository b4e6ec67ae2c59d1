"""Colour maps over the depth curve: plasma, inferno, viridis and grey, as polylines through 256 colours.

The tables of plasma, inferno and viridis are OpenCV's (they are matplotlib's, by N. Smith and S. van der Walt, CC0);
grey is (i, i, i). A colour is read as the nearest point of the polyline, in two steps: the nearest of the 256 colours
to its cell of 4 x 4 x 4 levels, then a projection on the tangent there. These codes resolve about 250 to 600 steps,
where the cube walk has 1785, and the last colour stands for everything beyond the last step.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from vision_banana_ros.codecs.arrays import (
    Array,
    astype,
    cell_centres,
    cell_index,
    namespace,
    narrowed,
    take,
    widened,
)
from vision_banana_ros.codecs.curve import LEVELS, level_depths
from vision_banana_ros.core import AnyArray, FloatArray, UInt8Array

_OPENCV_MAPS = {"plasma": cv2.COLORMAP_PLASMA, "inferno": cv2.COLORMAP_INFERNO, "viridis": cv2.COLORMAP_VIRIDIS}
_LAST = 255
#: A projection may leave its vertex by this many steps: as far as neighbours within one cell can be apart.
_FARTHEST_STEPS = 3.0


@cache
def colors(name: str) -> UInt8Array:
    """The colour of every level of the depth curve: (LEVELS + 1, 3) uint8."""
    vertices = _vertices(name)
    at = np.linspace(0, _LAST, LEVELS + 1)
    channels = [np.interp(at, np.arange(_LAST + 1), vertices[:, c]) for c in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def depth(rgb: Array, name: str) -> Array:
    """Depth in metres, float32, of the nearest point of the map to each pixel (..., 3); +inf for its last colour."""
    depth_m = take(level_depths(), _level(rgb, name))
    xp = namespace(rgb)
    r, g, b = _vertices(name)[_LAST].tolist()
    beyond = (rgb[..., 0] == r) & (rgb[..., 1] == g) & (rgb[..., 2] == b)
    return xp.where(beyond, xp.full_like(depth_m, float("inf")), depth_m)


def levels_off(rgb: Array, name: str) -> Array:
    """How many levels the worst channel is away from the nearest point of the map: uint8."""
    nearest, rgb = widened(take(colors(name), _level(rgb, name))), widened(rgb)
    xp = namespace(rgb)
    off = xp.maximum(rgb, nearest) - xp.minimum(rgb, nearest)
    return narrowed(xp.maximum(xp.maximum(off[..., 0], off[..., 1]), off[..., 2]))


def _level(rgb: Array, name: str) -> Array:
    vertices, tangents = _vertices(name), _tangents(name)
    near = take(_nearest_vertex(name), cell_index(rgb))
    offset = astype(rgb, "float32") - take(vertices, near)
    along = offset * take(tangents, near)
    steps = (along[..., 0] + along[..., 1] + along[..., 2]).clip(-_FARTHEST_STEPS, _FARTHEST_STEPS)
    position = (astype(near, "float32") + steps).clip(0, _LAST)
    return astype(namespace(rgb).round(position * (LEVELS / _LAST)), "int32")


@cache
def _vertices(name: str) -> FloatArray:
    index = np.arange(_LAST + 1, dtype=np.uint8)
    if name == "grey":
        return np.repeat(index[:, None], 3, axis=1).astype(np.float32)
    bgr = cv2.applyColorMap(index[:, None], _OPENCV_MAPS[name])[:, 0]
    return bgr[:, ::-1].astype(np.float32)


@cache
def _tangents(name: str) -> FloatArray:
    """Per vertex t / |t|^2 with t the mean step around it, so that a product with an offset counts steps."""
    vertices = _vertices(name)
    index = np.arange(_LAST + 1)
    # Two to each side: at 8 bits neighbours may be of one colour.
    before, after = np.maximum(index - 2, 0), np.minimum(index + 2, _LAST)
    step = (vertices[after] - vertices[before]) / (after - before)[:, None]
    scaled: FloatArray = (step / np.sum(step**2, axis=1, keepdims=True)).astype(np.float32)
    return scaled


@cache
def _nearest_vertex(name: str) -> AnyArray:
    """Per colour cell the nearest of the 256 colours, int32."""
    centres, vertices = cell_centres(), _vertices(name)
    # |c - v|^2 without |c|^2, which is the same for all v.
    offset = np.sum(vertices**2, axis=1)
    blocks = [np.argmin(offset - 2 * block @ vertices.T, axis=1) for block in np.array_split(centres, 64)]
    return np.concatenate(blocks).astype(np.int32)
