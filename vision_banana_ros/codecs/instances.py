"""Instance masks <-> colours: one colour per instance, picked by whoever paints; reading them back is clustering.

Decoding, in this order:
  1. Smooth noise by a median, and find the colours of flat areas (clusters).
  2. Take out specks, and pieces that are blends of what is around them (blends).
  3. Everything else, edges mostly, takes the label near by whose colour it is closest to (pieces).
  4. Join the halves of shapes whose neck is thinner than the blur (necks).
  5. Connected pieces of one colour are the instances: two that got the same colour and do not touch are two.

Convention
    instances   uint16, 0 background, 1..count in the order of their size, the largest first.
    background  the colour that the prompt gave; None: of the colours at the border, the one with the most pixels.
    confidence  255 (1 - e / 63), 0 from e = 63 on; e is how many levels the worst channel is off its colour's peak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.codecs.arrays import require_canvas, validity
from vision_banana_ros.codecs.blends import without_blends
from vision_banana_ros.codecs.clusters import MOST_COLORS, clustered, smoothed
from vision_banana_ros.codecs.distinct import distinct_colors
from vision_banana_ros.codecs.necks import joined
from vision_banana_ros.codecs.pieces import filled, pieces
from vision_banana_ros.core import (
    AnyArray,
    CodecError,
    Rgb,
    UInt8Array,
    UInt16Array,
    describe,
    require_array,
)

#: Flat pixels that make a colour, or a piece that is no speck: one in so many of `min_area`, as edges are not flat.
_SEED_SHARE = 4
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
        colors = distinct_colors(max(1, min(len(ids), MOST_COLORS)), (background,))
        colors = [colors[i % MOST_COLORS] for i in range(len(ids))]
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
    canvas = np.ascontiguousarray(rgb)
    smooth = smoothed(canvas)
    fewest = max(1, min_area // _SEED_SHARE)
    clusters = clustered(smooth, background, fewest)
    behind = _background_label(clusters.labels, len(clusters.peaks)) if background is None else 1
    kept = without_blends(clusters, fewest, behind=behind, noisy=smooth is not canvas)
    labels = filled(kept, clusters.peaks, smooth)
    labels = joined(labels, clusters.peaks, canvas, behind=behind, min_area=min_area)
    instances, count = _numbered(labels, len(clusters.peaks), behind, min_area)
    return DecodedInstances(instances, _confidence(smooth, clusters.peaks, labels), count)


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
        found = pieces(labels, label)
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
