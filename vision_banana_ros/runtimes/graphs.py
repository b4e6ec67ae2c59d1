"""Which runtime runs a graph of anybody's here: as for the student, the fastest that answers right.

There is no golden frame. So the first runtime that runs it on the CPU in the file's own precision (ONNX Runtime, for
TFLite files LiteRT) is the reference, and any other must give its answers within a limit. The picture is a pattern;
what it shows does not matter, for the two get the same one. An answer that does not depend on the picture is refused
by whoever knows what the outputs mean.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_banana_ros.core import GeneratorError, MissingExtraError, VisionBananaError
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.choice import FAILED, PASSED, UNAVAILABLE, Attempt, LoadReport, parse_backend
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.runtimes.session import Feed, Session

TFLITE_SUFFIXES = (".tflite", ".lite")
#: Error of an output relative to its own spread, at the 95th percentile of its values.
_LIMITS = {Precision.FP32: 0.02, Precision.FP16: 0.05, Precision.BF16: 0.10, Precision.INT8: 0.20}
_TIMED_PASSES = 2
_ORDER = (
    Backend.TENSORRT,
    Backend.TENSORRT_RTX,
    Backend.ONNX_CUDA,
    Backend.ONNX,
    Backend.TFLITE,
    Backend.OPENVINO,
)


@dataclass(frozen=True, slots=True)
class OpenedGraph:
    session: Session
    report: LoadReport


def open_graph(path: Path, backend: str, options: RuntimeOptions, probe: Callable[[Session], Feed]) -> OpenedGraph:
    """`probe` makes the pattern for a session's inputs (its names and sizes are known by then)."""
    wanted, only = parse_backend(backend)
    tflite = path.suffix in TFLITE_SUFFIXES
    served = {Backend.TFLITE, Backend.OPENVINO} if tflite else set(_ORDER) - {Backend.TFLITE}
    allowed = served & {*wanted, *((Backend.TFLITE,) if backend == "auto" else ())}
    if not allowed:
        raise GeneratorError(f"backend {backend!r} runs no {path.suffix} file: use auto or openvino")
    attempts: list[Attempt] = []
    passed: list[tuple[Session, Attempt]] = []
    reference: Feed | None = None
    for candidate in (b for b in _ORDER if b in allowed):
        start = time.perf_counter()
        try:
            session = _open(candidate, path, only or Precision.FP32, options, probe)
            load_s = time.perf_counter() - start
            feed = probe(session)
            answer = {name: array.copy() for name, array in session.run(feed).items()}
            if candidate.on_gpu:
                reference = reference or _reference(path, options, feed)
            paint_ms = min(_clock(session, feed) for _ in range(_TIMED_PASSES))
        except Exception as error:  # a foreign library: there is no saying what it raises
            words = str(error) if isinstance(error, VisionBananaError) else f"{type(error).__name__}: {error}"
            attempts.append(
                Attempt(backend=candidate, precision=only or Precision.FP32, outcome=UNAVAILABLE, detail=words)
            )
            continue
        off = "" if reference is None else disagreement(answer, reference, session.precision)
        attempt = Attempt(
            backend=candidate, precision=session.precision, outcome=FAILED if off else PASSED, load_s=load_s,
            detail=off or ("the reference here" if reference is None else "agrees with the reference"),
            paint_ms=paint_ms,
        )  # fmt: skip
        attempts.append(attempt)
        if off:
            options.tell(str(attempt))
            continue
        passed.append((session, attempt))
        reference = reference or answer
        if candidate.on_gpu:
            break
    if not passed:
        tried = "; ".join(str(attempt) for attempt in attempts)
        raise GeneratorError(f"no runtime runs {path} (backend {backend!r}); tried: {tried}")
    session, best = min(passed, key=lambda pair: pair[1].paint_ms or 0.0)
    beside = ", ".join(f"{a.backend.value} {a.paint_ms:.0f} ms" for _, a in passed if a is not best)
    why = f"fastest here that answers right: {best.paint_ms:.0f} ms" + (f" beside {beside}" if beside else "")
    report = LoadReport(backend=best.backend, precision=best.precision, why=why, attempts=tuple(attempts))
    return OpenedGraph(session, report)


def disagreement(got: Feed, wanted: Feed, precision: Precision = Precision.FP32) -> str:
    """How two answers to the same picture differ, in words; "" where they do not."""
    for name, expected in wanted.items():
        found = got.get(name)
        if found is None and len(got) == len(wanted) == 1:
            found = next(iter(got.values()))  # TFLite's names are the converter's affair
        if found is None or found.shape != expected.shape:
            return f"output {name} is {'missing' if found is None else found.shape}, expected {expected.shape}"
        a, b = found.astype(np.float64).ravel(), expected.astype(np.float64).ravel()
        if not np.array_equal(np.isfinite(a), np.isfinite(b)):
            return f"output {name} is finite elsewhere"
        if np.issubdtype(expected.dtype, np.integer):
            share = float((a != b).mean())
            if share > _LIMITS[precision]:
                return f"output {name}: {100 * share:.1f} % of the values differ"
            continue
        spread = float(b[np.isfinite(b)].std()) or 1.0
        error = float(np.nanquantile(np.abs(a - b), 0.95)) / spread if a.size else 0.0
        if error > _LIMITS[precision]:
            return f"output {name}: {100 * error:.1f} % of its spread"
    return ""


def _open(
    backend: Backend, path: Path, precision: Precision, options: RuntimeOptions, probe: Callable[[Session], Feed]
) -> Session:
    if backend is Backend.TFLITE:
        from vision_banana_ros.runtimes.tflite import TfliteSession

        return TfliteSession(path, options)
    if backend is Backend.OPENVINO:
        from vision_banana_ros.runtimes.openvino import OpenVinoSession

        hint = "bf16" if precision is Precision.BF16 else "f32"
        return OpenVinoSession(path, precision, hint, options, disagreement=disagreement)
    from vision_banana_ros.runtimes.onnx import OnnxSession

    if backend is not Backend.TENSORRT:
        return OnnxSession(path, precision, options, backend)
    from vision_banana_ros.runtimes.tensorrt import Shapes, engines_here

    engines = engines_here(options)  # first: without a GPU nothing is read
    feed = probe(OnnxSession(path, precision, options))
    shapes = Shapes(tuple((name, (array.shape,) * 3) for name, array in feed.items()))
    return engines.open_graph(path.read_bytes(), precision, shapes)


def _reference(path: Path, options: RuntimeOptions, feed: Feed) -> Feed | None:
    from vision_banana_ros.runtimes.onnx import OnnxSession

    try:
        return OnnxSession(path, Precision.FP32, options).run(feed)
    except (MissingExtraError, RuntimeUnfit):
        return None


def _clock(session: Session, feed: Feed) -> float:
    start = time.perf_counter()
    session.run(feed)
    return (time.perf_counter() - start) * 1e3
