"""COCO's masks: run lengths, their compressed text, and polygons drawn as COCO draws them; plain NumPy.

Formats (cocodataset/cocoapi, described in its mask API)
    runs        lengths of alternating runs of 0 and 1, 0 first, down the columns (column-major)
    text        each run as base-32 digits from the lowest, 48 added to each digit; bit 5 says that more follow, bit 4
                of the last digit is the sign; from the fourth run on the difference to the run two before is stored
    polygon     [x0, y0, x1, y1, ...]: the outline is walked on a grid five times as fine; where it crosses the middle
                of a column of pixels, everything further down that column changes sides
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vision_banana_ros.core import BoolArray, DataError

_FINE = 5
Ints = npt.NDArray[np.int64]


def decode(segmentation: Any, hw: tuple[int, int]) -> BoolArray:
    """Any of COCO's three forms; a list of polygons is their union, an empty one nothing."""
    if isinstance(segmentation, dict):
        size = tuple(int(side) for side in segmentation["size"])
        if size != hw:
            raise DataError(f"a mask of {size} belongs to a picture of {hw}: the annotations are of another version")
        counts = segmentation["counts"]
        if isinstance(counts, bytes):
            counts = counts.decode("ascii")
        return from_runs(runs_of_text(counts) if isinstance(counts, str) else counts, hw)
    mask = np.zeros(hw, bool)
    for polygon in segmentation:
        mask |= from_polygon(polygon, hw)
    return mask


def from_runs(runs: Sequence[int] | Ints, hw: tuple[int, int]) -> BoolArray:
    lengths = np.asarray(runs, np.int64)
    if lengths.sum() != hw[0] * hw[1] or (lengths < 0).any():
        raise DataError(f"run lengths must add up to {hw[0] * hw[1]} pixels, got {int(lengths.sum())}")
    flat = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return np.ascontiguousarray(flat.reshape(hw[1], hw[0]).T)


def runs_of_text(text: str) -> list[int]:
    runs: list[int] = []
    value = shift = 0
    for character in text:
        digit = ord(character) - 48
        if not 0 <= digit < 64:
            raise DataError(f"{character!r} is no digit of a compressed mask")
        value |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs


def from_polygon(polygon: Sequence[float], hw: tuple[int, int]) -> BoolArray:
    height, width = hw
    corners = (np.asarray(polygon, np.float64).reshape(-1, 2) * _FINE + 0.5).astype(np.int64)
    walk = np.concatenate([_edge(a, b) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)])
    before, after = walk[:-1], walk[1:]
    moved = before[:, 0] != after[:, 0]
    before, after = before[moved], after[moved]
    # the fine column whose right border is crossed, in pixels; whole numbers are the middles of pixels
    column = (np.where(after[:, 0] < before[:, 0], after[:, 0], after[:, 0] - 1) + 0.5) / _FINE - 0.5
    row = np.ceil(np.clip((np.minimum(before[:, 1], after[:, 1]) + 0.5) / _FINE - 0.5, 0, height))
    inside = (column == np.floor(column)) & (column >= 0) & (column <= width - 1)
    at = (column[inside] * height + row[inside]).astype(np.int64)
    crossings = np.bincount(at, minlength=height * width + 1)[: height * width]
    return np.ascontiguousarray((np.cumsum(crossings) % 2 == 1).reshape(width, height).T)


def _edge(start: Ints, end: Ints) -> Ints:
    """Grid points (N, 2) from start to end, both included, one step at a time along the longer side."""
    span = np.abs(end - start)
    along = 0 if span[0] >= span[1] else 1
    low, high = (start, end) if start[along] <= end[along] else (end, start)
    steps = np.arange(span[along] + 1)
    slope = (high[1 - along] - low[1 - along]) / span[along] if span[along] else 0.0
    points = np.empty((len(steps), 2), np.int64)
    points[:, along] = low[along] + steps
    points[:, 1 - along] = (low[1 - along] + slope * steps + 0.5).astype(np.int64)
    return points if low is start else points[::-1]
