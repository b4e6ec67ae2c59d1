"""Depth held along the motion of the picture: what flickers is averaged, what is new is this frame's.

In logarithms, at the size that motion is found in (motion.py):
    predicted   what was held, carried along the motion and turned into what the moved camera sees (egomotion.py)
    scale       m = median(predicted - seen) over what is at rest; the held scale is a running mean of about
                `scale_memory` frames, so one frame's own scale counts for little; a step beyond `scale_jump` is no
                flicker: it is believed at once
    held        predicted + (seen + scale - predicted) / n,  n the frames that agreed so far, at most `memory`
    new         what is new, moves by itself, or disagrees by more than the gate starts anew: from what is seen, times
                the factor of its held neighbours, for a painter's errors reach over more than a pixel
    change      held - seen: what this frame's depth is to be multiplied by, as a logarithm
The past is never painted into the picture: each pixel keeps its own depth of this frame, its edges and its holes, times
a factor that is smooth where surfaces are. So nothing can be smeared, and holes stay holes.

Convention
    Log depth is float32, NaN where there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.core import BoolArray, Camera, FloatArray, UInt8Array
from vision_banana_ros.geometry.alignment import align
from vision_banana_ros.geometry.egomotion import (
    CameraMotion,
    as_turn,
    at_rest,
    carry_log,
    moves_by_itself,
)
from vision_banana_ros.geometry.motion import Motion, carry, median, seen_before

_MAD_TO_SIGMA = 1.4826
_MOST_CORRECTION = math.log(2.0)
_MOVING_MEMORY = 1.5  # frames: half a frame late at most
_BLIND_MEMORY = 3.0  # frames: nobody knows how depth should have changed with the camera's way
_WAY_ERROR = 0.05  # of log depth: what errors of the way may add up to
_LEAST_UNSURE, _MOST_UNSURE = 0.08, 1.0
_LEAST_SHARED = 12  # of the pixels that are looked at
_LEAST_KNOWN = 0.4  # of the picture: unlike pictures agree by chance in a third
_AROUND = 8  # pixels of the picture that are one of the neighbours'
_FAINT = np.float32(0.02)  # what the whole counts beside the neighbours, as a share of them
_LEAST_SHARE, _WORST_SIGMA_PX = 0.5, 1.5  # of a way that is believed
_CLEARLY = 4.0  # levels of grey
_SPARSE = (slice(None, None, 4), slice(None, None, 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionSettings:
    memory: float
    scale_memory: float
    scale_jump: float
    least_gate: float


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """`predicted` log depth at this frame's pixels, `usable` where it means something, `memory` for how many frames
    at most it may be relied on, `moving` what moves by itself; `motion` is the best that is known of where each pixel
    was."""

    motion: Motion
    predicted: FloatArray
    usable: BoolArray
    memory: FloatArray
    moving: BoolArray
    how: CameraMotion | None


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """`change` of log depth; `share` of pixels whose past was used; `scale` is the factor of the whole."""

    change: FloatArray | None
    share: float
    scale: float
    past: Past | None


class DepthFusion:
    """Holds the depth of one camera; see the module's docstring."""

    def __init__(self, settings: FusionSettings) -> None:
        self.settings = settings
        self._log: FloatArray | None = None
        self._count: FloatArray | None = None
        self._scale_frames, self._correction = 1.0, 0.0
        self._how: CameraMotion | None = None

    def forget(self) -> None:
        self._log = self._count = self._how = None
        self._start_scale()

    @property
    def held_log(self) -> FloatArray | None:
        return self._log

    def fuse(
        self,
        log_seen: FloatArray,
        motion: Motion | None,
        pictures: tuple[UInt8Array, UInt8Array] | None,
        camera: Camera,
    ) -> Fused:
        """`motion` from the old of the `pictures` to the new one; None: there is nothing before."""
        if motion is None or pictures is None or self._log is None or self._count is None:
            return self._anew(log_seen, None)
        past = self._past(log_seen, self._log, motion, pictures, camera)
        shift = self._follow_scale(past, log_seen)
        if shift is None:  # another place, or another depth of this one: nothing of the past says anything of it
            return self._anew(log_seen, past)
        correction = np.float32(self._correction)
        off = log_seen - past.predicted
        off += np.float32(shift)  # the whole moves as one, and at once
        agrees = self._agrees(off, past.usable)
        count = carry(self._count, past.motion.source)
        count += 1
        np.minimum(count, past.memory, out=count)
        # held - seen = (predicted + off / n) - seen, with predicted = seen + correction - off
        change = off / count - off + correction
        np.clip(change, -_MOST_CORRECTION, _MOST_CORRECTION, out=change)
        change = _among_neighbours(change, agrees, correction)
        self._log = log_seen + change
        count[~agrees] = 1
        count[~np.isfinite(self._log)] = 0
        self._count = count
        return Fused(change, float(np.count_nonzero(agrees)) / agrees.size, math.exp(self._correction), past)

    def _anew(self, log_seen: FloatArray, past: Past | None) -> Fused:
        self._start_scale()
        self._log, self._count = log_seen, np.isfinite(log_seen).astype(np.float32)
        return Fused(None, 0.0, 1.0, past)

    def _agrees(self, off: FloatArray, usable: BoolArray) -> BoolArray:
        """Where past and present are one thing's depth; never where one of them is missing."""
        few, known = off[_SPARSE], usable[_SPARSE]
        chosen = np.abs(few[known & np.isfinite(few)])
        spread = _MAD_TO_SIGMA * median(chosen) if chosen.size else 0.0
        gate = np.float32(max(self.settings.least_gate, 4 * spread))
        return np.asarray(usable & (np.abs(off) < gate))

    def _past(
        self,
        log_seen: FloatArray,
        held: FloatArray,
        motion: Motion,
        pictures: tuple[UInt8Array, UInt8Array],
        camera: Camera,
    ) -> Past:
        """What the held depth says of this frame."""
        now = log_seen + np.float32(self._correction)
        how = align(*pictures, now, camera, [*filter(None, (self._how,)), as_turn(motion, camera)])
        if how is not None and (how.share < _LEAST_SHARE or how.sigma_px > _WORST_SIGMA_PX):
            how = None
        self._how = how
        if how is None:
            carried = carry_log(held, motion.source)
            blind = np.full(carried.shape, min(self.settings.memory, _BLIND_MEMORY), np.float32)
            nothing = np.zeros(carried.shape, np.bool_)
            return Past(motion, carried, motion.known & np.isfinite(carried), blind, nothing, None)
        rest = at_rest(now, held, motion, camera, how)
        missed, still = seen_before(*pictures, rest.source)
        # Motion that explains the picture no better than rest does is a guess of the search.
        moving = moves_by_itself(rest, motion, how) & (missed > motion.missed + _CLEARLY)
        best = Motion(rest.source, still, motion.textured, missed)
        if moving.any():
            best.source[moving], best.known[moving] = motion.source[moving], motion.known[moving]
        predicted = rest.log_depth
        if moving.any():
            predicted[moving] = carry_log(held, motion.source)[moving]
        # What the way changes is known as well as the way is, and a memory of n frames adds n such errors up.
        unsure = max(_LEAST_UNSURE, min(_MOST_UNSURE, how.sigma_px / max(how.way_px, 1e-3)))
        memory = 1 + np.float32(_WAY_ERROR / unsure) / np.maximum(rest.changed, np.float32(1e-3))
        memory = np.minimum(memory, np.float32(self.settings.memory))
        memory[moving] = _MOVING_MEMORY
        return Past(best, predicted, best.known & np.isfinite(predicted), np.asarray(memory, np.float32), moving, how)

    def _follow_scale(self, past: Past, log_seen: FloatArray) -> float | None:
        """How far the past is from this frame; what of that is added to this frame is kept in `_correction`: all of it
        would follow the past alone, nothing the frame alone. None where the past is no past of this frame."""
        where = past.usable[_SPARSE] & ~past.moving[_SPARSE]
        shift = _middle(past.predicted[_SPARSE] - log_seen[_SPARSE], where)
        lost = past.how is None and np.count_nonzero(past.motion.known) < _LEAST_KNOWN * past.moving.size
        if shift is None or lost or abs(shift) > self.settings.scale_jump:
            return None
        self._scale_frames = min(self._scale_frames + 1, self.settings.scale_memory)
        frames = self._scale_frames
        if past.how is None:
            frames = min(frames, _BLIND_MEMORY)
        self._correction = shift * (1 - 1 / frames)
        return shift

    def _start_scale(self) -> None:
        self._scale_frames, self._correction = 1.0, 0.0


def _among_neighbours(change: FloatArray, agrees: BoolArray, correction: np.float32) -> FloatArray:
    """The change where pixels agree with their past, that of their neighbours elsewhere."""
    height, width = change.shape
    change[~agrees] = 0
    wh = max(1, width // _AROUND), max(1, height // _AROUND)
    weights = cv2.blur(cv2.resize(agrees.astype(np.float32), wh, interpolation=cv2.INTER_AREA), (3, 3))
    around = cv2.blur(cv2.resize(change, wh, interpolation=cv2.INTER_AREA), (3, 3))
    around = (around + _FAINT * correction) / (weights + _FAINT)
    smooth: FloatArray = cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    np.copyto(smooth, change, where=agrees)
    return smooth


def _middle(values: FloatArray, where: BoolArray) -> float | None:
    """The median; None of too few."""
    chosen = values[where & np.isfinite(values)]
    return median(chosen) if chosen.size >= _LEAST_SHARED else None
