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

from vision_banana_ros.core import GeneratorError, MissingExtraError, VisionBananaError
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.choice import parse_backend
from vision_banana_ros.runtimes.report import FAILED, PASSED, UNAVAILABLE, Attempt, LoadReport
from vision_banana_ros.runtimes.runtime import RUNTIMES, RuntimeOptions, RuntimeUnfit, opener
from vision_banana_ros.runtimes.session import Feed, Session, disagreement

TFLITE_SUFFIXES = (".tflite", ".lite")
_TIMED_PASSES = 2


@dataclass(frozen=True, slots=True)
class OpenedGraph:
    session: Session
    report: LoadReport


def open_graph(path: Path, backend: str, options: RuntimeOptions, probe: Callable[[Session], Feed]) -> OpenedGraph:
    """`probe` makes the pattern for a session's inputs (its names and sizes are known by then)."""
    wanted, only = parse_backend(backend)
    # Devices first, then what the file was made for: the others are compared with its answer.
    able = sorted(
        (entry for entry in RUNTIMES if entry.graphs and path.suffix in entry.suffixes),
        key=lambda entry: (not entry.on_gpu, not entry.is_reference),
    )
    allowed = [entry for entry in able if backend.partition(":")[0] == "auto" or entry.backend in wanted]
    if not allowed:
        raise GeneratorError(f"backend {backend!r} runs no {path.suffix} file: use auto or openvino")
    attempts: list[Attempt] = []
    passed: list[tuple[Session, Attempt]] = []
    reference: Feed | None = None
    for entry in allowed:
        candidate = entry.backend
        start = time.perf_counter()
        try:
            session = opener(entry, entry.graphs)(path, only or Precision.FP32, options, probe)
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
