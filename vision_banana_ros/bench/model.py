"""What painting costs: per runtime, precision, size and number of prompts; beside Depth-Anything-V2-Small.

Each runtime runs in a process of its own, on two threads. Without a trained model the network is measured with seeded
weights: time does not depend on them. Ratios are of the best of single calls, taken in
turns in one process on the same runtime and precision: the best is what the machine can do.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from vision_banana_ros.bench.model_probe import Duel, Latency, Probe
from vision_banana_ros.bench.rows import Row
from vision_banana_ros.core import GeneratorError
from vision_banana_ros.generators.folder import ModelFolder
from vision_banana_ros.generators.manifest import MANIFEST, Precision
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.generators.runtime import Backend

_THREADS = 2
_SIZES = ((256, 192), (320, 256))
_WAYS = (
    (Backend.ONNX, Precision.FP32),
    (Backend.OPENVINO, Precision.FP32),
    (Backend.OPENVINO, Precision.BF16),
)
_YARDSTICK_SIDES = (252, 518)
_TIMES_FASTER = 4.0


def measure() -> list[Row]:
    """Our network on every CPU runtime that is here, then the yardstick on the same."""
    with tempfile.TemporaryDirectory() as scratch:
        model = SHIPPED_STUDENT if (SHIPPED_STUDENT / MANIFEST).is_file() else _seeded_model(Path(scratch) / "student")
        rows = [
            row for size in _SIZES for way in _ways() for row in _student_rows(*way, size, _probe(model, *way, size))
        ]
        return rows + _yardstick_rows(Path(scratch), model)


def student_rows(model: Path) -> list[Row]:
    """One model on every runtime that can run it here, at its first size."""
    size = ModelFolder.open(model).manifest.sizes_wh[0]
    return [row for way in _ways() for row in _student_rows(*way, size, _probe(model, *way, size))]


def _ways() -> list[tuple[Backend, Precision]]:
    packages = {Backend.ONNX: "onnxruntime", Backend.OPENVINO: "openvino"}
    return [way for way in _WAYS if importlib.util.find_spec(packages[way[0]]) is not None]


def _student_rows(backend: Backend, precision: Precision, size: tuple[int, int], probe: Probe) -> list[Row]:
    name = f"{backend.value} {precision.value} {size[0]}x{size[1]}"
    rows = [_row(f"{name}, K = {latency.prompts}", latency.median_ms, "ms") for latency in probe.latencies]
    rows.append(_row(f"{name}, K = 3, p95", _of(probe, 3).p95_ms, "ms"))
    rows.append(_row(f"{name}, load", probe.load_s * 1e3, "ms"))
    rows.append(_row(f"{name}, first frame", probe.first_frame_ms, "ms"))
    rows.append(_row(f"{name}, peak memory", probe.peak_memory_mb, "MB"))
    one, six = _of(probe, 1).best_ms, _of(probe, 6).best_ms
    # with an encoder per prompt six would cost six times as much as one
    rows.append(_row(f"{name}, six prompts / one", six / one, "x", bar="< 6"))
    return rows


def _yardstick_rows(scratch: Path, model: Path) -> list[Row]:
    if importlib.util.find_spec("transformers") is None:
        missing = "not measured: the package transformers is not installed"
        return [_row(f"Depth-Anything-V2-Small {side}x{side}", 0.0, "ms", against=missing) for side in _YARDSTICK_SIDES]
    from vision_banana_ros.bench.depth_anything import write_graph

    rows = []
    for side in _YARDSTICK_SIDES:
        graph = scratch / f"yardstick_{side}.onnx"
        write_graph(graph, side)
        for way in _ways():
            found = Duel(**_ask(model, *way, _SIZES[0], str(graph), str(side)))
            name = f"{way[0].value} {way[1].value} {_SIZES[0][0]}x{_SIZES[0][1]}, K = 3, best"
            against = f"Depth-Anything-V2-Small {side}x{side} ({found.other_ms:.0f} ms)"
            bar = f">= {_TIMES_FASTER:g} x" if side == _YARDSTICK_SIDES[0] else ""
            ratio = found.other_ms / found.student_ms
            rows.append(_row(name, found.student_ms, "ms", against=against, ratio=ratio, bar=bar))
    return rows


def _seeded_model(folder: Path) -> Path:
    """The network that would be trained, untrained."""
    import numpy as np
    import torch

    from vision_banana_ros.engines.export import ExportSettings, write_model
    from vision_banana_ros.scenes.moving import MovingScene
    from vision_banana_ros.student.network import Student
    from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable

    torch.manual_seed(0)
    vectors = np.random.default_rng(0).normal(size=(3, EMBEDDING_SIZE)).astype(np.float32)
    text = TextTable(("floor", "wall", "box"), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    settings = ExportSettings(sizes_wh=_SIZES)
    write_model(Student(), text, folder, settings, footage=MovingScene(), vocabulary=(), tell=lambda _line: None)
    return folder


def _probe(model: Path, backend: Backend, precision: Precision, size: tuple[int, int]) -> Probe:
    raw = _ask(model, backend, precision, size)
    latencies = tuple(Latency(**latency) for latency in raw.pop("latencies"))
    return Probe(latencies=latencies, **raw)


def _ask(model: Path, backend: Backend, precision: Precision, size: tuple[int, int], *more: str) -> dict[str, Any]:
    """What model_probe prints."""
    arguments = [str(model), backend.value, precision.value, *map(str, size), str(_THREADS), *more]
    done = subprocess.run(
        [sys.executable, "-m", "vision_banana_ros.bench.model_probe", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise GeneratorError(f"{backend.value} {precision.value} cannot be measured: {last}")
    raw: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return raw


def _of(probe: Probe, prompts: int) -> Latency:
    return next(latency for latency in probe.latencies if latency.prompts == prompts)


def _row(name: str, value: float, unit: str, *, against: str = "", ratio: float | None = None, bar: str = "") -> Row:
    return Row(area="model", name=name, value=value, unit=unit, against=against, ratio=ratio, bar=bar)
