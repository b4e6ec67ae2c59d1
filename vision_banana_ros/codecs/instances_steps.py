"""Instances from a canvas by the five steps that the paper's later version prints, beside ours in instances.py.

    1. Background: squared RGB distance to the prompted background below 14^2.
    2. Seeded flood fill: from each pixel not yet taken, in reading order, over its neighbours whose squared distance to
       the SEED's colour is at most 14^2.
    3. Components of fewer than 2e-4 of the canvas are dropped.
    4. Eroded by a 3 x 3 square: dropped if less than 0.1 of the area survives (rims of blurred edges are thin).
    5. Components that lie apart are merged if their mean colours are within 14 and the box around both is at most
       5 times the sum of their areas.

Reference: "Image Generators are Generalist Vision Learners" (arXiv 2604.20329), a later version, appendix A.

What it leaves open, and what is done here
    "16-connectivity" is not defined further: the 8 neighbours and the 8 at a knight's move, 16 in all.
    The areas of step 5 may be pixels or boxes: pixels. Pairs are merged from the largest component on, until none fit.
    Without a prompted background the most frequent colour along the border stands for it, as in instances.py.

Convention
    instances   uint16, 0 background, 1..count in the order of their size, the largest first, as in instances.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vision_banana_ros.codecs.arrays import require_canvas
from vision_banana_ros.core import AnyArray, BoolArray, CodecError, Rgb, UInt8Array, UInt16Array, describe

REACH = 14
SMALLEST_SHARE = 2e-4
SURVIVES = 0.1
BOX_TO_AREA = 5.0

_MOVES: tuple[tuple[int, int], ...] = (
    *((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)),
    *((dy, dx) for dy in (-2, -1, 1, 2) for dx in (-2, -1, 1, 2) if abs(dy) != abs(dx)),
)
Ints = npt.NDArray[np.int64]


def decode_steps(rgb: UInt8Array, background: Rgb | None = None) -> UInt16Array:
    """The map of instances of a canvas (H, W, 3) uint8."""
    require_canvas(rgb)
    if not isinstance(rgb, np.ndarray) or rgb.ndim != 3:
        raise CodecError(f"instances are decoded from one NumPy canvas (H, W, 3), got {describe(rgb)}")
    height, width = rgb.shape[:2]
    behind = np.array(_border_color(rgb) if background is None else background, np.int64)
    free = ((rgb.astype(np.int64) - behind) ** 2).sum(-1) >= REACH**2
    regions = [
        region
        for region in _flood(rgb, free)
        if len(region) >= SMALLEST_SHARE * height * width and _is_solid(region, width)
    ]
    merged = _merge(regions, rgb.reshape(-1, 3), width)
    merged.sort(key=len, reverse=True)
    instances = np.zeros(height * width, np.uint16)
    for number, region in enumerate(merged[:65535], 1):
        instances[region] = number
    return instances.reshape(height, width)


def _flood(rgb: UInt8Array, free: BoolArray) -> list[Ints]:
    """Step 2: flat indices of each component, in the order of their seeds; `free` is used up.

    A fill goes in rings: all pixels reached so far at once, as single steps in Python would take seconds.
    """
    height, width = free.shape
    margin = 2  # of the moves; padded pixels are never free
    padded_width = width + 2 * margin
    left = np.zeros((height + 2 * margin, padded_width), bool)
    left[margin:-margin, margin:-margin] = free
    color = np.zeros((*left.shape, 3), np.int32)
    color[margin:-margin, margin:-margin] = rgb
    left_flat, color_flat = left.reshape(-1), color.reshape(-1, 3)
    moves = np.array([dy * padded_width + dx for dy, dx in _MOVES])
    regions: list[Ints] = []
    for seed in np.flatnonzero(left_flat).tolist():
        if not left_flat[seed]:
            continue
        left_flat[seed] = False
        rings = [np.array([seed])]
        while rings[-1].size:
            near = (rings[-1][:, None] + moves).reshape(-1)
            near = near[left_flat[near]]
            near = near[((color_flat[near] - color_flat[seed]) ** 2).sum(-1) <= REACH**2]
            left_flat[near] = False
            rings.append(np.unique(near))
        taken = np.concatenate(rings)
        rows, columns = taken // padded_width - margin, taken % padded_width - margin
        regions.append(rows * width + columns)
    return regions


def _is_solid(region: Ints, width: int) -> bool:
    """Step 4."""
    rows, columns = np.divmod(region, width)
    mask = np.zeros((int(np.ptp(rows)) + 3, int(np.ptp(columns)) + 3), np.uint8)
    mask[rows - rows.min() + 1, columns - columns.min() + 1] = 1
    survives = int(cv2.erode(mask, np.ones((3, 3), np.uint8)).sum())
    return survives >= SURVIVES * len(region)


def _merge(regions: Sequence[Ints], colors: AnyArray, width: int) -> list[Ints]:
    """Step 5, from the largest on; what was merged may be merged again."""
    left = sorted(regions, key=len, reverse=True)
    done: list[Ints] = []
    while left:
        base = left.pop(0)
        while (other := next((i for i, one in enumerate(left) if _belong(base, one, colors, width)), None)) is not None:
            base = np.concatenate([base, left.pop(other)])
        done.append(base)
    return done


def _belong(one: Ints, other: Ints, colors: AnyArray, width: int) -> bool:
    apart = colors[one].mean(0) - colors[other].mean(0)
    if (apart**2).sum() > REACH**2:
        return False
    rows, columns = np.divmod(np.concatenate([one, other]), width)
    box = (int(np.ptp(rows)) + 1) * (int(np.ptp(columns)) + 1)
    return box <= BOX_TO_AREA * (len(one) + len(other))


def _border_color(rgb: UInt8Array) -> AnyArray:
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    found, counts = np.unique(border, axis=0, return_counts=True)
    color: AnyArray = found[counts.argmax()]
    return color
