"""Does this runtime paint what the network paints? Answered in metres, degrees and labels, before it is published.

An engine may build, load, report success and still paint nonsense. So each one paints the golden frame, and its
canvases are decoded and compared with the golden ones, where those decode with confidence. How, and what each
precision may differ, stands with each task (tasks/, `compare`).

The limits depend on the precision alone: an FP32 engine has no business to differ as much as INT8 may.

What is compared is not the first frame, which runtimes treat apart (they measure, allocate, capture), but a later one
after another picture; and then one prompt alone, since an engine may be right for one number of prompts only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from vision_banana_ros.core import Ask, Task, UInt8Array
from vision_banana_ros.models.golden import Golden
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Runtime
from vision_banana_ros.student.paintbox import PaintBoxes
from vision_banana_ros.tasks import room

#: Mean |rgb' - rgb| of a whole canvas, in levels of 0..255, whatever it means.
CANVAS_LEVELS = {Precision.FP32: 1.0, Precision.FP16: 1.5, Precision.BF16: 3.0, Precision.INT8: 6.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One comparison with its limit; NaN where the golden canvas has too few confident pixels to compare."""

    task: Task
    measure: str
    value: float
    limit: float
    unit: str

    @property
    def within(self) -> bool:
        return not self.value > self.limit

    def __str__(self) -> str:
        return f"{self.task.value}: {self.measure} {self.value:.3g} {self.unit} (at most {self.limit:g})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    deviations: tuple[Deviation, ...]
    seconds: float
    fault: str = ""  # what made comparing impossible

    @property
    def passed(self) -> bool:
        return not self.fault and all(deviation.within for deviation in self.deviations)

    def why(self) -> str:
        """What differed, the worst first; or the closest call of a check that passed."""
        if self.fault:
            return self.fault
        ranked = sorted(self.deviations, key=lambda d: d.value / d.limit if d.value == d.value else -1.0, reverse=True)
        return "; ".join(str(d) for d in ranked if not d.within) or f"closest call: {ranked[0]}"


def check(runtime: Runtime, golden: Golden, boxes: PaintBoxes) -> CheckResult:
    """Paint the golden frame and compare. Whatever the runtime raises while painting is a failed check, too."""
    start = time.perf_counter()
    try:
        runtime.paint(np.ascontiguousarray(golden.image[None, :, ::-1]), boxes)
        together = _painted(runtime, golden, boxes)
        first = PaintBoxes(**{name: array[:1] for name, array in boxes.arrays().items()})
        alone = _painted(runtime, golden, first)
    except Exception as error:  # a foreign library: there is no saying what it raises
        return CheckResult(deviations=(), seconds=time.perf_counter() - start, fault=f"painting failed: {error}")
    for canvases, wanted in ((together, golden.canvases), (alone, golden.canvases[:1])):
        if canvases.shape != wanted.shape or canvases.dtype != np.uint8:
            fault = f"canvases must be uint8 {wanted.shape}, got {canvases.dtype} {canvases.shape}"
            return CheckResult(deviations=(), seconds=time.perf_counter() - start, fault=fault)
    deviations = [
        deviation
        for instruction, painted, wanted in zip(golden.instructions, together, golden.canvases, strict=True)
        for deviation in compare(instruction, painted, wanted, runtime.precision)
    ]
    deviations += (
        replace(deviation, measure=f"{deviation.measure} when asked alone")
        for deviation in compare(golden.instructions[0], alone[0], golden.canvases[0], runtime.precision)
    )
    return CheckResult(deviations=tuple(deviations), seconds=time.perf_counter() - start)


def _painted(runtime: Runtime, golden: Golden, boxes: PaintBoxes) -> UInt8Array:
    """A copy: the runtime may paint its next frame into the same memory."""
    planes = runtime.paint(golden.image[None], boxes)
    return np.array(planes.transpose(0, 2, 3, 1), order="C") if planes.ndim == 4 else planes


def compare(instruction: Ask, painted: UInt8Array, wanted: UInt8Array, precision: Precision) -> tuple[Deviation, ...]:
    """How far a canvas is from the golden one, in the units of its task."""
    task = instruction.task
    levels = float(np.abs(painted.astype(np.int16) - wanted).mean())
    raw = Deviation(task=task, measure="canvas mean", value=levels, limit=CANVAS_LEVELS[precision], unit="levels")
    told = room(task).compare(instruction, painted, wanted, precision.value)
    return (raw, *(Deviation(task=task, measure=d.measure, value=d.value, limit=d.limit, unit=d.unit) for d in told))
