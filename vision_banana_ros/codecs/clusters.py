"""Which colours a canvas of unknown colours holds, and which pixels show one of them undisturbed.

A blurred edge blends two colours, and its pixels look like a third; so only flat pixels, whose 3 x 3 neighbourhood
spans few levels, may tell which colours there are. Colours are the peaks of their histogram in cells of 4 x 4 x 4
levels: the fullest cell with all within `MERGE` levels, then the fullest of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.codecs.arrays import CELLS, cell_centres, cell_index, pixelwise
from vision_banana_ros.core import AnyArray, FloatArray, Rgb, UInt8Array

#: Colours closer than this, in levels, are one colour with noise.
MERGE = 28.0
#: A neighbourhood that spans more levels than this in any channel is an edge.
FLAT = 24
#: A flat pixel further than this from all colours has none of them.
_ATTRACTION = 1.5 * MERGE
#: A canvas counts as free of noise if a 3 x 3 median changes a smaller share of its values: edges and corners only.
_CLEAN = 0.2
#: Labels are bytes, and 0 is for pixels without one.
MOST_COLORS = 254


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """peaks float32 (K, 3), a given background first; labels uint8 (H, W): 1 + the peak's index or 0."""

    peaks: FloatArray
    labels: UInt8Array


def smoothed(rgb: UInt8Array) -> UInt8Array:
    """The median of 5 x 5; a canvas without noise stays as it is, since the median takes the corners off shapes."""
    changed = np.count_nonzero(cv2.absdiff(rgb, cv2.medianBlur(rgb, 3))) / rgb.size
    return rgb if changed < _CLEAN else np.asarray(cv2.medianBlur(rgb, 5), np.uint8)


def clustered(smooth: UInt8Array, background: Rgb | None, fewest: int) -> Clusters:
    """Colours that at least `fewest` flat pixels have, and the flat pixels of each."""
    flat = _is_flat(smooth)
    cells = pixelwise(cell_index, smooth)
    occupied, counts = np.unique(cells[flat], return_counts=True)
    centres, weights = cell_centres(occupied), counts.astype(np.float32)
    peaks = _peaks(centres, weights, background, fewest)
    table = np.zeros(CELLS, np.uint8)
    table[occupied] = _nearest_peak(centres, peaks)
    labels = np.asarray(table[cells])
    labels[~flat] = 0
    return Clusters(peaks, labels)


def _is_flat(smooth: UInt8Array) -> AnyArray:
    kernel = np.ones((3, 3), np.uint8)
    span = cv2.subtract(cv2.dilate(smooth, kernel), cv2.erode(smooth, kernel))
    r, g, b = cv2.split(span)
    flat: AnyArray = cv2.max(cv2.max(r, g), b) <= FLAT
    return flat


def _peaks(centres: FloatArray, weights: FloatArray, background: Rgb | None, fewest: int) -> FloatArray:
    """The fullest cell and all around it make one colour, and so on with the rest, while `fewest` pixels are left."""
    peaks: list[FloatArray] = []
    if background is not None:
        peaks.append(np.array(background, np.float32))
        left = squared_distances(centres, peaks[0]) >= MERGE**2
        centres, weights = centres[left], weights[left]
    while len(peaks) < MOST_COLORS and len(weights):
        near = squared_distances(centres, centres[weights.argmax()]) < MERGE**2
        if weights[near].sum() >= fewest:
            peaks.append(np.average(centres[near], axis=0, weights=weights[near]).astype(np.float32))
        centres, weights = centres[~near], weights[~near]
    return np.array(peaks, np.float32).reshape(-1, 3)


def squared_distances(colors: FloatArray, color: FloatArray) -> FloatArray:
    """Of colours (N, 3) from one, in levels squared."""
    r, g, b = (colors[:, c] - color[c] for c in range(3))
    squared: FloatArray = r * r + g * g + b * b
    return squared


def _nearest_peak(centres: FloatArray, peaks: FloatArray) -> UInt8Array:
    """1 + the index of the nearest colour, 0 where all are too far."""
    nearest = np.full(len(centres), _ATTRACTION**2, np.float32)
    label = np.zeros(len(centres), np.uint8)
    for i, peak in enumerate(peaks):
        squared = squared_distances(centres, peak)
        label[squared < nearest] = i + 1
        np.minimum(nearest, squared, out=nearest)
    return label
