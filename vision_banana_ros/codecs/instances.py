"""Instance masks <-> colours: one colour per instance, picked by whoever paints; reading them back is clustering.

Decoding, in this order:
  1. Smooth noise by a median; a pixel is flat if its 3 x 3 neighbourhood spans few levels. Edges blend two colours, so
     their pixels look like a third; only flat pixels may tell which colours there are.
  2. Colours are the peaks of the flat pixels' histogram, the fullest first, one within any `MERGE` levels.
  3. Flat pixels take the nearest peak. Small pieces of one peak are specks; so are thin ones along an edge
     whose colour is a blend of the two sides'.
  4. Everything else (edges, specks, noise) takes the label of the nearest pixel that has one, so that a blurred edge
     ends where it is half-way.
  5. Connected pieces of one colour are the instances: two that got the same colour and do not touch are two.

Convention
    instances   uint16, 0 background, 1..count in the order of their size, the largest first.
    background  the colour that the prompt gave; None: of the colours at the border, the one with the most pixels.
    confidence  255 (1 - e / 63), 0 from e = 63 on; e is how many levels the worst channel is off its colour's peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from vision_banana_ros.codecs.arrays import CELLS, cell_centres, cell_index, pixelwise, require_canvas, validity
from vision_banana_ros.codecs.distinct import distinct_colors
from vision_banana_ros.core import (
    AnyArray,
    CodecError,
    FloatArray,
    Rgb,
    UInt8Array,
    UInt16Array,
    describe,
    require_array,
)

#: Colours closer than this, in levels, are one colour with noise.
MERGE = 28.0
#: A neighbourhood that spans more levels than this in any channel is an edge.
FLAT = 24
#: A flat pixel further than this from all colours has none of them.
_ATTRACTION = 1.5 * MERGE
#: Flat pixels that make a colour, or a piece that is no speck: one in so many of `min_area`, as edges are not flat.
_SEED_SHARE = 4
#: A blend lies within this many pixels of the two colours that it blends.
_RING = 10
_SQUARE_5 = np.ones((5, 5), np.uint8)
#: A canvas counts as free of noise if a 3 x 3 median changes a smaller share of its values: edges and corners only.
_CLEAN = 0.2
_MOST_COLORS = 254
_MOST_INSTANCES = 65535


@dataclass(frozen=True, slots=True, eq=False)
class DecodedInstances:
    """instances uint16 (H, W), 0 background and 1..count; confidence uint8 (H, W)."""

    instances: UInt16Array
    confidence: UInt8Array
    count: int


def encode(instances: UInt16Array, *, colors: Sequence[Rgb] | None = None, background: Rgb = (0, 0, 0)) -> UInt8Array:
    """Paint instance ids (H, W), the i-th smallest id in the i-th colour; distinct colours when none are given."""
    require_array(instances, name="instances", dtype="uint16", error=CodecError)
    ids = np.unique(instances[instances > 0])
    if colors is None:
        # More instances than colours: colours repeat, and connectivity has to tell those apart.
        colors = distinct_colors(max(1, min(len(ids), _MOST_COLORS)), (background,))
        colors = [colors[i % _MOST_COLORS] for i in range(len(ids))]
    elif len(colors) < len(ids):
        raise CodecError(f"{len(ids)} instances need as many colours, got {len(colors)}")
    painted = np.empty((int(instances.max()) + 1, 3), np.uint8)
    painted[0] = background
    painted[ids] = np.array(colors[: len(ids)], np.uint8).reshape(-1, 3)
    return painted[instances]


def decode(rgb: UInt8Array, background: Rgb | None = None, *, min_area: int = 40) -> DecodedInstances:
    """Find the instances in a canvas (H, W, 3) uint8; pieces of fewer than `min_area` pixels are none."""
    require_canvas(rgb)
    if not isinstance(rgb, np.ndarray) or rgb.ndim != 3:
        raise CodecError(f"instances are decoded from one NumPy canvas (H, W, 3), got {describe(rgb)}")
    if min_area < 1:
        raise CodecError(f"min_area must be at least 1 pixel, got {describe(min_area)}")
    smooth = _smoothed(np.ascontiguousarray(rgb))
    fewest = max(1, min_area // _SEED_SHARE)
    peaks, labels = _cluster(smooth, _is_flat(smooth), background, fewest)
    labels = _filled(_without_specks(labels, peaks, fewest))
    behind = _background_label(labels, len(peaks)) if background is None else 1
    instances, count = _numbered(labels, len(peaks), behind, min_area)
    return DecodedInstances(instances, _confidence(smooth, peaks, labels), count)


def _smoothed(rgb: UInt8Array) -> UInt8Array:
    """The median of 5 x 5; a canvas without noise stays as it is, since the median takes the corners off shapes."""
    changed = np.count_nonzero(cv2.absdiff(rgb, cv2.medianBlur(rgb, 3))) / rgb.size
    return rgb if changed < _CLEAN else np.asarray(cv2.medianBlur(rgb, 5), np.uint8)


def _is_flat(smooth: UInt8Array) -> AnyArray:
    kernel = np.ones((3, 3), np.uint8)
    span = cv2.subtract(cv2.dilate(smooth, kernel), cv2.erode(smooth, kernel))
    r, g, b = cv2.split(span)
    flat: AnyArray = cv2.max(cv2.max(r, g), b) <= FLAT
    return flat


def _cluster(smooth: UInt8Array, flat: AnyArray, background: Rgb | None, fewest: int) -> tuple[AnyArray, UInt8Array]:
    """Colours (K, 3), a given background first, and per pixel 1 + the index of its colour, 0 where there is none."""
    cells = pixelwise(cell_index, smooth)
    counts = np.bincount(cells[flat], minlength=CELLS)
    occupied = np.flatnonzero(counts)
    centres, weights = cell_centres()[occupied], counts[occupied].astype(np.float32)
    peaks = _peaks(centres, weights, background, fewest)
    table = np.zeros(CELLS, np.uint8)
    table[occupied] = _nearest_peak(centres, peaks)
    labels = np.asarray(table[cells])
    labels[~flat] = 0
    return peaks, labels


def _peaks(centres: FloatArray, weights: FloatArray, background: Rgb | None, fewest: int) -> FloatArray:
    """The fullest cell and all around it make one colour, and so on with the rest, while `fewest` pixels are left."""
    peaks: list[FloatArray] = []
    if background is not None:
        peaks.append(np.array(background, np.float32))
        left = _squared_distances(centres, peaks[0]) >= MERGE**2
        centres, weights = centres[left], weights[left]
    while len(peaks) < _MOST_COLORS and len(weights):
        near = _squared_distances(centres, centres[weights.argmax()]) < MERGE**2
        if weights[near].sum() >= fewest:
            peaks.append(np.average(centres[near], axis=0, weights=weights[near]).astype(np.float32))
        centres, weights = centres[~near], weights[~near]
    return np.array(peaks, np.float32).reshape(-1, 3)


def _squared_distances(colors: FloatArray, color: FloatArray) -> FloatArray:
    r, g, b = (colors[:, c] - color[c] for c in range(3))
    squared: FloatArray = r * r + g * g + b * b
    return squared


def _nearest_peak(centres: FloatArray, peaks: FloatArray) -> UInt8Array:
    """1 + the index of the nearest colour, 0 where all are too far."""
    nearest = np.full(len(centres), _ATTRACTION**2, np.float32)
    label = np.zeros(len(centres), np.uint8)
    for i, peak in enumerate(peaks):
        squared = _squared_distances(centres, peak)
        label[squared < nearest] = i + 1
        np.minimum(nearest, squared, out=nearest)
    return label


def _without_specks(labels: UInt8Array, peaks: FloatArray, fewest: int) -> UInt8Array:
    """Drop pieces of fewer pixels, and thin ones along an edge whose colour is a blend of those on its two sides."""
    kept = labels.copy()
    # Beyond the border nothing is known, so what is seen of a piece there must be thick by itself.
    eroded = cv2.erode(labels, _SQUARE_5, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    core = eroded == cv2.dilate(labels, _SQUARE_5)
    for label in range(1, len(peaks) + 1):
        found = _pieces(labels, label)
        drop = found.areas < fewest
        thick = np.bincount(found.numbers[core[found.box]], minlength=len(drop)) > 0
        for number in np.flatnonzero(~drop & ~thick):
            drop[number] = number > 0 and _is_blend(labels, peaks, label, found.window(int(number), margin=_RING))
        drop[0] = False
        if drop.any():
            kept[found.box][drop[found.numbers]] = 0
    return kept


def _is_blend(labels: UInt8Array, peaks: FloatArray, label: int, window: tuple[slice, slice]) -> bool:
    """Whether a colour lies between two others that are found in the same window."""
    present = np.bincount(labels[window].ravel(), minlength=len(peaks) + 1)
    present[[0, label]] = 0
    around = peaks[np.flatnonzero(present > 0) - 1]
    color = peaks[label - 1]
    for one, other in combinations(around, 2):
        along = other - one
        share = np.clip(np.dot(color - one, along) / np.dot(along, along), 0, 1)
        if np.linalg.norm(one + share * along - color) < MERGE:
            return True
    return False


def _filled(labels: UInt8Array) -> UInt8Array:
    """Pixels without a label take that of the nearest pixel with one."""
    known = labels > 0
    if not known.any():
        return labels
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(nearest.max()) + 1, np.uint8)
    table[nearest[known]] = labels[known]
    return table[np.asarray(nearest, np.int64)]


def _background_label(labels: UInt8Array, count: int) -> int:
    """Of the labels along the border the one with the most pixels in all; 0, which none has, in an empty canvas."""
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    on_border = np.bincount(border, minlength=count + 1) > 0
    return int(np.argmax(np.bincount(labels.ravel(), minlength=count + 1) * on_border))


def _numbered(labels: UInt8Array, count: int, behind: int, min_area: int) -> tuple[UInt16Array, int]:
    """Ids by size for the pieces of all labels but the background's, and how many there are."""
    instances = np.zeros(labels.shape, np.int32)
    areas: list[int] = [0]
    for label in range(1, count + 1):
        if label == behind:
            continue
        found = _pieces(labels, label)
        ids = np.zeros(len(found.areas), np.int32)
        large = np.flatnonzero(found.areas >= min_area)
        large = large[large > 0]
        ids[large] = np.arange(len(areas), len(areas) + len(large))
        areas.extend(found.areas[large].tolist())
        instances[found.box] += ids[found.numbers]
    order = np.argsort(-np.array(areas[1:]), kind="stable")[:_MOST_INSTANCES]
    rank = np.zeros(len(areas), np.uint16)
    rank[1 + order] = np.arange(1, len(order) + 1)
    numbered: UInt16Array = rank[instances]
    return numbered, len(order)


def _confidence(smooth: UInt8Array, peaks: AnyArray, labels: UInt8Array) -> UInt8Array:
    table = np.zeros((256, 1, 3), np.uint8)
    table[1 : len(peaks) + 1, 0] = np.rint(peaks)
    painted = cv2.LUT(cv2.merge([labels, labels, labels]), table)
    off = cv2.absdiff(smooth, np.asarray(painted, np.uint8))
    r, g, b = (np.asarray(channel, np.uint8) for channel in cv2.split(off))
    confidence = validity(np.maximum(np.maximum(r, g), b))
    confidence[labels == 0] = 0
    return np.asarray(confidence)


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Connected pieces of one label: numbers 1.. within the box around all of them, and OpenCV's statistics of each."""

    box: tuple[slice, slice]
    numbers: AnyArray
    stats: AnyArray

    @property
    def areas(self) -> AnyArray:
        areas: AnyArray = self.stats[:, cv2.CC_STAT_AREA]
        return areas

    def window(self, number: int, *, margin: int) -> tuple[slice, slice]:
        """The part of the image around one piece."""
        x, y, width, height = self.stats[number, :4].tolist()
        top, left = self.box[0].start + y, self.box[1].start + x
        return slice(max(0, top - margin), top + height + margin), slice(max(0, left - margin), left + width + margin)


def _pieces(labels: UInt8Array, label: int) -> _Pieces:
    mask = (labels == label).view(np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    box = (slice(y, y + height), slice(x, x + width))
    if width == 0:
        return _Pieces(box, mask[box].astype(np.int32), np.zeros((1, 5), np.int32))
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask[box], connectivity=8)
    return _Pieces(box, numbers, stats)
