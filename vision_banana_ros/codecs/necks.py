"""Necks of an instance that are thinner than the blur: of their colour they keep a tint, enough to join the two halves.

Two pieces of one colour are joined where the straight line from one to the other, at most `_LONGEST` pixels long, is
tinted along most of it: of its pixels, the distance to the pieces' colour is less than `_TINTED` of what the label in
between has. An occluder of four pixels or more hides that colour along its middle, and the pieces stay two.
"""

from __future__ import annotations

import cv2
import numpy as np

from vision_banana_ros.codecs.pieces import Pieces, pieces
from vision_banana_ros.core import AnyArray, FloatArray, UInt8Array

#: Pixels from one piece to the other.
_LONGEST = 16
#: Of a pixel of a neck, its distance to the neck's colour as a share of that of the colour around it.
_TINTED = 0.72
_MOSTLY = 0.9


def joined(labels: UInt8Array, peaks: FloatArray, rgb: UInt8Array, *, behind: int, min_area: int) -> UInt8Array:
    """The labels with a line for each neck between pieces of at least `min_area` pixels; the background has none."""
    joined = labels.copy()
    # The median that smooths the canvas elsewhere would wipe out what is sought here.
    soft = np.asarray(cv2.blur(rgb, (3, 3)), np.float32)
    for label in range(1, len(peaks) + 1):
        if label == behind:
            continue
        found = pieces(labels, label)
        large = np.flatnonzero(found.areas[1:] >= min_area) + 1
        for number in large[np.argsort(found.areas[large])][:-1]:
            _join_one(joined, peaks, soft, label, found, int(number))
    return joined


def _join_one(labels: UInt8Array, peaks: FloatArray, soft: FloatArray, label: int, found: Pieces, number: int) -> None:
    """Join a piece with the nearest other one of its label, in place, if a neck leads there."""
    window = found.window(number, margin=_LONGEST)
    mask = found.mask(number, window, labels.shape)
    line = _shortest_line(mask, (labels[window] == label) & ~mask)
    if line is None:
        return
    rows, columns = line[:, 0], line[:, 1]
    color = peaks[label - 1]
    around = peaks[labels[window][rows, columns].astype(np.intp) - 1]
    tint = np.linalg.norm(soft[window][rows, columns] - color, axis=1)
    if np.mean(tint < _TINTED * np.linalg.norm(around - color, axis=1)) >= _MOSTLY:
        labels[window][rows, columns] = label


def _shortest_line(mask: AnyArray, others: AnyArray) -> AnyArray | None:
    """The pixels (row, column) that lie between a piece and the nearest of others, if it is near enough."""
    if not others.any():
        return None
    away, nearest = cv2.distanceTransformWithLabels(
        (~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    end = np.unravel_index(np.where(others, away, np.inf).argmin(), mask.shape)
    if away[end] > _LONGEST:
        return None
    begin = np.argwhere((nearest == nearest[end]) & mask)[0]
    steps = int(np.abs(np.subtract(end, begin)).max()) + 1
    line: AnyArray = np.linspace(begin, end, steps).round().astype(np.intp)[1:-1]
    return line if len(line) else None
