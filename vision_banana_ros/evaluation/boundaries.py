"""Whether depth changes where it should: the F1 of depth boundaries.

    A boundary lies between two neighbouring pixels whose depths differ by more than 15 %. It is found where the other
    map has one within a pixel. F1 = 2 P R / (P + R) of the boundaries painted (P) and of the true ones (R).

Maps are compared at 160 pixels of width, whatever the frame's size, so that a pixel means the same everywhere. Scale
does not matter. Where the truth is unknown on either side nothing counts.

Reference: Bochkovskii et al., "Depth Pro", 2024, whose measure has no tolerance and many thresholds.
"""

from __future__ import annotations

import cv2
import numpy as np

from vision_banana_ros.core import BoolArray, FloatArray

RATIO = 1.15
_WIDTH = 160
#: True boundaries that a frame must have to be scored.
_FEWEST = 30


def boundary_f1(predicted_m: FloatArray, truth_m: FloatArray) -> float | None:
    """None where the truth has too few boundaries."""
    predicted, truth = _small(predicted_m), _small(truth_m)
    scores = [_matches(_steps(predicted, axis), _steps(truth, axis), _known(truth, axis)) for axis in (0, 1)]
    found, painted, seen, true = np.sum(scores, axis=0).tolist()
    if true < _FEWEST:
        return None
    precision, recall = found / max(painted, 1), seen / true
    return float(2 * precision * recall / (precision + recall)) if found and seen else 0.0


def _matches(painted: BoolArray, true: BoolArray, known: BoolArray) -> tuple[int, int, int, int]:
    """Painted ones that are true, painted ones, true ones that were painted, true ones."""
    painted, true = painted & known, true & known
    near = np.ones((3, 3), np.uint8)
    about_true = cv2.dilate(true.astype(np.uint8), near) > 0
    about_painted = cv2.dilate(painted.astype(np.uint8), near) > 0
    return int((painted & about_true).sum()), int(painted.sum()), int((true & about_painted).sum()), int(true.sum())


def _steps(depth: FloatArray, axis: int) -> BoolArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.abs(np.diff(np.log(depth), axis=axis))
        steps: BoolArray = change > np.log(RATIO)
    return steps


def _known(depth: FloatArray, axis: int) -> BoolArray:
    there = np.isfinite(depth)
    first, second = np.split(there, [1], axis)[1], np.delete(there, -1, axis)
    known: BoolArray = first & second
    return known


def _small(depth: FloatArray) -> FloatArray:
    """Picked, not blended: a mean of near and far is neither."""
    height, width = depth.shape
    columns = ((np.arange(_WIDTH) + 0.5) * width / _WIDTH).astype(np.intp)
    rows_wanted = max(1, round(height * _WIDTH / width))
    rows = ((np.arange(rows_wanted) + 0.5) * height / rows_wanted).astype(np.intp)
    picked: FloatArray = np.where(depth > 0, depth, np.nan)[rows][:, columns]
    return picked
