"""Which model, runtimes and sizes are measured, and how a process of its own is asked for it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vision_banana_ros.core import DataError, GeneratorError
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import MANIFEST, Precision, Role
from vision_banana_ros.runtimes.choice import parse_backend
from vision_banana_ros.runtimes.runtime import Backend, entry_of

THREADS = 2
#: What the design's budget is about; beside the sizes that the model was trained for.
BUDGET_WH = (256, 192)
Way = tuple[Backend, Precision]
Size = tuple[int, int]


def _precisions(backend: Backend) -> tuple[Precision, ...]:
    """What a runtime offers, INT8 too where the model has a file for it."""
    offered = entry_of(backend).precisions
    has_file = not entry_of(backend).needs_weights and not backend.on_gpu
    return (*offered, Precision.INT8) if has_file and Precision.INT8 not in offered else offered


def ways(folder: ModelFolder, names: Sequence[str]) -> list[Way]:
    """Of a user's words such as "openvino" and "onnxruntime:fp32"; without any, every way that the files allow."""
    files = folder.manifest.precisions()
    has_weights = folder.manifest.file(Role.WEIGHTS) is not None
    found: list[Way] = []
    for name in names or ("auto",):
        backends, only = parse_backend(name)
        for backend in backends:
            for precision in _precisions(backend) if only is None else (only,):
                by_weights = backend in (Backend.TORCH, Backend.TORCH_CUDA)
                file = Precision.FP32 if precision is Precision.BF16 else precision
                if has_weights if by_weights else file in files:
                    found.append((backend, precision))
    if not found:
        raise DataError(f"model {folder.root} has no file for {', '.join(names)}: export it in that precision")
    return list(dict.fromkeys(found))


def read_size(text: str) -> Size:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if min(size) < 32 or size[0] % 32 or size[1] % 32:
        raise DataError(f"a size must be WIDTHxHEIGHT, multiples of 32 such as 256x192, got {text!r}")
    return size


def model_at_hand(scratch: Path) -> Path:
    """The shipped student; without one, the network that would be trained, untrained."""
    if (SHIPPED_STUDENT / MANIFEST).is_file():
        return SHIPPED_STUDENT
    import numpy as np
    import torch

    from vision_banana_ros.models.manifest import TrainingRecord
    from vision_banana_ros.models.pack import ExportSettings, write_model
    from vision_banana_ros.student.network import Student
    from vision_banana_ros.student.text import EMBEDDING_SIZE, TextTable
    from vision_banana_ros.world.moving import MovingScene

    torch.manual_seed(0)
    vectors = np.random.default_rng(0).normal(size=(3, EMBEDDING_SIZE)).astype(np.float32)
    text = TextTable(("floor", "wall", "box"), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    settings = ExportSettings(sizes_wh=(BUDGET_WH,), training=TrainingRecord(summary="untrained, seeded weights"))
    folder = scratch / "student"
    write_model(Student(), text, folder, settings, footage=MovingScene(), vocabulary=(), tell=lambda _line: None)
    return folder


def ask(module: str, model: Path, way: Way, size: Size, *more: str) -> dict[str, Any]:
    """What this module of the package prints last, from a process of its own."""
    words = [str(model), way[0].value, way[1].value, *map(str, size), str(THREADS), *more]
    done = subprocess.run(
        [sys.executable, "-m", f"vision_banana_ros.bench.{module}", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise GeneratorError(f"{way[0].value} {way[1].value} cannot be measured: {last}")
    raw: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return raw
