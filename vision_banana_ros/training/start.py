"""What a run starts from: ImageNet weights of the encoder, the weights of another run, or a model that was exported."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vision_banana_ros.core import DataError
from vision_banana_ros.generators.registry import SHIPPED_STUDENT
from vision_banana_ros.student.encoder import normalise
from vision_banana_ros.student.network import Student
from vision_banana_ros.training.batch import Batch
from vision_banana_ros.training.checkpoint import load_checkpoint
from vision_banana_ros.training.exported import load_exported
from vision_banana_ros.training.norms import settled_norms
from vision_banana_ros.training.pretrained import load_imagenet


def start_from(student: Student, path: Path, first: Iterable[Batch]) -> None:
    """Fill `student`; where normalisations were folded away in `path`, the `first` batches give them statistics.

    The path "student" is the model that ships.
    """
    device = next(student.parameters()).device
    if path == Path("student"):
        path = SHIPPED_STUDENT
    if path.suffix == ".pt":
        student.load_state_dict(load_checkpoint(path)["average"])
    elif path.suffix == ".tflite":
        load_imagenet(student.encoder, path)
        with settled_norms(student.encoder):
            for batch in first:
                student.encoder(normalise(batch.image.to(device)))
    elif path.suffix == ".onnx" or path.is_dir():
        load_exported(student, path)
        with settled_norms(student):
            for batch in first:
                moved = batch.to(device)
                student(moved.image, moved.boxes)
    else:
        raise DataError(
            f"training starts from a .tflite file, a checkpoint .pt, an .onnx file or a model's folder, got {path}"
        )
