"""A trained network -> a model's folder: a graph per precision, text table, weights, golden frame, manifest.

The folder is written beside its place and moved there when it is whole, so a reader never sees half a model.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from vision_banana_ros.core import DataError, Footage, Target, Task, UInt8Array
from vision_banana_ros.models.golden import Golden, second_of
from vision_banana_ros.models.halves import with_full_ranges
from vision_banana_ros.models.manifest import Manifest, ModelFile, Precision, Role, Score, TrainingRecord
from vision_banana_ros.models.operators import OLDEST_ONNXRUNTIME, missing_in_oldest, operators
from vision_banana_ros.models.quantise import quantised
from vision_banana_ros.models.weights import save_student
from vision_banana_ros.prompts import Instruction
from vision_banana_ros.student.graph import Exported, to_onnx
from vision_banana_ros.student.halved import halved
from vision_banana_ros.student.network import Student
from vision_banana_ros.student.paintbox import PaintBoxes, pack, side_by_side
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
    """`sizes_wh`: what it was trained for, the first is the golden frame's and the calibration's. `several_images`:
    beside each graph one for several images at once, for several cameras on a GPU.
    """

    name: str = "student"
    sizes_wh: tuple[tuple[int, int], ...] = ((256, 192),)
    precisions: tuple[Precision, ...] = (Precision.FP32,)
    with_weights: bool = False
    several_images: bool = False
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
        roles = (Role.GRAPH, Role.SEVERAL) if settings.several_images else (Role.GRAPH,)
        files = [
            _write_graph(student, draft, role, precision, settings, footage, boxes, tell)
            for precision in settings.precisions
            for role in roles
        ]
        files.append(ModelFile.of(draft / TEXT_FILE, Role.TEXT))
        _golden(student, table, settings, footage).save(draft / GOLDEN_FILE)
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


def _golden(student: Student, table: TextTable, settings: ExportSettings, footage: Footage) -> Golden:
    def painted(image: UInt8Array, instructions: Sequence[Instruction], second: Golden | None = None) -> Golden:
        canvases = paint_eagerly(student, image, pack(instructions, table, student.config.tasks))
        return Golden(image=image, instructions=tuple(instructions), canvases=canvases, second=second)

    size_wh = settings.sizes_wh[0]
    second = None
    if settings.several_images:
        second = painted(_frames(footage, 2, size_wh)[-1], second_of(GOLDEN_INSTRUCTIONS))
    return painted(_frames(footage, 1, size_wh)[0], GOLDEN_INSTRUCTIONS, second)


def paint_eagerly(student: Student, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
    """What PyTorch paints in FP32, (K, H, W, 3): the reference of every runtime."""
    inputs = [torch.from_numpy(array) for array in boxes.arrays().values()]
    with torch.no_grad():
        planes = Exported(student.eval())(torch.from_numpy(image[None]), *inputs).numpy()
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def graph_bytes(
    student: Student,
    precision: Precision,
    calibration: Sequence[UInt8Array],
    boxes: PaintBoxes,
    *,
    several: bool = False,
) -> bytes:
    """One ONNX graph; its H, W, K and P are free, and the number of its images if it is for `several`."""
    width, height = _TRACED_WH
    if precision is Precision.FP32:
        return to_onnx(student, width=width, height=height, several=several)
    if precision is Precision.FP16:
        return with_full_ranges(to_onnx(halved(student), width=width, height=height, several=several))
    if precision is Precision.INT8:
        plain = to_onnx(student, width=width, height=height, several=several)
        return quantised(plain, calibration, side_by_side([boxes]) if several else boxes)
    raise ValueError(f"{precision.value} has no file of its own: it is computed from the fp32 graph")


def _write_graph(
    student: Student,
    draft: Path,
    role: Role,
    precision: Precision,
    settings: ExportSettings,
    footage: Footage,
    boxes: PaintBoxes,
    tell: Callable[[str], None],
) -> ModelFile:
    size_wh = settings.sizes_wh[0]
    calibration = _frames(footage, _CALIBRATION_FRAMES, size_wh) if precision is Precision.INT8 else []
    several = role is Role.SEVERAL
    path = draft / (f"student.{precision.value}.several.onnx" if several else f"student.{precision.value}.onnx")
    graph = graph_bytes(student, precision, calibration, boxes, several=several)
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
    return ModelFile.of(path, role, precision)


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
