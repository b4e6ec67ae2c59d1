"""The student in PyTorch: what judges it while it is trained, and a runtime for GPUs without TensorRT.

The weights come as named arrays, never as a pickle, and are put into the network that this package defines. On a GPU
one CUDA graph replays the whole network in one launch, on inputs that lie where they were captured.
"""

from __future__ import annotations

import copy
import io
import json
import zipfile
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vision_banana_ros.core import AnyArray, DataError, UInt8Array
from vision_banana_ros.generators.folder import ModelFolder
from vision_banana_ros.generators.manifest import Precision, Role
from vision_banana_ros.generators.runtime import IMAGE, NO_WEIGHTS, Backend, RuntimeOptions, RuntimeUnfit
from vision_banana_ros.student.boxes import Boxes
from vision_banana_ros.student.export import Exported
from vision_banana_ros.student.network import Student, StudentConfig
from vision_banana_ros.student.paintbox import PaintBoxes

#: The entry of the weights file that holds the network's configuration, as JSON.
CONFIG = "config"
_HALF_PARTS = ("encoder", "context", "trunk", "painter")
_FULL_PARTS = ("glance", "mixer")
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
        arrays = boxes.arrays()
        inputs = [torch.from_numpy(arrays[f.name]).to(self._device) for f in fields(Boxes)]
        painted: UInt8Array = self._model(torch.from_numpy(image).to(self._device), *inputs).cpu().numpy()
        return painted


@dataclass(frozen=True, slots=True, eq=False)
class _Captured:
    """A CUDA graph for one set of shapes, and the memory that it reads and writes."""

    shapes: tuple[tuple[int, ...], ...]
    host: tuple[Tensor, ...]  # page-locked
    device: tuple[Tensor, ...]
    painted: Tensor
    painted_host: Tensor
    graph: Any


class TorchCudaRuntime:
    """The network on the current GPU, replayed as a CUDA graph; captured anew when shapes change."""

    backend = Backend.TORCH_CUDA

    def __init__(self, student: Student, precision: Precision) -> None:
        self.precision = precision
        student = halved(student) if precision is Precision.FP16 else student.eval()
        self._model = Exported(student.cuda())
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._captured: _Captured | None = None

    @torch.no_grad()
    def paint(self, image: UInt8Array, boxes: PaintBoxes) -> UInt8Array:
        arrays: dict[str, AnyArray] = {IMAGE: image, **boxes.arrays()}
        shapes = tuple(array.shape for array in arrays.values())
        with torch.cuda.stream(self._stream):
            if self._captured is None or self._captured.shapes != shapes:
                self._captured = self._capture(arrays, shapes)
            captured = self._captured
            for host, device, array in zip(captured.host, captured.device, arrays.values(), strict=True):
                host.numpy()[...] = array
                device.copy_(host, non_blocking=True)
            captured.graph.replay()
            captured.painted_host.copy_(captured.painted, non_blocking=True)
        self._stream.synchronize()
        painted: UInt8Array = captured.painted_host.numpy()
        return painted

    def _capture(self, arrays: dict[str, AnyArray], shapes: tuple[tuple[int, ...], ...]) -> _Captured:
        host = tuple(torch.from_numpy(np.ascontiguousarray(array)).pin_memory() for array in arrays.values())
        device = tuple(tensor.cuda() for tensor in host)
        for _ in range(_WARM_UPS):  # cuDNN chooses its algorithms now, which a capture could not record
            self._model(*device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            painted = self._model(*device)
        return _Captured(shapes, host, device, painted, torch.empty_like(painted, device="cpu").pin_memory(), graph)


def open_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> TorchRuntime:
    if precision is not Precision.FP32:
        raise RuntimeUnfit(f"PyTorch runs fp32 on a CPU here, not {precision.value}: use openvino")
    student = load_student(folder)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    return TorchRuntime(student)


def open_cuda_runtime(folder: ModelFolder, precision: Precision, options: RuntimeOptions) -> TorchCudaRuntime:
    del options  # threads and engine caches mean nothing here
    if not torch.cuda.is_available():
        raise RuntimeUnfit("PyTorch sees no CUDA device")
    if precision not in (Precision.FP16, Precision.FP32):
        raise RuntimeUnfit(f"PyTorch runs fp16 and fp32 on a GPU here, not {precision.value}")
    try:
        return TorchCudaRuntime(load_student(folder), precision)
    except RuntimeError as error:  # what CUDA and cuDNN raise
        raise RuntimeUnfit(f"PyTorch cannot run the network on the GPU: {error}") from error


def load_student(folder: ModelFolder) -> Student:
    """The network with the folder's weights, in evaluation mode on the CPU."""
    if folder.manifest.file(Role.WEIGHTS) is None:
        raise RuntimeUnfit(NO_WEIGHTS)
    try:
        with np.load(io.BytesIO(folder.read(Role.WEIGHTS)), allow_pickle=False) as file:
            config = StudentConfig(**{k: _as_tuple(v) for k, v in json.loads(str(file[CONFIG])).items()})
            state = {name: torch.from_numpy(file[name]) for name in file.files if name != CONFIG}
        student = Student(config)
        student.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"the weights of {folder.root} do not fit the network: {error}; export the model anew"
        ) from error
    return student.eval()


def halved(student: Student) -> Student:
    """A copy in FP16 but for reader and mixer: the mixer's exp(20) is far beyond the largest half float, 65504."""
    half = copy.deepcopy(student).eval()
    for module in half.modules():
        if isinstance(module, nn.BatchNorm2d):
            _absorb_statistics(module)
    for names, dtype in ((_HALF_PARTS, torch.float16), (_FULL_PARTS, torch.float32)):
        for name in names:
            part = half.get_submodule(name).to(dtype)
            part.register_forward_pre_hook(_casting(dtype))
    return half


@torch.no_grad()
def _absorb_statistics(norm: nn.BatchNorm2d) -> None:
    """The same scale and shift without a mean and a variance, since variances of wide channels are no half floats."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    norm.bias.sub_(norm.running_mean * scale)
    norm.weight.copy_(scale)
    norm.running_mean.zero_()
    norm.running_var.fill_(1)
    norm.eps = 0.0


def _casting(dtype: torch.dtype) -> Any:
    def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(_cast(value, dtype) for value in inputs)

    return hook


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype)
    return [_cast(item, dtype) for item in value] if isinstance(value, list) else value


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
