"""Normals held along the motion of the picture, as depth is in fusion.py.

    predicted   what was held, carried along the motion and turned with the camera: R n
    held        unit(predicted (k - 1) + seen),  k the frames that agreed so far, at most `memory`
    new         what is new, or turned by more than the gate: this frame's own
    change      held - seen; added to this frame's normals, which keep their edges and their holes, and made unit
                vectors again
What moves by itself has the short memory that it has for depth. Where nobody knows how the camera turned (there is no
depth, or its way was not found), predicted is not turned, and the memory is short too.

Convention
    float32 (H, W, 3), unit vectors of the optical frame, NaN where there is none.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import BoolArray, FloatArray
from vision_banana_ros.geometry.egomotion import CameraMotion
from vision_banana_ros.geometry.motion import Motion, carry, median
from vision_banana_ros.geometry.votes import nearest

_MOVING_MEMORY, _BLIND_MEMORY = 1.5, 3.0  # frames, as for depth
_LEAST_GATE_DEG, _MOST_GATE_DEG = 25.0, 60.0
_GATE_SPREADS = 3.0
_SPARSE = (slice(None, None, 4), slice(None, None, 4))


class NormalFusion:
    """Holds the normals of one camera; see the module's docstring."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._held: FloatArray | None = None
        self._count: FloatArray | None = None

    def forget(self) -> None:
        self._held = self._count = None

    def fuse(
        self,
        normals: FloatArray,
        motion: Motion | None,
        hw: tuple[int, int],
        how: CameraMotion | None,
        moving: BoolArray | None,
    ) -> FloatArray:
        """`normals` of the new frame, in its size, held; `hw` is the motion's."""
        seen: FloatArray = nearest(normals, hw)
        held, count = self._held, self._count
        if motion is None or held is None or count is None or held.shape != seen.shape:
            self._held, self._count = seen, np.ones(hw, np.float32)
            return normals
        predicted: FloatArray = carry(held, motion.source)
        if how is not None:
            predicted = cv2.transform(predicted, how.rotation.astype(np.float32))  # type: ignore[assignment]
        cosine = _dot(predicted, seen)  # of a blend of two surfaces it is short, and that is less like either
        agrees = motion.known & (cosine > _gate(cosine[_SPARSE][motion.known[_SPARSE]]))
        count = carry(count, motion.source)
        count += 1
        np.minimum(count, np.float32(self._memory if how is not None else min(self._memory, _BLIND_MEMORY)), out=count)
        if moving is not None:
            np.minimum(count, np.float32(_MOVING_MEMORY), out=count, where=moving)
        count[~agrees] = 1
        predicted[~agrees] = 0
        predicted *= (count - 1)[..., None]
        predicted += seen
        self._held, self._count = unit(predicted), count
        if seen is normals:
            return self._held
        change: FloatArray = cv2.resize(np.nan_to_num(self._held - seen), normals.shape[1::-1])
        change += normals
        return unit(change)


def unit(vectors: FloatArray) -> FloatArray:
    """In place, of length 1; NaN stays NaN."""
    length = np.sqrt(_dot(vectors, vectors))
    vectors *= (1 / np.maximum(length, np.float32(1e-6)))[..., None]
    return vectors


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    ones: Any = np.ones((1, 3), np.float32)
    return np.asarray(cv2.transform(cv2.multiply(a, b), ones), np.float32)


def _gate(cosines: FloatArray) -> np.float32:
    """The cosine under which two normals are not of one surface."""
    known = cosines[np.isfinite(cosines)]
    middle = math.degrees(math.acos(min(1.0, max(-1.0, median(known))))) if known.size else 0.0
    return np.float32(math.cos(math.radians(min(_MOST_GATE_DEG, max(_LEAST_GATE_DEG, _GATE_SPREADS * middle)))))
