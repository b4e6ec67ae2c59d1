"""Which runtime runs a model here: the fastest that passes the self-check; and a report of why.

    auto    the first GPU runtime that passes; without one, each CPU runtime in the first of its precisions that
            passes, and of these the one that painted the golden frame fastest; ties go to the more exact one.
            A node keeps the choice beside its engines (memory.py), so that it is the same at every start
    NAME    the first of its runtimes and precisions that passes, the GPU first
    NAME:P  that precision alone, e.g. "openvino:fp32"

Failing means: next precision, then next runtime. When nothing passes there is no generator, but one error that lists
what was tried: no picture is better than a wrong one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from vision_banana_ros.core import DataError, GeneratorError, MissingExtraError, VisionBananaError
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import Golden, load_golden
from vision_banana_ros.models.manifest import Precision, Role
from vision_banana_ros.runtimes.memory import recall, remember
from vision_banana_ros.runtimes.report import FAILED, PASSED, UNAVAILABLE, Attempt, LoadReport
from vision_banana_ros.runtimes.runtime import (
    NO_WEIGHTS,
    RUNTIMES,
    Backend,
    Runtime,
    RuntimeOptions,
    RuntimeUnfit,
    entry_of,
    opener,
)
from vision_banana_ros.runtimes.selfcheck import CheckResult, check
from vision_banana_ros.student.paintbox import PaintBoxes, pack
from vision_banana_ros.student.text import TextTable

#: What a user may ask for, and which runtimes it stands for.
NAMES: dict[str, tuple[Backend, ...]] = {
    "auto": tuple(entry.backend for entry in RUNTIMES if entry.opens),
    **{e.word: tuple(other.backend for other in RUNTIMES if other.word == e.word) for e in RUNTIMES if e.opens},
}
_LAST_RESORT = Backend.TORCH
#: Of runtimes this near to the fastest the more exact one is taken, else the earlier one in the table: what differs by
#: less differs by the machine's load of the moment.
_AS_FAST = 1.15
_EXACTNESS = (Precision.FP32, Precision.FP16, Precision.BF16, Precision.INT8)
_TIMED_PASSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    runtime: Runtime
    report: LoadReport


def choose(folder: ModelFolder, text: TextTable, backend: str, options: RuntimeOptions) -> Chosen:
    """The runtime to use, checked. GeneratorError when none passes, DataError when the model itself is damaged."""
    backends, only = parse_backend(backend)
    golden = load_golden(folder)
    boxes = pack(golden.instructions, text, folder.manifest.tasks)
    attempts: list[Attempt] = []
    passed: list[tuple[Runtime, Attempt]] = []
    remembered = recall(folder, backend, options) if options.remembers else None
    if remembered is not None and remembered.backend in backends:
        opened = _first_that_passes(folder, remembered.backend, remembered.precision, golden, boxes, options, attempts)
        if opened is not None:
            return _chosen([opened], attempts, remembered.why)
    for candidate in backends:
        if passed and (candidate is _LAST_RESORT or backend.partition(":")[0] != "auto"):
            break
        opened = _first_that_passes(folder, candidate, only, golden, boxes, options, attempts)
        if opened is not None:
            passed.append(opened)
            if candidate.on_gpu:
                break
    if not passed:
        tried = "; ".join(str(attempt) for attempt in attempts)
        if all("is not installed" in attempt.detail for attempt in attempts):
            raise GeneratorError(
                f"nothing is installed that runs a model (backend {backend!r}): for the Python that runs this,  "
                "pip install onnxruntime 'numpy<2'  on Ubuntu 24.04 with --break-system-packages (docs/ros.md, Install)"
            )
        raise GeneratorError(
            f"no runtime for model {folder.root} passes its self-check (backend {backend!r}): try backend 'auto', or "
            f"copy or export the model anew; tried: {tried}"
        )
    chosen = _chosen(passed, attempts)
    if options.remembers:
        remember(folder, backend, options, chosen.report)
    return chosen


def _chosen(passed: list[tuple[Runtime, Attempt]], attempts: list[Attempt], why: str = "") -> Chosen:
    fastest = min(attempt.paint_ms or 0.0 for _, attempt in passed)
    runtime, best = min(
        (pair for pair in passed if (pair[1].paint_ms or 0.0) <= _AS_FAST * fastest),
        key=lambda pair: _EXACTNESS.index(pair[1].precision),
    )
    why = why or _reason(best, [attempt for _, attempt in passed if attempt is not best])
    report = LoadReport(backend=best.backend, precision=best.precision, why=why, attempts=tuple(attempts))
    return Chosen(runtime=runtime, report=report)


def attempt_all(folder: ModelFolder, text: TextTable, options: RuntimeOptions) -> Iterator[Attempt]:
    """Every runtime in every precision that the model offers, INT8 included, checked one after the other."""
    golden = load_golden(folder)
    boxes = pack(golden.instructions, text, folder.manifest.tasks)
    for backend in NAMES["auto"]:
        for precision in _offered(folder, tuple(Precision)):
            attempts: list[Attempt] = []
            _first_that_passes(folder, backend, precision, golden, boxes, options, attempts)
            yield from attempts


def open_one(folder: ModelFolder, backend: Backend, precision: Precision, options: RuntimeOptions) -> Runtime:
    """This runtime in this precision, not checked yet; its packages are imported only now."""
    entry = entry_of(backend)
    if entry.needs_weights and folder.manifest.file(Role.WEIGHTS) is None:
        raise RuntimeUnfit(NO_WEIGHTS)  # told before PyTorch is imported, which takes a second and 200 MB
    runtime: Runtime = opener(entry, entry.opens)(folder, precision, options)
    return runtime


def parse_backend(backend: str) -> tuple[tuple[Backend, ...], Precision | None]:
    """A user's word to the runtimes it stands for, and the one precision where it names one."""
    name, _, precision = backend.partition(":")
    known = [p.value for p in Precision]
    if name not in NAMES or (precision and precision not in known):
        raise GeneratorError(
            f"backend must be one of {', '.join(NAMES)}, if wanted with a precision ({', '.join(known)}) as in "
            f"'openvino:fp32'; got {backend!r}"
        )
    return NAMES[name], Precision(precision) if precision else None


def _first_that_passes(
    folder: ModelFolder,
    backend: Backend,
    only: Precision | None,
    golden: Golden,
    boxes: PaintBoxes,
    options: RuntimeOptions,
    attempts: list[Attempt],
) -> tuple[Runtime, Attempt] | None:
    offered = _offered(folder, entry_of(backend).precisions) if only is None else (only,)
    for precision in offered:
        start = time.perf_counter()
        try:
            runtime = open_one(folder, backend, precision, options)
        except DataError:  # the model is damaged, whatever runs it
            raise
        except Exception as error:  # a foreign library: there is no saying what it raises, and the next one may work
            attempts.append(_unavailable(backend, precision, error, time.perf_counter() - start))
            if isinstance(error, MissingExtraError):
                return None
            if not isinstance(error, RuntimeUnfit):
                options.tell(str(attempts[-1]))
            continue
        load_s = time.perf_counter() - start
        result = check(runtime, golden, boxes)
        attempt = _checked(backend, precision, result, load_s, runtime, golden, boxes)
        attempts.append(attempt)
        if result.passed:
            return runtime, attempt
        options.tell(str(attempt))
    return None


def _offered(folder: ModelFolder, preferred: tuple[Precision, ...]) -> Iterator[Precision]:
    """Those of the preferred precisions that the model has a file for; BF16 is run from the FP32 file."""
    files = folder.manifest.precisions()
    return (p for p in preferred if p in files or (p is Precision.BF16 and Precision.FP32 in files))


def _checked(
    backend: Backend,
    precision: Precision,
    result: CheckResult,
    load_s: float,
    runtime: Runtime,
    golden: Golden,
    boxes: PaintBoxes,
) -> Attempt:
    paint_ms = None
    if result.passed:
        paint_ms = min(_clock(runtime, golden, boxes) for _ in range(_TIMED_PASSES))
    return Attempt(
        backend=backend,
        precision=precision,
        outcome=PASSED if result.passed else FAILED,
        detail=result.why(),
        load_s=load_s,
        check_s=result.seconds,
        paint_ms=paint_ms,
    )


def _unavailable(backend: Backend, precision: Precision, error: Exception, seconds: float) -> Attempt:
    words = str(error) if isinstance(error, VisionBananaError) else f"{type(error).__name__}: {error}"
    return Attempt(backend=backend, precision=precision, outcome=UNAVAILABLE, detail=words, load_s=seconds)


def _clock(runtime: Runtime, golden: Golden, boxes: PaintBoxes) -> float:
    start = time.perf_counter()
    runtime.paint(golden.image[None], boxes)
    return (time.perf_counter() - start) * 1e3


def _reason(best: Attempt, slower: list[Attempt]) -> str:
    if best.backend.on_gpu:
        return f"passed the self-check on the GPU, {best.paint_ms:.1f} ms for the golden frame"
    beside = ", ".join(f"{a.backend.value} {a.precision.value} {a.paint_ms:.1f} ms" for a in slower)
    return f"fastest here that passes the self-check: {best.paint_ms:.1f} ms" + (f" beside {beside}" if beside else "")
