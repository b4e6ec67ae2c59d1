"""Does this runtime paint what the network paints? Answered in metres, degrees and labels, before it is published.

An engine may build, load, report success and still paint nonsense. So each one paints the golden frame, and its
canvases are decoded and compared with the golden ones, where those decode with confidence:

    depth    |d' - d| / max(d, 0.3 m)                    median and 99th percentile, in per cent
    normals  angle between n' and n                      median, in degrees
    labels   share of pixels with the same class         in per cent
    canvas   mean |rgb' - rgb|                           in levels of 0..255; for every task, whatever it means

The limits depend on the precision alone: an FP32 engine has no business to differ as much as INT8 may.

What is compared is not the first frame, which runtimes treat apart (they measure, allocate, capture), but a later one
after another picture; and then one prompt alone, since an engine may be right for one number of prompts only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from vision_banana_ros.codecs import Palette, depth, normals
from vision_banana_ros.core import AnyArray, Instruction, Task, UInt8Array
from vision_banana_ros.models.golden import Golden
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Runtime
from vision_banana_ros.student.paintbox import PaintBoxes

#: Of 255: below it the golden canvas is between codes, and a level more or less decodes to anything.
_CONFIDENT = 64
_NEAREST_M = 0.3
#: Fewer comparable pixels than this share say nothing; then the canvas's levels decide alone.
_LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    depth_median_percent: float
    depth_p99_percent: float
    normals_median_deg: float
    labels_differ_percent: float
    canvas_mean_levels: float


TOLERANCES: dict[Precision, Tolerance] = {
    Precision.FP32: Tolerance(
        depth_median_percent=1, depth_p99_percent=3, normals_median_deg=1,
        labels_differ_percent=0.5, canvas_mean_levels=1,
    ),
    Precision.FP16: Tolerance(
        depth_median_percent=1, depth_p99_percent=6, normals_median_deg=1,
        labels_differ_percent=1, canvas_mean_levels=1.5,
    ),
    Precision.BF16: Tolerance(
        depth_median_percent=2, depth_p99_percent=12, normals_median_deg=2,
        labels_differ_percent=2, canvas_mean_levels=3,
    ),
    Precision.INT8: Tolerance(
        depth_median_percent=5, depth_p99_percent=30, normals_median_deg=4,
        labels_differ_percent=4, canvas_mean_levels=6,
    ),
}  # fmt: skip


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
    limits = TOLERANCES[runtime.precision]
    deviations = [
        deviation
        for instruction, painted, wanted in zip(golden.instructions, together, golden.canvases, strict=True)
        for deviation in compare(instruction, painted, wanted, limits)
    ]
    deviations += (
        replace(deviation, measure=f"{deviation.measure} when asked alone")
        for deviation in compare(golden.instructions[0], alone[0], golden.canvases[0], limits)
    )
    return CheckResult(deviations=tuple(deviations), seconds=time.perf_counter() - start)


def _painted(runtime: Runtime, golden: Golden, boxes: PaintBoxes) -> UInt8Array:
    """A copy: the runtime may paint its next frame into the same memory."""
    planes = runtime.paint(golden.image[None], boxes)
    return np.array(planes.transpose(0, 2, 3, 1), order="C") if planes.ndim == 4 else planes


def compare(
    instruction: Instruction, painted: UInt8Array, wanted: UInt8Array, limits: Tolerance
) -> tuple[Deviation, ...]:
    """How far a canvas is from the golden one, in the units of its task."""
    levels = float(np.abs(painted.astype(np.int16) - wanted).mean())
    raw = Deviation(
        task=instruction.task, measure="canvas mean", value=levels, limit=limits.canvas_mean_levels, unit="levels"
    )
    if instruction.task is Task.DEPTH:
        return (raw, *_compare_depth(instruction, painted, wanted, limits))
    if instruction.task is Task.NORMALS:
        return (raw, _compare_normals(painted, wanted, limits))
    if instruction.task in (Task.SEMANTIC, Task.REFERRING):
        return (raw, _compare_labels(instruction, painted, wanted, limits))
    return (raw,)


def _compare_depth(
    instruction: Instruction, painted: UInt8Array, wanted: UInt8Array, limits: Tolerance
) -> tuple[Deviation, Deviation]:
    got = depth.decode(painted, instruction.depth_encoding, with_confidence=False).depth_m
    reference = depth.decode(wanted, instruction.depth_encoding)
    sure = np.isfinite(reference.depth_m)
    if reference.confidence is not None:
        sure &= reference.confidence >= _CONFIDENT
    true_m = reference.depth_m[sure]
    percent = 100 * np.abs(got[sure] - true_m) / np.maximum(true_m, _NEAREST_M)
    task = Task.DEPTH
    median, p99 = _quantile(percent, 0.5, sure.size), _quantile(percent, 0.99, sure.size)
    return (
        Deviation(task=task, measure="median", value=median, limit=limits.depth_median_percent, unit="%"),
        Deviation(task=task, measure="99th percentile", value=p99, limit=limits.depth_p99_percent, unit="%"),
    )


def _compare_normals(painted: UInt8Array, wanted: UInt8Array, limits: Tolerance) -> Deviation:
    got = normals.decode(painted).normals
    reference = normals.decode(wanted)
    sure = reference.confidence >= _CONFIDENT
    cosine = np.clip((got[sure] * reference.normals[sure]).sum(axis=-1), -1, 1)
    median = _quantile(np.degrees(np.arccos(cosine)), 0.5, sure.size)
    return Deviation(
        task=Task.NORMALS, measure="median angle", value=median, limit=limits.normals_median_deg, unit="degrees"
    )


def _compare_labels(instruction: Instruction, painted: UInt8Array, wanted: UInt8Array, limits: Tolerance) -> Deviation:
    palette = Palette.from_instruction(instruction)
    got, reference = palette.decode(painted), palette.decode(wanted)
    sure = reference.confidence >= _CONFIDENT
    differ = got.mask[sure] != reference.mask[sure]
    percent = 100 * float(differ.mean()) if differ.size >= _LEAST_SHARE * sure.size else float("nan")
    return Deviation(
        task=instruction.task, measure="other label", value=percent, limit=limits.labels_differ_percent, unit="%"
    )


def _quantile(values: AnyArray, share: float, pixels: int) -> float:
    """NaN and inf among the values count as infinitely wrong; too few values give NaN."""
    if values.size < _LEAST_SHARE * pixels:
        return float("nan")
    ordered = np.sort(np.nan_to_num(values, nan=np.inf))
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])
