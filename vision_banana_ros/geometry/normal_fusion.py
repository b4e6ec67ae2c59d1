"""Normals held along the motion of the picture, as depth is in fusion.py.

    predicted   what was held, carried along the motion and turned with the camera: R n
    held        unit(predicted (k - 1) + seen),  k the frames that agreed so far, at most `memory`
    turning     what turns by itself misses its prediction by the same, frame after frame, and noise does not:
                with d the running mean of seen - predicted around a pixel, and s that of its square, memory falls from
                all of it to two frames as |d|^2 / s rises to one
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
_CELL = 8  # pixels around
_DRIFT = np.float32(0.3)  # what one frame counts in the running means
_NOISE_SHARE, _TURNING_SHARE = 0.35, 0.75  # of |d|^2 / s; noise has .18 in the mean
_TURNING_MEMORY = 2.0
_SPARSE = (slice(None, None, 4), slice(None, None, 4))


class NormalFusion:
    """Holds the normals of one camera; see the module's docstring."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._held: FloatArray | None = None
        self._count: FloatArray | None = None
        self._drift: FloatArray | None = None  # d and s of each cell

    def forget(self) -> None:
        self._held = self._count = self._drift = None

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
            self._held, self._count, self._drift = seen, np.ones(hw, np.float32), None
            return normals
        predicted: FloatArray = carry(held, motion.source)
        if how is not None:
            predicted = cv2.transform(predicted, how.rotation.astype(np.float32))  # type: ignore[assignment]
        cosine = _dot(predicted, seen)  # of a blend of two surfaces it is short, and that is less like either
        agrees = motion.known & (cosine > _gate(cosine[_SPARSE][motion.known[_SPARSE]]))
        memory = self._memories(seen, predicted, agrees, motion)
        if how is None:
            np.minimum(memory, np.float32(_BLIND_MEMORY), out=memory)
        count = carry(count, motion.source)
        count += 1
        np.minimum(count, memory, out=count)
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

    def _memories(self, seen: FloatArray, predicted: FloatArray, agrees: BoolArray, motion: Motion) -> FloatArray:
        """For how many frames each pixel may remember; keeps account of what turns by itself."""
        height, width = agrees.shape
        wh = max(1, width // _CELL), max(1, height // _CELL)
        off = seen - predicted
        off[~agrees] = 0
        around: FloatArray = cv2.resize(off, wh, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        now = np.empty((*around.shape[:2], 4), np.float32)
        now[..., :3], now[..., 3] = around, np.square(around).sum(-1)
        old = self._drift
        if old is not None and old.shape == now.shape:
            scale = np.array((wh[0] / width, wh[1] / height), np.float32)
            source: FloatArray = cv2.resize(motion.source, wh, interpolation=cv2.INTER_NEAREST_EXACT)  # type: ignore[assignment]
            now = carry(old, (source + np.float32(0.5)) * scale - np.float32(0.5)) * (1 - _DRIFT) + now * _DRIFT
        self._drift = now
        share = np.square(now[..., :3]).sum(-1) / np.maximum(now[..., 3], np.float32(1e-9))
        known = np.clip((share - _NOISE_SHARE) / (_TURNING_SHARE - _NOISE_SHARE), 0, 1)
        memory = np.float32(self._memory) + known.astype(np.float32) * np.float32(_TURNING_MEMORY - self._memory)
        return np.asarray(cv2.resize(memory, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


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
