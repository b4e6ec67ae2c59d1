"""Masks to things in space: where each instance is in the picture, and in metres where depth is known.

Convention
    `box` is x, y, width, height in pixels: the first column and row, and how many the thing spans.
    `centre_m` and `size_m` are of the box in space, along the camera's axes (x right, y down, z forward), that holds
    the middle of the thing's points: from the 5th to the 95th percentile of each coordinate, since the pixels at an
    edge may belong to what is behind. None where fewer than eight of its pixels have a depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, Camera, FloatArray, UInt8Array

_LEAST_POINTS = 8
_LOW, _HIGH = 5.0, 95.0
#: Percentiles of a thing that fills the picture need no more points than this.
_MOST_POINTS = 4096


@dataclass(frozen=True, slots=True)
class SeenObject:
    """One instance; `score` is the mean confidence of its pixels, 0 to 1."""

    number: int
    label: str
    score: float
    pixels: int
    box: tuple[int, int, int, int]
    centre_m: tuple[float, float, float] | None = None
    size_m: tuple[float, float, float] | None = None


def seen_objects(
    instances: AnyArray,
    labels: tuple[str, ...],
    *,
    confidence: UInt8Array | None = None,
    depth_m: FloatArray | None = None,
    camera: Camera | None = None,
) -> list[SeenObject]:
    """Every number above 0 that occurs in `instances`; `labels[i]` names number i + 1."""
    found = []
    counts = np.bincount(instances.reshape(-1))
    for number in np.flatnonzero(counts[1:]) + 1:
        inside = np.asarray(instances == number, np.uint8)
        x, y, width, height = cv2.boundingRect(inside)
        part = (slice(y, y + height), slice(x, x + width))
        mask = np.asarray(inside[part], np.bool_)
        score = 1.0 if confidence is None else float(confidence[part][mask].mean()) / 255
        centre = size = None
        if depth_m is not None and camera is not None:
            centre, size = _in_space(depth_m[part], mask, x, y, camera)
        label = labels[number - 1] if number <= len(labels) else ""
        box = (int(x), int(y), int(width), int(height))
        found.append(SeenObject(int(number), label, score, int(counts[number]), box, centre, size))
    return found


def _in_space(
    depth_m: FloatArray, mask: AnyArray, x: int, y: int, camera: Camera
) -> tuple[tuple[float, float, float] | None, tuple[float, float, float] | None]:
    rows, columns = np.nonzero(mask & np.isfinite(depth_m) & (depth_m > 0))
    if rows.size < _LEAST_POINTS:
        return None, None
    step = -(-rows.size // _MOST_POINTS)
    rows, columns = rows[::step], columns[::step]
    z = depth_m[rows, columns]
    points = np.stack([(columns + x - camera.cx) / camera.fx * z, (rows + y - camera.cy) / camera.fy * z, z])
    low, high = np.percentile(points, (_LOW, _HIGH), axis=1)
    centre, size = (low + high) / 2, high - low
    return _three(centre), _three(size)


def _three(values: AnyArray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
