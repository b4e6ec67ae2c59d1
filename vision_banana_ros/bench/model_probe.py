"""One runtime in a process of its own: so that its load time, first frame and peak memory are nobody else's.

    python -m vision_banana_ros.bench.model_probe MODEL BACKEND PRECISION WIDTH HEIGHT THREADS

prints a `Probe` as one line of JSON, or `{"unfit": why}` where this runtime cannot run here.
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
from vision_banana_ros.core import MissingExtraError, Target, Task, UInt8Array
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.golden import load_golden
from vision_banana_ros.models.manifest import Precision, Role
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.runtimes.choice import open_one
from vision_banana_ros.runtimes.openvino import FRAMES_BEFORE_FIXING, OpenVinoRuntime
from vision_banana_ros.runtimes.runtime import Backend, Runtime, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.runtimes.selfcheck import check
from vision_banana_ros.student.paintbox import PaintBoxes, pack
from vision_banana_ros.student.text import TextTable

PROMPTS = (1, 3, 6)
_FRAMES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """`free_ms` is the median before a runtime has specialised itself for these sizes, where it does."""

    prompts: int
    median_ms: float
    best_ms: float
    p95_ms: float
    free_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Load: from bytes on disk to a network that can paint, its packages' import included. Memory: what the process
    grew by at its largest, over all numbers of prompts. `fault`: why the self-check failed.
    """

    load_s: float
    first_frame_ms: float
    check_s: float
    fault: str
    peak_memory_mb: float
    latencies: tuple[Latency, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    model: Path
    backend: Backend
    precision: Precision
    size_wh: tuple[int, int]
    threads: int

    @classmethod
    def read(cls, words: list[str]) -> Arguments:
        model, backend, precision, width, height, threads = words
        return cls(
            model=Path(model),
            backend=Backend(backend),
            precision=Precision(precision),
            size_wh=(int(width), int(height)),
            threads=int(threads),
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OpenedStudent:
    folder: ModelFolder
    text: TextTable
    runtime: Runtime
    image: UInt8Array
    load_s: float

    def work(self, prompts: int) -> Callable[[], object]:
        return partial(self.runtime.paint, self.image, boxes_of(prompts, self.text))

    def settle(self, prompts: int) -> float | None:
        """Paint until the runtime has adapted itself to the sizes; the median milliseconds before that."""
        if not isinstance(self.runtime, OpenVinoRuntime):
            return None
        timing = timed(self.work(prompts), repeats=FRAMES_BEFORE_FIXING, warmups=1)
        self.runtime.settle()
        return timing.median_ms


def open_student(asked: Arguments) -> OpenedStudent:
    folder = ModelFolder.open(asked.model)
    text = TextTable.read(io.BytesIO(folder.read(Role.TEXT)), name=str(asked.model))
    width, height = asked.size_wh
    start = time.perf_counter()
    runtime = open_one(folder, asked.backend, asked.precision, RuntimeOptions(threads=asked.threads))
    load_s = time.perf_counter() - start
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    return OpenedStudent(folder=folder, text=text, runtime=runtime, image=image, load_s=load_s)


def probe(asked: Arguments) -> Probe:
    before_mb = _memory_mb("VmRSS:")
    student = open_student(asked)
    first_frame_ms = timed(student.work(PROMPTS[1]), repeats=1, warmups=0).median_ms
    golden = load_golden(student.folder)
    result = check(student.runtime, golden, pack(golden.instructions, student.text, student.folder.manifest.tasks))
    latencies = tuple(_latency(student, count) for count in PROMPTS) if result.passed else ()
    return Probe(
        load_s=student.load_s,
        first_frame_ms=first_frame_ms,
        check_s=result.seconds,
        fault="" if result.passed else result.why(),
        peak_memory_mb=_memory_mb("VmHWM:") - before_mb,
        latencies=latencies,
    )


def _latency(student: OpenedStudent, prompts: int) -> Latency:
    free_ms = student.settle(prompts)
    timing = timed(student.work(prompts), repeats=_FRAMES)
    return Latency(
        prompts=prompts,
        median_ms=timing.median_ms,
        best_ms=timing.best_ms,
        p95_ms=timing.p95_ms,
        free_ms=free_ms,
    )


def boxes_of(count: int, text: TextTable) -> PaintBoxes:
    """Depth, normals, classes, and again with other targets: what a robot asks."""
    targets = (Target("floor", (0, 160, 0)), Target("wall", (0, 80, 200)), Target("box", (220, 40, 40)))
    classes = (Instruction(Task.SEMANTIC, targets[: 1 + i % 3], background=(0, 0, 0)) for i in range(2, count))
    return pack((Instruction(Task.DEPTH), Instruction(Task.NORMALS), *classes)[:count], text)


def _memory_mb(line: str) -> float:
    """Of this process, from Linux's own book-keeping; `getrusage` would count what the parent process had, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(next(entry.split()[1] for entry in status.splitlines() if entry.startswith(line))) / 1024


def main(words: list[str]) -> None:
    try:
        print(json.dumps(dataclasses.asdict(probe(Arguments.read(words)))))
    except (RuntimeUnfit, MissingExtraError) as error:
        print(json.dumps({"unfit": str(error)}))


if __name__ == "__main__":
    main(sys.argv[1:])
