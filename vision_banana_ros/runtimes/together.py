"""The runtime for frames of several cameras in one call, beside the one that was chosen for one frame.

It is the same library in the same precision with the model's other graph (`vision-banana export --several-images`),
and is checked as that was: the golden frame and a second one with fewer prompts, in one call, as a pair and as many as
are allowed. What fails is told and left out; frames are then painted one after the other, as without such a graph.

On a CPU it is left out unless asked for: there a frame among others takes 4 to 34 % longer than alone, since the maps
of several no longer fit into the caches. A GPU, which one small frame leaves idle in part, is where it should pay.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice

import numpy as np

from vision_banana_ros.core import GeneratorError, UInt8Array, VisionBananaError
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import Golden, load_golden
from vision_banana_ros.models.manifest import Precision, Role
from vision_banana_ros.runtimes.choice import NAMES, open_one
from vision_banana_ros.runtimes.report import FAILED, PASSED, UNAVAILABLE, Attempt
from vision_banana_ros.runtimes.runtime import Backend, Runtime, RuntimeOptions, entry_of
from vision_banana_ros.runtimes.selfcheck import CheckResult, Deviation, compare
from vision_banana_ros.student.paintbox import PaintBoxes, pack, side_by_side
from vision_banana_ros.student.text import TextTable

#: The same words as GeneratorOptions has.
AUTO, ALWAYS, NEVER = "auto", "always", "never"
_TIMED_PASSES = 3


@dataclass(frozen=True, slots=True)
class Together:
    """The runtime, or None, and why."""

    runtime: Runtime | None
    words: str


def open_together(
    folder: ModelFolder, text: TextTable, backend: Backend, precision: Precision, options: RuntimeOptions, wanted: str
) -> Together:
    """For `options.images` frames at most. ALWAYS raises what AUTO would only tell."""
    one_by_one = "cameras one by one"
    if wanted == NEVER or options.images < 2:
        return Together(None, one_by_one)
    if folder.manifest.file(Role.SEVERAL) is None:
        why = f"{folder.root} has no graph for several images: export it with --several-images"
        if wanted == ALWAYS:
            raise GeneratorError(f"together: always, but model {why}")
        return Together(None, one_by_one)
    if wanted == AUTO and not backend.on_gpu:
        return Together(None, f"{one_by_one}: on a CPU each would take longer among others")
    attempt, runtime = try_together(folder, text, backend, precision, options)
    if runtime is not None:
        return Together(runtime, f"up to {options.images} cameras in one call")
    if wanted == ALWAYS:
        raise GeneratorError(f"together: always, but {attempt}; try together: auto")
    options.tell(f"cameras are seen one by one, {attempt}")
    return Together(None, f"{one_by_one}: in one call it {attempt.outcome}")


def try_together(
    folder: ModelFolder, text: TextTable, backend: Backend, precision: Precision, options: RuntimeOptions
) -> tuple[Attempt, Runtime | None]:
    """How it went, with the runtime if it passed; `paint_ms` is of all the images together."""
    start = time.perf_counter()
    try:
        golden = load_golden(folder)
        runtime = open_one(folder, backend, precision, options)
    except Exception as error:  # a foreign library: there is no saying what it raises
        words = str(error) if isinstance(error, VisionBananaError) else f"{type(error).__name__}: {error}"
        return Attempt(backend=backend, precision=precision, outcome=UNAVAILABLE, detail=words), None
    load_s = time.perf_counter() - start
    result = check_together(runtime, golden, text, folder.manifest.tasks, options.images)
    attempt = Attempt(
        backend=backend, precision=precision, outcome=PASSED if result.passed else FAILED, load_s=load_s,
        detail=f"{options.images} images in one call, {result.why()}", check_s=result.seconds,
    )  # fmt: skip
    if not result.passed:
        return attempt, None
    frames, boxes = _in_a_row(golden, text, folder.manifest.tasks, options.images)
    return replace(attempt, paint_ms=min(_clock(runtime, frames, boxes) for _ in range(_TIMED_PASSES))), runtime


def attempts_together(folder: ModelFolder, text: TextTable, options: RuntimeOptions) -> Iterator[Attempt]:
    """Every runtime in every precision that the model has a graph for several images in, one after the other."""
    files = {file.precision for file in folder.manifest.files if file.role is Role.SEVERAL}
    for backend in NAMES["auto"] if files else ():
        for precision in entry_of(backend).precisions:
            if (Precision.FP32 if precision is Precision.BF16 else precision) in files:
                yield try_together(folder, text, backend, precision, options)[0]


def check_together(
    runtime: Runtime, golden: Golden, text: TextTable, tasks: tuple[str, ...], images: int
) -> CheckResult:
    """Both golden frames in one call, as two and as many as `images`: an engine may be right for one number only."""
    start = time.perf_counter()
    deviations: list[Deviation] = []
    for count in sorted({2, images}):
        frames, boxes = _in_a_row(golden, text, tasks, count)
        try:
            planes = runtime.paint(frames, boxes)
            painted = np.array(planes.transpose(0, 2, 3, 1), order="C")
        except Exception as error:  # a foreign library: there is no saying what it raises
            return _fault(f"painting {count} images failed: {error}", start)
        wanted = np.concatenate([one.canvases for one in _goldens(golden, count)])
        asked = [instruction for one in _goldens(golden, count) for instruction in one.instructions]
        if painted.shape != wanted.shape or painted.dtype != np.uint8:
            return _fault(f"canvases must be uint8 {wanted.shape}, got {painted.dtype} {painted.shape}", start)
        for instruction, got, right in zip(asked, painted, wanted, strict=True):
            found = compare(instruction, got, right, runtime.precision)
            deviations += (replace(d, measure=f"{d.measure}, {count} images in one call") for d in found)
    return CheckResult(deviations=tuple(deviations), seconds=time.perf_counter() - start)


def _clock(runtime: Runtime, frames: UInt8Array, boxes: PaintBoxes) -> float:
    start = time.perf_counter()
    runtime.paint(frames, boxes)
    return (time.perf_counter() - start) * 1e3


def _fault(words: str, start: float) -> CheckResult:
    return CheckResult(deviations=(), seconds=time.perf_counter() - start, fault=words)


def _goldens(golden: Golden, count: int) -> list[Golden]:
    """The first, the second, the first ..."""
    return list(islice(cycle([golden, golden.second or golden]), count))


def _in_a_row(golden: Golden, text: TextTable, tasks: tuple[str, ...], count: int) -> tuple[UInt8Array, PaintBoxes]:
    goldens = _goldens(golden, count)
    boxes = side_by_side([pack(one.instructions, text, tasks) for one in goldens])
    return np.stack([one.image for one in goldens]), boxes
