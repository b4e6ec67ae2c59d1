"""A cloud for costmaps: few points, the nearest of each cell of the image, and an end for every ray that sees nothing.

A costmap of 5 cm cells gains nothing from 300,000 points and pays for each; 20,000 are plenty. The image is cut into
square cells of the smallest size that gives no more points than wanted, and each cell keeps the point that is nearest
to the camera, on its own pixel's ray: thin things stay, and nothing is averaged into the air between two surfaces.

Convention
    Points (N, 3) float32 in the optical frame, without NaN; row by row, so that the same image gives the same cloud.
    A cell that sees only beyond the range (+inf) ends at `far_point_m` on its middle ray, so that costmaps clear along
    it; without `far_point_m`, and where nothing is known (NaN), there is no point.
    Heights are over the floor, along `up`: a unit vector of the optical frame that points away from it.
    `voxel_m` keeps, of the points in one cube, the first; far ends are all kept.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import (
    UNLABELLED,
    AnyArray,
    BoolArray,
    Camera,
    FloatArray,
    FrameError,
    UInt8Array,
    require_array,
)


@dataclass(frozen=True, slots=True, eq=False)
class SparseCloud:
    """`label` as in the class mask, 255 where there is none; far ends are 255 too."""

    points: FloatArray
    label: UInt8Array


@dataclass(frozen=True, slots=True)
class Heights:
    """The band over the floor that is kept. A point p of the optical frame is `up . p + camera_m` above the floor."""

    lowest_m: float
    highest_m: float
    camera_m: float
    up: tuple[float, float, float] = (0.0, -1.0, 0.0)  # a camera that looks straight ahead

    def outside(self, depth_m: FloatArray, camera: Camera) -> BoolArray:
        """Where a pixel's point is known to be below or above the band."""
        across = self.up[0] * (np.arange(camera.width) - camera.cx) / camera.fx + self.up[2]
        down = self.up[1] * (np.arange(camera.height) - camera.cy) / camera.fy
        off = np.add(across.astype(np.float32), down.astype(np.float32)[:, None])  # height of a point at depth 1
        with np.errstate(invalid="ignore"):  # beyond range
            off *= depth_m
            off -= np.float32((self.lowest_m + self.highest_m) / 2 - self.camera_m)
        outside: BoolArray = np.abs(off, out=off) > np.float32((self.highest_m - self.lowest_m) / 2)
        return outside


def sparse_cloud(
    depth_m: FloatArray,
    camera: Camera,
    *,
    most_points: int = 20_000,
    mask: UInt8Array | None = None,
    without: Collection[int] = (),
    heights: Heights | None = None,
    voxel_m: float = 0.0,
    max_range_m: float = math.inf,
    far_point_m: float | None = None,
) -> SparseCloud:
    """At most `most_points`; `without` are class ids of `mask` that are left out, the floor for instance. What
    `heights` leave out never hides what is kept behind it; rays that end beyond the range have no height.
    """
    hw = (camera.height, camera.width)
    require_array(depth_m, name="depth_m", dtype="float32", hw=hw, error=FrameError)
    if most_points < 1 or not voxel_m >= 0:
        raise FrameError(f"most_points must be at least 1 and voxel_m at least 0, got {most_points} and {voxel_m}")
    if mask is not None:
        require_array(mask, name="mask", dtype="uint8", hw=hw, error=FrameError)
    if math.isfinite(max_range_m):
        depth_m = np.where(depth_m > max_range_m, np.float32(np.inf), depth_m)
    step = cell_size(hw, most_points)
    keys = _keys(depth_m, mask, without, None if heights is None else heights.outside(depth_m, camera))
    (row, column), (far_row, far_column) = _nearest_of_cells(keys, step)
    points = _on_rays(depth_m[row, column], row, column, camera)
    label = np.full(len(points), UNLABELLED, np.uint8) if mask is None else mask[row, column]
    if voxel_m > 0:
        kept = _first_of_voxels(points, voxel_m)
        points, label = points[kept], label[kept]
    if far_point_m is not None and far_row.size:
        ends = _on_rays(np.full(far_row.size, far_point_m, np.float32), far_row, far_column, camera)
        points = np.concatenate([points, ends])
        label = np.concatenate([label, np.full(len(ends), UNLABELLED, np.uint8)])
    return SparseCloud(points, label)


def cell_size(hw: tuple[int, int], most_points: int) -> int:
    """The side of the smallest square cells of which there are no more than that many."""
    step = max(1, math.isqrt(max(0, hw[0] * hw[1] // most_points)))
    while math.ceil(hw[0] / step) * math.ceil(hw[1] / step) > most_points:
        step += 1
    return step


_Pixels = tuple[AnyArray, AnyArray]  # rows, columns
_SPARE_BITS = 7
#: Keys of +inf and, above it, of what is no depth.
_FAR, _NOTHING = np.uint32(0x7F7FFFFF), np.uint32(0xFFFFFFFF)


def _keys(
    depth_m: FloatArray, mask: UInt8Array | None, without: Collection[int], outside: BoolArray | None
) -> npt.NDArray[np.uint32]:
    """Whole numbers in the order of depths: the bits of positive floats are, and less one zero is the very last. So the
    smallest of a cell is its nearest point, or +inf, or nothing where all are NaN, 0, negative or left out.
    """
    keys = np.ascontiguousarray(depth_m).view(np.uint32) - np.uint32(1)
    if mask is not None and without:
        left_out = np.zeros(256, np.int32)
        left_out[list(without)] = -1
        keys |= cv2.LUT(mask, left_out).view(np.uint32)
    if outside is not None:
        np.putmask(keys, outside & (keys < _FAR), _NOTHING)
    return keys


def _nearest_of_cells(keys: npt.NDArray[np.uint32], step: int) -> tuple[_Pixels, _Pixels]:
    """The nearest pixel of each cell that has one, and the middle of each where all is beyond."""
    height, width = keys.shape
    rows, columns = math.ceil(height / step), math.ceil(width / step)
    if (height, width) != (rows * step, columns * step):  # cells at the edge see nothing outside
        padding = ((0, rows * step - height), (0, columns * step - width))
        keys = np.pad(keys, padding, constant_values=_NOTHING)
    marked, bits = _with_room(keys, (step * step - 1).bit_length())
    marked = marked.reshape(rows, step, columns * step)
    marked |= np.tile(np.arange(step * step, dtype=marked.dtype).reshape(step, step), columns)
    of_columns = np.minimum.reduce(marked, axis=1).reshape(-1, step)
    flat = of_columns[:, 0].copy()
    for column in range(1, step):
        np.minimum(flat, of_columns[:, column], out=flat)
    kinds, places = flat >> bits, flat & ((1 << int(bits)) - 1)
    far_kind = _with_room(np.array([_FAR]), int(bits))[0][0] >> bits
    nearest, far = np.flatnonzero(kinds < far_kind), np.flatnonzero(kinds == far_kind)
    down, across = _pixels(far, np.full(far.size, (step // 2) * step + step // 2), columns, step)
    beyond = np.minimum(down, height - 1), np.minimum(across, width - 1)
    return _pixels(nearest, places[nearest], columns, step), beyond


def _with_room(keys: npt.NDArray[np.uint32], bits: int) -> tuple[AnyArray, Any]:
    """Keys whose lowest bits are free for a pixel's place in its cell: the smallest then tells depth and place. Up to
    seven are taken from the depth itself, which then counts as equal within one part in 10^5.
    """
    if bits <= _SPARE_BITS:
        return keys & ~np.uint32((1 << bits) - 1), np.uint32(bits)
    return keys.astype(np.uint64) << np.uint64(bits), np.uint64(bits)


def _pixels(cells: AnyArray, places: AnyArray, columns: int, step: int) -> tuple[AnyArray, AnyArray]:
    """Row and column of those places in those cells, both by number."""
    row, column = np.divmod(cells, columns)
    down, across = np.divmod(places.astype(np.intp), step)
    return row * step + down, column * step + across


def _on_rays(depth: FloatArray, row: AnyArray, column: AnyArray, camera: Camera) -> FloatArray:
    points = np.empty((len(depth), 3), np.float32)
    points[:, 0] = ((np.arange(camera.width) - camera.cx) / camera.fx)[column] * depth
    points[:, 1] = ((np.arange(camera.height) - camera.cy) / camera.fy)[row] * depth
    points[:, 2] = depth
    return points


def _first_of_voxels(points: FloatArray, voxel_m: float) -> AnyArray:
    """Numbers of the points that are the first of their cube, in order."""
    cells = np.floor(points / voxel_m).astype(np.int64) + 2**20
    keys = (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]
    return np.sort(np.unique(keys, return_index=True)[1])
