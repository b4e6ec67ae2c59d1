"""Connected pieces of one label, and labels for the pixels that have none.

A pixel without a label takes, of the labels within `_NEAR` pixels, the one whose colour it is closest to; else the
label that is nearest. So a blurred edge ends where it is half-way, and corners stay sharp.

Convention
    labels      uint8 (H, W), 1 + the index of a colour, 0 where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.codecs.clusters import squared_distances
from vision_banana_ros.core import AnyArray, FloatArray, UInt8Array

#: Pixels from which a label may be taken by colour: half the ramp of a blurred edge.
_NEAR = 3
_NEAR_SQUARE = np.ones((2 * _NEAR + 1, 2 * _NEAR + 1), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Connected pieces of one label: numbers 1.. within the box around all of them, and OpenCV's statistics of each."""

    box: tuple[slice, slice]
    numbers: AnyArray
    stats: AnyArray

    @property
    def areas(self) -> AnyArray:
        """Pixels of each number; number 0 is what belongs to no piece."""
        areas: AnyArray = self.stats[:, cv2.CC_STAT_AREA]
        return areas

    def window(self, number: int, *, margin: int) -> tuple[slice, slice]:
        """The part of the image around one piece; it may end beyond the image."""
        x, y, width, height = self.stats[number, :4].tolist()
        top, left = self.box[0].start + y, self.box[1].start + x
        return slice(max(0, top - margin), top + height + margin), slice(max(0, left - margin), left + width + margin)

    def mask(self, number: int, window: tuple[slice, slice], hw: tuple[int, ...]) -> AnyArray:
        """Where one piece is, as part of a window around it into an image of size `hw`."""
        x, y, width, height = self.stats[number, :4].tolist()
        top, left = self.box[0].start + y - window[0].start, self.box[1].start + x - window[1].start
        mask = np.zeros(
            (min(hw[0], window[0].stop) - window[0].start, min(hw[1], window[1].stop) - window[1].start), bool
        )
        mask[top : top + height, left : left + width] = self.numbers[y : y + height, x : x + width] == number
        return mask


def pieces(labels: UInt8Array, label: int) -> Pieces:
    """The 8-connected pieces of one label."""
    mask = (labels == label).view(np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    box = (slice(y, y + height), slice(x, x + width))
    if width == 0:
        return Pieces(box, mask[box].astype(np.int32), np.zeros((1, 5), np.int32))
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask[box], connectivity=8)
    return Pieces(box, numbers, stats)


def filled(labels: UInt8Array, peaks: FloatArray, smooth: UInt8Array) -> UInt8Array:
    """Labels for all pixels, by colour where one is near; all 0 if there is none at all."""
    unknown = labels == 0
    if not unknown.any():
        return labels
    chosen = labels.copy()
    best = np.full(labels.shape, np.inf, np.float32)
    for label, peak in enumerate(peaks, 1):
        mask = (labels == label).view(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        if width == 0:
            continue
        box = (slice(max(0, y - _NEAR), y + height + _NEAR), slice(max(0, x - _NEAR), x + width + _NEAR))
        near = np.nonzero(cv2.dilate(mask[box], _NEAR_SQUARE).view(bool) & unknown[box])
        squared = squared_distances(smooth[box][near].astype(np.float32), peak)
        closer = squared < best[box][near]
        rows, columns = near[0][closer], near[1][closer]
        best[box][rows, columns] = squared[closer]
        chosen[box][rows, columns] = label
    return _nearest_known(chosen)


def _nearest_known(labels: UInt8Array) -> UInt8Array:
    """Pixels without a label take that of the nearest pixel with one."""
    known = labels > 0
    if known.all() or not known.any():
        return labels
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(nearest.max()) + 1, np.uint8)
    table[nearest[known]] = labels[known]
    return table[np.asarray(nearest, np.int64)]
