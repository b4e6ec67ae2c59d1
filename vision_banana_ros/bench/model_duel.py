"""The student against another network in one process, on the same runtime, in turns.

    python -m vision_banana_ros.bench.model_duel MODEL BACKEND PRECISION WIDTH HEIGHT THREADS GRAPH SIDE

prints a `Duel` as one line of JSON. Both get the same threads and the same precision, images that are copied nowhere,
and sizes that the runtime may specialise itself for.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from vision_banana_ros.bench.model_probe import Arguments, open_student
from vision_banana_ros.core import AnyArray, GeneratorError
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.runtimes.runtime import Backend

PROMPTS = 3
#: Where another network can be run as it is, and in which precisions its FP32 graph serves.
RUNTIMES: dict[Backend, tuple[Precision, ...]] = {
    Backend.ONNX_CUDA: (Precision.FP32,),
    Backend.OPENVINO: (Precision.FP32, Precision.BF16),
    Backend.ONNX: (Precision.FP32,),
}
_WARM_UPS = 3
_LEAST_TURNS, _MOST_TURNS, _BUDGET_S = 7, 40, 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """Medians of single calls, and the median over the turns of `other / student`: a busy neighbour slows both calls
    of a turn, while the best calls of each may stem from different moments.
    """

    student_ms: float
    other_ms: float
    ratio: float
    turns: int


def duel(ours: Callable[[], object], theirs: Callable[[], object]) -> Duel:
    for work in (ours, theirs):
        for _ in range(_WARM_UPS):
            work()
    turns: list[tuple[float, float]] = []
    start = time.perf_counter()
    while len(turns) < _LEAST_TURNS or (len(turns) < _MOST_TURNS and time.perf_counter() - start < _BUDGET_S):
        turns.append((_clock(ours), _clock(theirs)))
    mine, other = zip(*turns, strict=True)
    ratio = median(theirs_ms / ours_ms for ours_ms, theirs_ms in turns)
    return Duel(student_ms=median(mine), other_ms=median(other), ratio=ratio, turns=len(turns))


def graph_session(graph: bytes, backend: Backend, precision: Precision, threads: int) -> Callable[[AnyArray], object]:
    """One pass of any graph of one input."""
    if backend is Backend.OPENVINO:
        import openvino

        hint = "bf16" if precision is Precision.BF16 else "f32"
        options = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        core = openvino.Core()
        request = core.compile_model(core.read_model(graph, b""), "CPU", options).create_infer_request()
        return lambda image: request.infer([image], share_inputs=True)
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = ["CPUExecutionProvider"]
    if backend is Backend.ONNX_CUDA:
        providers.insert(0, "CUDAExecutionProvider")
    session = onnxruntime.InferenceSession(graph, settings, providers=providers)
    if session.get_providers()[0] != providers[0]:
        raise GeneratorError("ONNX Runtime could not start CUDA for the other network: check its CUDA libraries")
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})


def _clock(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def main(words: list[str]) -> None:
    asked = Arguments.read(words[:6])
    student = open_student(asked)
    student.settle(PROMPTS)
    side = int(words[7])
    image = np.random.default_rng(0).normal(size=(1, 3, side, side)).astype(np.float32)
    session = graph_session(Path(words[6]).read_bytes(), asked.backend, asked.precision, asked.threads)
    print(json.dumps(dataclasses.asdict(duel(student.work(PROMPTS), partial(session, image)))))


if __name__ == "__main__":
    main(sys.argv[1:])
