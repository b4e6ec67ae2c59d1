"""Side by side: the image, what the model saw, what is true; a row each for depth, normals and labels.

Depth is shown in the package's own cube colours, normals in the paper's; black where the truth is unknown.
"""

from __future__ import annotations

import numpy as np

from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.codecs import normals as normals_code
from vision_banana_ros.codecs.palette import Palette
from vision_banana_ros.core import UNLABELLED, FloatArray, Perception, Truth, UInt8Array
from vision_banana_ros.data import Example

_BLACK = (0, 0, 0)


def side_by_side(labelled: Example, seen: Perception) -> UInt8Array:
    """RGB tiles: image | perceived | true, one row per kind of answer that exists."""
    truth, rgb = labelled.truth, labelled.frame.rgb
    rows = []
    if seen.depth_m is not None:
        rows.append([rgb, _paint_depth(seen.depth_m), _paint_depth(truth.depth_m, rgb)])
    if seen.normals is not None:
        rows.append([rgb, normals_code.encode(seen.normals), _paint_normals(truth, rgb)])
    if seen.mask is not None:
        rows.append([rgb, *_paint_masks(seen, truth, rgb)])
    return np.concatenate([np.concatenate(row, axis=1) for row in rows] or [rgb], axis=0)


def _paint_depth(depth_m: FloatArray | None, rgb: UInt8Array | None = None) -> UInt8Array:
    if depth_m is None:
        assert rgb is not None
        return np.zeros_like(rgb)
    return depth_code.encode(depth_m, invalid=_BLACK)


def _paint_normals(truth: Truth, rgb: UInt8Array) -> UInt8Array:
    if truth.normals is None:
        return np.zeros_like(rgb)
    return np.where(np.isfinite(truth.normals).all(-1, keepdims=True), normals_code.encode(truth.normals), np.uint8(0))


def _paint_masks(seen: Perception, truth: Truth, rgb: UInt8Array) -> list[UInt8Array]:
    """Both masks in one set of colours, matched by name."""
    assert seen.mask is not None
    names = tuple(dict.fromkeys((*truth.labels, *seen.labels)))
    colors = np.zeros((256, 3), np.uint8)
    colors[: len(names)] = Palette.distinct(len(names)).targets
    colors[UNLABELLED] = _BLACK
    table = np.full(256, UNLABELLED, np.uint8)
    for i, name in enumerate(seen.labels):
        table[i] = names.index(name)
    true = colors[truth.mask] if truth.mask is not None else np.zeros_like(rgb)
    return [colors[table[seen.mask]], true]
