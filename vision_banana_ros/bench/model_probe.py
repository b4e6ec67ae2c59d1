"""One runtime in a process of its own: so that its load time, first frame and peak memory are nobody else's.

    python -m vision_banana_ros.bench.model_probe MODEL BACKEND PRECISION WIDTH HEIGHT THREADS [GRAPH SIDE]

prints one line of JSON: a `Probe`, or with another network's ONNX graph a `Duel`.
"""

from __future__ import annotations

import dataclasses
import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from vision_banana_ros.bench.rows import timed
from vision_banana_ros.core import Instruction, Target, Task, UInt8Array
from vision_banana_ros.generators.choice import open_one
from vision_banana_ros.generators.folder import ModelFolder
from vision_banana_ros.generators.manifest import Precision, Role
from vision_banana_ros.generators.openvino import FRAMES_BEFORE_FIXING, OpenVinoRuntime
from vision_banana_ros.generators.runtime import Backend, Runtime, RuntimeOptions
from vision_banana_ros.student.paintbox import pack
from vision_banana_ros.student.text import TextTable

PROMPTS = (1, 3, 6)
#: Frames after which a runtime has adapted itself to the sizes that come.
_SETTLING = FRAMES_BEFORE_FIXING + 1
_WARM_UPS = 3
_TURNS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    prompts: int
    median_ms: float
    best_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    load_s: float
    first_frame_ms: float
    peak_memory_mb: float
    latencies: tuple[Latency, ...]


def probe_student(root: Path, backend: Backend, precision: Precision, wh: tuple[int, int], threads: int) -> Probe:
    before_mb = _memory_mb("VmRSS:")
    folder = ModelFolder.open(root)
    text = TextTable.read(io.BytesIO(folder.read(Role.TEXT)), name=str(root))
    image = _image(wh)
    boxes = {count: pack(_instructions(count), text) for count in PROMPTS}
    start = time.perf_counter()
    runtime = open_one(folder, backend, precision, RuntimeOptions(threads=threads))
    load_s = time.perf_counter() - start
    works: dict[int, Callable[[], object]] = {
        count: partial(runtime.paint, image, packed) for count, packed in boxes.items()
    }
    return _measure(load_s, works, before_mb, runtime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """Best of single calls, taken in turns, so that both meet the same neighbours on the machine."""

    student_ms: float
    other_ms: float


def duel(
    root: Path, graph: Path, backend: Backend, precision: Precision, wh: tuple[int, int], side: int, threads: int
) -> Duel:
    """Three prompts of the student against one pass of another network, (1, 3, side, side) float32 in."""
    ours = _student_work(root, backend, precision, wh, threads)
    theirs = _graph_work(graph, backend, precision, side, threads)
    best = {ours: float("inf"), theirs: float("inf")}
    for work in (ours, theirs):
        for _ in range(_WARM_UPS):
            work()
    for _ in range(_TURNS):
        for work in best:
            start = time.perf_counter()
            work()
            best[work] = min(best[work], (time.perf_counter() - start) * 1e3)
    return Duel(student_ms=best[ours], other_ms=best[theirs])


def _student_work(
    root: Path, backend: Backend, precision: Precision, wh: tuple[int, int], threads: int
) -> Callable[[], object]:
    folder = ModelFolder.open(root)
    text = TextTable.read(io.BytesIO(folder.read(Role.TEXT)), name=str(root))
    runtime = open_one(folder, backend, precision, RuntimeOptions(threads=threads))
    work = partial(runtime.paint, _image(wh), pack(_instructions(3), text))
    for _ in range(_SETTLING):
        work()
    _settle(runtime)
    return work


def _graph_work(path: Path, backend: Backend, precision: Precision, side: int, threads: int) -> Callable[[], object]:
    image = np.random.default_rng(0).normal(size=(1, 3, side, side)).astype(np.float32)
    if backend is Backend.ONNX:
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(path.read_bytes(), settings, providers=["CPUExecutionProvider"])
        return partial(session.run, None, {session.get_inputs()[0].name: image})
    import openvino

    hint = "bf16" if precision is Precision.BF16 else "f32"
    options = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    request = openvino.Core().compile_model(str(path), "CPU", options).create_infer_request()
    return partial(request.infer, [image])


def _settle(runtime: Runtime) -> None:
    if isinstance(runtime, OpenVinoRuntime):
        runtime.settle()


def _image(wh: tuple[int, int]) -> UInt8Array:
    return np.random.default_rng(0).integers(0, 256, (1, wh[1], wh[0], 3), dtype=np.uint8)


def _measure(load_s: float, works: dict[int, Callable[[], object]], before_mb: float, runtime: Runtime) -> Probe:
    start = time.perf_counter()
    next(iter(works.values()))()
    first_frame_ms = (time.perf_counter() - start) * 1e3
    latencies = []
    for count, work in works.items():
        for _ in range(_SETTLING):
            work()
        _settle(runtime)
        timing = timed(work, repeats=20)
        latencies.append(
            Latency(prompts=count, median_ms=timing.median_ms, best_ms=timing.best_ms, p95_ms=timing.p95_ms)
        )
    return Probe(
        load_s=load_s,
        first_frame_ms=first_frame_ms,
        peak_memory_mb=_memory_mb("VmHWM:") - before_mb,
        latencies=tuple(latencies),
    )


def _instructions(count: int) -> tuple[Instruction, ...]:
    """Depth, normals, classes, and again with other targets: what a robot asks."""
    targets = (Target("floor", (0, 160, 0)), Target("wall", (0, 80, 200)), Target("box", (220, 40, 40)))
    classes = (Instruction(Task.SEMANTIC, targets[: 1 + i % 3], background=(0, 0, 0)) for i in range(2, count))
    return (Instruction(Task.DEPTH), Instruction(Task.NORMALS), *classes)[:count]


def _memory_mb(line: str) -> float:
    """Of this process, from Linux's own book-keeping; `getrusage` would count what the parent process had, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(next(entry.split()[1] for entry in status.splitlines() if entry.startswith(line))) / 1024


def main(arguments: list[str]) -> None:
    model, backend, precision = Path(arguments[0]), Backend(arguments[1]), Precision(arguments[2])
    wh, threads = (int(arguments[3]), int(arguments[4])), int(arguments[5])
    found: Probe | Duel
    if len(arguments) > 6:
        found = duel(model, Path(arguments[6]), backend, precision, wh, int(arguments[7]), threads)
    else:
        found = probe_student(model, backend, precision, wh, threads)
    print(json.dumps(dataclasses.asdict(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
