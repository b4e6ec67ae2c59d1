"""How a frame gets into a model that takes only certain sizes, and how what it painted gets back, pixel on pixel.

    enter    frame -> resized to `scaled_wh` -> edges repeated to the right and below up to `model_wh`
    leave    painted, of any size of about that shape -> the canvas, of `canvas_wh`

A canvas pixel takes the painted pixel that its centre lies in: colours are codes, so they are picked and never blended.
With x, y of a canvas pixel from 0, and a painted picture of w x h:

    column = floor((x + 1/2) scaled_w / canvas_w * w / model_w),  row likewise

Left to themselves pipelines crop what is no multiple of their cells (a 424x240 frame loses columns), shrink what is
above their area, or choose an area of their own; all of that moves pixels. So a fit is chosen at which they do nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vision_banana_ros.core import AnyArray, GeneratorError, UInt8Array

#: How far the shape of a painted picture may be off, as a ratio: models round sides (4:3 comes as 1184x864).
_SHAPE_TOLERANCE = 0.05
#: Sides that a plan grows to before it says that no size fits.
_LARGEST_SIDE = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Sizes, each (width, height), along a frame's way into a model and back."""

    scaled_wh: tuple[int, int]
    model_wh: tuple[int, int]
    canvas_wh: tuple[int, int]

    def enter(self, rgb: UInt8Array) -> UInt8Array:
        """The picture that the model is given."""
        width, height = self.scaled_wh
        if (rgb.shape[1], rgb.shape[0]) != self.scaled_wh:
            shrinks = width * height < rgb.shape[0] * rgb.shape[1]
            how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=how), np.uint8)
        right, below = self.model_wh[0] - width, self.model_wh[1] - height
        if right or below:
            rgb = np.asarray(cv2.copyMakeBorder(rgb, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        return np.ascontiguousarray(rgb)

    def leave(self, painted: UInt8Array) -> UInt8Array:
        """The canvas out of what was painted; GeneratorError where its shape says that something was cut."""
        height, width = painted.shape[:2]
        stretch = width / height * self.model_wh[1] / self.model_wh[0]
        if not 1 / (1 + _SHAPE_TOLERANCE) <= stretch <= 1 + _SHAPE_TOLERANCE:
            raise GeneratorError(
                f"asked for a picture of {self.model_wh[0]}x{self.model_wh[1]}, got {width}x{height}: with another "
                "shape nobody knows which part it shows; set a size that the model paints, MODEL@WIDTHxHEIGHT"
            )
        columns = _picked(self.canvas_wh[0], self.scaled_wh[0] / self.model_wh[0], width)
        rows = _picked(self.canvas_wh[1], self.scaled_wh[1] / self.model_wh[1], height)
        if len(columns) == width and len(rows) == height:
            return painted
        return np.ascontiguousarray(painted[rows[:, None], columns])


def fit_grid(
    frame_wh: tuple[int, int],
    *,
    multiple: int,
    least_side: int = 1,
    most_pixels: int | None = None,
    most_aspect: float | None = None,
    size_wh: tuple[int, int] | None = None,
) -> Fit:
    """Sides that are multiples of `multiple` by padding; shrunk where there are too many pixels, grown where both
    sides are too short.

    `size_wh` is what the user asked the canvases to be; without it they have the frame's size, or what it is shrunk to.
    """
    wanted = size_wh or frame_wh
    scale = 1.0
    if most_pixels is not None:
        scale = min(scale, math.sqrt(most_pixels / (wanted[0] * wanted[1])))
    if max(wanted) * scale < least_side:
        scale = least_side / max(wanted)
    while True:
        scaled = (max(1, round(wanted[0] * scale)), max(1, round(wanted[1] * scale)))
        padded = _padded(scaled, multiple, least_side, most_aspect)
        if max(padded) > _LARGEST_SIDE:
            raise GeneratorError(f"a frame of {frame_wh[0]}x{frame_wh[1]} is too narrow for this model: crop it")
        if most_pixels is None or padded[0] * padded[1] <= most_pixels or min(padded) <= multiple:
            break
        scale *= 0.99
    canvas = wanted if scale >= 1 else scaled
    return Fit(scaled_wh=scaled, model_wh=padded, canvas_wh=canvas)


def fit_area(frame_wh: tuple[int, int], *, area: int, multiple: int, size_wh: tuple[int, int] | None = None) -> Fit:
    """For pipelines that choose the size by the area themselves: the size that they leave as it is.

    They take w = sqrt(area r), h = w / r for the shape r = w / h, rounded to multiples; that again, of the rounded
    shape, until it stays. The frame is stretched by what was rounded, one or two per cent, and back.
    """
    wanted = size_wh or frame_wh
    ratio = wanted[0] / wanted[1]
    chosen = (0, 0)
    for _ in range(16):
        width = math.sqrt(area * ratio)
        found = (round(width / multiple) * multiple, round(width / ratio / multiple) * multiple)
        if min(found) == 0:
            raise GeneratorError(f"a frame of {frame_wh[0]}x{frame_wh[1]} is too narrow for this model: crop it")
        if found == chosen:
            break
        chosen, ratio = found, found[0] / found[1]
    shrunk = chosen[0] * chosen[1] < wanted[0] * wanted[1]
    return Fit(scaled_wh=chosen, model_wh=chosen, canvas_wh=chosen if shrunk else wanted)


def fit_aspect(
    frame_wh: tuple[int, int], aspects: Sequence[tuple[int, int]], *, most_side: int, size_wh: tuple[int, int] | None
) -> tuple[Fit, tuple[int, int]]:
    """For models that paint a few shapes only: padded to the one that wastes least, and which one that is."""
    wanted = size_wh or frame_wh
    scale = min(1.0, most_side / max(wanted))
    scaled = (max(1, round(wanted[0] * scale)), max(1, round(wanted[1] * scale)))

    def padded(aspect: tuple[int, int]) -> tuple[int, int]:
        return (
            max(scaled[0], round(scaled[1] * aspect[0] / aspect[1])),
            max(scaled[1], round(scaled[0] * aspect[1] / aspect[0])),
        )

    aspect = min(aspects, key=lambda a: math.prod(padded(a)))
    return Fit(scaled_wh=scaled, model_wh=padded(aspect), canvas_wh=scaled), aspect


def _padded(wh: tuple[int, int], multiple: int, least_side: int, most_aspect: float | None) -> tuple[int, int]:
    width, height = (math.ceil(max(side, least_side) / multiple) * multiple for side in wh)
    if most_aspect is not None:
        width = max(width, math.ceil(height / most_aspect / multiple) * multiple)
        height = max(height, math.ceil(width / most_aspect / multiple) * multiple)
    return width, height


def _picked(canvas: int, share: float, painted: int) -> AnyArray:
    """Which painted row (column) each of the canvas's is taken from."""
    where = np.floor((np.arange(canvas) + 0.5) * (share * painted / canvas) + 1e-9)
    picked: AnyArray = where.astype(np.intp).clip(0, painted - 1)
    return picked
