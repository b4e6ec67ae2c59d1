"""The student in PyTorch: what judges it while it is trained, and a runtime for GPUs without TensorRT.

The weights come as named arrays, never as a pickle, and are put into the network that this package defines. On a GPU
one CUDA graph replays the whole network in one launch, on inputs that lie where they were captured.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vision_banana_ros.core import AnyArray, UInt8Array
from vision_banana_ros.models.folder import ModelFolder
from vision_banana_ros.models.manifest import Precision
from vision_banana_ros.models.weights import load_student
from vision_banana_ros.runtimes.runtime import Backend, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.student.graph import Exported
from vision_banana_ros.student.halved import halved
from vision_banana_ros.student.network import Student
from vision_banana_ros.student.paintbox import IMAGE, PaintBoxes

_WARM_UPS = 3


class TorchRuntime:
    """A network that is already in memory, on any device; it should be in evaluation mode."""

    precision = Precision.FP32

    def __init__(self, student: Student) -> None:
        self._model = Exported(student)
        self._device = next(student.parameters()).device
        self.backend = Backend.TORCH_CUDA if self._device.type == "cuda" else Backend.TORCH

    @torch.no_grad()
    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        inputs = [torch.from_numpy(array).to(self._device) for array in boxes.arrays().values()]
        painted: UInt8Array = self._model(torch.from_numpy(image).to(self._device), *inputs).cpu().numpy()
        return painted


@dataclass(frozen=True, slots=True, eq=False)
class _Captured:
    """A CUDA graph for one set of shapes, and the memory that it reads and writes."""

    host: tuple[Tensor, ...]  # page-locked
    device: tuple[Tensor, ...]
    painted: Tensor
    painted_host: Tensor
    graph: Any


class TorchCudaRuntime:
    """The network on the current GPU, replayed as a CUDA graph; `kept` graphs at most, of the shapes used last."""

    backend = Backend.TORCH_CUDA

    def __init__(self, student: Student, precision: Precision, kept: int = 1) -> None:
        self.precision = precision
        student = halved(student) if precision is Precision.FP16 else student.eval()
        self._model = Exported(student.cuda())
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._kept = kept
        self._captured: OrderedDict[tuple[tuple[int, ...], ...], _Captured] = OrderedDict()

    @torch.no_grad()
    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        arrays: dict[str, AnyArray] = {IMAGE: image, **boxes.arrays()}
        shapes = tuple(array.shape for array in arrays.values())
        with torch.cuda.stream(self._stream):
            captured = self._captured.get(shapes)
            if captured is None:
                while len(self._captured) >= self._kept:
                    self._captured.popitem(last=False)
                captured = self._captured[shapes] = self._capture(arrays)
            self._captured.move_to_end(shapes)
            for host, device, array in zip(captured.host, captured.device, arrays.values(), strict=True):
                host.numpy()[...] = array
                device.copy_(host, non_blocking=True)
            captured.graph.replay()
            captured.painted_host.copy_(captured.painted, non_blocking=True)
        self._stream.synchronize()
        painted: UInt8Array = captured.painted_host.numpy()
        return painted

    def _capture(self, arrays: dict[str, AnyArray]) -> _Captured:
        host = tuple(torch.from_numpy(np.ascontiguousarray(array)).pin_memory() for array in arrays.values())
        device = tuple(tensor.cuda() for tensor in host)
        for _ in range(_WARM_UPS):  # cuDNN chooses its algorithms now, which a capture could not record
            self._model(*device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            painted = self._model(*device)
        return _Captured(host, device, painted, torch.empty_like(painted, device="cpu").pin_memory(), graph)


def open_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> TorchRuntime:
    if precision is not Precision.FP32:
        raise RuntimeUnfit(f"PyTorch runs fp32 on a CPU here, not {precision.value}: use openvino")
    student = load_student(folder)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    return TorchRuntime(student)


def open_cuda_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> TorchCudaRuntime:
    if not torch.cuda.is_available():
        raise RuntimeUnfit("PyTorch sees no CUDA device")
    if precision not in (Precision.FP16, Precision.FP32):
        raise RuntimeUnfit(f"PyTorch runs fp16 and fp32 on a GPU here, not {precision.value}")
    try:
        return TorchCudaRuntime(load_student(folder), precision, options.images)
    except RuntimeError as error:  # what CUDA and cuDNN raise
        raise RuntimeUnfit(f"PyTorch cannot run the network on the GPU: {error}") from error
