"""`anchor: scale`: a metric model whose metres are set right by one robust factor from measured depth.

A network's metres may all be off by one factor, most of all where nobody told it the lens. A few dozen measured
distances (a depth topic, a LiDAR's points, `--known-depth`) tell that factor; up to half of them may be wrong. It is
held over frames with stamps; without measurements, and before the first, the metres stay the model's own.

The node's `scan` does the same behind the decoding (perceiver.py); this works in any command, and inside a mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vision_banana_ros.codecs import depth as depth_code
from vision_banana_ros.core import About, Ask, Canvas, FloatArray, Frame, GeneratorError, Task
from vision_banana_ros.generators.options import GeneratorOptions
from vision_banana_ros.generators.specialists.metres import SparseAnchor
from vision_banana_ros.generators.specialists.specialist import View
from vision_banana_ros.geometry.anchor import AnchorFit, DepthKind, fit
from vision_banana_ros.geometry.scale import ScaleEstimate, ScaleFilter
from vision_banana_ros.prompts import Generator, Instruction

SCALE = "scale"
#: Frames farther apart in time are not smoothed over.
_MOST_APART_NS = 2_000_000_000


class ScaledGenerator:
    """A `Generator` around a metric one; what it does not know of itself, the other one is asked."""

    def __init__(self, painter: Generator) -> None:
        self._painter = painter
        self._known = SparseAnchor()
        self._filters: dict[Ask, ScaleFilter] = {}
        self._stamp_ns = 0
        self._words = "its own: no measured depth yet"

    def __getattr__(self, name: str) -> Any:
        """A trained model's report, a part's pace, a background's close."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._painter, name)

    @property
    def tasks(self) -> frozenset[Task]:
        return self._painter.tasks

    @property
    def about(self) -> About:
        return self._painter.about

    @property
    def remarks(self) -> dict[str, str]:
        return {**getattr(self._painter, "remarks", {}), "metres": self._words}

    def give_depth(self, depth_m: FloatArray, stamp_ns: int) -> None:
        """Metres in the frame's pixels, NaN where nothing is known; also for a model that is prompted by it."""
        self._known.give(depth_m, stamp_ns)
        give = getattr(self._painter, "give_depth", None)
        if give is not None:
            give(depth_m, stamp_ns)

    def generate(self, frame: Frame, instructions: Sequence[Instruction]) -> list[Canvas]:
        if not 0 < frame.stamp_ns - self._stamp_ns <= _MOST_APART_NS:  # another scene, or frames without a time
            self._filters = {}
        self._stamp_ns = frame.stamp_ns
        canvases = self._painter.generate(frame, instructions)
        return [self._scaled(c, frame) if c.instruction.task is Task.DEPTH else c for c in canvases]

    def _scaled(self, canvas: Canvas, frame: Frame) -> Canvas:
        encoding = canvas.instruction.depth_encoding
        decoded = depth_code.decode(canvas.rgb, encoding)
        assert decoded.confidence is not None
        decoded.depth_m[decoded.confidence == 0] = np.nan
        known = self._known.known_m(View(frame=frame, wh=(canvas.rgb.shape[1], canvas.rgb.shape[0]), camera=None))
        found = None if known is None else fit(decoded.depth_m, known, DepthKind.UP_TO_SCALE)
        scale = self._filters.get(canvas.instruction, ScaleFilter())
        if found is not None:
            scale = scale.updated(ScaleEstimate(scale=found.scale, confidence=found.confidence))
        self._filters[canvas.instruction] = scale
        self._words = _words(scale, found)
        if scale.weight <= 0:
            return canvas
        if encoding == "cube":
            return Canvas(depth_code.rescaled(canvas.rgb, scale.scale), canvas.instruction)
        metres = (decoded.depth_m * np.float32(scale.scale)).astype(np.float32)
        rgb = depth_code.encode(metres, encoding, invalid=depth_code.unknown_color(encoding))
        return Canvas(rgb, canvas.instruction)


def scaled(generator: Generator, options: GeneratorOptions) -> Generator:
    """What the registry does with `anchor: scale`: no depth, nothing done; a mix is scaled part by part."""
    if options.anchor != SCALE or Task.DEPTH not in generator.tasks or hasattr(generator, "parts_are_scaled"):
        return generator
    if generator.about.metric is False:
        raise GeneratorError(
            f"{generator.about.name} has no metres to scale: give anchor 'sparse', which fits scale and shift"
        )
    return ScaledGenerator(generator)


def _words(scale: ScaleFilter, found: AnchorFit | None) -> str:
    if scale.weight <= 0:
        return "its own: no measured depth yet" if found is None else "its own: the measured depth fits badly"
    now = "none of this frame" if found is None else f"{found.points} points, spread {100 * found.spread:.1f} %"
    return f"its own times {scale.scale:.3f} by measured depth ({now})"
