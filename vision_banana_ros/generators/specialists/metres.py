"""A depth model's numbers to metres: by themselves, by the focal length, or by an anchor; never by hope.

An anchor says what is known of a frame's depth. The fit is geometry.anchor's; a fit is kept over frames, so that a
frame in which too little is known goes by the last one; frames without stamps are each on their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np

from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.core import Camera, FloatArray, Frame, GeneratorError, Task
from vision_banana_ros.generators.specialists.specialist import View
from vision_banana_ros.geometry.anchor import AnchorFilter, DepthKind, fit, floor_depth
from vision_banana_ros.prompts import Generator, Instruction

#: A fit outlives this many frames in which nothing new was known.
_MOST_STALE = 30
#: Frames farther apart in time are not smoothed over.
_MOST_APART_NS = 2_000_000_000
_MAX_AGE_NS = 500_000_000
_SURE = 64

HOW = (
    "it has no metres of its own: give an anchor, 'sparse' (a depth topic or LiDAR cloud), 'height:METRES' (of the "
    "camera over a level floor) or the name of a model that paints metres, such as 'student'"
)


class Anchor(Protocol):
    """What is known of a frame's depth. Whether it sees that for itself is told, since then it is no measurement."""

    @property
    def name(self) -> str: ...

    def known_m(self, view: View) -> FloatArray | None:
        """Metres in the view's size, NaN where nothing is known."""
        ...


class SparseAnchor:
    """Measured depth, given from outside; older than half a second it is not this frame's any more."""

    name = "sparse depth"

    def __init__(self) -> None:
        self._depth_m: FloatArray | None = None
        self._stamp_ns = 0

    def give(self, depth_m: FloatArray, stamp_ns: int) -> None:
        self._depth_m, self._stamp_ns = depth_m, stamp_ns

    def known_m(self, view: View) -> FloatArray | None:
        age = view.frame.stamp_ns - self._stamp_ns
        if self._depth_m is None or abs(age) > _MAX_AGE_NS:
            return None
        return moved_to(self._depth_m, view.wh)


class HeightAnchor:
    """A level floor at a known height below the camera; what stands on it are the fit's strays."""

    def __init__(self, height_m: float) -> None:
        self._height_m = height_m
        self.name = f"floor {height_m:g} m below the camera"

    def known_m(self, view: View) -> FloatArray | None:
        return None if view.camera is None else floor_depth(view.camera, self._height_m)


class GeneratorAnchor:
    """Another generator's metres, where its colours are sure."""

    def __init__(self, generator: Generator, name: str) -> None:
        if Task.DEPTH not in generator.tasks or generator.about.metric is False:
            raise GeneratorError(f"{name} cannot be an anchor: it paints no metres of its own; name one that does")
        self._generator = generator
        self.name = name

    def known_m(self, view: View) -> FloatArray | None:
        hfov = None if view.camera is None else view.camera.hfov_deg
        canvas = self._generator.generate(view.frame, [Instruction(Task.DEPTH, hfov_deg=hfov)])[0]
        decoded = depth_code.decode(canvas.rgb)
        sure = np.isfinite(decoded.depth_m)
        if decoded.confidence is not None:
            sure &= decoded.confidence >= _SURE
        return moved_to(np.where(sure, decoded.depth_m, np.float32(np.nan)).astype(np.float32), view.wh)


def parse_anchor(text: str, load: Callable[[str], Generator]) -> Anchor | None:
    """ "" is none, "sparse", "height:0.35", else the name of a generator, which `load` loads."""
    if not text:
        return None
    if text == "scale":
        raise GeneratorError("anchor 'scale' is one factor for a model with metres; this one has none: give 'sparse'")
    if text == "sparse":
        return SparseAnchor()
    if text.startswith("height:"):
        try:
            height_m = float(text.removeprefix("height:"))
        except ValueError:
            height_m = float("nan")
        if not 0 < height_m < 100:
            raise GeneratorError(f"an anchor's height must be metres over the floor, as in 'height:0.35', got {text!r}")
        return HeightAnchor(height_m)
    return GeneratorAnchor(load(text), text)


class Metres:
    """`metres(values, view)` for one model; what it went by stands in `words`."""

    def __init__(
        self, kind: DepthKind, model: str, *, anchor: Anchor | None = None, focal: float = 0.0, axis: str = "mean"
    ) -> None:
        if kind.needs_anchor and anchor is None:
            raise GeneratorError(f"{model} paints {kind.value.replace('_', ' ')} depth and {HOW}")
        self.kind = kind
        self.anchor = anchor if kind.needs_anchor else None
        self.words = "its own" if kind is DepthKind.METRIC else "its own by the focal length"
        self._model = model
        self._focal = focal
        self._axis = axis
        self._filter = AnchorFilter()
        self._stale = 0
        self._stamp_ns = 0

    def __call__(self, values: FloatArray, view: View, *, net_camera: Camera | None = None) -> FloatArray:
        """Metres of the model's values in the view's size. `net_camera` is the camera of what the network saw."""
        if self.kind is DepthKind.METRIC:
            return values
        if self.kind is DepthKind.CANONICAL_FOCAL:
            return values * np.float32(self._focal_factor(net_camera))
        return self._anchored(values, view)

    def _focal_factor(self, camera: Camera | None) -> float:
        if camera is None:
            raise GeneratorError(
                f"{self._model} needs the focal length for its metres: publish camera_info, or tell the field of view"
            )
        return (camera.fx if self._axis == "x" else (camera.fx + camera.fy) / 2) / self._focal

    def _anchored(self, values: FloatArray, view: View) -> FloatArray:
        assert self.anchor is not None
        if not 0 < view.frame.stamp_ns - self._stamp_ns <= _MOST_APART_NS:  # another scene, or frames without a time
            self._filter, self._stale = AnchorFilter(), 0
        self._stamp_ns = view.frame.stamp_ns
        known = self.anchor.known_m(view)
        found = None
        if known is not None:
            held = self._filter.current
            found = fit(values, known, self.kind, shift=None if held is None else held.shift)
        self._filter = self._filter.updated(found)
        self._stale = 0 if found is not None else self._stale + 1
        current = self._filter.current
        if current is None or self._stale > _MOST_STALE:
            self.words = f"none: {self.anchor.name} says too little of this frame"
            return np.full(values.shape, np.nan, np.float32)
        self.words = f"{self.anchor.name}: {current}"
        if self._stale:
            self.words += f"; {self._stale} frames old"
        return current.depth_m(values)


def moved_to(depth_m: FloatArray, wh: tuple[int, int]) -> FloatArray:
    """Sparse depth in another size: every known pixel is kept where there is room, the nearest of those that meet."""
    height, width = depth_m.shape
    if (width, height) == wh:
        return depth_m
    rows, columns = np.nonzero(np.isfinite(depth_m))
    v = (2 * rows + 1) * wh[1] // (2 * height)
    u = (2 * columns + 1) * wh[0] // (2 * width)
    moved = np.full(wh[0] * wh[1], np.inf, np.float32)
    np.minimum.at(moved, v * wh[0] + u, depth_m[rows, columns])
    moved[np.isinf(moved)] = np.nan
    return moved.reshape(wh[1], wh[0])


def densified(depth_m: FloatArray, wh: tuple[int, int]) -> FloatArray | None:
    """Sparse depth as a full, coarse image: what prompted models want. Holes take the nearest known value."""
    coarse = moved_to(depth_m, wh)
    known = np.isfinite(coarse) & (coarse > 0)
    if not known.any():
        return None
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(labels.max()) + 1, np.float32)
    table[labels[known]] = coarse[known]
    dense: FloatArray = table[labels]
    return dense


def frame_depth(frame: Frame, anchor: Anchor | None) -> FloatArray | None:
    """What a sensor measured of the whole frame, for models that take it as their prompt."""
    if not isinstance(anchor, SparseAnchor):
        return None
    return anchor.known_m(View(frame=frame, wh=(frame.hw[1], frame.hw[0]), camera=frame.camera))
