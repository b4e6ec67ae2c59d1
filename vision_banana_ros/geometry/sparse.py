"""A cloud for costmaps: few points, the nearest of each cell of the image, and an end for every ray that sees nothing.

A costmap of 5 cm cells gains nothing from 300,000 points and pays for each; 20,000 are plenty. The image is cut into
square cells of the smallest size that gives no more points than wanted, and each cell keeps the point that is nearest
to the camera, on its own pixel's ray: thin things stay, and nothing is averaged into the air between two surfaces.

Convention
    Points (N, 3) float32 in the optical frame, without NaN; row by row, so that the same image gives the same cloud.
    A cell that sees only beyond the range (+inf) ends at `far_point_m` on its middle ray, so that costmaps clear along
    it; without `far_point_m`, and where nothing is known (NaN), there is no point.
    `voxel_m` keeps, of the points in one cube, the first; far ends are all kept.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from vision_banana_ros.core import UNLABELLED, AnyArray, Camera, FloatArray, FrameError, UInt8Array, require_array


@dataclass(frozen=True, slots=True, eq=False)
class SparseCloud:
    """`label` as in the class mask, 255 where there is none; far ends are 255 too."""

    points: FloatArray
    label: UInt8Array


def sparse_cloud(
    depth_m: FloatArray,
    camera: Camera,
    *,
    most_points: int = 20_000,
    mask: UInt8Array | None = None,
    without: Collection[int] = (),
    voxel_m: float = 0.0,
    max_range_m: float = math.inf,
    far_point_m: float | None = None,
) -> SparseCloud:
    """At most `most_points`; `without` are class ids of `mask` that are left out, the floor for instance."""
    hw = (camera.height, camera.width)
    require_array(depth_m, name="depth_m", dtype="float32", hw=hw, error=FrameError)
    if most_points < 1 or not voxel_m >= 0:
        raise FrameError(f"most_points must be at least 1 and voxel_m at least 0, got {most_points} and {voxel_m}")
    if mask is not None:
        require_array(mask, name="mask", dtype="uint8", hw=hw, error=FrameError)
    step = cell_size(hw, most_points)
    depth, row, column = _nearest_of_cells(_wanted(depth_m, mask, without, max_range_m), step)
    seen = np.isfinite(depth)
    points = _on_rays(depth[seen], row[seen], column[seen], camera)
    label = np.full(len(points), UNLABELLED, np.uint8) if mask is None else mask[row[seen], column[seen]]
    if voxel_m > 0:
        kept = _first_of_voxels(points, voxel_m)
        points, label = points[kept], label[kept]
    if far_point_m is not None:
        far = depth == np.inf
        ends = _on_rays(np.full(int(far.sum()), far_point_m, np.float32), row[far], column[far], camera)
        points = np.concatenate([points, ends])
        label = np.concatenate([label, np.full(len(ends), UNLABELLED, np.uint8)])
    return SparseCloud(points, label)


def cell_size(hw: tuple[int, int], most_points: int) -> int:
    """The side of the smallest square cells of which there are no more than that many."""
    step = max(1, math.isqrt(max(0, hw[0] * hw[1] // most_points)))
    while math.ceil(hw[0] / step) * math.ceil(hw[1] / step) > most_points:
        step += 1
    return step


def _wanted(depth_m: FloatArray, mask: UInt8Array | None, without: Collection[int], max_range_m: float) -> FloatArray:
    """NaN where a point is not wanted, +inf beyond the range."""
    wanted = depth_m
    if math.isfinite(max_range_m):
        wanted = np.where(depth_m > max_range_m, np.float32(np.inf), depth_m)
    if mask is not None and without:
        left_out = np.zeros(256, np.bool_)
        left_out[list(without)] = True
        wanted = np.where(left_out[mask], np.float32(np.nan), wanted)
    return wanted


def _nearest_of_cells(depth_m: FloatArray, step: int) -> tuple[FloatArray, AnyArray, AnyArray]:
    """Per cell the nearest positive depth and its pixel; +inf and the middle where all is beyond, NaN for nothing."""
    height, width = depth_m.shape
    rows, columns = math.ceil(height / step), math.ceil(width / step)
    if (height, width) != (rows * step, columns * step):  # cells at the edge see nothing outside
        padding = ((0, rows * step - height), (0, columns * step - width))
        depth_m = np.pad(depth_m, padding, constant_values=np.float32(np.nan))
    known = np.where(depth_m > 0, depth_m, np.float32(np.inf))
    cells = known.reshape(rows, step, columns, step).transpose(1, 3, 0, 2).reshape(step * step, -1)
    place = cells.argmin(axis=0)
    best = np.take_along_axis(cells, place[None], axis=0)[0]
    empty = np.flatnonzero(np.isinf(best))
    if empty.size:
        place[empty] = (step // 2) * step + step // 2
        of_empty = depth_m.reshape(rows, step, columns, step).transpose(0, 2, 1, 3).reshape(-1, step * step)[empty]
        best[empty] = np.where((of_empty == np.inf).any(axis=1), np.float32(np.inf), np.float32(np.nan))
    row = np.arange(rows).repeat(columns) * step + place // step
    column = np.tile(np.arange(columns), rows) * step + place % step
    return best, np.minimum(row, height - 1), np.minimum(column, width - 1)


def _on_rays(depth: FloatArray, row: AnyArray, column: AnyArray, camera: Camera) -> FloatArray:
    points = np.empty((len(depth), 3), np.float32)
    points[:, 0] = (column - camera.cx) / camera.fx * depth
    points[:, 1] = (row - camera.cy) / camera.fy * depth
    points[:, 2] = depth
    return points


def _first_of_voxels(points: FloatArray, voxel_m: float) -> AnyArray:
    """Numbers of the points that are the first of their cube, in order."""
    cells = np.floor(points / voxel_m).astype(np.int64) + 2**20
    keys = (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]
    return np.sort(np.unique(keys, return_index=True)[1])
