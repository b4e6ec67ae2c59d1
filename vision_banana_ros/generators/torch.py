"""The student in PyTorch: what it is judged by while it is trained."""

from __future__ import annotations

from dataclasses import fields

import torch

from vision_banana_ros.core import UInt8Array
from vision_banana_ros.generators.manifest import Precision
from vision_banana_ros.generators.runtime import Backend
from vision_banana_ros.student.export import Exported
from vision_banana_ros.student.network import Boxes, Student
from vision_banana_ros.student.paintbox import PaintBoxes


class TorchRuntime:
    """A network that is already in memory, on any device; it should be in evaluation mode."""

    precision = Precision.FP32

    def __init__(self, student: Student) -> None:
        self._model = Exported(student)
        self._device = next(student.parameters()).device
        self.backend = Backend.TORCH_CUDA if self._device.type == "cuda" else Backend.TORCH

    @torch.no_grad()
    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        arrays = boxes.arrays()
        inputs = [torch.from_numpy(arrays[f.name]).to(self._device) for f in fields(Boxes)]
        painted: UInt8Array = self._model(torch.from_numpy(image).to(self._device), *inputs).cpu().numpy()
        return painted
