"""A trained network -> a model's folder: a graph per precision, text table, weights, golden frame, manifest.

The folder is written beside its place and moved there when it is whole, so a reader never sees half a model.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from vision_banana_ros.core import DataError, Footage, Target, Task, UInt8Array
from vision_banana_ros.models.golden import Golden
from vision_banana_ros.models.halves import with_full_ranges
from vision_banana_ros.models.manifest import Manifest, ModelFile, Precision, Role, Score, TrainingRecord
from vision_banana_ros.models.operators import OLDEST_ONNXRUNTIME, missing_in_oldest, operators
from vision_banana_ros.models.quantise import quantised
from vision_banana_ros.models.weights import save_student
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.graph import Exported, to_onnx
from vision_banana_ros.student.halved import halved
from vision_banana_ros.student.network import Student
from vision_banana_ros.student.paintbox import PaintBoxes, pack
from vision_banana_ros.student.text import TextTable

TEXT_FILE, GOLDEN_FILE, WEIGHTS_FILE = "text.npz", "golden.npz", "weights.npz"
_CALIBRATION_FRAMES = 24
#: Any size gives the same graph; tracing computes it once, and half floats are slow on a CPU.
_TRACED_WH = (96, 64)
#: What the golden frame is asked: one prompt for each kind of decode that a robot drives by.
_GOLDEN_TARGETS = (Target("floor", (0, 160, 0)), Target("wall", (0, 80, 200)), Target("box", (220, 40, 40)))
GOLDEN_INSTRUCTIONS = (
    Instruction(Task.DEPTH),
    Instruction(Task.NORMALS),
    Instruction(Task.SEMANTIC, _GOLDEN_TARGETS, background=(0, 0, 0)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """`sizes_wh`: what it was trained for, the first is the golden frame's and the calibration's."""

    name: str = "student"
    sizes_wh: tuple[tuple[int, int], ...] = ((256, 192),)
    precisions: tuple[Precision, ...] = (Precision.FP32,)
    with_weights: bool = False
    training: TrainingRecord = field(default_factory=lambda: TrainingRecord(summary="not recorded"))
    scores: tuple[Score, ...] = ()


def write_model(
    student: Student,
    text: TextTable,
    folder: Path,
    settings: ExportSettings,
    *,
    footage: Footage,
    vocabulary: Sequence[str],
    tell: Callable[[str], None] = print,
) -> Manifest:
    """Export `student` into `folder`, which is replaced. `footage` gives the golden frame and the calibration's."""
    student = student.eval().cpu()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        draft = Path(scratch) / "model"
        draft.mkdir()
        text.save(draft / TEXT_FILE)
        table = TextTable.load(draft / TEXT_FILE)  # as rounded as a robot reads it
        boxes = pack(GOLDEN_INSTRUCTIONS, table, student.config.tasks)
        files = [
            _write_graph(student, draft, precision, settings, footage, boxes, tell) for precision in settings.precisions
        ]
        files.append(ModelFile.of(draft / TEXT_FILE, Role.TEXT))
        image = _frames(footage, 1, settings.sizes_wh[0])[0]
        golden = Golden(image=image, instructions=GOLDEN_INSTRUCTIONS, canvases=paint_eagerly(student, image, boxes))
        golden.save(draft / GOLDEN_FILE)
        files.append(ModelFile.of(draft / GOLDEN_FILE, Role.GOLDEN))
        if settings.with_weights:
            files.append(_write_weights(student, draft / WEIGHTS_FILE))
        manifest = Manifest(
            name=settings.name,
            sizes_wh=settings.sizes_wh,
            files=tuple(files),
            vocabulary=tuple(vocabulary),
            golden_prompts=tuple(instruction.to_text() for instruction in GOLDEN_INSTRUCTIONS),
            square_pixels=True,
            tasks=student.config.tasks,
            training=settings.training,
            scores=settings.scores,
        )
        manifest.write(draft)
        _replace(folder, draft)
    return manifest


def paint_eagerly(student: Student, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
    """What PyTorch paints in FP32, (K, H, W, 3): the reference of every runtime."""
    arrays = boxes.arrays()
    inputs = [torch.from_numpy(arrays[field.name]) for field in dataclasses.fields(Boxes)]
    with torch.no_grad():
        planes = Exported(student.eval())(torch.from_numpy(image[None]), *inputs).numpy()
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def graph_bytes(
    student: Student,
    precision: Precision,
    calibration: Sequence[UInt8Array],
    boxes: PaintBoxes,
) -> bytes:
    """One ONNX graph; its H, W, K and P are free."""
    width, height = _TRACED_WH
    if precision is Precision.FP32:
        return to_onnx(student, width=width, height=height)
    if precision is Precision.FP16:
        return with_full_ranges(to_onnx(halved(student), width=width, height=height))
    if precision is Precision.INT8:
        return quantised(to_onnx(student, width=width, height=height), calibration, boxes)
    raise ValueError(f"{precision.value} has no file of its own: it is computed from the fp32 graph")


def _write_graph(
    student: Student,
    draft: Path,
    precision: Precision,
    settings: ExportSettings,
    footage: Footage,
    boxes: PaintBoxes,
    tell: Callable[[str], None],
) -> ModelFile:
    size_wh = settings.sizes_wh[0]
    calibration = _frames(footage, _CALIBRATION_FRAMES, size_wh) if precision is Precision.INT8 else []
    path = draft / f"student.{precision.value}.onnx"
    graph = graph_bytes(student, precision, calibration, boxes)
    path.write_bytes(graph)
    tell(f"{path.name}: {len(graph) / 1e6:.1f} MB")
    missing = missing_in_oldest(graph)
    if missing:
        raise DataError(
            f"{path.name}: ONNX Runtime {OLDEST_ONNXRUNTIME}, the newest that Python 3.10 gets, has no "
            f"{' and no '.join(missing)}: compute it in int32"
        )
    unknown = operators(graph).unknown_to_tensorrt
    if unknown:
        tell(f"{path.name}: TensorRT does not know {', '.join(unknown)}, so only the other runtimes will run it")
    return ModelFile.of(path, Role.GRAPH, precision)


def _write_weights(student: Student, path: Path) -> ModelFile:
    save_student(student, path)
    return ModelFile.of(path, Role.WEIGHTS)


def _frames(footage: Footage, count: int, size_wh: tuple[int, int]) -> list[UInt8Array]:
    """Evenly spread frames of the footage, averaged down to the model's size."""
    indices = np.linspace(0, len(footage) - 1, min(count, len(footage))).astype(int)
    return [
        np.asarray(cv2.resize(footage.frame(int(i)).rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        for i in indices
    ]


def _replace(folder: Path, draft: Path) -> None:
    """Put `draft` where `folder` is; an older model leaves only when the new one is whole."""
    if folder.exists():
        old = draft.parent / "old"
        folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old)
    else:
        draft.rename(folder)
