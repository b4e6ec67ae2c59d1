"""Dense motion between two frames, and where it can be believed.

    source(p) = p + flow(p)      where pixel p of the new frame was in the old one

by OpenCV's DIS (Kroeger et al., "Fast optical flow using dense inverse search", 2016), both ways. A pixel is `known`
when there and back again ends where it started, when its source lies inside the old picture, and when both pictures
look alike there after the change of brightness of the whole. What fails is new: occluded before, out of the picture
before, or moved too fast to be followed. Nothing old may be carried to it. `textured` pixels have gradients in two
directions: only there has the search seen more than it has guessed.

Convention
    Pixel centres as in core/camera.py, (x, y) = (column, row). Pictures are uint8, one channel, of one size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, BoolArray, FloatArray, Frame, UInt8Array

#: Motion needs no more columns than that, and every step over it costs four times for two.
WORK_WIDTH = 192
_THERE_AND_BACK_PX, _THERE_AND_BACK_SHARE = 0.6, 0.06
_LEAST_CONTRAST, _NOISE_SIGMAS = 14.0, 5.0
_MAD_TO_SIGMA = 1.4826
#: cornerMinEigenVal is (2 g / 255)^2 for gradients of g levels a pixel in the flatter direction; here g = 2.5.
_TEXTURE = 4e-4


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """`source` (H, W, 2) float32: where each pixel was; `known` (H, W): whether that is to be believed; `missed`: how
    far the pictures differ there, in levels."""

    source: FloatArray
    known: BoolArray
    textured: BoolArray
    missed: FloatArray

    def carry(self, values: AnyArray) -> AnyArray:
        """Old values at the new pixels: floats blended bilinearly, ids taken from the nearest; sense only in `known`.

        Beyond the old picture its edge goes on.
        """
        how = cv2.INTER_LINEAR if values.dtype == np.float32 else cv2.INTER_NEAREST
        return carry(values, self.source, how)


def carry(values: AnyArray, source: FloatArray, how: int = cv2.INTER_LINEAR) -> AnyArray:
    nothing: Any = None  # the second map; OpenCV's stub does not know that there need be none
    return np.asarray(cv2.remap(values, source, nothing, how, borderMode=cv2.BORDER_REPLICATE))


class MotionFinder:
    """Keeps the buffers of the search; one per stream and thread."""

    def __init__(self) -> None:
        self._search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._grid: FloatArray = np.zeros((0, 0, 2), np.float32)

    def between(self, old: UInt8Array, new: UInt8Array) -> Motion:
        """The motion from `old` to `new`, both (H, W) uint8."""
        pixels = self._pixels(old.shape)
        back: FloatArray = self._search.calc(new, old, None)
        forth: FloatArray = self._search.calc(old, new, None)
        source = back + pixels
        around = back + carry(forth, source)
        missed = cv2.magnitude(around[..., 0], around[..., 1])
        length = cv2.magnitude(back[..., 0], back[..., 1])
        known = missed < _THERE_AND_BACK_PX + _THERE_AND_BACK_SHARE * length
        differs, before = seen_before(old, new, source)
        known &= before
        textured = cv2.cornerMinEigenVal(new, 5) > _TEXTURE
        return Motion(source, known, np.asarray(textured), differs)

    def _pixels(self, hw: tuple[int, ...]) -> FloatArray:
        if self._grid.shape[:2] != hw:
            grid = np.empty((*hw, 2), np.float32)
            grid[..., 0], grid[..., 1] = np.arange(hw[1])[None], np.arange(hw[0])[:, None]
            self._grid = grid
        return self._grid


def seen_before(old: UInt8Array, new: UInt8Array, source: FloatArray) -> tuple[FloatArray, BoolArray]:
    """How far the pictures differ, but for the light of the whole; where `source` lies inside the old one and both
    show the same but for noise."""
    height, width = old.shape
    inside = cv2.inRange(source, (-0.499, -0.499, 0, 0), (width - 0.501, height - 0.501, 0, 0)).view(np.bool_)
    difference = cv2.blur(cv2.subtract(new, carry(old, source), dtype=cv2.CV_32F), (3, 3))
    sample = difference[::4, ::4]
    middle = median(sample)
    sigma = _MAD_TO_SIGMA * median(np.abs(sample - np.float32(middle)))
    missed = np.abs(difference - np.float32(middle))
    return missed, np.asarray(inside & (missed < max(_LEAST_CONTRAST, _NOISE_SIGMAS * sigma)))


def median(values: AnyArray) -> float:
    """The upper one of an even number, of finite values; NumPy's own takes as long again to look for NaN."""
    flat = values.reshape(-1)
    return float(np.partition(flat, flat.size // 2)[flat.size // 2])


def work_hw(hw: tuple[int, int]) -> tuple[int, int]:
    """The size that motion is found at."""
    height, width = hw
    return hw if width <= WORK_WIDTH else (max(16, round(height * WORK_WIDTH / width)), WORK_WIDTH)


def work_picture(frame: Frame) -> UInt8Array:
    """The frame in grey at that size."""
    height, width = work_hw(frame.hw)
    rgb: AnyArray = frame.rgb
    if (height, width) != frame.hw:
        rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
